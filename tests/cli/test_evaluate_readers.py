"""`leadline evaluate` on the single-camera data sets: every reader with metres is scored, the others say what they have."""

import json
from pathlib import Path

import pytest

from leadline.cli.main import main
from tests.fixtures import tiny_moving, tiny_still

WITH_DEPTH = ("scannet", "7scenes", "booster", "eth3d", "diode", "hypersim", "vkitti2", "tartanair", "irs", "folder")


def _write(kind: str, root: Path) -> Path:
    root.mkdir()
    name = f"write_{kind}"
    getattr(tiny_moving if hasattr(tiny_moving, name) else tiny_still, name)(root)
    return root


@pytest.mark.parametrize("kind", WITH_DEPTH)
@pytest.mark.usefixtures("one_thread")
def test_evaluate__scores_every_reader_with_depth(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    root = _write(kind, tmp_path / kind)
    command = ["evaluate", "--protocol", "raw", "--model", str(tiny_model), "--data", f"{kind}:{root}", "--json", str(tmp_path / "e.json")]
    assert main(command) == 0
    written = json.loads((tmp_path / "e.json").read_text())
    assert written["data"] == f"{kind}:{root}"
    assert written["num_images"] == (4 if kind in ("vkitti2", "tartanair") else 2)
    assert written["metrics"]["abs_rel"] > 0


@pytest.mark.parametrize(
    ("kind", "gives"), [("da2k", "pairs"), ("hrwsi", "inverse_depth"), ("blendedmvs", "cam_from_world, inverse_depth")]
)
def test_evaluate__without_metres_says_what_there_is(
    kind: str, gives: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _write(kind, tmp_path / kind)
    assert main(["evaluate", "--protocol", "raw", "--model", str(tiny_model), "--data", f"{kind}:{root}"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == f"leadline evaluate: {kind}:{root}: has no depth; it gives {gives}; choose another data set"
