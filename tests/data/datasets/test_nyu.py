"""NYU pairs: a made-up folder, both layouts, and the three real frames."""

import json

import numpy as np
import pytest
from PIL import Image

from leadline.data.catalog import open_dataset
from leadline.data.datasets.nyu import Nyu
from leadline.types import UserError


@pytest.fixture
def root(tmp_path, tiny):
    tiny.write_nyu(tmp_path / "nyu")
    return tmp_path / "nyu"


def test_view__millimetres_and_holes(root):
    dataset = Nyu(root)
    view = dataset.view(dataset.records[1], "kinect", frozenset({"depth", "usable"}))
    assert view.depth is not None and view.usable is not None and not view.sparse
    np.testing.assert_allclose(view.depth[40:], 2.0)
    assert (view.depth[:40] == 0).all()
    assert view.usable.sum() == (480 - 16) * (640 - 16) and not view.usable[7].any()
    np.testing.assert_allclose(view.camera.K[:2, 2], [325.58245 + 0.5, 253.73617 + 0.5])


def test_open__annotations_say_scale_and_intrinsics(root):
    entry = {"rgb": "rgb/rgb_00001.jpg", "depth": "depth/sync_depth_00001.png", "depth_scale": 500.0}
    entry["intrinsics"] = {"fx": 500.0, "fy": 510.0, "cx": 320.0, "cy": 240.0}
    (root / "annotations.json").write_text(json.dumps({"files": [entry]}))
    dataset = Nyu(root)
    view = dataset.view(dataset.records[0], "kinect", frozenset({"depth"}))
    assert len(dataset.records) == 1
    np.testing.assert_allclose(view.depth[100], 4.0)
    np.testing.assert_allclose(view.camera.K, [[500, 0, 320.5], [0, 510, 240.5], [0, 0, 1]])


def test_open__annotations_stay_inside_the_folder(root):
    entry = {"rgb": "../rgb/rgb_00001.jpg", "depth": "depth/sync_depth_00001.png"}
    (root / "annotations.json").write_text(json.dumps({"files": [entry]}))
    with pytest.raises(UserError, match=r"annotations.json: names the file '../rgb/rgb_00001.jpg', which is not below"):
        Nyu(root)


def test_split__pictures_by_path(root):
    (root / "test.txt").write_text("rgb/rgb_00001.jpg\n")
    assert [record.frame for record in open_dataset(f"nyu:{root}", "test.txt").records] == [1]
    (root / "test.txt").write_text("rgb/rgb_00007.jpg\n")
    with pytest.raises(UserError, match="1 of its 1 lines are not in"):
        open_dataset(f"nyu:{root}", "test.txt")


def test_view__eight_bit_depth_is_refused(root):
    path = root / "depth/sync_depth_00000.png"
    Image.fromarray(np.full((480, 640), 7, dtype=np.uint8)).save(path)
    dataset = Nyu(root)
    with pytest.raises(UserError, match="has 8 bits, depth needs 16") as caught:
        dataset.view(dataset.records[0], "kinect", frozenset({"depth"}))
    assert caught.value.subject == str(path)


def test_view__other_sizes_are_refused(root):
    Image.new("RGB", (320, 240)).save(root / "rgb/rgb_00000.jpg")
    dataset = Nyu(root)
    with pytest.raises(UserError, match="the intrinsics are known for 640x480"):
        dataset.view(dataset.records[0], "kinect", frozenset())
    with pytest.raises(UserError, match="is 640x480, its picture 320x240"):
        dataset.view(dataset.records[0], "kinect", frozenset({"depth"}))


def test_open__says_what_is_missing(root, tmp_path):
    with pytest.raises(UserError, match="has no rgb/ and no depth/"):
        Nyu(tmp_path)
    (root / "depth/sync_depth_00001.png").unlink()
    with pytest.raises(UserError, match=r"rgb_00001.jpg: has no depth with the same number"):
        Nyu(root)
    (root / "annotations.json").write_text('{"files": [{"rgb": "rgb/rgb_00001.jpg"}]}')
    with pytest.raises(UserError, match="does not list the pairs as expected"):
        Nyu(root)


def test_samples__valid_pixels_of_the_readme(samples):
    dataset = open_dataset(f"nyu:{samples}/nyu")
    found = []
    for record in dataset.records:
        depth = dataset.view(record, "kinect", frozenset({"depth"})).depth
        assert depth is not None
        found.append((int((depth > 0).sum()), int((depth[45:471, 41:601] > 0).sum()), round(float(np.median(depth[depth > 0])), 2)))
    assert found == [(225121, 221809, 3.26), (230598, 225022, 3.21), (205970, 202035, 2.48)]
