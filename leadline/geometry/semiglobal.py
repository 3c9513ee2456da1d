"""Semi-global matching: one plane of a sweep for every pixel, where agreement of pictures and smoothness both have a say.

Hirschmüller, "Stereo processing by semiglobal matching and mutual information", PAMI 2008: costs are summed along eight paths
through the image; a change of one plane costs `step`, any larger change `jump`, less across an edge of the picture.
"""

import numpy as np
from jaxtyping import Float

SLOPES = (-1, 0, 1)
EDGE = 20.0
"""How much cheaper a jump is across an edge: by a factor 1 + EDGE |difference of colours in [0, 1]|; our default."""


def semi_global(
    cost: Float[np.ndarray, "h w n"], image: Float[np.ndarray, "h w c"], *, step: float, jump: float
) -> Float[np.ndarray, "h w"]:
    """The plane of each pixel, from 0 to n - 1, between planes by a parabola through the three costs around the smallest.

    `cost` and the penalties are of one unit; colours are in [0, 1].
    """
    total = np.zeros_like(cost)
    for down in (1, -1):
        for slope in SLOPES:
            total[::down] += _along(cost[::down], image[::down], slope, step, jump)
        columns, pixels = cost.swapaxes(0, 1)[::down], image.swapaxes(0, 1)[::down]
        total.swapaxes(0, 1)[::down] += _along(columns, pixels, 0, step, jump)
    return _between(total)


def _along(cost: np.ndarray, image: np.ndarray, slope: int, step: float, jump: float) -> np.ndarray:
    """Costs of the cheapest paths that come from the row above, `slope` columns to the right, or begin at a border."""
    summed = np.empty_like(cost)
    summed[0] = cost[0]
    height, width = cost.shape[:2]
    here = slice(max(0, -slope), min(width, width - slope))
    before = slice(here.start + slope, here.stop + slope)
    for y in range(1, height):
        summed[y] = cost[y]
        difference = np.abs(image[y, here] - image[y - 1, before]).mean(axis=-1)
        summed[y, here] += _cheapest(summed[y - 1, before], step, jump / (1 + EDGE * difference))
    return summed


def _cheapest(before: np.ndarray, step: float, jump: np.ndarray) -> np.ndarray:
    """(p, n) what it costs to come to each plane, less the smallest cost so far, which keeps sums from growing."""
    least = before.min(axis=1, keepdims=True)
    came = np.minimum(before, least + jump[:, None])
    came[:, 1:] = np.minimum(came[:, 1:], before[:, :-1] + step)
    came[:, :-1] = np.minimum(came[:, :-1], before[:, 1:] + step)
    return came - least


def _between(total: np.ndarray) -> np.ndarray:
    best = total.argmin(axis=2)
    inner = best.clip(1, total.shape[2] - 2)[..., None]
    low, mid, high = (np.take_along_axis(total, inner + shift, axis=2)[..., 0] for shift in (-1, 0, 1))
    curvature = low - 2 * mid + high
    shift = np.where(curvature > 0, 0.5 * (low - high) / np.where(curvature > 0, curvature, 1), 0).clip(-0.5, 0.5)
    return best + np.where(best == inner[..., 0], shift, 0)
