"""DPT decoder, for vision transformers and for convolutional encoders.

Ranftl et al., "Vision Transformers for Dense Prediction", ICCV 2021, arXiv 2103.13413, section 3: four encoder maps are
projected and brought to a pyramid ("reassemble"), then fused from coarse to fine by residual convolution units. A
transformer's four maps share one size and are resampled by 4, 2, 1 and 1/2; a convolutional encoder has a pyramid already.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.types import UserError

WIDTH = 64
"""Channels of the fused maps at width 1, as in Depth Anything's small model."""
OUTPUT_WIDTH = 32


class DPTDecoder(nn.Module):
    """From an encoder's last four maps to one decoder map at full resolution.

    `width` scales the channels. Raises UserError for an encoder with fewer than four maps.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], *, width: float = 1.0) -> None:
        super().__init__()
        if len(channels) < 4:
            raise UserError("decoder dpt", f"needs four maps, this encoder has {len(channels)}", "use another encoder")
        inner, outer = max(8, int(WIDTH * width)), max(8, int(OUTPUT_WIDTH * width))
        self.channels = (outer,)
        self.strides = (1,)
        self._fine_stride = strides[-4]
        flat = len(set(strides[-4:])) == 1
        self.reassemble = nn.ModuleList(
            _reassemble(c, inner, level) if flat else nn.Conv2d(c, inner, 3, padding=1, bias=False) for level, c in enumerate(channels[-4:])
        )
        self.fuse = nn.ModuleList(Fusion(inner, has_skip=level < 3) for level in range(4))
        self.reduce = nn.Conv2d(inner, inner // 2, 3, padding=1)
        self.refine = nn.Conv2d(inner // 2, outer, 3, padding=1)

    def forward(self, features: Sequence[Float[Tensor, "b _c _h _w"]]) -> list[Float[Tensor, "b d y x"]]:
        """One map at the resolution of the image."""
        pyramid = [project(map_) for project, map_ in zip(self.reassemble, features[-4:], strict=True)]
        size = (features[-4].shape[-2] * self._fine_stride, features[-4].shape[-1] * self._fine_stride)
        fused = self.fuse[3](pyramid[3], None, pyramid[2].shape[-2:])
        for level in (2, 1, 0):
            finer = pyramid[level - 1].shape[-2:] if level > 0 else tuple(2 * side for side in pyramid[0].shape[-2:])
            fused = self.fuse[level](fused, pyramid[level], finer)
        full = functional.interpolate(self.reduce(fused), size=size, mode="bilinear", align_corners=False)
        return [functional.relu(self.refine(full))]


class Fusion(nn.Module):
    """Adds the refined skip map, refines the sum, and resizes it for the next finer level."""

    def __init__(self, channels: int, *, has_skip: bool) -> None:
        super().__init__()
        self.refine_skip = ResidualUnit(channels) if has_skip else None
        self.refine_sum = ResidualUnit(channels)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, coarse: Float[Tensor, "b c h w"], skip: Float[Tensor, "b c h w"] | None, size: Sequence[int]) -> Tensor:
        """The fused map at `size` (height, width)."""
        total = coarse if skip is None or self.refine_skip is None else coarse + self.refine_skip(skip)
        resized = functional.interpolate(self.refine_sum(total), size=tuple(size), mode="bilinear", align_corners=False)
        return self.project(resized)


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions with pre-activation, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map plus its refinement."""
        return map_ + self.second(functional.relu(self.first(functional.relu(map_))))


def _reassemble(channels: int, inner: int, level: int) -> nn.Module:
    """Projection of a transformer's map and its resampling by 4, 2, 1 or 1/2, finest first."""
    project = nn.Conv2d(channels, inner, 1)
    match level:
        case 0:
            return nn.Sequential(project, nn.ConvTranspose2d(inner, inner, 4, stride=4))
        case 1:
            return nn.Sequential(project, nn.ConvTranspose2d(inner, inner, 2, stride=2))
        case 2:
            return project
        case _:
            return nn.Sequential(project, nn.Conv2d(inner, inner, 3, stride=2, padding=1))
