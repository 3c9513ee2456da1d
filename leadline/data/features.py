"""What frozen encoders see in every picture of a data set: a folder of features, and the data set with them as layers.

    features.json                 which data set, at which size, by which encoders; `num_features` when it is finished
    SEQUENCE/FRAME/CAMERA.npz     `semantic` (2, c, y, x), `tokens` (2, k, n, d): of the picture, and of the picture mirrored

They are half precision, or single where that does not hold them. `leadline features` writes such a folder (cli/features.py). Features
are of pictures as they are: training mirrors pictures, for which there is the second half, and can neither crop nor resize them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.transforms import FEATURES
from leadline.data.written import Written, as_written
from leadline.io.atomic import atomic_write
from leadline.io.npzfile import read_npz_array
from leadline.types import UserError

KEPT = Written(about="features.json", format=1, what="features", ending=".npz", verb="features")
LARGEST_HALF = 6e4


def write_features(path: Path, features: Mapping[str, np.ndarray]) -> None:
    """Write the features of one view, whole or not at all. Raises UserError where they cannot be written."""
    halved = {name: values.astype(np.float16) if np.abs(values).max() < LARGEST_HALF else values for name, values in features.items()}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **halved)  # pyright: ignore[reportArgumentType]


class WithFeatures:
    """A data set with the features of a folder; views come as the encoders saw them, cut in the centre and resized.

    `made_by` are the layers to be read and the fingerprints of their encoders. Raises UserError for a folder that is not finished, or
    holds features of other data, of other encoders or at another size than `height` x `width` [px].
    """

    def __init__(
        self, dataset: Dataset, folder: Path, *, made_by: Mapping[str, str], height: int, width: int, footage: FootageOptions
    ) -> None:
        about = KEPT.opened(folder, dataset, footage)
        _check_encoders(folder, about["made_by"], made_by)
        if (about["height"], about["width"]) != (height, width):
            wrong = f"holds features of {about['width']}x{about['height']} px, training asks for {width}x{height}"
            raise UserError(folder, wrong, "write features of that size, or train at theirs")
        self._dataset, self._folder, self._height, self._width = dataset, folder, height, width
        self.name = dataset.name
        self.layers = dataset.layers | made_by.keys()
        self.records: Sequence[Record] = dataset.records
        self.moments: Sequence[Record] = dataset.moments

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for features that are missing or broken."""
        whole = self._dataset.view(record, camera, layers - FEATURES)
        view = as_written(whole, height=self._height, width=self._width)
        path = KEPT.path(self._folder, record, camera)
        remedy = "remove it and repeat the `leadline features` command"
        return replace(view, **{name: read_npz_array(path, name, what="features", remedy=remedy) for name in layers & FEATURES})


def _check_encoders(folder: Path, there: Mapping[str, Mapping[str, str]], wanted: Mapping[str, str]) -> None:
    for layer, fingerprint in wanted.items():
        if layer not in there:
            raise UserError(folder, f"holds {', '.join(there)}, no {layer}", "write those too, or change --method.cached")
        found = there[layer]
        if found["fingerprint"] != fingerprint:
            wrong = f"its {layer} are of {found['name']} with weights {found['fingerprint']}, the method has {fingerprint}"
            raise UserError(folder, wrong, "write them again with the encoders of the method")
