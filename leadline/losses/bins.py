"""Distance between the centres of depth bins and the depths of a picture: the bidirectional Chamfer loss.

Bhat et al., "AdaBins", CVPR 2021, arXiv 2011.14141, equation 5, for bins of a whole picture; LocalBins, ECCV 2022, arXiv 2203.15132, asks
the same of the depths in a window around, for bins of a pixel.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from leadline.losses.masked import full_precision, mean_over_images

WINDOW = 16
"""Side of a window, in answers of the head: 64 pixels of the picture at stride 4. Ours."""


@dataclass(frozen=True, eq=False)
class _Points:
    """The p known depths of a batch, each in one of m windows."""

    depth: Float[Tensor, " p"]
    image: Int[Tensor, " p"]
    window: Int[Tensor, " p"]


def chamfer_loss(
    *, centres: Float[Tensor, "n k _y _x"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], window: int = WINDOW
) -> Float[Tensor, ""]:
    """Squared distance [m^2] of every depth to the nearest centre, and of every centre to the nearest depth.

    The first is averaged over the valid pixels of an image, the second over its bins, if it has one set of them (1, 1). Otherwise
    the grid of centres is cut into windows of `window` x `window`, one beside the other, the last ones smaller. LocalBins predicts
    bins for its windows from features pooled there; here a window has the mean of its centres, a pixel belongs to the window
    that lies over it, and the second mean is over all bins of windows with a valid pixel.

    Centres must ascend. Memory grows with the valid pixels and with the centres, not with their product.
    """
    if len(centres) != len(target) or target.shape != valid.shape:
        raise ValueError(f"shapes differ: centres {tuple(centres.shape)}, target {tuple(target.shape)}, valid {tuple(valid.shape)}")
    pooled = functional.avg_pool2d(full_precision(centres), window, ceil_mode=True)
    sets = pooled.permute(0, 2, 3, 1).flatten(0, 2)
    points = _points(full_precision(target), valid, answers=(centres.shape[-2], centres.shape[-1]), window=window)
    with torch.no_grad():
        below = _count_below(sets, points)
        nearest = _nearest_centre(sets, points, below)
        depths, known = _nearest_depth(sets, points, below)
    to_centres = (points.depth - sets.flatten()[nearest]).square()
    to_depths = (sets - depths).square().mean(dim=1)
    to_depths = torch.where(known, to_depths, 0).unflatten(0, (len(target), -1)).sum(dim=1)
    per_image = torch.zeros_like(to_depths).index_add(0, points.image, to_centres) / valid.sum(dim=(1, 2)).clamp(min=1)
    return mean_over_images(per_image + to_depths / known.unflatten(0, (len(target), -1)).sum(dim=1).clamp(min=1), valid)


def _points(target: Tensor, valid: Tensor, *, answers: tuple[int, int], window: int) -> _Points:
    """Windows are counted row by row, image by image."""
    rows, columns = (
        (2 * torch.arange(pixels, device=target.device) + 1) * count // (2 * pixels) // window
        for pixels, count in zip(target.shape[-2:], answers, strict=True)
    )
    down, across = (-(-count // window) for count in answers)
    image, row, column = valid.nonzero(as_tuple=True)
    return _Points(target[valid], image, (image * down + rows[row]) * across + columns[column])


def _count_below(sets: Float[Tensor, "m k"], points: _Points) -> Int[Tensor, " p"]:
    """How many centres of its window are less than each depth, by bisection."""
    k = sets.shape[1]
    flat, first = sets.flatten(), points.window * k
    count = torch.zeros_like(first)
    for step in (2**power for power in reversed(range(k.bit_length()))):
        tried = count + step
        less = (tried <= k) & (flat[first + tried.clamp(max=k) - 1] < points.depth)
        count = torch.where(less, tried, count)
    return count


def _nearest_centre(sets: Float[Tensor, "m k"], points: _Points, below: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
    """Index into the flattened sets, of one of the two centres that a depth lies between."""
    k = sets.shape[1]
    flat = sets.flatten()
    lower, upper = points.window * k + (below - 1).clamp(min=0), points.window * k + below.clamp(max=k - 1)
    return torch.where((points.depth - flat[lower]).abs() <= (points.depth - flat[upper]).abs(), lower, upper)


def _nearest_depth(
    sets: Float[Tensor, "m k"], points: _Points, below: Int[Tensor, " p"]
) -> tuple[Float[Tensor, "m k"], Bool[Tensor, " m"]]:
    """For every centre the nearest depth of its window, itself where there is none; and which windows have any."""
    m, k = sets.shape
    gap = points.window * (k + 1) + below
    infinite = torch.full((m * (k + 1),), torch.inf, dtype=sets.dtype, device=sets.device)
    highest = (-infinite).scatter_reduce(0, gap, points.depth, "amax").view(m, k + 1).cummax(dim=1).values[:, :-1]
    lowest = infinite.scatter_reduce(0, gap, points.depth, "amin").view(m, k + 1).flip(1).cummin(dim=1).values.flip(1)[:, 1:]
    nearest = torch.where(sets - highest <= lowest - sets, highest, lowest)
    known = torch.isfinite(nearest).all(dim=1)
    return torch.where(known[:, None], nearest, sets), known
