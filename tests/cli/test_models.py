"""`leadline models` and names that do not exist, as a person would meet them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.cli.models import run
from leadline.models.known import KNOWN_MODELS, known_model


def test_models__table_names_licence_and_unit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    assert run(["--json", str(tmp_path / "models.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    small = next(line for line in lines if "depth-anything-v2-small" in line)
    assert "affine_invariant_inverse" in small and "Apache-2.0" in small
    rows = json.loads((tmp_path / "models.json").read_text())
    assert {"name", "kind", "unit", "licence", "parameters_m", "hub_id"} <= rows[0].keys()
    assert [row["unit"] for row in rows if row["name"] == "depth-pro"] == ["m"]
    hrdepth = next(line for line in lines if "hrdepth" in line)
    assert "resnet18" in hrdepth and "14.07" in hrdepth and "14.61" in hrdepth
    assert [row["parameters"] for row in rows if row["name"] == "monovit"] == [27_837_772]


def test_models__costs_no_torch() -> None:
    code = "import sys; from leadline.cli.models import run; run([]); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_known_models__names_are_unique_and_found_in_any_case() -> None:
    names = [model.name for model in KNOWN_MODELS] + [model.hub_id for model in KNOWN_MODELS]
    assert len(set(names)) == len(names)
    assert all(known_model(model.hub_id.upper()) is model and known_model(model.name) is model for model in KNOWN_MODELS)
