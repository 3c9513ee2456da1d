"""The contract every data set reader keeps: an ordered list of records, and one view read at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from leadline.geometry.camera import Camera
from leadline.types import UserError


@dataclass(frozen=True)
class Record:
    """One moment of one recording: its sequence, its position in it, and its cameras in ring order."""

    sequence: str
    frame: int
    cameras: tuple[str, ...]


@dataclass(frozen=True)
class PointPair:
    """Two pixels (row, column) of one image, the first of which is known to be closer to the camera."""

    closer: tuple[int, int]
    farther: tuple[int, int]


@dataclass(frozen=True, eq=False)
class View:
    """One image with everything asked for, as arrays at the resolution of the files. Layers not asked for are None."""

    image: np.ndarray
    """uint8 (h, w, 3) RGB."""
    camera: Camera
    path: Path
    """The image file, for messages."""
    depth: np.ndarray | None = None
    """float32 (h, w) [m], 0 where unknown."""
    inverse_depth: np.ndarray | None = None
    """float32 (h, w), relative: larger is closer, up to scale and perhaps shift; 0 where unknown."""
    cam_from_world: np.ndarray | None = None
    time_s: float | None = None
    usable: np.ndarray | None = None
    """bool (h, w), False where the own vehicle hides the scene."""
    material: np.ndarray | None = None
    misleading: np.ndarray | None = None
    """bool (h, w), where a plane sweep with true poses finds a wrong depth; no file has it (misleading.py)."""
    stereo: np.ndarray | None = None
    """float32 (h, w) [m], depth found in neighbouring frames without a network; no file has it (stereo.py)."""
    closed: np.ndarray | None = None
    """float32 (h, w) [m], the surface that `stereo` looks through, 0 where it looks through none; no file has it."""
    diffuse: np.ndarray | None = None
    albedo: np.ndarray | None = None
    normals: np.ndarray | None = None
    instance: np.ndarray | None = None
    classes: np.ndarray | None = None
    """uint8 (h, w), in the data set's own numbering, which its reader states."""
    reflections: np.ndarray | None = None
    """uint8 (h, w), bits of the regions that evaluation finds in rendered sets; no file has it."""
    taught: Mapping[str, np.ndarray] | None = None
    """float32 (c, y, x), what a teacher has said of the picture, by name, at sizes of its own (taught.py); no file of a data set has it."""
    semantic: np.ndarray | None = None
    """(2, c, y, x), map of a frozen encoder: of the picture and of the picture mirrored; no data set has it (features.py)."""
    tokens: np.ndarray | None = None
    """(2, k, n, d), token maps of another, likewise."""
    pairs: tuple[PointPair, ...] | None = None
    """Ordinal truth, for data sets that have nothing else."""
    sparse: bool = False
    """True where `depth` holds single measurements (LiDAR) instead of a surface: resampling moves the points, it does not pick pixels."""


@runtime_checkable
class Dataset(Protocol):
    """A data set on disk. Opening it reads the index only; files are read by `view`."""

    @property
    def name(self) -> str:
        """DATASET:ROOT, for messages and provenance."""
        ...

    @property
    def layers(self) -> frozenset[str]:
        """Names of the optional View fields this data set can give, and "cam_from_rig" where its cameras have a place on a rig."""
        ...

    @property
    def records(self) -> Sequence[Record]:
        """Every moment to train on or to score, ordered by sequence and frame."""
        ...

    @property
    def moments(self) -> Sequence[Record]:
        """Every moment on disk: the records, and what a split leaves out but a neighbouring frame may use."""
        ...

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one image and the asked-for layers. Raises UserError naming the file that is missing or broken."""
        ...


def iter_views(
    dataset: Dataset, layers: frozenset[str] = frozenset(), *, on_error: Callable[[UserError], None] | None = None
) -> Iterator[tuple[Record, str, View]]:
    """Every record and camera in order, untouched and at native resolution: how evaluation walks a data set.

    A broken file raises its UserError; with `on_error` it is handed over instead and the walk goes on.
    """
    for record in dataset.records:
        for camera in record.cameras:
            try:
                view = dataset.view(record, camera, layers)
            except UserError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            yield record, camera, view


def by_sequence(moments: Sequence[Record]) -> dict[str, dict[int, Record]]:
    """Moments by their sequence and frame."""
    found: dict[str, dict[int, Record]] = {}
    for moment in moments:
        found.setdefault(moment.sequence, {})[moment.frame] = moment
    return found


def frames_beside(frames: Mapping[int, Record], record: Record, camera: str, offsets: Sequence[int]) -> list[Record]:
    """Of the `frames` of its sequence those at `offsets` from a record that `camera` saw, as far as there are any."""
    found = (frames.get(record.frame + offset) for offset in offsets)
    return [moment for moment in found if moment is not None and camera in moment.cameras]
