"""Points into depth maps: which pixel, and which of several points on it. NumPy only, so that readers do without torch.

Convention: uv [px] with (0.5, 0.5) at the centre of the top-left pixel; camera frame x right, y down, z forward.
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from leadline.geometry.pose import transform

NEAREST_DEPTH_M = 1e-6
"""Depth closer to zero than this is no depth: points in the camera's own plane would divide by it."""
RasterRule = Literal["nearest", "last_write"]
"""Which of several points on one pixel stays: the closest (a z-buffer), or the last in the list, as some exporters do."""
RASTER_RULES: tuple[str, ...] = get_args(RasterRule)


def rasterise(
    points: Float[np.ndarray, "n 3"],
    cam_from_points: Float[np.ndarray, "4 4"],
    K: Float[np.ndarray, "3 3"],
    *,
    height: int,
    width: int,
    rule: RasterRule = "nearest",
) -> Float[np.ndarray, "h w"]:
    """Sparse depth map [m], float32, 0 = none, of LiDAR `points` [m] seen by a camera, computed in float64.

    `K` [px] puts the first pixel's centre at (0.5, 0.5): a calibration with integer centres goes through
    `camera.from_integer_centres` first, and its rounding of uv becomes the floor of uv here. `rule` is that of `splat_depth`.
    """
    in_camera = transform(np.asarray(cam_from_points, dtype=np.float64), np.asarray(points, dtype=np.float64))
    ahead = in_camera[in_camera[:, 2] > NEAREST_DEPTH_M]
    uvw = ahead @ np.asarray(K, dtype=np.float64).T
    return splat_depth(uvw[:, :2] / uvw[:, 2:], ahead[:, 2], height=height, width=width, rule=rule)


def splat_depth(
    uv: Float[np.ndarray, "n 2"],
    depth: Float[np.ndarray, " n"],
    *,
    height: int,
    width: int,
    rule: RasterRule = "nearest",
) -> Float[np.ndarray, "h w"]:
    """Sparse depth map [m], float32, 0 = none, of points at `uv` [px]; points outside the image or behind it are left out.

    Where several points fall on one pixel, "nearest" keeps the closest; "last_write" keeps the last in the list, as
    published nuScenes exporters do. Calibrations with integer pixel centres need +0.5 on uv first (or
    `camera.from_integer_centres` on K): a pixel is the floor of uv here, the rounding of uv there.
    """
    uv, depth = np.asarray(uv, dtype=np.float64), np.asarray(depth)
    column, row = np.floor(uv[:, 0]), np.floor(uv[:, 1])
    seen = (depth > 0) & np.isfinite(depth) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = row[seen].astype(np.int64) * width + column[seen].astype(np.int64)
    values = depth[seen].astype(np.float32)
    if rule == "nearest":
        splat = np.full(height * width, np.inf, dtype=np.float32)
        np.minimum.at(splat, pixel, values)
        splat[np.isinf(splat)] = 0
    else:
        splat = np.zeros(height * width, dtype=np.float32)
        splat[pixel] = values  # NumPy promises that the last of repeated indices stays
    return splat.reshape(height, width)
