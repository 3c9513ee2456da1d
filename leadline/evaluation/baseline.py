"""What a predictor must beat: the median depth of the training scenes, per camera and image row, or one for everything.

Streets and rooms look alike row by row (ground below, walls or sky above), so the row median is a baseline that cannot be
called trivial unfairly. Medians come from histograms over log depth, so any number of images fits in memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leadline.data.dataset import Dataset, View
from leadline.io.image import image_size
from leadline.prediction import Prediction
from leadline.types import DepthKind, ScaleSource, UserError

NEAREST_M, FARTHEST_M = 0.01, 1000.0
NUM_BINS = 8192
"""A bin is 0.14 % wide, and a median is off by half of that at most."""


@dataclass(frozen=True)
class RowMedian:
    """Median depth [m] of each image row of each camera, `rows[camera]` (height,). Rows without truth take the nearest row's."""

    rows: dict[str, np.ndarray]
    name: str = "row median of the training scenes"
    kind: DepthKind = DepthKind.METRIC

    @classmethod
    def fit(cls, dataset: Dataset, *, progress: Callable[[int], None] | None = None) -> "RowMedian":
        """From every image of `dataset`. Raises UserError when a camera has no depth at all."""
        histograms = _row_histograms(dataset, progress)
        return cls({camera: _filled(_medians(counts), subject=f"{dataset.name} {camera}") for camera, counts in histograms.items()})

    def predict(self, image: np.ndarray | str | Path, K: np.ndarray | None = None) -> Prediction:
        """For the only camera there is. Raises UserError when several are known: then `predict_views` is told which."""
        if len(self.rows) != 1:
            raise UserError(self.name, f"knows the cameras {', '.join(self.rows)} and was not told which", "evaluate it on a data set")
        height, width = image.shape[:2] if isinstance(image, np.ndarray) else image_size(Path(image))
        return self._prediction(next(iter(self.rows)), height, width, K)

    def predict_views(self, views: Sequence[View]) -> list[Prediction]:
        """One prediction per view, from the name of its camera alone. Raises UserError for a camera that was not seen in training."""
        for view in views:
            if view.camera.name not in self.rows:
                raise UserError(self.name, f"has seen no camera '{view.camera.name}'", f"it knows {', '.join(self.rows)}")
        return [self._prediction(v.camera.name, v.image.shape[0], v.image.shape[1], v.camera.K) for v in views]

    def _prediction(self, camera: str, height: int, width: int, K: np.ndarray | None) -> Prediction:
        rows = self.rows[camera]
        source = (np.arange(height) + 0.5) * rows.size / height - 0.5
        column = np.interp(source, np.arange(rows.size), rows)
        values = np.repeat(column[:, None], width, axis=1)
        return Prediction(values=values, kind=self.kind, K=K, scale_source=ScaleSource.TRAINING, model=self.name)


@dataclass(frozen=True)
class GlobalMedian:
    """One depth [m] for every pixel: the median over all images and cameras."""

    depth_m: float
    name: str = "median of the training scenes"
    kind: DepthKind = DepthKind.METRIC

    @classmethod
    def fit(cls, dataset: Dataset, *, progress: Callable[[int], None] | None = None) -> "GlobalMedian":
        """From every image of `dataset`. Raises UserError when there is no depth at all."""
        counts = np.sum([c.sum(axis=0, keepdims=True) for c in _row_histograms(dataset, progress).values()], axis=0)
        return cls(float(_filled(_medians(counts), subject=dataset.name)[0]))

    def predict(self, image: np.ndarray | str | Path, K: np.ndarray | None = None) -> Prediction:
        """The one depth, everywhere."""
        height, width = image.shape[:2] if isinstance(image, np.ndarray) else image_size(Path(image))
        values = np.full((height, width), self.depth_m, dtype=np.float32)
        return Prediction(values=values, kind=self.kind, K=K, scale_source=ScaleSource.TRAINING, model=self.name)


def _row_histograms(dataset: Dataset, progress: Callable[[int], None] | None) -> dict[str, np.ndarray]:
    """Counts (rows, NUM_BINS) per camera; a camera has as many rows as its first image."""
    if "depth" not in dataset.layers:
        raise UserError(dataset.name, "has no depth", "choose a data set with truth")
    layers = frozenset({"depth", "usable"} & dataset.layers)
    histograms: dict[str, np.ndarray] = {}
    for record in dataset.records:
        for camera in record.cameras:
            view = dataset.view(record, camera, layers)
            _count(view, histograms)
            if progress is not None:
                progress(1)
    if not histograms:
        raise UserError(dataset.name, "holds no image", "check the folder and the split")
    return histograms


def _count(view: View, histograms: dict[str, np.ndarray]) -> None:
    assert view.depth is not None
    counts = histograms.setdefault(view.camera.name, np.zeros((view.depth.shape[0], NUM_BINS), dtype=np.int32))
    known = view.depth > 0 if view.usable is None else (view.depth > 0) & view.usable
    rows, _ = np.nonzero(known)
    position = np.log(view.depth[known] / NEAREST_M) / np.log(FARTHEST_M / NEAREST_M)
    bins = np.clip(position * NUM_BINS, 0, NUM_BINS - 1).astype(np.int64)
    cells = rows * len(counts) // view.depth.shape[0] * NUM_BINS + bins
    counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape).astype(np.int32)


def _medians(counts: np.ndarray) -> np.ndarray:
    """Median depth [m] of each histogram, NaN where it is empty."""
    below = np.cumsum(counts, axis=1)
    middle = np.argmax(below * 2 >= below[:, -1:], axis=1)
    depth = NEAREST_M * (FARTHEST_M / NEAREST_M) ** ((middle + 0.5) / NUM_BINS)
    return np.where(below[:, -1] > 0, depth, np.nan)


def _filled(rows: np.ndarray, *, subject: str) -> np.ndarray:
    """Rows without truth take the value of the nearest row that has one."""
    known = np.flatnonzero(np.isfinite(rows))
    if known.size == 0:
        raise UserError(subject, "has no depth anywhere", "fit on a data set with truth")
    nearest = known[np.abs(np.arange(rows.size)[:, None] - known).argmin(axis=1)]
    return rows[nearest]
