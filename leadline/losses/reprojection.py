"""Reference pictures beside their sources: what each source would show from the place of the reference, and where that counts.

Axes: s sources, n reference pictures, k depth maps of each of them (the scales of a network).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.geometry.warp import in_view, sample_at, warp_grid
from leadline.losses.photometric import SSIM_SHARE, photometric_error


@dataclass(frozen=True)
class Neighbours:
    """Reference pictures and the pictures that were taken beside them, of one size. Colours in [0, 1], poses in metres."""

    image: Float[Tensor, "n 3 h w"]
    K: Float[Tensor, "n 3 3"]
    sources: Float[Tensor, "s n 3 h w"]
    K_src: Float[Tensor, "s n 3 3"]
    source_from_ref: Float[Tensor, "s n 4 4"]
    across: tuple[bool, ...]
    """True for sources that are other cameras: most of a picture has no counterpart there, so what falls outside does not count."""
    usable: Bool[Tensor, "n h w"] | None = None
    """False where the own vehicle hides the scene; None where it never does."""
    usable_src: Bool[Tensor, "s n h w"] | None = None


@dataclass(frozen=True)
class Reprojection:
    """The sources as the reference would see them."""

    image: Float[Tensor, "s n k 3 h w"]
    grid: Float[Tensor, "s n k h w 2"]
    """Where each reference pixel falls in the source, as `geometry.warp.warp_grid` counts."""
    depth_src: Float[Tensor, "s n k h w"]
    """How far it is from the source camera [m]."""
    counts: Bool[Tensor, "s n k h w"]
    """Where the colours are worth comparing, the 3x3 window around a pixel included."""

    @property
    def inside(self) -> Bool[Tensor, "s n k h w"]:
        """In front of the source camera and inside its picture."""
        return in_view(self.grid, self.depth_src)


def reproject(near: Neighbours, depth: Float[Tensor, "n k h w"]) -> Reprojection:
    """Every source seen through every depth map [m]; one pass of sampling for all maps of a source.

    As in monodepth2 a pixel that leaves the picture of a moving camera meets the repeated border and counts. It does not
    count behind the source camera, outside another camera's picture, and where the own vehicle is in either picture.
    """
    height, width = depth.shape[-2:]
    grid, depth_src = warp_grid(
        depth, near.K[:, None], near.K_src[:, :, None], near.source_from_ref[:, :, None], height=height, width=width
    )
    counts = depth_src > 0
    if any(near.across):
        same = torch.tensor(near.across, device=depth.device).logical_not().view(-1, 1, 1, 1, 1)
        counts = counts & (same | in_view(grid, depth_src))
    hidden = None if near.usable_src is None else _sampled((~near.usable_src)[:, :, None].to(grid.dtype), grid.detach())[:, :, :, 0] > 0
    if near.usable is not None:
        hidden = ~near.usable[None, :, None] if hidden is None else hidden | ~near.usable[None, :, None]
    if hidden is not None:
        counts = counts & ~_touched(hidden)
    return Reprojection(image=_sampled(near.sources, grid), grid=grid, depth_src=depth_src, counts=counts)


def source_errors(near: Neighbours, seen: Reprojection, *, ssim_share: float = SSIM_SHARE) -> Float[Tensor, "s n k h w"]:
    """Photometric error of every source through every depth map, infinite where it does not count."""
    errors = photometric_error(pred=seen.image, target=near.image[:, None], ssim_share=ssim_share)
    return torch.where(seen.counts, errors, math.inf)


def still_error(near: Neighbours, *, ssim_share: float = SSIM_SHARE) -> Float[Tensor, "n h w"] | None:
    """Smallest error of the sources of the same camera as they are, not warped, for the auto-mask; None when there are none.

    Another camera's picture is no answer to the question whether anything moved, and is left out.
    """
    same = [i for i, across in enumerate(near.across) if not across]
    if not same:
        return None
    errors = photometric_error(pred=near.sources[same], target=near.image, ssim_share=ssim_share)
    if near.usable_src is not None:
        errors = torch.where(_touched(~near.usable_src[same]), math.inf, errors)
    return errors.amin(dim=0)


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    """(s n c h w) images at the places (s n k h w 2), as (s n k c h w); the maps of one image lie below each other while sampling."""
    sources, num, maps, height, width = grid.shape[:-1]
    sampled = sample_at(images.flatten(0, 1), grid.reshape(sources * num, maps * height, width, 2))
    return sampled.reshape(sources, num, -1, maps, height, width).transpose(2, 3)


def _touched(hidden: Bool[Tensor, "*b h w"]) -> Bool[Tensor, "*b h w"]:
    """Pixels whose 3x3 window holds a hidden one: SSIM looks that far."""
    flat = hidden.reshape(-1, 1, *hidden.shape[-2:])
    return (functional.max_pool2d(flat.float(), kernel_size=3, stride=1, padding=1) > 0).reshape(hidden.shape)
