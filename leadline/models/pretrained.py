"""Depth checkpoints in `transformers` format as Readers: what their output means, and their own preparation and resizing.

| model_type | head | output of the network | kind |
|---|---|---|---|
| depth_anything | relative | inverse depth, unknown scale and shift | affine_invariant_inverse |
| depth_anything | metric | metres | metric |
| dpt | MiDaS (Intel), known by hub id | inverse depth, unknown scale and shift | affine_invariant_inverse |
| dpt | on DINOv2 (Oquab et al., arXiv 2304.07193), known by hub id | metres | metric |
| dpt | any other: the same head learns both | `depth_estimation_type` in its config.json says, or the user | |
| zoedepth | one or two sets of bins | metres | metric |
| depth_pro | canonical inverse depth and field of view | 1 / (metres x focal length in widths) | metric |
| glpn | sigmoid x max_depth | metres | metric |

No torchvision: the PIL image processors of `transformers` are used, and where there is none its rules are followed here.
"""

import math
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForDepthEstimation, PreTrainedConfig
from transformers.image_processing_base import ImageProcessingMixin
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.glpn.image_processing_pil_glpn import GLPNImageProcessorPil
from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

from leadline.models.hub import from_hub, no_progress_bar
from leadline.models.known import known_kind
from leadline.models.reader import Answer, Reader
from leadline.types import DepthKind, UserError

SUPPORTED = ("depth_anything", "dpt", "zoedepth", "depth_pro", "glpn")

SAID: dict[str | None, DepthKind] = {"metric": DepthKind.METRIC, "relative": DepthKind.AFFINE_INVARIANT_INVERSE}
"""Values of `depth_estimation_type`; the head of Depth Anything has no others."""

NEVER_STORED = ("fusion_stage.layers.0.residual_layer1.", ".mask_token", ".pooler.")
"""Parts of names of weights that published checkpoints lack and no prediction uses."""


def load_pretrained(source: str, stated: DepthKind | None = None) -> tuple[Reader, nn.Module]:
    """The reader and the network of the `transformers` checkpoint `source`, a hub id or a folder.

    `stated` is what the user says it returns, for checkpoints that do not tell. Raises UserError for other kinds of model,
    incomplete weights, pickles, a hub that cannot be reached, and as `checkpoint_kind` does.
    """
    config = from_hub(source, lambda local_only: AutoConfig.from_pretrained(source, local_files_only=local_only))
    kind = checkpoint_kind(config, source=source, stated=stated)
    network = _load_network(source)
    match config.model_type:
        case "depth_anything" | "dpt":
            return PlainReader(network, kind, _processor(DPTImageProcessorPil, source)), network
        case "glpn":
            return PlainReader(network, kind, _processor(GLPNImageProcessorPil, source)), network
        case "zoedepth":
            return ZoeDepthReader(network, config, _processor(ZoeDepthImageProcessorPil, source)), network
        case _:
            rules, _ = from_hub(source, lambda local: ImageProcessingMixin.get_image_processor_dict(source, local_files_only=local))
            return DepthProReader(network, config, rules), network


def checkpoint_kind(config: PreTrainedConfig, *, source: str, stated: DepthKind | None = None) -> DepthKind:
    """What the checkpoint with this configuration returns; `stated` is what the user says.

    Raises UserError for models that are not known to give depth, for a DPT that nothing says it of, and when the
    user and the checkpoint say different things.
    """
    certain = _certain_kind(config, source=source)
    if certain is None and stated is None:
        raise UserError(
            source,
            "is a DPT, and neither its name nor its config.json says whether it gives metres",
            "say --kind metric, or --kind affine_invariant_inverse as for MiDaS (in Python load(..., kind=...))",
        )
    if certain is not None and stated not in (None, certain):
        raise UserError(source, f"gives {certain.value} values, not {stated.value}", "leave the kind out")
    return certain or cast(DepthKind, stated)


def _certain_kind(config: PreTrainedConfig, *, source: str) -> DepthKind | None:
    """From the architecture where it decides, from the configuration or the published name where it does not."""
    match config.model_type:
        case "depth_anything":
            return SAID[cast(Any, config).depth_estimation_type]
        case "dpt":
            return SAID.get(getattr(config, "depth_estimation_type", None)) or known_kind(source)
        case "zoedepth" | "depth_pro" | "glpn":
            return DepthKind.METRIC
        case other:
            raise UserError(source, f"is a {other}, not a depth model leadline knows", f"give one of: {', '.join(SUPPORTED)}")


