"""How far a student is from its pseudo-depth, at all its scales, in log depth."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import masked_mean, mean_over_images

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
