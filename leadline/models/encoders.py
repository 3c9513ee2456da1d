"""Image encoders: `transformers` backbones and MPViT behind one interface, from scratch, from the hub or a local folder.

An encoder takes RGB in [0, 1], normalises it itself, and returns feature maps fine to coarse with `channels` and
`strides`. ResNets give five maps at strides 2 to 32: the first is the stem before its max-pooling, which decoders in the
manner of monodepth2 need and `AutoBackbone` does not offer. MPViT (models/mpvit.py) gives five as well.
"""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoBackbone, AutoConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

from leadline.models.hub import from_hub, model_of_run, no_progress_bar, stated_licence
from leadline.models.mimetic import begin_mimetic
from leadline.models.mpvit import HOW_TO_CONVERT, MPViT, MPViTSpec, load_mpvit
from leadline.types import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

NEW_IN_BACKBONES = "hidden_states_norms."
"""Norms that `transformers` adds to a ConvNeXt when it becomes a backbone; no classifier has them."""


@dataclass(frozen=True)
class EncoderSpec:
    """An architecture: its model type and configuration (of `transformers`, or "mpvit"), and where public weights for it are."""

    model_type: str
    config: Mapping[str, Any]
    hub_id: str | None = None
    licence: str = "Apache-2.0"


def _resnet(depths: tuple[int, ...], widths: tuple[int, ...], *, stem: int, layer: str = "basic", hub_id: str | None = None) -> EncoderSpec:
    return EncoderSpec(
        "resnet", MappingProxyType({"embedding_size": stem, "hidden_sizes": widths, "depths": depths, "layer_type": layer}), hub_id
    )


def _convnext(depths: tuple[int, ...], width: int, size: str) -> EncoderSpec:
    stages = ["stage1", "stage2", "stage3", "stage4"]
    config = {"hidden_sizes": tuple(width * 2**i for i in range(4)), "depths": depths, "out_features": stages}
    return EncoderSpec("convnextv2", MappingProxyType(config), f"facebook/convnextv2-{size}-1k-224", "CC BY-NC 4.0")


def _dinov2(width: int, num_blocks: int, heads: int, size: str | None) -> EncoderSpec:
    taps = [f"stage{num_blocks * k // 4}" for k in (1, 2, 3, 4)]
    config = {"hidden_size": width, "num_hidden_layers": num_blocks, "num_attention_heads": heads, "image_size": 518, "out_features": taps}
    return EncoderSpec("dinov2", MappingProxyType(config), f"facebook/dinov2-{size}" if size else None)


def _mpvit(widths: tuple[int, int, int, int], depths: tuple[int, int, int, int], *, mlp_ratio: int = 4) -> EncoderSpec:
    return EncoderSpec("mpvit", MappingProxyType({"widths": widths, "depths": depths, "mlp_ratio": mlp_ratio}))


ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType(
    {
        # Those without a hub_id have no public weights: they are for training from scratch on small machines.
        "resnet-tiny": _resnet((1, 1, 1, 1), (16, 32, 64, 128), stem=16),
        "resnet18-half": _resnet((2, 2, 2, 2), (32, 64, 128, 256), stem=32),
        "resnet18": _resnet((2, 2, 2, 2), (64, 128, 256, 512), stem=64, hub_id="microsoft/resnet-18"),
        "resnet34": _resnet((3, 4, 6, 3), (64, 128, 256, 512), stem=64, hub_id="microsoft/resnet-34"),
        "resnet50": _resnet((3, 4, 6, 3), (256, 512, 1024, 2048), stem=64, layer="bottleneck", hub_id="microsoft/resnet-50"),
        "dinov2-tiny": _dinov2(64, 4, 4, None),
        "dinov2-mini": _dinov2(192, 8, 6, None),
        "dinov2-small": _dinov2(384, 12, 6, "small"),
        "dinov2-base": _dinov2(768, 12, 12, "base"),
        "dinov2-large": _dinov2(1024, 24, 16, "large"),
        "convnextv2-atto": _convnext((2, 2, 6, 2), 40, "atto"),
        "convnextv2-femto": _convnext((2, 2, 6, 2), 48, "femto"),
        "convnextv2-pico": _convnext((2, 2, 6, 2), 64, "pico"),
        "convnextv2-nano": _convnext((2, 2, 8, 2), 80, "nano"),
        "convnextv2-tiny": _convnext((3, 3, 9, 3), 96, "tiny"),
        "convnextv2-base": _convnext((3, 3, 27, 3), 128, "base"),
        "convnextv2-large": _convnext((3, 3, 27, 3), 192, "large"),
        # "mpvit-micro" is ours, for small machines; the others are the published sizes.
        "mpvit-micro": _mpvit((16, 32, 48, 64), (1, 1, 1, 1), mlp_ratio=2),
        "mpvit-tiny": _mpvit((64, 96, 176, 216), (1, 2, 4, 1), mlp_ratio=2),
        "mpvit-xsmall": _mpvit((64, 128, 192, 256), (1, 2, 4, 1)),
        "mpvit-small": _mpvit((64, 128, 216, 288), (1, 3, 6, 3)),
    }
)


