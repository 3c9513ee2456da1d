"""LocalBins: few bins at the bottleneck, each split in two map by map, under a plain softmax.

Bhat et al., "LocalBins: Improving Depth Estimation by Learning Local Distributions", ECCV 2022, arXiv 2203.15132. There 8 seeds are
split on four levels into 128 bins, and a 3x3 convolution of the finest decoder map gives the probabilities, at temperature 1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.bins.answer import Bins
from leadline.models.bins.levels import HIDDEN, Levels
from leadline.models.bins.pointwise import Pointwise, resized
from leadline.models.bins.widths import LEAST, metres, middles, shares
from leadline.models.unet import Conv3x3


class LocalBins(nn.Module):
    """Per-pixel bins that share out the range of depth.

    Ours, for any number of bins and maps: the levels split from coarse to fine while the number of bins can be halved and leaves
    two seeds; further levels only refine the embedding. 64 bins on two levels begin with 16 seeds, 65 are all seeds.
    """

    kind = "localbins"

    def __init__(self, channels: Sequence[int], *, num_bins: int, embedding: int, min_depth_m: float, max_depth_m: float) -> None:
        super().__init__()
        self.num_bins, self.min_depth_m, self.max_depth_m = num_bins, min_depth_m, max_depth_m
        levels = len(channels) - 2
        seeds = seeds_of(num_bins, levels)
        refine: list[nn.Module] = []
        count = seeds
        for _ in range(levels):
            refine.append(Splitter(embedding, count) if count < num_bins else Unsplit())
            count = min(2 * count, num_bins)
        self.levels = Levels(channels, seeds=seeds, embedding=embedding, start=shares, refine=refine, activation=functional.gelu)
        self.prob_head = Conv3x3(channels[0], num_bins)

    @property
    def refine(self) -> nn.ModuleList:
        """The splitters."""
        return self.levels.refine

    def forward(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map."""
        states, embedding = self.levels(maps)
        low, high = self.min_depth_m, self.max_depth_m
        with torch.autocast(embedding.device.type, enabled=False):
            logits = self.prob_head(maps[0].float())
            centres = resized(metres(middles(states[-1]), low, high), logits.shape[-2:]).clamp(low, high)
            return Bins(logits, centres, embedding.float())


def seeds_of(num_bins: int, levels: int) -> int:
    """Bins to begin with, so that halving undoes at most `levels` splits: at least two, and `num_bins` if that is odd."""
    seeds = num_bins
    for _ in range(levels):
        if seeds % 2 or seeds < 4:
            break
        seeds //= 2
    return seeds


class Splitter(nn.Module):
    """Splits every width in two, in a proportion that it reads from the embedding."""

    def __init__(self, embedding: int, num_widths: int) -> None:
        super().__init__()
        self.mlp = Pointwise(embedding, HIDDEN, 2 * num_widths, activation=functional.gelu, full_precision=True)

    def forward(self, embedding: Float[Tensor, "n e y x"], widths: Float[Tensor, "n k y x"]) -> Float[Tensor, "n m y x"]:
        """Twice as many widths of the same sum, halves side by side."""
        raw = self.mlp(embedding)
        with torch.autocast(raw.device.type, enabled=False):
            parts = (functional.relu(raw) + LEAST).unflatten(1, (-1, 2))
            return (widths[:, :, None] * (parts / parts.sum(dim=2, keepdim=True))).flatten(1, 2)


class Unsplit(nn.Module):
    """A level that leaves the widths as they are."""

    def forward(self, embedding: Float[Tensor, "n e y x"], widths: Float[Tensor, "n k y x"]) -> Float[Tensor, "n k y x"]:
        """The widths."""
        return widths
