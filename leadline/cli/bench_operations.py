"""How much a network computes: multiplications with addition in convolutions and matrix products, and numbers that it has learnt.

Files are counted by OpenVINO, which reads ONNX too; what runs in torch, by torch.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from leadline.runtime.session import Session


@dataclass(frozen=True)
class Counted:
    """None where it cannot be counted."""

    operations: float | None = None
    parameters: int | None = None


def operations_of(path: Path, session: Session, inputs: Mapping[str, np.ndarray], run: Callable[[], object]) -> Counted:
    """Of an exported file, for these inputs."""
    if session.runtime == "torch":
        return Counted(torch_operations(run))
    try:
        import openvino
    except ImportError:
        return Counted()
    model: Any = openvino.Core().read_model(str(path))
    # By place, not by name: those of files that leadline has not made are others, and their layout may be, too.
    images = dict(zip(model.inputs, inputs.values(), strict=True))
    model.reshape({port: _sides(port, array) for port, array in images.items()})
    operations = model.get_ops()
    return Counted(float(sum(map(_operations, operations))), sum(map(_parameters, operations)))


def torch_operations(run: Callable[[], object]) -> float | None:
    """Of whatever `run` does in torch; None where it is not torch that computes."""
    if "torch" not in sys.modules:
        return None
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 2 or None


def _sides(port: Any, array: np.ndarray) -> list[int]:
    """The shape of `array`, its colours last where the graph has them there."""
    shape = port.get_partial_shape()
    last = len(shape) == 4 and array.ndim == 4 and array.shape[1] == 3 and shape[3].is_static and shape[3].get_length() == 3
    return [array.shape[0], *array.shape[2:], 3] if last else list(array.shape)


def _operations(node: Any) -> int:
    match node.get_type_name():
        case "Convolution":
            return prod(node.get_output_shape(0)) * prod(node.input_value(1).get_shape()[1:])
        case "GroupConvolution":
            return prod(node.get_output_shape(0)) * prod(node.input_value(1).get_shape()[2:])
        case "ConvolutionBackpropData":
            return prod(node.input_value(0).get_shape()) * prod(node.input_value(1).get_shape()[1:])
        case "GroupConvolutionBackpropData":
            return prod(node.input_value(0).get_shape()) * prod(node.input_value(1).get_shape()[2:])
        case "MatMul":
            first = node.input_value(0).get_shape()
            inner = first[-2] if node.get_attributes().get("transpose_a") and len(first) > 1 else first[-1]
            return prod(node.get_output_shape(0)) * inner
        case _:
            return 0


def _parameters(node: Any) -> int:
    """Numbers of a constant that can be learnt: not indices, axes or shapes."""
    if node.get_type_name() != "Constant" or node.get_element_type().get_type_name() in ("i64", "i32", "boolean"):
        return 0
    shape = node.get_output_shape(0)
    return prod(shape) if shape else 0
