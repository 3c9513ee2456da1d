"""What every loss shares: full precision, flattened images, means over valid pixels that never divide by zero.

One rule of reduction for all losses here: the mean over the valid pixels of an image, then the mean over the images that
have any. Without a single valid pixel a loss is exactly 0 and sends zero gradient, whatever the invalid values are.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def full_precision(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """float32 for half precision, which autocast hands to losses; float32 and float64 stay."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def valid_images(
    pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], *, fill: float
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"], Bool[Tensor, "n h w"]]:
    """Leading axes flattened to n images, in full precision, with `fill` in place of what is not valid."""
    if not pred.shape == target.shape == valid.shape:
        raise ValueError(f"shapes differ: pred {tuple(pred.shape)}, target {tuple(target.shape)}, valid {tuple(valid.shape)}")
    pred, target, valid = (x.reshape(-1, *x.shape[-2:]) for x in (full_precision(pred), full_precision(target), valid))
    return torch.where(valid, pred, fill), torch.where(valid, target, fill), valid


def masked_mean(values: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Mean over the valid pixels of each image, 0 for an image without any."""
    return torch.where(valid, values, 0).sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp(min=1)


def mean_over_images(per_image: Float[Tensor, " n"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, ""]:
    """Mean over the images that have a valid pixel, 0 when none has."""
    has_any = valid.flatten(1).any(dim=1)
    return torch.where(has_any, per_image, 0).sum() / has_any.sum().clamp(min=1)
