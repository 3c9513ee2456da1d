"""End to end against inference alone: six cameras of 384x640 from JPEG to 16-bit PNG by `surround-r18` in OpenVINO, in turns.

Weights are random and pictures are noise: time does not know. End to end is `Live` as the verb runs it, every moment of a recording read as
fast as it is used; inference alone is the same network on pictures that are ready in memory.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import openvino
import torch
from torch import Tensor, nn

import leadline.runtime
from leadline.io.depth import write_depth
from leadline.io.exported import KEY, Exported, Precision
from leadline.io.image import write_image
from leadline.io.photo import Photo
from leadline.methods.catalog import build_method
from leadline.methods.surround.method import Surround
from leadline.prediction import Prediction
from leadline.runtime.live import Live, View
from leadline.runtime.model import RuntimeModel
from leadline.runtime.streams import Pace, open_streams
from leadline.types import DepthKind

HEIGHT, WIDTH, CAMERAS = 384, 640, 6
MOMENTS, ROUNDS = 8, 5
MOST = 1.15


class OfPictures(nn.Module):
    """The network as exported files have it: pictures (n, 3, h, w) to depth (n, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        method = build_method("surround", {"network": "surround-r18"}).eval()
        assert isinstance(method, Surround)
        self.network = method.network

    def forward(self, image: Tensor) -> Tensor:
        """Depth of a camera as the bins have it."""
        return self.network(image[:, None]).bins.depth


def run() -> Iterator[tuple[str, float, str, str]]:
    """Milliseconds a camera frame of both, and their ratio, in fp32 and bf16."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = _exported(folder / "r18.xml")
        for camera in range(CAMERAS):
            for moment in range(MOMENTS):
                write_image(folder / "in" / f"c{camera}" / f"{moment:03}.jpg", _noise(camera * MOMENTS + moment), quality=90)
        precisions: tuple[Precision, ...] = ("fp32", "bf16")
        for precision in precisions:
            model = leadline.runtime.open(path, precision=precision)
            model.warm_up(num=CAMERAS)
            times = [(_alone(model), _end_to_end(model, folder)) for _ in range(ROUNDS)]
            alone, whole = (1000 * median(column) / (MOMENTS * CAMERAS) for column in zip(*times, strict=True))
            yield f"surround-r18, {precision}: inference alone, a camera frame", alone, "ms", ""
            yield f"surround-r18, {precision}: JPEG to 16-bit PNG, a camera frame", whole, "ms", ""
            yield f"surround-r18, {precision}: end to end against inference alone", whole / alone, "", f"<= {MOST:g}"


def _alone(model: RuntimeModel) -> float:
    """Seconds for all moments."""
    jobs = [model.prepare(Photo(_noise(i))) for i in range(CAMERAS)]
    begin = time.perf_counter()
    for _ in range(MOMENTS):
        model.infer(jobs)
    return time.perf_counter() - begin


def _end_to_end(model: RuntimeModel, folder: Path) -> float:
    streams = open_streams([str(folder / "in" / f"c{i}") for i in range(CAMERAS)], rig=None, pace=Pace())

    def sink(index: int, camera: str, photo: Photo, prediction: Prediction) -> None:
        write_depth(folder / "out" / camera / f"{index:06}.png", prediction.as_file(), sidecar=False, quick=True)

    begin = time.perf_counter()
    Live(model, streams, View(), policy="wait", fps=10).run(sink)
    return time.perf_counter() - begin


def _exported(path: Path) -> Path:
    shape = (CAMERAS, 3, HEIGHT, WIDTH)
    with torch.no_grad():
        model: Any = openvino.convert_model(torch.export.export(OfPictures(), (torch.rand(shape),)))
    for port, name in zip((*model.inputs, *model.outputs), ("image", "values"), strict=True):
        port.get_tensor().set_names({name})
    about = Exported(model="surround-r18", kind=DepthKind.METRIC, height=HEIGHT, width=WIDTH)
    model.set_rt_info(about.as_json(), KEY)
    openvino.save_model(model, str(path), compress_to_fp16=False)
    return path


def _noise(seed: int) -> np.ndarray:
    """Smooth noise: what a camera sees is packed about as well."""
    coarse = np.random.default_rng(seed).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)
