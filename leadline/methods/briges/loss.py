"""Losses of `briges`, on disparity in [0, 1]. From the authors' code; the paper names no formula we know.

    d* = (i - m) / (M - m + 1e-3),  i = 1 / (z + 1e-3), m and M its extremes over z > 0;  valid where d* > 0
    p  = the network's output, brought to [0, 1] by its own extremes
    L_ssi = mean over the valid pixels of the batch of |s p + t - d*|, (s, t) by least squares per image, with gradient
    L_grad of ZoeDepth (arXiv 2302.12288): size and direction of the gradients of p and d*, unaligned

Two guards are ours: a pixel whose neighbours are all exactly equal sends no gradient through its direction (it would be 1e10),
and sums are taken in float64.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import full_precision

TARGET_EPS = 1e-3
PREDICTION_EPS = 1e-6
DETERMINANT_EPS = 1e-3
DIRECTION_EPS = 1e-10


def disparity_target(inverse: Float[Tensor, "n h w"], known: Bool[Tensor, "n h w"]) -> tuple[Float[Tensor, "n h w"], Bool[Tensor, "n h w"]]:
    """d* in [0, 1] of inverse depth, and where it is valid: known, and not the very farthest."""
    low = torch.where(known, inverse, torch.inf).amin(dim=(1, 2), keepdim=True)
    high = torch.where(known, inverse, -torch.inf).amax(dim=(1, 2), keepdim=True)
    spread = torch.where(known, inverse - low, 0) / torch.where(known, high - low + TARGET_EPS, 1)
    target = spread.clamp(0, 1)
    return target, known & (target > 0)


def normalised(values: Float[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
    """p: each image's values between their extremes."""
    values = full_precision(values)
    low, high = values.amin(dim=(1, 2), keepdim=True), values.amax(dim=(1, 2), keepdim=True)
    return ((values - low) / (high - low + PREDICTION_EPS)).clamp(0, 1)


@dataclass(frozen=True)
class Aligned:
    """s p + t, and the images for which least squares has an answer."""

    values: Float[Tensor, "n h w"]
    solved: Bool[Tensor, " n"]


def least_squares(*, pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Aligned:
    """Scale and shift in closed form for each image, with gradient; images whose determinant is not positive stay as they are."""
    weight = valid.double()
    p, d = pred.double(), target.double()
    count, sum_p, sum_d = (x.sum(dim=(1, 2)) for x in (weight, weight * p, weight * d))
    sum_pp, sum_pd = (weight * p * p).sum(dim=(1, 2)), (weight * p * d).sum(dim=(1, 2))
    determinant = sum_pp * count - sum_p * sum_p
    solved = determinant > 0
    safe = torch.where(solved, determinant + DETERMINANT_EPS, 1)
    scale = torch.where(solved, (count * sum_pd - sum_p * sum_d) / safe, 1).to(pred.dtype)
    shift = torch.where(solved, (sum_pp * sum_d - sum_p * sum_pd) / safe, 0).to(pred.dtype)
    return Aligned(scale[:, None, None] * pred + shift[:, None, None], solved)


def ssi_loss(*, pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, ""]:
    """L_ssi; 0 without a valid pixel."""
    fitted = least_squares(pred=pred, target=target, valid=valid)
    return _mean((fitted.values - target).abs(), valid & fitted.solved[:, None, None])


def gradient_loss(*, pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, ""]:
    """L_grad: L1 of dx^2 + dy^2 plus L1 of atan(dy / (dx + 1e-10)), forward differences, where all three pixels are valid."""
    three = valid[:, :-1, :-1] & valid[:, :-1, 1:] & valid[:, 1:, :-1]
    (size, direction), (size_true, direction_true) = _gradients(pred), _gradients(target)
    return _mean((size - size_true).abs(), three) + _mean((direction - direction_true).abs(), three)


def _gradients(values: Tensor) -> tuple[Tensor, Tensor]:
    """dx^2 + dy^2, and atan of their ratio [radians]."""
    corner = values[:, :-1, :-1]
    dx, dy = values[:, :-1, 1:] - corner, values[:, 1:, :-1] - corner
    flat = (dx == 0) & (dy == 0)
    over = torch.where(flat, 1, dx) + DIRECTION_EPS
    ratio = torch.where(flat, 0, dy) / torch.where(over == 0, DIRECTION_EPS, over)
    return dx * dx + dy * dy, torch.atan(ratio)


def _mean(error: Tensor, valid: Tensor) -> Tensor:
    """Over all valid pixels of the batch, as the authors do: images with more of them count more."""
    return torch.where(valid, error, 0).sum() / valid.sum().clamp(min=1)