class Encoder(nn.Module):
    """A backbone with its normalisation. `channels` and `strides` describe the maps of `forward`, fine to coarse."""

    mean: Tensor
    std: Tensor
    weights_from: str | None = None
    """Hub id or folder of the weights it started from; None for random ones."""

    def __init__(
        self,
        backbone: nn.Module,
        read: Callable[[nn.Module, Tensor], list[Tensor]],
        *,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
    ) -> None:
        """`read` takes the maps of a normalised image from the backbone."""
        super().__init__()
        self.backbone = backbone
        self._read = read
        self.channels = channels
        self.strides = strides
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return max(self.strides)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c _h _w"]]:
        """Feature maps of RGB in [0, 1]. Raises UserError for an image whose sides are not multiples of `size_multiple`."""
        height, width = image.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple:
            multiple = self.size_multiple
            raise UserError(f"image of {width}x{height} px", "does not fit the encoder", f"give sides that are multiples of {multiple} px")
        return self._read(self.backbone, (image - self.mean) / self.std)


def build_encoder(name: str, pretrained: str = "none", *, num_images: int = 1) -> Encoder:
    """Encoder `name` of ENCODERS. `pretrained` is "none" (random weights), "hub" (its public weights), a hub id, a folder or a
    run folder that holds one.

    `num_images` above 1 (ResNets only) takes so many images stacked along the channels; its first convolution starts
    from that for one image, as in monodepth2. Raises UserError for an unknown name, for weights that cannot be had, and for
    weights of another architecture.
    """
    encoder = _build(name, pretrained)
    return encoder if num_images == 1 else _widened(name, encoder, num_images)


def _build(name: str, pretrained: str) -> Encoder:
    if name not in ENCODERS:
        near = difflib.get_close_matches(name, ENCODERS, n=3, cutoff=0.4) or list(ENCODERS)
        raise UserError(name, "is not an encoder leadline knows", f"choose for example {', '.join(near)}")
    spec = ENCODERS[name]
    if spec.model_type == "mpvit":
        return _mpvit_encoder(name, spec, pretrained)
    if pretrained == "none":
        config = AutoConfig.for_model(spec.model_type, **_lists(spec.config))
        backbone = AutoBackbone.from_config(config)
        if spec.model_type == "dinov2":
            begin_mimetic(backbone, width=config.hidden_size)
        return _wrap(backbone, config, spec)
    if pretrained == "hub":
        if spec.hub_id is None:
            raise UserError(name, "has no public weights", 'give a folder or a hub id, or pretrained="none" to train from scratch')
        pretrained = spec.hub_id
    return _pretrained(name, spec, pretrained)


@dataclass(frozen=True)
class StartingWeights:
    """Weights that somebody else published, and their licence, "unknown" where they do not say."""

    weights: str
    licence: str


def starting_weights(network: nn.Module) -> tuple[StartingWeights, ...]:
    """What the encoders inside `network` started from; nothing for those that started from random weights."""
    sources = [module.weights_from for module in network.modules() if isinstance(module, Encoder)]
    return tuple(StartingWeights(source, _licence(source)) for source in dict.fromkeys(sources) if source is not None)


def _licence(source: str) -> str:
    """Of public encoders as listed here, else as the card of the hub repository or the folder states it."""
    listed = [spec.licence for spec in ENCODERS.values() if spec.hub_id == source]
    return listed[0] if listed else stated_licence(source)


