"""Alignment of a prediction to reference values: median, least squares, weighted L1. NumPy, float64, one image at a time.

Convention: aligned = scale * pred + shift. The functions do not know what the values are: pass depth or inverse depth,
on both sides the same. `valid` picks the pixels; what is not finite there is an error, never a silent drop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MEDIAN_BINS = 1024
SMALLEST_SPREAD = 1e-9
"""A prediction that varies less than this, relative to its size, is constant: scale and shift cannot be told apart."""


@dataclass(frozen=True)
class Alignment:
    """aligned = scale * pred + shift."""

    scale: float
    shift: float = 0.0

    def apply(self, pred: np.ndarray) -> np.ndarray:
        """The aligned prediction."""
        return self.scale * pred + self.shift


def align_median(*, pred: ArrayLike, target: ArrayLike, valid: ArrayLike, lower: bool = False) -> Alignment:
    """Scale that makes the medians equal (Zhou et al. 2017, the "median scaling" of self-supervised depth).

    An even number of pixels has two middle values: their mean is taken, as NumPy does, or the lower one with `lower`,
    as torch.median does. Raises ValueError for no valid pixel or a prediction whose median is zero.
    """
    p, g = _chosen(pred, target, valid)
    denominator = _median(p, lower=lower)
    if denominator == 0:
        raise ValueError("the prediction's median is zero: there is no scale")
    return Alignment(_median(g, lower=lower) / denominator)


def align_lstsq(*, pred: ArrayLike, target: ArrayLike, valid: ArrayLike, weights: ArrayLike | None = None) -> Alignment:
    """Scale and shift of the least weighted squared error, sum w (scale pred + shift - target)^2.

    A weight of 2 counts like a pixel given twice. Raises ValueError for no valid pixel or a constant prediction.
    """
    p, g = _chosen(pred, target, valid)
    w = _chosen_weights(weights, valid, len(p))
    # Centring first is the normal equations without their cancellation.
    p_mean, g_mean = np.average(p, weights=w), np.average(g, weights=w)
    _refuse_constant(p, p_mean)
    p_off = p - p_mean
    scale = float(w @ (p_off * (g - g_mean)) / (w @ (p_off * p_off)))
    return Alignment(scale, float(g_mean - scale * p_mean))


def align_weighted_l1(
    *, pred: ArrayLike, target: ArrayLike, valid: ArrayLike, weights: ArrayLike | None = None, with_shift: bool
) -> Alignment:
    """Exact minimum of sum w abs(scale pred (+ shift) - target); MoGe (arXiv 2410.19115) uses w = 1 / target.

    Scale alone is a weighted median of ratios. With shift, the best shift for a given scale is a weighted median, and
    what remains is convex in the scale, so bisection on its subgradient ends at the last bit. Cost grows like
    n log n: about 60 sorts with shift. Raises ValueError for no valid pixel, a prediction that is zero everywhere
    (scale) or constant (scale and shift).
    """
    p, g = _chosen(pred, target, valid)
    w = _chosen_weights(weights, valid, len(p))
    if with_shift:
        return _l1_scale_and_shift(p, g, w)
    nonzero = p != 0
    if not (w[nonzero] > 0).any():
        raise ValueError("the prediction is zero everywhere: there is no scale")
    p, g, w = p[nonzero], g[nonzero], w[nonzero]
    return Alignment(_weighted_median(g / p, w * np.abs(p)))


def _l1_scale_and_shift(p: np.ndarray, g: np.ndarray, w: np.ndarray) -> Alignment:
    used = w > 0
    p, g, w = p[used], g[used], w[used]
    centre = float(np.average(p, weights=w))
    _refuse_constant(p, centre)
    p = p - centre

    def best_shift(scale: float) -> float:
        return _weighted_median(g - scale * p, w)

    def slope(scale: float) -> float:
        """One subgradient of min over shift, at `scale`."""
        error = scale * p - g
        error += best_shift(scale)
        pull = w * np.sign(error)
        # The points on the line share what balances the others, which is what makes the shift optimal.
        touching = error == 0
        pull[touching] = -pull.sum() * w[touching] / w[touching].sum()
        return float(pull @ p)

    start = float(w @ (p * g) / (w @ (p * p)))
    step = max(abs(start), float(np.ptp(g) / np.ptp(p)), np.finfo(np.float64).tiny)
    low, high = start - step, start + step
    while slope(low) > 0:
        low, step = low - step, 2 * step
    while slope(high) < 0:
        high, step = high + step, 2 * step
    middle = 0.5 * (low + high)
    while low < middle < high:
        if slope(middle) > 0:
            high = middle
        else:
            low = middle
        middle = 0.5 * (low + high)
    scale = min((low, high), key=lambda s: float(w @ np.abs(s * p + best_shift(s) - g)))
    return Alignment(scale, best_shift(scale) - scale * centre)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The smallest value with at least half of the weight at or below it."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(below, 0.5 * below[-1])]])


def _median(values: np.ndarray, *, lower: bool) -> float:
    """Median of finite values (n); of the two middle ones of an even number the mean, or the lower.

    The values are sorted into bins first and only the bins in the middle are looked into, which is exact and three times as
    fast as partitioning all of them.
    """
    low, high = float(values.min()), float(values.max())
    middle, span = (len(values) - 1) // 2, high - low
    if len(values) < 1000 or not 0 < span < np.inf:
        ordered, first = np.sort(values), 0
    else:
        bins = ((values - low) * (MEDIAN_BINS / span)).astype(np.int64)
        below = np.cumsum(np.bincount(bins, minlength=MEDIAN_BINS + 1))
        # The upper of two middle values may lie in a later bin.
        begin, end = np.searchsorted(below, [middle, len(values) // 2], side="right")
        ordered, first = np.sort(values[(bins >= begin) & (bins <= end)]), int(below[begin - 1]) if begin else 0
    at = middle - first
    return float(ordered[at]) if lower or len(values) % 2 else float(ordered[at] + ordered[at + 1]) / 2


def _chosen(pred: ArrayLike, target: ArrayLike, valid: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Valid values as float64 vectors."""
    pred, target, valid = np.asarray(pred), np.asarray(target), np.asarray(valid)
    if not pred.shape == target.shape == valid.shape:
        raise ValueError(f"shapes differ: pred {pred.shape}, target {target.shape}, valid {valid.shape}")
    if valid.all():  # nothing to choose: no copies, which nobody below writes to
        p, g = pred.ravel().astype(np.float64, copy=False), target.ravel().astype(np.float64, copy=False)
    else:
        p, g = pred[valid.astype(bool)].astype(np.float64), target[valid.astype(bool)].astype(np.float64)
    if not len(p):
        raise ValueError("no valid pixel to align on")
    for name, values in (("prediction", p), ("target", g)):
        if not np.isfinite(values).all():
            raise ValueError(f"the {name} is not finite at {np.count_nonzero(~np.isfinite(values))} valid pixels")
    return p, g


def _chosen_weights(weights: ArrayLike | None, valid: ArrayLike, num: int) -> np.ndarray:
    if weights is None:
        return np.ones(num)
    w = np.asarray(weights)[np.asarray(valid).astype(bool)].astype(np.float64)
    if not np.isfinite(w).all() or (w < 0).any() or not (w > 0).any():
        raise ValueError("weights of valid pixels must be finite, not negative, and not all zero")
    return w


def _refuse_constant(p: np.ndarray, p_mean: float) -> None:
    if np.abs(p - p_mean).max() <= SMALLEST_SPREAD * np.abs(p).max():
        raise ValueError("the prediction is constant on the valid pixels: scale and shift cannot be told apart")
