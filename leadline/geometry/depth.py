"""Conversions between the ways to say how far: depth, ray distance, inverse depth, disparity.

Convention: depth is z along the optical axis [m]; ray distance is the length of the ray from the camera's centre [m];
disparity [px] exists only with a baseline. Zero means unknown and stays zero everywhere, with zero gradient.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.geometry.projection import unproject


def ray_distance_to_depth(ray_distance: Float[Tensor, "*b h w"], K: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b h w"]:
    """Depth [m] of pixels whose points lie `ray_distance` [m] from the camera's centre."""
    return ray_distance / _ray_length(ray_distance, K)


def depth_to_ray_distance(depth: Float[Tensor, "*b h w"], K: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b h w"]:
    """Distance [m] from the camera's centre of pixels with `depth` [m]."""
    return depth * _ray_length(depth, K)


def inverse_depth(depth: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """1 / depth [1/m], 0 where depth is not positive. Its own inverse."""
    known = depth > 0
    return torch.where(known, 1 / torch.where(known, depth, 1), 0)


def disparity_to_depth(
    disparity_px: Float[Tensor, "*shape"], *, fx: float, baseline: float, offset_px: float = 0.0
) -> Float[Tensor, "*shape"]:
    """Depth [m] = fx * baseline / (disparity + offset), 0 where that is not positive.

    `fx` [px], `baseline` [m]; `offset_px` is the difference of the two principal points (Middlebury's doffs).
    """
    return fx * baseline * inverse_depth(disparity_px + offset_px)


def _ray_length(like: Tensor, K: Tensor) -> Tensor:
    """Length of the ray through every pixel that reaches depth 1."""
    return torch.linalg.vector_norm(unproject(torch.ones_like(like), K), dim=-1)
