"""Labels in place of a data set's own depth: what a view of them is, which records have one, and folders that do not belong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.data.footage import AS_IT_IS, FootageOptions
from leadline.data.labels import LABELS, WithLabels, write_label
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.data.written import written_for
from leadline.io.depth import read_depth
from leadline.io.jsonfile import write_json
from leadline.types import UserError

SIZE = {"height": 12, "width": 20}


def about(**changes: Any) -> dict[str, Any]:
    return {"format": 1, "data": "ring:memory", "footage": None, **SIZE, "num_labels": 4} | changes


def label(seed: int = 0, *, farthest: float = 20.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.4, farthest, (SIZE["height"], SIZE["width"])).astype(np.float32)
    depth[0] = 0
    return depth


@pytest.fixture
def folder(ring, tmp_path: Path) -> Path:
    """Labels for two cameras of two moments."""
    write_json(tmp_path / "labels.json", about())
    for record in ring.records[1:3]:
        for camera in record.cameras[:2]:
            write_label(LABELS.path(tmp_path, record, camera), label(record.frame), K=np.eye(3), model="teacher")
    return tmp_path


@pytest.mark.parametrize("farthest", [0.5, 20.0, 500.0])
def test_label__is_off_by_at_most_half_a_step_of_its_own_range(farthest: float, tmp_path: Path) -> None:
    depth = label(farthest=farthest)
    write_label(tmp_path / "a.png", depth, K=np.eye(3), model="teacher")
    read = read_depth(tmp_path / "a.png")
    known = depth > 0
    assert (read.usable == known).all() and read.model == "teacher"
    assert np.abs(read.values - depth).max() <= depth.max() / 131070 + np.spacing(depth.max()), "and the last digit of float32"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"], "no sidecar"


def test_label__without_any_depth_is_one(tmp_path: Path) -> None:
    write_label(tmp_path / "a.png", np.zeros((3, 4), dtype=np.float32), K=np.eye(3), model="teacher")
    assert not read_depth(tmp_path / "a.png").usable.any()


def test_with_labels__only_views_that_have_one(ring, folder: Path) -> None:
    labelled = WithLabels(ring, folder, footage=AS_IT_IS)
    assert [(r.sequence, r.frame, r.cameras) for r in labelled.records] == [("drive0", f, ("cam0", "cam1")) for f in (1, 2)]
    assert labelled.moments == labelled.records, "a neighbour without a label is none"


def test_with_labels__a_view_is_cut_and_resized_like_its_label(ring, folder: Path) -> None:
    """30x50 px become 12x20, K with them; what is no depth is the data set's."""
    labelled = WithLabels(ring, folder, footage=AS_IT_IS)
    record = labelled.records[0]
    view, own = labelled.view(record, "cam1", frozenset({"depth", "material"})), ring.view(ring.records[1], "cam1", frozenset({"material"}))
    assert view.depth is not None and view.material is not None
    np.testing.assert_allclose(view.depth, label(1), atol=20 / 131070)
    assert view.image.shape == (12, 20, 3) and view.camera.width == 20
    np.testing.assert_allclose(view.camera.K[0], own.camera.K[0] * 0.4)
    assert view.material.shape == (12, 20)
    assert labelled.view(record, "cam1", frozenset()).depth is None


def test_with_labels__training_at_their_size_reads_them_as_they_are(ring, folder: Path) -> None:
    labelled = WithLabels(ring, folder, footage=AS_IT_IS)
    sample = SampleSource(labelled, Needs(), Transform(**SIZE))[0, 0]
    assert sample.depth is not None
    np.testing.assert_allclose(sample.depth[0, 0].numpy(), label(1), atol=20 / 131070)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data": "rendered:rooms"}, "holds labels of rendered:rooms .* not of ring:memory"),
        ({"num_labels": None}, "is not finished; the `leadline label` command that began it continues it"),
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"footage": {"stride": 2, "min_motion": 0.0}}, "with footage {'stride': 2"),
    ],
)
def test_with_labels__folders_that_do_not_belong(changes: dict[str, Any], line: str, ring, folder: Path) -> None:
    write_json(folder / "labels.json", about(**changes))
    with pytest.raises(UserError, match=line):
        WithLabels(ring, folder, footage=AS_IT_IS)


def test_with_labels__no_folder_of_labels_at_all_or_none_of_these(ring, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no labels.json; give a folder that `leadline label` has written"):
        WithLabels(ring, tmp_path, footage=AS_IT_IS)
    write_json(tmp_path / "labels.json", about())
    with pytest.raises(UserError, match="has no label for any picture of ring:memory"):
        WithLabels(ring, tmp_path, footage=AS_IT_IS)


def test_with_labels__a_broken_label_and_one_of_another_size_are_named(ring, folder: Path) -> None:
    labelled = WithLabels(ring, folder, footage=AS_IT_IS)
    record = labelled.records[0]
    path = LABELS.path(folder, record, "cam0")
    write_label(path, label()[:5], K=np.eye(3), model="teacher")
    with pytest.raises(UserError, match=r"cam0.png: is 20x5, the labels of labels.json are 20x12"):
        labelled.view(record, "cam0", frozenset({"depth"}))
    path.write_bytes(b"\x89PNG")
    with pytest.raises(UserError, match=r"cam0\.png"):
        labelled.view(record, "cam0", frozenset({"depth"}))


def test_written_for__names_no_folder_above_and_which_frames_of_footage(ring) -> None:
    ring.name = "video:/home/somebody/walk.mp4"
    found = written_for(ring, FootageOptions(stride=3))
    assert found == {"data": "video:walk.mp4", "footage": {"stride": 3, "min_motion": 0.0}}
