"""What docs/results says was measured is what the rows beside it give."""

import json
from pathlib import Path
from statistics import median

import pytest

from leadline.cli.reproduce_table import markdown

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
PAGES = sorted(page for page in RESULTS.glob("*.md") if "summary" in json.loads(page.with_suffix(".json").read_text()))


def test_deploy__ratios_are_those_of_its_rows_and_the_page_has_them() -> None:
    record, page = json.loads((RESULTS / "deploy.json").read_text()), (RESULTS / "deploy.md").read_text()
    times = {(row["name"], row["engine"], row["precision"]): row["p50_ms"] for row in record["rows"]}
    assert all(row["p50_ms"] == pytest.approx(median(row["timings_ms"])) for row in record["rows"])
    eager = times["surround-r18", "eager", "fp32"]
    assert record["ratios"]["r18_bf16_over_eager"] == pytest.approx(eager / times["surround-r18", "openvino", "bf16"])
    assert record["ratios"]["r18_int8_over_eager"] == pytest.approx(eager / times["surround-r18", "openvino", "int8"])
    slow = times["depth-anything-v2-small", "eager", "fp32"]
    assert record["ratios"]["tiny_best_over_dav2s_eager"] == pytest.approx(slow / times["surround-tiny", "openvino", "int8"])
    for name, ratio in record["ratios"].items():
        assert f"(`{name}`) | {ratio:.2f} |" in page


def test_surround__the_page_says_what_its_summary_does() -> None:
    summary, page = json.loads((RESULTS / "surround.json").read_text())["summary"], (RESULTS / "surround.md").read_text()
    seen, unseen = (summary[split]["all"] for split in ("streets-test", "streets-ddad6-test"))
    first = page.partition("## ")[0]
    assert f"**{seen['ckd+vrkd']['mean_gain']:.1%}**".replace("%", " %") in first
    for table in (seen, unseen):
        before, after = (table[name] for name in ("supervised", "ckd+vrkd"))
        assert f"abs_rel {before['mean']['abs_rel']:.3f} → {after['mean']['abs_rel']:.3f}" in first
        apart, nearer = before["overlap_disagreement"], after["overlap_disagreement"]
        assert f"{apart:.3f} → {nearer:.3f}, −{100 * (1 - nearer / apart):.1f} %" in first
    for name in ("response", "dist"):
        assert f"`{name}` gains {100 * seen[name]['mean_gain']:.1f} % ({100 * unseen[name]['mean_gain']:.1f} % on the rig" in first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__holds_the_tables_that_its_rows_give(page: Path) -> None:
    text = page.read_text()
    for part in markdown(json.loads(page.with_suffix(".json").read_text())).strip().split("\n\n### "):
        assert part in text, part.splitlines()[0]
