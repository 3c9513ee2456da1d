"""Edge-aware smoothness: inverse depth may change only where the image does.

Godard et al. 2017, "Unsupervised Monocular Depth Estimation with Left-Right Consistency", arXiv 1609.03677, equation 3,
on mean-normalised inverse depth (Wang et al. 2018, arXiv 1712.00175) as in monodepth2 (arXiv 1806.01260, equation 3).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import full_precision, masked_mean, mean_over_images

SMALLEST_MEAN = 1e-7
"""Added to the mean inverse depth, as in monodepth2, so that an all-zero prediction divides by something."""


def smoothness_loss(
    *, inverse_depth: Float[Tensor, "*b h w"], image: Float[Tensor, "*b c h w"], valid: Bool[Tensor, "*b h w"] | None = None
) -> Float[Tensor, ""]:
    """Mean of abs(d* difference) exp(-abs(image difference)) between neighbours in x plus in y, d* = d / mean d.

    Image differences are means over the channels, RGB in [0, 1]. A difference counts where both its pixels are valid.
    """
    d = full_precision(inverse_depth).reshape(-1, *inverse_depth.shape[-2:])
    image = full_precision(image).reshape(-1, *image.shape[-3:])
    v = torch.ones_like(d, dtype=torch.bool) if valid is None else valid.reshape(d.shape)
    d = torch.where(v, d, 0)
    d = d / (masked_mean(d, v)[:, None, None] + SMALLEST_MEAN)
    along_x = (d[:, :, 1:] - d[:, :, :-1]).abs() * torch.exp(-(image[..., 1:] - image[..., :-1]).abs().mean(dim=1))
    along_y = (d[:, 1:] - d[:, :-1]).abs() * torch.exp(-(image[..., 1:, :] - image[..., :-1, :]).abs().mean(dim=1))
    per_image = masked_mean(along_x, v[:, :, 1:] & v[:, :, :-1]) + masked_mean(along_y, v[:, 1:] & v[:, :-1])
    return mean_over_images(per_image, v)
