"""Core ML packages: converted where coremltools is installed, and never run, which only Apple's machines can."""

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.export import ExportedProgram

from leadline.export.quiet import quiet
from leadline.io.exported import KEY, Exported
from leadline.runtime.session import brief
from leadline.types import UserError

NOT_CHECKED = "Core ML runs on Apple's machines only: the package was converted, and its answers were not compared with the model's"
UNKNOWN = (torch.ops.aten.addcmul.default, torch.ops.aten.ones.default)
"""Operators that coremltools 9 does not convert, or not without axes, and that torch makes of others."""


def write_coreml(program: ExportedProgram, about: Exported, path: Path) -> None:
    """Write `program` as the package `path`. Raises UserError for a program that coremltools cannot convert."""
    try:
        with quiet(), redirect_stderr(io.StringIO()):  # where it draws its bars
            package = _converted(program, about)
    except Exception as error:  # it raises what the operator at fault makes it raise
        raise UserError(about.model, f"cannot be converted by coremltools ({brief(error)})", "use --format onnx") from error
    package.user_defined_metadata[KEY] = about.as_json()
    package.save(str(path))


def _converted(program: ExportedProgram, about: Exported) -> Any:
    """The package, whose inputs and outputs have our names: coremltools writes those of inputs in lower case."""
    import coremltools  # pyright: ignore[reportMissingImports]

    toolkit: Any = coremltools
    package = toolkit.convert(
        program.run_decompositions(get_decompositions(UNKNOWN)),
        convert_to="mlprogram",
        compute_precision=toolkit.precision.FLOAT16 if about.precision == "fp16" else toolkit.precision.FLOAT32,
        outputs=[toolkit.TensorType(name=name) for name in about.outputs],
        skip_model_load=True,
    )
    if not about.needs_camera:
        return package
    said = package.get_spec()
    toolkit.utils.rename_feature(said, "k", "K")
    return toolkit.models.MLModel(said, weights_dir=package.weights_dir, skip_model_load=True)
