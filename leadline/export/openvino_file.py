"""OpenVINO files: an .xml with the graph and its description, and a .bin of the same name with the weights."""

from pathlib import Path
from typing import Any

from leadline.export.quiet import quiet
from leadline.io.exported import KEY, Exported
from leadline.runtime.session import brief
from leadline.types import UserError


def openvino_model(onnx: bytes, *, subject: str) -> Any:
    """The `openvino.Model` of an ONNX file in memory. Raises UserError about `subject` for operators that OpenVINO does not have."""
    with quiet():
        import openvino

    try:
        return openvino.Core().read_model(onnx)
    except RuntimeError as error:
        raise UserError(subject, f"cannot be read by OpenVINO ({brief(error)})", "use --format onnx, or report it") from error


def write_openvino(model: Any, about: Exported, path: Path, *, subject: Path) -> None:
    """Write `model` to `path`, and its weights beside it.

    Raises UserError about `subject` where the files cannot be written: the library itself is silent about a disk that is full.
    """
    import openvino

    model.set_rt_info(about.as_json(), KEY)
    for older in (path, path.with_suffix(".bin")):
        older.unlink(missing_ok=True)  # somebody may still be reading it, and would read what is written into it
    try:
        openvino.save_model(model, str(path), compress_to_fp16=about.precision == "fp16")
        openvino.Core().read_model(str(path))
    except RuntimeError as error:
        raise UserError(subject, f"cannot be written ({brief(error)})", "check the folder and the space on the disk") from error
    if not path.with_suffix(".bin").is_file():
        raise UserError(subject, "was written without its weights", "check the folder and the space on the disk")
