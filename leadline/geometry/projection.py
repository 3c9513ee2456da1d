"""Between pixels with depth and points: pixel_grid, unproject, project, and rasterising points into a depth map.

Convention: uv [px] with (0.5, 0.5) at the centre of the top-left pixel; camera frame x right, y down, z forward;
depth is z, not the length of the ray. K may carry skew. The arithmetic is elementwise, so autocast leaves it alone.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from leadline.geometry.pose import transform

RasterRule = Literal["nearest", "last_write"]
"""Which of several points on one pixel stays: the closest (a z-buffer), or the last in the list, as some exporters do."""

NEAREST_DEPTH_M = 1e-6
"""Division by a depth closer to zero than this is replaced, so that points in the camera's own plane give no NaN."""


def pixel_grid(
    height: int, width: int, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "h w 2"]:
    """Coordinates uv [px] of all pixel centres."""
    v = torch.arange(height, device=device, dtype=dtype) + 0.5
    u = torch.arange(width, device=device, dtype=dtype) + 0.5
    return torch.stack([u.expand(height, width), v[:, None].expand(height, width)], dim=-1)


def unproject(depth: Float[Tensor, "*b h w"], K: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b h w 3"]:
    """Points [m] of all pixels of a depth map [m], in the camera frame."""
    height, width = depth.shape[-2:]
    uv = pixel_grid(height, width, device=K.device, dtype=K.dtype)
    fx, skew, cx, fy, cy = _intrinsics(K, num_axes=2)
    y = (uv[..., 1] - cy) / fy
    x = (uv[..., 0] - cx - skew * y) / fx
    return torch.stack([x * depth, y * depth, depth.expand(y.shape[:-2] + depth.shape[-2:]).to(x.dtype)], dim=-1)


def project(points: Float[Tensor, "*any 3"], K: Float[Tensor, "*b 3 3"]) -> tuple[Float[Tensor, "*any 2"], Float[Tensor, "*any"]]:
    """Coordinates uv [px] and depth [m] of points (*b, ..., 3) [m]; any axes may stand between b and 3.

    The uv of a point behind the camera (depth <= 0) mean nothing: look at the depth first.
    """
    fx, skew, cx, fy, cy = _intrinsics(K, num_axes=points.ndim - K.ndim + 1)
    depth = points[..., 2]
    divisor = torch.where(depth.abs() < NEAREST_DEPTH_M, torch.full_like(depth, NEAREST_DEPTH_M), depth)
    x, y = points[..., 0] / divisor, points[..., 1] / divisor
    return torch.stack([fx * x + skew * y + cx, fy * y + cy], dim=-1), depth


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


def _intrinsics(K: Tensor, *, num_axes: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """fx, skew, cx, fy, cy with `num_axes` trailing axes to broadcast over."""
    K = K.reshape(*K.shape[:-2], *(1,) * num_axes, 3, 3)
    return K[..., 0, 0], K[..., 0, 1], K[..., 0, 2], K[..., 1, 1], K[..., 1, 2]
