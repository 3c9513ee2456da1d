"""A data set of which only some sequences have depth, as where few cars of a fleet carry a LiDAR."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadline.data.dataset import Dataset, Record, View


class WithSomeDepth:
    """A data set whose depth is kept for a share of its sequences, spread evenly over their order; elsewhere depth is 0, unknown."""

    def __init__(self, dataset: Dataset, share: float) -> None:
        self._dataset = dataset
        self.name, self.layers = dataset.name, dataset.layers
        self.records: Sequence[Record] = dataset.records
        self.moments: Sequence[Record] = dataset.moments
        sequences = list(dict.fromkeys(record.sequence for record in dataset.moments))
        count = max(1, round(share * len(sequences)))
        self.kept = frozenset(sequences[i * len(sequences) // count] for i in range(count))

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set."""
        view = self._dataset.view(record, camera, layers)
        if view.depth is None or record.sequence in self.kept:
            return view
        return replace(view, depth=np.zeros_like(view.depth))
