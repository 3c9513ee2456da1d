"""What a depth network knows before its last layers turn it into depth: maps fine to coarse, the bottleneck last.

    features(image)    RGB in [0, 1] -> maps; `features.channels`, `features.size_multiple`

| network | maps |
|---|---|
| depth_anything, dpt, zoedepth of `transformers` | the four fused maps and, as bottleneck, what the coarsest is fused from |
| encoder and decoder of leadline | the decoder's from stride `FINEST` on, and the encoder's last |

The first row is what ZoeDepth's head reads of its own network (Bhat et al. 2023, arXiv 2302.12288) and of Depth Anything.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.networks import DepthNetwork

FINEST = 4
"""Stride of the finest map of a decoder that is given away, where it has one as coarse: a head on finer ones costs much and says little."""

PATCH_SIZE: Mapping[str, Any] = MappingProxyType(
    {
        "depth_anything": lambda network: network.config.patch_size,
        "dpt": lambda network: (network.config if network.backbone is None else network.config.backbone_config).patch_size,
        "zoedepth": lambda network: network.patch_size,
    }
)
"""Of the `transformers` networks whose neck fuses maps, by their model type."""


class FusedFeatures(nn.Module):
    """Of a network of `transformers` with a neck in the manner of DPT (Ranftl et al., ICCV 2021, arXiv 2103.13413).

    The picture is normalised as the `processor` of the checkpoint does it, and resized to the nearest multiple of a patch.
    """

    def __init__(self, network: nn.Module, processor: Any) -> None:
        super().__init__()
        self.network: Any = network
        config = self.network.config
        self.channels = (config.fusion_hidden_size,) * (len(config.neck_hidden_sizes) + 1)
        self.size_multiple = 1
        self.patch_size: int = PATCH_SIZE[config.model_type](network)
        self._largest = 255 * processor.rescale_factor if processor.do_rescale else 255
        self._mean, self._std = (processor.image_mean, processor.image_std) if processor.do_normalize else ((0.0,) * 3, (1.0,) * 3)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _c _y _x"]]:
        """Maps of RGB in [0, 1] of any size."""
        height, width = (_patches(side, self.patch_size) for side in image.shape[-2:])
        return _fused_maps(self.network, self._pixels(image, height=height, width=width), patches=(height, width))

    def _pixels(self, image: Tensor, *, height: int, width: int) -> Tensor:
        """The picture as the network wants it, `height` x `width` patches."""
        size = height * self.patch_size, width * self.patch_size
        if size != tuple(image.shape[-2:]):
            image = functional.interpolate(image, size=size, mode="bilinear", antialias=True)
        mean, std = (image.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._std))
        return (self._largest * image - mean) / std


class DecoderFeatures(nn.Module):
    """Of an encoder and decoder of leadline; head and loss are left out."""

    def __init__(self, network: DepthNetwork) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder
        self._first = next((i for i, stride in enumerate(self.decoder.strides) if stride >= FINEST), 0)
        self.channels = (*self.decoder.channels[self._first :], self.encoder.channels[-1])
        self.size_multiple = self.encoder.size_multiple

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _c _y _x"]]:
        """Maps of RGB in [0, 1]. Raises UserError for a size that is not a multiple."""
        features = self.encoder(image)
        return [*self.decoder(features)[self._first :], features[-1]]


def _patches(side: int, patch: int) -> int:
    """How many cover `side` [px] best. Where all fit, whole numbers say it, which exports with open sizes follow."""
    return side // patch if side % patch == 0 else max(1, round(side / patch))


class _Fused(Exception):  # noqa: N818
    """Carries the maps out of a network whose last layers nobody needs."""

    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        self.maps = maps


def _fused_maps(network: Any, pixels: Tensor, *, patches: tuple[int, int]) -> list[Tensor]:
    """Fused maps, fine to coarse, and the bottleneck, without the heads behind them."""

    def leave(_: nn.Module, arguments: tuple[Any, ...], fused: list[Tensor]) -> None:
        raise _Fused([*reversed(fused), arguments[0][-1]])

    # NOTE: a DPT without a backbone of its own kind takes the patches for a square unless it is told.
    told = network.neck.register_forward_pre_hook(lambda _, arguments: (arguments[0], *patches))
    left = network.neck.fusion_stage.register_forward_hook(leave)
    try:
        network(pixel_values=pixels)
    except _Fused as found:
        return found.maps
    finally:
        told.remove()
        left.remove()
    raise AssertionError(f"a {network.config.model_type} has gone past its neck")
