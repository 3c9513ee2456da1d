"""The depth network: raw maps at several scales from one picture."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from leadline.methods.selfsup.config import SelfsupConfig
from leadline.models.encoders import Encoder, build_encoder
from leadline.models.unet import Heads, UNetDecoder


class DepthNetwork(nn.Module):
    """Encoder, decoder and one head per scale."""

    def __init__(self, encoder: Encoder, decoder: UNetDecoder, head: Heads) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head
        self.size_multiple = encoder.size_multiple

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n 1 _h _w"]]:
        """Raw maps, fine to coarse, in full precision; RGB in [0, 1]."""
        return self.head(self.decoder(self.encoder(image)))


def build_network(config: SelfsupConfig) -> DepthNetwork:
    """The network that the configuration asks for; a sigmoid of its maps runs through the range of inverse depth."""
    encoder = build_encoder(config.encoder, config.pretrained)
    decoder = UNetDecoder(encoder.channels, encoder.strides, width=config.decoder_width, norm=config.decoder_norm)
    head = Heads(decoder.channels, 1, scales=tuple(range(config.num_scales)))
    if config.initial_depth_m is not None:
        for convolution in head.convolutions:
            assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
            nn.init.constant_(convolution.bias, _raw(config.initial_depth_m, config))
    return DepthNetwork(encoder, decoder, head)


def _raw(depth_m: float, config: SelfsupConfig) -> float:
    """The raw value whose sigmoid stands for `depth_m`."""
    least, most = 1 / config.max_depth_m, 1 / config.min_depth_m
    share = (1 / depth_m - least) / (most - least)
    return math.log(share / (1 - share))
