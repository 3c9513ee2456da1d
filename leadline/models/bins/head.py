"""The one contract of every head of depth bins, and the door to them.

    head(maps)   maps fine to coarse, the last one the encoder's bottleneck -> Bins at the resolution of maps[0]

| kind | centres | probabilities | source |
|---|---|---|---|
| metric | refined by attractors, per pixel | log-binomial, one peak | ZoeDepth, Bhat et al. 2023, arXiv 2302.12288 |
| adabins | one set per picture, by a small transformer | softmax | AdaBins, Bhat et al., CVPR 2021, arXiv 2011.14141 |
| localbins | split again and again, per pixel | softmax | LocalBins, Bhat et al., ECCV 2022, arXiv 2203.15132 |
| uniform, log-uniform | fixed | log-binomial, one peak | |
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from leadline.models.bins.adabins import AdaBins
from leadline.models.bins.answer import Bins
from leadline.models.bins.fixed import FixedBins
from leadline.models.bins.localbins import LocalBins
from leadline.models.bins.metric import Centres, MetricBins

BinKind = Literal["metric", "adabins", "localbins", "uniform", "log-uniform"]


class BinHead(Protocol):
    """Features in; probabilities, ascending centres, depth and an embedding out."""

    kind: str
    num_bins: int
    min_depth_m: float
    max_depth_m: float

    @property
    def prob_head(self) -> nn.Module:
        """What makes the probabilities."""
        ...

    @property
    def refine(self) -> nn.ModuleList:
        """What makes the bins finer after the projectors, coarse to fine; empty for bins that stay."""
        ...

    def __call__(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map."""
        ...


def build_bin_head(
    kind: BinKind,
    channels: Sequence[int],
    *,
    num_bins: int,
    embedding: int,
    min_depth_m: float,
    max_depth_m: float,
    centres: Centres = "normed",
) -> MetricBins | AdaBins | LocalBins | FixedBins:
    """A head for maps of `channels`, fine to coarse, the bottleneck last; `centres` is of metric bins alone.

    The maps may have any sizes; they are interpolated. Raises UserError like `AdaBins`.
    """
    options = {"num_bins": num_bins, "embedding": embedding, "min_depth_m": min_depth_m, "max_depth_m": max_depth_m}
    match kind:
        case "metric":
            return MetricBins(channels, **options, centres=centres)
        case "adabins":
            return AdaBins(channels, **options)
        case "localbins":
            return LocalBins(channels, **options)
        case "uniform" | "log-uniform":
            return FixedBins(channels, **options, spacing=kind)
