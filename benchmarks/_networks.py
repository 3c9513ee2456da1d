"""Networks in real format and shapes, with random weights where nothing has learnt: time does not know."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from leadline.export.plan import Plan
from leadline.export.run import export_model
from leadline.methods.catalog import build_method
from leadline.methods.loading import load, save_learner
from leadline.methods.predictor import ModelInfo

SIDE = 518
"""Pictures that Depth Anything was trained on [px]."""
SIZES = {
    "small": (384, 12, 6, [48, 96, 192, 384], 64, [3, 6, 9, 12]),
    "base": (768, 12, 12, [96, 192, 384, 768], 128, [3, 6, 9, 12]),
    "large": (1024, 24, 16, [256, 512, 1024, 1024], 256, [5, 12, 18, 24]),
}
"""Width, blocks, heads, widths of the neck and of its fusion, and tapped blocks of Depth Anything V2, as published."""

TRAINED = {"surround-r18": "teacher-s0", "surround-tiny": "supervised-s0"}
"""Networks of surround, and the runs of `leadline reproduce surround --out out/surround` that train them."""


def depth_anything(size: str, *, taps: Sequence[int] | None = None) -> DepthAnythingForDepthEstimation:
    """Depth Anything V2, or V1 with its own `taps`."""
    torch.manual_seed(0)
    width, blocks, heads, neck, fusion, usual = SIZES[size]
    backbone = Dinov2Config(
        hidden_size=width,
        num_hidden_layers=blocks,
        num_attention_heads=heads,
        image_size=SIDE,
        patch_size=14,
        out_indices=list(taps or usual),
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(backbone_config=backbone, reassemble_hidden_size=width, neck_hidden_sizes=neck, fusion_hidden_size=fusion)
    return DepthAnythingForDepthEstimation(config).eval()


def save_depth_anything(folder: Path, size: str, *, taps: Sequence[int] | None = None) -> Path:
    """The same as a checkpoint, with the processor that it is published with. Returns `folder`."""
    depth_anything(size, taps=taps).save_pretrained(folder)
    rules = {"size": {"height": SIDE, "width": SIDE}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    DPTImageProcessorPil(**rules).save_pretrained(folder)
    return folder


def save_method(folder: Path, method: str, options: dict[str, Any], *, height: int, width: int) -> Path:
    """A network of our own as a model folder, for pictures of that size [px]. Returns `folder`."""
    torch.manual_seed(0)
    save_learner(folder, method, build_method(method, options), ModelInfo(name=folder.name, height=height, width=width))
    return folder


def surround(folder: Path, name: str) -> Path:
    """The network of surround called `name`: as `leadline reproduce` has trained it, where it has, else a random one in `folder`."""
    trained = Path("out") / "surround" / "runs" / TRAINED[name] / "model"
    return trained if trained.exists() else save_method(folder, "surround", {"network": name}, height=96, width=160)


def export_surround(model: Path, path: Path) -> Path:
    """`model` as an OpenVINO file for pictures of 384x640, which bf16 may be asked of. Returns `path`."""
    export_model(load(str(model)), Plan(format="openvino", height=384, width=640, views=1), path)
    return path
