"""Every network on a GPU, bf16 with CUDA graphs: rigs of six cameras a second, and the share of what the card does at its best.

Weights are random: time does not know. One interleaved run; nothing where there is no GPU. BriGeS is in benchmarks/briges.py: no graph
holds SAM, which copies indices from the processor.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks._networks import SIZES, save_depth_anything, save_method
from leadline.cli.bench_contenders import Contender, Contest, Engine, Entry, build
from leadline.cli.bench_cuda import cuda_peaks
from leadline.cli.bench_rounds import peak_gflops, rows_of, timed

CAMERAS, ROUNDS, WARM = 6, 30, 5
PEAK = "peak"
TARGETS = {"surround-r18": 150.0, "surround-tiny": 400.0}
"""Rigs a second, on an H200-class card."""
NETWORKS: dict[str, tuple[str, dict[str, Any], int, int]] = {
    **{name: ("surround", {"network": name}, 384, 640) for name in ("surround-r18", "surround-tiny", "surround-r34", "surround-r34-xview")},
    **{name: ("selfsup", {"network": name}, 192, 640) for name in ("monodepth2", "hrdepth", "monovit")},
}


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rigs a second, TFLOP/s and share of the peak of every network; those that miss their target once more, compiled."""
    if not torch.cuda.is_available():
        return
    with tempfile.TemporaryDirectory() as place:
        made, failed, saved = [], [], _saved(Path(place))
        for name, (path, height, width) in saved.items():
            for engine in ("eager", "graph"):
                try:
                    made.append(_contender(name, path, height, width, engine))
                except Exception as error:  # what no graph can hold is a finding, not the end of the others
                    failed.append((f"{name} {engine}: {type(error).__name__} {str(error).splitlines()[0][:120]}", float("nan"), "", ""))
        rates: dict[str, float] = {}
        yield from failed
        yield from _rows(made, rates)
        slow = [name for name, target in TARGETS.items() if rates.get(f"{name}, graph", 0.0) < target]
        yield from _rows([_contender(name, *saved[name], "compiled") for name in slow], rates)


def _rows(made: list[Contender], rates: dict[str, float]) -> Iterator[tuple[str, float, str, str]]:
    if not made:
        return
    every = [*made, *cuda_peaks(["bf16"], PEAK)]
    seconds = timed(every, rounds=ROUNDS, warm=WARM, advance=lambda units: None)
    peak = peak_gflops(every, seconds)
    yield "peak, bf16", peak["bf16"] / 1000, "TFLOP/s", ""
    for row in rows_of(every, seconds, {}, peak):
        if row.name == PEAK:
            continue
        label = f"{row.name}, {row.engine}"
        rates[label] = row.per_second / CAMERAS
        target = f">= {TARGETS[row.name]:g}" if row.name in TARGETS and row.engine != "eager" else ""
        yield f"{label}: rigs of {CAMERAS} of {row.height}x{row.width}", rates[label], "1/s", target
        if row.gflops is not None and row.share_of_peak is not None:
            yield f"{label}: achieved", row.gflops / 1000, "TFLOP/s", ""
            yield f"{label}: share of the peak", 100 * row.share_of_peak, "%", ""


def _contender(name: str, path: Path, height: int, width: int, engine: Engine) -> Contender:
    return build(Contest(Entry(name, str(path)), engine, "bf16", (height, width), CAMERAS, None, "cuda"))


def _saved(place: Path) -> dict[str, tuple[Path, int, int]]:
    """Model folders with the size of their pictures."""
    own = {
        name: (save_method(place / name, method, options, height=height, width=width), height, width)
        for name, (method, options, height, width) in NETWORKS.items()
    }
    names = {size: f"depth-anything-v2-{size}" for size in SIZES}
    with torch.device("cuda"):  # random numbers for the large one take half a minute elsewhere
        return own | {name: (save_depth_anything(place / name, size), 518, 868) for size, name in names.items()}
