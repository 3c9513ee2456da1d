"""Layers that no data set has and that are made of several frames: made for whoever asks, and kept in files where one likes.

    derived.json                            whose layers these are
    SEQUENCE/FRAME/CAMERA.LAYER.npz         `values`, exactly as they were made

A layer takes up to a second per picture, and a run needs it once for each: files spare that to whoever comes next, a resumed run first.
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.catalog import bare_name
from leadline.data.dataset import Dataset, Record, View
from leadline.data.misleading import MISLEADING, WithMisleading
from leadline.data.sample import Needs
from leadline.data.stereo import CLOSED, STEREO, WithStereo, stereo_step
from leadline.io.atomic import atomic_write
from leadline.io.jsonfile import read_json, write_json
from leadline.io.npzfile import read_npz_array
from leadline.types import UserError

FORMAT = 1
"""Of the files and of how layers are made: to be raised when another rule or constant makes other layers, so that old ones are refused."""
ABOUT = "derived.json"
DERIVED = frozenset({MISLEADING, STEREO, CLOSED})


def with_derived(dataset: Dataset, needs: Needs, *, keep: Path | None = None) -> Dataset:
    """`dataset` with the layers `misleading`, `stereo` and `closed` where `needs` asks for them and it lacks them, kept below `keep`.

    Raises UserError when they cannot be made of it, and for a folder that keeps those of other pictures.
    """
    missing = needs.layers & DERIVED - dataset.layers
    if MISLEADING in missing:
        dataset = WithMisleading(dataset)
    if missing & {STEREO, CLOSED}:
        dataset = WithStereo(dataset, step=stereo_step(needs.frames))
    if missing and keep is not None:
        return Kept(dataset, keep / bare_name(dataset.name).replace(":", "-"), step=stereo_step(needs.frames))
    return dataset


class Kept:
    """A data set with derived layers, each of which is written to `folder` when it is first made, and read from there afterwards."""

    def __init__(self, dataset: Dataset, folder: Path, *, step: int) -> None:
        self._dataset, self._folder = dataset, folder
        self.name, self.records, self.moments, self.layers = dataset.name, dataset.records, dataset.moments, dataset.layers
        about = _about(dataset, step)
        if not (folder / ABOUT).exists():
            write_json(folder / ABOUT, about)
        elif read_json(folder / ABOUT) != about:
            raise UserError(folder, f"keeps layers of other pictures than those of {dataset.name}", "give an empty folder, or remove it")

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for a file that is broken or cannot be written."""
        paths = {name: self._folder / record.sequence / f"{record.frame:06d}" / f"{camera}.{name}.npz" for name in layers & DERIVED}
        there = frozenset(name for name, path in paths.items() if path.exists())
        view = self._dataset.view(record, camera, layers - there)
        for name in paths.keys() - there:
            with atomic_write(paths[name]) as temporary:
                np.savez_compressed(temporary, values=getattr(view, name))
        remedy = "remove it: it is made again"
        return replace(view, **{name: read_npz_array(paths[name], "values", what=f"layer {name}", remedy=remedy) for name in there})


def _about(dataset: Dataset, step: int) -> dict[str, Any]:
    record = dataset.records[0]
    first = dataset.view(record, record.cameras[0], frozenset()).image
    return {"format": FORMAT, "data": bare_name(dataset.name), "step": step, "first_picture": sha256(first.tobytes()).hexdigest()[:16]}
