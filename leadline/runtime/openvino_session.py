"""OpenVINO models (.xml with .bin), and ONNX files where OpenVINO is asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.exported import KEY, Exported, Precision
from leadline.runtime.session import Engine, Port, Session, brief, failed, not_a_model, not_installed
from leadline.types import UserError

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}


def open_openvino(path: Path, engine: Engine) -> Session:
    """The session of an .xml or .onnx file. Raises UserError like `open_session`."""
    try:
        import openvino
    except ImportError as error:
        raise not_installed(path, "openvino", error) from error
    core: Any = openvino.Core()
    try:
        model = core.read_model(str(path))
    except Exception as error:  # one class for whatever went wrong
        raise not_a_model(path, "an OpenVINO model" if path.suffix == ".xml" else "an ONNX model", error) from error
    text = _said(model)
    about = None if text is None else Exported.from_json(text, subject=path)
    precision = _precision(path, about, engine)
    try:
        compiled = core.compile_model(model, engine.device.upper(), settings(core, precision, engine))
    except Exception as error:
        devices = ", ".join(core.available_devices).lower()
        wrong = f"cannot be compiled for {engine.device} in {precision} ({brief(error)})"
        raise UserError(path, wrong, f"OpenVINO finds these devices: {devices}") from error
    request = compiled.create_infer_request()
    # Of the model as it was read: compiling gives a tensor the names of those that it is folded into, and they come first as often as not.
    inputs = tuple(_port(port, f"input{i}") for i, port in enumerate(model.inputs))
    outputs = tuple(_port(port, f"output{i}") for i, port in enumerate(model.outputs))

    def compute(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            answers = request.infer([np.ascontiguousarray(given[port.name]) for port in inputs], share_inputs=True)
        except Exception as error:
            raise failed(path, given, error) from error
        return {port.name: answers[i] for i, port in enumerate(outputs)}

    return Session(path, "openvino", precision, about, inputs, outputs, compute)


def settings(core: Any, precision: Precision, engine: Engine) -> dict[str, Any]:
    """What OpenVINO is told. Layers of an int8 file that are not quantised compute in bf16 where the processor can: its own way."""
    hint = _HINTS[precision]
    if precision == "int8" and engine.device == "cpu" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        hint = "bf16"
    told: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    return told if engine.threads is None else told | {"INFERENCE_NUM_THREADS": engine.threads}


def _precision(path: Path, about: Exported | None, engine: Engine) -> Precision:
    exported: Precision = "fp32" if about is None else about.precision
    asked = engine.precision or exported
    if asked != exported and "int8" in (asked, exported):
        raise UserError(path, f"is {exported}, which cannot be run in {asked}", f"export it with --precision {asked}")
    return asked


def _said(model: Any) -> str | None:
    """What leadline wrote into the model: at its own key, or, as the reader of ONNX files has it, below `framework`."""
    for key in (KEY, ["framework", KEY]):
        if model.has_rt_info(key):
            said = model.get_rt_info(key)
            return str(getattr(said, "value", said))
    return None


def _port(port: Any, otherwise: str) -> Port:
    names = sorted(port.get_names())
    shape = port.get_partial_shape()
    sides = None if shape.rank.is_dynamic else tuple(side.get_length() if side.is_static else None for side in shape)
    return Port(names[0] if names else otherwise, sides, np.dtype(port.get_element_type().to_dtype()))
