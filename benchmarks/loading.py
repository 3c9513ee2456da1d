"""Milliseconds of one processor core per training sample: image and depth, random crop, flip and colours."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from skimage.filters import gaussian

from leadline.data.augment import Augment
from leadline.data.catalog import open_dataset
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.io.depth import DepthFile, write_depth
from leadline.io.image import write_image
from leadline.io.jsonfile import write_json

NUM_FRAMES = 24
BATCH = 12
AUGMENT = Augment(flip=0.5, smallest_crop=0.7, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rows for both training sizes, from files and from memory."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for height, width, step_s in ((96, 160, 0.29), (192, 320, 1.19)):
            with tempfile.TemporaryDirectory() as folder:
                write_worlds(Path(folder), height=height, width=width)
                dataset = open_dataset(f"rendered:{folder}")
                for where, cache_bytes in (("files", 0), ("memory", 10**9)):
                    source = SampleSource(dataset, Needs(), Transform(height, width, AUGMENT), cache_bytes=cache_bytes)
                    ms = _ms_per_sample(source)
                    yield f"one sample {height}x{width} from {where}", ms, "ms", ""
                    yield (
                        f"{BATCH} of them, share of a training step",
                        100 * BATCH * ms / 1000 / step_s,
                        "%",
                        "<= 10 (waiting, with a worker less)",
                    )
    finally:
        torch.set_num_threads(threads)


def _ms_per_sample(source: SampleSource) -> float:
    """Fastest of several rounds, so that other work on the machine counts least."""
    rounds = []
    for epoch in range(8):
        started = time.process_time()
        for first in range(0, NUM_FRAMES, BATCH):
            collate([source[epoch, index] for index in range(first, first + BATCH)])
        rounds.append((time.process_time() - started) / NUM_FRAMES)
    return 1000 * min(rounds)


def write_worlds(root: Path, *, height: int, width: int, frames: int = NUM_FRAMES) -> None:
    """A rendered data set of smooth noise, whose files compress about as well as pictures do."""
    rng = np.random.default_rng(0)
    write_json(root / "dataset.json", {"format": 1, "rig": None})
    for frame in range(frames):
        view = root / "scene_000000" / f"frame_{frame:04d}" / "camera"
        noise = gaussian(rng.random((height, width, 4)), sigma=3, channel_axis=2)
        noise = (noise - noise.min()) / (noise.max() - noise.min())
        write_image(view / "rgb.jpg", (255 * noise[..., :3]).astype(np.uint8))
        write_depth(view / "depth.png", DepthFile(values=1 + 20 * noise[..., 3]), sidecar=False)
        write_json(
            view / "meta.json",
            {"K": [[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], "cam_from_world": np.eye(4), "time_s": 0.0},
        )
