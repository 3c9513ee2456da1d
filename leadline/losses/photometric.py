"""How unlike two pictures of one scene are, pixel by pixel: structural similarity and absolute difference of colours.

Godard et al., "Digging into self-supervised monocular depth estimation" (monodepth2), ICCV 2019, arXiv 1806.01260:
equation 2 is `photometric_error` (SSIM of Wang et al. 2004 over 3x3 windows, as the authors' code has it: means without
weights, borders reflected, (1 - SSIM) / 2 cut to [0, 1], means over the channels); equation 4 is `smallest_error`;
equation 5 is its `still` argument.

SSIM and its gradient are written by hand: means over windows are sums of shifted slices, which a CPU does about ten times
faster than average pooling, and nothing but the picture itself is kept for the way back (docs/LOG.md, 2026-11-26).
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.losses.masked import full_precision

SSIM_SHARE = 0.85
"""monodepth2's alpha: share of SSIM in the error; the rest is the absolute difference."""
C1, C2 = 0.01**2, 0.03**2
"""Constants of SSIM for colours in [0, 1]."""
CACHED_VALUES = 2**18
"""Values that a processor works on at a time: several such pieces fit its cache."""


def photometric_error(
    *, pred: Float[Tensor, "*b c h w"], target: Float[Tensor, "*b2 c h w"], ssim_share: float = SSIM_SHARE
) -> Float[Tensor, "*b h w"]:
    """share * (1 - SSIM) / 2 + (1 - share) * |pred - target|, means over the channels; colours in [0, 1], sides of 2 px or more.

    `target` is the picture that is there: it gets no gradient, and its leading axes broadcast against those of `pred`, so
    that several predictions of one picture share its statistics.
    """
    if target.requires_grad:
        raise ValueError("the target of a photometric error gets no gradient: detach it")
    pred, target = full_precision(pred), full_precision(target)
    if pred.ndim == 3:
        return photometric_error(pred=pred[None], target=target, ssim_share=ssim_share)[0]
    target = target.reshape((1,) * (pred.ndim - target.ndim) + target.shape)
    return _PhotometricError.apply(pred, target, ssim_share)  # pyright: ignore[reportReturnType]


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
    """Works through pieces that fit the cache of a processor; statistics of the target are shared by all of them."""

    @staticmethod
    def forward(ctx: Any, pred: Tensor, target: Tensor, share: float) -> Tensor:
        statistics = _target_statistics(target)
        ctx.save_for_backward(pred, target, *statistics)
        ctx.share = share
        error = pred.new_empty(pred.shape[:-3] + pred.shape[-2:])
        for p, t, t_sum, t_norm, out in _pieces(pred, target, *statistics, error[..., None, :, :]):
            both = (p - t).abs_().mul_(1 - share)
            if share > 0:
                both.add_(_Similarity(p, t, t_sum, t_norm).value.mul_(-0.5 * share).add_(0.5 * share).clamp_(0, share))
            torch.mean(both, dim=-3, keepdim=True, out=out)
        return error

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        pred, share = ctx.saved_tensors[0], ctx.share
        to_pred = torch.empty_like(pred)
        for p, t, t_sum, t_norm, grad, out in _pieces(*ctx.saved_tensors, grads[0][..., None, :, :], to_pred):
            grad = grad / p.shape[-3]
            torch.sub(p, t, out=out).sign_().mul_(grad * (1 - share))
            if share > 0:
                out.add_(_Similarity(p, t, t_sum, t_norm).backward(grad * (-0.5 * share)))
        return to_pred, None, None


class _Similarity:
    """SSIM of a prediction and a target, and its gradient to the prediction.

    All is in sums over windows of 9 pixels, not in means: numerators and denominators are 81 times those of the formula.
    """

    def __init__(self, pred: Tensor, target: Tensor, target_sum: Tensor, target_norm: Tensor) -> None:
        self.pred, self.target, self.target_sum = pred, target, target_sum
        self.sum, squares, products = _window_sum(torch.stack([pred, pred.square(), pred * target]))
        sum_product, sum_square = self.sum * target_sum, self.sum.square()
        self.luminance = (2 * sum_product).add_(81 * C1)
        self.structure = products.mul_(18).sub_(sum_product, alpha=2).add_(81 * C2)
        self.structure_norm = squares.mul_(9).sub_(sum_square).add_(target_norm)
        self.luminance_norm = sum_square.add_(target_sum.square()).add_(81 * C1)
        self.norm = self.luminance_norm * self.structure_norm
        self.value = (self.luminance * self.structure).div_(self.norm)

    def backward(self, grad: Tensor) -> Tensor:
        """Gradient to the prediction of (value cut to [-1, 1]) * grad: through sum, sum of squares and sum of products of each window."""
        grad = torch.where(self.value.abs() <= 1, grad, 0)
        share, part = self.value * grad, grad / self.norm
        to_square = (share / self.structure_norm).mul_(-9)
        to_sum = (self.structure - self.luminance).mul_(self.target_sum).mul_(part)
        to_sum.add_((share / self.luminance_norm).add_(to_square, alpha=1 / 9).mul_(self.sum), alpha=-1).mul_(2)
        to_sum, to_square, to_product = _window_sum_backward(torch.stack([to_sum, to_square, part.mul_(self.luminance).mul_(18)]))
        return to_sum.addcmul_(to_square, self.pred, value=2).addcmul_(to_product, self.target)


def _target_statistics(target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over windows, and the part of the structure's denominator that is the target's."""
    total, squares = _window_sum(torch.stack([target, target.square()]))
    return total, squares.mul_(9).sub_(total.square()).add_(81 * C2)


def _pieces(like: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Pieces of tensors (*b c h w) that broadcast to the first, over leading indices and parts of the last leading axis."""
    lead, size = like.shape[:-3], like.shape[-3:]
    step = max(1, CACHED_VALUES // size.numel()) if like.device.type == "cpu" else lead[-1]
    tensors = [like, *(other.expand(*lead[:-1], *other.shape[-4:]) for other in others)]
    for index in product(*(range(count) for count in lead[:-1])):
        for first in range(0, lead[-1], step):
            yield tuple(t[index][first : first + step] if t.shape[-4] > 1 else t[index] for t in tensors)


def _window_sum(values: Tensor) -> Tensor:
    """Sum over the 3x3 window of every pixel, the border reflected."""
    return _column_sum(_column_sum(values.mT).mT)


def _column_sum(values: Tensor) -> Tensor:
    total = torch.empty_like(values)
    torch.add(values[..., :-2], values[..., 2:], out=total[..., 1:-1])
    torch.mul(values[..., 1], 2, out=total[..., 0])
    torch.mul(values[..., -2], 2, out=total[..., -1])
    return total.add_(values)


def _window_sum_backward(grad: Tensor) -> Tensor:
    """The adjoint of `_window_sum`."""
    return _column_sum_backward(_column_sum_backward(grad.mT).mT)


def _column_sum_backward(grad: Tensor) -> Tensor:
    total = torch.empty_like(grad)
    torch.add(grad[..., :-2], grad[..., 2:], out=total[..., 1:-1])
    total[..., 0] = grad[..., 1]
    total[..., -1] = grad[..., -2]
    total.add_(grad)
    total[..., 1] += grad[..., 0]
    total[..., -2] += grad[..., -1]
    return total
