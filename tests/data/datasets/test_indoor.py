"""ScanNet, 7-Scenes and Hypersim: units, K, unknown pixels, splits and what else is their own."""

import sys

import h5py
import numpy as np
import pytest
from PIL import Image

from leadline.data.catalog import open_dataset
from leadline.data.datasets.hypersim import SPLIT_TABLE, Hypersim
from leadline.data.datasets.scannet import ScanNet
from leadline.data.datasets.sevenscenes import TEST_SEQUENCES, SevenScenes
from leadline.types import UserError

DEPTH = frozenset({"depth"})


def first_depth(dataset) -> np.ndarray:
    depth = dataset.view(dataset.records[0], dataset.records[0].cameras[0], DEPTH).depth
    assert depth is not None
    return depth


def test_scannet__the_picture_is_resized_to_the_depth_camera(moving, tmp_path):
    moving.write_scannet(tmp_path)
    dataset = ScanNet(tmp_path)
    view = dataset.view(dataset.records[0], "sensor", DEPTH)
    assert view.image.shape == (480, 640, 3) and view.depth is not None
    np.testing.assert_allclose(view.camera.K, [[577, 0, 320], [0, 578, 240], [0, 0, 1]])
    assert (view.depth[: moving.HOLE_ROWS] == 0).all() and (view.depth[moving.HOLE_ROWS :] == 4.0).all()


def test_scannet__splits_are_scenes(moving, tmp_path):
    moving.write_scannet(tmp_path)
    (tmp_path / "scannetv2_val.txt").write_text("scene0000_00\n")
    assert len(open_dataset(f"scannet:{tmp_path}", "scannetv2_val.txt").records) == 2
    assert [r.sequence for r in open_dataset(f"scannet:{tmp_path / 'scans'}").records] == ["scene0000_00"] * 2
    (tmp_path / "scannetv2_val.txt").write_text("scene0000_00\nscene0011_00\n")
    with pytest.raises(UserError, match=r"1 of its 2 lines are not in .*'scene0011_00'"):
        open_dataset(f"scannet:{tmp_path}", "scannetv2_val.txt")


def test_scannet__a_frame_that_lost_its_way_still_has_depth(moving, tmp_path):
    moving.write_scannet(tmp_path)
    pose = tmp_path / "scans/scene0000_00/pose/0.txt"
    pose.write_text("-inf -inf -inf -inf\n" * 4)
    dataset = ScanNet(tmp_path)
    assert (first_depth(dataset) > 0).any()
    with pytest.raises(UserError, match=r"0.txt: is a pose with NaN or infinity; leave this frame out"):
        dataset.view(dataset.records[0], "sensor", frozenset({"cam_from_world"}))


def test_sevenscenes__millimetres_and_both_codes_for_unknown(moving, tmp_path):
    moving.write_7scenes(tmp_path)
    path = tmp_path / "chess/seq-03/frame-000000.depth.png"
    with Image.open(path) as image:
        counts = np.array(image)
    counts[100, 100] = 0
    Image.fromarray(counts).save(path)
    dataset = SevenScenes(tmp_path)
    depth = first_depth(dataset)
    assert (depth[: moving.HOLE_ROWS] == 0).all() and depth[100, 100] == 0 and depth[100, 101] == 4.0
    K = dataset.view(dataset.records[0], "kinect", frozenset()).camera.K
    np.testing.assert_allclose(K, [[585, 0, 320], [0, 585, 240], [0, 0, 1]])


