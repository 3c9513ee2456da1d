"""Resizing inside a graph, as two products of matrices that are made from the sizes: every runtime has those, and all agree.

Resize operators of runtimes differ in antialiasing, rounding and corners, and few do what Pillow does. A row of a matrix holds the
weights with which pixels of the source make one pixel of the result, so that letterboxing is a matrix too. Sizes may be open: the
matrices are computed in the graph.

Convention: pixel centres are at halves.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Kernel = Literal["bilinear", "bicubic"]
Fit = Literal["stretch", "letterbox"]

_SMOOTH, _SHARP = -0.5, -0.75
"""Keys' parameter: of Pillow and of antialiased resizing, and of `interpolate` without antialiasing."""
_ROUNDING = 1e-2
"""[px] below which nothing is beside a picture."""
_REACH = 2
"""Half of a cubic kernel [px]."""


@dataclass(frozen=True)
class Placed:
    """Where one side of a picture lies in an input: `scale` source pixels for each of the input, after `start` input pixels."""

    scale: Tensor
    start: Tensor
    inside: Tensor
    """Pixels of the source."""
    outside: Tensor
    """Pixels of the input."""


def placed(source: tuple[int, int], target: tuple[int, int], fit: Fit) -> tuple[Placed, Placed]:
    """Rows and columns of a picture of size `source` in an input of size `target`; letterbox keeps its shape, in the middle."""
    counts = [(_count(inside), _count(outside)) for inside, outside in zip(source, target, strict=True)]
    ratios = [inside / outside for inside, outside in counts]
    scales = ratios if fit == "stretch" else [torch.maximum(*ratios)] * 2
    rows, columns = (
        Placed(scale, (outside - inside / scale) / 2, inside, outside) for scale, (inside, outside) in zip(scales, counts, strict=True)
    )
    return rows, columns


def inwards(place: Placed, *, source: int, target: int, kernel: Kernel) -> Float[Tensor, "target source"]:
    """Weights of an antialiased resize, as Pillow and torch make them; rows beside the picture are 0, which is black."""
    result = _centres(target)
    centre = (result - place.start) * place.scale
    support = place.scale.clamp(min=1.0)
    weights = _kernel((_centres(source)[None] - centre[:, None]) / support, kernel, _SMOOTH)
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
    covered = (result > place.start) & (result < place.outside - place.start)
    return weights * covered[:, None]


def outwards(place: Placed, *, source: int, target: int, kernel: Kernel) -> Float[Tensor, "source target"]:
    """Weights of the way back, without antialiasing: the answer is repeated beyond its border; bilinear ones read nothing beside it."""
    centre = _centres(source) / place.scale + place.start
    within = centre.maximum(place.start + 0.5).minimum(place.outside - place.start - 0.5)
    # Without anything beside the picture there is nothing to keep away from.
    centre = torch.where(place.start > _ROUNDING, within, centre)
    wide = torch.arange(-_REACH, target + _REACH, dtype=torch.float32) + 0.5
    weights = _kernel(wide[None] - centre[:, None], kernel, _SHARP)
    first = weights[:, _REACH : _REACH + 1] + weights[:, :_REACH].sum(dim=1, keepdim=True)
    last = weights[:, -_REACH - 1 : -_REACH] + weights[:, -_REACH:].sum(dim=1, keepdim=True)
    return torch.cat([first, weights[:, _REACH + 1 : -_REACH - 1], last], dim=1)


def _kernel(distance: Tensor, kernel: Kernel, sharpness: float) -> Tensor:
    x = distance.abs()
    if kernel == "bilinear":
        return (1 - x).clamp(min=0.0)
    a = sharpness
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return torch.where(x < 1, near, torch.where(x < _REACH, far, torch.zeros_like(x)))


def _centres(count: int) -> Float[Tensor, " count"]:
    return torch.arange(count, dtype=torch.float32) + 0.5


def _count(count: int) -> Tensor:
    """`count`, which may be open, as a number of the graph: arithmetic of open sizes themselves is not exported everywhere."""
    return _centres(count)[-1] + 0.5
