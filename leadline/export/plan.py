"""What is asked of an export, and what the model says about its pictures: settled here before anything is traced.

| format | file | precisions |
|---|---|---|
| onnx | .onnx | fp32; fp16: weights stored as such; int8 |
| openvino | .xml and .bin | fp32; fp16: weights stored as such; bf16: a wish that the runtime grants; int8 |
| torch | .pt2 | fp32 |
| tensorrt | .onnx for `trtexec`, which nobody here could run | fp32; fp16 and bf16: options of `trtexec`; int8 |
| coreml | .mlpackage | fp32, fp16 |
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from leadline import __version__
from leadline.io.exported import Axis, Exported, Precision
from leadline.methods.base import Method
from leadline.methods.predictor import DepthModel, MethodReader
from leadline.models.features import FusedFeatures
from leadline.models.pretrained import DepthProReader
from leadline.types import DepthKind, UserError

Format = Literal["onnx", "openvino", "torch", "tensorrt", "coreml"]

ENDINGS: Mapping[Format, str] = MappingProxyType(
    {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2", "tensorrt": ".onnx", "coreml": ".mlpackage"}
)
PRECISIONS: Mapping[Format, tuple[Precision, ...]] = MappingProxyType(
    {
        "onnx": ("fp32", "fp16", "int8"),
        "openvino": ("fp32", "fp16", "bf16", "int8"),
        "torch": ("fp32",),
        "tensorrt": ("fp32", "fp16", "bf16", "int8"),
        "coreml": ("fp32", "fp16"),
    }
)
NO_SIZE = (480, 640)
"""Network input (height, width) [px] of a published checkpoint whose processor resizes nothing, rounded to its multiple."""
_BICUBIC = 3
"""Pillow's number for it, as image processors store it."""


@dataclass(frozen=True)
class Plan:
    """What the user asks for. `settle` makes a description of the file of it."""

    format: Format = "onnx"
    precision: Precision = "fp32"
    dynamic: tuple[Axis, ...] = ()
    preprocess: Literal["inside", "outside"] = "outside"
    fit: Literal["stretch", "letterbox"] = "stretch"
    height: int | None = None
    width: int | None = None
    """Network input [px]; None for that of training."""
    views: int = 6
    """Cameras of the rig, for a network that looks at all of them together; 1 for others."""
    calibration: Path | None = None
    """Folder of pictures that int8 is calibrated on."""
    valid: bool = False
    """Whether the graph also says which values are depth."""
    data: str | None = None
    """DATASET:ROOT that the cost in metrics is measured on; None for rendered rooms."""
    protocol: str | None = None
    """Under which; None for the usual one of the kind."""


@dataclass(frozen=True)
class Look:
    """How a model wants its pictures: `Exported` says what the words mean."""

    height: int
    width: int
    size_multiple: int
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resample: Literal["bilinear", "bicubic"] = "bilinear"
    sizing: Literal["width", "nearest"] = "width"
    rounds: bool = False
    """Whether resized pictures are rounded to whole numbers, as those who resize files of 8 bits do."""
    resizable: bool = True
    max_pixels: int | None = None


def look_of(model: DepthModel) -> Look:
    """How `model` wants its pictures."""
    reader: Any = model.reader
    if isinstance(reader, MethodReader):
        method = reader.method
        return Look(reader.height, reader.width, method.size_multiple, max_pixels=method.max_pixels)
    if isinstance(reader, DepthProReader):
        mean, std = (tuple(float(v) for v in values.flatten()) for values in (reader.mean, reader.std))
        return Look(*reader.size, 1, mean, std, resizable=False)
    return _checkpoint_look(model, reader.processor)


def _checkpoint_look(model: DepthModel, processor: Any) -> Look:
    multiple = _multiple(model, processor)
    size = getattr(processor, "size", None) if processor.do_resize else None
    height, width = NO_SIZE if not size or not size.get("height") else (size["height"], size["width"])
    # x = (rgb * factor - mean) / std, said of rgb / 255
    largest = 255 * processor.rescale_factor if processor.do_rescale else 255.0
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ((0.0,) * 3, (1.0,) * 3)
    return Look(
        height=_rounded(height, multiple),
        width=_rounded(width, multiple),
        size_multiple=multiple,
        mean=tuple(float(value) / largest for value in mean),
        std=tuple(float(value) / largest for value in std),
        resample="bicubic" if int(processor.resample or 2) == _BICUBIC else "bilinear",
        sizing="nearest",
        rounds=True,
        # A checkpoint that stretches every picture to one size has a network for that size (MiDaS).
        resizable=not processor.do_resize or getattr(processor, "keep_aspect_ratio", True),
    )


