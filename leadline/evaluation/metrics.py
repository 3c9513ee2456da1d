"""Depth metrics with every published variant under its own name; one pass over the pixels, reductions in float64.

Symbols: g = target, p = prediction, d = ln p - ln g, all over the valid pixels. A name alone is the commonest definition,
`name:variant` a deviating one. Boundary metrics need the two-dimensional map and live in `boundary`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

THRESHOLDS = (1.03, 1.05, 1.10, 1.15, 1.20, 1.25, 1.25**2, 1.25**3)
AUC_STEPS = 100
AUC_FIRST, AUC_LAST = 0.01, 5.0
# Scratch arrays of this length stay in the cache from the first operation to the last.
BLOCK = 32768
LN10 = math.log(10.0)
LN_STEP = math.log(1.25)


@dataclass(frozen=True, eq=False)
class Moments:
    """Everything the metrics need to know about a set of pixels. Moments of disjoint sets add up.

    `sums` holds, in this order, |p-g|, (p-g)^2, |p-g|/g, (p-g)^2/g, (p-g)^2/g^2, |d|, (1/p-1/g)^2 [1/m^2]; `inside[i]` counts the
    pixels with max(p/g, g/p) < THRESHOLDS[i], negative where nobody asked; `auc_bins[k]` those whose first satisfied exponent of the
    AUC is the k-th.
    """

    num_pixels: int
    sums: np.ndarray
    log_mean: float
    log_sum_sq: float
    """Sum of (d - mean d)^2: a difference of moments would turn a constant ratio into NaN."""
    inside: np.ndarray
    auc_bins: np.ndarray | None
    """None where nobody asked for the AUC."""

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of both sets together; variances merge after Chan, Golub and LeVeque (1983)."""
        total = self.num_pixels + other.num_pixels
        gap = other.log_mean - self.log_mean
        return Moments(
            num_pixels=total,
            sums=self.sums + other.sums,
            log_mean=self.log_mean + gap * other.num_pixels / total,
            log_sum_sq=self.log_sum_sq + other.log_sum_sq + gap * gap * self.num_pixels * other.num_pixels / total,
            inside=self.inside + other.inside,
            auc_bins=None if self.auc_bins is None or other.auc_bins is None else self.auc_bins + other.auc_bins,
        )

    def mean(self, index: int) -> float:
        """Mean of one of `sums`."""
        return float(self.sums[index]) / self.num_pixels

    @property
    def log_variance(self) -> float:
        """Variance of d, dividing by n."""
        return self.log_sum_sq / self.num_pixels

    def share_below(self, threshold: float) -> float:
        """Share of pixels with max(p/g, g/p) strictly below one of THRESHOLDS."""
        count = self.inside[THRESHOLDS.index(threshold)]
        if count < 0:
            raise ValueError(f"these moments were taken without the threshold {threshold:g}")
        return float(count) / self.num_pixels


def moments(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, names: Iterable[str] | None = None) -> Moments:
    """Moments of the valid pixels, enough for the metrics `names` (all where None).

    Raises ValueError when there is no valid pixel, or when a value there is not finite and positive.
    """
    pred, target = np.asarray(pred), np.asarray(target)
    if pred.shape != target.shape:
        raise ValueError(f"pred has shape {pred.shape}, target {target.shape}")
    if valid is not None:
        valid = np.asarray(valid)
        if valid.dtype != bool or valid.shape != pred.shape:
            raise ValueError(f"valid must be bool of shape {pred.shape}, not {valid.dtype} of shape {valid.shape}")
        pred, target = pred[valid], target[valid]
    pred, target = pred.reshape(-1), target.reshape(-1)
    if pred.size == 0:
        raise ValueError("no valid pixel: a metric over nothing is not a number")
    _check("pred", pred)
    _check("target", target)
    asked = METRICS if names is None else names
    return _moments(pred, target, thresholds=tuple(t for t in THRESHOLDS if _USERS[t] in asked), with_auc="d_auc" in asked)


def _check(name: str, values: np.ndarray) -> None:
    if not (values.min() > 0 and values.max() < np.inf):
        bad = np.count_nonzero(~np.isfinite(values))
        low = np.count_nonzero(values <= 0)
        raise ValueError(f"{name} holds {bad} values that are not finite and {low} that are not positive among {values.size} valid pixels")


