"""One self-contained HTML page: pictures, tables, bars, a point cloud to turn. Opens from disk with no network."""

import base64
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.io.atomic import atomic_write
from leadline.viewer.bars import Bars, bars_svg

MAX_CLOUD_POINTS = 60_000
"""A cloud is thinned to this many points: 15 bytes each, in a page that should stay a few megabytes."""


@dataclass(frozen=True)
class Table:
    """Rows of a table; every row has the keys of `columns`. Numbers are shown with three decimals."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    note: str = ""
    """One or two sentences below it."""
    details: Mapping[str, str] = field(default_factory=dict)
    """The fine print: terms and what they mean here, folded away until the reader opens it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image uint8 (h, w, 3) with a caption."""

    pixels: np.ndarray
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures in a grid of `columns`."""

    items: tuple[Picture, ...]
    columns: int = 4


@dataclass(frozen=True, eq=False)
class Strip:
    """Rows of pictures side by side without a gap, each column under one of `names`: all that is seen around a vehicle."""

    names: tuple[str, ...]
    rows: tuple[tuple[np.ndarray, ...], ...]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points (n, 3) [m], x right, y down, z forward, with colours uint8 (n, 3); seen first from behind and above."""

    points: np.ndarray
    colors: np.ndarray
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` is shown in a fixed-width face below it."""

    words: str
    code: tuple[str, ...] = ()


Block = Table | Pictures | Strip | Cloud | Bars | Text


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Report:
    """A page."""

    title: str
    lead: str
    sections: Sequence[Section] = field(default_factory=tuple)


def write_report(path: Path, report: Report) -> None:
    """Write the page to `path`, whole or not at all."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(render_report(report), encoding="utf-8")


def render_report(report: Report) -> str:
    """The page as a string that names no other file and no address."""
    static = files("leadline.viewer") / "static"
    style = (static / "report.css").read_text(encoding="utf-8")
    script = (static / "cloud.js").read_text(encoding="utf-8")
    body = "\n".join(_section(section) for section in report.sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{style}</style>\n'
        f"<script>{script}</script></head>\n<body><main>\n<h1>{escape(report.title)}</h1>\n"
        f'<p class="lead">{escape(report.lead)}</p>\n{body}\n</main></body></html>\n'
    )


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f"<section><h2>{escape(section.heading)}</h2>\n{blocks}\n</section>"


def _block(block: Block) -> str:
    match block:
        case Text(words, code):
            lines = "".join(f"<p><code>{escape(line)}</code></p>" for line in code)
            return f"<p>{escape(words)}</p>{lines}"
        case Table():
            return _table(block)
        case Pictures():
            return _pictures(block)
        case Strip():
            return _strip(block)
        case Cloud():
            return _cloud(block)
        case Bars():
            return bars_svg(block)


def _table(table: Table) -> str:
    wordy = [bool(table.rows) and all(_is_wordy(row[i]) for row in table.rows) for i in range(len(table.columns))]
    head = _row("th", table.columns, wordy)
    rows = "".join(f"<tr>{_row('td', row, wordy)}</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}{_details(table.details)}'


def _details(details: Mapping[str, str]) -> str:
    if not details:
        return ""
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in details.items())
    return f'<details class="note"><summary>Everything that was done</summary><dl>{terms}</dl></details>'


def _is_wordy(value: object) -> bool:
    """Whether a cell is words: a number that was put into words by its digits stands with the numbers."""
    return isinstance(value, str) and not re.match(r"[-+]?\d", value)


def _row(tag: str, values: Sequence[object], wordy: Sequence[bool]) -> str:
    """Cells of one row; words stand to the left, numbers to the right."""
    sides = (' class="words"' if words else "" for words in wordy)
    return "".join(f"<{tag}{side}>{escape(_cell(value))}</{tag}>" for side, value in zip(sides, values, strict=True))


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _pictures(pictures: Pictures) -> str:
    figures = "".join(
        f'<figure><img alt="{escape(item.caption)}" src="data:image/png;base64,{_png(item.pixels)}">'
        f"<figcaption>{escape(item.caption)}</figcaption></figure>"
        for item in pictures.items
    )
    return f'<div class="pictures" style="grid-template-columns: repeat({pictures.columns}, 1fr)">{figures}</div>'


def _strip(strip: Strip) -> str:
    names = "".join(f"<span>{escape(name)}</span>" for name in strip.names)
    images = "".join(
        f'<img alt="{escape(name)}" src="data:image/png;base64,{_png(pixels)}">'
        for row in strip.rows
        for name, pixels in zip(strip.names, row, strict=True)
    )
    columns = f"grid-template-columns: repeat({len(strip.names)}, 1fr)"
    return f'<div class="scroll"><div class="strip" style="{columns}">{names}{images}</div></div>'


def _png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _cloud(cloud: Cloud) -> str:
    chosen = np.arange(len(cloud.points))
    if len(chosen) > MAX_CLOUD_POINTS:
        chosen = np.random.default_rng(0).choice(chosen, MAX_CLOUD_POINTS, replace=False)
    points = np.ascontiguousarray(cloud.points[chosen], dtype="<f4")
    colors = np.ascontiguousarray(cloud.colors[chosen], dtype=np.uint8)
    name = f"cloud-{zlib.crc32(points.tobytes() + cloud.caption.encode()):08x}"
    arguments = ", ".join(json.dumps(base64.b64encode(array.tobytes()).decode("ascii")) for array in (points, colors))
    return (
        f'<div class="cloud"><canvas id="{name}"></canvas><p class="note">{escape(cloud.caption)} Drag to turn, wheel to zoom.</p></div>\n'
        f'<script>showCloud(document.getElementById("{name}"), {arguments}, {json.dumps(_first_view(points))});</script>'
    )


def _first_view(points: np.ndarray) -> dict[str, object]:
    """Orbit state that shows the middle of the cloud from slightly behind, above and aside."""
    middle = np.median(points, axis=0) if len(points) else np.zeros(3)
    radius = float(np.percentile(np.linalg.norm(points - middle, axis=1), 80)) if len(points) else 1.0
    return {"target": middle.tolist(), "radius": 1.6 * radius + 0.1, "yaw": 0.35, "pitch": 0.35, "pointSize": 0.012 * radius}
