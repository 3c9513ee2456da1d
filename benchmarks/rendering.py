"""Rendering speed with all truth layers, denoised, as whole commands would see it: worlds generated, rendered and written."""

import tempfile
import time
from pathlib import Path

from leadline.io.rig import read_rig
from leadline.scenes.produce import produce
from leadline.scenes.variants import choose_variant

Row = tuple[str, float, str, str]
HEIGHT, WIDTH = 192, 320


def run() -> list[Row]:
    """Frames per second of both families, scalar always and llvm where it works."""
    rows = [
        ("rooms, scalar", _frames_per_s("rooms", "scalar", scenes=4, frames=4), "frames/s", ">= 1.2"),
        ("streets, scalar", _frames_per_s("streets", "scalar", scenes=4, frames=2), "camera frames/s", ">= 1.5"),
    ]
    if choose_variant("auto") == "llvm":
        rows.append(("rooms, llvm", _frames_per_s("rooms", "llvm", scenes=4, frames=4), "frames/s", ">= 2.5"))
        rows.append(("streets, llvm", _frames_per_s("streets", "llvm", scenes=4, frames=2), "camera frames/s", ">= 2.5"))
    return rows


def _frames_per_s(family: str, variant: str, *, scenes: int, frames: int) -> float:
    rig = read_rig("nuscenes6") if family == "streets" else None
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        produce(
            family,
            Path(folder) / family,
            scenes=scenes,
            frames=frames,
            height=HEIGHT,
            width=WIDTH,
            seed=20_000,
            rig=rig,
            variant=variant,
            workers=2,
        )
        seconds = time.perf_counter() - started
    return scenes * frames * (1 if rig is None else len(rig.cameras)) / seconds
