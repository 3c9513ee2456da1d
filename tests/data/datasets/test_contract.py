"""What every reader promises, on its tiny data set: records in order, views that hold what was asked for, errors that help."""

import pickle
from dataclasses import fields

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.data.catalog import KINDS, open_dataset, read_card
from leadline.data.dataset import Dataset, View, iter_views
from leadline.types import UserError

MAPS = {"depth": np.float32, "inverse_depth": np.float32, "usable": np.bool_, "classes": np.uint8, "material": np.uint8}
OF_FILES = [kind for kind in KINDS if kind != "rendered"]
"""`rendered` is written by leadline itself."""
RIGS = ("ddad", "nuscenes", "rig")


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def dataset(kind, write_tiny, tmp_path) -> Dataset:
    return open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}")


def test_dataset__keeps_the_contract(dataset, kind, tmp_path):
    assert isinstance(dataset, Dataset)
    assert dataset.name == f"{kind}:{tmp_path / kind}"
    assert len(dataset.records) >= 1 and set(dataset.records) <= {*dataset.moments, *dataset.records}
    for records in (dataset.records, dataset.moments):
        order = [(record.sequence, record.frame) for record in records]
        assert order == sorted(order) and len(set(order)) == len(order)
        assert all(record.cameras and len(set(record.cameras)) == len(record.cameras) for record in records)
    assert dataset.layers - {"cam_from_rig"} <= {field.name for field in fields(View)}
    assert dataset.layers <= set(read_card(kind).layers), "the card lists every layer"


def test_view__holds_what_was_asked_for_and_nothing_else(dataset):
    known = 0
    for _, camera, view in iter_views(dataset, dataset.layers):
        height, width = view.image.shape[:2]
        assert view.image.dtype == np.uint8 and view.image.shape == (height, width, 3)
        assert (view.camera.height, view.camera.width, view.camera.name) == (height, width, camera)
        assert view.path.is_file() and view.image.flags.writeable
        for layer, dtype in MAPS.items():
            values = getattr(view, layer)
            assert (values is not None) == (layer in dataset.layers)
            if values is not None:
                assert values.flags.writeable and values.shape == (height, width) and values.dtype == dtype and np.isfinite(values).all()
        for layer in ("depth", "inverse_depth"):
            values = getattr(view, layer)
            if values is not None:
                assert (values >= 0).all()
                known += (values > 0).sum()
        if "cam_from_world" in dataset.layers:
            rotation = view.cam_from_world[:3, :3]
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
            np.testing.assert_array_equal(view.cam_from_world[3], [0, 0, 0, 1])
    assert known > 0 or not dataset.layers & {"depth", "inverse_depth"}
    record = dataset.records[0]
    bare = dataset.view(record, record.cameras[0], frozenset())
    optional = {field.name for field in fields(View)} - {"image", "camera", "path", "sparse"}
    assert all(getattr(bare, name) is None for name in optional)


def test_dataset__travels_to_worker_processes(dataset):
    copy = pickle.loads(pickle.dumps(dataset))
    record = dataset.records[-1]
    views = [one.view(record, record.cameras[0], dataset.layers) for one in (dataset, copy)]
    np.testing.assert_array_equal(views[0].image, views[1].image)


def test_split__lists_images_with_or_without_the_folders_of_others(dataset, kind, tmp_path):
    if kind in ("rendered", "middlebury", *RIGS):
        pytest.skip("its splits are seeds, scenes or moments")
    record = dataset.records[-1]
    path = dataset.view(record, record.cameras[0], frozenset()).path.relative_to(tmp_path / kind).as_posix()
    (tmp_path / kind / "one.txt").write_text(f"# the last\n{path} and what else a published line holds\n")
    lines = [path] if kind in ("kitti", "nyu") else [path, f"/home/somebody/data/{path}"]
    for line in lines:
        (tmp_path / kind / "one.txt").write_text(f"# the last\n{line}\n")
        chosen = open_dataset(f"{kind}:{tmp_path / kind}", "one.txt")
        assert [(r.sequence, r.frame, r.cameras) for r in chosen.records] == [(record.sequence, record.frame, record.cameras[:1])]
        assert list(chosen.moments) == list(dataset.moments) or kind == "kitti"


@pytest.mark.parametrize("line", ["no/such/picture.png", "../outside.png"])
def test_split__of_what_is_not_there_is_refused(dataset, kind, line, tmp_path):
    if kind == "rendered":
        pytest.skip("its splits are names")
    (tmp_path / kind / "wrong.txt").write_text(f"{line}\n")
    with pytest.raises(UserError, match=r"1 of its 1 lines are not in|has the line|names the file .* which is not below") as caught:
        open_dataset(f"{kind}:{tmp_path / kind}", "wrong.txt")
    assert "wrong.txt" in caught.value.subject
    with pytest.raises(UserError, match=r"does not exist|is neither a split .*nor a file|is no split"):
        open_dataset(f"{kind}:{tmp_path / kind}", "absent.txt")


@pytest.mark.parametrize("kind", OF_FILES)
def test_data_check__of_an_empty_folder_says_what_is_missing(kind, tmp_path, capsys):
    assert main(["data", "check", f"{kind}:{tmp_path}"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.startswith(f"leadline data: {tmp_path}")
    if kind not in RIGS:  # which know more exactly what is missing
        assert read_card(kind).needs in line and read_card(kind).get in line


def test_data_check__of_whole_data_finds_nothing(dataset, kind, tmp_path, capsys):
    assert main(["data", "check", f"{kind}:{tmp_path / kind}"]) == 0
    printed = capsys.readouterr().out
    assert "broken: 0" in printed and f"images of {kind}" in printed


def test_cards__state_every_fact(kind):
    card = read_card(kind)
    facts = (card.summary, card.needs, card.splits, card.licence, card.units, card.invalid, card.camera, card.get, card.status)
    assert all(facts) and card.layers and all(count > 0 for count in card.counts.values())
