"""KITTI raw: a made-up drive with known geometry, and the five real frames."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.data.datasets.kitti.dataset import Kitti
from leadline.data.datasets.kitti.raw import DayCalibration, project_scan, read_calibration, world_from_imu
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.trajectory import read_trajectory
from leadline.data.transforms import Transform
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
        ("../elsewhere/drive 1 l", "names the file '../elsewhere/drive', which is not below"),
        ("../../../drive/image_02/data/0000000001.png", "has the line|which is not below"),
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


def rewrite_velo(root, change):
    path = root / "2011_09_26/calib_velo_to_cam.txt"
    rotation = read_calibration(path, ("R",))["R"].reshape(3, 3)
    path.write_text(f"R: {' '.join(str(value) for value in np.ravel(change(rotation)))}\nT: 0 -0.1 -0.3\n")


def damage(root, what):
    drive = root / DRIVE
    match what:
        case "picture of another size":
            Image.new("RGB", (60, 20)).save(drive / "image_02/data/0000000000.png")
        case "cut scan":
            (drive / "velodyne_points/data/0000000000.bin").write_bytes(b"123")
        case "empty scan":
            (drive / "velodyne_points/data/0000000000.bin").write_bytes(b"")
        case "NaN points":
            scan = drive / "velodyne_points/data/0000000000.bin"
            points = np.fromfile(scan, dtype="<f4").reshape(-1, 4)
            points[3, 0] = np.nan
            points.tofile(scan)
        case "inverted calibration":
            rewrite_velo(root, lambda rotation: rotation.T)
        case "no rotation":
            rewrite_velo(root, lambda rotation: 1.1 * rotation)
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
        ("empty scan", "0000000000.bin", "is empty"),
        ("NaN points", "0000000000.bin", "1 of its 469 points are not finite"),
        ("inverted calibration", "calib_velo_to_cam.txt", r"\d+ % of the points ahead of the scanner behind image_02: it looks inverted"),
        ("no rotation", "calib_velo_to_cam.txt", "R is no rotation matrix"),
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
    with pytest.raises(UserError, match=r"holds no drive; kitti needs DATE/calib_cam_to_cam.txt"):
        Kitti(empty)
    with pytest.raises(UserError, match="give the folder above it"):
        Kitti(root / "2011_09_26")
    (root / "2011_09_26/calib_cam_to_cam.txt").write_text("P_rect_02: 1 2 3\n")
    with pytest.raises(UserError, match=r"calib_cam_to_cam.txt: has no row 'P_rect_03'"):
        Kitti(root)


def write_improved(root, frames, folder=f"{DRIVE}", *, size=(38, 124)):
    """uint16, 256 units per metre, 0 = none: a wall at 10 m + 1 m per frame with one hole."""
    for camera in ("image_02", "image_03"):
        target = root / folder / "proj_depth/groundtruth" / camera
        target.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            stored = np.full(size, 2560 + 256 * frame + 64, dtype=np.uint16)
            stored[0] = 0
            Image.fromarray(stored).save(target / f"{frame:010d}.png")


@pytest.mark.parametrize("folder", [DRIVE, "train/2011_09_26_drive_0001_sync", "val/2011_09_26_drive_0001_sync"])
def test_improved__is_read_where_the_benchmark_or_the_drive_has_it(root, folder):
    write_improved(root, [1], folder)
    dataset = open_dataset(f"kitti:{root}", depth_source="improved")
    (record,) = dataset.records  # the benchmark has no depth for the ends of a drive
    assert (record.frame, record.cameras) == (1, ("image_02", "image_03"))
    depth = dataset.view(record, "image_03", frozenset({"depth"})).depth
    assert depth.dtype == np.float32 and (depth[0] == 0).all() and (depth[1:] == 11.25).all()
    scan = open_dataset(f"kitti:{root}", depth_source="lidar")
    assert len(scan.records) == 3 and 0 < (scan.view(record, "image_03", frozenset({"depth"})).depth > 0).mean() < 0.3


def test_improved__neighbours_outside_the_benchmark_have_images_and_no_depth(root):
    write_improved(root, [1])
    source = SampleSource(Kitti(root, depth_source="improved"), Needs(frames=(0, -1, 1)), Transform(38, 124))
    assert len(source) == 2
    known = (source[0, 0].depth > 0).flatten(1).any(1).tolist()
    assert known == [True, False, False]


def test_improved__data_check_opens_it(root, capsys):
    write_improved(root, [0, 1, 2])
    assert main(["data", "check", f"kitti:{root}", "--depth-source", "improved"]) == 0
    assert "97.4 %" in capsys.readouterr().out  # 37 of 38 rows
    assert main(["data", "check", f"kitti:{root}", "--depth-source", "dense"]) == 2


def test_improved__split_that_asks_for_more_is_refused(root):
    write_improved(root, [1])
    (root / "eigen.txt").write_text(f"{DRIVE} 1 l\n{DRIVE} 2 l\n")
    with pytest.raises(
        UserError, match=r"1 of its images have no improved depth, the first is .* 0000000002 image_02; .*652 of Eigen's 697"
    ):
        Kitti(root, split="eigen.txt", depth_source="improved")
    (root / "eigen.txt").write_text(f"{DRIVE} 1 l\n")
    assert len(Kitti(root, split="eigen.txt", depth_source="improved").records) == 1


def test_improved__what_is_missing_or_wrong_is_told(root):
    with pytest.raises(UserError, match=r"has no improved depth .*; download data_depth_annotated.zip"):
        Kitti(root, depth_source="improved")
    with pytest.raises(UserError, match="its depth_source cannot be 'dense'; choose from lidar, improved"):
        open_dataset(f"kitti:{root}", depth_source="dense")
    write_improved(root, [1], size=(37, 122))
    dataset = Kitti(root, depth_source="improved")
    with pytest.raises(UserError, match=r"0000000001.png: is 122x37, its calibration is for 124x38"):
        dataset.view(dataset.records[0], "image_02", frozenset({"depth"}))
    path = root / DRIVE / "proj_depth/groundtruth/image_02/0000000001.png"
    Image.new("L", (124, 38), 9).save(path)
    with pytest.raises(UserError, match="is an 8-bit picture"):
        dataset.view(dataset.records[0], "image_02", frozenset({"depth"}))
    path.unlink()
    with pytest.raises(UserError, match=r"does not exist; download data_depth_annotated.zip"):
        dataset.view(dataset.records[0], "image_02", frozenset({"depth"}))


def test_project_scan__as_monodepth2_writes_it(root, tiny):
    """Its formula, step by step, on random points: P_rect applied to homogeneous points, round - 1, the closest wins."""
    day = DayCalibration(root / "2011_09_26")
    points = np.random.default_rng(0).uniform([-20, -20, -3], [60, 20, 3], (4000, 3)).astype(np.float32)
    for camera in ("image_02", "image_03"):
        velo = np.column_stack([points[points[:, 0] >= 0].astype(np.float64), np.ones((points[:, 0] >= 0).sum())])
        projected = velo @ (day.projection(camera) @ day.rect_from_velo).T
        expected = np.zeros(tiny.KITTI_SIZE)
        for u, v, z in zip(*(np.round(projected[:, :2] / projected[:, 2:]) - 1).astype(int).T, projected[:, 2], strict=True):
            if z > 0 and 0 <= v < tiny.KITTI_SIZE[0] and 0 <= u < tiny.KITTI_SIZE[1]:
                expected[v, u] = min(expected[v, u] or np.inf, z)
        assert 200 < np.count_nonzero(expected) < 4000
        np.testing.assert_allclose(project_scan(points, day, camera), expected, rtol=1e-6)


def test_samples__trap_pose_rows_of_the_whole_drive_beside_renumbered_frames(samples, tmp_path):
    """Upstream's poses.txt has 474 rows beside five renumbered frames, and its first rows move half as far: GPS/IMU packets win."""
    original = samples / "kitti/2011_09_26"
    drive = tmp_path / "2011_09_26/2011_09_26_drive_0023_sync"
    (drive / "image_02").mkdir(parents=True)
    for calibration in original.glob("calib_*.txt"):
        (drive.parent / calibration.name).symlink_to(calibration)
    for name in ("image_02/data", "oxts"):
        (drive / name).symlink_to(original / drive.name / name)
    (drive / "image_02/poses.txt").symlink_to(samples / "kitti/poses_full_drive.txt")
    wrong = np.linalg.norm(np.diff(read_trajectory(drive / "image_02/poses.txt").world_from_cam[:5, :3, 3], axis=0), axis=1)
    np.testing.assert_allclose(wrong, [0.46, 0.52, 0.48, 0.54], atol=0.01)
    dataset = Kitti(tmp_path)
    poses = [invert(dataset.view(record, "image_02", frozenset({"cam_from_world"})).cam_from_world) for record in dataset.records]
    steps = np.linalg.norm(np.diff(np.array(poses)[:, :3, 3], axis=0), axis=1)
    np.testing.assert_allclose(steps, [0.976, 0.892, 0.986, 0.894], atol=2e-3)
    (drive / "oxts").unlink()
    with pytest.raises(UserError, match=r"poses.txt: has 474 rows, the frames are numbered 0 to 4; row i"):
        dataset.view(dataset.records[0], "image_02", frozenset({"cam_from_world"}))


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
