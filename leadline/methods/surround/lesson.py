"""One batch as the terms of distillation see it: the student's answer, the teacher's at the same places, and the truth."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from leadline.losses.silog import silog_loss
from leadline.methods.surround.network import Seen, focal_scale, metres
from leadline.methods.surround.teacher import Taught
from leadline.models.bins.answer import mean_depth

SILOG_SCALE = 10.0
"""Of AdaBins and ZoeDepth: 10 sqrt(Var + 0.15 mean^2)."""
UNKNOWN = -1
"""Bin of a pixel without a known depth."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A batch of b rigs of v cameras, n = b v. The head answers at (y, x), pictures are (h, w); depths are the imagined camera's."""

    seen: Seen
    taught: Taught
    K: Float[Tensor, "n 3 3"]
    """Of the pictures [px]."""
    target: Float[Tensor, "n h w"]
    """Depth of the real cameras [m]."""
    valid: Bool[Tensor, "n h w"]
    """Where it is known."""
    keep: Bool[Tensor, "n h w"]
    """Where the teacher is to be believed."""
    num_views: int
    canonical_focal: float | None

    @cached_property
    def probs(self) -> Float[Tensor, "n k y x"]:
        """The teacher's probabilities where the student's head answers."""
        return self._at_head(self.taught.probs)

    @cached_property
    def centres(self) -> Float[Tensor, "n k _y _x"]:
        """The teacher's centres [m] there."""
        centres = self.taught.centres
        return centres if centres.shape[-2:] == (1, 1) else self._at_head(centres)

    @property
    def depth(self) -> Float[Tensor, "n y x"]:
        """The teacher's depth [m] there."""
        return mean_depth(self.probs, self.centres)

    @cached_property
    def keep_at_head(self) -> Bool[Tensor, "n y x"]:
        """`keep` at the pixel under the centre of each answer."""
        return functional.interpolate(self.keep[:, None].float(), size=self._size, mode="nearest-exact")[:, 0] > 0

    @cached_property
    def alive(self) -> Bool[Tensor, " n"]:
        """Pictures with anything to be seen."""
        return self.keep.flatten(1).any(dim=1)

    def of_rigs(self, maps: Float[Tensor, "n c y x"]) -> Float[Tensor, "b v c y x"]:
        """Maps of all pictures, rig by rig, 0 where the teacher is not to be believed."""
        keep = functional.interpolate(self.keep[:, None].float(), size=maps.shape[-2:], mode="nearest-exact")
        return (maps * keep).unflatten(0, (-1, self.num_views))

    def silog(self, depth: Float[Tensor, "n y x"]) -> Float[Tensor, ""]:
        """Scale-invariant logarithmic error of a depth at the head against the truth, where the teacher is to be believed."""
        height, width = self.target.shape[-2:]
        full = metres(depth, self.K, height=height, width=width, canonical_focal=self.canonical_focal)
        return SILOG_SCALE * silog_loss(pred=full, target=self.target, valid=self.valid & self.keep)

    def target_bins(self) -> Int[Tensor, "n y x"]:
        """Bin of the student's that holds the nearest known depth under each answer, UNKNOWN without any.

        The borders of a bin are half-way between centres; ours, for methods that expect classes.
        """
        scale = focal_scale(self.K, width=self.target.shape[-1], canonical_focal=self.canonical_focal)
        inverse = torch.where(self.valid, scale / self.target.clamp(min=1e-6), 0)
        nearest = functional.adaptive_max_pool2d(inverse[:, None], self._size)[:, 0]
        centres = self.seen.bins.centres.detach()
        borders = (centres[:, 1:] + centres[:, :-1]) / 2
        depth = 1 / nearest.clamp(min=1e-9)
        known = (nearest > 0) & self.keep_at_head
        return torch.where(known, (borders < depth[:, None]).sum(dim=1), UNKNOWN)

    @property
    def _size(self) -> tuple[int, int]:
        return (self.seen.bins.logits.shape[-2], self.seen.bins.logits.shape[-1])

    def _at_head(self, maps: Float[Tensor, "n k _y _x"]) -> Float[Tensor, "n k y x"]:
        if maps.shape[-2:] == self._size:
            return maps
        return functional.interpolate(maps, size=self._size, mode="bilinear", align_corners=False)
