"""ONNX files: one file with its weights inside, that says in its metadata what it is."""

from typing import Any, cast

import numpy as np
import torch
from torch.export import ExportedProgram

from leadline.export.quiet import quiet
from leadline.io.exported import KEY, Exported
from leadline.runtime.session import brief
from leadline.types import UserError

OPSET = 18
"""Of every runtime of the last years; the first with antialiased Resize, which is not used, and with the operators that are."""
MOST_BYTES = 2**31 - 2**20
"""Of one ONNX file: its container cannot be larger."""
SMALLEST_HALVED = 256
"""Numbers of a weight from which on it is stored in 16 bits; smaller ones are constants, whose digits matter."""
_LARGEST_HALF = float(np.finfo(np.float16).max)


def onnx_model(program: ExportedProgram, about: Exported) -> Any:
    """The `onnx.ModelProto` of a traced program. Raises UserError for operators that ONNX does not have."""
    inputs = ["image", "K"] if about.needs_camera else ["image"]
    options: dict[str, Any] = {"input_names": inputs, "output_names": list(about.outputs), "opset_version": OPSET, "verbose": False}
    try:
        with quiet():
            exported = torch.onnx.export(program, dynamo=True, external_data=False, **options)
    except torch.onnx.errors.OnnxExporterError as error:
        raise UserError(about.model, f"cannot be written as ONNX ({brief(error)})", "use --format torch, or report it") from error
    model = cast(Any, exported).model_proto
    return described(model, about)


def described(model: Any, about: Exported) -> Any:
    """`model`, with `about` in its metadata."""
    kept = [entry for entry in model.metadata_props if entry.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, about.as_json()
    return model


def onnx_bytes(model: Any, *, subject: str) -> bytes:
    """What is written to disk. Raises UserError where it would not fit into one file."""
    if model.ByteSize() > MOST_BYTES:
        remedy = "use --format openvino, or --precision fp16"
        raise UserError(subject, f"has {model.ByteSize() / 2**30:.1f} GiB, more than an ONNX file can hold", remedy)
    return model.SerializeToString()


def halved(model: Any) -> Any:
    """`model` with large weights stored in 16 bits and cast as they are read: half the file, the arithmetic as before."""
    import onnx
    from onnx import numpy_helper

    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        if values.size < SMALLEST_HALVED or np.abs(values).max() > _LARGEST_HALF:
            continue
        name, stored = weight.name, f"{weight.name}.fp16"
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
