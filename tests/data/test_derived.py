"""Layers made of several frames: made once, kept exactly, and never taken for those of other pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.dataset import Dataset, Record, View
from leadline.data.derived import ABOUT, with_derived
from leadline.data.sample import Needs
from leadline.scenes.produce import produce
from leadline.types import UserError

BOTH = frozenset({"closed", "misleading"})
NEEDS = Needs(layers=BOTH | {"cam_from_world"}, frames=(0, -1, 1))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("derived") / "rooms"
    produce("rooms", root, scenes=1, frames=3, height=32, width=48, seed=3, layers=(), variant="scalar", workers=1)
    return root


def middle(dataset: Dataset, layers: frozenset[str] = BOTH) -> View:
    record = dataset.records[1]
    return dataset.view(record, record.cameras[0], layers)


class Counting:
    """A data set that counts what is read."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.name, self.records, self.moments, self.layers = dataset.name, dataset.records, dataset.moments, dataset.layers
        self.num_read = 0

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        self.num_read += 1
        return self._dataset.view(record, camera, layers)


def test_with_derived__makes_what_is_asked_for_and_nothing_else(rooms: Path) -> None:
    dataset = open_dataset(f"rendered:{rooms}")
    assert with_derived(dataset, Needs(layers=frozenset({"depth"}))) is dataset
    view = middle(with_derived(dataset, NEEDS))
    assert view.closed is not None and view.misleading is not None and view.stereo is None
    already = with_derived(dataset, NEEDS)
    assert with_derived(already, NEEDS) is already


def test_kept__is_made_once_and_comes_back_exactly(rooms: Path, tmp_path: Path) -> None:
    made = middle(with_derived(open_dataset(f"rendered:{rooms}"), NEEDS))
    first = middle(with_derived(open_dataset(f"rendered:{rooms}"), NEEDS, keep=tmp_path))
    counting = Counting(open_dataset(f"rendered:{rooms}"))
    later = with_derived(counting, NEEDS, keep=tmp_path)
    counting.num_read = 0
    again = middle(later)
    assert counting.num_read == 1  # the picture, and no neighbour
    for name in BOTH:
        for view in (first, again):
            assert getattr(view, name).dtype == getattr(made, name).dtype
            np.testing.assert_array_equal(getattr(view, name), getattr(made, name))


def test_kept__of_other_pictures_is_refused(rooms: Path, tmp_path: Path) -> None:
    dataset = open_dataset(f"rendered:{rooms}")
    middle(with_derived(dataset, NEEDS, keep=tmp_path))
    with pytest.raises(UserError, match="keeps layers of other pictures"):
        with_derived(dataset, replace(NEEDS, frames=(0, -4, 4)), keep=tmp_path)


def test_kept__a_broken_file_is_named(rooms: Path, tmp_path: Path) -> None:
    kept = with_derived(open_dataset(f"rendered:{rooms}"), NEEDS, keep=tmp_path)
    middle(kept)
    (file,) = tmp_path.rglob("*.closed.npz")
    assert not list(tmp_path.rglob(".leadline-*")) and list(tmp_path.rglob(ABOUT))
    file.write_bytes(b"PK")
    with pytest.raises(UserError, match="remove it: it is made again"):
        middle(kept)