def _moments(pred: np.ndarray, target: np.ndarray, *, thresholds: tuple[float, ...], with_auc: bool) -> Moments:
    length = min(BLOCK, pred.size)
    scratch, flags, bins = np.empty((3, length)), np.empty(length, dtype=bool), np.empty(length, dtype=np.int64)
    starts = range(0, pred.size, length)
    sums = np.empty((len(starts), 7))
    log_means, log_sums_sq = np.empty(len(starts)), np.empty(len(starts))
    inside, auc_bins = np.full(len(THRESHOLDS), -1, dtype=np.int64), np.zeros(AUC_STEPS + 1, dtype=np.int64) if with_auc else None
    counted = [THRESHOLDS.index(t) for t in thresholds]
    inside[counted] = 0
    for i, start in enumerate(starts):
        p, g = (values[start : start + length].astype(np.float64, copy=False) for values in (pred, target))
        a, b, c = scratch[:, : p.size]
        ratio, logs = _block_sums(p, g, a, b, c, out=sums[i])
        inside[counted] += np.array([np.count_nonzero(np.less(ratio, t, out=flags[: ratio.size])) for t in thresholds], dtype=np.int64)
        log_means[i] = logs.sum() / logs.size
        np.abs(logs, out=b)
        sums[i, 5] = b.sum()
        if auc_bins is not None:
            auc_bins += _auc_bins(b, bins[: b.size])
        logs -= log_means[i]
        log_sums_sq[i] = logs @ logs
    sizes = np.minimum(length, pred.size - np.array(starts))
    log_mean = float(sizes @ log_means) / pred.size
    between = float(sizes @ (log_means - log_mean) ** 2)
    return Moments(pred.size, sums.sum(axis=0), log_mean, float(log_sums_sq.sum()) + between, inside, auc_bins)


