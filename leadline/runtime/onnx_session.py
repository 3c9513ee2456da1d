"""ONNX files through ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.exported import KEY, Exported
from leadline.runtime.session import Engine, Port, Session, failed, not_a_model, not_installed
from leadline.types import UserError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
_DTYPES = {
    "float": "float32",
    "float16": "float16",
    "double": "float64",
    "uint8": "uint8",
    "int8": "int8",
    "int32": "int32",
    "int64": "int64",
    "bool": "bool",
}
"""Element types by their names in `tensor(...)`."""
_ERRORS_ONLY = 3


def open_onnx(path: Path, engine: Engine) -> Session:
    """The session of an .onnx file. Raises UserError like `open_session`."""
    try:
        import onnxruntime
    except ImportError as error:
        raise not_installed(path, "onnxruntime", error) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    if engine.threads is not None:
        options.intra_op_num_threads = engine.threads
    # Threads that wait by spinning take the cores from those that decode and write meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider = _provider(path, engine.device, onnxruntime.get_available_providers())
    try:
        session: Any = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # its exceptions have no common base but this
        raise not_a_model(path, "an ONNX model", error) from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    about = None if text is None else Exported.from_json(text, subject=path)
    precision = "fp32" if about is None else about.precision
    if engine.precision not in (None, precision):
        wrong = f"is {precision}, and ONNX Runtime runs a file in the precision that it was exported in"
        raise UserError(path, wrong, f"export it with --precision {engine.precision}, or run it by OpenVINO")
    names = [output.name for output in session.get_outputs()]

    def compute(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as error:
            raise failed(path, inputs, error) from error

    inputs = tuple(_port(path, one) for one in session.get_inputs())
    outputs = tuple(_port(path, one) for one in session.get_outputs())
    return Session(path, "onnx", precision, about, inputs, outputs, compute)


def _provider(path: Path, device: str, available: list[str]) -> str:
    provider = PROVIDERS.get(device)
    if provider not in available:
        can = [name for name, one in PROVIDERS.items() if one in available]
        raise UserError(path, f"ONNX Runtime as it is installed here has no device '{device}'", f"give one of {', '.join(can)}")
    return provider


def _port(path: Path, said: Any) -> Port:
    dtype = _DTYPES.get(str(said.type).removeprefix("tensor(").removesuffix(")"))
    if dtype is None:
        raise UserError(path, f"has {said.name} of type {said.type}", "export it with inputs and outputs of float32, float16 or uint8")
    shape = None if said.shape is None else tuple(side if isinstance(side, int) else None for side in said.shape)
    return Port(said.name, shape, np.dtype(dtype))
