"""MPViT, the encoder of MonoViT: several paths of overlapping patches, each with linear attention, beside a convolution.

Lee et al., "MPViT: Multi-Path Vision Transformer for Dense Prediction", CVPR 2022, arXiv 2112.11010. A stage embeds its
map by two or three stacked 3x3 convolutions, so that path k sees patches of 3, 5 and 7 pixels (section 3.2), runs
transformer blocks with factorised attention on every path and a residual convolution on the first embedding, and joins
all of them by a 1x1 convolution (section 3.3). Attention, position encoding and relative position encoding are those of
Xu et al., "Co-Scale Conv-Attentional Image Transformers", ICCV 2021, arXiv 2104.06399, equations 2 to 6.

As MonoViT uses it: the stem halves the image once, not twice, and every stage halves its map, so that there are maps at
strides 2, 4, 8, 16 and 32; branches are dropped at random while training (`drop_path`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.io.weights import load_state, load_weights
from leadline.types import UserError

WINDOWS = {3: 2, 5: 3, 7: 3}
"""Window of the relative position encoding -> heads that have it, of eight."""
HEADS = sum(WINDOWS.values())


@dataclass(frozen=True)
class MPViTSpec:
    """Sizes of an MPViT, one entry for each stage."""

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    mlp_ratio: int = 4
    paths: tuple[int, int, int, int] = (2, 3, 3, 3)
    drop_path: float = 0.2
    """Chance that the last block loses a branch in a training step; it grows linearly from 0 at the first block."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps at strides 2 to 32: a stage ends with the width of the next one."""
        return (*self.widths, self.widths[-1])


