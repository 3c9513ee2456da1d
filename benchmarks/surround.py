"""Students of `surround` beside a Depth Anything V2 ViT-B with a head of bins, per camera frame, all in one interleaved run.

Weights are random: time does not know. Students see 384x640; the teacher 518x868, at which the foundation model was trained, and 392x644,
the nearest that fits its patches. Eager, on a processor, two cameras at once; medians of rounds that take every network in turn. Freed
memory stays with the process, as in training: otherwise glibc gives it back, and a picture of twelve takes 1.6 times as long (docs/LOG.md).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from benchmarks._networks import depth_anything
from leadline.io.atomic import write_bytes
from leadline.methods.catalog import build_method
from leadline.methods.surround.method import Surround
from leadline.models.bins.head import build_bin_head
from leadline.models.features import FusedFeatures
from leadline.training.heap import kept_heap

CAMERAS = 2
ROUNDS = 5
STUDENTS = ("surround-r34", "surround-r18", "surround-tiny", "surround-r34-xview")
HEIGHT, WIDTH = 384, 640
TEACHER_SIZES = ((518, 868), (392, 644))
TARGETS = {("surround-r18", 518): 11.14, ("surround-tiny", 518): 30.0, ("surround-r18", 392): 7.0}
"""Times as fast as the teacher at that height."""
RIGS = (2, 4, 6, 12)
OUT = Path("out")
SIDE = 260
"""Of a panel of the plot [px]."""
SIZES = ((192, 320), (288, 480), (384, 640), (576, 960))
Figure = tuple[str, float, str, str]


@dataclass(frozen=True)
class Contender:
    """A network and the pictures it is timed on."""

    name: str
    run: Callable[[Tensor], object]
    image: Tensor
    parameters: int

    def seconds(self, *, half: bool) -> float:
        """Of one camera frame, in one go."""
        begin = time.perf_counter()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            self.run(self.image)
        return (time.perf_counter() - begin) / self.image.shape[1]

    @property
    def gmacs(self) -> float:
        """Multiplications with addition of one camera frame [1e9]."""
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self.run(self.image)
        return counter.get_total_flops() / 2e9 / self.image.shape[1]


def run() -> Iterator[Figure]:
    """Parameters, operations, times and their ratios; then how the cost of a rig grows."""
    with kept_heap():
        yield from _measured()


def _measured() -> Iterator[Figure]:
    contenders = [*(_student(name) for name in STUDENTS), *(_teacher(*size) for size in TEACHER_SIZES)]
    for one in contenders:
        yield f"{one.name}: parameters", one.parameters / 1e6, "M", ""
        yield f"{one.name}: operations", one.gmacs, "GMAC", ""
    for precision in ("fp32", "bf16"):
        times = _interleaved(contenders, half=precision == "bf16")
        for name, seconds in times.items():
            yield f"{name}, {precision}: camera frame of {HEIGHT}x{WIDTH}", 1000 * seconds, "ms", ""
        for height, width in TEACHER_SIZES:
            teacher = times[f"teacher {height}x{width}"]
            for name in STUDENTS:
                target = TARGETS.get((name, height))
                words = "" if target is None else f">= {target:g}"
                yield f"{name}, {precision}: times as fast as the teacher at {height}x{width}", teacher / times[name], "", words
    yield from _growth()


def _growth() -> Iterator[Figure]:
    """A straight line through the origin would have equal times per camera, and per pixel; OUT / growth.svg shows both."""
    rigs = {f"{views} cameras": _student("surround-tiny", views=views) for views in RIGS}
    each = _interleaved(list(rigs.values()), names=list(rigs), half=True)
    yield from ((f"surround-tiny, bf16, {name}: each", 1000 * seconds, "ms", "") for name, seconds in each.items())
    sizes = {f"{h}x{w}": _student("surround-tiny", height=h, width=w) for h, w in SIZES}
    times, millions = _interleaved(list(sizes.values()), names=list(sizes), half=True), [h * w / 1e6 for h, w in SIZES]
    for (name, seconds), pixels in zip(times.items(), millions, strict=True):
        yield f"surround-tiny, bf16, {name}: a million pixels", 1000 * seconds / pixels, "ms", ""
    of_rigs = [1000 * views * seconds for views, seconds in zip(RIGS, each.values(), strict=True)]
    panels = (
        _panel("ms a rig of 384x640, by cameras", RIGS, of_rigs),
        _panel("ms a picture, by millions of pixels", millions, [1000 * seconds for seconds in times.values()]),
    )
    write_bytes(OUT / "growth.svg", _side_by_side(panels).encode())


def _panel(title: str, xs: Sequence[float], ys: Sequence[float]) -> str:
    """Measured points, and the straight line through the origin that fits them best, in a square of SIDE."""
    slope = sum(x * y for x, y in zip(xs, ys, strict=True)) / sum(x * x for x in xs)
    right, top = 1.1 * max(xs), 1.1 * max(*ys, slope * max(xs))
    at = [(SIDE * x / right, SIDE * (1 - y / top)) for x, y in zip(xs, ys, strict=True)]
    axes = f'<path d="M0 0V{SIDE}H{SIDE}" fill="none" stroke="#888"/>'
    line = f'<path d="M0 {SIDE}L{SIDE} {SIDE * (1 - slope * right / top):.1f}" stroke="#3b7dd8" stroke-dasharray="4"/>'
    points = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#d8603b"/>' for x, y in at)
    said = "".join(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="end">{ms:.0f}</text>' for (x, y), ms in zip(at, ys, strict=True))
    ticks = "".join(f'<text x="{x:.1f}" y="{SIDE + 16}" text-anchor="middle">{n:.3g}</text>' for (x, _), n in zip(at, xs, strict=True))
    return f'{axes}{line}{points}{said}{ticks}<text x="{SIDE / 2}" y="-12" text-anchor="middle">{title}</text>'


def _side_by_side(panels: Sequence[str]) -> str:
    pitch = SIDE + 60
    placed = "".join(f'<g transform="translate({30 + i * pitch},40)">{panel}</g>' for i, panel in enumerate(panels))
    size = f'width="{len(panels) * pitch}" height="{SIDE + 70}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="#888">{placed}</svg>\n'


def _interleaved(contenders: list[Contender], *, half: bool, names: list[str] | None = None) -> dict[str, float]:
    """Median seconds per camera frame by name; the first round warms up."""
    rounds = [[one.seconds(half=half) for one in contenders] for _ in range(ROUNDS + 1)][1:]
    return dict(zip(names or [one.name for one in contenders], (median(times) for times in zip(*rounds, strict=True)), strict=True))


def _student(name: str, *, views: int = CAMERAS, height: int = HEIGHT, width: int = WIDTH) -> Contender:
    method = build_method("surround", {"network": name}).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    assert isinstance(method, Surround)
    return Contender(name, lambda image: method.network(image).bins.depth, torch.rand(1, views, 3, height, width), _count(method))


def _teacher(height: int, width: int) -> Contender:
    """Depth Anything V2 ViT-B as published (encoder, taps, necks), its last layers left out, and the head of bins."""
    features = FusedFeatures(depth_anything("base"), DPTImageProcessorPil())
    head = build_bin_head("metric", features.channels, num_bins=64, embedding=128, min_depth_m=0.1, max_depth_m=200.0).eval()
    return Contender(
        f"teacher {height}x{width}",
        lambda image: head(features(image.flatten(0, 1))).depth,
        torch.rand(1, CAMERAS, 3, height, width),
        _count(features) + _count(head),
    )


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
