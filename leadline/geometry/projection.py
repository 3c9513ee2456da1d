"""Between pixels with depth and points: pixel_grid, unproject, project. Whole point clouds become depth maps in raster.py.

Convention: uv [px] with (0.5, 0.5) at the centre of the top-left pixel; camera frame x right, y down, z forward;
depth is z, not the length of the ray. K may carry skew. The arithmetic is elementwise, so autocast leaves it alone.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.geometry.raster import NEAREST_DEPTH_M


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


def _intrinsics(K: Tensor, *, num_axes: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """fx, skew, cx, fy, cy with `num_axes` trailing axes to broadcast over."""
    K = K.reshape(*K.shape[:-2], *(1,) * num_axes, 3, 3)
    return K[..., 0, 0], K[..., 0, 1], K[..., 0, 2], K[..., 1, 1], K[..., 1, 2]
