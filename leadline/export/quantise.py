"""Post-training quantisation to int8 with NNCF, what each layer loses by it, and which layers stay in floating point.

Every product of weights is quantised first. Where the bound is broken, the layers that add most error to what they get are kept as they
were, twice as many each time, until it holds: `keep(layers, 2)` are the two worst.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from leadline.export.parity import Layer
from leadline.export.pictures import Case
from leadline.export.quiet import quiet

Prepare = Callable[[Case], Mapping[str, np.ndarray]]
"""From pictures to inputs of the graph."""

PRODUCTS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul")
"""Operators of OpenVINO that quantisation is about."""
ARITHMETIC = ("Subtract", "Divide", "Multiply", "Power", "Log", "Exp", "Maximum", "Minimum", "Sub", "Div", "Mul", "Pow", "Max", "Min")
"""Operators, by their names in OpenVINO and ONNX, that are not quantised: they make depth of what layers say, where eight bits are few,
and hardly take time. OpenVINO 2026.4 fails to compile the bins of `surround` with quantisers between them."""
PRODUCTS_OF_ONNX = ("Conv", "ConvTranspose", "MatMul", "Gemm")
BARE = "/WithoutBiases"
"""What OpenVINO adds to the name of an ONNX node that it splits into a product and a sum."""
NUM_MEASURED = 4
"""Pictures that errors of layers are measured on."""


def quantised(
    model: Any, cases: Sequence[Case], prepare: Prepare, *, transformer: bool, symmetric: bool = False, kept: Sequence[str] = ()
) -> Any:
    """`model` (of onnx or openvino) in int8, calibrated on `cases`, without the layers `kept`.

    `symmetric` leaves every zero point at 0, which is all that TensorRT knows.
    """
    with quiet():
        import nncf

        # Names are those of ONNX; OpenVINO knows the same layer by that name and by one with an ending.
        names = [spelt for name in kept for spelt in (name, name + BARE)] + last_operators(model)
        scope = nncf.IgnoredScope(names=names, types=list(ARITHMETIC), validate=False)
        return nncf.quantize(
            model,
            nncf.Dataset(cases, lambda case: dict(prepare(case))),
            preset=nncf.QuantizationPreset.PERFORMANCE if symmetric else nncf.QuantizationPreset.MIXED,
            subset_size=len(cases),
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
            ignored_scope=scope,
        )


def last_operators(model: Any) -> list[str]:
    """Names of the operators of `model` (of onnx or openvino) that no product follows: they make depth of the last layers' answers.

    Eight bits for depths up to 100 m are steps of 0.4 m, which is a lot for what is near.
    """
    followed: set[str] = set()
    last = []
    for name, kind, sources in reversed(_operators(model)):
        if kind in (*PRODUCTS, *PRODUCTS_OF_ONNX) or name in followed:
            followed.update(sources)
        elif kind not in ("Constant", "Parameter", "Result"):
            last.append(name)
    return last


def _operators(model: Any) -> list[tuple[str, str, list[str]]]:
    """Name, kind and the names of those it reads from, of each operator, in the order in which they run."""
    if hasattr(model, "get_ordered_ops"):
        return [
            (op.get_friendly_name(), op.get_type_name(), [value.get_node().get_friendly_name() for value in op.input_values()])
            for op in model.get_ordered_ops()
        ]
    made = {output: node.name for node in model.graph.node for output in node.output}
    return [(node.name, node.op_type, [made[tensor] for tensor in node.input if tensor in made]) for node in model.graph.node]


def layer_errors(model: Any, int8: Any, cases: Sequence[Case], prepare: Prepare, *, kept: Sequence[str] = ()) -> tuple[Layer, ...]:
    """For each product of two OpenVINO models, before and after quantisation, the error of its output; the worst first.

    `added` is what the error grows by in the layer: that of its output less the largest one of the layers that it reads.
    """
    layers = _products(int8)
    known = {op.get_friendly_name() for op in model.get_ops()}
    names = [name for name in layers if name in known]
    inputs = [prepare(case) for case in cases[:NUM_MEASURED]]
    before, after = (_outputs(one, names, inputs) for one in (model, int8))
    errors = {name: _relative(before[name], after[name]) for name in names}
    added = {name: errors[name] - max((errors[s] for s in _sources(layers[name], errors)), default=0.0) for name in names}
    found = [Layer(plain_name(n), errors[n], added[n], plain_name(n) in kept) for n in names]
    return tuple(sorted(found, key=lambda layer: -layer.added))


def keep(layers: Sequence[Layer], count: int) -> list[str]:
    """Names of the `count` layers that add most error."""
    return [layer.name for layer in layers[:count]]


def plain_name(name: str) -> str:
    """The name of a layer in ONNX."""
    return name.removesuffix(BARE)


def _products(model: Any) -> dict[str, Any]:
    return {op.get_friendly_name(): op for op in model.get_ordered_ops() if op.get_type_name() in PRODUCTS}


def _sources(op: Any, wanted: Mapping[str, Any]) -> list[str]:
    """Names among `wanted` of the nearest operators that `op` reads from."""
    found, waiting, seen = [], [value.get_node() for value in op.input_values()], set()
    while waiting:
        node = waiting.pop()
        name = node.get_friendly_name()
        if name in seen:
            continue
        seen.add(name)
        if name in wanted:
            found.append(name)
        else:
            waiting += [value.get_node() for value in node.input_values()]
    return found


def _outputs(model: Any, names: Sequence[str], inputs: Sequence[Mapping[str, np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """What the operators `names` of a copy of `model` give for each input."""
    import openvino

    copy = model.clone()
    ops = _products(copy)
    own = len(copy.outputs)
    copy.add_outputs([ops[name].output(0) for name in names])
    compiled = openvino.Core().compile_model(copy, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    given: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for one in inputs:
        answers = compiled(dict(one))
        for i, name in enumerate(names):
            given[name].append(np.array(answers[own + i]))
    return given


def _relative(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """Root mean square of the difference for that of the values."""
    size = sum(float((a.astype(np.float64) ** 2).sum()) for a in before)
    gap = sum(float(((b.astype(np.float64) - a) ** 2).sum()) for a, b in zip(before, after, strict=True))
    return (gap / max(size, 1e-30)) ** 0.5
