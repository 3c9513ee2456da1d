"""Metrics that need the two-dimensional map: boundaries, edges, point clouds. By name, like `metrics.METRICS`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from leadline.evaluation.borders import DISTANCES_PX, separations
from leadline.evaluation.boundary import moge_boundary_f1, si_boundary_f1
from leadline.evaluation.edges import edge_distances
from leadline.evaluation.points import THRESHOLDS_M, Distances, distances


@dataclass(frozen=True)
class MapMetric:
    """One number of a map: in words, its unit, and the function (pred, target, valid, and what it needs beside) that gives it.

    `compute` may be shared by several metrics; `of` reads this one from its result, None where the image has no such number.
    """

    formula: str
    compute: Callable[..., object]
    of: Callable[..., float | None] = float  # pyright: ignore[reportAssignmentType]
    unit: str = ""
    higher_is_better: bool = False
    needs_camera: bool = False
    """Whether the function takes K [px], too."""
    needs_instance: bool = False
    """Whether the function takes `instance` (h, w), too: a number for each thing."""


def _edge(which: int) -> Callable[[tuple[float, float] | None], float | None]:
    return lambda pair: None if pair is None else pair[which]


def _at(name: str, threshold: float) -> Callable[[Distances], float]:
    return lambda d: getattr(d, name)(threshold)


def _apart(distance: int) -> Callable[[dict[int, float]], float | None]:
    return lambda shares: shares.get(distance)


_MOGE = {r: partial(moge_boundary_f1, radius=r) for r in (1, 2, 3)}

MAP_METRICS: dict[str, MapMetric] = {
    "boundary_f1": MapMetric(
        "Depth Pro's scale-invariant boundary F1 over neighbour ratios 1.05 .. 1.25", si_boundary_f1, higher_is_better=True
    ),
    **{
        f"boundary_f1:moge{r}": MapMetric(
            f"MoGe's boundary F1 over ratios 1.05 .. 1.25 in a disc of radius {r}", moge, higher_is_better=True
        )
        for r, moge in _MOGE.items()
    },
    "edge_accuracy": MapMetric(
        "mean distance of predicted edges to true ones, those beyond 10 px left out (slowtv)", edge_distances, _edge(0), unit="px"
    ),
    "edge_completeness": MapMetric("mean distance of true edges to predicted ones (slowtv)", edge_distances, _edge(1), unit="px"),
    **{
        f"separation:{distance}": MapMetric(
            f"mean share of the true step in log depth between pixels {distance} px apart, a border of instances in the middle",
            separations,
            _apart(distance),
            higher_is_better=True,
            needs_instance=True,
        )
        for distance in DISTANCES_PX
    },
    "chamfer": MapMetric(
        "mean distance of predicted points to the true cloud plus that of true points to the predicted one (slowtv)",
        distances,
        lambda d: d.chamfer,
        unit="m",
        needs_camera=True,
    ),
    **{
        f"f_score:{t:.2f}": MapMetric(
            f"harmonic mean of the shares of points within {t:g} m of the other cloud (slowtv)",
            distances,
            _at("f_score", t),
            higher_is_better=True,
            needs_camera=True,
        )
        for t in THRESHOLDS_M
    },
    **{
        f"iou:{t:.2f}": MapMetric(
            f"intersection over union of the clouds within {t:g} m (slowtv)",
            distances,
            _at("iou", t),
            higher_is_better=True,
            needs_camera=True,
        )
        for t in THRESHOLDS_M
    },
}


def compute_maps(
    names: list[str],
    *,
    pred: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray,
    K: np.ndarray | None,
    instance: np.ndarray | None = None,
) -> dict[str, float]:
    """The named metrics of two depth maps (h, w) [m]; what several of them need is computed once.

    A metric that this image does not have (edges of a truth without edges) is left out. Raises ValueError when one needs the
    camera K [px] or instance ids (h, w), and there are none.
    """
    shared: dict[Callable[..., object], object] = {}
    numbers = {}
    for name in names:
        metric = MAP_METRICS[name]
        if metric.needs_camera and K is None:
            raise ValueError(f"{name} needs the camera's intrinsics K")
        if metric.needs_instance and instance is None:
            raise ValueError(f"{name} needs a number for each thing, the layer instance")
        if metric.compute not in shared:
            given = ({"K": K} if metric.needs_camera else {}) | ({"instance": instance} if metric.needs_instance else {})
            shared[metric.compute] = metric.compute(pred=pred, target=target, valid=valid, **given)
        number = metric.of(shared[metric.compute])
        if number is not None:
            numbers[name] = number
    return numbers
