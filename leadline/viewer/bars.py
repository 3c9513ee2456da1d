"""Horizontal bars with a whisker, as SVG inside a page: which of several things is longer, and how far it strays."""

from dataclasses import dataclass
from html import escape

_ROW_PX, _NAME_PX, _BAR_PX, _VALUE_PX = 26, 330, 460, 150
_LONGEST = 48
"""Letters of a name."""


@dataclass(frozen=True)
class Bar:
    """A length with its name; `high` is where a whisker ends, and `words` stand behind it."""

    name: str
    value: float
    high: float | None = None
    words: str = ""


@dataclass(frozen=True)
class Bars:
    """Bars from one zero, under a caption that says what they measure. With `ends`, a line at the length of all that can be."""

    items: tuple[Bar, ...]
    caption: str
    ends: float | None = None


def bars_svg(bars: Bars) -> str:
    """The picture. Its colours are those of the page."""
    longest = max((bar.high or bar.value for bar in bars.items), default=0.0)
    scale = _BAR_PX / max(longest, bars.ends or 0.0, 1e-12)
    height = _ROW_PX * len(bars.items) + 6
    rows = "".join(_row(bar, i * _ROW_PX, scale) for i, bar in enumerate(bars.items))
    end = (
        "" if bars.ends is None else _line(_NAME_PX + bars.ends * scale, 0, _NAME_PX + bars.ends * scale, height, 'stroke-dasharray="4 4"')
    )
    width = _NAME_PX + _BAR_PX + _VALUE_PX
    style = 'style="width: 100%; max-width: 940px; font: 13px system-ui, sans-serif; fill: currentColor"'
    picture = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(bars.caption)}" {style}>{rows}{end}</svg>'
    return f'<div class="scroll">{picture}</div><p class="note">{escape(bars.caption)}</p>'


def _row(bar: Bar, top: float, scale: float) -> str:
    middle = top + _ROW_PX / 2
    end = _NAME_PX + bar.value * scale
    whisker = ""
    if bar.high is not None:
        far = _NAME_PX + bar.high * scale
        whisker = _line(end, middle, far, middle) + _line(far, middle - 4, far, middle + 4)
    words = _NAME_PX + (bar.high or bar.value) * scale + 8
    return (
        f'<text x="{_NAME_PX - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(_short(bar.name))}</text>'
        f'<rect x="{_NAME_PX}" y="{top + 4:.1f}" width="{max(end - _NAME_PX, 1):.1f}" height="{_ROW_PX - 8}" rx="2" fill="var(--accent)"/>'
        f'{whisker}<text x="{words:.1f}" y="{middle + 4:.1f}">{escape(bar.words)}</text>'
    )


def _short(name: str) -> str:
    """What fits beside the bars."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _line(x1: float, y1: float, x2: float, y2: float, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" {more}/>'
