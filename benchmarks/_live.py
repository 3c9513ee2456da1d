"""From JPEG to 16-bit PNG as `leadline live` does it, on pictures of smooth noise: time does not know what they show."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.cli.live import DepthFolder
from leadline.io.image import write_image
from leadline.runtime.live import Live, View
from leadline.runtime.model import RuntimeModel
from leadline.runtime.streams import Pace, open_streams


def noise(seed: int, height: int, width: int) -> np.ndarray:
    """A picture uint8 (height, width, 3) of blocks of 8 px: what a camera sees is packed about as well."""
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)


def write_noise(folder: Path, num: int, height: int, width: int, *, first: int = 0) -> Path:
    """`num` such pictures as JPEG, of the seeds from `first` on. Returns `folder`."""
    for i in range(num):
        write_image(folder / f"{i:03}.jpg", noise(first + i, height, width), quality=90)
    return folder


def from_jpeg_to_png(model: RuntimeModel, cameras: Sequence[Path], out: Path) -> float:
    """Seconds for all pictures of the folders `cameras`, read as fast as they are used."""
    streams = open_streams([str(folder) for folder in cameras], rig=None, pace=Pace())
    begin = time.perf_counter()
    Live(model, streams, View(), policy="wait", fps=10).run(DepthFolder(out, by_camera=len(cameras) > 1))
    return time.perf_counter() - begin
