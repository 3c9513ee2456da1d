"""What a teacher with bins of depth has said of a data set, kept in files, and the data set with it as the layer `taught`.

    taught.json                   which data set, at which size, by whom and with which bins; `num_answers` when it is finished
    SEQUENCE/FRAME/CAMERA.npz     of a view: probabilities and centres where the head answers, its embedding in 12 x 20 cells

`leadline label --bins` writes such a folder. The answers are rounded, and then packed without further loss:

    probs      (k, y, x)               the sum over the bins so far, in steps of 1 / 4095: each is off by at most that, and they sum to 1.
                                       Depth is off by at most 1 / 8190 of the way from the first centre to the last, mostly far less
    centres    (k, y, x) or (k, 1, 1)  the logarithm, in steps of 0.004: off by at most 0.2 %
    embedding  (e, 12, 20)             50 steps up to the largest of its channel: off by at most 1 % of that

A mirrored picture is taught the mirrored answer, and one with other colours the answer to the colours of the file: nearly what the
teacher itself would say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.written import Written, as_written
from leadline.io.atomic import atomic_write
from leadline.io.npzfile import read_npz_array
from leadline.types import UserError

TAUGHT = Written(about="taught.json", format=1, what="answers", ending=".npz")
PROBABILITY_STEPS = 4095
CENTRE_STEP = 0.004
EMBEDDING_STEPS = 50
AGAIN = "remove it, and repeat the `leadline label` command"
NEAREST_M = 1e-3
"""Centres nearer than this [m] are kept as this."""
ALONG = {"probs": (0, 2), "centres": (0, 1, 2), "embedding": (1, 2)}
"""Axes along which neighbours are alike, so that their differences are small numbers."""


def write_taught(path: Path, answer: Mapping[str, Float[np.ndarray, "_c _y _x"]]) -> None:
    """Write probs, centres and embedding of one view. Raises UserError where they cannot be written."""
    probs, embedding = answer["probs"].astype(np.float64), answer["embedding"]
    so_far = np.rint(np.cumsum(probs, axis=0) / probs.sum(axis=0) * PROBABILITY_STEPS).astype(np.int32)
    centres = np.rint(np.log(np.maximum(answer["centres"], NEAREST_M) / NEAREST_M) / CENTRE_STEP).astype(np.int32)
    largest = np.maximum(np.abs(embedding).max(axis=(1, 2), keepdims=True), 1e-30).astype(np.float32)
    counts = {"probs": np.diff(so_far, axis=0, prepend=0), "centres": centres, "embedding": _steps(embedding / largest)}
    packed: dict[str, Any] = {name: _packed(values, ALONG[name]) for name, values in counts.items()}
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **packed, largest=largest)


def read_taught(path: Path) -> dict[str, Float[np.ndarray, "_c _y _x"]]:
    """What `write_taught` has written, as float32. Raises UserError for a file that is missing or broken."""
    stored = {name: read_npz_array(path, name, what="answer of a teacher", remedy=AGAIN) for name in (*ALONG, "largest")}
    counts = {name: _unpacked(stored[name], axes) for name, axes in ALONG.items()}
    return {
        "probs": (counts["probs"] / PROBABILITY_STEPS).astype(np.float32),
        "centres": (NEAREST_M * np.exp(counts["centres"] * CENTRE_STEP)).astype(np.float32),
        "embedding": (counts["embedding"] * (stored["largest"] / EMBEDDING_STEPS)).astype(np.float32),
    }


class WithTaught:
    """A data set with the layer `taught` of a folder of answers; moments of which a camera has none are left out.

    Views come as the teacher saw them: cut in the centre and resized to `height` x `width` [px]. Raises UserError for a folder that is
    not finished, or that holds answers to other data or to none of these.
    """

    def __init__(self, dataset: Dataset, folder: Path, *, footage: FootageOptions) -> None:
        self.about = TAUGHT.opened(folder, dataset, footage)
        self.folder = folder
        self.height, self.width = int(self.about["height"]), int(self.about["width"])
        self._dataset = dataset
        self.name, self.moments, self.layers = dataset.name, dataset.moments, dataset.layers | {"taught"}
        there = TAUGHT.there(folder)
        self.records: Sequence[Record] = [
            record for record in dataset.records if all(TAUGHT.path(Path(), record, camera) in there for camera in record.cameras)
        ]
        if not self.records:
            raise UserError(folder, f"has no answer to any picture of {dataset.name}", "write answers for this split")

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set, and for an answer that is missing or broken."""
        whole = self._dataset.view(record, camera, layers - {"taught"})
        view = as_written(whole, height=self.height, width=self.width)
        return replace(view, taught=read_taught(TAUGHT.path(self.folder, record, camera))) if "taught" in layers else view

    def check_teacher(self, options: Sequence[tuple[str, float | None]], *, same_as: "WithTaught") -> None:
        """Raise UserError for a teacher with other options of its bins, and for another one than that of `same_as`."""
        for option, wanted in options:
            theirs = self.about["bins"].get(option)
            if theirs != wanted:
                wrong = f"holds what a teacher with {option} {theirs} said, the student has {wanted}"
                raise UserError(self.folder, wrong, f"give --method.{option.replace('_', '-')} {theirs}")
        ours, others = (one.about["teachers"]["teacher"] for one in (self, same_as))
        if ours["fingerprint"] != others["fingerprint"]:
            wrong = f"holds what {ours['name']} {ours['fingerprint']} said, {same_as.folder} what {others['name']} said"
            raise UserError(self.folder, wrong, "write both with one teacher")


def _steps(shares: Float[np.ndarray, "e y x"]) -> Int[np.ndarray, "e y x"]:
    return np.rint(shares * EMBEDDING_STEPS).astype(np.int32)


def _packed(values: Int[np.ndarray, "c y x"], axes: tuple[int, ...]) -> UInt8[np.ndarray, "2 c y x"]:
    """Differences between neighbours, without a sign, their low and high bytes apart: what the compression of .npz is good at."""
    for axis in axes:
        values = np.diff(values, axis=axis, prepend=0)
    unsigned = np.where(values < 0, -2 * values - 1, 2 * values)
    return np.stack([unsigned & 255, unsigned >> 8]).astype(np.uint8)


def _unpacked(planes: UInt8[np.ndarray, "2 c y x"], axes: tuple[int, ...]) -> Int[np.ndarray, "c y x"]:
    low, high = planes.astype(np.int32)
    unsigned = low | high << 8
    values = np.where(unsigned & 1, -(unsigned + 1) // 2, unsigned // 2)
    for axis in reversed(axes):
        values = np.cumsum(values, axis=axis)
    return values
