"""Looks between the cameras of a rig, in the manner of SurroundDepth (Wei et al., CoRL 2022, arXiv 2204.03636).

At every scale of the encoder a strided, depthwise-separable convolution brings the maps to the coarsest resolution, self-attention
runs over the tokens of all cameras together, and a separable deconvolution brings what was found back, where it is added.

Ours: the last layer of every scale starts at zero, so that training begins with cameras that see themselves alone; tokens are as wide
as the map, rounded up to what the heads divide. Nothing belongs to one camera: any number of them goes in, in any order, and a camera
that is missing is simply not among the tokens.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

NUM_BLOCKS = 8
NUM_HEADS = 8
MLP_RATIO = 4
LONGEST_WAVE = 10_000.0
"""Of the position code, over 2 pi, in tokens (Vaswani et al. 2017)."""


class CrossView(nn.Module):
    """One stack of attention for every scale of an encoder with these `channels` and `strides`, fine to coarse."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_Scale(c, max(strides) // stride) for c, stride in zip(channels, strides, strict=True))

    def forward(self, features: Sequence[Float[Tensor, "n _c _h _w"]], *, num_views: int) -> list[Float[Tensor, "n _c _h _w"]]:
        """The maps of n = b `num_views` pictures, rig by rig, each with what the other cameras of its rig have told it."""
        return [scale(map_, num_views) for scale, map_ in zip(self.scales, features, strict=True)]


class _Scale(nn.Module):
    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        width = math.ceil(channels / NUM_HEADS) * NUM_HEADS
        options: dict[str, Any] = {"kernel_size": factor, "stride": factor}
        self.down = nn.Sequential(nn.Conv2d(channels, channels, groups=channels, **options), nn.Conv2d(channels, width, kernel_size=1))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(NUM_BLOCKS))
        self.up = nn.Sequential(nn.ConvTranspose2d(width, width, groups=width, **options), nn.Conv2d(width, channels, kernel_size=1))
        last = self.up[1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, map_: Float[Tensor, "n c h w"], num_views: int) -> Float[Tensor, "n c h w"]:
        coarse = self.down(map_)
        height, width = coarse.shape[-2:]
        tokens = (coarse + position_code(coarse)).unflatten(0, (-1, num_views)).flatten(3).transpose(2, 3).flatten(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        seen = tokens.unflatten(1, (num_views, height * width)).flatten(0, 1).transpose(1, 2).unflatten(2, (height, width))
        return map_ + self.up(seen)


class _Block(nn.Module):
    """Self-attention and a perceptron, each behind a norm and beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, MLP_RATIO * width), nn.GELU(), nn.Linear(MLP_RATIO * width, width))

    def forward(self, tokens: Float[Tensor, "b p c"]) -> Float[Tensor, "b p c"]:
        qkv = self.qkv(self.before_attention(tokens)).unflatten(2, (3, NUM_HEADS, -1)).permute(2, 0, 3, 1, 4)
        tokens = tokens + self.out(functional.scaled_dot_product_attention(*qkv.unbind(0)).transpose(1, 2).flatten(2))
        return tokens + self.mlp(self.before_mlp(tokens))


def position_code(map_: Float[Tensor, "n c h w"]) -> Float[Tensor, "c h w"]:
    """Sines and cosines of the row in the first half of the channels, of the column in the second; c is a multiple of 4."""
    channels, height, width = map_.shape[1:]
    waves = LONGEST_WAVE ** (-torch.arange(channels // 4, device=map_.device) / (channels // 4))
    rows, columns = (torch.arange(count, device=map_.device)[:, None] * waves for count in (height, width))
    row_code, column_code = (torch.cat([angles.sin(), angles.cos()], dim=1).T for angles in (rows, columns))
    code = torch.cat([row_code[:, :, None].expand(-1, -1, width), column_code[:, None].expand(-1, height, -1)])
    return code.to(map_.dtype)
