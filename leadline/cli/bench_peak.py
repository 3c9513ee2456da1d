"""What the machine can do, measured in the same run as the networks: a large matrix product and a large convolution in each precision.

Each in torch and, on a processor, in OpenVINO; the fastest of all is the peak of its precision, that a network's speed is a share of.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from leadline.cli.bench_contenders import Contender, Device
from leadline.io.exported import Precision
from leadline.runtime.openvino_session import settings
from leadline.runtime.session import Engine

SIDE = 2048
"""Rows and columns of the matrices: 8.6 billion multiplications."""
CHANNELS, ROWS, COLUMNS = 256, 96, 160
"""Of a convolution by 3x3 windows, the size in the middle of a network for 384x640: 9.1 billion."""
NAME = "peak"


def peaks(precisions: Sequence[Precision], *, threads: int | None, device: Device = "cpu", small: bool = False) -> list[Contender]:
    """Contenders called `peak`; `small` ones take no time and tell nothing, for tests."""
    if device == "cuda":
        from leadline.cli.bench_cuda import cuda_peaks

        return cuda_peaks(precisions, NAME)
    side, channels, rows, columns = (64, 8, 8, 8) if small else (SIDE, CHANNELS, ROWS, COLUMNS)
    found = []
    for precision in precisions:
        if precision in ("fp32", "bf16"):
            found += _torch(precision, threads, side, channels, rows, columns)
        if precision != "fp16":
            found += _openvino(precision, threads, side, channels, rows, columns)
    return found


def _torch(precision: Precision, threads: int | None, side: int, channels: int, rows: int, columns: int) -> list[Contender]:
    import torch
    from torch.nn import functional

    if threads is not None:
        torch.set_num_threads(threads)
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    a, b = (torch.rand(side, side).to(dtype) for _ in range(2))
    image = torch.rand(1, channels, rows, columns).to(dtype).to(memory_format=torch.channels_last)
    weight = torch.rand(channels, channels, 3, 3).to(dtype).to(memory_format=torch.channels_last)

    def product() -> object:
        with torch.inference_mode():
            return a @ b

    def convolution() -> object:
        with torch.inference_mode():
            return functional.conv2d(image, weight, padding=1)

    return [
        Contender(NAME, "torch product", precision, side, side, 1, product, float(side**3)),
        Contender(NAME, "torch convolution", precision, rows, columns, 1, convolution, 9.0 * channels**2 * rows * columns),
    ]


def _openvino(precision: Precision, threads: int | None, side: int, channels: int, rows: int, columns: int) -> list[Contender]:
    try:
        # By name: its stubs know neither the defaults of these functions nor its own class of models.
        openvino: Any = import_module("openvino")
        ops: Any = import_module("openvino.opset13")
    except ImportError:
        return []
    core = openvino.Core()
    told = settings(core, precision, Engine(threads=threads))
    rng = np.random.default_rng(0)

    def rounded(node: Any) -> Any:
        """As quantised networks are written: the runtime makes integers of it."""
        return node if precision != "int8" else ops.fake_quantize(node, *(np.float32(v) for v in (0, 1, 0, 1)), 256)

    def weights(*shape: int) -> Any:
        if precision != "int8":
            return ops.constant(rng.random(shape, dtype=np.float32))
        integers = ops.constant(rng.integers(-127, 127, shape, dtype=np.int8))
        return ops.multiply(ops.convert(integers, "f32"), ops.constant(np.float32(1 / 127)))

    def contender(what: str, shape: list[int], graph: Any, operations: float) -> Contender:
        given = ops.parameter(shape, np.float32)
        compiled = core.compile_model(openvino.Model([graph(given)], [given]), "CPU", told)
        request, array = compiled.create_infer_request(), rng.random(shape, dtype=np.float32)
        run = lambda: request.infer([array], share_inputs=True, share_outputs=True)  # noqa: E731
        return Contender(NAME, f"openvino {what}", precision, shape[-2], shape[-1], 1, run, operations)

    def product(given: Any) -> Any:
        return ops.matmul(rounded(given), weights(side, side), False, True)

    def convolution(given: Any) -> Any:
        return ops.convolution(rounded(given), weights(channels, channels, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])

    return [
        contender("product", [side, side], product, float(side**3)),
        contender("convolution", [1, channels, rows, columns], convolution, 9.0 * channels**2 * rows * columns),
    ]
