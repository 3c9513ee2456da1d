"""Do two depth maps say the same of what both see? The measure behind overlap disagreement of cameras and flicker of frames.

Every pixel of map a becomes a point, the point is seen by b, and its depth there is compared with what b says at that pixel.
NumPy, float64. What one map hides from the other (occlusion) disagrees even for exact depth; where that is known, `seen_by_both` says which
pixels are not hidden.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from leadline.geometry.pose import transform

NEAREST_M = 1e-3
"""Points closer to b's own plane than this are not seen."""
SAME_SURFACE = 0.05
"""Relative difference of exact depths up to which both are of one surface."""


@dataclass(frozen=True)
class Disagreement:
    """Means over the pixels that both maps see: |a - b| [m], |a - b| / b, |ln a - ln b|, and how many pixels."""

    metres: float
    abs_rel: float
    log_ratio: float
    num_pixels: int

    def to_record(self) -> dict[str, float]:
        """Ready for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def disagreement(
    depth_a: np.ndarray,
    depth_b: np.ndarray,
    *,
    K_a: np.ndarray,
    K_b: np.ndarray,
    b_from_a: np.ndarray,
    usable_a: np.ndarray | None = None,
    usable_b: np.ndarray | None = None,
) -> Disagreement | None:
    """Disagreement of map a (h, w) [m] with map b about the points of a, or None where b sees none of them.

    0 is "no answer" in either map; `usable` leaves out what hides the scene. b is read at the pixel the point falls into.
    """
    known = depth_a > 0 if usable_a is None else (depth_a > 0) & usable_a
    found = _projected(depth_a, known, depth_b.shape, K_a=K_a, K_b=K_b, b_from_a=b_from_a)
    row, column, said_a = found.row, found.column, found.z
    said_b = depth_b[row, column].astype(np.float64)
    both = said_b > 0 if usable_b is None else (said_b > 0) & usable_b[row, column]
    if not both.any():
        return None
    a, b = said_a[both], said_b[both]
    gap = np.abs(a - b)
    return Disagreement(float(gap.mean()), float((gap / b).mean()), float(np.abs(np.log(a / b)).mean()), int(both.sum()))


def seen_by_both(depth_a: np.ndarray, depth_b: np.ndarray, *, K_a: np.ndarray, K_b: np.ndarray, b_from_a: np.ndarray) -> np.ndarray:
    """Pixels (h, w) of a whose surface b sees as well, by exact depth [m] of both: nothing stands between it and b."""
    found = _projected(depth_a, depth_a > 0, depth_b.shape, K_a=K_a, K_b=K_b, b_from_a=b_from_a)
    same = np.abs(depth_b[found.row, found.column] - found.z) <= SAME_SURFACE * found.z
    mask = np.zeros(depth_a.shape, dtype=bool)
    mask[found.rows[same], found.columns[same]] = True
    return mask


@dataclass(frozen=True, eq=False)
class _Projected:
    """Pixels (rows, columns) of a, where they fall into b (row, column), and their depth z there [m]; each (n)."""

    rows: np.ndarray
    columns: np.ndarray
    row: np.ndarray
    column: np.ndarray
    z: np.ndarray


def _projected(
    depth_a: np.ndarray, known: np.ndarray, shape_b: tuple[int, ...], *, K_a: np.ndarray, K_b: np.ndarray, b_from_a: np.ndarray
) -> _Projected:
    """The `known` pixels of a that fall into b's picture."""
    rows, columns = np.nonzero(known)
    z = depth_a[rows, columns].astype(np.float64)
    rays = np.linalg.solve(K_a, np.stack([columns + 0.5, rows + 0.5, np.ones_like(z)]))
    points = transform(b_from_a, (rays * z).T)
    before = points[:, 2] > NEAREST_M
    rows, columns, points = rows[before], columns[before], points[before]
    uvw = points @ K_b.T
    column, row = np.floor(uvw[:, 0] / uvw[:, 2]), np.floor(uvw[:, 1] / uvw[:, 2])
    inside = (column >= 0) & (column < shape_b[1]) & (row >= 0) & (row < shape_b[0])
    return _Projected(rows[inside], columns[inside], row[inside].astype(np.int64), column[inside].astype(np.int64), points[inside, 2])


def mean_of(parts: Iterable[Disagreement | None]) -> Disagreement | None:
    """Mean of those that exist, each with equal weight; pixels are added."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    num = len(known)
    return Disagreement(
        metres=sum(p.metres for p in known) / num,
        abs_rel=sum(p.abs_rel for p in known) / num,
        log_ratio=sum(p.log_ratio for p in known) / num,
        num_pixels=sum(p.num_pixels for p in known),
    )
