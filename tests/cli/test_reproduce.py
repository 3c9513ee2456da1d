"""The table of a claim: computed from rows, units skipped when they are there."""

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.cli.main import main
from leadline.cli.reproduce_table import REQUIRED, summarise
from leadline.recipes.claims import Claim, Variant
from tests.fixtures.tiny_worlds import TINY_WORLDS, tiny_recipe


def _row(variant: str, seed: int, abs_rel: float, region: str = "all", split: str = "rooms-test") -> dict[str, Any]:
    metrics = dict.fromkeys(("sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"), 0.5) | {"abs_rel": abs_rel}
    return {"variant": variant, "seed": seed, "split": split, "region": region, "metrics": metrics}


def test_summarise__mean_spread_worst_and_share_of_the_baseline() -> None:
    rows = [_row("base", 0, 0.4), _row("net", 0, 0.1), _row("net", 1, 0.2), _row("net", 1, 9.0, region="material:glass")]
    entry = summarise(rows, baseline="base")["rooms-test"]["all"]["net"]
    assert entry["num_seeds"] == 2
    assert entry["mean"]["abs_rel"] == pytest.approx(0.15)
    assert entry["abs_rel_spread"] == pytest.approx(0.1)
    assert entry["abs_rel_worst"] == 0.2
    assert entry["abs_rel_over_baseline"] == pytest.approx(0.25)  # of seed 0, which both have
    assert entry["abs_rel_of_seeds"] == {"0": 0.1, "1": 0.2}


def test_summarise__keeps_test_sets_apart_and_does_without_a_baseline() -> None:
    summary = summarise([_row("net", 0, 0.1), _row("net", 0, 0.3, split="streets-test")], baseline="base")
    assert summary["rooms-test"]["all"]["net"]["mean"]["abs_rel"] == 0.1
    assert summary["streets-test"]["all"]["net"]["mean"]["abs_rel"] == 0.3
    assert "abs_rel_over_baseline" not in summary["rooms-test"]["all"]["net"]


def test_summarise__regions_in_their_order_and_the_share_of_what_an_oracle_gains() -> None:
    rows = [
        _row(variant, 0, error, region="misleading") | ({"precision": 0.5} if variant == "net" else {})
        for variant, error in (("base", 0.4), ("net", 0.3), ("oracle", 0.2))
    ]
    rows += [_row(variant, 0, 0.1) for variant in ("base", "net", "oracle")]
    summary = summarise(rows, baseline="base", shown=("misleading", "all"), oracle="oracle")["rooms-test"]
    assert list(summary) == ["misleading", "all"]
    assert summary["misleading"]["net"]["share_of_oracle"] == pytest.approx(0.5)
    assert summary["misleading"]["oracle"]["share_of_oracle"] == pytest.approx(1.0)
    assert summary["misleading"]["net"]["precision"] == 0.5
    assert "precision" not in summary["misleading"]["base"]
    assert "share_of_oracle" not in summary["all"]["net"]  # the oracle gains nothing there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["supervisd"], "did you mean supervised?"), (["supervised", "--only", "x"], "choose from row-median, supervised")],
)
def test_reproduce__wrong_words(arguments: list[str], words: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


@pytest.fixture
def tiny_claim(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """`supervised` with four tiny worlds, one seed and two steps of a tiny network."""
    claim = Claim(
        "supervised", "Does it run?", TINY_WORLDS, {"row-median": Variant(None), "supervised": Variant(tiny_recipe())}, (0,), "row-median"
    )
    monkeypatch.setattr("leadline.cli.reproduce.claim", lambda name, size: claim)


def test_reproduce__unit_by_unit_and_nothing_twice(tiny_claim: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["reproduce", "supervised", "--size", "small", "--out", str(tmp_path)]
    assert main([*command, "--only", "row-median"]) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    assert {row["variant"] for row in first["rows"]} == {"row-median"}
    assert not (tmp_path / "runs").exists()
    assert main(command) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert {(row["variant"], row["split"]) for row in results["rows"]} == {
        (variant, split) for variant in ("row-median", "supervised") for split in ("rooms-test", "streets-test")
    }
    assert {"all", "camera:CAM_FRONT", "material:diffuse"} <= {row["region"] for row in results["rows"]}
    assert all(set(REQUIRED) <= row["metrics"].keys() and row["num_pixels"] > 0 for row in results["rows"])
    assert results["summary"] == summarise(results["rows"], baseline="row-median")
    assert results["summary"]["rooms-test"]["all"]["row-median"]["abs_rel_over_baseline"] == 1.0
    assert "supervised" in (tmp_path / "report.html").read_text()
    kept = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix in (".safetensors", ".png") or "units" in path.parts
    }
    capsys.readouterr()
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == results["rows"]
    assert "seed 0" not in capsys.readouterr().err
