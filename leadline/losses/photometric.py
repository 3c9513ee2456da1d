"""How unlike two pictures of one scene are, pixel by pixel: structural similarity and absolute difference of colours.

Godard et al., "Digging into self-supervised monocular depth estimation" (monodepth2), ICCV 2019, arXiv 1806.01260:
equation 2 is `photometric_error` (SSIM of Wang et al. 2004 over 3x3 windows, as the authors' code has it: means without
weights, borders reflected, (1 - SSIM) / 2 cut to [0, 1], means over the channels); equation 4 is `smallest_error`;
equation 5 is its `still` argument.

SSIM and its gradient are written by hand: means over windows are sums of shifted slices, which a CPU does about ten times
faster than average pooling, and nothing but the picture itself is kept for the way back (docs/LOG.md, 2026-11-26).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.losses.masked import full_precision

SSIM_SHARE = 0.85
"""monodepth2's alpha: share of SSIM in the error; the rest is the absolute difference."""
C1, C2 = 0.01**2, 0.03**2
"""Constants of SSIM for colours in [0, 1]."""


def photometric_error(
    *, pred: Float[Tensor, "*b c h w"], target: Float[Tensor, "*b2 c h w"], ssim_share: float = SSIM_SHARE
) -> Float[Tensor, "*b h w"]:
    """share * (1 - SSIM) / 2 + (1 - share) * |pred - target|, means over the channels; colours in [0, 1], sides of 2 px or more.

    `target` is the picture that is there: it gets no gradient, and its leading axes broadcast against those of `pred`, so
    that several predictions of one picture share its statistics.
    """
    if target.requires_grad:
        raise ValueError("the target of a photometric error gets no gradient: detach it")
    return _PhotometricError.apply(full_precision(pred), full_precision(target), ssim_share)  # pyright: ignore[reportReturnType]


def smallest_error(
    errors: Float[Tensor, "s *b h w"], still: Float[Tensor, "*b2 h w"] | None = None
) -> tuple[Float[Tensor, "*b h w"], Float[Tensor, "*b h w"]]:
    """The smallest error over the sources, and the same or the `still` error where that is smaller: the auto-mask.

    `still` is the error of the sources as they are, not warped: where it is smaller nothing moves, or something moves
    along with the camera, and depth has nothing to learn. It is a constant and gives no gradient.
    """
    smallest = errors.amin(dim=0)
    return smallest, smallest if still is None else torch.minimum(smallest, still)


class _PhotometricError(torch.autograd.Function):
    """Forward and backward over pieces that fit the cache of a processor."""

    @staticmethod
    def forward(ctx: Any, pred: Tensor, target: Tensor, share: float) -> Tensor:
        ctx.save_for_backward(pred, target)
        ctx.share = share
        difference = (1 - share) * (pred - target).abs_()
        if share == 0:
            return difference.mean(dim=-3)
        similarity = _Similarity(pred, target)
        return difference.add_(similarity.value.mul_(-0.5 * share).add_(0.5 * share).clamp_(0, share)).mean(dim=-3)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        pred, target = ctx.saved_tensors
        share, grad = ctx.share, grads[0].unsqueeze(-3) / pred.shape[-3]
        to_pred = (pred - target).sign_().mul_((1 - share) * grad)
        if share == 0:
            return to_pred, None, None
        similarity = _Similarity(pred, target)
        uncut = (similarity.value >= -1) & (similarity.value <= 1)
        return to_pred.add_(similarity.backward(-0.5 * share * grad * uncut)), None, None


class _Similarity:
    """SSIM of `pred` and `target`, and its gradient to `pred`, from the means over 3x3 windows."""

    def __init__(self, pred: Tensor, target: Tensor) -> None:
        self.pred, self.target = pred, target
        self.mean_p, self.mean_t = _window_mean(pred), _window_mean(target)
        variance_t = _window_mean(target.square()) - self.mean_t.square()
        variance_p = _window_mean(pred.square()) - self.mean_p.square()
        covariance = _window_mean(pred * target) - self.mean_p * self.mean_t
        self.luminance = 2 * self.mean_p * self.mean_t + C1
        self.structure = 2 * covariance + C2
        self.luminance_norm = self.mean_p.square() + self.mean_t.square() + C1
        self.structure_norm = variance_p + variance_t + C2
        self.value = self.luminance * self.structure / (self.luminance_norm * self.structure_norm)

    def backward(self, grad: Tensor) -> Tensor:
        """Gradient to `pred`: through the mean, the mean square and the mean product of every window."""
        norm = grad / (self.luminance_norm * self.structure_norm)
        to_square = -grad * self.value / self.structure_norm
        to_product = 2 * self.luminance * norm
        to_mean = 2 * self.mean_t * (self.structure - self.luminance) * norm
        to_mean += 2 * self.mean_p * grad * self.value * (1 / self.structure_norm - 1 / self.luminance_norm)
        from_square, from_product = _window_mean_backward(to_square), _window_mean_backward(to_product)
        return _window_mean_backward(to_mean) + 2 * self.pred * from_square + self.target * from_product


def _window_mean(values: Tensor) -> Tensor:
    """Mean over the 3x3 window of every pixel, the border reflected."""
    return _row_sum(_column_sum(values)).mul_(1 / 9)


def _column_sum(values: Tensor) -> Tensor:
    total = values.clone()
    total[..., 1:] += values[..., :-1]
    total[..., :-1] += values[..., 1:]
    total[..., 0] += values[..., 1]
    total[..., -1] += values[..., -2]
    return total


def _row_sum(values: Tensor) -> Tensor:
    return _column_sum(values.mT).mT


def _window_mean_backward(grad: Tensor) -> Tensor:
    """The adjoint of `_window_mean`."""
    return _column_sum_backward(_column_sum_backward(grad.mT).mT).mul_(1 / 9)


def _column_sum_backward(grad: Tensor) -> Tensor:
    total = grad.clone()
    total[..., 1:] += grad[..., :-1]
    total[..., :-1] += grad[..., 1:]
    total[..., 1] += grad[..., 0]
    total[..., -2] += grad[..., -1]
    return total
