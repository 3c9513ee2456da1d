"""Do two depth maps say the same of what both see? The measure behind overlap disagreement of cameras and flicker of frames.

Every pixel of map a becomes a point, the point is seen by b, and its depth there is compared with what b says at that pixel.
NumPy, float64. What one map hides from the other (occlusion) disagrees even for exact depth; `exact` counts can say how much.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from leadline.geometry.pose import transform

NEAREST_M = 1e-3
"""Points closer to b's own plane than this are not seen."""


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
    rows, columns = np.nonzero(known)
    z = depth_a[rows, columns].astype(np.float64)
    rays = np.linalg.solve(K_a, np.stack([columns + 0.5, rows + 0.5, np.ones_like(z)]))
    points = transform(b_from_a, (rays * z).T)
    points = points[points[:, 2] > NEAREST_M]
    uvw = points @ K_b.T
    column, row = np.floor(uvw[:, 0] / uvw[:, 2]), np.floor(uvw[:, 1] / uvw[:, 2])
    height, width = depth_b.shape
    seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    row, column, said_a = row[seen].astype(np.int64), column[seen].astype(np.int64), points[seen, 2]
    said_b = depth_b[row, column].astype(np.float64)
    both = said_b > 0 if usable_b is None else (said_b > 0) & usable_b[row, column]
    if not both.any():
        return None
    a, b = said_a[both], said_b[both]
    gap = np.abs(a - b)
    return Disagreement(float(gap.mean()), float((gap / b).mean()), float(np.abs(np.log(a / b)).mean()), int(both.sum()))


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
