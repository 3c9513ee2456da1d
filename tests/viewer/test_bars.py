"""Bars: lengths in proportion, names as they are, no script of strangers."""

import re

from leadline.viewer.bars import Bar, Bars, bars_svg


def test_bars__lengths_are_in_proportion_and_names_are_escaped() -> None:
    svg = bars_svg(Bars((Bar("short", 1.0, 2.0, "1 ms"), Bar("<long>", 4.0)), "Median & p99.", ends=8.0))
    widths = [float(width) for width in re.findall(r'<rect [^>]*?width="([\d.]+)"', svg)]
    assert widths[1] == 4 * widths[0]
    assert "&lt;long&gt;" in svg and "<long>" not in svg and "Median &amp; p99." in svg and "1 ms" in svg
    assert svg.count("stroke-dasharray") == 1 and svg.count("<line") == 3


def test_bars__nothing_and_zero_are_drawn_too() -> None:
    assert "<rect" not in bars_svg(Bars((), "nothing"))
    assert "<rect" in bars_svg(Bars((Bar("none", 0.0),), "zero"))
