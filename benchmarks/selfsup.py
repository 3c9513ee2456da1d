"""The step of monodepth2 beside the same step written plainly after the published formulas: time, memory, equality.

Both use one network and one optimiser, and bf16 where the processor has it, as training does; only the loss differs. The plain
one warps and compares every scale and source by itself, with average pooling, as the authors' code does. Steps take turns;
time is processor time, which neighbours on a shared machine disturb least.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from leadline.data.sample import Sample
from leadline.methods.base import Method
from leadline.methods.catalog import build_method, default_config
from leadline.methods.neighbours import find_neighbours
from leadline.methods.network import inverse_depths
from tests.fixtures.plain_selfsup import PlainSource, plain_loss

HEIGHT, WIDTH, BATCH = 192, 320, 12
TURNS = 5
FRAMES = (0, -1, 1)


def run() -> list[tuple[str, float, str, str]]:
    """monodepth2 (ResNet-18, four scales, two sources, known poses), forward, backward and step of Adam, on the CPU."""
    sample, method = batch(), fresh("selfsup")
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-4, weight_decay=0.0)
    losses: dict[str, Callable[[Method, Sample], Tensor]] = {"leadline": total, "plain": _plain}
    with torch.no_grad():
        values = {name: seeded(loss, method, sample).item() for name, loss in losses.items()}
    seconds: dict[str, list[float]] = {name: [] for name in losses}
    for _ in range(TURNS + 1):
        for name, loss in losses.items():
            began = time.process_time()
            optimizer.zero_grad()
            seeded(loss, method, sample).backward()
            optimizer.step()
            seconds[name].append(time.process_time() - began)
    fast, plain = (statistics.median(seconds[name][1:]) for name in losses)
    memory = {name: _peak_gb(name) for name in losses}
    size = f"{HEIGHT}x{WIDTH}, batch {BATCH}"
    return [
        (f"step, {size}", 1000 * fast, "ms", ""),
        (f"step written plainly, {size}", 1000 * plain, "ms", ""),
        ("times as fast", plain / fast, "", ">= 1.3"),
        ("difference of the losses", abs(values["leadline"] - values["plain"]), "", "<= 1e-5"),
        ("memory of a step, beyond network and batch", memory["leadline"], "GB", ""),
        ("memory over that of the plain step", memory["leadline"] / memory["plain"], "", "<= 1.1"),
    ]


def fresh(name: str) -> Method:
    """Method `name` with its defaults and random weights, as training has it."""
    torch.manual_seed(0)
    method = build_method(name, default_config(name)).train()
    return method.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def batch(num: int = BATCH, *, height: int = HEIGHT, width: int = WIDTH) -> Sample:
    """Noise that is smooth enough to be followed, and steps of a few centimetres."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(num, 3 * len(FRAMES), height // 8, width // 8, generator=generator)
    image = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear").view(num, len(FRAMES), 1, 3, height, width)
    K = torch.tensor([[0.8 * width, 0, width / 2], [0, 0.8 * width, height / 2], [0, 0, 1]]).repeat(num, len(FRAMES), 1, 1, 1)
    poses = torch.eye(4).repeat(num, len(FRAMES), 1, 1, 1)
    for i, offset in enumerate(FRAMES):
        poses[:, i, 0, :3, 3] = torch.tensor([0.1, 0.02, 0.05]) * offset
    return Sample(image=image, K=K, cam_from_world=poses)


def seeded(loss: Callable[[Method, Sample], Tensor], method: Method, sample: Sample) -> Tensor:
    """The loss with the same random numbers every time, in bf16 where the processor has it."""
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
        return loss(method, sample)


def total(method: Method, sample: Sample) -> Tensor:
    """The method's own loss."""
    return method.loss(sample).total


def _plain(method: Method, sample: Sample) -> Tensor:
    selfsup = cast(Any, method)
    inverse = inverse_depths(selfsup.network(sample.image[:, 0, 0]), sample.K[:, 0, 0], selfsup.config)
    with torch.autocast("cpu", enabled=False):
        return _plain_loss(inverse, sample)


def _plain_loss(inverse: list[Tensor], sample: Sample) -> Tensor:
    near = find_neighbours(sample, rig=False)
    sources = [PlainSource(*values) for values in zip(near.sources, near.K_src, near.source_from_ref, strict=True)]
    noise = 1e-5 * torch.randn(near.image[:, 0].shape)
    photometric, smoothness = plain_loss(inverse, near.image, near.K, sources, noise=noise, as_published=True)
    return photometric + smoothness


def _peak_gb(name: str) -> float:
    """Peak memory of two steps in a process of their own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.selfsup", name], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _measure_memory(name: str) -> float:
    """Peak resident memory [GB] of this process beyond what it takes with network and batch."""
    sample, method = batch(), fresh("selfsup")
    before = _peak_resident_gb()
    for _ in range(2):
        method.zero_grad()
        seeded({"leadline": total, "plain": _plain}[name], method, sample).backward()
    return _peak_resident_gb() - before


def _peak_resident_gb() -> float:
    """As Linux counts it; getrusage would give the parent's where that was larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6


if __name__ == "__main__":
    print(_measure_memory(sys.argv[1]))
