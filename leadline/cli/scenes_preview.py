"""`leadline scenes preview OUT --out SHEET.png`: some views of a rendered data set on one picture, each over its depth."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from leadline.cli.progress import progress
from leadline.types import UserError

_ENDINGS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class PreviewOptions:
    """Draw a contact sheet of a rendered data set: pictures over coloured depth, near warm, far cold, the sky dark grey."""

    data: tyro.conf.Positional[Path]
    """Folder that `leadline scenes FAMILY OUT` has written, or an archive of it."""
    out: Path
    """The sheet, .png or .jpg."""
    split: str | None = None
    """train, validation or test; everything without it."""
    views: int = 16
    """So many views at most, spread evenly over the moments; of rigs, one camera after the other."""
    columns: int = 4
    """Views in a row."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(PreviewOptions, args=argv, prog="leadline scenes preview")
    from leadline.data.catalog import open_dataset
    from leadline.io.image import write_image
    from leadline.viewer.sheet import contact_sheet

    for name, value in (("--views", options.views), ("--columns", options.columns)):
        if value < 1:
            raise UserError(name, f"{value} is too small", "give 1 or more")
    if options.out.suffix.lower() not in _ENDINGS:
        raise UserError(options.out, f"images are not written as '{options.out.suffix}'", "choose .png or .jpg")
    dataset = open_dataset(f"rendered:{options.data}", options.split)
    count = min(options.views, len(dataset.records))
    layers = frozenset({"depth"}) & dataset.layers
    shown = []
    with progress("drawing", count) as advance:
        for i in range(count):
            record = dataset.records[i * len(dataset.records) // count]
            view = dataset.view(record, record.cameras[i % len(record.cameras)], layers)
            shown.append((view.image, view.depth))
            advance(1)
    write_image(options.out, contact_sheet(shown, columns=options.columns))
    print(f"{options.out}: {count} of {sum(len(record.cameras) for record in dataset.records)} views")
    return 0
