"""What the heads are made of: a perceptron at every pixel, and one way to resize."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Pointwise(nn.Module):
    """Two 1x1 convolutions with an activation between them.

    `full_precision` keeps the second one out of autocast: its outputs become depths, which bfloat16 knows to 1 % only.
    """

    def __init__(
        self, below: int, hidden: int, above: int, *, activation: Callable[[Tensor], Tensor] = functional.relu, full_precision: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(below, hidden, kernel_size=1)
        self.second = nn.Conv2d(hidden, above, kernel_size=1)
        self._activation = activation
        self._full_precision = full_precision

    def forward(self, map_: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """The perceptron's outputs."""
        hidden = self._activation(self.first(map_))
        if not self._full_precision:
            return self.second(hidden)
        with torch.autocast(hidden.device.type, enabled=False):
            return self.second(hidden.float())


def resized(map_: Float[Tensor, "n c _y _x"], size: Sequence[int]) -> Float[Tensor, "n c h w"]:
    """`map_` at `size` (height, width), bilinearly, corners on corners as ZoeDepth has it. What ascends along c still does."""
    if map_.shape[-2:] == tuple(size):
        return map_
    return functional.interpolate(map_, size=tuple(size), mode="bilinear", align_corners=True)
