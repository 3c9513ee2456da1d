"""Depth models opened in the middle: image -> token maps of the encoder -> depth. For whoever changes tokens on their way.

    depth = open_tokens(network, subject=...)
    tokens = depth.encoder(image)                                   # RGB in [0, 1] -> four times (b, rows * columns, d)
    values = depth.decoder(tokens, rows=rows, columns=columns)      # -> (b, h, w), what the network itself says for these tokens

Two families: Depth Anything in the format of `transformers`, and our own networks of a plain transformer and a DPT decoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import DepthAnythingForDepthEstimation

from leadline.models.dpt import DPTDecoder
from leadline.models.encoders import IMAGENET_MEAN, IMAGENET_STD, Encoder
from leadline.models.networks import DepthNetwork
from leadline.models.unet import Heads
from leadline.types import UserError

FITTING = "give Depth Anything, or a leadline model of an encoder dinov2-* with decoder dpt"


@dataclass(frozen=True)
class Normalisation:
    """What the image processor of a checkpoint subtracts from RGB in [0, 1] and divides by."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


IMAGENET = Normalisation()


class DepthAnythingEncoder(nn.Module):
    """The backbone of Depth Anything with its normalisation: patch tokens after the final norm, without the class token."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, patch: int, look: "Normalisation") -> None:
        super().__init__()
        self.backbone = backbone
        self.patch = patch
        self.register_buffer("mean", torch.tensor(look.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(look.std).view(3, 1, 1), persistent=False)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b n d"]]:
        """Tokens row by row. Raises UserError for an image whose sides are not multiples of the patch."""
        height, width = image.shape[-2:]
        if height % self.patch or width % self.patch or not height or not width:
            remedy = f"give sides that are multiples of {self.patch} px"
            raise UserError(f"image of {width}x{height} px", "does not fit the depth encoder", remedy)
        maps = cast(Any, self.backbone)((image - self.mean) / self.std).feature_maps
        return [tokens[:, 1:] for tokens in maps]


class DepthAnythingDecoder(nn.Module):
    """Neck and head of Depth Anything."""

    def __init__(self, neck: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.neck = neck
        self.head = head

    def forward(self, tokens: Sequence[Float[Tensor, "b n d"]], *, rows: int, columns: int) -> Float[Tensor, "b h w"]:
        """Inverse depth, at least 0, at the size of the image."""
        # The neck drops the first token unseen: any will do where the class token was.
        with_class = [torch.cat([one[:, :1], one], dim=1) for one in tokens]
        return self.head(self.neck(with_class, rows, columns), rows, columns)


class PlainEncoder(nn.Module):
    """One of our encoders whose maps share one size, as tokens."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.maps = encoder

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b n d"]]:
        """Tokens row by row. Raises UserError for an image whose sides are not multiples of the patch."""
        return [one.flatten(2).transpose(1, 2) for one in self.maps(image)]


class PlainDecoder(nn.Module):
    """Our DPT decoder with its head."""

    def __init__(self, decoder: DPTDecoder, head: Heads) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = head

    def forward(self, tokens: Sequence[Float[Tensor, "b n d"]], *, rows: int, columns: int) -> Float[Tensor, "b h w"]:
        """The first raw output at the size of the image."""
        maps = [one.transpose(1, 2).unflatten(2, (rows, columns)) for one in tokens]
        return self.head(self.decoder(maps))[0][:, 0]


@dataclass(frozen=True, eq=False)
class TokenDepth:
    """A depth model in two halves; `width` channels of each of `count` maps, `patch` [px] per token."""

    encoder: DepthAnythingEncoder | PlainEncoder
    decoder: DepthAnythingDecoder | PlainDecoder
    count: int
    width: int
    patch: int
    taps: tuple[int, ...]
    """Blocks that the maps come after, the first is 1."""
    num_blocks: int


def open_tokens(network: nn.Module, *, subject: str, look: Normalisation = IMAGENET) -> TokenDepth:
    """The halves of `network`, which share its weights; `look` is its processor's, our own networks have theirs inside.

    Raises UserError about `subject` for one that cannot be opened so.
    """
    found = next((part for part in network.modules() if isinstance(part, DepthAnythingForDepthEstimation | DepthNetwork)), None)
    if isinstance(found, DepthAnythingForDepthEstimation):
        return _depth_anything(found, look, subject=subject)
    if isinstance(found, DepthNetwork) and isinstance(found.decoder, DPTDecoder) and len(set(found.encoder.strides)) == 1:
        return _plain(found)
    raise UserError(subject, "has no plain transformer with a DPT decoder whose tokens could be bridged", FITTING)


def tapped_version(depth: TokenDepth) -> str:
    """ "v1" for the last blocks in a row, as Depth Anything V1 taps them, "v2" for blocks spread over the depth, "other" else."""
    n = depth.num_blocks
    if depth.taps == (n - 3, n - 2, n - 1, n):
        return "v1"
    spread = {12: (3, 6, 9, 12), 24: (5, 12, 18, 24), 40: (10, 20, 30, 40)}
    return "v2" if depth.taps == spread.get(n) else "other"


def _depth_anything(network: Any, look: Normalisation, *, subject: str) -> TokenDepth:
    config, backbone = network.config, network.config.backbone_config
    if backbone.model_type != "dinov2" or backbone.reshape_hidden_states:
        raise UserError(subject, f"its backbone is a {backbone.model_type}, not a plain DINOv2", FITTING)
    return TokenDepth(
        encoder=DepthAnythingEncoder(network.backbone, int(config.patch_size), look),
        decoder=DepthAnythingDecoder(network.neck, network.head),
        count=len(backbone.out_indices),
        width=int(backbone.hidden_size),
        patch=int(config.patch_size),
        taps=tuple(int(index) for index in backbone.out_indices),
        num_blocks=int(backbone.num_hidden_layers),
    )


def _plain(network: DepthNetwork) -> TokenDepth:
    assert isinstance(network.decoder, DPTDecoder)
    backbone = cast(Any, network.encoder.backbone)
    return TokenDepth(
        encoder=PlainEncoder(network.encoder),
        decoder=PlainDecoder(network.decoder, network.head),
        count=len(network.encoder.channels),
        width=network.encoder.channels[0],
        patch=network.encoder.strides[0],
        taps=tuple(int(index) for index in backbone.out_indices),
        num_blocks=int(backbone.config.num_hidden_layers),
    )
