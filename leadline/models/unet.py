"""Convolutional decoder with skip connections, in the manner of monodepth2.

Godard et al., "Digging into self-supervised monocular depth estimation", ICCV 2019, arXiv 1806.01260: five stages from
coarse to fine; each is a 3x3 convolution, nearest upsampling by 2, the encoder's map of that size beside it, and a 3x3
convolution; padding reflects at the border, activations are ELU. With a ResNet-18 encoder and heads at four scales it
has the 14.3 M parameters of the published depth network.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.types import UserError

STAGE_CHANNELS = (16, 32, 64, 128, 256)
"""Output channels of the stages, fine to coarse, at strides 1, 2, 4, 8, 16."""


Norm = Literal["none", "batch"]


class UNetDecoder(nn.Module):
    """From an encoder's maps to decoder maps at strides `finest` to 16, fine to coarse.

    `width` scales the channels (thin networks). `norm` "batch" puts a batch normalisation behind every convolution, which
    monodepth2 does not have; small networks learn faster with it from random weights (docs/LOG.md, 2026-11-24). Raises
    UserError for encoders without a pyramid of strides, such as plain vision transformers.
    """

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], *, width: float = 1.0, norm: Norm = "none", finest: int = 1
    ) -> None:
        super().__init__()
        if max(strides) != 32 or sorted(set(strides)) != list(strides):
            raise UserError("decoder unet", f"needs maps at strides up to 32, this encoder has {list(strides)}", "use decoder dpt")
        stages = [(2**i, max(8, round(c * width / 8) * 8)) for i, c in enumerate(STAGE_CHANNELS) if 2**i >= finest]
        self.strides, self.channels = (tuple(values) for values in zip(*stages, strict=True))
        self._levels = {stride: level for level, stride in enumerate(strides)}
        before, after = [], []
        below = channels[-1]
        for stage, stride in reversed(list(enumerate(self.strides))):
            skip = channels[self._levels[stride]] if stride in self._levels else 0
            before.append(_convolution(below, self.channels[stage], norm))
            after.append(_convolution(self.channels[stage] + skip, self.channels[stage], norm))
            below = self.channels[stage]
        self.before = nn.ModuleList(before)
        self.after = nn.ModuleList(after)

    def forward(self, features: Sequence[Float[Tensor, "b _c _h _w"]]) -> list[Float[Tensor, "b _d _y _x"]]:
        """Decoder maps, fine (stride `finest`) to coarse (stride 16), from the encoder's maps, fine to coarse."""
        maps = []
        map_ = features[-1]
        for stride, before, after in zip(reversed(self.strides), self.before, self.after, strict=True):
            map_ = functional.interpolate(functional.elu(before(map_)), scale_factor=2.0, mode="nearest")
            if stride in self._levels:
                map_ = torch.cat([map_, features[self._levels[stride]]], dim=1)
            map_ = functional.elu(after(map_))
            maps.append(map_)
        return maps[::-1]


def _convolution(below: int, channels: int, norm: Norm) -> nn.Module:
    convolution = Conv3x3(below, channels)
    return convolution if norm == "none" else nn.Sequential(convolution, nn.BatchNorm2d(channels))


class Heads(nn.Module):
    """One 3x3 convolution per scale, scale s reading the decoder map of stride 2 ** s."""

    def __init__(self, channels: Sequence[int], num_outputs: int, *, scales: Sequence[int] = (0, 1, 2, 3)) -> None:
        super().__init__()
        self.scales = tuple(scales)
        self.convolutions = nn.ModuleList(Conv3x3(channels[s], num_outputs) for s in self.scales)

    def forward(self, maps: Sequence[Float[Tensor, "b _c _h _w"]]) -> list[Float[Tensor, "b k _y _x"]]:
        """Raw outputs, in the order of `scales`, in float32: bfloat16 knows depth to 1 % only."""
        with torch.autocast(maps[0].device.type, enabled=False):
            return [head(maps[s].float()) for s, head in zip(self.scales, self.convolutions, strict=True)]


class Conv3x3(nn.Conv2d):
    """3x3 convolution that keeps the size by reflecting at the border, so that no dark frame leaks into the depth."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1, padding_mode="reflect")

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """The map, convolved. A side of one pixel, as of a stride-32 map of 32 pixels, has nothing to reflect and is repeated."""
        if min(input.shape[-2:]) > 1:
            return super().forward(input)
        return functional.conv2d(functional.pad(input, (1, 1, 1, 1), mode="replicate"), self.weight, self.bias)
