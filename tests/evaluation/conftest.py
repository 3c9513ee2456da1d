"""A data set in memory and predictors whose errors are known, for the tests of evaluation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from leadline.data.dataset import Record, View
from leadline.geometry.camera import Camera
from leadline.prediction import Prediction
from leadline.types import DepthKind


@dataclass
class MemoryDataset:
    """Frames of cameras with smooth random depth, optionally with materials; `depths[frame, camera]` may be overwritten."""

    frames: int = 4
    cameras: tuple[str, ...] = ("front", "back")
    height: int = 12
    width: int = 20
    layers: frozenset[str] = frozenset({"depth", "material", "usable"})
    name: str = "memory:test"
    depths: dict[tuple[int, str], np.ndarray] = field(default_factory=dict)
    usable: np.ndarray | None = None

    def __post_init__(self) -> None:
        rng = np.random.default_rng(7)
        for frame in range(self.frames):
            for camera in self.cameras:
                self.depths[frame, camera] = rng.uniform(2, 40, (self.height, self.width)).astype(np.float32)

    @property
    def records(self) -> list[Record]:
        return [Record("scene", frame, self.cameras) for frame in range(self.frames)]

    moments = records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        depth = self.depths[record.frame, camera]
        height, width = depth.shape
        # The image carries the depth in whole decimetres, so that a predictor can "see" it: red the high byte, green the low one.
        coded = np.round(depth * 10).astype(np.int64)
        K = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
        material = np.zeros((height, width), dtype=np.uint8)
        material[:, width // 2 :] = 3
        return View(
            image=np.stack([coded // 256, coded % 256, np.zeros_like(coded)], axis=-1).astype(np.uint8),
            camera=Camera(K=K, width=width, height=height, name=camera),
            path=Path(f"/memory/{record.frame}/{camera}.png"),
            depth=depth if "depth" in layers else None,
            material=material if "material" in layers else None,
            usable=self.usable if "usable" in layers else None,
        )


@dataclass
class Reader:
    """Predicts `change` of the depth it reads from the image."""

    change: Callable[[np.ndarray], np.ndarray] = lambda depth: depth
    kind: DepthKind = DepthKind.METRIC
    name: str = "reader"
    calls: int = 0

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        self.calls += 1
        depth = (image[..., 0] * 256.0 + image[..., 1]) / 10
        return Prediction(values=self.change(depth), kind=self.kind, K=K, model=self.name)


class BatchReader(Reader):
    """The same, several images at once."""

    def predict_batch(self, images: list[np.ndarray], K: list[np.ndarray] | None = None) -> list[Prediction]:
        return [self.predict(image) for image in images]


@pytest.fixture
def memory() -> type[MemoryDataset]:
    """The class, to be called with sizes."""
    return MemoryDataset


@pytest.fixture
def dataset() -> MemoryDataset:
    """Four frames of two cameras, depth in whole decimetres so that the reader can be exact."""
    made = MemoryDataset()
    made.depths = {key: np.round(depth, 1).astype(np.float32) for key, depth in made.depths.items()}
    return made


@pytest.fixture
def reader() -> type[Reader]:
    """The class, to be called with a change."""
    return Reader


@pytest.fixture
def batch_reader() -> type[BatchReader]:
    """The class that predicts batches."""
    return BatchReader
