"""Decoders with dense skip connections and channel attention: HR-Depth's, and MonoViT's, which puts it behind MPViT.

Lyu et al., "HR-Depth: High Resolution Self-Supervised Monocular Depth Estimation", AAAI 2021, arXiv 2012.07356: the skip
connections become a grid of nodes X(i, j), row i at stride 2 ** (i + 1), X(i, 0) the encoder's maps ("redesigned skip
connection"); a node fuses everything before it in its row with the node below it, and the last node of each row does so
through a squeeze-and-excitation ("fSE module"). Padding reflects and activations are ELU as in monodepth2.

Zhao et al., "MonoViT", 3DV 2022, arXiv 2208.03543, section 3: the same grid behind MPViT, whose maps are first weighed by
channel attention and brought to the channels of a ResNet-18.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.unet import Conv3x3
from leadline.types import UserError

STRIDES = (2, 4, 8, 16, 32)
GRID = tuple((row, column) for column in range(1, 5) for row in range(5 - column))
"""(i, j) of the nodes, in the order in which they can be computed: four rows of 4, 3, 2 and 1."""
REDUCTION = 16
"""Channels of a map for one hidden unit of its channel attention."""
RESNET18_CHANNELS = (64, 128, 256, 512)
"""Channels at strides 4 to 32 that MonoViT brings MPViT's maps to."""


class HRDepthDecoder(nn.Module):
    """From encoder maps at strides 2 to 32 to decoder maps at strides 1 to 16, fine to coarse.

    `width` scales the channels. Raises UserError for encoders without a pyramid of five maps. The published code also
    holds four convolutions that its forward never runs (32,336 parameters with ResNet-18); they are left out here.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], *, width: float = 1.0) -> None:
        super().__init__()
        _require_pyramid("hrdepth", strides)
        widths = [max(8, round(c * width / 16) * 8) for c in channels[1:]]
        self.channels = (max(8, widths[0] // 2), *widths)
        self.strides = (1, *STRIDES[:4])
        below = (channels[1:], *[widths[1:]] * 3)
        self.nodes = nn.ModuleList(
            Node(below=below[column - 1][row], skip=channels[row], width=widths[row], column=column, last=row + column == 4)
            for row, column in GRID
        )
        self.before = Conv3x3(widths[0], self.channels[0])
        self.after = Conv3x3(self.channels[0], self.channels[0])

    def forward(self, features: Sequence[Float[Tensor, "b _c _h _w"]]) -> list[Float[Tensor, "b _d _y _x"]]:
        """Decoder maps, fine (stride 1) to coarse (stride 16), from the encoder's maps, fine to coarse."""
        rows = [[map_] for map_ in features]
        for (row, column), node in zip(GRID, self.nodes, strict=True):
            rows[row].append(node(rows[row + 1][column - 1], rows[row]))
        full = functional.elu(self.after(_doubled(functional.elu(self.before(rows[0][-1])))))
        return [full, *(row[-1] for row in rows[:4])]


class Node(nn.Module):
    """X(i, j): the node below, convolved and upsampled, fused with the j maps before it in its row."""

    def __init__(self, *, below: int, skip: int, width: int, column: int, last: bool) -> None:
        super().__init__()
        self.lift = Conv3x3(below, width)
        inputs = width + skip + (column - 1) * width
        if last:
            self.fuse = Attention(inputs, width, kernel_size=1)
        elif column == 1:
            self.fuse = nn.Sequential(Conv3x3(inputs, width), nn.ELU())
        else:
            self.fuse = nn.Sequential(nn.Conv2d(inputs, 2 * width, 1, bias=False), Conv3x3(2 * width, width), nn.ELU())

    def forward(self, below: Float[Tensor, "b _c h w"], row: Sequence[Float[Tensor, "b _d y x"]]) -> Float[Tensor, "b e y x"]:
        """The node's map at the size of its row."""
        return self.fuse(torch.cat([_doubled(functional.elu(self.lift(below))), *row], dim=1))


class Attention(nn.Module):
    """Channel attention, then a convolution: each channel is weighed by a sigmoid of all channels' means.

    With a 1x1 convolution it is HR-Depth's fSE module, with a 3x3 convolution MonoViT's projection of encoder maps.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel_size: int) -> None:
        super().__init__()
        hidden = max(1, inputs // REDUCTION)
        self.squeeze = nn.Linear(inputs, hidden, bias=False)
        self.excite = nn.Linear(hidden, inputs, bias=False)
        self.project = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2)

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """The weighed channels, projected, without what is negative."""
        weights = torch.sigmoid(self.excite(functional.relu(self.squeeze(map_.mean(dim=(2, 3))))))
        return functional.relu(self.project(map_ * weights[..., None, None]))


class MonoViTDecoder(nn.Module):
    """From MPViT's maps at strides 2 to 32 to decoder maps at strides 1 to 16: projections, then HR-Depth's grid.

    `width` scales the channels. Raises UserError for encoders without a pyramid of five maps.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], *, width: float = 1.0) -> None:
        super().__init__()
        _require_pyramid("monovit", strides)
        inner = [max(16, round(c * width / 16) * 16) for c in RESNET18_CHANNELS]
        self.projections = nn.ModuleList(Attention(c, d, kernel_size=3) for c, d in zip(channels[1:], inner, strict=True))
        self.grid = HRDepthDecoder((channels[0], *inner), strides)
        self.channels = self.grid.channels
        self.strides = self.grid.strides

    def forward(self, features: Sequence[Float[Tensor, "b _c _h _w"]]) -> list[Float[Tensor, "b _d _y _x"]]:
        """Decoder maps, fine (stride 1) to coarse (stride 16), from the encoder's maps, fine to coarse."""
        projected = [project(map_) for project, map_ in zip(self.projections, features[1:], strict=True)]
        return self.grid([features[0], *projected])


def _doubled(map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
    return functional.interpolate(map_, scale_factor=2.0, mode="nearest")


def _require_pyramid(decoder: str, strides: Sequence[int]) -> None:
    if tuple(strides) != STRIDES:
        remedy = "use a ResNet or MPViT encoder, or another decoder"
        raise UserError(f"decoder {decoder}", f"needs maps at strides {list(STRIDES)}, this encoder has {list(strides)}", remedy)
