"""Core ML packages: converted where coremltools is installed, and never run, which only Apple's machines can."""

from pathlib import Path
from typing import Any

from torch.export import ExportedProgram

from leadline.io.exported import KEY, Exported
from leadline.types import UserError

NOT_CHECKED = "Core ML runs on Apple's machines only: the package was converted, and its answers were not compared with the model's"


def write_coreml(program: ExportedProgram, about: Exported, path: Path) -> None:
    """Write `program` as the package `path`. Raises UserError for a program that coremltools cannot convert."""
    if about.dynamic or about.preprocess == "inside":
        raise UserError("--format coreml", "takes pictures of one size, prepared outside", "leave --dynamic and --preprocess out")
    import coremltools  # pyright: ignore[reportMissingImports]

    toolkit: Any = coremltools
    precision = toolkit.precision.FLOAT16 if about.precision == "fp16" else toolkit.precision.FLOAT32
    try:
        package = toolkit.convert(program.run_decompositions({}), convert_to="mlprogram", compute_precision=precision)
    except Exception as error:  # it raises what the operator at fault makes it raise
        raise UserError(about.model, f"cannot be converted by coremltools ({error})", "use --format onnx") from error
    package.user_defined_metadata[KEY] = about.as_json()
    package.save(str(path))
