"""From the bottleneck to finer maps: a seed at every coarse pixel, refined map by map.

ZoeDepth (arXiv 2302.12288) and LocalBins (arXiv 2203.15132) share this skeleton; they differ in what is refined, centres or
widths. A rule of ours says which map does what, for any number of them: the last one is the bottleneck and gives the seed, the
first one the probabilities, and those between refine, from coarse to fine. With five decoder maps that is ZoeDepth's own layout.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.bins.pointwise import Pointwise, resized

HIDDEN = 128
"""Of the projectors, attractors and splitters."""
SEED_HIDDEN = 256
Activation = Callable[[Tensor], Tensor]


class Levels(nn.Module):
    """Seed, projectors to one embedding, and refiners: `refine[i](embedding, state) -> state`, coarse to fine.

    `channels` are those of the maps, fine to coarse, the bottleneck last; there is one refiner for each map between the ends.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        seeds: int,
        embedding: int,
        start: Callable[[Tensor], Tensor],
        refine: Sequence[nn.Module],
        activation: Activation = functional.relu,
    ) -> None:
        super().__init__()
        bottleneck, between = channels[-1], channels[-2:0:-1]
        self.bottleneck = nn.Conv2d(bottleneck, bottleneck, kernel_size=1)
        self.seed = Pointwise(bottleneck, SEED_HIDDEN, seeds, activation=activation, full_precision=True)
        self.seed_projector = Pointwise(bottleneck, HIDDEN, embedding, activation=activation)
        self.projectors = nn.ModuleList(Pointwise(c, HIDDEN, embedding, activation=activation) for c in between)
        self.refine = nn.ModuleList(refine)
        self._start = start

    def forward(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> tuple[list[Float[Tensor, "n _k _y _x"]], Float[Tensor, "n e y x"]]:
        """The state (float32) of the seed and of every level, coarse to fine, and the embedding of the finest level."""
        bottleneck = self.bottleneck(maps[-1])
        raw = self.seed(bottleneck)
        with torch.autocast(raw.device.type, enabled=False):
            states = [self._start(raw)]
        embedding = self.seed_projector(bottleneck)
        for project, refine, map_ in zip(self.projectors, self.refine, maps[-2:0:-1], strict=True):
            coarser, embedding = embedding, project(map_)
            size = embedding.shape[-2:]
            states.append(refine(embedding + resized(coarser, size), resized(states[-1], size)))
        return states, embedding
