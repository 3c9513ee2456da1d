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
from torch import Tensor

from leadline.models.bins.answer import Bins

BinKind = Literal["metric", "adabins", "localbins", "uniform", "log-uniform"]


class BinHead(Protocol):
    """Features in; probabilities, ascending centres, depth and an embedding out."""

    num_bins: int
    min_depth_m: float
    max_depth_m: float

    def __call__(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map."""
        ...
