"""What a head of depth bins says: probabilities over ascending centres, for every pixel.

Depth is the mean of the centres, D = sum_k p_k c_k. A scale and shift of depth is a scale and shift of the centres, and leaves the
probabilities alone: p carries what has no unit, c carries the metres.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Bins:
    """The answer of a head, in float32, at the resolution of its finest map. What is derived is computed once."""

    logits: Float[Tensor, "n k h w"]
    """Logarithms of the probabilities, but for a number per pixel."""
    centres: Float[Tensor, "n k _y _x"]
    """Depths [m] of the bins, ascending; (h, w) of them, or (1, 1) where one set serves the whole picture."""
    embedding: Float[Tensor, "n e _p _q"]
    """What the head has read the probabilities and centres from, at the resolution where it was made: enlarging it would tell nothing."""

    @cached_property
    def probs(self) -> Float[Tensor, "n k h w"]:
        """Probabilities, which sum to 1."""
        return torch.softmax(self.logits, dim=1)

    @cached_property
    def depth(self) -> Float[Tensor, "n h w"]:
        """Mean depth [m], without the probabilities: memory that has channels last makes a softmax over them slow, in exports above all."""
        weights = (self.logits - self.logits.detach().amax(dim=1, keepdim=True)).exp()
        return (weights * self.centres).sum(dim=1) / weights.sum(dim=1)


def mean_depth(probs: Float[Tensor, "n k h w"], centres: Float[Tensor, "n k _y _x"]) -> Float[Tensor, "n h w"]:
    """sum_k p_k c_k."""
    return (probs * centres).sum(dim=1)