def _multiple(model: DepthModel, processor: Any) -> int:
    """What the processor rounds sides to, or the patches of the network."""
    stated = getattr(processor, "ensure_multiple_of", None) or getattr(processor, "size_divisor", None)
    config = cast(Any, model.network).config
    backbone = getattr(config, "backbone_config", None) or config
    patch = getattr(backbone, "patch_size", 1) or 1
    return max(int(stated or 1), int(patch) if isinstance(patch, int) else 1)


def settle(model: DepthModel, plan: Plan, *, subject: str | Path) -> Exported:
    """What the file will say about itself. Raises UserError about `subject`, or the option, for what cannot be had."""
    look = look_of(model)
    if "size" in plan.dynamic and plan.preprocess == "outside":
        look = replace(look, size_multiple=_open_multiple(model, look))
    joint = model.rig
    _check(model, plan, look, subject=subject)
    return Exported(
        model=model.name,
        kind=model.kind,
        licence=model.licence,
        fingerprint=model.fingerprint,
        leadline_version=__version__,
        height=plan.height or look.height,
        width=plan.width or look.width,
        size_multiple=look.size_multiple,
        dynamic=tuple(sorted(plan.dynamic)),
        views=plan.views if joint else 1,
        needs_camera=model.reader.needs_camera,
        preprocess=plan.preprocess,
        fit=plan.fit,
        sizing=look.sizing,
        mean=look.mean,
        std=look.std,
        resample=look.resample,
        # The file for trtexec is in full precision; what is asked of trtexec is in its command.
        precision="fp32" if plan.format == "tensorrt" and plan.precision in ("fp16", "bf16") else plan.precision,
        max_pixels=look.max_pixels if "size" in plan.dynamic else None,
        max_depth_m=_farthest(model),
        outputs=("values", "valid") if plan.valid else ("values",),
    )


def _farthest(model: DepthModel) -> float | None:
    """Depth [m] that the network cannot exceed, where it has such a limit."""
    config = model.network.config if isinstance(model.network, Method) else None
    return getattr(config, "max_depth_m", None) if model.kind is DepthKind.METRIC else None


def _check(model: DepthModel, plan: Plan, look: Look, *, subject: str | Path) -> None:
    if plan.precision not in PRECISIONS[plan.format]:
        remedy = f"choose {', '.join(PRECISIONS[plan.format])}, or another --format"
        raise UserError("--precision", f"{plan.format} files are not written in {plan.precision}", remedy)
    ending = ENDINGS[plan.format]
    if Path(subject).suffix != ending:
        raise UserError(subject, f"is no name of a file of format {plan.format}", f"let it end in {ending}")
    if plan.format == "coreml" and (plan.dynamic or plan.preprocess == "inside" or plan.valid):
        wrong = "takes pictures of one size, prepared outside, and answers with numbers"
        raise UserError("--format coreml", wrong, "leave --dynamic, --preprocess and --valid out")
    height, width = plan.height or look.height, plan.width or look.width
    if height < 1 or width < 1:
        raise UserError(model.name, "does not say the size of its input", "give --height and --width")
    if height % look.size_multiple or width % look.size_multiple:
        remedy = f"give multiples of {look.size_multiple} as --height and --width"
        raise UserError("--height --width", f"{model.name} cannot take {width}x{height} px", remedy)
    if not look.resizable and ((height, width) != (look.height, look.width) or ("size" in plan.dynamic and plan.preprocess == "outside")):
        remedy = "leave --height, --width and --dynamic size out"
        raise UserError(model.name, f"takes {look.width}x{look.height} px and nothing else", remedy)
    if "views" in plan.dynamic and not model.rig:
        raise UserError("--dynamic views", f"{model.name} looks at every camera for itself", "use --dynamic batch")
    if model.rig and plan.views < 2:
        raise UserError("--views", f"{model.name} looks at several cameras together", "give at least 2")
    if len(getattr(getattr(model.network, "config", None), "bin_configurations", ())) > 1:
        wrong = "chooses one of several heads after a look at the picture, which no graph does"
        raise UserError(model.name, wrong, "give a ZoeDepth of one head, such as zoedepth-nyu or zoedepth-kitti")
    if "batch" in plan.dynamic and not isinstance(model.network, Method) and model.reader.max_together == 1:
        raise UserError("--dynamic batch", f"pictures of one batch change each other in {model.name}", "leave batch out")
    if plan.precision == "int8" and plan.calibration is None:
        raise UserError("--precision int8", "needs pictures to calibrate on", "give a folder of them as --calibration")


def _open_multiple(model: DepthModel, look: Look) -> int:
    """What open sides must be multiples of: patches of a frozen trunk too, which resizes other pictures by rules that no graph has."""
    parts = model.network.frozen_parts if isinstance(model.network, Method) else ()
    return math.lcm(look.size_multiple, *(part.patch_size for part in parts if isinstance(part, FusedFeatures)))


def _rounded(side: int, multiple: int) -> int:
    return max(round(side / multiple), 1) * multiple
