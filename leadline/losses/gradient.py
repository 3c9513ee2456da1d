"""Multi-scale gradient matching: edges of the prediction where the target's edges are.

Li and Snavely 2018, "MegaDepth", arXiv 1804.00607, equation 3, as in MiDaS (arXiv 1907.01341, equation 11). Pass log depth,
or values that are already aligned: the loss itself aligns nothing.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import masked_mean, mean_over_images, valid_images


def gradient_matching_loss(
    *, pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], num_scales: int = 4
) -> Float[Tensor, ""]:
    """Sum over scales of the mean absolute difference between neighbours of pred - target, in x plus in y.

    Scale k looks at every 2^k-th pixel. A difference counts where both its pixels are valid, so sparse depth gives
    almost nothing here.
    """
    pred, target, valid = valid_images(pred, target, valid, fill=0.0)
    difference = pred - target
    total = difference.new_zeros(len(difference))
    for scale in range(num_scales):
        step = 2**scale
        d, v = difference[:, ::step, ::step], valid[:, ::step, ::step]
        total = total + masked_mean((d[:, :, 1:] - d[:, :, :-1]).abs(), v[:, :, 1:] & v[:, :, :-1])
        total = total + masked_mean((d[:, 1:] - d[:, :-1]).abs(), v[:, 1:] & v[:, :-1])
    return mean_over_images(total, valid)
