"""Plain errors per pixel: absolute, absolute in log depth, relative, berHu."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import masked_mean, mean_over_images, valid_images


def l1_loss(*, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"]) -> Float[Tensor, ""]:
    """Mean absolute error, in the unit of the values."""
    pred, target, valid = valid_images(pred, target, valid, fill=0.0)
    return mean_over_images(masked_mean((pred - target).abs(), valid), valid)


def log_l1_loss(*, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"]) -> Float[Tensor, ""]:
    """Mean absolute difference of logarithms; both positive at valid pixels."""
    pred, target, valid = valid_images(pred, target, valid, fill=1.0)
    return mean_over_images(masked_mean((pred.log() - target.log()).abs(), valid), valid)


def relative_l1_loss(
    *, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], cap: float = 5.0
) -> Float[Tensor, ""]:
    """Mean of |pred - target| / target, which is abs_rel itself; `target` positive at valid pixels.

    Errors above `cap` count as `cap` and give no gradient, or a few pixels at silhouettes would outweigh the image: use it
    beside a loss in log depth, which pulls those back.
    """
    pred, target, valid = valid_images(pred, target, valid, fill=1.0)
    return mean_over_images(masked_mean(((pred - target).abs() / target).clamp(max=cap), valid), valid)


def berhu_loss(
    *, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], knee: float = 0.2
) -> Float[Tensor, ""]:
    """Reverse Huber: absolute below c, (e^2 + c^2) / 2c above, c = `knee` times the largest error of the image.

    Laina et al. 2016, "Deeper Depth Prediction with Fully Convolutional Residual Networks", arXiv 1606.00373, equation 1;
    they take c over the batch. c is a constant for the gradient.
    """
    pred, target, valid = valid_images(pred, target, valid, fill=0.0)
    error = (pred - target).abs()
    c = knee * error.detach().amax(dim=(1, 2), keepdim=True)
    c = torch.where(c > 0, c, 1)
    return mean_over_images(masked_mean(torch.where(error <= c, error, (error.square() + c.square()) / (2 * c)), valid), valid)
