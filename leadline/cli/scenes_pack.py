"""`leadline scenes pack OUT`: one compact archive of a rendered data set, which is read without unpacking."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from leadline.cli.progress import progress
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.scenes.pack import Packed


@dataclass(frozen=True)
class PackOptions:
    """Pack a rendered data set into one archive, rgb as JPEG, depth as 16-bit PNG; use it as rendered:OUT.zip.

    The finest quality is taken in which no picture of 192x320 takes more than 40 kB with its depth and material, and the
    archive no more than --max-mb. What depth loses by it is measured and said.
    """

    out: tyro.conf.Positional[Path]
    """Folder that `leadline scenes FAMILY OUT` has written."""
    max_mb: float | None = None
    """Largest size of the archive [millions of bytes]."""
    to: Path | None = None
    """The archive; OUT.zip when not given."""
    layers: tuple[Literal["diffuse", "albedo", "normals", "instance", "lidar"], ...] = ()
    """More than rgb, depth and material. `diffuse` is what the regions of reflections need."""
    workers: int | None = None
    """Threads; as many as cores when not given."""
    json: Path | None = None
    """Also write what was done to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(PackOptions, args=argv, prog="leadline scenes pack")
    from leadline.io.archive import FolderFiles
    from leadline.io.jsonfile import write_json
    from leadline.scenes.layout import views
    from leadline.scenes.pack import pack

    if options.max_mb is not None and not options.max_mb > 0:
        raise UserError("--max-mb", f"{options.max_mb:g} is not a size", "give millions of bytes, for example 48")
    archive = options.to or options.out.parent / f"{options.out.resolve().name}.zip"
    num_views = sum(1 for _ in views(FolderFiles(options.out))) if options.out.is_dir() else 0
    with progress("packing", num_views) as advance:
        packed = pack(
            options.out,
            archive,
            max_bytes=None if options.max_mb is None else int(options.max_mb * 1e6),
            layers=options.layers,
            workers=options.workers,
            progress=advance,
        )
    if options.json is not None:
        write_json(options.json, packed.to_record())
    _print(packed)
    return 0


def _print(packed: "Packed") -> None:
    from rich.console import Console
    from rich.table import Table

    error = packed.depth_error
    steps = ", ".join(f"{1000 / scale:.3g} mm" for scale in packed.depth_steps_per_m)
    off = "none" if error.largest_m == 0 else f"mean {1000 * error.mean_m:.2f} mm ({100 * error.mean_relative:.3f} %), "
    if error.largest_m > 0:
        off += f"largest {1000 * error.largest_m:.2f} mm; relative {100 * error.largest_relative:.2f} %"
    table = Table(show_header=False)
    table.add_row("archive", str(packed.path))
    table.add_row("views", f"{packed.num_views:,}")
    table.add_row("size", f"{packed.num_bytes / 1e6:.2f} MB, {packed.num_bytes / packed.num_views / 1000:.1f} kB a view")
    table.add_row("largest view", f"{packed.largest_view_bytes / 1000:.1f} kB with depth and material")
    table.add_row("layers", ", ".join(("rgb", *packed.layers)))
    table.add_row("rgb", f"JPEG quality {packed.quality}, PSNR {packed.rgb_psnr_db:.1f} dB")
    table.add_row("depth", f"16-bit PNG in steps of {steps}")
    table.add_row("depth error, measured", off)
    Console(markup=False).print(table)  # a path may hold [brackets]
