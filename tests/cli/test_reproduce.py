"""The table of a claim: computed from rows, units skipped when they are there."""

from typing import Any

import pytest

from leadline.cli.main import main
from leadline.cli.reproduce import summarise


def _row(variant: str, seed: int, abs_rel: float, region: str = "all", split: str = "rooms-test") -> dict[str, Any]:
    metrics = dict.fromkeys(("sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"), 0.5) | {"abs_rel": abs_rel}
    return {"variant": variant, "seed": seed, "split": split, "region": region, "metrics": metrics}


def test_summarise__mean_spread_worst_and_share_of_the_baseline() -> None:
    rows = [_row("base", 0, 0.4), _row("net", 0, 0.1), _row("net", 1, 0.2), _row("net", 1, 9.0, region="material:glass")]
    entry = summarise(rows, baseline="base")["rooms-test"]["net"]
    assert entry["num_seeds"] == 2
    assert entry["mean"]["abs_rel"] == pytest.approx(0.15)
    assert entry["abs_rel_spread"] == pytest.approx(0.1)
    assert entry["abs_rel_worst"] == 0.2
    assert entry["abs_rel_over_baseline"] == pytest.approx(0.375)


def test_summarise__keeps_test_sets_apart_and_does_without_a_baseline() -> None:
    summary = summarise([_row("net", 0, 0.1), _row("net", 0, 0.3, split="streets-test")], baseline="base")
    assert summary["rooms-test"]["net"]["mean"]["abs_rel"] == 0.1
    assert summary["streets-test"]["net"]["mean"]["abs_rel"] == 0.3
    assert "abs_rel_over_baseline" not in summary["rooms-test"]["net"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["supervisd"], "did you mean supervised?"), (["supervised", "--only", "x"], "choose from row-median, supervised")],
)
def test_reproduce__wrong_words(arguments: list[str], words: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
