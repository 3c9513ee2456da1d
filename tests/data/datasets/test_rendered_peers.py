"""Virtual KITTI 2, TartanAir, BlendedMVS and IRS: units, K, unknown pixels, frames of reference."""

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.datasets.blendedmvs import BlendedMvs
from leadline.data.datasets.irs import Irs
from leadline.data.datasets.tartanair import TartanAir
from leadline.data.datasets.vkitti2 import VirtualKitti2
from leadline.types import UserError


def test_vkitti2__centimetres_sky_and_integer_centres(moving, tmp_path):
    moving.write_vkitti2(tmp_path)
    dataset = VirtualKitti2(tmp_path)
    view = dataset.view(dataset.records[0], "Camera_0", dataset.layers)
    assert view.depth is not None
    assert (view.depth[: moving.HOLE_ROWS] == 0).all() and (view.depth[moving.HOLE_ROWS :] == 4.0).all()
    # The published centre of 1242x375 is (620.5, 187), half a pixel before the middle.
    np.testing.assert_allclose(view.camera.K, [[72.5, 0, 62], [0, 72.5, 19], [0, 0, 1]])


def test_vkitti2__a_split_may_name_one_camera(moving, tmp_path):
    moving.write_vkitti2(tmp_path)
    assert [r.cameras for r in open_dataset(f"vkitti2:{tmp_path}").records] == [("Camera_0", "Camera_1")] * 2
    (tmp_path / "split.txt").write_text("Scene01/clone/frames/rgb/Camera_1/rgb_00000.jpg depth.png\nScene01/clone\n")
    chosen = open_dataset(f"vkitti2:{tmp_path}", "split.txt").records
    assert [r.cameras for r in chosen] == [("Camera_0", "Camera_1")] * 2
    (tmp_path / "split.txt").write_text("Scene01/clone/frames/rgb/Camera_1/rgb_00000.jpg\n")
    chosen = open_dataset(f"vkitti2:{tmp_path}", "split.txt").records
    assert [(r.frame, r.cameras) for r in chosen] == [(0, ("Camera_1",))]


def test_vkitti2__a_frame_without_a_row_is_named(moving, tmp_path):
    moving.write_vkitti2(tmp_path)
    table = tmp_path / "Scene01/clone/extrinsic.txt"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    dataset = VirtualKitti2(tmp_path)
    with pytest.raises(UserError, match=r"extrinsic.txt: has no row for frame 1 of camera 1"):
        dataset.view(dataset.records[1], "Camera_1", dataset.layers)


def test_tartanair__the_body_looks_north_and_down_is_positive(moving, tmp_path):
    """By hand: not turned, at the origin, a point 5 m north, 1 m east and 2 m below is 1 m right, 2 m down and 5 m ahead."""
    moving.write_tartanair(tmp_path)
    (tmp_path / "office/Easy/P000/pose_left.txt").write_text("0 0 0 0 0 0 1\n" * 2)
    dataset = TartanAir(tmp_path)
    pose = dataset.view(dataset.records[0], "left", frozenset({"cam_from_world"})).cam_from_world
    np.testing.assert_allclose(pose @ [5.0, 1.0, 2.0, 1.0], [1.0, 2.0, 5.0, 1.0])


def test_tartanair__metres_and_nan(moving, tmp_path):
    moving.write_tartanair(tmp_path)
    path = tmp_path / "office/Easy/P000/depth_left/000000_left_depth.npy"
    stored = np.load(path)
    stored[3, 4], stored[3, 5] = np.nan, np.inf
    np.save(path, stored)
    dataset = TartanAir(tmp_path)
    depth = dataset.view(dataset.records[0], "left", frozenset({"depth"})).depth
    assert depth is not None and depth[3, 4] == depth[3, 5] == 0 and depth[3, 6] == 4.0
    rows = tmp_path / "office/Easy/P000/pose_left.txt"
    rows.write_text("0 0 0 0 0 0 0\n" * 2)
    with pytest.raises(UserError, match=r"pose_left.txt: row 0 is no pose \(a zero quaternion"):
        dataset.view(dataset.records[0], "left", dataset.layers)
    assert len(open_dataset(f"tartanair:{tmp_path}").records) == 2
    (tmp_path / "office/office").mkdir()
    (tmp_path / "office/Easy").rename(tmp_path / "office/office/Easy")  # as the archives unpack
    assert {r.sequence for r in open_dataset(f"tartanair:{tmp_path}").records} == {"office/office/Easy/P000"}


def test_blendedmvs__depth_without_a_unit_is_no_depth(moving, tmp_path):
    moving.write_blendedmvs(tmp_path)
    dataset = BlendedMvs(tmp_path)
    assert dataset.layers == {"inverse_depth", "cam_from_world"} and len(dataset.records) == 2
    view = dataset.view(dataset.records[0], "camera", dataset.layers)
    assert view.depth is None and view.inverse_depth is not None
    assert (view.inverse_depth[: moving.HOLE_ROWS] == 0).all()
    np.testing.assert_allclose(view.inverse_depth[moving.HOLE_ROWS :], 1 / (4.0 * moving.BLENDEDMVS_UNITS_PER_M), rtol=1e-6)
    np.testing.assert_allclose(view.camera.K, [[80, 0, 49], [0, 80, 35], [0, 0, 1]])
    (tmp_path / "validation_list.txt").write_text("5a3ca9cb270f0e3f14d0eddb\n")
    assert len(open_dataset(f"blendedmvs:{tmp_path}", "validation_list.txt").records) == 2


def test_irs__disparity_by_baseline_and_focal_length(still, tmp_path):
    still.write_irs(tmp_path)
    dataset = Irs(tmp_path)
    view = dataset.view(dataset.records[0], "left", dataset.layers)
    assert view.depth is not None and (view.depth[:5] == 0).all()
    np.testing.assert_allclose(view.depth[5:], 480 * 0.1 / 16)  # 3 m
    np.testing.assert_allclose(view.camera.K, [[480, 0, 480], [0, 480, 270], [0, 0, 1]])
    assert [(r.sequence, r.frame) for r in dataset.records] == [("Home/ArchVizInterior", 1), ("Home/ArchVizInterior", 2)]
