"""What stays in floating point before anything is measured."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from leadline.export.openvino_file import openvino_model
from leadline.export.pictures import Case
from leadline.export.quantise import last_operators, quantised


def _network() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((3, 3, 1, 1), dtype=np.float32), "weight")
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["first"], name="conv_1"),
        helper.make_node("Relu", ["first"], ["bent"], name="relu"),
        helper.make_node("Conv", ["bent", "weight"], ["second"], name="conv_2"),
        helper.make_node("Sigmoid", ["second"], ["share"], name="sigmoid"),
        helper.make_node("Tanh", ["first"], ["beside"], name="tanh"),
        helper.make_node("Add", ["share", "beside"], ["depth"], name="add"),
    ]
    image, depth = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("image", "depth"))
    graph = helper.make_graph(nodes, "network", [image], [depth], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("made", [lambda model: model, lambda model: openvino_model(model.SerializeToString(), subject="x")])
def test_last_operators__what_no_product_follows(made: Any) -> None:
    found = set(last_operators(made(_network())))
    assert len(found) == 3 and {"sigmoid", "tanh"} <= found and not found & {"conv_1", "relu", "conv_2"}


def test_quantised__last_operators_read_what_no_quantiser_has_rounded() -> None:
    case = Case("noise", np.zeros((1, 8, 8, 3), dtype=np.uint8), np.eye(3)[None])
    inputs = {"image": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    int8 = quantised(_network(), [case], lambda _: inputs, transformer=False)
    made = {output: node.op_type for node in int8.graph.node for output in node.output}
    read = {node.name: {made.get(tensor) for tensor in node.input} for node in int8.graph.node}
    assert read["conv_2"] == {"DequantizeLinear"}, "products are quantised"
    assert read["add"] == {"Sigmoid", "Tanh"}
