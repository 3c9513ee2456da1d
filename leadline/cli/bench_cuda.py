"""Networks on a GPU: timed to their end, as they are or as a CUDA graph, which starts all of their kernels at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from leadline.cli.bench_contenders import Contender
from leadline.io.exported import Precision

SIDE = 8192
"""Rows and columns of the matrices that show what the card does at its best."""
CHANNELS, ROWS, COLUMNS, IMAGES = 256, 96, 160, 24
"""Of a convolution by 3x3 windows."""
WARM = 3
"""Runs before a graph is captured: libraries choose their kernels in them."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def ended(run: Callable[[], object]) -> Callable[[], object]:
    """`run`, and the wait for what it has started."""

    def both() -> object:
        answer = run()
        torch.cuda.synchronize()
        return answer

    return both


@dataclass(frozen=True, eq=False)
class Captured:
    """A CUDA graph. It reads and writes where `run` did, so `run` and its `answer` live as long as it does."""

    run: Callable[[], object]
    graph: torch.cuda.CUDAGraph
    answer: object

    def __call__(self) -> object:
        """Start all of it; the answer stands where it always does."""
        self.graph.replay()
        return self.answer


def captured(run: Callable[[], object]) -> Captured:
    """`run` as a CUDA graph. Raises RuntimeError for work that no graph can hold."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = run()
    return Captured(run, graph, answer)


def cuda_peaks(precisions: Sequence[Precision], name: str) -> list[Contender]:
    """A large product and a large convolution in each precision that torch computes in, called `name`."""
    found = []
    for precision in precisions:
        if precision not in DTYPES:
            continue
        like = {"device": "cuda", "dtype": DTYPES[precision]}
        a, b = (torch.randn(SIDE, SIDE, **like) for _ in range(2))
        image = torch.randn(IMAGES, CHANNELS, ROWS, COLUMNS, **like).to(memory_format=torch.channels_last)
        weight = torch.randn(CHANNELS, CHANNELS, 3, 3, **like).to(memory_format=torch.channels_last)

        def product(a: torch.Tensor = a, b: torch.Tensor = b) -> object:
            return a @ b

        def convolution(image: torch.Tensor = image, weight: torch.Tensor = weight) -> object:
            return functional.conv2d(image, weight, padding=1)

        operations = 9.0 * CHANNELS**2 * ROWS * COLUMNS * IMAGES
        found += [
            Contender(name, "torch product", precision, SIDE, SIDE, 1, ended(product), float(SIDE**3)),
            Contender(name, "torch convolution", precision, ROWS, COLUMNS, 1, ended(convolution), operations),
        ]
    return found
