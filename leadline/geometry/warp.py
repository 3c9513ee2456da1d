"""View synthesis: what the reference camera would see if its surfaces carried the colours of the source image.

Convention: depth is z [m] of the reference view; source_from_ref maps its points into the source camera. `grid_sample`
with align_corners=False puts the first pixel's centre half a pixel from the border, which is leadline's convention.
After SfMLearner (Zhou et al. 2017, arXiv 1704.07813, equation 2).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.geometry.projection import NEAREST_DEPTH_M, pixel_grid


def warp(
    source_image: Float[Tensor, "b c h_src w_src"],
    depth: Float[Tensor, "b h w"],
    K_ref: Float[Tensor, "b 3 3"],
    K_src: Float[Tensor, "b 3 3"],
    source_from_ref: Float[Tensor, "b 4 4"],
) -> tuple[Float[Tensor, "b c h w"], Bool[Tensor, "b h w"]]:
    """The source image sampled bilinearly where each reference pixel of known depth [m] falls, and whether it falls inside.

    `in_view` is False for unknown depth (0), for points behind the source camera and outside its image, where the
    sampled border colour means nothing. Occlusion is not found here. The two images may differ in size.
    """
    height, width = source_image.shape[-2:]
    grid, depth_src = warp_grid(depth, K_ref, K_src, source_from_ref, height=height, width=width)
    return sample_at(source_image, grid), in_view(grid, depth_src) & (depth > 0)


def warp_grid(
    depth: Float[Tensor, "*b h w"],
    K_ref: Float[Tensor, "*b2 3 3"],
    K_src: Float[Tensor, "*b3 3 3"],
    source_from_ref: Float[Tensor, "*b4 4 4"],
    *,
    height: int,
    width: int,
) -> tuple[Float[Tensor, "*b5 h w 2"], Float[Tensor, "*b5 h w"]]:
    """Where the reference pixels fall in a source image of `height` x `width` [px], and their depth in its camera [m].

    Places are as `grid_sample` counts them, -1 to 1 from border to border; those of points behind the source camera mean
    nothing. Leading axes broadcast, so the rays are computed once for many depths. The arithmetic is elementwise: K and
    poses are float32 or better, and so are places, whatever the network's precision is.
    """
    to_grid = K_src.new_tensor([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
    grid_from_cam = _product(to_grid, K_src)
    # A point is its depth times the ray of its pixel, so its place is depth * slope(pixel) + offset, before the division.
    slope = _product(_product(grid_from_cam, source_from_ref[..., :3, :3]), _inverse_K(K_ref))[..., None, None]
    offset = _product(grid_from_cam, source_from_ref[..., :3, 3:])[..., None]
    uv = pixel_grid(*depth.shape[-2:], device=slope.device, dtype=slope.dtype)
    u, v = uv[:1, :, 0], uv[:, :1, 1]
    x, y, z = (
        (slope[..., i, 0, :, :] * u + (slope[..., i, 1, :, :] * v + slope[..., i, 2, :, :])) * depth + offset[..., i, :, :]
        for i in range(3)
    )
    divisor = torch.where(z.abs() < NEAREST_DEPTH_M, torch.full_like(z, NEAREST_DEPTH_M), z)
    return torch.stack([x / divisor, y / divisor], dim=-1), z


def in_view(grid: Float[Tensor, "*b h w 2"], depth_src: Float[Tensor, "*b h w"]) -> Bool[Tensor, "*b h w"]:
    """Whether points lie before the source camera and inside its image."""
    return (depth_src > NEAREST_DEPTH_M) & (grid.abs() <= 1).all(dim=-1)


def sample_at(image: Float[Tensor, "b c h_src w_src"], grid: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b c h w"]:
    """Bilinear samples of the image at the places of `warp_grid`; beyond its border the border is repeated."""
    sampled = functional.grid_sample(image.to(grid.dtype), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.to(image.dtype)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product that autocast leaves alone."""
    return (a[..., :, :, None] * b[..., None, :, :]).sum(dim=-2)


def _inverse_K(K: Tensor) -> Tensor:
    """Inverse of intrinsics with skew, in closed form."""
    fx, skew, cx, fy, cy = K[..., 0, 0], K[..., 0, 1], K[..., 0, 2], K[..., 1, 1], K[..., 1, 2]
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    rows = [1 / fx, -skew / (fx * fy), (skew * cy / fy - cx) / fx, zero, 1 / fy, -cy / fy, zero, zero, one]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
