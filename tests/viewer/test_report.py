"""The report is one file that needs nothing else."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.viewer.report import Cloud, Picture, Pictures, Report, Section, Table, Text, render_report, write_report


def _report() -> Report:
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    points = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    blocks = (
        Text("words with <b>angles</b> & more", code=("leadline demo",)),
        Table(("name", "abs_rel"), (("rooms", 0.12345), ("streets", float("nan")))),
        Pictures((Picture(pixels, "six by eight"),), columns=1),
        Cloud(points, np.zeros((100, 3), dtype=np.uint8), "a cloud"),
    )
    return Report("Title <1>", "lead", (Section("Everything", blocks),))


def test_render_report__names_no_other_file_and_no_address() -> None:
    page = render_report(_report())
    assert not re.search(r"https?://", page)
    for reference in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert reference.startswith("data:")


def test_render_report__escapes_words() -> None:
    page = render_report(_report())
    assert "<b>angles</b>" not in page
    assert "&lt;b&gt;angles&lt;/b&gt; &amp; more" in page
    assert "<title>Title &lt;1&gt;</title>" in page


def test_render_report__keeps_the_pixels() -> None:
    found = re.search(r"data:image/png;base64,([^\"]+)", render_report(_report()))
    assert found
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))
    assert np.array_equal(decoded, np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3))


def test_render_report__shows_three_decimals_and_is_the_same_twice() -> None:
    assert ">0.123<" in render_report(_report())
    assert render_report(_report()) == render_report(_report())


def test_render_report__thins_a_large_cloud() -> None:
    points = np.zeros((200_000, 3), dtype=np.float32)
    page = render_report(Report("t", "l", (Section("s", (Cloud(points, np.zeros((200_000, 3), dtype=np.uint8)),)),)))
    assert len(page) < 60_000 * 15 * 4 / 3 + 50_000


def test_render_report__words_stand_left_and_numbers_right() -> None:
    page = render_report(Report("t", "l", (Section("s", (Table(("who", "n"), (("a", 1), ("b", 2.0))),)),)))
    assert '<th class="words">who</th><th>n</th>' in page and '<td class="words">b</td><td>2.000</td>' in page
    assert "<th>who</th>" in render_report(Report("t", "l", (Section("s", (Table(("who",), ()),)),)))


def test_render_report__numbers_in_words_stand_with_the_numbers() -> None:
    page = render_report(Report("t", "l", [Section("s", [Table(("a", "b", "c"), (("x", "12.5", "██"), ("y", "-3 (1 to 2)", "")))])]))
    assert '<td class="words">x</td><td>12.5</td><td class="words">██</td>' in page
    assert "<td>-3 (1 to 2)</td>" in page


def test_render_report__folds_the_fine_print_away() -> None:
    table = Table(("a",), ((1,),), note="Short.", details={"clamp": "<0.1 m"})
    page = render_report(Report("t", "l", (Section("s", (table,)),)))
    assert '<p class="note">Short.</p><details class="note">' in page
    assert "<dt>clamp</dt><dd>&lt;0.1 m</dd>" in page
    assert "<details" not in render_report(_report())


@pytest.mark.parametrize("num", [0, 1])
def test_render_report__takes_a_cloud_of_few_points(num: int) -> None:
    cloud = Cloud(np.ones((num, 3), dtype=np.float32), np.zeros((num, 3), dtype=np.uint8))
    assert "nan" not in render_report(Report("t", "l", (Section("s", (cloud,)),))).split("showCloud(document")[1]


def test_write_report__is_whole(tmp_path: Path) -> None:
    write_report(tmp_path / "deep" / "report.html", _report())
    assert (tmp_path / "deep" / "report.html").read_text(encoding="utf-8") == render_report(_report())
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.html"]
