"""The loss of monodepth2 (arXiv 1806.01260) on inverse depth at several scales: equations 3 to 5 of the paper.

Every scale is enlarged to the full picture and warped there (section 3.3), all scales of a source in one pass; errors of pictures
that are not warped, and the statistics of the reference, are computed once for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.losses.masked import masked_mean, mean_over_images
from leadline.losses.photometric import smallest_error
from leadline.losses.reprojection import Neighbours, Reprojection, reproject, source_errors, still_error
from leadline.losses.smoothness import smoothness_loss
from leadline.methods.network import full_size
from leadline.methods.selfsup.config import SelfsupConfig

TIE_BREAK = 1e-5
"""Standard deviation of the noise on errors of pictures that are not warped, so that ties are decided by chance."""


@dataclass(frozen=True)
class Explanation:
    """How well the sources explain the references at full size, pixel by pixel, for the depth maps of all k scales."""

    depth: Float[Tensor, "n k h w"]
    seen: Reprojection
    smallest: Float[Tensor, "n k h w"]
    """The smallest error over the sources, and over the picture standing still: what is minimised."""
    counts: Bool[Tensor, "n k h w"]
    """Pixels that some source can explain."""
    moving: Bool[Tensor, "n k h w"]
    """Pixels where warping explains more than standing still: where depth learns."""

    def photometric(self, keep: Bool[Tensor, "n h w"] | None = None, *, over_kept: bool = False) -> Float[Tensor, ""]:
        """Mean error over the pixels that count. Pixels not in `keep` add nothing; `over_kept` leaves them out of the mean too."""
        values, counts = self.smallest, self.counts
        if keep is not None:
            values = torch.where(keep[:, None], values, 0)
            counts = counts & keep[:, None] if over_kept else counts
        return mean_over_images(masked_mean(values.flatten(0, 1), counts.flatten(0, 1)), counts.flatten(0, 1))


def explain(
    inverse_depths: Sequence[Float[Tensor, "n _h _w"]], near: Neighbours, config: SelfsupConfig, *, tie_break: float = TIE_BREAK
) -> Explanation:
    """Errors for inverse depth [1/m] at every scale, fine to coarse.

    Draws one normal number per pixel and picture for the auto-mask from torch's generator; none with a `tie_break` of 0, for which
    a tie is no motion.
    """
    height, width = near.image.shape[-2:]
    depth = 1 / full_size(inverse_depths, height=height, width=width)
    seen = reproject(near, depth)
    still = still_error(near, ssim_share=config.ssim_share) if config.automask else None
    if still is not None:
        still = (still + tie_break * torch.randn_like(still) if tie_break else still)[:, None]
    warped, smallest = smallest_error(source_errors(near, seen, ssim_share=config.ssim_share), still)
    counts = seen.counts.any(dim=0)
    moving = counts if still is None else counts & (warped < still)
    return Explanation(depth=depth, seen=seen, smallest=smallest, counts=counts, moving=moving.detach())


@dataclass(frozen=True)
class Outcome:
    """The two terms, and what happened at full resolution."""

    photometric: Float[Tensor, ""]
    smoothness: Float[Tensor, ""]
    found: Explanation


def selfsup_loss(inverse_depths: Sequence[Float[Tensor, "n _h _w"]], near: Neighbours, config: SelfsupConfig) -> Outcome:
    """Terms for inverse depth [1/m] at every scale, fine to coarse: means over the scales, the smoothness halved with each.

    Draws random numbers as `explain` does.
    """
    found = explain(inverse_depths, near, config)
    return Outcome(found.photometric(), config.smoothness_weight * smoothness(inverse_depths, near), found)


def smoothness(inverse_depths: Sequence[Float[Tensor, "n _h _w"]], near: Neighbours) -> Float[Tensor, ""]:
    """Of inverse depth: mean over the scales, each at its resolution, where a pixel of the image is the mean of those below it."""
    image, total = near.image, near.image.new_zeros(())
    usable = None if near.usable is None else near.usable[:, None].to(image.dtype)
    for scale, inverse in enumerate(inverse_depths):
        image = _shrunk(image, inverse)
        usable = None if usable is None else _shrunk(usable, inverse)
        valid = None if usable is None else usable[:, 0] == 1
        total = total + smoothness_loss(inverse_depth=inverse, image=image, valid=valid) / 2**scale
    return total / len(inverse_depths)


def _shrunk(image: Tensor, like: Tensor) -> Tensor:
    same = image.shape[-2:] == like.shape[-2:]
    return image if same else functional.interpolate(image, size=like.shape[-2:], mode="area")
