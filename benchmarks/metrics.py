"""Time of the metrics of one KITTI-sized image, every pixel valid, float64 reductions."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from leadline.evaluation.boundary import si_boundary_f1
from leadline.evaluation.metrics import compute

HEIGHT, WIDTH = 375, 1242
ROUNDS = 30


def run() -> list[tuple[str, float, str, str]]:
    """All metrics of the pixels, the boundary F1 that needs the map, and both together."""
    pred, target = _street()
    pixels = _median_ms(lambda: compute(pred=pred, target=target))
    boundary = _median_ms(lambda: si_boundary_f1(pred=pred, target=target))
    size = f"{HEIGHT}x{WIDTH}"
    return [
        (f"pixel metrics, {size}", pixels, "ms", ""),
        (f"boundary F1, {size}", boundary, "ms", ""),
        (f"all metrics, {size}", pixels + boundary, "ms", "at most 25"),
    ]


def _street() -> tuple[np.ndarray, np.ndarray]:
    """A ground plane with boxes on it, and a prediction with smooth errors and blurred edges."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    target = 1.65 * 721.0 / np.maximum(rows - 170.0, 15.0)
    for _ in range(40):
        depth, left, width = rng.uniform(5, 60), rng.integers(0, WIDTH), rng.integers(10, 120)
        bottom = int(170 + 1.65 * 721.0 / depth)
        target[max(0, bottom - int(1100 / depth)) : bottom, left : left + width] = depth
    pred = target * np.exp(0.1 * np.sin(rows / 40.0) * np.cos(columns / 60.0))
    pred[:, 1:] = 0.7 * pred[:, 1:] + 0.3 * pred[:, :-1]
    return pred.astype(np.float32), target.astype(np.float32)


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return median(times)
