"""The step of `intrinsic` beside that of `selfsup`: it may take at most 1.1 times as much more time as it takes more operations.

Both are monodepth2 (ResNet-18) on one batch with known poses, and otherwise their defaults: the second branch shares the encoder and
looks at all three pictures, the mask is the paper's. Operations are those of convolutions and products of matrices, forward and
backward, as torch counts them, on a few pictures. Steps take turns; time is processor time, as in the benchmark `selfsup`.
"""

import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.selfsup import BATCH, HEIGHT, TURNS, WIDTH, batch, fresh, seeded, total
from leadline.methods.base import Method
from leadline.training.heap import kept_heap

METHODS = ("selfsup", "intrinsic")
COUNTED = 2
"""Pictures whose operations are counted; those of a batch are so many times more."""
MOST = 1.1
"""Times over operations, as a ratio of the two methods."""


def run() -> list[tuple[str, float, str, str]]:
    """Forward, backward and step of AdamW at the size of the benchmark `selfsup`, on the CPU."""
    with kept_heap():  # as training does
        return measured(num=BATCH, height=HEIGHT, width=WIDTH, turns=TURNS)


def measured(*, num: int, height: int, width: int, turns: int) -> list[tuple[str, float, str, str]]:
    """The rows for batches of `num` pictures; each method takes `turns` steps that count, after one that does not."""
    methods = {name: fresh(name) for name in METHODS}
    operations = {name: num * _operations(method, height=height, width=width) for name, method in methods.items()}
    seconds = {name: statistics.median(values[1:]) for name, values in _in_turns(methods, num, height, width, turns + 1).items()}
    longer, more = (values["intrinsic"] / values["selfsup"] for values in (seconds, operations))
    size = f"{height}x{width}, batch {num}"
    return [
        *((f"{name}: operations of a step, {size}", operations[name] / 1e9, "GFLOP", "") for name in METHODS),
        ("operations, intrinsic over selfsup", more, "", ""),
        *((f"{name}: median step, {size}", 1000 * seconds[name], "ms", "") for name in METHODS),
        ("time, intrinsic over selfsup", longer, "", f"<= {MOST * more:.3g}"),
        ("time ratio over operation ratio", longer / more, "", f"<= {MOST}: {'met' if longer <= MOST * more else 'missed'}"),
    ]


def _operations(method: Method, *, height: int, width: int) -> float:
    """Of one picture, forward and backward."""
    sample = batch(COUNTED, height=height, width=width)
    with FlopCounterMode(display=False) as counter:
        seeded(total, method, sample).backward()
    method.zero_grad()
    return counter.get_total_flops() / COUNTED


def _in_turns(methods: dict[str, Method], num: int, height: int, width: int, turns: int) -> dict[str, list[float]]:
    """Processor seconds of each step."""
    sample = batch(num, height=height, width=width)
    optimizers = {name: torch.optim.AdamW(method.trained_parameters(), lr=1e-4, weight_decay=0.0) for name, method in methods.items()}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(turns):
        for name, method in methods.items():
            began = time.process_time()
            optimizers[name].zero_grad()
            seeded(total, method, sample).backward()
            optimizers[name].step()
            seconds[name].append(time.process_time() - began)
    return seconds