def _block_sums(
    p: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, *, out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill `out` but for |d|; returns max(p/g, g/p) in `a` and d in `c`. Allocates nothing: page faults cost more than sums."""
    np.subtract(p, g, out=a)
    out[0] = np.abs(a, out=b).sum()
    out[1] = a @ a
    np.divide(a, g, out=b)
    out[2] = np.abs(b, out=c).sum()
    out[3] = a @ b
    out[4] = b @ b
    np.divide(b, p, out=b)
    out[6] = b @ b
    np.divide(p, g, out=a)
    np.log(a, out=c)
    np.divide(g, p, out=b)
    return np.maximum(a, b, out=a), c


def _auc_bins(abs_logs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Count, per exponent x of the AUC, the pixels for which it is the first with max(p/g, g/p) < 1.25^x. Overwrites its arguments."""
    step = (AUC_LAST - AUC_FIRST) / (AUC_STEPS - 1)
    abs_logs *= 1.0 / (LN_STEP * step)
    abs_logs += 1.0 - AUC_FIRST / step
    np.copyto(bins, abs_logs, casting="unsafe")
    counts = np.bincount(bins, minlength=AUC_STEPS + 1)
    return np.append(counts[:AUC_STEPS], counts[AUC_STEPS:].sum())


def _d_auc(m: Moments) -> float:
    if m.auc_bins is None:
        raise ValueError("these moments were taken without the AUC")
    shares = np.cumsum(m.auc_bins[:AUC_STEPS]) / m.num_pixels
    return float(np.trapezoid(shares, np.linspace(AUC_FIRST, AUC_LAST, AUC_STEPS))) / AUC_LAST


def _unbiased(m: Moments) -> float:
    return 100.0 * math.sqrt(m.log_sum_sq / max(m.num_pixels - 1, 1))


@dataclass(frozen=True)
class Metric:
    """One number of a set of pixels: its formula in words, its unit, and whether more is better."""

    formula: str
    of: Callable[[Moments], float]
    unit: str = ""
    higher_is_better: bool = False


def _share(name: str, threshold: float) -> Metric:
    return Metric(f"share of max(p/g, g/p) < {name}", lambda m: m.share_below(threshold), higher_is_better=True)


METRICS: dict[str, Metric] = {
    "abs_rel": Metric("mean |p-g|/g", lambda m: m.mean(2)),
    "sq_rel": Metric("mean (p-g)^2/g", lambda m: m.mean(3), "m"),
    "sq_rel:squared": Metric("mean (p-g)^2/g^2", lambda m: m.mean(4)),
    "mae": Metric("mean |p-g|", lambda m: m.mean(0), "m"),
    "rmse": Metric("sqrt mean (p-g)^2", lambda m: math.sqrt(m.mean(1)), "m"),
    "rmse_log": Metric("sqrt mean d^2", lambda m: math.sqrt(m.log_variance + m.log_mean**2)),
    "rmse_log:log10": Metric("sqrt mean (log10 p - log10 g)^2", lambda m: math.sqrt(m.log_variance + m.log_mean**2) / LN10),
    "log10": Metric("mean |log10 p - log10 g|", lambda m: m.mean(5) / LN10),
    "silog": Metric("100 sqrt var d, over n", lambda m: 100.0 * math.sqrt(m.log_variance)),
    "silog:unbiased100": Metric("100 std d, over n-1 (0 for one pixel)", _unbiased),
    "silog:lambda0.5": Metric("sqrt(mean d^2 - 0.5 mean(d)^2)", lambda m: math.sqrt(m.log_variance + 0.5 * m.log_mean**2)),
    "silog:log10": Metric("sqrt var (log10 p - log10 g)", lambda m: math.sqrt(m.log_variance) / LN10),
    "delta1": _share("1.25", 1.25),
    "delta2": _share("1.25^2", 1.25**2),
    "delta3": _share("1.25^3", 1.25**3),
    "delta:1.05": _share("1.05", 1.05),
    "delta:1.10": _share("1.10", 1.10),
    "delta:1.15": _share("1.15", 1.15),
    "delta:1.20": _share("1.20", 1.20),
    "tau": _share("1.03", 1.03),
    "d_auc": Metric("area under the share of max(p/g, g/p) < 1.25^x for x in 0.01..5, over 5", _d_auc, higher_is_better=True),
    "irmse": Metric("sqrt mean (1/p - 1/g)^2", lambda m: 1000.0 * math.sqrt(m.mean(6)), "1/km"),
}


_USERS = dict(zip(THRESHOLDS, ("tau", "delta:1.05", "delta:1.10", "delta:1.15", "delta:1.20", "delta1", "delta2", "delta3"), strict=True))
"""The metric that asks for each threshold."""


def compute(
    *, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, names: Iterable[str] = tuple(METRICS)
) -> dict[str, float]:
    """The named metrics of one map [m], all from one pass. Raises ValueError like `moments`."""
    names = tuple(names)
    m = moments(pred=pred, target=target, valid=valid, names=names)
    return {name: METRICS[name].of(m) for name in names}


def _one(name: str, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None) -> float:
    return METRICS[name].of(moments(pred=pred, target=target, valid=valid, names=(name,)))


def abs_rel(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Mean |p-g|/g."""
    return _one("abs_rel", pred, target, valid)


def sq_rel(
    *, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, variant: Literal["eigen", "squared"] = "eigen"
) -> float:
    """Mean (p-g)^2/g [m]; `squared` divides by g^2 (KITTI devkit, slowtv, which print percent)."""
    return _one("sq_rel" if variant == "eigen" else f"sq_rel:{variant}", pred, target, valid)


def mae(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Mean |p-g| [m]."""
    return _one("mae", pred, target, valid)


def rmse(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Root of the mean (p-g)^2 [m]."""
    return _one("rmse", pred, target, valid)


def rmse_log(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, variant: Literal["ln", "log10"] = "ln") -> float:
    """Root of the mean squared difference of logarithms; Metric3D takes `log10`."""
    return _one("rmse_log" if variant == "ln" else f"rmse_log:{variant}", pred, target, valid)


def log10(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Mean |log10 p - log10 g|."""
    return _one("log10", pred, target, valid)


def silog(
    *,
    pred: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray | None = None,
    variant: Literal["eigen100", "unbiased100", "lambda0.5", "log10"] = "eigen100",
) -> float:
    """Scale-invariant log error, 100 sqrt(var d); variants are UniDepth's `unbiased100`, DA-V2's `lambda0.5`, Metric3D's `log10`."""
    return _one("silog" if variant == "eigen100" else f"silog:{variant}", pred, target, valid)


def delta1(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25."""
    return _one("delta1", pred, target, valid)


def delta2(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25^2 = 1.5625."""
    return _one("delta2", pred, target, valid)


def delta3(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25^3 = 1.953125."""
    return _one("delta3", pred, target, valid)


def tau(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Share of pixels with max(p/g, g/p) < 1.03 (UniDepth)."""
    return _one("tau", pred, target, valid)


def d_auc(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Area under the share of max(p/g, g/p) < 1.25^x over 100 exponents x in 0.01..5, divided by 5 (UniDepth)."""
    return _one("d_auc", pred, target, valid)


def irmse(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Root of the mean squared difference of inverse depths [1/km] (KITTI devkit)."""
    return _one("irmse", pred, target, valid)
