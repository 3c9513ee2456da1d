"""`leadline doctor DATA`: can self-supervised training work with this footage, and what should be changed?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.cli.progress import progress
from leadline.data.footage import AS_IT_IS, FootageOptions
from leadline.io.jsonfile import write_json

if TYPE_CHECKING:
    from leadline.data.examine.examine import Examination

SHOWN = 20
"""Broken files listed on the terminal; --json has them all."""


def examine_data(data: str, *, split: str | None, footage: FootageOptions, json: Path | None) -> int:
    """Print what was found in `data`, a video, a folder of frames or DATASET:ROOT. Returns 2 when it cannot work.

    Raises UserError for what cannot be opened at all.
    """
    from leadline.data.catalog import open_dataset, spec_of
    from leadline.data.datasets.video.dataset import Video
    from leadline.data.examine.examine import examine
    from leadline.data.examine.pairs import NUM_PAIRS

    dataset = open_dataset(spec_of(data, usual="video"), split, footage=None if footage == AS_IT_IS else footage)
    source, broken = None, []
    if isinstance(dataset, Video):
        source, broken = dataset.camera_source(dataset.moments[0].sequence), dataset.odd_sizes()
    with progress("examine", 2 * NUM_PAIRS) as advance:
        examination = examine(dataset, camera_source=source, broken=broken, advance=advance)
    if json is not None:
        write_json(json, examination.as_json())
    _print(examination)
    for line in examination.broken[:SHOWN]:
        print(f"leadline doctor: {line}", file=sys.stderr)
    if len(examination.broken) > SHOWN:
        print(f"leadline doctor: and {len(examination.broken) - SHOWN} more; --json FILE lists them all", file=sys.stderr)
    return 0 if examination.works else 2


def _print(examination: "Examination") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "verdict", "found", "what to change", title=examination.dataset, title_justify="left")
    colors = {"good": "green", "poor": "yellow", "bad": "red", "unknown": "dim"}
    for finding in examination.findings:
        table.add_row(finding.subject, Text(finding.verdict, style=colors[finding.verdict]), finding.figure, finding.remedy)
    Console(markup=False).print(table)  # a path may hold [brackets]
    bad = [finding.subject for finding in examination.findings if finding.verdict == "bad"]
    verdict = f"self-supervised training cannot work yet: {', '.join(bad)}" if bad else "self-supervised training can work with this"
    print(f"{verdict} ({examination.seconds:.1f} s)")
