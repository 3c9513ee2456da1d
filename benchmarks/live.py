"""End to end against inference alone: six cameras of 384x640 from JPEG to 16-bit PNG by `surround-r18` in OpenVINO, in turns.

Weights are random and pictures are noise: time does not know. End to end is `Live` as the verb runs it, every moment of a recording read as
fast as it is used; inference alone is the same network on pictures that are ready in memory.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import leadline.runtime
from benchmarks._live import from_jpeg_to_png, noise, write_noise
from benchmarks._networks import export_surround, save_method
from leadline.io.exported import Precision
from leadline.io.photo import Photo
from leadline.runtime.model import RuntimeModel

HEIGHT, WIDTH, CAMERAS = 384, 640, 6
MOMENTS, ROUNDS = 8, 5
MOST = 1.15


def run() -> Iterator[tuple[str, float, str, str]]:
    """Milliseconds a camera frame of both, and their ratio, in fp32 and bf16."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        network = save_method(folder / "surround-r18", "surround", {"network": "surround-r18"}, height=HEIGHT, width=WIDTH)
        path = export_surround(network, folder / "r18.xml")
        cameras = [write_noise(folder / f"c{c}", MOMENTS, HEIGHT, WIDTH, first=c * MOMENTS) for c in range(CAMERAS)]
        precisions: tuple[Precision, ...] = ("fp32", "bf16")
        for precision in precisions:
            model = leadline.runtime.open(path, precision=precision)
            model.warm_up(num=CAMERAS)
            times = [(_alone(model), from_jpeg_to_png(model, cameras, folder / "out")) for _ in range(ROUNDS)]
            alone, whole = (1000 * median(column) / (MOMENTS * CAMERAS) for column in zip(*times, strict=True))
            yield f"surround-r18, {precision}: inference alone, a camera frame", alone, "ms", ""
            yield f"surround-r18, {precision}: JPEG to 16-bit PNG, a camera frame", whole, "ms", ""
            yield f"surround-r18, {precision}: end to end against inference alone", whole / alone, "", f"<= {MOST:g}"


def _alone(model: RuntimeModel) -> float:
    """Seconds for all moments."""
    jobs = [model.prepare(Photo(noise(i, HEIGHT, WIDTH))) for i in range(CAMERAS)]
    begin = time.perf_counter()
    for _ in range(MOMENTS):
        model.infer(jobs)
    return time.perf_counter() - begin
