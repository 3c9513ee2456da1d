"""Answers of a teacher in files: what rounding costs, what a view of them is, what may be done to it, and folders that do not belong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.data.augment import Augment
from leadline.data.cache import ViewCache
from leadline.data.footage import AS_IT_IS
from leadline.data.sample import Needs, Sample, collate
from leadline.data.source import SampleSource
from leadline.data.taught import TAUGHT, WithTaught, read_taught, write_taught
from leadline.data.transforms import Transform, Window, crop_view, flip_view, resize_sample, resize_view
from leadline.io.jsonfile import write_json
from leadline.training import data as training_data
from leadline.training.config import DataConfig
from leadline.types import UserError
from tests.fixtures.tiny_answers import answer

SIZE: dict[str, Any] = {"height": 12, "width": 20}
BINS = {"num_bins": 8, "min_depth_m": 0.1, "max_depth_m": 200.0, "canonical_focal": 0.8}
TAUGHT_NEEDS = Needs(layers=frozenset({"taught", "usable"}), rig=True, taught_by=tuple(BINS.items()))


def about(**changes: Any) -> dict[str, Any]:
    teacher = {"name": "wide", "fingerprint": "0123456789abcdef", "licence": "Apache-2.0"}
    made = {"format": 1, "data": "ring:memory", "footage": None, **SIZE, "bins": BINS, "teachers": {"teacher": teacher}, "num_answers": 12}
    return made | changes


def small(seed: int) -> dict[str, np.ndarray]:
    return answer(seed, num_bins=8, height=3, width=5, channels=4)


@pytest.fixture
def folder(ring, tmp_path: Path) -> Path:
    """Answers for all cameras of two moments, and for one camera of a third."""
    write_json(tmp_path / "taught.json", about())
    for record in ring.records[1:4]:
        for number, camera in enumerate(record.cameras if record.frame < 3 else record.cameras[:1]):
            write_taught(TAUGHT.path(tmp_path, record, camera), small(10 * record.frame + number))
    return tmp_path


@pytest.mark.parametrize("seed", range(3))
def test_answer__is_off_by_less_than_it_says_and_small(seed: int, tmp_path: Path) -> None:
    said = answer(seed)
    write_taught(tmp_path / "a.npz", said)
    read = read_taught(tmp_path / "a.npz")
    assert all(values.dtype == np.float32 and values.shape == said[name].shape for name, values in read.items())
    assert np.abs(read["probs"] - said["probs"]).max() <= 1 / 4095 + 1e-6 < 1 / 500
    assert (np.abs(read["centres"] / said["centres"] - 1)).max() <= 0.0021
    largest = np.abs(said["embedding"]).max(axis=(1, 2), keepdims=True)
    assert (np.abs(read["embedding"] - said["embedding"]) / largest).max() <= 0.0101
    depth, before = ((one["probs"] * one["centres"]).sum(axis=0) for one in (read, said))
    assert (np.abs(depth - before) / before).max() < 0.005
    np.testing.assert_allclose(read["probs"].sum(axis=0), 1, atol=1e-6)
    assert (np.diff(read["centres"], axis=0) >= 0).all() and (read["probs"] >= 0).all()
    assert (tmp_path / "a.npz").stat().st_size <= 61_000
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_answer__sums_that_are_nearly_one_and_channels_of_nothing(tmp_path: Path) -> None:
    said = small(0)
    said["probs"] *= 1.0001
    said["embedding"][1] = 0
    write_taught(tmp_path / "a.npz", said)
    read = read_taught(tmp_path / "a.npz")
    assert (read["embedding"][1] == 0).all() and np.isfinite(read["embedding"]).all()
    np.testing.assert_allclose(read["probs"].sum(axis=0), 1, atol=1e-6)


def test_answer__one_set_of_centres_for_the_picture(tmp_path: Path) -> None:
    said = small(0) | {"centres": np.geomspace(0.1, 200, 8, dtype=np.float32).reshape(8, 1, 1)}
    write_taught(tmp_path / "a.npz", said)
    np.testing.assert_allclose(read_taught(tmp_path / "a.npz")["centres"], said["centres"], rtol=0.0021)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_answer__that_is_broken_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"a.npz: (is empty .*|is no answer of a teacher .*; remove it, and repeat)"):
        read_taught(tmp_path / "a.npz")


def test_with_taught__only_moments_of_which_every_camera_has_an_answer(ring, folder: Path) -> None:
    taught = WithTaught(ring, folder, footage=AS_IT_IS)
    assert [(r.frame, len(r.cameras)) for r in taught.records] == [(1, 6), (2, 6)]
    assert "taught" in taught.layers and len(taught.moments) == 8, "neighbours in time need no answer"
    record = taught.records[0]
    view = taught.view(record, "cam2", frozenset({"taught"}))
    assert view.taught is not None and view.image.shape == (12, 20, 3)
    np.testing.assert_allclose(view.taught["probs"], small(12)["probs"], atol=1 / 4095)
    assert taught.view(record, "cam2", frozenset()).taught is None


def test_samples__of_the_reference_alone_stacked_and_moved(ring, folder: Path) -> None:
    needs = replace(TAUGHT_NEEDS, frames=(0, 1))
    source = SampleSource(WithTaught(ring, folder, footage=AS_IT_IS), needs, Transform(**SIZE))
    sample = source[0, 0]
    assert sample.taught is not None and sample.image.shape[:2] == (2, 6)
    assert {name: tuple(values.shape) for name, values in sample.taught.items()} == {
        "probs": (1, 6, 8, 3, 5),
        "centres": (1, 6, 8, 3, 5),
        "embedding": (1, 6, 4, 12, 20),
    }
    batch = collate([sample, source[0, 1]])
    assert batch.taught is not None and batch.taught["probs"].shape == (2, 1, 6, 8, 3, 5)
    moved = batch.to("meta")
    assert moved.taught is not None and all(values.device.type == "meta" for values in moved.taught.values())
    assert collate([replace(sample, taught=None)] * 2).taught is None


def test_samples__mirrored_with_their_answers_in_the_order_of_the_ring(ring, folder: Path) -> None:
    """Blue tells the cameras apart."""
    data = WithTaught(ring, folder, footage=AS_IT_IS)
    plain = SampleSource(data, TAUGHT_NEEDS, Transform(**SIZE))[0, 0]
    mirrored = SampleSource(data, TAUGHT_NEEDS, Transform(**SIZE, augment=Augment(flip=1.0)))[0, 0]
    assert plain.taught is not None and mirrored.taught is not None
    order = [int(v) for v in (mirrored.image[0, :, 2, 0, 0] * 25.5).round()]
    assert order != sorted(order) and [int(v) for v in (plain.image[0, :, 2, 0, 0] * 25.5).round()] == sorted(order)
    for name, values in mirrored.taught.items():
        assert torch.equal(values, plain.taught[name][:, order].flip(-1)), name
    view = data.view(data.records[0], "cam1", frozenset({"taught"}))
    twice = flip_view(flip_view(view))
    assert twice.taught is not None and view.taught is not None
    assert all((twice.taught[name] == values).all() for name, values in view.taught.items())


def test_views__with_answers_are_neither_cut_nor_resized(ring, folder: Path) -> None:
    data = WithTaught(ring, folder, footage=AS_IT_IS)
    view = data.view(data.records[0], "cam1", frozenset({"taught"}))
    assert crop_view(view, Window()).image.shape == view.image.shape
    with pytest.raises(UserError, match=r"cam1.jpg: is cut, .*--data.augment.smallest-crop 1"):
        crop_view(view, Window(height=0.5, width=0.5))
    with pytest.raises(UserError, match=r"is asked for at 40x24 px, .* at 20x12; give --data.height 12 --data.width 20"):
        resize_view(view, height=24, width=40)


def test_resize_sample__leaves_answers_as_they_are(ring, folder: Path) -> None:
    """They have a size of their own, and are stretched over the picture wherever they are compared."""
    sample: Sample = SampleSource(WithTaught(ring, folder, footage=AS_IT_IS), TAUGHT_NEEDS, Transform(**SIZE))[0, 0]
    smaller = resize_sample(sample, height=6, width=10)
    assert smaller.image.shape[-2:] == (6, 10) and smaller.taught is sample.taught


def test_view_cache__counts_answers(ring, folder: Path) -> None:
    data = WithTaught(ring, folder, footage=AS_IT_IS)
    without, with_ = (ViewCache(data, 10**9) for _ in range(2))
    without.view(data.records[0], "cam0", frozenset())
    with_.view(data.records[0], "cam0", frozenset({"taught"}))
    assert with_.used_bytes - without.used_bytes == 4 * (2 * 8 * 3 * 5 + 4 * 12 * 20)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data": "rendered:rooms"}, "holds answers of rendered:rooms .* not of ring:memory .*; give the answers that were written for"),
        ({"num_answers": None}, "is not finished; the `leadline label` command that began it continues it"),
        ({"format": 2}, "has format 2, this version reads 1; write the answers again"),
    ],
)
def test_with_taught__folders_that_do_not_belong(changes: dict[str, Any], line: str, ring, folder: Path) -> None:
    write_json(folder / "taught.json", about(**changes))
    with pytest.raises(UserError, match=line):
        WithTaught(ring, folder, footage=AS_IT_IS)


def training(datasets: Any, needs: Needs, **options: Any) -> SampleSource:
    """The source of a run on data sets that no file holds."""
    config = DataConfig(root=("rendered:ring",) * len(datasets), workers=0, **(SIZE | options))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_data, "open_datasets", lambda *_: datasets)
        return training_data.training_source(config, needs, seed=0)


def test_training__reads_the_answers(ring, folder: Path) -> None:
    sample = training([ring], TAUGHT_NEEDS, taught=(str(folder),))[0, 0]
    assert sample.taught is not None and len(sample.taught) == 3


@pytest.mark.parametrize(
    ("needs", "options", "line"),
    [
        (TAUGHT_NEEDS, {}, "--method.teacher: there is no teacher .*; give --method.teacher MODEL, or --data.taught DIR"),
        (Needs(rig=True), {"taught": ("F",)}, "--data.taught: are what a teacher said, and this method reads none of it; leave them out"),
        (TAUGHT_NEEDS, {"taught": ("F", "F")}, "--data.taught: 2 folders for 1 data sets"),
        (TAUGHT_NEEDS, {"taught": ("F",), "height": 24}, "20x12 px, training asks for 20x24; give --data.height 12 --data.width 20"),
        (TAUGHT_NEEDS, {"taught": ("F",), "augment": Augment(smallest_crop=0.8)}, "--data.augment.smallest-crop: cuts pictures"),
        (
            replace(TAUGHT_NEEDS, taught_by=(("max_depth_m", 80.0),)),
            {"taught": ("F",)},
            "holds what a teacher with max_depth_m 200.0 said, the student has 80.0; give --method.max-depth-m 200.0",
        ),
    ],
)
def test_training__what_does_not_go_together(needs: Needs, options: dict[str, Any], line: str, ring, folder: Path) -> None:
    given = {name: tuple(str(folder) for _ in value) if name == "taught" else value for name, value in options.items()}
    with pytest.raises(UserError, match=line):
        training([ring], needs, **given)


def test_training__two_folders_of_two_teachers(ring, make_ring, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write_json(other / "taught.json", about(teachers={"teacher": {"name": "deep", "fingerprint": "f" * 16, "licence": "MIT"}}))
    for record in ring.records[:1]:
        for camera in record.cameras:
            write_taught(TAUGHT.path(other, record, camera), small(0))
    with pytest.raises(UserError, match=r"holds what deep ffff.* said, .* what wide said; write both with one teacher"):
        training([ring, make_ring()], TAUGHT_NEEDS, taught=(str(folder), str(other)))
