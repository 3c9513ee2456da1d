"""From raw numbers to bins that share out a range: widths that sum to 1, and their centres. Everything here is float32.

Depth relative to the range runs from 0 at `min_depth_m` to 1 at `max_depth_m`.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

LEAST = 1e-3
"""Of ZoeDepth and LocalBins, added to every raw number, so that no bin vanishes."""


def shares(raw: Float[Tensor, "n k _y _x"], *, least: float = LEAST) -> Float[Tensor, "n k _y _x"]:
    """Positive numbers that sum to 1 along k: what of `raw` is above 0, and `least`."""
    positive = functional.relu(raw) + least
    return positive / positive.sum(dim=1, keepdim=True)


def middles(widths: Float[Tensor, "n k _y _x"]) -> Float[Tensor, "n k _y _x"]:
    """Relative centres, ascending, of neighbouring bins that begin at 0."""
    edges = functional.pad(widths.cumsum(dim=1), (0, 0, 0, 0, 1, 0))
    return (edges[:, :-1] + edges[:, 1:]) / 2


def metres(relative: Float[Tensor, "n k _y _x"], low: float, high: float) -> Float[Tensor, "n k _y _x"]:
    """Depths [m] between `low` and `high`. Rounding may leave the range: `clamp` what is answered."""
    return low + (high - low) * relative


def ascending(centres: Float[Tensor, "n k _y _x"]) -> Float[Tensor, "n k _y _x"]:
    """Each centre at least the one before it, for centres that are in order but for rounding; gradients pass as if untouched.

    A running maximum in doubling steps: cheaper than a sort, and of operations that every runtime has.
    """
    with torch.no_grad():
        highest, step = centres, 1
        while step < centres.shape[1]:
            highest = torch.cat([highest[:, :step], torch.maximum(highest[:, step:], highest[:, :-step])], dim=1)
            step *= 2
        lift = highest - centres
    return centres + lift
