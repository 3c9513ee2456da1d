"""Samples a second that a packed set of 96x160 feeds on two cores: image, depth and material, random crop, flip and colours.

A wall clock on a busy machine measures its other work as well, so the processor time of a sample stands beside it, and the load.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks.loading import AUGMENT, BATCH, write_worlds
from leadline.data.catalog import open_dataset
from leadline.data.order import BatchOrder
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.io.image import write_image
from leadline.scenes.pack import pack

HEIGHT, WIDTH, NUM_FRAMES = 96, 160, 96
WORKERS = 2
NEEDS = Needs(layers=frozenset({"depth", "material"}))


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rows of the archive, of one process and of two workers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            worlds = Path(folder) / "worlds"
            write_worlds(worlds, height=HEIGHT, width=WIDTH, frames=NUM_FRAMES)
            material = np.add.outer(np.arange(HEIGHT) // 24, np.arange(WIDTH) // 40).astype(np.uint8) % 5
            for view in worlds.glob("scene_*/frame_*/camera"):
                write_image(view / "material.png", material)
            packed = pack(worlds, Path(folder) / "worlds.zip")
            yield "packed, a view", packed.num_bytes / packed.num_views / 1000, "kB", ""
            for where, root in (("packed", packed.path), ("folder", worlds)):
                source = SampleSource(open_dataset(f"rendered:{root}"), NEEDS, Transform(HEIGHT, WIDTH, AUGMENT))
                seconds = _cpu_seconds_per_sample(source)
                yield f"{where}: processor time of a sample", 1000 * seconds, "ms", ""
                yield f"{where}: samples a second of two whole cores", WORKERS / seconds, "1/s", ">= 400" if where == "packed" else ""
                yield f"{where}: samples a second, {WORKERS} workers, wall clock", _wall_rate(source), "1/s", ""
            yield "load of the machine, 1 minute", os.getloadavg()[0], "", "2 is two busy cores"
    finally:
        torch.set_num_threads(threads)


def _cpu_seconds_per_sample(source: SampleSource) -> float:
    """Median of several rounds in one process, collating included."""
    rounds = []
    for epoch in range(5):
        started = time.process_time()
        for first in range(0, NUM_FRAMES, BATCH):
            collate([source[epoch, index] for index in range(first, first + BATCH)])
        rounds.append((time.process_time() - started) / NUM_FRAMES)
    return float(np.median(rounds))


def _wall_rate(source: SampleSource) -> float:
    """From the first batch on, so that starting the workers does not count."""
    order = BatchOrder(source.sizes, batch_size=BATCH, seed=0)
    batches = iter(DataLoader(source, batch_sampler=order, collate_fn=collate, num_workers=WORKERS, prefetch_factor=4))
    next(batches)
    num_batches = 6 * NUM_FRAMES // BATCH
    started = time.perf_counter()
    for _ in range(num_batches):
        next(batches)
    return num_batches * BATCH / (time.perf_counter() - started)
