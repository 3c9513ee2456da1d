"""Metrics of rigs: do neighbouring cameras agree where both look, and do all cameras of a moment have one scale?

Where true depth is dense, only surfaces that both cameras see are counted: without that, what one camera has before the other's view
is most of the number, even of the truth (0.1 to 0.4 on rendered streets).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from leadline.data.dataset import Record, View
from leadline.evaluation.agreement import Disagreement, disagreement, mean_of, seen_by_both
from leadline.geometry.pose import compose, invert
from leadline.geometry.rig import ring_order

DENSE = 0.2
"""Share of pixels with a known depth from which on it is dense: sky has none, a LiDAR's scan covers some per cent."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One camera of a moment with its aligned depth (h, w) [m], 0 = no answer, at any size."""

    view: View
    depth: np.ndarray
    log_scale: float | None = None
    """ln(median target / median prediction) over its valid pixels."""


@dataclass(frozen=True)
class Surround:
    """Means over moments. A pair is (camera, camera) in ring order; each number is the mean of both directions."""

    pairs: dict[str, Disagreement]
    overall: Disagreement | None
    """Mean over the pairs of every moment."""
    scale_spread: float | None
    """Standard deviation of ln(median target / median prediction) over the cameras of a moment, mean over moments."""
    num_moments: int

    def to_record(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "pairs": {name: pair.to_record() for name, pair in self.pairs.items()},
            "overall": None if self.overall is None else self.overall.to_record(),
            "scale_spread": self.scale_spread,
            "num_moments": self.num_moments,
        }


@dataclass
class SurroundWatch:
    """Collects the cameras of one moment after the other and keeps only numbers."""

    pairs: dict[str, list[Disagreement]] = field(default_factory=dict)
    per_moment: list[Disagreement] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)
    num_moments: int = 0
    _record: Record | None = None
    _seen: list[Seen] = field(default_factory=list)

    def see(self, record: Record, seen: Seen) -> None:
        """The next camera; a new record closes the moment before it."""
        if record != self._record:
            self._close()
            self._record = record
        self._seen.append(seen)

    def result(self) -> Surround:
        """The means so far."""
        self._close()
        pairs = {name: mean for name, parts in self.pairs.items() if (mean := mean_of(parts)) is not None}
        return Surround(pairs, mean_of(self.per_moment), fmean(self.spreads) if self.spreads else None, self.num_moments)

    def _close(self) -> None:
        if len(self._seen) > 1:
            self.num_moments += 1
            found = overlap(self._seen)
            for name, pair in found.items():
                self.pairs.setdefault(name, []).append(pair)
            mean = mean_of(found.values())
            if mean is not None:
                self.per_moment.append(mean)
            scales = [seen.log_scale for seen in self._seen if seen.log_scale is not None]
            if len(scales) > 1:
                self.spreads.append(pstdev(scales))
        self._seen = []


def overlap(cameras: Sequence[Seen]) -> dict[str, Disagreement]:
    """Symmetric disagreement of every pair of neighbours in the ring that sees something in common, by "NAME|NAME"."""
    placed = [seen for seen in cameras if seen.view.camera.rig_from_cam is not None]
    if len(placed) < 2:
        return {}
    ring = [placed[i] for i in ring_order(np.array([seen.view.camera.yaw_deg for seen in placed]))]
    num = len(ring)
    found = {}
    for i in range(num if num > 2 else 1):
        a, b = ring[i], ring[(i + 1) % num]
        both = mean_of((_directed(a, b), _directed(b, a)))
        if both is not None:
            found[f"{a.view.camera.name}|{b.view.camera.name}"] = both
    return found


def log_scale(*, pred: np.ndarray, target: np.ndarray) -> float | None:
    """ln(median target / median prediction) of valid pixels (n); None where the medians have no ratio."""
    middle = float(np.median(pred))
    return math.log(float(np.median(target)) / middle) if middle > 0 else None


def _directed(a: Seen, b: Seen) -> Disagreement | None:
    """About the points of a. Poses in the world are taken where known: cameras of a moment are not exposed at one instant."""
    if a.view.cam_from_world is not None and b.view.cam_from_world is not None:
        b_from_a = compose(b.view.cam_from_world, invert(a.view.cam_from_world))
    else:
        assert a.view.camera.rig_from_cam is not None and b.view.camera.rig_from_cam is not None
        b_from_a = compose(invert(b.view.camera.rig_from_cam), a.view.camera.rig_from_cam)
    return disagreement(
        a.depth, b.depth, K_a=_K(a), K_b=_K(b), b_from_a=b_from_a, usable_a=_compared(a, b, b_from_a), usable_b=_at(b.view.usable, b.depth)
    )


def _compared(a: Seen, b: Seen, b_from_a: np.ndarray) -> np.ndarray | None:
    """Pixels of a that count, at the size of its depth map."""
    usable, truth_a, truth_b = a.view.usable, a.view.depth, b.view.depth
    if truth_a is None or truth_b is None or min((truth_a > 0).mean(), (truth_b > 0).mean()) < DENSE:
        return _at(usable, a.depth)
    both = seen_by_both(truth_a, truth_b, K_a=a.view.camera.K, K_b=b.view.camera.K, b_from_a=b_from_a)
    return _at(both if usable is None else both & usable, a.depth)


def _K(seen: Seen) -> np.ndarray:
    return seen.view.camera.resized(height=seen.depth.shape[0], width=seen.depth.shape[1]).K


def _at(mask: np.ndarray | None, depth: np.ndarray) -> np.ndarray | None:
    """A mask of the view at the size of a depth map, nearest."""
    if mask is None or mask.shape == depth.shape:
        return mask
    rows = np.arange(depth.shape[0]) * mask.shape[0] // depth.shape[0]
    columns = np.arange(depth.shape[1]) * mask.shape[1] // depth.shape[1]
    return mask[rows[:, None], columns]
