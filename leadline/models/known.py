"""Public depth checkpoints, and published networks to train, that leadline knows by name.

Imports no tensors: the command line lists them fast. Licences are those of the weights as their publishers state them;
leadline ships none of them and needs none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from leadline.types import DepthKind


@dataclass(frozen=True)
class KnownModel:
    """A checkpoint on the model hub: leadline's short name for it, what it returns, and what it may be used for."""

    name: str
    hub_id: str
    kind: DepthKind
    licence: str
    parameters_m: float
    """Millions of parameters, rounded."""
    note: str = ""

    @property
    def unit(self) -> str:
        """Unit of its predictions."""
        return "m" if self.kind is DepthKind.METRIC else ""


_INVERSE = DepthKind.AFFINE_INVARIANT_INVERSE
_METRIC = DepthKind.METRIC
_NON_COMMERCIAL = "CC BY-NC 4.0"

KNOWN_MODELS: tuple[KnownModel, ...] = (
    KnownModel("depth-anything-v2-small", "depth-anything/Depth-Anything-V2-Small-hf", _INVERSE, "Apache-2.0", 24.8),
    KnownModel("depth-anything-v2-base", "depth-anything/Depth-Anything-V2-Base-hf", _INVERSE, _NON_COMMERCIAL, 97.5),
    KnownModel("depth-anything-v2-large", "depth-anything/Depth-Anything-V2-Large-hf", _INVERSE, _NON_COMMERCIAL, 335.3),
    KnownModel(
        "depth-anything-v2-metric-indoor-small",
        "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf",
        _METRIC,
        "Apache-2.0",
        24.8,
        "up to 20 m",
    ),
    KnownModel(
        "depth-anything-v2-metric-indoor-base",
        "depth-anything/Depth-Anything-V2-Metric-Indoor-Base-hf",
        _METRIC,
        _NON_COMMERCIAL,
        97.5,
        "up to 20 m",
    ),
    KnownModel(
        "depth-anything-v2-metric-indoor-large",
        "depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf",
        _METRIC,
        _NON_COMMERCIAL,
        335.3,
        "up to 20 m",
    ),
    KnownModel(
        "depth-anything-v2-metric-outdoor-small",
        "depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf",
        _METRIC,
        "Apache-2.0",
        24.8,
        "up to 80 m",
    ),
    KnownModel(
        "depth-anything-v2-metric-outdoor-base",
        "depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf",
        _METRIC,
        _NON_COMMERCIAL,
        97.5,
        "up to 80 m",
    ),
    KnownModel(
        "depth-anything-v2-metric-outdoor-large",
        "depth-anything/Depth-Anything-V2-Metric-Outdoor-Large-hf",
        _METRIC,
        _NON_COMMERCIAL,
        335.3,
        "up to 80 m",
    ),
    KnownModel("depth-anything-v1-small", "LiheYoung/depth-anything-small-hf", _INVERSE, "Apache-2.0", 24.8),
    KnownModel("depth-anything-v1-base", "LiheYoung/depth-anything-base-hf", _INVERSE, "Apache-2.0", 97.5),
    KnownModel("depth-anything-v1-large", "LiheYoung/depth-anything-large-hf", _INVERSE, "Apache-2.0", 335.3),
    KnownModel("zoedepth-nyu", "Intel/zoedepth-nyu", _METRIC, "MIT", 345, "indoor, up to 10 m"),
    KnownModel("zoedepth-kitti", "Intel/zoedepth-kitti", _METRIC, "MIT", 345, "road, up to 80 m"),
    KnownModel("zoedepth-nyu-kitti", "Intel/zoedepth-nyu-kitti", _METRIC, "MIT", 346, "chooses indoor or road by itself"),
    KnownModel("depth-pro", "apple/DepthPro-hf", _METRIC, "apple-amlr (research only)", 952, "estimates the focal length"),
    KnownModel("dpt-large", "Intel/dpt-large", _INVERSE, "Apache-2.0", 343, "MiDaS 3.0"),
    KnownModel("dpt-hybrid-midas", "Intel/dpt-hybrid-midas", _INVERSE, "Apache-2.0", 123, "MiDaS 3.0"),
    KnownModel("dpt-swinv2-tiny", "Intel/dpt-swinv2-tiny-256", _INVERSE, "MIT", 41, "MiDaS 3.1"),
    KnownModel("dpt-dinov2-small-nyu", "facebook/dpt-dinov2-small-nyu", _METRIC, "Apache-2.0", 37, "indoor, up to 10 m"),
    KnownModel("dpt-dinov2-small-kitti", "facebook/dpt-dinov2-small-kitti", _METRIC, "Apache-2.0", 37, "road, up to 80 m"),
    KnownModel("glpn-nyu", "vinvino02/glpn-nyu", _METRIC, "Apache-2.0", 61, "indoor, up to 10 m"),
    KnownModel("glpn-kitti", "vinvino02/glpn-kitti", _METRIC, "Apache-2.0", 61, "road, up to 80 m"),
)


_PUBLISHED_DPT = {
    **{f"facebook/dpt-dinov2-{size}-{data}": _METRIC for size in ("small", "base", "large", "giant") for data in ("nyu", "kitti")},
    **{f"intel/dpt-beit-{size}": _INVERSE for size in ("base-384", "large-384", "large-512")},
    **{f"intel/dpt-swinv2-{size}": _INVERSE for size in ("base-384", "large-384")},
}
"""DPT checkpoints without a short name, in lower case. A DPT's configuration does not say what it returns, so its name must."""


def known_kind(hub_id: str) -> DepthKind | None:
    """What the checkpoint with this hub id returns, as its publishers say; None for others."""
    model = known_model(hub_id)
    return _PUBLISHED_DPT.get(hub_id.lower()) if model is None else model.kind


def known_model(name: str) -> KnownModel | None:
    """The known checkpoint with this short name or hub id, capital letters aside."""
    wanted = name.lower()
    return next((model for model in KNOWN_MODELS if wanted in (model.name, model.hub_id.lower())), None)


@dataclass(frozen=True)
class KnownNetwork:
    """A published depth network: its encoder and decoder by name, its size, and its paper."""

    encoder: str
    decoder: str
    parameters: int
    """With heads for one output at four scales; without what its forward pass never uses."""
    published: int
    """The same for the published code and the papers' tables, which count the ResNet's classifier (513,000) and convolutions of
    HR-Depth's decoder that are never run (32,336)."""
    paper: str


NETWORKS: Mapping[str, KnownNetwork] = MappingProxyType(
    {
        "monodepth2": KnownNetwork("resnet18", "unet", 14_329_236, 14_842_236, "arXiv 1806.01260"),
        "hrdepth": KnownNetwork("resnet18", "hrdepth", 14_068_308, 14_613_644, "arXiv 2012.07356"),
        "monovit": KnownNetwork("mpvit-small", "monovit", 27_837_772, 27_870_108, "arXiv 2208.03543"),
    }
)


def published_parts(network: str) -> dict[str, Any]:
    """Options of a method's configuration that the published `network` decides; nothing for "none"."""
    if network == "none":
        return {}
    known = NETWORKS[network]
    return {"encoder": known.encoder, "decoder": known.decoder, "decoder_width": 1.0, "decoder_norm": "none"}
