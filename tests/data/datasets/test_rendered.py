"""Rendered worlds: layers, splits by seed, rigs in ring order, the LiDAR as sparse depth."""

import json

import numpy as np
import pytest
from PIL import Image

from leadline.data.catalog import open_dataset, open_to_learn
from leadline.data.datasets.rendered import Rendered, family_of
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.types import Material, UserError

YAWS = {"back": 180.0, "front": 0.0, "right": -60.0, "left": 55.0}


@pytest.fixture
def rooms(tmp_path, tiny):
    tiny.write_rendered(tmp_path / "rooms", scenes=(3, 10001, 20000))
    return tmp_path / "rooms"


@pytest.fixture
def streets(tmp_path, tiny):
    tiny.write_rendered(tmp_path / "streets", yaws=YAWS)
    return tmp_path / "streets"


def test_view__every_layer(rooms):
    dataset = Rendered(rooms)
    assert dataset.layers == {"depth", "normals", "albedo", "diffuse", "instance", "material", "cam_from_world", "time_s"}
    view = dataset.view(dataset.records[1], "camera", dataset.layers)
    sky = view.material == Material.SKY
    np.testing.assert_array_equal(view.depth, np.where(sky, 0, 5.0))
    assert not view.sparse and view.time_s == pytest.approx(0.1)
    np.testing.assert_allclose(view.normals[~sky].mean(axis=0), [0, 0, -1], atol=0.01)
    assert (view.normals[sky] == 0).all()
    assert view.image.shape == view.albedo.shape == view.diffuse.shape == (24, 40, 3)
    assert view.cam_from_world[2, 3] == -0.5
    np.testing.assert_allclose(view.camera.K[0], [30, 0, 20])
    bare = dataset.view(dataset.records[1], "camera", frozenset())
    assert bare.depth is None and bare.material is None and bare.cam_from_world is None


def test_split__by_seed(rooms):
    for split, scene in (("train", 3), ("validation", 10001), ("test", 20000)):
        dataset = open_dataset(f"rendered:{rooms}", split)
        assert {record.sequence for record in dataset.records} == {f"scene_{scene:06d}"}
    assert len(open_dataset(f"rendered:{rooms}").records) == 9
    with pytest.raises(UserError, match="did you mean validation"):
        open_dataset(f"rendered:{rooms}", "valid")


def test_split__that_is_empty_says_what_is_there(tmp_path, tiny):
    tiny.write_rendered(tmp_path / "rooms", scenes=(0,))
    with pytest.raises(UserError, match=r"has no scene of the split test \(seeds 20000 to 20999\); it holds 1 scenes"):
        Rendered(tmp_path / "rooms", split="test")


def test_records__rig_in_ring_order(streets):
    dataset = Rendered(streets)
    assert dataset.records[0].cameras == ("front", "left", "back", "right")
    assert "cam_from_rig" in dataset.layers
    sample = SampleSource(dataset, Needs(layers=frozenset({"depth", "cam_from_rig"}), rig=True), Transform(24, 40))[0, 0]
    assert sample.cam_from_rig is not None
    forward = sample.cam_from_rig[0, :, 2, :3].numpy()  # third row of the rotation: the optical axis in the rig frame
    yaw = np.degrees(np.arctan2(forward[:, 1], forward[:, 0]))
    np.testing.assert_allclose(np.where(yaw < -170, yaw + 360, yaw), [0, 55, 180, -60], atol=1e-3)


def test_view__lidar_is_sparse_and_the_nearest_point_stays(streets):
    dataset = open_dataset(f"rendered:{streets}", depth_source="lidar")
    front = dataset.view(dataset.records[0], "front", frozenset({"depth"}))
    assert front.sparse
    found = {(int(r), int(c)): float(front.depth[r, c]) for r, c in zip(*np.nonzero(front.depth), strict=True)}
    # u = cx - fx * y / x, v = cy - fy * (z - 1) / x
    assert found == {(12, 17): 6.0, (10, 23): 10.0}
    back = dataset.view(dataset.records[0], "back", frozenset({"depth"}))
    assert {(int(r), int(c)): float(back.depth[r, c]) for r, c in zip(*np.nonzero(back.depth), strict=True)} == {
        (12, 21): pytest.approx(8.0)
    }


def test_lidar__is_refused_where_there_is_none(rooms, streets):
    with pytest.raises(UserError, match=r"has no lidar.npz; take the dense depth"):
        open_dataset(f"rendered:{rooms}", depth_source="lidar")
    with pytest.raises(UserError, match="its depth_source cannot be 'radar'; choose from dense, lidar"):
        open_dataset(f"rendered:{streets}", depth_source="radar")
    with pytest.raises(UserError, match="has no choice of depth_source; leave it out"):
        open_dataset(f"nyu:{streets}", depth_source="lidar")


def test_open__says_what_was_looked_for(rooms, tmp_path):
    with pytest.raises(UserError, match=r"has no dataset.json"):
        Rendered(tmp_path)
    about = json.loads((rooms / "dataset.json").read_text())
    (rooms / "dataset.json").write_text(json.dumps(about | {"format": 7}))
    with pytest.raises(UserError, match="has format 7, this version reads 1"):
        Rendered(rooms)
    (rooms / "dataset.json").write_text(json.dumps(about | {"rig": {"cameras": [{"name": "front"}]}}))
    with pytest.raises(UserError, match="holds no usable rig"):
        Rendered(rooms)


@pytest.mark.parametrize("file", ["rgb.jpg", "depth.png", "material.png", "normal.png", "meta.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_view__broken_files_are_named(rooms, file, damage):
    dataset = Rendered(rooms)
    path = rooms / "scene_000003/frame_0001/camera" / file
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "text":
            path.write_text("this is a text")
    with pytest.raises(UserError) as caught:
        dataset.view(dataset.records[1], "camera", dataset.layers)
    assert caught.value.subject in (str(path), str(path.with_suffix(".png")))
    dataset.view(dataset.records[0], "camera", dataset.layers)


def test_view__layer_of_another_size_is_refused(rooms):
    Image.new("L", (10, 10)).save(rooms / "scene_000003/frame_0000/camera/material.png")
    dataset = Rendered(rooms)
    with pytest.raises(UserError, match=r"material.png: is 10x10, its picture 40x24"):
        dataset.view(dataset.records[0], "camera", frozenset({"material"}))


def test_view__broken_lidar_is_named(streets):
    path = streets / "scene_000000/frame_0000/lidar.npz"
    dataset = Rendered(streets, depth_source="lidar")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match=r"lidar.npz: is no LiDAR scan"):
        dataset.view(dataset.records[0], "front", frozenset({"depth"}))


@pytest.mark.parametrize("family", ["objects", "yard"])
def test_open_to_learn__refuses_the_zero_shot_families_by_what_dataset_json_says(rooms, family):
    assert open_to_learn(f"rendered:{rooms}").name == f"rendered:{rooms}"
    about = json.loads((rooms / "dataset.json").read_text())
    (rooms / "dataset.json").write_text(json.dumps(about | {"family": family}))
    assert family_of(rooms) == family and open_dataset(f"rendered:{rooms}").records
    with pytest.raises(UserError, match=rf"holds worlds of {family}, a zero-shot family.*leadline evaluate"):
        open_to_learn(f"rendered:{rooms}", "a split that is not there")
