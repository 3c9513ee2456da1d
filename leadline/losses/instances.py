"""Embeddings of pixels that belong together are alike, those of others are not: for encoders that learn from instance ids.

Supervised contrast of Khosla et al. 2020, arXiv 2004.11362, equation 2, between pixels of one picture instead of pictures of a batch, as
Wang et al. 2021, arXiv 2101.11939, have it for classes.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from leadline.losses.masked import full_precision


def instance_loss(
    *,
    embedding: Float[Tensor, "n c _y _x"],
    instance: Int[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    num_points: int,
    temperature: float,
) -> Float[Tensor, ""]:
    """Mean over `num_points` random pixels of each picture of -log of the share of its own instance among all others, by likeness.

    Embeddings are read bilinearly at the centres of the pixels and brought to length 1. Pixels that are not valid, and those without a
    second one of their instance, ask for nothing; 0 when all do. Draws random numbers.
    """
    height, width = instance.shape[-2:]
    place = torch.randint(height * width, (len(instance), num_points), device=instance.device)
    rows, columns = place // width, place % width
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    sampled = functional.grid_sample(full_precision(embedding), grid[:, None], padding_mode="border", align_corners=False)[:, :, 0]
    unit = functional.normalize(sampled.transpose(1, 2), dim=2)
    ids, known = instance.flatten(1).gather(1, place), valid.flatten(1).gather(1, place)
    others = known[:, None, :] & ~torch.eye(num_points, dtype=torch.bool, device=ids.device)
    likeness = (unit @ unit.transpose(1, 2) / temperature).masked_fill(~others, -torch.inf)
    # Without any other pixel a row is empty; its share is never asked for.
    likeness = torch.where(others.any(dim=2, keepdim=True), likeness, 0)
    share = likeness - likeness.logsumexp(dim=2, keepdim=True)
    same = others & (ids[:, :, None] == ids[:, None, :])
    counted = known & same.any(dim=2)
    own = torch.where(same, share, 0).sum(dim=2) / same.sum(dim=2).clamp(min=1)
    return -torch.where(counted, own, 0).sum() / counted.sum().clamp(min=1)
