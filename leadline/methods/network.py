"""A network that answers with inverse depth at several scales: how it is built, how its maps are read.

`selfsup`, `intrinsic` and `distil` share it, so that a student can be exactly the network of its teachers. A sigmoid of the raw
maps runs through the range of inverse depth (monodepth2, Godard et al. 2019, arXiv 1806.01260).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.methods.network_config import NetworkConfig
from leadline.models.known import published_parts
from leadline.models.networks import DepthNetwork, build_encoder_decoder
from leadline.types import UserError

_Config = TypeVar("_Config", bound=NetworkConfig)


def settled(config: _Config, *, subject: str) -> _Config:
    """`config` with the parts of the published network that it names, so that it says what was built.

    Raises UserError about `subject` for a range of depth that is none, and for scales that the decoder does not have.
    """
    if config.decoder == "dpt" and config.num_scales > 1:
        raise UserError(subject, f"decoder dpt answers at one scale, not at {config.num_scales}", "give --method.num-scales 1")
    low, high, start = config.min_depth_m, config.max_depth_m, config.initial_depth_m
    if not 0 < low < high:
        raise UserError(subject, f"depth range {low} to {high} m", "give 0 < min_depth_m < max_depth_m")
    if start is not None and not low < start < high:
        raise UserError(subject, f"an initial depth of {start} m is outside the range", f"give a depth between {low} and {high} m")
    return replace(config, **published_parts(config.network))


def build_network(config: NetworkConfig, *, num_outputs: int = 1) -> DepthNetwork:
    """The network that a settled configuration asks for; the first of its `num_outputs` raw maps is for `inverse_depths`."""
    network = build_encoder_decoder(
        config.encoder,
        config.decoder,
        pretrained=config.pretrained,
        width=config.decoder_width,
        norm=config.decoder_norm,
        num_outputs=num_outputs,
        scales=tuple(range(config.num_scales)),
    )
    if config.initial_depth_m is not None:
        for convolution in network.head.convolutions:
            assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
            convolution.bias.data[0] = _raw(config.initial_depth_m, config)
    return network


def inverse_depths(
    raw: Sequence[Float[Tensor, "n _k _h _w"]], K: Float[Tensor, "n 3 3"], config: NetworkConfig
) -> list[Float[Tensor, "n _h _w"]]:
    """Inverse depth [1/m] at every scale, of the network's maps, fine to coarse; the finest has the size of the picture of K."""
    least, most = 1 / config.max_depth_m, 1 / config.min_depth_m
    inverse = [least + (most - least) * torch.sigmoid(one[:, 0]) for one in raw]
    if config.canonical_focal is None:
        return inverse
    factor = (config.canonical_focal * raw[0].shape[-1] / K[:, 0, 0])[:, None, None]
    return [one * factor for one in inverse]


def full_size(maps: Sequence[Float[Tensor, "n _h _w"]], *, height: int, width: int) -> Float[Tensor, "n k height width"]:
    """Maps of several scales side by side, each enlarged to one size."""
    return torch.stack([_enlarged(one, height, width) for one in maps], dim=1)


def _enlarged(one: Tensor, height: int, width: int) -> Tensor:
    if one.shape[-2:] == (height, width):
        return one
    return functional.interpolate(one[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]


def _raw(depth_m: float, config: NetworkConfig) -> float:
    """The raw value whose sigmoid stands for `depth_m`."""
    least, most = 1 / config.max_depth_m, 1 / config.min_depth_m
    share = (1 / depth_m - least) / (most - least)
    return math.log(share / (1 - share))
