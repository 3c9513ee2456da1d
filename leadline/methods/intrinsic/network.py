"""The second branch: diffuse and residual images from the features of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.methods.intrinsic.config import IntrinsicConfig
from leadline.methods.network import build_network
from leadline.models.unet import Heads

LARGEST_LOG = 7.0
"""Of the logarithm of an image that is not squashed below 1."""


@dataclass(frozen=True)
class Parts:
    """Diffuse and residual images of references and sources, positive, below 1 where a sigmoid made them."""

    diffuse: Float[Tensor, "n 3 h w"]
    residual: Float[Tensor, "n _c h w"]
    diffuse_src: Float[Tensor, "s n 3 h w"]
    residual_src: Float[Tensor, "s n _c h w"]


class IntrinsicNetwork(nn.Module):
    """A replica of the depth network's decoder with a head of its own, and where asked an encoder of its own."""

    def __init__(self, config: IntrinsicConfig) -> None:
        super().__init__()
        self.config = config
        separate = config.intrinsic_encoder == "separate"
        replica = build_network(config if separate else replace(config, pretrained="none"))
        self.encoder = replica.encoder if separate else None
        self.decoder = replica.decoder
        self.head = Heads(replica.decoder.channels, 3 + config.residual_channels, scales=tuple(range(config.intrinsic_scales)))

    def forward(self, features: Sequence[Float[Tensor, "m _c _h _w"]], *, height: int, width: int) -> list[Float[Tensor, "m _k h w"]]:
        """Diffuse and residual colours of every scale, fine to coarse, enlarged to the full size and made positive."""
        activation = torch.sigmoid if self.config.intrinsic_activation == "sigmoid" else _exponential
        return [activation(_enlarged(raw, height, width)) for raw in self.head(self.decoder(features))]

    def decompose(
        self, image: Float[Tensor, "n 3 h w"], sources: Float[Tensor, "s n 3 h w"], *, encoder: nn.Module, features: Sequence[Tensor]
    ) -> list[Parts]:
        """Parts of every scale. A shared `encoder` has already made `features` of the reference images."""
        if self.encoder is not None:
            both = self.encoder(torch.cat([image, sources.flatten(0, 1)]))
        else:
            both = [torch.cat(pair) for pair in zip(features, encoder(sources.flatten(0, 1)), strict=True)]
        if not self.config.intrinsic_trains_encoder:
            both = [one.detach() for one in both]
        return [_parts(colours, num=len(image)) for colours in self(both, height=image.shape[-2], width=image.shape[-1])]


def _parts(colours: Tensor, *, num: int) -> Parts:
    # Split, not sliced: the gradient of a slice is a whole map of zeros for each of them.
    ours, theirs = (part.split((3, part.shape[1] - 3), dim=1) for part in colours.split((num, len(colours) - num)))
    return Parts(*ours, *(part.unflatten(0, (-1, num)) for part in theirs))


def _exponential(raw: Tensor) -> Tensor:
    return raw.clamp(-LARGEST_LOG, LARGEST_LOG).exp()


def _enlarged(raw: Tensor, height: int, width: int) -> Tensor:
    if raw.shape[-2:] == (height, width):
        return raw
    return functional.interpolate(raw, size=(height, width), mode="bilinear", align_corners=False)
