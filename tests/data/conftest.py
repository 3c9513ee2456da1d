"""Data sets for these tests: tiny ones on disk in the real formats, and one in memory whose geometry is known exactly."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from leadline.data.dataset import Record, View
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.types import UserError

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def _fixture_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FIXTURES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that writes tiny data sets in the real formats."""
    return _fixture_module("tiny_data")


@pytest.fixture(scope="session")
def moving() -> ModuleType:
    """The module that writes tiny data sets with poses."""
    return _fixture_module("tiny_moving")


@pytest.fixture(scope="session")
def still() -> ModuleType:
    """The module that writes tiny data sets of single pictures."""
    return _fixture_module("tiny_still")


@pytest.fixture(scope="session")
def write_tiny(tiny: ModuleType, moving: ModuleType, still: ModuleType) -> Callable[[str, Path], Path]:
    """Write the tiny data set of a kind into a folder that is not there yet, which is returned."""
    modules = (tiny, moving, still, _fixture_module("tiny_rigs"), _fixture_module("tiny_footage"))

    def write(kind: str, root: Path) -> Path:
        name = f"write_{kind}"
        module = next((module for module in modules if hasattr(module, name)), None)
        assert module is not None, f"no fixture module has {name}(root)"
        getattr(module, name)(root)
        return root

    return write


class RingDataset:
    """Six (or fewer) cameras around a rig that drives and turns.

    Every pixel of `instance` is its own index, so that a test can tell where it went. Depth is a made-up function of the
    pixel; the image is a ramp: red counts columns, green counts rows.
    """

    name = "ring:memory"
    layers = frozenset({"depth", "inverse_depth", "cam_from_world", "cam_from_rig", "time_s", "usable", "material", "diffuse"})

    def __init__(self, *, cameras: int = 6, sequences: int = 2, frames: int = 4, height: int = 30, width: int = 50) -> None:
        self.height, self.width = height, width
        self.cameras = tuple(_ring_camera(i, cameras, height=height, width=width) for i in range(cameras))
        names = tuple(camera.name for camera in self.cameras)
        self.records = [Record(f"drive{s}", f, names) for s in range(sequences) for f in range(frames)]
        self.moments = self.records
        self.broken: set[tuple[str, int, str]] = set()
        self.reads = 0

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        self.reads += 1
        if (record.sequence, record.frame, camera) in self.broken:
            raise UserError(f"/{record.sequence}/{record.frame}/{camera}.jpg", "is broken", "copy it again")
        chosen = next(c for c in self.cameras if c.name == camera)
        assert chosen.rig_from_cam is not None
        rows, columns = np.mgrid[: self.height, : self.width]
        image = np.stack([columns * 4, rows * 4, np.full_like(rows, 10 * self.cameras.index(chosen))], axis=-1).astype(np.uint8)
        given = {
            "depth": (5.0 + 0.1 * rows + 0.05 * columns).astype(np.float32),
            "inverse_depth": np.ones((self.height, self.width), dtype=np.float32),
            "cam_from_world": invert(world_from_rig(record.frame) @ chosen.rig_from_cam),
            "time_s": 0.1 * record.frame,
            "usable": rows < self.height - 3,
            "material": (columns % 3).astype(np.uint8),
            "diffuse": image // 2,
        }
        chosen_layers = {name: value for name, value in given.items() if name in layers}
        path = Path(f"/{record.sequence}/{record.frame}/{camera}.jpg")
        return View(image=image, camera=chosen, path=path, instance=rows * self.width + columns, **chosen_layers)


def world_from_rig(frame: int) -> np.ndarray:
    """The rig moves ahead and turns a little with every frame."""
    angle = 0.05 * frame
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    pose[:3, 3] = [0.9 * frame, 0.1 * frame, 0.02 * frame]
    return pose


def _ring_camera(index: int, count: int, *, height: int, width: int) -> Camera:
    # Neither the spacing nor the focal lengths are regular: a test on a symmetric rig proves little.
    yaw = 2.0 * np.pi * index / count + (0.07 * index if index else 0.0)
    pitch = 0.03 * index
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = [0.5 * np.cos(yaw), 0.4 * np.sin(yaw), 1.5]
    focal = 30.0 + 3.0 * index
    K = np.array([[focal, 0.0, width / 2 - 1.5], [0.0, focal + 1.0, height / 2 + 0.75], [0.0, 0.0, 1.0]])
    return Camera(K=K, width=width, height=height, name=f"cam{index}", rig_from_cam=pose)


@pytest.fixture
def ring() -> RingDataset:
    """Six cameras, two drives of four frames."""
    return RingDataset()


@pytest.fixture(scope="session")
def make_ring() -> type[RingDataset]:
    """The class, for other sizes."""
    return RingDataset
