"""Segmentation encoders without their prompts: RGB in [0, 1] to one map of what belongs together.

| model_type | map | input |
|---|---|---|
| sam, sam_hq | output of the last transformer block, before the neck: 768, 1024 or 1280 channels at stride 16 | a square of `image_size` |
| sam2 | coarsest map of its feature pyramid: 256 channels at stride 16 | the same |
| dinov2 | patch tokens after the final norm; also the format of our own small ones | the longer side becomes `image_size` |

All are folders or hub ids in the format of `transformers`. The hub's image processors are followed, not called: they take files
one by one, and these maps are made of batches.
"""

import math
from pathlib import Path
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, Dinov2Model, Sam2Model, SamHQModel, SamModel
from transformers.models.sam2.modeling_sam2 import Sam2VisionModel

from leadline.models.encoders import IMAGENET_MEAN, IMAGENET_STD
from leadline.models.hub import from_hub, no_progress_bar
from leadline.types import UserError

Fit = Literal["stretch", "pad"]

CLASSES: dict[str, Any] = {"sam": SamModel, "sam_hq": SamHQModel, "sam2": Sam2Model, "dinov2": Dinov2Model}
NOT_STORED = ("mask_token", "pooler.")
"""Parts of names of weights that published checkpoints may lack and no map depends on."""
ORIGINAL_PREFIX = "image_encoder."
"""How names of weights begin in the files that SAM's authors published."""
IN_OUR_FORMAT = "give the same weights in the format of transformers, such as facebook/sam-vit-base"


class SamEncoder(nn.Module):
    """SAM's or SAM-HQ's image encoder up to its last block, or SAM 2's with its pyramid."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, *, width: int, side: int, patch: int, fit: Fit) -> None:
        """`network` is the vision encoder alone; it takes squares of `side` px."""
        super().__init__()
        self.network = network
        self.width = width
        self.side = side
        self.patch = patch
        self.fit: Fit = fit
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def prepare(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 side side"]:
        """The square that the network sees: stretched, or as SAM's own processor pads it, below and to the right."""
        size = (self.side, self.side) if self.fit == "stretch" else self._inside(*image.shape[-2:])
        resized = functional.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True).clamp(0.0, 1.0)
        # SAM's mean and deviation on 0 to 255 are ImageNet's on 0 to 1.
        return functional.pad((resized - self.mean) / self.std, (0, self.side - size[1], 0, self.side - size[0]))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d y x"]:
        """The map of the whole image and nothing else."""
        squares = self.prepare(image)
        if isinstance(self.network, Sam2VisionModel):
            seen = self.network(squares).fpn_hidden_states[-1]
        else:
            seen = self._last_block(squares)
        return self._used(seen, *image.shape[-2:])

    def _last_block(self, squares: Tensor) -> Tensor:
        found: list[Tensor] = []
        # NOTE: hidden_states of the output may end with the neck's 256 channels, depending on the version: a hook sees the block itself.
        last = cast(Any, self.network).layers[-1]
        hook = last.register_forward_hook(lambda _, __, output: found.append(output[0] if isinstance(output, tuple) else output))
        try:
            self.network(squares)
        finally:
            hook.remove()
        return found[0].permute(0, 3, 1, 2)

    def _inside(self, height: int, width: int) -> tuple[int, int]:
        """Size of a picture whose longer side fills the square, as the processor rounds it."""
        scale = self.side / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    def _used(self, squares: Tensor, height: int, width: int) -> Tensor:
        """The part of a padded map that the picture covers, to a fraction of a cell."""
        if self.fit == "stretch":
            return squares
        shares = [inner / self.side for inner in self._inside(height, width)]
        rows, columns = (max(1, math.ceil(share * cells)) for share, cells in zip(shares, squares.shape[-2:], strict=True))
        y, x = (share * (2 * torch.arange(n, device=squares.device) + 1) / n - 1 for share, n in zip(shares, (rows, columns), strict=True))
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).to(squares.dtype)
        return functional.grid_sample(squares, grid.expand(len(squares), -1, -1, -1), padding_mode="border", align_corners=False)


