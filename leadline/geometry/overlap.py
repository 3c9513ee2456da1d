"""How much two pictures have in common: what of one is seen in the other, and how far it moves. NumPy only.

Convention: depth is z [m], 0 = unknown; b_from_a maps points from the first camera's frame to the second's.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from leadline.geometry.pose import transform
from leadline.geometry.raster import NEAREST_DEPTH_M

HIDDEN_BY = 0.05
"""A point is hidden where the other depth map is nearer by more than this share."""


@dataclass(frozen=True)
class Overlap:
    """Shares of the pixels of known depth of the first picture, and the motion of those that are seen in the second."""

    inside: float
    """Whose point falls into the second picture."""
    seen: float
    """The same, and nothing stands before it there."""
    motion_px: float | None
    """Median distance between where they are in the two pictures [px]; None where nothing is seen."""


def overlap(
    depth_a: Float[np.ndarray, "h_a w_a"],
    depth_b: Float[np.ndarray, "h_b w_b"],
    *,
    K_a: Float[np.ndarray, "3 3"],
    K_b: Float[np.ndarray, "3 3"],
    b_from_a: Float[np.ndarray, "4 4"],
    every: int = 1,
) -> Overlap | None:
    """What of the first picture the second one sees; None without any depth. `every` looks at each so manieth row and column."""
    rows, columns = np.mgrid[every // 2 : depth_a.shape[0] : every, every // 2 : depth_a.shape[1] : every]
    depth = depth_a[rows, columns].astype(np.float64)
    known = depth > 0
    if not known.any():
        return None
    uv = np.stack([columns[known] + 0.5, rows[known] + 0.5], axis=-1)
    rays = np.concatenate([uv, np.ones((len(uv), 1))], axis=-1) @ np.linalg.inv(K_a).T
    points = transform(np.asarray(b_from_a, dtype=np.float64), rays * depth[known][:, None])
    z = points[:, 2]
    ahead = z > NEAREST_DEPTH_M
    uv_b = (points @ np.asarray(K_b).T)[:, :2] / np.where(ahead, z, 1.0)[:, None]
    height, width = depth_b.shape
    inside = ahead & (uv_b >= 0).all(axis=1) & (uv_b[:, 0] < width) & (uv_b[:, 1] < height)
    column, row = np.floor(uv_b[inside]).astype(int).T
    other = depth_b[row, column]
    seen = inside.copy()
    seen[inside] = (other == 0) | (z[inside] <= other * (1 + HIDDEN_BY))
    motion = np.linalg.norm(uv_b - uv, axis=1)[seen]
    return Overlap(float(inside.mean()), float(seen.mean()), float(np.median(motion)) if motion.size else None)