class PlainReader:
    """Depth Anything, DPT, GLPN: their image processor, one map, bicubic resizing back."""

    needs_camera = False
    max_together = 4

    def __init__(self, network: nn.Module, kind: DepthKind, processor: Any) -> None:
        self.kind = kind
        self.network = network
        self.processor = processor

    def prepare(self, image: np.ndarray) -> Float[Tensor, "3 h w"]:
        """By the rules of the checkpoint's image processor."""
        return _processed(self.processor, image)

    def run(self, inputs: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"] | None) -> Answer:
        """The network's map; the camera is not used."""
        values = self.network(pixel_values=inputs.flatten(0, 1)).predicted_depth
        return Answer(values.unflatten(0, inputs.shape[:2]))

    def restore(self, values: Float[Tensor, "h w"], *, height: int, width: int) -> Float[Tensor, "y x"]:
        """Bicubic, as the image processor does; padding that it added is cut off, which it does not do."""
        divisor = getattr(self.processor, "size_divisor", None)
        if not getattr(self.processor, "do_pad", False) or not divisor or self.processor.do_resize:
            return _bicubic(values, height, width)
        rows, columns = math.ceil(height / divisor) * divisor, math.ceil(width / divisor) * divisor
        top, left = (rows - height) // 2, (columns - width) // 2
        return _bicubic(values, rows, columns)[top : top + height, left : left + width]


class ZoeDepthReader:
    """ZoeDepth pads the image by reflection against border artefacts; the padding is removed from its answer.

    A checkpoint with two sets of bins lets the *batch* vote for indoor or road, so it sees one image at a time.
    """

    kind = DepthKind.METRIC
    needs_camera = False

    def __init__(self, network: nn.Module, config: PreTrainedConfig, processor: Any) -> None:
        self.network = network
        self.processor = processor
        self.max_together = 1 if len(cast(Any, config).bin_configurations) > 1 else 4

    def prepare(self, image: np.ndarray) -> Float[Tensor, "3 h w"]:
        """By the rules of the checkpoint's image processor."""
        return _processed(self.processor, image)

    def run(self, inputs: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"] | None) -> Answer:
        """Metres; the camera is not used."""
        return Answer(self.network(pixel_values=inputs.flatten(0, 1)).predicted_depth.unflatten(0, inputs.shape[:2]))

    def restore(self, values: Float[Tensor, "h w"], *, height: int, width: int) -> Float[Tensor, "y x"]:
        """Bicubic to the padded size, then the image's own part."""
        if not self.processor.do_pad:
            return _bicubic(values, height, width)
        # 3 sqrt(side / 2) pixels on each side: the rule of ZoeDepth's own inference and of its image processor
        top, left = int(math.sqrt(height / 2) * 3), int(math.sqrt(width / 2) * 3)
        return _bicubic(values, height + 2 * top, width + 2 * left)[top : top + height, left : left + width]


class DepthProReader:
    """Depth Pro gives canonical inverse depth and a field of view; a known camera takes the place of the estimated one.

    Bochkovskii et al., "Depth Pro", arXiv 2410.02073, section 3: metric depth = focal length in widths / canonical inverse depth.
    """

    kind = DepthKind.METRIC
    max_together = 1

    def __init__(self, network: nn.Module, config: PreTrainedConfig, rules: dict[str, Any]) -> None:
        self.network = network
        self.needs_camera = not cast(Any, config).use_fov_model
        self.size = (rules["size"]["height"], rules["size"]["width"])
        self.mean = torch.tensor(rules["image_mean"]).view(3, 1, 1)
        self.std = torch.tensor(rules["image_std"]).view(3, 1, 1)

    def prepare(self, image: np.ndarray) -> Float[Tensor, "3 h w"]:
        """Normalised, then bilinear to a square without antialiasing: the rules of its image processor, which needs torchvision."""
        tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float().div(255.0)
        normalized = (tensor - self.mean) / self.std
        return functional.interpolate(normalized[None], size=self.size, mode="bilinear", align_corners=False)[0]

    def run(self, inputs: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"] | None) -> Answer:
        """Metric *inverse* depth, which `restore` resizes before it inverts, as the original does."""
        output = self.network(pixel_values=inputs.flatten(0, 1))
        canonical = output.predicted_depth.unflatten(0, inputs.shape[:2])
        fov_x_deg = None if output.field_of_view is None else output.field_of_view.view(inputs.shape[:2])
        if K is not None:
            focal_widths = K[..., 0, 0] / inputs.shape[-1]
        else:
            assert fov_x_deg is not None, "without a field of view the reader needs a camera"
            focal_widths = 0.5 / torch.tan(0.5 * torch.deg2rad(fov_x_deg))
        return Answer(canonical / focal_widths[..., None, None], fov_x_deg)

    def restore(self, values: Float[Tensor, "h w"], *, height: int, width: int) -> Float[Tensor, "y x"]:
        """Metres: bilinear in inverse depth, then inverted; the network's range ends at 10 km."""
        inverse = functional.interpolate(values[None, None], size=(height, width), mode="bilinear", align_corners=False)[0, 0]
        return 1.0 / inverse.clamp(min=1e-4, max=1e4)


def _load_network(source: str) -> nn.Module:
    def read(local_only: bool) -> tuple[nn.Module, dict[str, Any]]:
        # Published weights may be half precision, which the CPU is slow at: always float32 here.
        options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
        return AutoModelForDepthEstimation.from_pretrained(source, local_files_only=local_only, **options)

    with no_progress_bar():
        network, report = from_hub(source, read)
    missing = sorted(name for name in report["missing_keys"] if not any(part in name for part in NEVER_STORED))
    reshaped = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if missing or reshaped:
        first = (missing or reshaped)[:3]
        what = "its weights lack" if missing else "its weights have another shape for"
        raise UserError(source, f"{what} {', '.join(first)}", "give weights that belong to its config.json")
    return network.eval()


def _processor(kind: type[Any], source: str) -> Any:
    return from_hub(source, lambda local_only: kind.from_pretrained(source, local_files_only=local_only))


def _processed(processor: Any, image: np.ndarray) -> Tensor:
    return processor(images=image, input_data_format="channels_last", return_tensors="pt")["pixel_values"][0].float()


def _bicubic(values: Tensor, height: int, width: int) -> Tensor:
    return functional.interpolate(values[None, None], size=(height, width), mode="bicubic", align_corners=False)[0, 0]