class TransformerEncoder(nn.Module):
    """A plain DINOv2-style transformer; pictures keep their aspect, to half a patch."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, *, width: int, side: int, patch: int) -> None:
        super().__init__()
        self.network = network
        self.width = width
        self.side = side
        self.patch = patch
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d y x"]:
        """The map of patch tokens."""
        scale = self.side / max(image.shape[-2:]) / self.patch
        rows, columns = (max(1, round(side * scale)) for side in image.shape[-2:])
        size = (rows * self.patch, columns * self.patch)
        resized = functional.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True).clamp(0.0, 1.0)
        tokens = cast(Any, self.network)((resized - self.mean) / self.std).last_hidden_state[:, 1:]
        return tokens.transpose(1, 2).unflatten(2, (rows, columns))


SemanticEncoder = SamEncoder | TransformerEncoder
"""Both have `width`, the channels of their map."""


def load_semantic(source: str, *, fit: Fit = "stretch") -> SemanticEncoder:
    """The encoder of the checkpoint `source`, a hub id or a folder, in evaluation mode.

    Raises UserError for another kind of model, for SAM in its authors' own layout, for weights that are missing or of another shape,
    for pickles, and for a hub that cannot be reached.
    """
    _refuse_original_files(source)
    config = cast(Any, from_hub(source, lambda local: AutoConfig.from_pretrained(source, local_files_only=local)))
    if config.model_type not in CLASSES:
        raise UserError(
            source, f"is a {config.model_type}, not a segmentation encoder leadline knows", f"give one of: {', '.join(CLASSES)}"
        )
    if config.model_type == "dinov2":
        network = _load(source, "dinov2")
        return TransformerEncoder(network, width=config.hidden_size, side=config.image_size, patch=config.patch_size).eval()
    network = _load(source, config.model_type).vision_encoder
    vision = config.vision_config
    if config.model_type == "sam2":
        side = vision.backbone_config.image_size[0]
        return SamEncoder(network, width=vision.fpn_hidden_size, side=side, patch=16, fit=fit).eval()
    return SamEncoder(network, width=vision.hidden_size, side=vision.image_size, patch=vision.patch_size, fit=fit).eval()


def _load(source: str, model_type: str) -> Any:
    options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
    with no_progress_bar():
        network, report = from_hub(source, lambda local: CLASSES[model_type].from_pretrained(source, local_files_only=local, **options))
    if any(str(name).startswith(ORIGINAL_PREFIX) for name in report["unexpected_keys"]):
        raise _original(source)
    seen = "" if model_type == "dinov2" else "vision_encoder."
    missing = sorted(name for name in report["missing_keys"] if name.startswith(seen) and not any(part in name for part in NOT_STORED))
    reshaped = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if missing or reshaped:
        what = "its weights lack" if missing else "its weights have another shape for"
        raise UserError(source, f"{what} {', '.join((missing or reshaped)[:3])}", "give weights that belong to its config.json")
    return network


def _refuse_original_files(source: str) -> None:
    """Raise UserError for a file, or for a folder of files without config.json, that SAM's authors laid out."""
    path = Path(source)
    if path.is_file():
        raise _original(source)
    if path.is_dir() and not (path / "config.json").exists():
        files = [file for file in path.iterdir() if file.suffix in (".pth", ".safetensors")]
        if any(file.name.startswith("sam") or _has_original_names(file) for file in files):
            raise _original(source)


def _has_original_names(file: Path) -> bool:
    if file.suffix != ".safetensors":
        return False
    try:
        with safe_open(file, framework="pt") as weights:
            return any(name.startswith(ORIGINAL_PREFIX) for name in weights.keys())
    except (OSError, SafetensorError):
        return False


def _original(source: str) -> UserError:
    return UserError(source, "is SAM in the layout of its authors' own code, which is not read", IN_OUR_FORMAT)
