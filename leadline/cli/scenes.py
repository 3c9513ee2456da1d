"""`leadline scenes FAMILY OUT`: render worlds with exact depth. Resumes; frames are there whole or not at all.

`leadline scenes pack OUT`, `preview` and `stats` live in files of their own.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import tyro

from leadline.cli.progress import progress

PARTS = {"pack": "leadline.cli.scenes_pack", "preview": "leadline.cli.scenes_preview", "stats": "leadline.cli.scenes_stats"}
"""What is done with worlds that are rendered, by its word in place of a family."""


@dataclass(frozen=True)
class ScenesOptions:
    """Render worlds with exact depth, normals, materials. Repeat the command to continue: finished frames are kept.

    `leadline scenes pack OUT` makes one compact archive of a data set, `leadline scenes stats OUT` says what is in it,
    `leadline scenes preview OUT --out SHEET.png` shows some of it.

    Seeds 0-9999 are for training, 10000-10999 for validation, 20000-20999 for tests; several ranges may share a folder.
    """

    family: tyro.conf.Positional[str]
    """rooms or streets; objects or yard, which are for evaluation and refused by `leadline train`."""
    out: tyro.conf.Positional[Path]
    """Folder of the data set; made when missing."""
    scenes: int
    """How many scenes."""
    frames: int
    """Frames of each scene."""
    height: int = 192
    """Of the images [px]."""
    width: int = 320
    """Of the images [px]."""
    seed: int = 0
    """Seed of the first scene; the others follow."""
    rig: str | None = None
    """Rig JSON, or a built-in rig (nuscenes6, ddad6), for streets; nuscenes6 when not given."""
    spp: int | None = None
    """Samples per pixel before denoising; chosen when not given."""
    layers: tuple[Literal["diffuse", "albedo", "normals", "instance"], ...] = ("diffuse", "albedo", "normals", "instance")
    """What is written beside rgb, depth and material; `--layers` alone for nothing, which is rendered faster."""
    pictures: Path | None = None
    """Folder of your own images: half of the textures are exchanged for them."""
    workers: int | None = None
    """Processes; as many as cores when not given."""
    variant: str = "auto"
    """Mitsuba variant: scalar (everywhere), llvm (faster from about 384x640 on, needs LLVM 17 or newer), auto."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    if argv and argv[0] in PARTS:
        return import_module(PARTS[argv[0]]).run(argv[1:])
    options = tyro.cli(ScenesOptions, args=argv, prog="leadline scenes")
    from leadline.scenes.produce import produce

    rig = None
    if options.rig is not None or options.family == "streets":
        from leadline.io.rig import read_rig

        rig = read_rig(options.rig or "nuscenes6")
    with progress(f"rendering {options.family}", options.scenes * options.frames) as advance:
        produce(
            options.family,
            options.out,
            scenes=options.scenes,
            frames=options.frames,
            height=options.height,
            width=options.width,
            seed=options.seed,
            rig=rig,
            spp=options.spp,
            workers=options.workers,
            variant=options.variant,
            pictures=options.pictures,
            layers=options.layers,
            progress=advance,
        )
    return 0
