"""Decoded files kept in memory: for data sets that fit, after the first epoch nothing is read or decoded again."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from torch.utils.data import get_worker_info

from leadline.data.dataset import Dataset, Record, View


class ViewCache:
    """A data set that remembers the views it has read, up to `max_bytes` of arrays.

    A full cache keeps what it has and reads the rest from disk every time: in a shuffled order every view is used once
    an epoch, so throwing one out for another gains nothing. Each worker process has its own cache and an equal part of
    the budget, so one worker or none uses the memory best. Cached arrays are shared: nobody may write into them.
    """

    def __init__(self, dataset: Dataset, max_bytes: int) -> None:
        self._dataset = dataset
        self._max_bytes = max_bytes
        self._views: dict[tuple[Record, str, frozenset[str]], View] = {}
        self.used_bytes = 0

    @property
    def name(self) -> str:
        """Name of the data set behind it."""
        return self._dataset.name

    @property
    def layers(self) -> frozenset[str]:
        """Layers of the data set behind it."""
        return self._dataset.layers

    @property
    def records(self) -> Sequence[Record]:
        """Records of the data set behind it."""
        return self._dataset.records

    @property
    def moments(self) -> Sequence[Record]:
        """Moments of the data set behind it."""
        return self._dataset.moments

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """The view, from memory where it was read before. Raises UserError like the data set."""
        key = record, camera, layers
        if key in self._views:
            return self._views[key]
        view = self._dataset.view(record, camera, layers)
        size = _num_bytes(view)
        worker = get_worker_info()
        if self.used_bytes + size <= self._max_bytes / (worker.num_workers if worker else 1):
            self._views[key] = view
            self.used_bytes += size
        return view


def _num_bytes(view: View) -> int:
    arrays = [*(getattr(view, field.name) for field in fields(view)), *(view.taught or {}).values()]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
