"""The network of `surround`: features of every camera, looks between the cameras if asked for, and a head of depth bins.

    trunk(image)       encoder and decoder, or a frozen model: maps fine to coarse, the last one the bottleneck
    head(maps)         the distribution over depths (models/bins)

The default is ours: the paper (arXiv 2512.08700) names neither backbone nor decoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.methods.surround.config import SurroundConfig
from leadline.methods.surround.crossview import CrossView
from leadline.methods.surround.frozen import FrozenTrunk, open_trunk
from leadline.models.bins.answer import Bins
from leadline.models.bins.head import build_bin_head
from leadline.models.encoders import build_encoder
from leadline.models.networks import build_decoder
from leadline.types import UserError

STUDENTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "surround-r34": {"encoder": "resnet34", "decoder_width": 1.0, "cross_view": False},
        "surround-r18": {"encoder": "resnet18", "decoder_width": 1.0, "cross_view": False},
        "surround-tiny": {"encoder": "resnet18-half", "decoder_width": 0.5, "cross_view": False},
        "surround-r34-xview": {"encoder": "resnet34", "decoder_width": 1.0, "cross_view": True},
    }
)


@dataclass(frozen=True)
class Seen:
    """What the network makes of the n = b v pictures of a batch."""

    bins: Bins
    maps: tuple[Float[Tensor, "n _c _h _w"], ...]
    """What the head read, fine to coarse, the bottleneck last."""


class Trunk(nn.Module):
    """An encoder, cross-view attention between its maps if asked for, and a decoder in the manner of monodepth2."""

    def __init__(self, config: SurroundConfig) -> None:
        super().__init__()
        self.encoder = build_encoder(config.encoder, config.pretrained)
        channels, strides = self.encoder.channels, self.encoder.strides
        self.cross = CrossView(channels, strides) if config.cross_view else None
        self.decoder = build_decoder(
            "unet", channels, strides, width=config.decoder_width, norm=config.decoder_norm, finest=config.output_stride
        )
        self.channels = (*self.decoder.channels, channels[-1])

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.encoder.size_multiple

    def forward(self, image: Float[Tensor, "b v 3 h w"]) -> list[Float[Tensor, "n _c _h _w"]]:
        """Maps of all n = b v pictures, fine to coarse: the decoder's, and the encoder's bottleneck."""
        features = self.encoder(image.flatten(0, 1))
        if self.cross is not None:
            features = self.cross(features, num_views=image.shape[1])
        return [*self.decoder(features), features[-1]]


class SurroundNetwork(nn.Module):
    """Trunk and head. A frozen trunk is no part of its weights: it is opened from where it lies."""

    def __init__(self, config: SurroundConfig) -> None:
        super().__init__()
        self._frozen: FrozenTrunk | None = None if config.base is None else open_trunk(config.base)
        self.trunk = Trunk(config) if config.base is None else None
        channels = self.channels
        self.head = build_bin_head(
            config.bins,
            channels,
            num_bins=config.num_bins,
            embedding=config.embedding,
            min_depth_m=config.min_depth_m,
            max_depth_m=config.max_depth_m,
            centres=config.centres,
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the maps that the head reads, fine to coarse."""
        trunk = self._frozen or self.trunk
        assert trunk is not None
        return trunk.channels

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        trunk = self._frozen or self.trunk
        assert trunk is not None
        return trunk.size_multiple

    @property
    def base(self) -> FrozenTrunk | None:
        """The frozen trunk, if it has one."""
        return self._frozen

    def forward(self, image: Float[Tensor, "b v 3 h w"]) -> Seen:
        """The distribution over depths of the imagined camera, and the maps it was read from."""
        trunk = self._frozen or self.trunk
        assert trunk is not None
        maps = trunk(image)
        return Seen(self.head(maps), tuple(maps))


def metres(
    depth: Float[Tensor, "n y x"], K: Float[Tensor, "n 3 3"], *, height: int, width: int, canonical_focal: float | None
) -> Float[Tensor, "n height width"]:
    """Depth of the imagined camera, enlarged to pictures of `height` x `width`, in metres of the cameras K [px] of that size."""
    full = functional.interpolate(depth[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    return full if canonical_focal is None else full * (K[:, 0, 0] / (canonical_focal * width))[:, None, None]


def settled(config: SurroundConfig, *, subject: str) -> SurroundConfig:
    """`config` with the parts of the student that it names, so that it says what was built.

    Raises UserError about `subject` for a range of depth that is none, and for too few bins.
    """
    low, high = config.min_depth_m, config.max_depth_m
    if not 0 < low < high:
        raise UserError(subject, f"depth range {low} to {high} m", "give 0 < min_depth_m < max_depth_m")
    comparing = [name for name in ("cross_view", "relations_weight") if getattr(config, name)]
    if not config.rigs and comparing:
        raise UserError(subject, f"{comparing[0]} compares cameras, and single pictures are asked for", "leave rigs at True")
    if config.num_bins < 2:
        raise UserError(subject, f"{config.num_bins} bins", "give at least 2, such as 64")
    return config if config.base is not None else replace(config, **STUDENTS.get(config.network, {}))
