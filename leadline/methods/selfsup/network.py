"""The depth network: raw maps at several scales from one picture, with a head that starts at a depth one can choose."""

import math
from dataclasses import replace

from torch import nn

from leadline.methods.selfsup.config import SelfsupConfig
from leadline.models.known import published_parts
from leadline.models.networks import DepthNetwork, build_encoder_decoder


def settled(config: SelfsupConfig) -> SelfsupConfig:
    """`config` with the parts of the published network that it names, so that it says what was built."""
    return replace(config, **published_parts(config.network))


def build_network(config: SelfsupConfig) -> DepthNetwork:
    """The network that the configuration asks for; a sigmoid of its maps runs through the range of inverse depth."""
    network = build_encoder_decoder(
        config.encoder,
        config.decoder,
        pretrained=config.pretrained,
        width=config.decoder_width,
        norm=config.decoder_norm,
        scales=tuple(range(config.num_scales)),
    )
    if config.initial_depth_m is not None:
        for convolution in network.head.convolutions:
            assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
            nn.init.constant_(convolution.bias, _raw(config.initial_depth_m, config))
    return network


def _raw(depth_m: float, config: SelfsupConfig) -> float:
    """The raw value whose sigmoid stands for `depth_m`."""
    least, most = 1 / config.max_depth_m, 1 / config.min_depth_m
    share = (1 / depth_m - least) / (most - least)
    return math.log(share / (1 - share))
