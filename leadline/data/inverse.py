"""A data set in metres for methods that learn from relative inverse depth, so that both kinds of data set can be mixed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadline.data.dataset import Dataset, Record, View


class WithInverseDepth:
    """A data set whose layer `inverse_depth` is 1 / depth [1/m], 0 where depth is unknown."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.name, self.layers = dataset.name, dataset.layers | {"inverse_depth"}
        self.records: Sequence[Record] = dataset.records
        self.moments: Sequence[Record] = dataset.moments

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set."""
        if "inverse_depth" not in layers:
            return self._dataset.view(record, camera, layers)
        view = self._dataset.view(record, camera, (layers - {"inverse_depth"}) | {"depth"})
        assert view.depth is not None
        known = view.depth > 0
        inverse = np.where(known, 1 / np.where(known, view.depth, 1), 0).astype(np.float32)
        return replace(view, inverse_depth=inverse, depth=view.depth if "depth" in layers else None)
