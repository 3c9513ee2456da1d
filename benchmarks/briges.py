"""Gate training in the real shapes (Depth Anything V1-B, SAM-B, 518x518, random weights) beside full fine-tuning, and what each part costs.

Every way of training has a process of its own, so that its peak memory is its own: of the accelerator where there is one, else of the
whole process, the models included. Steps are wall time: run it on a machine that does nothing else. What files hold is random here, so
that the memory of a way that reads them is not that of the encoders which wrote them.
"""

import math
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import SamConfig, SamModel

from benchmarks._networks import SIDE, save_depth_anything
from leadline.data.sample import Sample
from leadline.methods.briges.method import Briges
from leadline.methods.catalog import build_method
from leadline.models.semantic import SamEncoder
from leadline.recipes.briges import WIDE

TURNS = 3
"""Steps that count, after one that does not."""
FROM_FILES = "gates, both from files"
WAYS: dict[str, dict[str, Any]] = {
    "gates": {},
    "gates, semantic map from files": {"cached": "semantic"},
    FROM_FILES: {"cached": "both"},
    "full fine-tuning": {"trained": "all"},
}
ALONE = "depth model alone"
REAL = (SIDE, SIDE)
CLAIM = (WIDE.height, WIDE.width)
"""Of the claim's pictures, from which docs/briges-weights.md has its hours."""
MOST_MEMORY, LEAST_SPEED, MOST_GB = 0.4, 3.0, 12.0
BASE: dict[str, Any] = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}


def run() -> list[tuple[str, float, str, str]]:
    """Rows for training, then for prediction in fp32 and bf16."""
    with tempfile.TemporaryDirectory() as folder:
        pair = save_pair(Path(folder))
        context = multiprocessing.get_context("spawn")
        with context.Pool(1, maxtasksperchild=1) as pool:
            trained = {name: pool.apply(_training, (pair | options, REAL)) for name, options in WAYS.items()}
            predicted = {name: pool.apply(_prediction, (pair, name, REAL)) for name in ("float32", "bfloat16")}
            small_step = pool.apply(_training, (pair | WAYS[FROM_FILES], CLAIM))["seconds"]
            small_parts = pool.apply(_prediction, (pair, "float32", CLAIM))
    full, live = trained["full fine-tuning"], trained["gates"]
    rows = [("trained parameters, gates", live["parameters"] / 1e6, "M", "56.7")]
    rows.append(("trained parameters, gates over full fine-tuning", live["parameters"] / full["parameters"], "", ""))
    for name, way in trained.items():
        rows.append((f"{name}: median step, batch 1", 1000 * way["seconds"], "ms", ""))
        rows.append((f"{name}: peak memory of training", way["bytes"] / 1e9, "GB", f"<= {MOST_GB:g}" if name == "gates" else ""))
    rows.append(("memory, gates over full fine-tuning", live["bytes"] / full["bytes"], "", f"<= {MOST_MEMORY}"))
    for name, way in trained.items():
        target = f">= {LEAST_SPEED:g}" if name == FROM_FILES else ""
        rows.append((f"{name}: steps per second over full fine-tuning", full["seconds"] / way["seconds"], "times", target))
        rows.append((f"{name}: steps per second over gates live", live["seconds"] / way["seconds"], "times", target))
    at = f"at {CLAIM[0]}x{CLAIM[1]}:"
    rows.append((f"{at} {FROM_FILES}: median step, batch 1", 1000 * small_step, "ms", ""))
    rows.extend((f"{at} prediction in float32: {part}", 1000 * seconds, "ms", "") for part, seconds in small_parts.items())
    for precision, parts in predicted.items():
        for part, seconds in parts.items():
            rows.append((f"prediction in {precision}: {part}", 1000 * seconds, "ms", ""))
            rows.append((f"prediction in {precision}: {part} over the depth model alone", seconds / parts[ALONE], "times", ""))
    return rows


def save_pair(folder: Path) -> dict[str, str]:
    """Random models in real format and shapes: the options `depth` and `semantic`."""
    torch.manual_seed(0)
    save_depth_anything(folder / "depth", "base", taps=[9, 10, 11, 12])
    SamModel(SamConfig(vision_config=BASE | {"initializer_range": 0.02})).save_pretrained(folder / "semantic")
    return {"depth": str(folder / "depth"), "semantic": str(folder / "semantic")}


def _built(options: dict[str, Any]) -> Briges:
    method = build_method("briges", options)
    assert isinstance(method, Briges)
    return method.to(_device())


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _sample(method: Briges, size: tuple[int, int]) -> Sample:
    image = torch.rand(1, 1, 1, 3, *size, device=_device())
    depth = 1 + torch.rand(1, 1, 1, *size, device=_device())
    sample = Sample(image=image, K=torch.eye(3, device=_device()).expand(1, 1, 1, 3, 3), depth=depth)
    layers = {name: torch.rand(1, 1, 1, *_shape(method, name, size), device=_device()) for name in dict(method.needs.made_by)}
    return replace(sample, **layers)


def _shape(method: Briges, layer: str, size: tuple[int, int]) -> tuple[int, ...]:
    """Of what a file holds of one picture."""
    depth, semantic = method._pair.depth, method._pair.semantic
    if layer == "tokens":
        return depth.count, math.prod(size) // depth.patch**2, depth.width
    assert isinstance(semantic, SamEncoder)
    return semantic.width, semantic.side // semantic.patch, semantic.side // semantic.patch


def _training(options: dict[str, Any], size: tuple[int, int]) -> dict[str, float]:
    """Seconds of a step, its peak memory, and what it trains."""
    method = _built(options).train()
    sample = _sample(method, size)
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-5)

    def step() -> None:
        optimizer.zero_grad()
        method.loss(sample).total.backward()
        optimizer.step()

    seconds = _median(step)
    number = sum(p.numel() for p in method.trained_parameters())
    return {"seconds": seconds, "bytes": _peak_bytes(), "parameters": number}


def _prediction(pair: dict[str, str], precision: str, size: tuple[int, int]) -> dict[str, float]:
    """Seconds of the depth model alone, of what bridging adds to it, and of the whole."""
    method = _built(pair).eval()
    image, K = torch.rand(1, 1, 3, *size, device=_device()), torch.eye(3, device=_device()).expand(1, 1, 3, 3)
    depth, semantic = method._pair.depth, method._pair.semantic
    assert semantic is not None
    grid = dict(zip(("rows", "columns"), (side // depth.patch for side in size), strict=True))
    with torch.inference_mode(), torch.autocast(_device(), dtype=getattr(torch, precision), enabled=precision != "float32"):
        alone = _median(lambda: depth.decoder(depth.encoder(image[0]), **grid))
        encoder = _median(lambda: semantic(image[0]))
        seen = method._seen(image[0])
        gates = _median(lambda: method._bridged(seen, **grid, temperature=1.0))
        whole = _median(lambda: method(image, K))
    return {ALONE: alone, "semantic encoder": encoder, "gates": gates, "everything": whole}


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(TURNS + 1):
        began = time.monotonic()
        work()
        if _device() == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds[1:])


def _peak_bytes() -> float:
    if _device() == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