def test_sevenscenes__splits_follow_the_published_sequences(moving, tmp_path):
    # 17 test sequences: 1,000 frames each, but 500 on the stairs, make the published 17,000.
    assert sum((500 if scene == "stairs" else 1000) * len(numbers) for scene, numbers in TEST_SEQUENCES.items()) == 17000
    moving.write_7scenes(tmp_path, sequence="chess/seq-03", frames=(0, 1, 10))
    moving.write_7scenes(tmp_path, sequence="chess/seq-01", frames=(0,))
    chosen = {
        split: [(r.sequence, r.frame) for r in open_dataset(f"7scenes:{tmp_path}", split).records]
        for split in ("train", "test", "test-10th")
    }
    assert chosen["train"] == [("chess/seq-01", 0)]
    assert chosen["test"] == [("chess/seq-03", frame) for frame in (0, 1, 10)]
    assert chosen["test-10th"] == [("chess/seq-03", 0), ("chess/seq-03", 10)]
    with pytest.raises(UserError, match=r"tset: is neither a split nor a file; did you mean test\?"):
        open_dataset(f"7scenes:{tmp_path}", "tset")


def test_hypersim__the_length_of_rays_becomes_depth(moving, tmp_path):
    moving.write_hypersim(tmp_path)
    dataset = Hypersim(tmp_path)
    depth = first_depth(dataset)
    assert (depth[: moving.HOLE_ROWS] == 0).all()
    np.testing.assert_allclose(depth[moving.HOLE_ROWS :], 4.0, rtol=1e-5)
    with h5py.File(tmp_path / "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5") as file:
        corner = file["dataset"][-1, -1]
    assert corner == pytest.approx(4.0 * (1 + (511.5 / 886.81) ** 2 + (383.5 / 886.81) ** 2) ** 0.5, rel=1e-6)  # by hand


def test_hypersim__a_camera_that_is_not_turned_looks_along_minus_z(moving, tmp_path):
    moving.write_hypersim(tmp_path)
    folder = tmp_path / "ai_001_001/_detail/cam_00"
    with h5py.File(folder / "camera_keyframe_orientations.hdf5", "r+") as file:
        file["dataset"][0] = np.eye(3)
    with h5py.File(folder / "camera_keyframe_positions.hdf5", "r+") as file:
        file["dataset"][0] = [100.0, 0.0, 0.0]
    dataset = Hypersim(tmp_path)
    pose = dataset.view(dataset.records[0], "camera", frozenset({"cam_from_world"})).cam_from_world
    # One metre up and three ahead of a camera that stands at 100 inches = 2.54 m.
    np.testing.assert_allclose(pose @ [2.54, 1.0, -3.0, 1.0], [0.0, -1.0, 3.0, 1.0], atol=1e-9)


def test_hypersim__splits_come_from_the_published_table(moving, tmp_path):
    moving.write_hypersim(tmp_path)
    with pytest.raises(UserError, match=rf"{SPLIT_TABLE}: does not exist, so its splits are unknown; .*ml-hypersim"):
        open_dataset(f"hypersim:{tmp_path}", "val")
    head = "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_name\n"
    rows = "ai_001_001,cam_00,0,True,,train\nai_001_001,cam_00,1,True,,val\nai_009_001,cam_00,1,False,tilt,val\n"
    (tmp_path / SPLIT_TABLE).write_text(head + rows)
    assert [r.frame for r in open_dataset(f"hypersim:{tmp_path}", "val").records] == [1]
    with pytest.raises(UserError, match="holds nothing of the split 'test'"):
        open_dataset(f"hypersim:{tmp_path}", "test")
    (tmp_path / SPLIT_TABLE).write_text("scene_name,frame_id,more\nai_001_001,0,x\n")
    with pytest.raises(UserError, match="has no column camera_name, included_in_public_release, split_partition_name"):
        open_dataset(f"hypersim:{tmp_path}", "val")


def test_hypersim__without_h5py_names_the_extra(moving, tmp_path, monkeypatch):
    moving.write_hypersim(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"needs h5py, which is not installed; pip install 'leadline\[data\]'"):
        open_dataset(f"hypersim:{tmp_path}")


def test_hypersim__without_details_has_no_poses(moving, tmp_path):
    moving.write_hypersim(tmp_path)
    (tmp_path / "ai_001_001/_detail/cam_00/camera_keyframe_positions.hdf5").unlink()
    assert open_dataset(f"hypersim:{tmp_path}").layers == DEPTH
