"""KITTI raw: a made-up drive with known geometry, and the five real frames."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from leadline.data.catalog import open_dataset
from leadline.data.datasets.kitti.dataset import Kitti
from leadline.data.datasets.kitti.raw import world_from_imu
from leadline.geometry.pose import invert
from leadline.types import UserError

DRIVE = "2011_09_26/2011_09_26_drive_0001_sync"


@pytest.fixture
def root(tmp_path, tiny):
    tiny.write_kitti(tmp_path / "kitti")
    return tmp_path / "kitti"


def test_view__scan_lands_on_the_rounded_pixel_less_one(root, tiny):
    dataset = Kitti(root)
    view = dataset.view(dataset.records[0], "image_02", frozenset({"depth"}))
    assert view.depth is not None and view.sparse
    rows, columns = np.nonzero(view.depth)
    expected = sorted((v - 1, u - 1) for u, v in tiny.KITTI_SCANNED)
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == expected
    np.testing.assert_allclose(view.depth[rows, columns], tiny.KITTI_WALL_M, rtol=1e-5)


def test_view__right_camera_sees_the_points_one_disparity_to_the_left(root, tiny):
    dataset = Kitti(root)
    depth = dataset.view(dataset.records[0], "image_03", frozenset({"depth"})).depth
    assert depth is not None
    disparity = tiny.KITTI_K[0, 0] * tiny.KITTI_BASELINE_M / tiny.KITTI_WALL_M
    expected = sorted({(v - 1, int(np.round(u - disparity)) - 1) for u, v in tiny.KITTI_SCANNED})
    assert sorted(zip(*(axis.tolist() for axis in np.nonzero(depth)), strict=True)) == expected
    assert dataset.baseline_m(DRIVE) == pytest.approx(tiny.KITTI_BASELINE_M)


def test_view__K_has_half_pixel_centres(root, tiny):
    dataset = Kitti(root)
    K = dataset.view(dataset.records[0], "image_02", frozenset()).camera.K
    np.testing.assert_allclose(K[:2, 2], tiny.KITTI_K[:2, 2] + 0.5)


def test_view__poses_follow_the_drive(root, tiny):
    """The wall stands still in the world: its points in two frames agree through the poses."""
    dataset = Kitti(root)
    layers = frozenset({"cam_from_world", "time_s"})
    first, second = (dataset.view(record, "image_02", layers) for record in dataset.records[:2])
    second_from_first = second.cam_from_world @ invert(first.cam_from_world)
    np.testing.assert_allclose(second_from_first[:3, :3], np.eye(3), atol=1e-9)
    np.testing.assert_allclose(second_from_first[:3, 3], [0, 0, -tiny.KITTI_STEP_M], atol=1e-6)
    assert second.time_s - first.time_s == pytest.approx(0.1)
    right = dataset.view(dataset.records[0], "image_03", layers)
    np.testing.assert_allclose((right.cam_from_world @ invert(first.cam_from_world))[:3, 3], [-tiny.KITTI_BASELINE_M, 0, 0], atol=1e-9)
    rig_from_right, rig_from_left = right.camera.rig_from_cam, first.camera.rig_from_cam
    np.testing.assert_allclose((rig_from_right - rig_from_left)[:3, 3], [0, -tiny.KITTI_BASELINE_M, 0], atol=1e-9)  # y is left


def test_world_from_imu__yaw_turns_forward_to_north():
    origin = np.array([49.0, 8.4, 110.0, 0.0, 0.0, 0.0])
    pose = world_from_imu(np.array([49.0, 8.4, 112.0, 0.0, 0.0, np.pi / 2]), origin=origin)
    np.testing.assert_allclose(pose @ [1, 0, 0, 1], [0, 1, 2, 1], atol=1e-9)


def test_split__eigen_lines_choose_camera_and_keep_neighbours(root):
    split = root.parent / "eigen.txt"
    split.write_text(f"{DRIVE} 0000000001 l\n{DRIVE} 2 r  # the other eye\n")
    dataset = open_dataset(f"kitti:{root}", str(split))
    assert [(record.frame, record.cameras) for record in dataset.records] == [(1, ("image_02",)), (2, ("image_03",))]
    assert [moment.frame for moment in dataset.moments] == [0, 1, 2]


def test_split__image_paths(root):
    (root / "pairs.txt").write_text(f"{DRIVE}/image_02/data/0000000002.png {DRIVE}/image_03/data/0000000002.png\n")
    (record,) = open_dataset(f"kitti:{root}", "pairs.txt").records
    assert (record.frame, record.cameras) == (2, ("image_02", "image_03"))


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (f"{DRIVE} 7 l", "1 of its 1 lines are not in"),
        ("2011_09_30/other_drive 1 l", "1 of its 1 lines are not in"),
        (f"{DRIVE} seven l", "has the line"),
        ("some words that mean nothing", "has the line"),
        ("# nothing", "lists nothing"),
    ],
)
def test_split__bad_lines_are_refused(root, line, wrong):
    split = root.parent / "split.txt"
    split.write_text(line)
    with pytest.raises(UserError, match=wrong) as caught:
        Kitti(root, split=str(split))
    assert "split.txt" in caught.value.subject


def damage(root, what):
    drive = root / DRIVE
    match what:
        case "picture of another size":
            Image.new("RGB", (60, 20)).save(drive / "image_02/data/0000000000.png")
        case "cut scan":
            (drive / "velodyne_points/data/0000000000.bin").write_bytes(b"123")
        case "no scan":
            (drive / "velodyne_points/data/0000000000.bin").unlink()
        case "broken npz":
            folder = drive / "proj_depth/velodyne/image_02"
            folder.mkdir(parents=True)
            (folder / "0000000000.npz").write_bytes(b"PK\x03\x04 broken")
        case "npz of objects":
            folder = drive / "proj_depth/velodyne/image_02"
            folder.mkdir(parents=True)
            np.savez(folder / "0000000000.npz", velodyne_depth=np.array([{}], dtype=object))
        case "cut packet":
            (drive / "oxts/data/0000000000.txt").write_text("49.0 8.4")


@pytest.mark.parametrize(
    ("what", "file", "wrong"),
    [
        ("picture of another size", "0000000000.png", "is 60x20, its calibration is for 124x38"),
        ("cut scan", "0000000000.bin", "no multiple"),
        ("no scan", "0000000000.npz", "does not exist"),
        ("broken npz", "0000000000.npz", "is no projected LiDAR"),
        ("npz of objects", "0000000000.npz", "is no projected LiDAR"),
        ("cut packet", "0000000000.txt", "has 2 numbers"),
    ],
)
def test_view__broken_files_are_named(root, what, file, wrong):
    dataset = Kitti(root)
    damage(root, what)
    with pytest.raises(UserError, match=wrong) as caught:
        dataset.view(dataset.records[0], "image_02", dataset.layers)
    assert caught.value.subject.endswith(file)


def test_open__says_what_was_looked_for(root, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match=r"holds no drive; a KITTI raw folder holds DATE/DRIVE/image_02"):
        Kitti(empty)
    with pytest.raises(UserError, match="give the folder above it"):
        Kitti(root / "2011_09_26")
    (root / "2011_09_26/calib_cam_to_cam.txt").write_text("P_rect_02: 1 2 3\n")
    with pytest.raises(UserError, match=r"calib_cam_to_cam.txt: has no row 'P_rect_03'"):
        Kitti(root)


def test_samples__valid_pixels_of_the_readme(samples):
    dataset = open_dataset(f"kitti:{samples}/kitti")
    counts = {
        camera: [int((dataset.view(r, camera, frozenset({"depth"})).depth > 0).sum()) for r in dataset.records]
        for camera in ("image_02", "image_03")
    }
    assert counts == {"image_02": [19214, 19201, 19236, 19215, 19197], "image_03": [19198, 19101, 19215, 19133, 19143]}
    depth = dataset.view(dataset.records[0], "image_02", frozenset({"depth"})).depth
    garg = depth[153:371, 44:1197]
    assert ((garg > 0) & (garg < 80)).sum() == 17311
    assert dataset.baseline_m(dataset.records[0].sequence) == pytest.approx(0.53271, abs=1e-5)
    assert len(open_dataset(f"kitti:{samples}/kitti", "kitti_tiny.txt").records) == 3


def test_samples__gps_and_pose_file_agree(samples, tmp_path):
    """Two independent sources of the same motion, to the millimetre that the pose file's digits hold."""
    from_gps = Kitti(samples / "kitti")
    drive = tmp_path / from_gps.records[0].sequence
    drive.mkdir(parents=True)
    original = samples / "kitti" / from_gps.records[0].sequence
    for name in ("image_02", "image_03"):
        (drive / name).symlink_to(original / name)
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt"):
        (drive.parent / name).symlink_to(original.parent / name)
    from_file = Kitti(tmp_path)
    layers = frozenset({"cam_from_world"})
    steps = []
    for dataset in (from_gps, from_file):
        poses = [dataset.view(record, "image_03", layers).cam_from_world for record in dataset.records]
        steps.append(np.array([b @ invert(a) for a, b in pairwise(poses)]))
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(steps[0][:, :3, 3], axis=1), [0.976, 0.892, 0.986, 0.894], atol=2e-3)


