"""Evaluating 1,000 KITTI-sized images against LiDAR, beside the published NumPy formulas run one image at a time.

In the rows named LiDAR truth is as sparse as real KITTI's: 19,200 pixels of 375x1242, 4 %, all in rows 111 and below. They are spread
evenly, so about 14,700 of them lie inside Garg's rectangle; of the recorded frames' 19,200 it is about 17,300.
The twin below is monodepth2's and ZoeDepth's code path written plainly: limits and rectangle as whole masks, median scaling, clamp, then
`compute_errors` over the chosen pixels in float64. Both sides give the same nine numbers per image, which is checked. Times are of one
core (CPU time, medians of rounds of 20 images), both sides taken in turn; reading files is not included on either side.

Where nothing is resized both sides are bound by the same gathers from frames that no cache holds. Two threads over images were tried on
a shared 2-core machine and gained nothing: with 15,000 pixels an operation takes microseconds, less than handing over the lock.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
import torch

from leadline.evaluation.protocol import STANDARD_METRICS
from leadline.evaluation.protocols import PROTOCOLS
from leadline.evaluation.score import Item
from leadline.evaluation.tally import Tally
from leadline.types import DepthKind

HEIGHT, WIDTH = 375, 1242
NUM_IMAGES, NUM_DENSE, NUM_DIFFERENT = 1000, 100, 20
NUM_POINTS, FIRST_ROW = 19200, 111
PROTOCOL = replace(PROTOCOLS["kitti-eigen-monodepth2"], num_images=None, metrics=STANDARD_METRICS)


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rows for predictions of a network's size, which both sides resize, for those of the target's size, and for dense truth."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _compare("LiDAR, network 192x640", (192, 640), NUM_IMAGES, NUM_POINTS)
        yield from _compare("LiDAR, nothing to resize", (HEIGHT, WIDTH), NUM_IMAGES, NUM_POINTS)
        yield from _compare("dense, nothing to resize", (HEIGHT, WIDTH), NUM_DENSE, (HEIGHT - FIRST_ROW) * WIDTH)
    finally:
        torch.set_num_threads(threads)


def _compare(what: str, size: tuple[int, int], num_images: int, num_points: int) -> Iterator[tuple[str, float, str, str]]:
    images = [_image(seed, size, num_points) for seed in range(NUM_DIFFERENT)]
    answered = np.ones(size, dtype=bool)  # comes with the prediction, as its values do
    ours_s, plain_s = list[float](), list[float]()
    tally, rows = Tally(PROTOCOL), []
    for start in range(0, num_images, NUM_DIFFERENT):
        begin = time.process_time()
        for i, (pred, target) in enumerate(images):
            tally.add(Item(f"{start + i}", pred, answered, DepthKind.METRIC, target))
        middle = time.process_time()
        rows += [plain(pred, target) for pred, target in images]
        ours_s.append(middle - begin)
        plain_s.append(time.process_time() - middle)
    begin = time.process_time()
    result = tally.finish()
    rounds = num_images // NUM_DIFFERENT
    ours, theirs = rounds * median(ours_s) + time.process_time() - begin, rounds * median(plain_s)
    for i, name in enumerate(STANDARD_METRICS):
        assert np.isclose(result.metrics[name], np.mean([row[i] for row in rows]), rtol=1e-6), f"{name} differs from the plain formula"
    yield f"leadline, {num_images} images, {what}", ours, "s", ""
    yield f"plain NumPy, {num_images} images, {what}", theirs, "s", ""
    # The target is about KITTI, whose truth is sparse; the dense row is there to show where the time goes.
    yield f"plain NumPy / leadline, {what}", theirs / ours, "times", "at least 3" if what.startswith("LiDAR") else ""


def plain(pred: np.ndarray, target: np.ndarray) -> tuple[float, ...]:
    """STANDARD_METRICS of one image as published evaluators compute them: whole masks, then formulas over the chosen pixels."""
    if pred.shape != target.shape:
        disparity = torch.from_numpy(1 / pred)[None, None]
        # Published code calls cv2.resize, which is compiled as this is.
        disparity = torch.nn.functional.interpolate(disparity, size=target.shape, mode="bilinear", align_corners=False)
        pred = 1 / disparity[0, 0].numpy()
    mask = np.logical_and(target > 1e-3, target < 80)
    crop = np.array([0.40810811 * HEIGHT, 0.99189189 * HEIGHT, 0.03594771 * WIDTH, 0.96405229 * WIDTH]).astype(np.int32)
    crop_mask = np.zeros(mask.shape)
    crop_mask[crop[0] : crop[1], crop[2] : crop[3]] = 1
    mask = np.logical_and(mask, crop_mask)
    p, g = pred[mask].astype(np.float64), target[mask].astype(np.float64)
    p *= np.median(g) / np.median(p)
    p[p < 1e-3] = 1e-3
    p[p > 80] = 80
    thresh = np.maximum((g / p), (p / g))
    err = np.log(p) - np.log(g)
    return (
        np.mean(np.abs(g - p) / g),
        np.mean(((g - p) ** 2) / g),
        np.sqrt(((g - p) ** 2).mean()),
        np.sqrt(((np.log(g) - np.log(p)) ** 2).mean()),
        (np.abs(np.log10(g) - np.log10(p))).mean(),
        np.sqrt(np.mean(err**2) - np.mean(err) ** 2) * 100,
        (thresh < 1.25).mean(),
        (thresh < 1.25**2).mean(),
        (thresh < 1.25**3).mean(),
    )


def _image(seed: int, size: tuple[int, int], num_points: int) -> tuple[np.ndarray, np.ndarray]:
    """A prediction of `size` and a sparse target, float32 [m]."""
    rng = np.random.default_rng(seed)
    target = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    where = rng.choice((HEIGHT - FIRST_ROW) * WIDTH, num_points, replace=False) + FIRST_ROW * WIDTH
    target.ravel()[where] = rng.uniform(4, 79, num_points)
    rows, columns = np.mgrid[: size[0], : size[1]]
    pred = 20 + 10 * np.sin(rows / 20) * np.cos(columns / 30) + rng.normal(0, 0.5, size)
    return pred.astype(np.float32), target
