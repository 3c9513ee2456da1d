"""What docs/results says was measured is what the rows beside it give."""

import json
from pathlib import Path

import pytest

from leadline.cli.reproduce_table import markdown

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
PAGES = sorted(page for page in RESULTS.glob("*.md") if "summary" in json.loads(page.with_suffix(".json").read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__holds_the_tables_that_its_rows_give(page: Path) -> None:
    text = page.read_text()
    for part in markdown(json.loads(page.with_suffix(".json").read_text())).strip().split("\n\n### "):
        assert part in text, part.splitlines()[0]
