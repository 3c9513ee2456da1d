"""OpenVINO files: an .xml with the graph and its description, and a .bin of the same name with the weights."""

from pathlib import Path
from typing import Any

from leadline.io.exported import KEY, Exported
from leadline.types import UserError


def openvino_model(onnx: bytes) -> Any:
    """The `openvino.Model` of an ONNX file in memory."""
    import openvino

    return openvino.Core().read_model(onnx)


def write_openvino(model: Any, about: Exported, path: Path, *, subject: Path) -> None:
    """Write `model` to `path`, and its weights beside it.

    Raises UserError about `subject` where the files cannot be written: the library itself is silent about a disk that is full.
    """
    import openvino

    model.set_rt_info(about.as_json(), KEY)
    try:
        openvino.save_model(model, str(path), compress_to_fp16=about.precision == "fp16")
        openvino.Core().read_model(str(path))
    except RuntimeError as error:
        raise UserError(subject, f"cannot be written ({_first_line(error)})", "check the folder and the space on the disk") from error
    if not path.with_suffix(".bin").is_file():
        raise UserError(subject, "was written without its weights", "check the folder and the space on the disk")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
