"""Published depth networks by name, and the one contract of every encoder with a decoder.

    encoder(image)     RGB in [0, 1] -> feature maps, fine to coarse; `encoder.channels`, `encoder.strides`
    decoder(features)  -> decoder maps, fine to coarse; `decoder.channels`, `decoder.strides`
    head(maps)         -> raw outputs in float32, one for each of `head.scales`; scale s has stride 2 ** s

`build_network` makes all three. What the outputs mean (a sigmoid of disparity, log depth, images) is the method's
business, so nothing is squashed here. A second branch on the same features is a second decoder and head:

    network = build_network("monodepth2")                                  # depth: one output at scales 0, 1, 2, 3
    decoder = build_decoder(NETWORKS["monodepth2"].decoder, network.encoder.channels, network.encoder.strides)
    head = Heads(decoder.channels, 6, scales=(0,))                         # intrinsic images: six outputs, full resolution
    features = network.encoder(image)
    depth, images = network.head(network.decoder(features)), head(decoder(features))
"""

import difflib
from collections.abc import Sequence
from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn

from leadline.models.dpt import DPTDecoder
from leadline.models.encoders import Encoder, build_encoder
from leadline.models.hrdepth import HRDepthDecoder, MonoViTDecoder
from leadline.models.known import NETWORKS
from leadline.models.unet import Heads, Norm, UNetDecoder
from leadline.types import UserError


class Decoder(Protocol):
    """Makes maps of an encoder's maps, both fine to coarse."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def __call__(self, features: Sequence[Float[Tensor, "b _c _h _w"]], /) -> list[Float[Tensor, "b _d _y _x"]]:
        """Decoder maps."""
        ...


class DepthNetwork(nn.Module):
    """Encoder, decoder and head: RGB in [0, 1] to raw maps."""

    def __init__(self, encoder: Encoder, decoder: nn.Module, head: Heads) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.encoder.size_multiple

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b k _y _x"]]:
        """Raw outputs in float32, in the order of the head's scales. Raises UserError for a size that is not a multiple."""
        return self.head(self.decoder(self.encoder(image)))


def build_network(name: str, *, pretrained: str = "none", num_outputs: int = 1, scales: Sequence[int] = (0, 1, 2, 3)) -> DepthNetwork:
    """Published network `name` of NETWORKS, with `num_outputs` raw maps at each of `scales`.

    `pretrained` says where the encoder's weights start, as for `build_encoder`; decoder and head start from random ones.
    Raises UserError for an unknown name and for weights that cannot be had.
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.4) or list(NETWORKS)
        raise UserError(name, "is not a network leadline knows", f"choose {', '.join(near)}")
    encoder = build_encoder(NETWORKS[name].encoder, pretrained)
    decoder = build_decoder(NETWORKS[name].decoder, encoder.channels, encoder.strides)
    return DepthNetwork(encoder, decoder, Heads(decoder.channels, num_outputs, scales=scales))


def build_decoder(
    name: str, channels: Sequence[int], strides: Sequence[int], *, width: float = 1.0, norm: Norm = "none", finest: int = 1
) -> UNetDecoder | DPTDecoder | HRDepthDecoder | MonoViTDecoder:
    """Decoder `name` (unet, dpt, hrdepth, monovit) for an encoder with these maps, its channels scaled by `width`.

    `norm` and `finest`, the stride of the finest map, are options of unet alone. Raises UserError when another decoder is
    given them, for an unknown name, and for an encoder that the decoder cannot read.
    """
    if name == "unet":
        return UNetDecoder(channels, strides, width=width, norm=norm, finest=finest)
    others = {"dpt": DPTDecoder, "hrdepth": HRDepthDecoder, "monovit": MonoViTDecoder}
    if name not in others:
        raise UserError(name, "is not a decoder leadline knows", f"choose unet, {', '.join(others)}")
    if finest != 1:
        raise UserError(f"decoder {name}", "answers for every pixel", "leave output_stride at 1, or use decoder unet")
    if norm != "none":
        raise UserError(f"decoder {name}", "has no batch norms", "leave decoder_norm at none, or use decoder unet")
    return others[name](channels, strides, width=width)