class MPViT(nn.Module):
    """The encoder without classifier. Heads divide the widths: widths are multiples of 8."""

    def __init__(self, spec: MPViTSpec) -> None:
        super().__init__()
        first = spec.widths[0]
        self.stem = nn.Sequential(ConvNorm(3, first // 2, 3, stride=2), ConvNorm(first // 2, first, 3))
        rates = iter(torch.linspace(0, spec.drop_path, sum(spec.depths), device="cpu").tolist())
        self.stages = nn.ModuleList(
            Stage(width, spec.channels[i + 1], num_paths=spec.paths[i], mlp_ratio=spec.mlp_ratio, drop=[next(rates) for _ in range(depth)])
            for i, (width, depth) in enumerate(zip(spec.widths, spec.depths, strict=True))
        )
        self.apply(_initialise)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _y _x"]]:
        """Maps at strides 2, 4, 8, 16, 32 of a normalised image."""
        maps = [self.stem(image)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps


class Stage(nn.Module):
    """Halves the map: stacked patch embeddings, a path of transformer blocks on each, a local branch, and their union."""

    def __init__(self, width: int, outputs: int, *, num_paths: int, mlp_ratio: int, drop: Sequence[float]) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(PatchEmbedding(width, stride=2 if k == 0 else 1) for k in range(num_paths))
        self.paths = nn.ModuleList(TransformerPath(width, mlp_ratio=mlp_ratio, drop=drop) for _ in range(num_paths))
        self.local = LocalBranch(width)
        self.join = ConvNorm(width * (num_paths + 1), outputs, 1)

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        """The map of the next level."""
        embedded = []
        for embed in self.embeddings:
            map_ = embed(map_)
            embedded.append(map_)
        branches = [self.local(embedded[0]), *(path(tokens) for path, tokens in zip(self.paths, embedded, strict=True))]
        return self.join(torch.cat(branches, dim=1))


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, if `active`, Hardswish."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, stride: int = 1, active: bool = True) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), *([nn.Hardswish()] if active else []))


class PatchEmbedding(nn.Sequential):
    """3x3 depthwise-separable convolution; several in a row see larger, overlapping patches."""

    def __init__(self, width: int, *, stride: int) -> None:
        super().__init__(_depthwise(width, 3, stride=stride, bias=False), ConvNorm(width, width, 1))


class LocalBranch(nn.Module):
    """Residual bottleneck around a depthwise convolution, which adds what neighbouring pixels know."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = ConvNorm(width, width, 1)
        self.neighbours = nn.Sequential(_depthwise(width, 3, bias=False), nn.BatchNorm2d(width), nn.Hardswish())
        self.after = ConvNorm(width, width, 1, active=False)

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map plus its refinement."""
        return map_ + self.after(self.neighbours(self.before(map_)))


class TransformerPath(nn.Module):
    """Transformer blocks that share one position encoding and one relative position encoding."""

    def __init__(self, width: int, *, mlp_ratio: int, drop: Sequence[float]) -> None:
        super().__init__()
        self.position = _depthwise(width, 3)
        self.relative = RelativePosition(width)
        self.blocks = nn.ModuleList(TransformerBlock(width, mlp_ratio=mlp_ratio, drop=rate) for rate in drop)

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map after all blocks."""
        for block in self.blocks:
            tokens = (map_ + self.position(map_)).permute(0, 2, 3, 1)
            map_ = block(tokens, self.relative).permute(0, 3, 1, 2)
        return map_


class TransformerBlock(nn.Module):
    """Attention and perceptron, each after a layer norm and beside a shortcut; `drop` is the chance to lose either."""

    def __init__(self, width: int, *, mlp_ratio: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = FactorisedAttention(width)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width))

    def forward(self, tokens: Float[Tensor, "b h w c"], relative: "RelativePosition") -> Float[Tensor, "b h w c"]:
        """The tokens of a map, in place."""
        tokens = tokens + self._dropped(self.attention(self.attention_norm(tokens), relative))
        return tokens + self._dropped(self.mlp(self.mlp_norm(tokens)))

    def _dropped(self, branch: Tensor) -> Tensor:
        """Stochastic depth (Huang et al. 2016, arXiv 1603.09382): whole branches vanish for some images; the mean stays."""
        if not self.training or self.drop == 0:
            return branch
        kept = torch.rand(branch.shape[0], 1, 1, 1, device=branch.device) >= self.drop
        return branch * kept.to(branch.dtype) / (1 - self.drop)


class FactorisedAttention(nn.Module):
    """Attention whose cost is linear in the number of pixels.

    Every head has q (softmax_n(k)^T v) / sqrt(d), CoaT's equation 3: the softmax runs over the pixels n, the product of keys and
    values is a d x d matrix for the whole image. To it comes q * conv(v), the relative position encoding of equation 5.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = (width // HEADS) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "b h w c"], relative: "RelativePosition") -> Float[Tensor, "b h w c"]:
        """What every pixel gathers from the whole image and from its window."""
        height, width = tokens.shape[1:3]
        queries, keys, values = self.qkv(tokens).flatten(1, 2).unflatten(-1, (3, HEADS, -1)).unbind(2)
        context = torch.einsum("bnsk,bnsv->bskv", keys.softmax(dim=1), values)
        gathered = torch.einsum("bnsk,bskv->bnsv", queries, context)
        nearby = queries * relative(values, height=height, width=width)
        return self.project((self.scale * gathered + nearby).flatten(2).unflatten(1, (height, width)))


class RelativePosition(nn.Module):
    """Depthwise convolutions of the values: a weight for every offset inside a window, whose size differs between heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.splits = [heads * (width // HEADS) for heads in WINDOWS.values()]
        self.convolutions = nn.ModuleList(_depthwise(c, window) for c, window in zip(self.splits, WINDOWS, strict=True))

    def forward(self, values: Float[Tensor, "b n heads d"], *, height: int, width: int) -> Float[Tensor, "b n heads d"]:
        """Convolved values of the n = height * width pixels."""
        map_ = values.flatten(2).unflatten(1, (height, width)).permute(0, 3, 1, 2)
        parts = [convolve(part) for convolve, part in zip(self.convolutions, map_.split(self.splits, dim=1), strict=True)]
        return torch.cat(parts, dim=1).permute(0, 2, 3, 1).flatten(1, 2).unflatten(-1, (HEADS, -1))


PUBLISHED_NAMES = (
    (r"stem\.(\d)\.", r"stem.\1."),
    (r"patch_embed_stages\.(\d)\.patch_embeds\.(\d)\.patch_conv\.", r"stages.\1.embeddings.\2."),
    (r"mhca_stages\.(\d)\.mhca_blks\.(\d)\.", r"stages.\1.paths.\2."),
    (r"mhca_stages\.(\d)\.InvRes\.", r"stages.\1.local."),
    (r"mhca_stages\.(\d)\.aggregate\.", r"stages.\1.join."),
    (r"(embeddings\.\d)\.dwconv\.", r"\1.0."),
    (r"(embeddings\.\d)\.pwconv\.", r"\1.1.0."),
    (r"(embeddings\.\d)\.bn\.", r"\1.1.1."),
    (r"local\.conv1\.", "local.before."),
    (r"local\.dwconv\.", "local.neighbours.0."),
    (r"local\.norm\.", "local.neighbours.1."),
    (r"local\.conv2\.", "local.after."),
    (r"(stem\.\d|join|before|after)\.conv\.", r"\1.0."),
    (r"(stem\.\d|join|before|after)\.bn\.", r"\1.1."),
    (r"(paths\.\d)\.cpe\.proj\.", r"\1.position."),
    (r"(paths\.\d)\.crpe\.conv_list\.", r"\1.relative.convolutions."),
    (r"MHCA_layers\.(\d)\.", r"blocks.\1."),
    (r"factoratt_crpe\.qkv\.", "attention.qkv."),
    (r"factoratt_crpe\.proj\.", "attention.project."),
    (r"norm1\.", "attention_norm."),
    (r"norm2\.", "mlp_norm."),
    (r"mlp\.fc1\.", "mlp.0."),
    (r"mlp\.fc2\.", "mlp.2."),
)
"""Names in the published checkpoints -> names here, applied in this order."""
REPEATED_OR_UNUSED = re.compile(r"cls_head\.|MHCA_layers\.\d\.(cpe|crpe|factoratt_crpe\.crpe)\.")
"""The classifier, and the encodings that blocks share, which the published checkpoints repeat for every block."""


HOW_TO_CONVERT = (
    "convert the published checkpoint where you trust it and give FOLDER: "
    'python -c "import torch, safetensors.torch as s; s.save_file({name: t.clone() for name, t in '
    "torch.load('mpvit_small.pth', weights_only=True)['model'].items()}, 'FOLDER/model.safetensors')\""
)


def load_mpvit(backbone: MPViT, folder: Path) -> None:
    """Copy the weights in `folder`/model.safetensors into `backbone`: ours, or published ones converted to safetensors.

    Raises UserError for a folder without that file, which is where a pickle is met, and for weights of another architecture.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise UserError(folder, "is not a folder with model.safetensors", HOW_TO_CONVERT)
    tensors = load_weights(path)
    load_state(backbone, {_our_name(name): tensor for name, tensor in tensors.items() if not REPEATED_OR_UNUSED.search(name)}, path)


def _our_name(name: str) -> str:
    for published, ours in PUBLISHED_NAMES:
        name = re.sub(published, ours, name)
    return name


def _depthwise(width: int, kernel_size: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(width, width, kernel_size, stride=stride, padding=kernel_size // 2, groups=width, bias=bias)


def _initialise(module: nn.Module) -> None:
    """Truncated normals for perceptrons and attention, He's normals (by the fan out of a group) before batch norms."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d) and module.bias is None:
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
