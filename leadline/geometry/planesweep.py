"""Depth from true poses and nothing else: of many planes across the view, the one on which the pictures agree best, pixel by pixel.

It believes what it sees: behind a mirror it finds what the mirror shows. After Collins (1996), with the smallest error over the
sources of Godard et al. (arXiv 1806.01260), which forgives what one of them cannot see; window and cost are our defaults.

Convention: depth is z [m] of the reference view; source_from_ref maps its points into each source camera.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from leadline.geometry.warp import warp

WINDOW_PX = 5
"""Side of the square over which colours are compared [px]."""
_AT_ONCE = 16
"""Planes that are tried at once: more only takes memory."""


def plane_depths(nearest: float, farthest: float, *, ratio: float = 1.03) -> Float[Tensor, " n"]:
    """Depths [m] of planes from `nearest` to `farthest`, each at most `ratio` times the one before: an even relative error."""
    if not 0 < nearest <= farthest < math.inf or not ratio > 1:
        raise ValueError(f"no planes from {nearest} to {farthest} m in steps of {ratio}")
    num = 1 + math.ceil(math.log(farthest / nearest) / math.log(ratio))
    return torch.logspace(math.log10(nearest), math.log10(farthest), num)


def plane_sweep(
    image: Float[Tensor, "c h w"],
    sources: Float[Tensor, "s c h_src w_src"],
    K: Float[Tensor, "3 3"],
    K_src: Float[Tensor, "s 3 3"],
    source_from_ref: Float[Tensor, "s 4 4"],
    depths: Float[Tensor, " n"],
    *,
    window: int = WINDOW_PX,
) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
    """The depth [m] of `depths` at which a pixel and its `window` look most like one of the sources, and the mean |difference| there.

    Where no source sees a pixel at any of the depths, its depth is 0 and its cost infinite.
    """
    height, width = image.shape[-2:]
    best = torch.full((height, width), math.inf, dtype=image.dtype, device=image.device)
    depth = torch.zeros_like(best)
    for some in depths.to(image.dtype).split(_AT_ONCE):
        planes = some[:, None, None].expand(-1, height, width)
        cost, plane = matching_cost(image, sources, K, K_src, source_from_ref, planes, window=window).min(0)
        closer = cost < best
        best, depth = torch.where(closer, cost, best), torch.where(closer, some[plane], depth)
    return depth, best


def matching_cost(
    image: Float[Tensor, "c h w"],
    sources: Float[Tensor, "s c h_src w_src"],
    K: Float[Tensor, "3 3"],
    K_src: Float[Tensor, "s 3 3"],
    source_from_ref: Float[Tensor, "s 4 4"],
    depths: Float[Tensor, "n h w"],
    *,
    window: int = WINDOW_PX,
) -> Float[Tensor, "n h w"]:
    """How little a pixel and its `window` look like the source that they look most like, at each of n depths [m].

    The mean |difference| over the part of the window that the source sees; infinite where no source sees the pixel itself.
    """
    return torch.stack([_cost(image, sources[i], K, K_src[i], source_from_ref[i], depths, window) for i in range(len(sources))]).amin(0)


def _cost(image: Tensor, source: Tensor, K: Tensor, K_src: Tensor, source_from_ref: Tensor, depths: Tensor, window: int) -> Tensor:
    num = len(depths)
    several = (tensor.expand(num, *tensor.shape) for tensor in (K, K_src, source_from_ref))
    seen_by_source, in_view = warp(source.expand(num, *source.shape), depths, *several)
    weight = in_view[:, None].to(image.dtype)
    difference = (seen_by_source - image).abs().mean(1, keepdim=True) * weight
    total, count = (functional.avg_pool2d(x, window, stride=1, padding=window // 2)[:, 0] for x in (difference, weight))
    return torch.where(in_view, total / count.clamp(min=1e-6), torch.full_like(total, math.inf))
