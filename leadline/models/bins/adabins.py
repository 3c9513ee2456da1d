"""AdaBins: one set of bins for the whole picture, from a small transformer that also says what each pixel is compared with.

Bhat et al., "AdaBins: Depth Estimation using Adaptive Bins", CVPR 2021, arXiv 2011.14141: patches of the finest decoder map are tokens of
a transformer (4 layers of 4 heads); one of its outputs becomes the widths of the bins, 128 others are 1x1 kernels ("queries")
whose responses give the probabilities.

Ours: the 129 outputs belong to learned tokens beside the patches. The paper reads them off the first 129 patches, which small
pictures do not have. Positions are a learned grid, resized, in place of a list of 500. A patch is 8 pixels of the finest map: at
stride 4 those are 32 of the picture, as in the paper (16 at stride 2). No dropout.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.bins.answer import Bins
from leadline.models.bins.pointwise import resized
from leadline.models.bins.widths import metres, middles, shares
from leadline.models.unet import Conv3x3
from leadline.types import UserError

QUERIES = 128
PATCH = 8
LAYERS = 4
HEADS = 4
FEEDFORWARD = 1024
WIDTHS_HIDDEN = 256
WIDTHS_LEAST = 0.1
"""Added to the raw widths."""
GRID = (12, 20)
"""Of the learned positions: patches of a picture of 384 x 640."""


class AdaBins(nn.Module):
    """Bins per picture. The embedding is the map that the queries are compared with.

    Raises UserError for an `embedding` that cannot be dealt out to the heads.
    """

    kind = "adabins"

    def __init__(self, channels: Sequence[int], *, num_bins: int, embedding: int, min_depth_m: float, max_depth_m: float) -> None:
        super().__init__()
        if embedding % HEADS:
            raise UserError("head adabins", f"embedding {embedding} is not divisible by its {HEADS} heads", "give one that is, such as 128")
        self.num_bins, self.min_depth_m, self.max_depth_m = num_bins, min_depth_m, max_depth_m
        self.features = Conv3x3(channels[0], embedding)
        self.patches = nn.Conv2d(channels[0], embedding, kernel_size=PATCH, stride=PATCH)
        self.refine = nn.ModuleList([Transformer(embedding), WidthsMLP(embedding, num_bins)])
        self.prob_head = nn.Conv2d(QUERIES, num_bins, kernel_size=1)

    def forward(self, maps: Sequence[Float[Tensor, "n _c _h _w"]]) -> Bins:
        """The distribution over depths of every pixel of the finest map; one set of centres for each picture."""
        finest = maps[0]
        height, width = finest.shape[-2:]
        features = self.features(finest)
        transformer, widths_of = self.refine
        tokens = transformer(self.patches(functional.pad(finest, (0, -width % PATCH, 0, -height % PATCH))))
        with torch.autocast(features.device.type, enabled=False):
            tokens, features = tokens.float(), features.float()
            relative = middles(shares(widths_of(tokens[:, 0])[:, :, None, None], least=WIDTHS_LEAST))
            centres = metres(relative, self.min_depth_m, self.max_depth_m).clamp(self.min_depth_m, self.max_depth_m)
            return Bins(self._logits(tokens[:, 1:], features), centres, features)

    def _logits(self, queries: Float[Tensor, "n q e"], features: Float[Tensor, "n e h w"]) -> Float[Tensor, "n k h w"]:
        # Responses of the queries and the 1x1 convolution over them are two products in a row: the small one is made first.
        kernels = self.prob_head.weight[:, :, 0, 0] @ queries
        assert self.prob_head.bias is not None
        return (kernels @ features.flatten(2) + self.prob_head.bias[:, None]).unflatten(2, features.shape[-2:])


class Transformer(nn.Module):
    """Learned tokens that look at the patches of a picture and at each other."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.02 * torch.randn(1, 1 + QUERIES, embedding))
        self.positions = nn.Parameter(0.02 * torch.randn(1, embedding, *GRID))
        self.layers = nn.ModuleList(Layer(embedding) for _ in range(LAYERS))

    def forward(self, patches: Float[Tensor, "n e y x"]) -> Float[Tensor, "n _t e"]:
        """Outputs of the learned tokens, the one for the widths first."""
        patches = patches + resized(self.positions, patches.shape[-2:])
        tokens = torch.cat([self.tokens.expand(len(patches), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens[:, : 1 + QUERIES]


class Layer(nn.Module):
    """Self-attention and a perceptron, each added and then normalised (Vaswani et al. 2017, arXiv 1706.03762)."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(embedding, 3 * embedding)
        self.out = nn.Linear(embedding, embedding)
        self.feedforward = nn.Sequential(nn.Linear(embedding, FEEDFORWARD), nn.ReLU(), nn.Linear(FEEDFORWARD, embedding))
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(embedding), nn.LayerNorm(embedding)

    def forward(self, tokens: Float[Tensor, "n t e"]) -> Float[Tensor, "n t e"]:
        """The tokens, having looked at each other."""
        q, k, v = (x.unflatten(2, (HEADS, -1)).transpose(1, 2) for x in self.qkv(tokens).chunk(3, dim=2))
        seen = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        tokens = self.norm_attention(tokens + self.out(seen))
        return self.norm_feedforward(tokens + self.feedforward(tokens))


class WidthsMLP(nn.Sequential):
    """From the output of the first token to raw widths."""

    def __init__(self, embedding: int, num_bins: int) -> None:
        hidden = WIDTHS_HIDDEN
        super().__init__(
            nn.Linear(embedding, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, num_bins)
        )