def test_samples__stereo_depth_agrees_with_the_picture(samples):
    """LiDAR points carried to the right camera find pixels of the same brightness: K, baseline and frames are right."""
    dataset = Kitti(samples / "kitti")
    record, layers = dataset.records[0], frozenset({"depth", "cam_from_world"})
    left, right = (dataset.view(record, camera, layers) for camera in ("image_02", "image_03"))
    rows, columns = np.nonzero(left.depth)
    z = left.depth[rows, columns].astype(np.float64)
    # monodepth2's rounding puts points one pixel up and left of where they are.
    uv = np.stack([columns + 1.5, rows + 1.5, np.ones_like(z)])
    points = np.linalg.solve(left.camera.K, uv) * z
    right_from_left = right.cam_from_world @ invert(left.cam_from_world)
    moved = right.camera.K @ (right_from_left[:3, :3] @ points + right_from_left[:3, 3:])
    u, v = (np.floor(moved[:2] / moved[2])).astype(int)
    inside = (u >= 0) & (u < 1242) & (v >= 0) & (v < 374) & (rows < 374) & (columns < 1241)
    grey = [view.image.astype(np.float64).mean(axis=2) for view in (left, right)]
    there = grey[0][rows[inside] + 1, columns[inside] + 1]
    moved_error = np.abs(grey[1][v[inside], u[inside]] - there).mean()
    same_pixel_error = np.abs(grey[1][rows[inside] + 1, columns[inside] + 1] - there).mean()
    assert moved_error < 0.45 * same_pixel_error
