"""Scale-invariant logarithmic loss.

Eigen et al. 2014, "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network", arXiv 1406.2283,
equation 4, under the square root as in BTS (arXiv 1907.10326, equation 6) and AdaBins (arXiv 2011.14141).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import masked_mean, mean_over_images, valid_images


def silog_loss(
    *, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], variance_focus: float = 0.85
) -> Float[Tensor, ""]:
    """sqrt(var d + (1 - variance_focus) mean(d)^2) per image, d = ln pred - ln target; both positive at valid pixels.

    `variance_focus` is the papers' lambda: 0 is the rmse of log depth, 1 forgives a wrong scale altogether, 0.85 is
    BTS's. AdaBins and ZoeDepth multiply by 10 and pool the batch; here each image has its own mean, because scale is
    a property of an image.
    """
    pred, target, valid = valid_images(pred, target, valid, fill=1.0)
    d = pred.log() - target.log()
    mean = masked_mean(d, valid)
    # Never mean(d^2) - mean(d)^2: rounding makes that negative for a constant ratio, and the root NaN.
    variance = masked_mean((d - mean[:, None, None]).square(), valid)
    squared = variance + (1 - variance_focus) * mean.square()
    positive = squared > 0
    return mean_over_images(torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0), valid)
