"""`leadline data check DATASET:ROOT`: open every file of a data set and say what is there, missing or broken."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from leadline.cli.progress import progress
from leadline.data.footage import AS_IT_IS, FootageOptions
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.card import DatasetCard
    from leadline.data.check import CheckReport

SHOWN = 20
"""Broken files and gaps listed on the terminal; --json has them all."""


@dataclass(frozen=True)
class CheckOptions:
    """Check a data set. Exit code 2 when something is broken."""

    what: tyro.conf.Positional[Literal["check"]]
    """What to do with it."""
    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET:ROOT")]
    """For example kitti:/data/kitti or rendered:out/rooms; `leadline datasets` lists them."""
    split: str | None = None
    """Name or file of a split; everything without it."""
    depth_source: str | None = None
    """Which depth to check, for data sets that have several."""
    footage: FootageOptions = AS_IT_IS
    """For video: its camera, and which frames count."""
    sweeps: int | None = None
    """LiDAR scans that make one depth map, for data sets that offer it."""
    quick: bool = False
    """Open an even selection of files only."""
    json: Path | None = None
    """Also write the report to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(CheckOptions, args=argv, prog="leadline data")
    from leadline.data.catalog import open_dataset, read_card, split_spec
    from leadline.data.check import QUICK_VIEWS, check_dataset
    from leadline.data.faults import gathering
    from leadline.io.jsonfile import write_json

    footage = None if options.footage == AS_IT_IS else options.footage
    with gathering() as faults:
        try:
            dataset = open_dataset(
                options.dataset, options.split, depth_source=options.depth_source, sweeps=options.sweeps, footage=footage
            )
        except UserError as error:
            if not faults:
                raise
            # What is left of the index is no data set: only its faults can be said.
            print(f"broken: {len(faults) + 1}")
            _print_broken([str(fault) for fault in (*faults, error)])
            return 2
    num_views = sum(len(record.cameras) for record in dataset.records)
    with progress("check", min(num_views, QUICK_VIEWS) if options.quick else num_views) as advance:
        report = check_dataset(dataset, quick=options.quick, faults=faults, advance=advance)
    if options.json is not None:
        write_json(options.json, report.as_json())
    _print(report)
    _print_published(read_card(split_spec(options.dataset)[0]), options.split, report)
    _print_broken(report.broken)
    return 2 if report.broken else 0


def _print_broken(lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        print(f"leadline data: {line}", file=sys.stderr)
    if len(lines) > SHOWN:
        print(f"leadline data: and {len(lines) - SHOWN} more; --json FILE lists them all", file=sys.stderr)


def _print(report: "CheckReport") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=report.dataset, title_justify="left")
    for column in ("camera", "images", "size", "depth [m]", "with depth"):
        table.add_column(column, justify="left" if column == "camera" else "right")
    for camera, found in report.cameras.items():
        sizes = ", ".join(f"{size} ({count})" if len(found.sizes) > 1 else size for size, count in found.sizes.most_common(3))
        depth = "none" if found.nearest_m is None else f"{found.nearest_m:.2f} to {found.farthest_m:.2f}"
        share = "none" if found.valid_share is None else f"{100 * found.valid_share:.1f} %"
        table.add_row(camera, str(found.images), sizes, depth, share)
    console = Console(markup=False)  # a path may hold [brackets]
    console.print(table)
    opened = "all opened" if report.num_opened == report.num_views else f"{report.num_opened} opened"
    print(f"{report.num_sequences} sequences, {report.num_records} records, {report.num_views} images ({opened})")
    print(f"layers: {', '.join(report.layers) or 'none'}")
    for gap in report.gaps[:SHOWN]:
        print(f"missing: {gap}")
    if len(report.gaps) > SHOWN:
        print(f"missing: and {len(report.gaps) - SHOWN} more")
    print(f"broken: {len(report.broken)}")


def _print_published(card: "DatasetCard", split: str | None, report: "CheckReport") -> None:
    """How much of the published data this is, and where the rest comes from."""
    part = split or "all"
    if part in card.counts:
        print(f"this is {report.num_views} of the {card.counts[part]} published images of {card.kind} {part}")
    else:
        published = ", ".join(f"{name} {count}" for name, count in card.counts.items()) or "no number of them is published"
        print(f"this is {report.num_views} images of {card.kind} (published: {published})")
    if report.broken or report.gaps:
        print(f"get what is missing: {card.get}")
