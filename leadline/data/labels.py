"""Depth that teachers have written for a data set: a folder of labels, and the data set with them in place of its own depth.

    labels.json                   which data set, at which size, by whom and how; `num_labels` when it is finished
    SEQUENCE/FRAME/CAMERA.png     depth [m] of a view at that size, 0 where unknown

The files are 16-bit PNG with a scale of their own: stored depth is off by at most its farthest value / 131070, which is 0.15 mm
where that is 20 m. `leadline label` writes such a folder (cli/label.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.written import Written, as_written
from leadline.io.depth import PNG_SCALE, DepthFile, read_depth, write_depth
from leadline.types import DepthKind, UserError

LABELS = Written(about="labels.json", format=1, what="labels", ending=".png")
_LARGEST = 65535


def write_label(path: Path, depth: Float[np.ndarray, "h w"], *, K: Float[np.ndarray, "3 3"], model: str) -> None:
    """Write depth [m], 0 where unknown, with 16 bits spread over it. Raises UserError where it cannot be written."""
    file = DepthFile(values=depth, K=K, kind=DepthKind.METRIC, model=model)
    farthest = float(file.values.max())
    write_depth(path, file, png_scale=_LARGEST / farthest if farthest > 0 else PNG_SCALE, sidecar=False)


class WithLabels:
    """A data set whose depth is that of a folder of labels; views without one are left out.

    Views come as the labels were made: cut in the centre to the aspect of the labels and resized to `height` x `width` [px]. Raises
    UserError for a folder that is not finished, or that holds the labels of other data or none of these.
    """

    def __init__(self, dataset: Dataset, folder: Path, *, footage: FootageOptions) -> None:
        about = LABELS.opened(folder, dataset, footage)
        self.folder = folder
        self.height, self.width = int(about["height"]), int(about["width"])
        self._dataset = dataset
        self.name = dataset.name
        self.layers = dataset.layers | {"depth"}
        self._whole = {(record.sequence, record.frame): record for record in dataset.records}
        there = LABELS.there(folder)
        self.records: Sequence[Record] = [
            replace(record, cameras=cameras)
            for record in dataset.records
            if (cameras := tuple(c for c in record.cameras if LABELS.path(Path(), record, c) in there))
        ]
        if not self.records:
            raise UserError(folder, f"has no label for any picture of {dataset.name}", "write labels for this split")
        self.moments = self.records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for a label that is missing, broken or of another size."""
        whole = self._dataset.view(self._whole[record.sequence, record.frame], camera, layers - {"depth"})
        view = as_written(whole, height=self.height, width=self.width)
        if "depth" not in layers:
            return view
        path = LABELS.path(self.folder, record, camera)
        label = read_depth(path)
        if label.values.shape != (self.height, self.width):
            wrong = f"is {label.values.shape[1]}x{label.values.shape[0]}, the labels of {LABELS.about} are {self.width}x{self.height}"
            raise UserError(path, wrong, "remove it and write the labels again")
        return replace(view, depth=label.values, sparse=False)
