"""What frozen encoders see in every picture of a data set: a folder of features, and the data set with them as layers.

    features.json                 which data set, at which size, by which encoders; `num_views` when it is finished
    SEQUENCE/FRAME/CAMERA.npz     `semantic` (2, c, y, x), `tokens` (2, k, n, d): of the picture, and of the picture mirrored

They are half precision, or single where that does not hold them. `leadline features` writes such a folder (cli/features.py). Features
are of pictures as they are: training mirrors pictures, for which there is the second half, and can neither crop nor resize them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.transforms import FEATURES, centre_window, crop_view, resize_view
from leadline.data.written import written_for
from leadline.io.atomic import atomic_write
from leadline.io.jsonfile import read_json
from leadline.io.npzfile import read_npz_array
from leadline.types import UserError

ABOUT = "features.json"
FORMAT = 1
LARGEST_HALF = 6e4


def features_path(folder: Path, record: Record, camera: str) -> Path:
    """Where the features of one view are."""
    return folder / record.sequence / f"{record.frame:06d}" / f"{camera}.npz"


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
        about = read_about(folder)
        for key, value in written_for(dataset, footage).items():
            if about[key] != value:
                wrong = f"holds features of {about['data']} with {key} {about[key]}, not of {dataset.name} with {key} {value}"
                raise UserError(folder, wrong, "give the features that were written for this data set")
        _check_encoders(folder, about["made_by"], made_by)
        if (about["height"], about["width"]) != (height, width):
            wrong = f"holds features of {about['width']}x{about['height']} px, training asks for {width}x{height}"
            raise UserError(folder, wrong, "write features of that size, or train at theirs")
        if about["num_views"] is None:
            raise UserError(folder, "is not finished", "the `leadline features` command that began it continues it")
        self._dataset, self._folder, self._height, self._width = dataset, folder, height, width
        self.name = dataset.name
        self.layers = dataset.layers | made_by.keys()
        self.records: Sequence[Record] = dataset.records
        self.moments: Sequence[Record] = dataset.moments

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for features that are missing or broken."""
        whole = self._dataset.view(record, camera, layers - FEATURES)
        window = centre_window(*whole.image.shape[:2], aspect=self._width / self._height)
        view = resize_view(crop_view(whole, window), height=self._height, width=self._width)
        path = features_path(self._folder, record, camera)
        remedy = "remove it and repeat the `leadline features` command"
        return replace(view, **{name: read_npz_array(path, name, what="features", remedy=remedy) for name in layers & FEATURES})


def read_about(folder: Path) -> dict[str, Any]:
    """What features.json says. Raises UserError for a folder that has none, or one of another format."""
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(folder, f"has no {ABOUT}", "give a folder that `leadline features` has written")
    about = read_json(path)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(path, f"is not of format {FORMAT}", "write the features again, or update leadline")
    missing = [key for key in ("data", "footage", "height", "width", "made_by", "num_views") if key not in about]
    if missing:
        raise UserError(path, f"lacks {', '.join(missing)}", "write the features again")
    return about


def _check_encoders(folder: Path, there: Mapping[str, Mapping[str, str]], wanted: Mapping[str, str]) -> None:
    for layer, fingerprint in wanted.items():
        if layer not in there:
            raise UserError(folder, f"holds {', '.join(there)}, no {layer}", "write those too, or change --method.cached")
        found = there[layer]
        if found["fingerprint"] != fingerprint:
            wrong = f"its {layer} are of {found['name']} with weights {found['fingerprint']}, the method has {fingerprint}"
            raise UserError(folder, wrong, "write them again with the encoders of the method")
