"""Confidence intervals of averaged metrics: images drawn again with replacement, seeded, so that equal rows give equal intervals.

The unit is the image, or the whole recording where frames of one resemble each other. Percentile intervals (Efron 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadline.evaluation.metrics import METRICS, THRESHOLDS, Moments
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.reduce import batch_rows
from leadline.evaluation.score import Row

CHUNK = 200
"""Resamples computed at once."""


@dataclass(frozen=True)
class Bootstrap:
    """How to draw: `resamples` times, what is drawn, the share of resamples that an interval covers, and the seed."""

    resamples: int = 1000
    unit: Literal["image", "sequence"] = "image"
    level: float = 0.95
    seed: int = 0


def intervals(rows: Sequence[Row], protocol: Protocol, how: Bootstrap) -> dict[str, tuple[float, float]]:
    """(low, high) of each metric of `reduce_rows(rows)`; empty when fewer than two units can be drawn."""
    if protocol.reduce == "camera_batch_mean":
        rows = batch_rows(rows)  # a batch is one number, so it is drawn as one
    units = _units(rows, how)
    num_units = int(units.max()) + 1 if len(rows) else 0
    if num_units < 2 or how.resamples < 1:
        return {}
    rng = np.random.default_rng(how.seed)
    drawn: dict[str, list[np.ndarray]] = {}
    for start in range(0, how.resamples, CHUNK):
        num = min(CHUNK, how.resamples - start)
        counts = rng.multinomial(num_units, np.full(num_units, 1.0 / num_units), size=num)
        for name, values in _reduced(rows, counts[:, units].astype(np.float64), protocol).items():
            drawn.setdefault(name, []).append(values)
    tail = 50.0 * (1.0 - how.level)
    result = {}
    for name, parts in drawn.items():
        values = np.concatenate(parts)
        low, high = np.nanpercentile(values, [tail, 100.0 - tail])
        result[name] = float(low), float(high)
    return result


def _units(rows: Sequence[Row], how: Bootstrap) -> np.ndarray:
    """For each row, the number of the unit it is drawn with."""
    if how.unit == "image":
        return np.arange(len(rows))
    numbers = {sequence: i for i, sequence in enumerate(dict.fromkeys(row.sequence for row in rows))}
    return np.array([numbers[row.sequence] for row in rows], dtype=np.int64)


def _reduced(rows: Sequence[Row], weights: np.ndarray, protocol: Protocol) -> dict[str, np.ndarray]:
    """Each metric (resamples) of rows that count `weights` (resamples, rows) times, by the protocol's average."""
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    match protocol.reduce:
        case "pixel_mean":
            return _pooled(rows, weights, names)
        case "image_mean":
            return dict(zip(names, _weighted(_table(rows, names), weights).T, strict=True))
        case "camera_mean" | "camera_batch_mean":
            values = _table(rows, names)
            cameras = np.array([row.camera for row in rows])
            inside = [cameras == camera for camera in dict.fromkeys(cameras.tolist())]
            means = np.stack([_weighted(values[chosen], weights[:, chosen]) for chosen in inside])
            # A camera of which nothing was drawn is left out of the mean of the cameras.
            seen = np.isfinite(means)
            mean = np.where(seen, means, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
            return dict(zip(names, mean.T, strict=True))


def _table(rows: Sequence[Row], names: list[str]) -> np.ndarray:
    """Values (rows, names), NaN where an image does not have the metric."""
    return np.array([[row.metrics.get(name, np.nan) for name in names] for row in rows])


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means (resamples, metrics) of rows (rows, metrics), NaN entries left out; NaN where nothing was drawn."""
    known = np.isfinite(values)
    total = weights @ known
    return np.divide(weights @ np.where(known, values, 0.0), total, out=np.full(total.shape, np.nan), where=total > 0)


def _pooled(rows: Sequence[Row], weights: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    moments = [row.moments for row in rows]
    assert all(m is not None for m in moments)
    known = [m for m in moments if m is not None]
    pixels = np.array([m.num_pixels for m in known], dtype=np.float64)
    centre = float(pixels @ [m.log_mean for m in known] / pixels.sum())
    offsets = np.array([m.log_mean - centre for m in known])
    spread = np.array([m.log_sum_sq for m in known]) + pixels * offsets**2
    num = weights @ pixels
    mean = (weights @ (pixels * offsets)) / num
    sums = weights @ np.stack([m.sums for m in known])
    inside = weights @ np.stack([m.inside for m in known]).reshape(len(known), len(THRESHOLDS))
    auc = None if any(m.auc_bins is None for m in known) else weights @ np.stack([m.auc_bins for m in known if m.auc_bins is not None])
    log_sum_sq = np.maximum(weights @ spread - num * mean**2, 0.0)
    drawn = [
        Moments(
            num_pixels=int(num[i]),
            sums=sums[i],
            log_mean=float(mean[i]) + centre,
            log_sum_sq=float(log_sum_sq[i]),
            inside=inside[i],
            auc_bins=None if auc is None else auc[i],
        )
        for i in range(len(num))
    ]
    return {name: np.array([METRICS[name].of(m) for m in drawn]) for name in names}
