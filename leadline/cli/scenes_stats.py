"""`leadline scenes stats OUT`: what a rendered data set holds, as tables and as one page."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from leadline.cli.progress import progress
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.dataset import Dataset
    from leadline.data.statistics import Spread, Statistics
    from leadline.viewer.report import Picture, Report

SHOWN = 6
"""Views on the page."""
_BAR = 30
"""Characters of the longest bar."""


@dataclass(frozen=True)
class StatsOptions:
    """Say how deep a rendered data set is, how much of it reflects, what its cameras share and how they move."""

    out: tyro.conf.Positional[Path]
    """Folder that `leadline scenes FAMILY OUT` has written, or an archive of it."""
    split: str | None = None
    """train, validation or test; everything without it."""
    moments: int = 200
    """So many moments are looked at, spread evenly."""
    json: Path | None = None
    """Also write the numbers to this file."""
    html: Path | None = None
    """Also write them as one self-contained page, with pictures."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(StatsOptions, args=argv, prog="leadline scenes stats")
    from leadline.data.catalog import open_dataset
    from leadline.data.statistics import statistics_of
    from leadline.io.jsonfile import write_json

    if options.moments < 1:
        raise UserError("--moments", f"{options.moments} is not a number of moments", "give 1 or more")
    dataset = open_dataset(f"rendered:{options.out}", options.split)
    with progress("looking", min(options.moments, len(dataset.records))) as advance:
        statistics = statistics_of(dataset, moments=options.moments, advance=advance)
    if options.json is not None:
        write_json(options.json, statistics.to_record())
    if options.html is not None:
        from leadline.viewer.report import write_report

        write_report(options.html, page(dataset, statistics))
    _print(statistics)
    return 0


Rows = tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]
"""Names of columns, and rows."""


def tables(statistics: "Statistics") -> Iterator[tuple[str, Rows]]:
    """Headings and tables of everything that was found."""
    from leadline.data.statistics import DEPTH_EDGES_M

    most = max(statistics.depth_share)
    histogram = tuple(
        (f"{low:.2f} to {high:.2f}", f"{100 * share:.1f}", "█" * round(_BAR * share / most))
        for low, high, share in zip(DEPTH_EDGES_M, DEPTH_EDGES_M[1:], statistics.depth_share, strict=False)
        if share > 0
    )
    yield "Depth of pixels", (("depth [m]", "% of pixels with depth", ""), histogram)
    shares = statistics.materials | {"without depth": statistics.no_depth_share}
    rows = tuple((name, f"{100 * share:.1f}") for name, share in shares.items())
    if statistics.reflecting is not None and statistics.mirror_like is not None and statistics.mirror_like_per_view is not None:
        per_view = statistics.mirror_like_per_view
        rows += (("reflecting: mirror, glass, visibly reflecting coat or metal", f"{100 * statistics.reflecting:.1f}"),)
        rows += (("mirror-like: mirror, coat or metal that shows mostly a reflection", f"{100 * statistics.mirror_like:.1f}"),)
        rows += (("mirror-like, of single views", f"{100 * per_view.median:.1f} ({100 * per_view.low:.1f} to {100 * per_view.high:.1f})"),)
    yield "What pixels show", (("pixels of", "%"), rows)
    if statistics.overlaps:
        found = tuple((a, b, f"{100 * inside:.1f}", f"{100 * seen:.1f}") for a, b, inside, seen in statistics.overlaps)
        yield "What cameras share", (("of the pixels of", "this camera", "has in its picture [%]", "sees [%]"), found)
    if statistics.motion is not None:
        motion = statistics.motion
        rows = (("translation [m]", *_cells(motion.translation_m, 3)), ("rotation [degrees]", *_cells(motion.rotation_deg, 2)))
        rows += (("sideways, of the translation [%]", *_cells(motion.sideways_share, 0, 100)),)
        if motion.image_px is not None and motion.seen_in_next is not None:
            rows += (("motion in the picture [px]", *_cells(motion.image_px, 1)),)
            rows += (("still seen in the next frame [%]", *_cells(motion.seen_in_next, 0, 100)),)
        yield "From frame to frame", (("", "median", "5 % below", "5 % above", "pairs"), rows)


_LEGEND = (
    "Depth: near is red, far is blue, black is unknown. "
    "Materials: diffuse grey, glossy orange, metal blue, mirror red, glass cyan, sky pale blue."
)


def page(dataset: "Dataset", statistics: "Statistics") -> "Report":
    """The same as a page, with pictures of some views."""
    from leadline.viewer.report import Pictures, Report, Section, Table, Text

    sections = [Section("Some views", (Text(_LEGEND), Pictures(tuple(_pictures(dataset)), columns=3)))]
    sections += [Section(heading, (Table(columns, rows),)) for heading, (columns, rows) in tables(statistics)]
    return Report("What is in a rendered data set", _lead(statistics), sections)


def _pictures(dataset: "Dataset") -> "Iterator[Picture]":
    import numpy as np

    from leadline.io.color import colorize
    from leadline.types import Material
    from leadline.viewer.report import Picture

    tints = np.array([[150, 150, 150], [240, 170, 60], [110, 120, 220], [220, 60, 90], [80, 200, 200], [200, 225, 250]], dtype=np.uint8)
    assert len(tints) == len(Material)
    records = dataset.records
    for i in np.linspace(0, len(records) - 1, min(SHOWN, len(records))).astype(int):
        record = records[i]
        view = dataset.view(record, record.cameras[0], frozenset({"depth", "material"}) & dataset.layers)
        assert view.depth is not None
        yield Picture(view.image, f"{record.sequence}, frame {record.frame}, {record.cameras[0]}")
        known = view.depth > 0
        if known.any():
            low, high = np.percentile(view.depth[known], (2, 98))
            yield Picture(colorize(view.depth, valid=known, inverse=False), f"depth, {low:.1f} to {high:.1f} m")
        if view.material is not None:
            yield Picture(tints[np.minimum(view.material, len(tints) - 1)], "materials")


def _cells(spread: "Spread", digits: int, factor: float = 1.0) -> tuple[str, ...]:
    return (*(f"{factor * value:.{digits}f}" for value in (spread.median, spread.low, spread.high)), str(spread.count))


def _lead(statistics: "Statistics") -> str:
    looked = f"{statistics.num_looked_at:,} of {statistics.num_moments:,} moments looked at"
    depth, scenes = statistics.depth_m, "scene" if statistics.num_sequences == 1 else "scenes"
    return (
        f"{statistics.dataset}: {statistics.num_sequences:,} {scenes}; {looked}, {statistics.num_views:,} views of {statistics.size}; "
        f"depth {depth.median:.2f} m in the median, nine tenths of it from {depth.low:.2f} to {depth.high:.2f} m"
    )


def _print(statistics: "Statistics") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)  # a path may hold [brackets]
    console.print(_lead(statistics))
    for heading, (columns, rows) in tables(statistics):
        table = Table(title=heading, title_justify="left")
        for i, column in enumerate(columns):
            table.add_column(column, justify="left" if i == 0 or not column or column == "this camera" else "right")
        for row in rows:
            table.add_row(*map(str, row))
        console.print(table)
