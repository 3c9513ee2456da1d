"""Scale-and-shift-invariant loss, for predictions that are right up to a factor and an offset per image.

Ranftl et al. 2020, "Towards Robust Monocular Depth Estimation" (MiDaS), arXiv 1907.01341, section 5: the prediction is
aligned to the target by least squares in closed form, then compared. Whether the values are depth or inverse depth is
the caller's choice. Two things are ours: the target is brought to mean 0 and mean absolute deviation 1, so that images in
other units count alike, and the scale is never negative or nearly zero (see `standardised_pair`).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import masked_mean, mean_over_images, valid_images

SMALLEST_SPREAD = 1e-6
"""Spread, relative to the mean, below which a map is constant: there float32 holds only noise."""

LEAST_CORRELATION = 0.1


def scale_shift_invariant_loss(
    *,
    pred: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    valid: Bool[Tensor, "*b h w"],
    detach_alignment: bool = False,
) -> Float[Tensor, ""]:
    """Mean absolute error of the aligned prediction; 1 is what a constant prediction gets."""
    aligned, standard = standardised_pair(pred=pred, target=target, valid=valid, detach_alignment=detach_alignment)
    error = (aligned - standard).abs().reshape(-1, *pred.shape[-2:])
    valid = valid.reshape(error.shape)
    return mean_over_images(masked_mean(error, valid), valid)


def standardised_pair(
    *,
    pred: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    valid: Bool[Tensor, "*b h w"],
    detach_alignment: bool = False,
) -> tuple[Float[Tensor, "*b h w"], Float[Tensor, "*b h w"]]:
    """Prediction aligned per image by least squares, and target, both in the target's standard units; 0 where not valid.

    Gradients run through scale and shift unless `detach_alignment`. The scale is that of least squares where the
    correlation is at least LEAST_CORRELATION, and what it would be at that correlation below: plain least squares
    forgives an inverted prediction as readily as an upright one, so that a network trained from scratch may end up
    inverted, and its gradient vanishes in between. A constant prediction gets scale 0.
    """
    shape = pred.shape
    p, g, valid = valid_images(pred, target, valid, fill=0.0)
    centre, g_centre = masked_mean(p, valid)[:, None, None], masked_mean(g, valid)[:, None, None]
    g = torch.where(valid, g - g_centre, 0)
    deviation = masked_mean(g.abs(), valid)[:, None, None]
    g = torch.where(deviation > SMALLEST_SPREAD * g_centre.abs(), g / torch.where(deviation > 0, deviation, 1), 0)
    # With both means taken away the shift is settled, and the scale is a ratio of moments.
    p_off = p - centre
    variance, covariance = masked_mean(p_off.square(), valid)[:, None, None], masked_mean(p_off * g, valid)[:, None, None]
    varies = variance > (SMALLEST_SPREAD * centre).square()
    variance = torch.where(varies, variance, 1)
    least = LEAST_CORRELATION * (masked_mean(g.square(), valid)[:, None, None].sqrt() / variance.sqrt())
    scale = torch.where(varies, torch.maximum(covariance / variance, least), 0)
    if detach_alignment:
        centre, scale = centre.detach(), scale.detach()
    return torch.where(valid, scale * (p - centre), 0).reshape(shape), g.reshape(shape)


def standardised(values: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """Values of each image with mean 0 and mean absolute deviation 1 over its valid pixels; 0 where not valid.

    Standardising prediction and target each by itself is the other alignment of MiDaS (equation 6, there with the
    median), and the one of Depth Anything (arXiv 2401.10891, equation 3). It fits less closely than least squares, but a
    network cannot lower the loss by correlating less: from scratch it learns where least squares may not.
    """
    v, _, valid = valid_images(values, values, valid, fill=0.0)
    centre = masked_mean(v, valid)[:, None, None]
    off = torch.where(valid, v - centre, 0)
    deviation = masked_mean(off.abs(), valid)[:, None, None]
    varies = deviation > SMALLEST_SPREAD * centre.abs()
    return torch.where(varies, off / torch.where(varies, deviation, 1), 0).reshape(values.shape)
