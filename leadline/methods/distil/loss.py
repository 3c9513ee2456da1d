"""How far a student is from its pseudo-depth, at all its scales: in log depth, or, without metres, after scale and shift."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.gradient import gradient_matching_loss
from leadline.losses.masked import masked_mean, mean_over_images
from leadline.losses.pixel import l1_loss
from leadline.losses.scale_shift import standardised_pair

GRADIENT_WEIGHT = 0.5
"""Of borders beside values, for teachers without metres; as for `supervised` of that kind."""
LARGEST_LOG_SIGMA = 7.0
"""Bound of log sigma, either way: where a student is exact to the digit, its certainty would grow for ever."""


def teaching_loss(
    *,
    inverse_depth: Float[Tensor, "n k h w"],
    pseudo: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    log_sigma: Float[Tensor, "n k h w"] | None = None,
) -> Float[Tensor, ""]:
    """Mean |log D - log D_pseudo| over the scales, for inverse depth [1/m] and pseudo-depth [m]; 0 without a valid pixel.

    With `log_sigma` the negative log-likelihood of a Laplace distribution, |log D - log D_pseudo| / sigma + log sigma: the
    self-teaching of Poggi et al., "On the uncertainty of self-supervised monocular depth estimation", CVPR 2020, arXiv 2005.06209,
    which takes the difference of the depths themselves; we take that of their logarithms, as without it.
    """
    target = torch.where(valid, pseudo, 1).log()
    error = (inverse_depth.log() + target[:, None]).abs()
    if log_sigma is not None:
        bounded = log_sigma.clamp(-LARGEST_LOG_SIGMA, LARGEST_LOG_SIGMA)
        error = error * (-bounded).exp() + bounded
    everywhere = valid.repeat_interleave(error.shape[1], dim=0)
    return mean_over_images(masked_mean(error.flatten(0, 1), everywhere), everywhere)


def relative_teaching_loss(
    *, inverse_depth: Float[Tensor, "n k h w"], pseudo: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, ""]:
    """The same for inverse depth of unknown scale and shift on both sides; 0 without a valid pixel.

    Each scale is fitted to the teacher's by least squares, as in losses/scale_shift.py; what is left is compared, pixel by pixel and in its
    gradients (losses/gradient.py), so that the teacher's borders are learnt too.
    """
    everywhere = valid[:, None].expand_as(inverse_depth)
    fitted, target = standardised_pair(pred=inverse_depth, target=pseudo[:, None].expand_as(inverse_depth), valid=everywhere)
    values = l1_loss(pred=fitted, target=target, valid=everywhere)
    return values + GRADIENT_WEIGHT * gradient_matching_loss(pred=fitted, target=target, valid=everywhere)
