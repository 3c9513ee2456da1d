"""Metric bins: centres at every pixel, drawn to attractors map by map, under log-binomial probabilities.

ZoeDepth, Bhat et al. 2023, arXiv 2302.12288, section 3.2. The attractor update is `attract`, the probabilities are binomial.py.
Normed centres share out the range of depth; soft-plus ones are free. ZoeDepth sorts the normed ones after every level and leaves the
others as they come. Here both ascend always, at less cost: the update of a pixel never changes the order of its centres (c + (A - c) /
(1 + alpha (A - c)^2) does not fall anywhere), nor does interpolation, so the seed's order is everybody's; only rounding is mended.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.bins.answer import Bins
from leadline.models.bins.binomial import LogBinomial
from leadline.models.bins.levels import HIDDEN, Levels
from leadline.models.bins.pointwise import Pointwise, resized
from leadline.models.bins.widths import LEAST, ascending, metres, middles, shares

ATTRACTORS = (16, 8, 4, 1)
"""Number at each level, coarse to fine. Ours for other numbers of levels: fewer take the first ones, so that the level next to the
bottleneck is the same in any network; further ones have a single attractor."""
ALPHA = 1000.0
"""Strength of the attraction; the exponent gamma is 2, the mean over the attractors is taken."""
Centres = Literal["normed", "softplus"]


class MetricBins(nn.Module):
    """ZoeDepth's head. `as_released` keeps a slip of its published code in normed attractors (see `Attractors`)."""

    kind = "metric"

    def __init__(
        self,
        channels: Sequence[int],
        *,
        num_bins: int,
        embedding: int,
        min_depth_m: float,
        max_depth_m: float,
        centres: Centres = "normed",
        as_released: bool = False,
    ) -> None:
        super().__init__()
        self.num_bins, self.min_depth_m, self.max_depth_m = num_bins, min_depth_m, max_depth_m
        self.centres: Centres = centres
        counts = [ATTRACTORS[i] if i < len(ATTRACTORS) else ATTRACTORS[-1] for i in range(len(channels) - 2)]
        attractors = [Attractors(embedding, count, centres=centres, as_released=as_released) for count in counts]
        start = normed_start if centres == "normed" else softplus_start
        self.levels = Levels(channels, seeds=num_bins, embedding=embedding, start=start, refine=attractors)
        self.prob_head = LogBinomial(channels[0], embedding, num_bins)

    @property
    def refine(self) -> nn.ModuleList:
        """The attractors."""
        return self.levels.refine

    def forward(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map."""
        states, embedding = self.levels(maps)
        logits = self.prob_head(maps[0], embedding)
        with torch.autocast(logits.device.type, enabled=False):
            return Bins(logits, self.depths(states[-1], logits.shape[-2:]), embedding.float())

    def depths(self, state: Float[Tensor, "n k _y _x"], size: Sequence[int]) -> Float[Tensor, "n k h w"]:
        """Centres [m] at `size` (height, width) of what a level carries on: relative depths if normed, else metres."""
        if self.centres == "softplus":
            return resized(state, size)
        low, high = self.min_depth_m, self.max_depth_m
        return resized(metres(state, low, high), size).clamp(low, high)


def normed_start(raw: Float[Tensor, "n k y x"]) -> Float[Tensor, "n k y x"]:
    """Relative centres of bins that share out the range."""
    return middles(shares(raw))


def softplus_start(raw: Float[Tensor, "n k y x"]) -> Float[Tensor, "n k y x"]:
    """Positive centres [m], without bound, sorted."""
    return functional.softplus(raw).sort(dim=1).values


class Attractors(nn.Module):
    """Moves the centres of a level to points that it reads from the embedding.

    Normed points are a pair of numbers each, a / (a + b). The published code of ZoeDepth computes that and then goes on with a alone,
    which may lie beyond the range: `as_released` does so too, for weights that were trained that way.
    """

    def __init__(self, embedding: int, count: int, *, centres: Centres, as_released: bool = False) -> None:
        super().__init__()
        self.mlp = Pointwise(embedding, HIDDEN, 2 * count if centres == "normed" else count, full_precision=True)
        self._points = functional.softplus if centres == "softplus" else partial(pair_points, as_released=as_released)

    def forward(self, embedding: Float[Tensor, "n e y x"], centres: Float[Tensor, "n k y x"]) -> Float[Tensor, "n k y x"]:
        """The centres, moved, in the unit they came in."""
        raw = self.mlp(embedding)
        with torch.autocast(raw.device.type, enabled=False):
            return ascending(attract(centres, self._points(raw)))


def pair_points(raw: Float[Tensor, "n m y x"], *, as_released: bool = False) -> Float[Tensor, "n a y x"]:
    """Relative positions of the m/2 attractors whose pairs of numbers lie one after the other in `raw`."""
    positive = functional.relu(raw) + LEAST
    first = positive[:, 0::2]
    return first if as_released else first / (first + positive[:, 1::2])


def attract(centres: Float[Tensor, "n k y x"], points: Float[Tensor, "n a y x"]) -> Float[Tensor, "n k y x"]:
    """c_k + mean_a (A_a - c_k) / (1 + ALPHA (A_a - c_k)^2): ZoeDepth's inverse attractors with gamma 2.

    One attractor after the other, because all at once would be a tensor with a further axis, too large for a cache.
    """
    one = torch.ones((), device=centres.device, dtype=centres.dtype)
    moved = None
    for point in points.split(1, dim=1):
        way = point - centres
        step = way / torch.addcmul(one, way, way, value=ALPHA)
        moved = step if moved is None else moved + step
    return centres if moved is None else centres + moved / points.shape[1]