def _pretrained(name: str, spec: EncoderSpec, source: str) -> Encoder:
    source = model_of_run(source)
    config = from_hub(source, lambda local_only: AutoConfig.from_pretrained(source, local_files_only=local_only))
    if config.model_type != spec.model_type:
        raise UserError(source, f"holds a {config.model_type}, not the {spec.model_type} that encoder {name} is", "give matching weights")
    different = [
        key for key, value in _lists(spec.config).items() if key not in ("out_features", "image_size") and getattr(config, key) != value
    ]
    if different:
        key = different[0]
        raise UserError(
            source, f"its {key} is {getattr(config, key)}, encoder {name} has {_lists(spec.config)[key]}", "give matching weights"
        )
    taps = {"out_features": spec.config["out_features"]} if "out_features" in spec.config else {}
    # NOTE: AutoBackbone.from_pretrained asks the hub even about local folders, so its class is looked up here.
    backbone_class = cast(Any, MODEL_FOR_BACKBONE_MAPPING[type(config)])
    options = {"use_safetensors": True, "output_loading_info": True, **taps}
    with no_progress_bar():
        backbone, report = from_hub(
            source, lambda local_only: backbone_class.from_pretrained(source, local_files_only=local_only, **options)
        )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(NEW_IN_BACKBONES))
    if missing:
        raise UserError(source, f"its weights lack {', '.join(missing[:3])}", "give weights that belong to its config.json")
    if spec.model_type == "dinov2":
        _set_grid(backbone, side=spec.config["image_size"] // config.patch_size)
    encoder = _wrap(backbone, config, spec)
    encoder.weights_from = source
    return encoder


@torch.no_grad()
def _set_grid(backbone: nn.Module, *, side: int) -> None:
    """Resample the positions of a DINOv2 to a grid of `side` x `side` patches, as transformers does for every picture of another size."""
    embeddings = cast(Any, backbone).embeddings
    table = embeddings.position_embeddings
    before = math.isqrt(table.shape[1] - 1)
    if before == side:
        return
    grid = table[:, 1:].unflatten(1, (before, before)).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    embeddings.position_embeddings = nn.Parameter(torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], dim=1))


def _mpvit_encoder(name: str, spec: EncoderSpec, pretrained: str) -> Encoder:
    """MPViT is not on the hub: its weights come from the file model.safetensors of a folder."""
    sizes = MPViTSpec(**spec.config)
    backbone = MPViT(sizes)
    encoder = Encoder(backbone, _all_maps, channels=sizes.channels, strides=(2, 4, 8, 16, 32))
    if pretrained == "none":
        return encoder
    if pretrained == "hub":
        raise UserError(name, "has no public weights on the model hub", f'{HOW_TO_CONVERT}; or give pretrained="none"')
    load_mpvit(backbone, Path(pretrained))
    encoder.weights_from = pretrained
    return encoder


def _wrap(backbone: nn.Module, config: PreTrainedConfig, spec: EncoderSpec) -> Encoder:
    if spec.model_type == "dinov2":
        return Encoder(backbone, _feature_maps, channels=(spec.config["hidden_size"],) * 4, strides=(config.patch_size,) * 4)
    widths = tuple(spec.config["hidden_sizes"])
    if spec.model_type == "resnet":
        return Encoder(backbone, _resnet_maps, channels=(spec.config["embedding_size"], *widths), strides=(2, 4, 8, 16, 32))
    return Encoder(backbone, _feature_maps, channels=widths, strides=(4, 8, 16, 32))


def _feature_maps(backbone: nn.Module, normalized: Tensor) -> list[Tensor]:
    return list(backbone(normalized).feature_maps)


def _all_maps(backbone: nn.Module, normalized: Tensor) -> list[Tensor]:
    return backbone(normalized)


def _resnet_maps(backbone: nn.Module, normalized: Tensor) -> list[Tensor]:
    # NOTE: AutoBackbone's "stem" is the map after max-pooling (stride 4); the parts are called one by one to tap the map before it.
    resnet = cast(Any, backbone)
    features = [resnet.embedder.embedder(normalized)]
    map_ = resnet.embedder.pooler(features[0])
    for stage in resnet.encoder.stages:
        map_ = stage(map_)
        features.append(map_)
    return features


def _widened(name: str, encoder: Encoder, num_images: int) -> Encoder:
    """The encoder of several images at once: each gets the weights of the first convolution, divided by their number."""
    if ENCODERS[name].model_type != "resnet":
        raise UserError(name, "takes one image at a time", "choose a ResNet where several images go in together")
    stem = cast(Any, encoder.backbone).embedder.embedder
    one: nn.Conv2d = stem.convolution
    wide = nn.Conv2d(3 * num_images, one.out_channels, one.kernel_size, one.stride, one.padding, bias=False)  # pyright: ignore[reportArgumentType]
    wide.weight.data.copy_(one.weight.data.repeat(1, num_images, 1, 1) / num_images)
    stem.convolution = wide
    encoder.mean, encoder.std = (values.repeat(num_images, 1, 1) for values in (encoder.mean, encoder.std))
    return encoder


def _lists(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as `transformers` stores it: lists where we have tuples."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
