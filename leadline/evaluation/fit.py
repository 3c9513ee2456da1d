"""Fit a prediction to the truth as a protocol says, and turn what was fitted into depth. Pixels come in as vectors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leadline.evaluation.protocol import Protocol
from leadline.geometry.align import Alignment, align_lstsq, align_median, align_weighted_l1

FEWEST_FOR_POLYFIT = 10
"""Metric3D fits a line to more pixels than this only."""


@dataclass(frozen=True)
class Fit:
    """What makes depth [m] of predicted values: `alignment` of depth, inverse depth or, with `logs`, log depth."""

    alignment: Alignment
    inverse: bool = False
    logs: bool = False
    floor: float = 0.0
    """Aligned inverse depth [1/m] is raised to this."""

    @property
    def scale(self) -> float:
        """Factor of the fit; for log depth the exponent."""
        return self.alignment.scale

    @property
    def shift(self) -> float:
        """Offset of the fit, in the unit that is fitted."""
        return self.alignment.shift

    def depth(self, pred: np.ndarray) -> np.ndarray:
        """Depth [m] of values in the domain that was fitted."""
        if self.logs:
            return np.exp(self.alignment.apply(np.log(pred)))
        fitted = pred if self.alignment == Alignment(1.0) else self.alignment.apply(pred)
        return 1.0 / np.maximum(fitted, self.floor) if self.inverse else fitted


def fit(*, pred: np.ndarray, target: np.ndarray, chosen: np.ndarray | None, protocol: Protocol) -> Fit:
    """Fit `pred` (n) to `target` (n) [m] on the `chosen` pixels (all where None). Raises ValueError when no fit exists."""
    if protocol.align == "none":
        return Fit(Alignment(1.0))
    if protocol.align == "factor":
        return Fit(Alignment(protocol.align_factor))
    floor = _floor(target, protocol)
    p, g = (pred, target) if chosen is None else (pred[chosen], target[chosen])
    if protocol.align_positive_only:
        positive = p > 0
        p, g = p[positive], g[positive]
    everywhere = np.ones(p.shape, dtype=bool)
    if protocol.fits_inverse:
        g = 1.0 / g
    return Fit(_FITS[protocol.align](p, g, everywhere), inverse=protocol.fits_inverse, logs=protocol.align == "lstsq_log", floor=floor)


def _floor(target: np.ndarray, protocol: Protocol) -> float:
    if protocol.inverse_floor == "farthest":
        return float(1.0 / target.max()) if target.size else 0.0
    return protocol.inverse_floor


def _polyfit(p: np.ndarray, g: np.ndarray, valid: np.ndarray) -> Alignment:
    """A line, or the median scale where the line would turn depth around or pixels are few (Metric3D)."""
    if p.size > FEWEST_FOR_POLYFIT:
        line = align_lstsq(pred=p, target=g, valid=valid)
        if line.scale >= 0:
            return line
    return align_median(pred=p, target=g, valid=valid)


def _logs(p: np.ndarray, g: np.ndarray, valid: np.ndarray) -> Alignment:
    if not (p > 0).all():
        raise ValueError("a prediction that is not positive has no logarithm")
    return align_lstsq(pred=np.log(p), target=np.log(g), valid=valid)


def _median_shift(p: np.ndarray, g: np.ndarray, _: np.ndarray) -> Alignment:
    """Medians made equal by the shift, mean absolute deviations from them by the scale (MiDaS)."""
    p_median, g_median = float(np.median(p)), float(np.median(g))
    p_spread, g_spread = float(np.abs(p - p_median).mean()), float(np.abs(g - g_median).mean())
    if not p_spread > 0 or not math.isfinite(p_spread):
        raise ValueError("the prediction is constant on the valid pixels: scale and shift cannot be told apart")
    scale = g_spread / p_spread
    return Alignment(scale, g_median - scale * p_median)


_FITS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Alignment]] = {
    "median": lambda p, g, v: align_median(pred=p, target=g, valid=v),
    "median_lower": lambda p, g, v: align_median(pred=p, target=g, valid=v, lower=True),
    "median_shift_inverse": _median_shift,
    "lstsq": lambda p, g, v: align_lstsq(pred=p, target=g, valid=v),
    "lstsq_inverse": lambda p, g, v: align_lstsq(pred=p, target=g, valid=v),
    "lstsq_log": _logs,
    "polyfit": _polyfit,
    "weighted_l1": lambda p, g, v: align_weighted_l1(pred=p, target=g, valid=v, weights=1.0 / g, with_shift=False),
    "weighted_l1_shift": lambda p, g, v: align_weighted_l1(pred=p, target=g, valid=v, weights=1.0 / g, with_shift=True),
}


def fitted_pixels(pixels: np.ndarray, protocol: Protocol, *, height: int, width: int) -> np.ndarray | None:
    """Which of the valid `pixels` (n), flat indices in row order, the fit looks at: bool (n), or None for all."""
    if protocol.align_grid is not None:
        return _nearest_to_grid(pixels, protocol.align_grid, height=height, width=width)
    side = protocol.align_max_side
    if side is None or max(height, width) <= side:
        return None
    # torch.nn.Upsample(scale_factor, mode="nearest"), as Marigold's alignment uses it.
    factor = side / max(height, width)
    kept = np.zeros((height, width), dtype=bool)
    rows = np.minimum(np.arange(int(height * factor)) / factor, height - 1).astype(np.int64)
    columns = np.minimum(np.arange(int(width * factor)) / factor, width - 1).astype(np.int64)
    kept[rows[:, None], columns] = True
    return kept.ravel()[pixels]


def _nearest_to_grid(pixels: np.ndarray, cells: int, *, height: int, width: int) -> np.ndarray:
    """The valid pixel nearest to the centre of each of cells x cells cells, among those inside the cell (after MoGe)."""
    row, column = np.divmod(pixels, width)
    y, x = (row + 0.5) * cells / height, (column + 0.5) * cells / width
    cell = y.astype(np.int64) * cells + x.astype(np.int64)
    away = ((y % 1 - 0.5) * height) ** 2 + ((x % 1 - 0.5) * width) ** 2
    order = np.lexsort((away, cell))
    first = np.ones(order.size, dtype=bool)
    first[1:] = cell[order][1:] != cell[order][:-1]
    chosen = np.zeros(pixels.size, dtype=bool)
    chosen[order[first]] = True
    return chosen
