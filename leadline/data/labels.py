"""Depth that teachers have written for a data set: a folder of labels, and the data set with them in place of its own depth.

    labels.json                   which data set, at which size, by whom and how; `num_labels` when it is finished
    SEQUENCE/FRAME/CAMERA.png     depth [m] of a view at that size, 0 where unknown

The files are 16-bit PNG with a scale of their own: stored depth is off by at most its farthest value / 131070, which is 0.15 mm
where that is 20 m. `leadline label` writes such a folder (cli/label.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from leadline.data.catalog import bare_name
from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.transforms import centre_window, crop_view, resize_view
from leadline.io.depth import PNG_SCALE, DepthFile, read_depth, write_depth
from leadline.io.jsonfile import read_json
from leadline.types import DepthKind, UserError

ABOUT = "labels.json"
FORMAT = 1
_LARGEST = 65535


def labelled_data(dataset: Dataset, footage: FootageOptions) -> dict[str, Any]:
    """What labels belong to: the data set without the folders above it and, as frames of footage are counted anew, which of them."""
    is_video = dataset.name.startswith("video:")
    chosen = {"stride": footage.stride, "min_motion": footage.min_motion} if is_video else None
    return {"data": bare_name(dataset.name), "footage": chosen}


def label_path(folder: Path, record: Record, camera: str) -> Path:
    """Where the label of one view is."""
    return folder / record.sequence / f"{record.frame:06d}" / f"{camera}.png"


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
        about = read_about(folder)
        expected = labelled_data(dataset, footage)
        for key, value in expected.items():
            if about[key] != value:
                wrong = f"holds labels of {about['data']} with {key} {about[key]}, not of {expected['data']} with {key} {value}"
                raise UserError(folder, wrong, "give the labels that were written for this data set")
        if about["num_labels"] is None:
            raise UserError(folder, "is not finished", "the `leadline label` command that began it continues it")
        self.folder = folder
        self.height, self.width = int(about["height"]), int(about["width"])
        self._dataset = dataset
        self.name = dataset.name
        self.layers = dataset.layers | {"depth"}
        self._whole = {(record.sequence, record.frame): record for record in dataset.records}
        there = {path.relative_to(folder) for path in folder.rglob("*.png")}
        self.records: Sequence[Record] = [
            replace(record, cameras=cameras)
            for record in dataset.records
            if (cameras := tuple(c for c in record.cameras if label_path(Path(), record, c) in there))
        ]
        if not self.records:
            raise UserError(folder, f"has no label for any picture of {dataset.name}", "write labels for this split")
        self.moments = self.records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for a label that is missing, broken or of another size."""
        whole = self._dataset.view(self._whole[record.sequence, record.frame], camera, layers - {"depth"})
        window = centre_window(*whole.image.shape[:2], aspect=self.width / self.height)
        view = resize_view(crop_view(whole, window), height=self.height, width=self.width)
        if "depth" not in layers:
            return view
        path = label_path(self.folder, record, camera)
        label = read_depth(path)
        if label.values.shape != (self.height, self.width):
            wrong = f"is {label.values.shape[1]}x{label.values.shape[0]}, the labels of {ABOUT} are {self.width}x{self.height}"
            raise UserError(path, wrong, "remove it and write the labels again")
        return replace(view, depth=label.values, sparse=False)


def read_about(folder: Path) -> dict[str, Any]:
    """What labels.json says. Raises UserError for a folder that has none, or one of another format."""
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(folder, f"has no {ABOUT}", "give a folder that `leadline label` has written")
    about = read_json(path)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else type(about).__name__
        raise UserError(path, f"has format {found!r}, this version reads {FORMAT}", "write the labels again, or update leadline")
    missing = [key for key in ("data", "footage", "height", "width", "num_labels") if key not in about]
    if missing:
        raise UserError(path, f"lacks {', '.join(missing)}", "write the labels again")
    return about
