"""Bins that stay where they are, uniform in depth or in its logarithm, under log-binomial probabilities.

Everything but the centres is as in metric.py, so that a comparison is one of centres.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.models.bins.answer import Bins
from leadline.models.bins.binomial import LogBinomial
from leadline.models.bins.levels import HIDDEN
from leadline.models.bins.pointwise import Pointwise

Spacing = Literal["uniform", "log-uniform"]


class FixedBins(nn.Module):
    """The middles of `num_bins` bins of equal width, in metres or in log metres. The embedding is that of the map after the finest."""

    centres: Tensor

    def __init__(
        self, channels: Sequence[int], *, num_bins: int, embedding: int, min_depth_m: float, max_depth_m: float, spacing: Spacing
    ) -> None:
        super().__init__()
        self.kind = spacing
        self.num_bins, self.min_depth_m, self.max_depth_m = num_bins, min_depth_m, max_depth_m
        self._level = min(1, len(channels) - 1)
        self.projector = Pointwise(channels[self._level], HIDDEN, embedding)
        self.refine = nn.ModuleList()
        self.prob_head = LogBinomial(channels[0], embedding, num_bins)
        centres = fixed_centres(num_bins, min_depth_m, max_depth_m, spacing)
        self.register_buffer("centres", centres[None, :, None, None], persistent=False)

    def forward(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map; its centres are the same for every picture."""
        embedding = self.projector(maps[self._level])
        logits = self.prob_head(maps[0], embedding)
        return Bins(logits, self.centres.expand(len(logits), -1, -1, -1), embedding.float())


def fixed_centres(num_bins: int, low: float, high: float, spacing: Spacing) -> Float[Tensor, " k"]:
    """Centres [m], ascending, in float32."""
    middles = (torch.arange(num_bins, dtype=torch.float64) + 0.5) / num_bins
    if spacing == "uniform":
        return (low + (high - low) * middles).float()
    return (low * torch.exp(middles * math.log(high / low))).float()
