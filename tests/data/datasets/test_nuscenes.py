"""nuScenes: made-up tables whose LiDAR lands on known pixels, every way in which they can be wrong, and the real key frame."""

import json

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data import rigs as data_rigs
from leadline.data.catalog import open_dataset
from leadline.data.datasets.nuscenes.dataset import MINI_VAL_SCENES, VAL_SCENES, NuScenes
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.geometry.pose import invert, transform
from leadline.geometry.raster import rasterise
from leadline.types import UserError

DEPTH = frozenset({"depth"})
POSES = frozenset({"cam_from_world", "time_s"})
MINI = "v1.0-mini"


@pytest.fixture
def root(tmp_path, rigs):
    rigs.write_nuscenes(tmp_path / "nuscenes")
    return tmp_path / "nuscenes"


def edit(root, table, change, version=MINI):
    """Rewrite a table; `change` edits its rows in place."""
    path = root / version / f"{table}.json"
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows, indent=0))


def row_of(rows, part):
    return next(row for row in rows if part in row["token"])


def test_view__trap_every_sensor_has_its_own_ego_pose(root, rigs):
    """Cameras fire 10 to 40 ms before the LiDAR, at 15 m/s: only with their own poses do the points land on these pixels."""
    dataset = open_dataset(f"nuscenes:{root}")
    assert [record.cameras for record in dataset.records] == [rigs.NUSC_CAMERAS] * 3
    for record in dataset.records:
        for index, camera in enumerate(rigs.NUSC_CAMERAS):
            view = dataset.view(record, camera, DEPTH)
            np.testing.assert_allclose(view.depth, rigs.expected_depth(index), rtol=1e-5)
            assert view.sparse and abs(int(view.image[0, 0, 0]) - 40 * index) < 4  # JPEG


def test_view__last_write_is_a_choice(root, rigs):
    dataset = open_dataset(f"nuscenes:{root}", rasterise="last_write")
    depth = dataset.view(dataset.records[0], "CAM_FRONT", DEPTH).depth
    np.testing.assert_allclose(depth, rigs.expected_depth(0, last_write=True), rtol=1e-5)


def test_view__sweeps_come_through_their_own_poses(root, rigs):
    """The scan 50 ms before the key frame, 0.75 m and a degree away; the one before the scene's first frame counts too."""
    dataset = open_dataset(f"nuscenes:{root}", sweeps=2)
    for record in dataset.records:
        for index, camera in enumerate(rigs.NUSC_CAMERAS):
            np.testing.assert_allclose(dataset.view(record, camera, DEPTH).depth, rigs.depth_with_sweep(index), rtol=1e-5)


def test_view__more_sweeps_reach_the_key_frame_before(root, rigs):
    two, three = (open_dataset(f"nuscenes:{root}", sweeps=number) for number in (2, 3))
    number_of_points = [[np.count_nonzero(data.view(record, "CAM_FRONT", DEPTH).depth) for record in data.records] for data in (two, three)]
    assert number_of_points[0][0] == number_of_points[1][0]
    assert number_of_points[0][1] < number_of_points[1][1]
    with pytest.raises(UserError, match="its sweeps cannot be '11'; choose from 1, 2"):
        open_dataset(f"nuscenes:{root}", sweeps=11)


def test_view__missing_sweep_is_named_where_it_is_asked_for(root):
    missing = next((root / "sweeps/LIDAR_TOP").iterdir())
    missing.unlink()
    key_frames, both = open_dataset(f"nuscenes:{root}"), open_dataset(f"nuscenes:{root}", sweeps=2)
    for record in key_frames.records:
        key_frames.view(record, "CAM_BACK", DEPTH)
    with pytest.raises(UserError, match=f"{missing.name}: does not exist"):
        for record in both.records:
            both.view(record, "CAM_BACK", DEPTH)


def test_view__K_place_poses_and_times_of_each_camera(root, rigs):
    dataset = NuScenes(root)
    index = rigs.NUSC_CAMERAS.index("CAM_BACK")
    first, second = (dataset.view(record, "CAM_BACK", POSES | {"usable"}) for record in dataset.records[:2])
    np.testing.assert_allclose(first.camera.K[:2, 2], rigs.K_of(index)[:2, 2] + 0.5)
    np.testing.assert_allclose(first.camera.rig_from_cam, rigs.rig_from_cam(index), atol=1e-12)
    assert (first.time_s, second.time_s) == pytest.approx((-0.040 + 0.006 * index, 0.5 - 0.040 + 0.006 * index))
    world_from_cam = [rigs.world_from_rig(time_s) @ rigs.rig_from_cam(index) for time_s in (first.time_s, second.time_s)]
    np.testing.assert_allclose(
        second.cam_from_world @ invert(first.cam_from_world), invert(world_from_cam[1]) @ world_from_cam[0], atol=1e-9
    )
    assert np.abs(first.cam_from_world[:3, 3]).max() < 10
    # The mask's edge is anti-aliased: 128 is scene, 127 is not.
    assert first.usable[: -rigs.MASKED_ROWS].all() and not first.usable[-rigs.MASKED_ROWS :].any()
    assert dataset.view(dataset.records[0], "CAM_FRONT", frozenset({"usable"})).usable.all()


def test_source__rig_with_neighbouring_key_frames(root, rigs):
    layers = frozenset({"depth", "cam_from_world", "cam_from_rig", "time_s"})
    source = SampleSource(NuScenes(root), Needs(layers=layers, frames=(0, -1, 1), rig=True), Transform(rigs.HEIGHT, rigs.WIDTH))
    assert len(source) == 1
    sample = source[0, 0]
    assert sample.image.shape == (3, 6, 3, rigs.HEIGHT, rigs.WIDTH)
    np.testing.assert_allclose(sample.time_s[:, 5].numpy(), [0.49, -0.01, 0.99], atol=1e-6)
    np.testing.assert_allclose(sample.depth[2, 4].numpy(), rigs.expected_depth(4), rtol=1e-5)


def test_splits__official_lists():
    """Counts as published, and the scenes that mini_train has in common with val."""
    assert len(VAL_SCENES) == 150
    assert {"scene-0003", "scene-0110", "scene-0221", "scene-1073"} <= VAL_SCENES
    assert not {"scene-0001", "scene-0061", "scene-0111", "scene-0918", "scene-1074"} & VAL_SCENES
    mini_train = {f"scene-{number:04d}" for number in (61, 553, 655, 757, 796, 1077, 1094, 1100)}
    assert mini_train & VAL_SCENES == {"scene-0553", "scene-0796"} and MINI_VAL_SCENES <= VAL_SCENES


def test_split__by_the_scene_lists_or_by_a_file(tmp_path, rigs):
    rigs.write_nuscenes(tmp_path, version="v1.0-trainval", scenes=("scene-0001", "scene-0003"), frames=2, masks=False)
    sequences = {split: {record.sequence for record in NuScenes(tmp_path, split=split).records} for split in ("train", "val", None)}
    assert sequences == {"train": {"scene-0001"}, "val": {"scene-0003"}, None: {"scene-0001", "scene-0003"}}
    assert "usable" not in NuScenes(tmp_path).layers
    split = tmp_path / "tokens.txt"
    split.write_text("scene-0003-1")  # tokens in this fixture are SCENE-FRAME; no newline at the end, as in VFDepth's list
    dataset = NuScenes(tmp_path, split="tokens.txt")
    assert [(record.sequence, record.frame) for record in dataset.records] == [("scene-0003", 1)]
    assert len(dataset.moments) == 4
    split.write_text("scene-0001\n")
    assert [record.frame for record in NuScenes(tmp_path, split=str(split)).records] == [0, 1]


def test_split__mini(tmp_path, rigs):
    rigs.write_nuscenes(tmp_path, scenes=("scene-0061", "scene-0103"), frames=1, masks=False)
    assert [record.sequence for record in NuScenes(tmp_path, split="mini_val").records] == ["scene-0103"]
    assert [record.sequence for record in NuScenes(tmp_path, split="mini_train").records] == ["scene-0061"]


@pytest.mark.parametrize(
    ("split", "wrong"),
    [
        ("val", r"has no v1.0-trainval, of which the split val is a part; choose a split of v1.0-mini"),
        ("mini_val", "has no key frame of the split mini_val"),
        ("validation", "is neither a split of nuScenes nor a file; choose from train, val"),
        ("0123456789abcdef0123456789abcdef\n", "1 of its 1 lines are not in .*v1.0-mini"),
    ],
)
def test_split__wrong_list_is_refused(root, split, wrong):
    if "\n" in split:
        (root / "list.txt").write_text(split)
        split = "list.txt"
    with pytest.raises(UserError, match=wrong):
        NuScenes(root, split=split)


def test_open__says_what_was_looked_for(root, tmp_path):
    with pytest.raises(UserError, match=r"v1.0-mini: is a folder of tables; give the folder above it"):
        NuScenes(root / MINI)
    with pytest.raises(UserError, match=r"holds none of v1.0-trainval, v1.0-mini, v1.0-test; download the metadata from https"):
        NuScenes(tmp_path)


def damage(root, what, rigs):
    channel = "CAM_FRONT_LEFT"
    image = root / f"samples/{channel}/n015__{channel}__{rigs.NUSC_FIRST - 34_000}.jpg"
    scan = root / f"samples/LIDAR_TOP/n015__LIDAR_TOP__{rigs.NUSC_FIRST}.pcd.bin"
    points = np.fromfile(scan, dtype="<f4").reshape(-1, 5)
    first = f"scene-0061-0-{channel}"

    match what:
        case "missing image":
            image.unlink()
        case "truncated image":
            image.write_bytes(image.read_bytes()[:300])
        case "image of another size":
            Image.new("RGB", (rigs.WIDTH // 2, rigs.HEIGHT // 2)).save(image)
        case "missing scan":
            scan.unlink()
        case "truncated scan":
            scan.write_bytes(scan.read_bytes()[:-7])
        case "empty point cloud":
            scan.write_bytes(b"")
        case "NaN points":
            points[5, 2] = np.nan
            points.tofile(scan)
        case "missing table":
            (root / MINI / "ego_pose.json").unlink()
        case "truncated table":
            path = root / MINI / "sample_data.json"
            path.write_text(path.read_text()[:-900])
        case "table that is an object":
            (root / MINI / "sample.json").write_text('{"token": 1}')
        case "missing field":
            edit(root, "sample_data", lambda rows: row_of(rows, first).pop("ego_pose_token"))
        case "missing field of a calibration":
            edit(root, "calibrated_sensor", lambda rows: rows[2].pop("camera_intrinsic"))
        case "duplicate token":
            edit(root, "sample_data", lambda rows: rows.append(dict(rows[0])))
        case "duplicate token of a pose":
            edit(root, "ego_pose", lambda rows: rows.append(dict(rows[0])))
        case "two key frames of one camera":
            edit(root, "sample_data", lambda rows: rows.append(row_of(rows, first) | {"token": "other"}))
        case "dangling pose":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(ego_pose_token="nobody"))
        case "dangling calibration":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(calibrated_sensor_token="nobody"))
        case "dangling sample":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(sample_token="nobody"))
        case "calibration of another sensor":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(calibrated_sensor_token="c-CAM_BACK"))
        case "calibration of another vehicle":
            edit(root, "log", lambda rows: rows.append({"token": "log2", "vehicle": "n008"}))
            edit(root, "scene", lambda rows: rows.append({"token": "t2", "name": "scene-0062", "log_token": "log2"}))
            edit(root, "sample", lambda rows: rows[2].update(scene_token="t2"))
        case "K of half the size":
            edit(root, "calibrated_sensor", lambda rows: rows[1].update(camera_intrinsic=[[25, 0, 9.2], [0, 25, 5.4], [0, 0, 1]]))
        case "empty K":
            edit(root, "calibrated_sensor", lambda rows: rows[1].update(camera_intrinsic=[]))
        case "non-unit quaternion":
            edit(root, "ego_pose", lambda rows: row_of(rows, first).update(rotation=[2.0, 0.0, 0.0, 0.0]))
        case "non-unit quaternion of the calibration":
            edit(root, "calibrated_sensor", lambda rows: rows[1].update(rotation=[0.5, 0.5, 0.5, 0.4]))
        case "NaN in a pose":
            edit(root, "ego_pose", lambda rows: row_of(rows, first).update(translation=[float("nan"), 0.0, 0.0]))
        case "inverted extrinsics":
            q, t = rigs.q_and_t(invert(rigs.rig_from_cam(1)))
            edit(root, "calibrated_sensor", lambda rows: rows[1].update(rotation=q, translation=t))
        case "inverted ego pose":
            q, t = rigs.q_and_t(invert(rigs.world_from_rig(0.0)))
            edit(root, "ego_pose", lambda rows: row_of(rows, "0-LIDAR_TOP").update(rotation=q, translation=t))
        case "wrong time unit":
            edit(root, "sample_data", lambda rows: [row.update(timestamp=row["timestamp"] // 1000) for row in rows])
        case "times of another frame":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(timestamp=rigs.NUSC_FIRST + 3_000_000))
        case "path that leaves the root":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(filename=f"../../{channel}/passwd"))
        case "absolute path":
            edit(root, "sample_data", lambda rows: row_of(rows, first).update(filename=f"/etc/{channel}/passwd"))
        case "no LiDAR":
            edit(root, "sample_data", lambda rows: row_of(rows, "0-LIDAR_TOP").update(is_key_frame=False))
        case "missing mask":
            (root / f"masks/{channel}_mask.png").unlink()
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "subject", "wrong"),
    [
        ("missing image", ".jpg", "does not exist; download the file blobs of this part from https"),
        ("truncated image", ".jpg", "broken or truncated image"),
        ("image of another size", ".jpg", "is 20x12, the calibration of CAM_FRONT_LEFT is for 40x24"),
        ("missing scan", ".pcd.bin", "does not exist; download the file blobs"),
        ("truncated scan", ".pcd.bin", "has 4213 bytes, no multiple of a point's 20"),
        ("empty point cloud", ".pcd.bin", "is empty"),
        ("NaN points", ".pcd.bin", "1 of its 211 points are not finite"),
        ("missing table", "ego_pose.json", "does not exist; download the metadata from https"),
        ("truncated table", "sample_data.json", r"is not valid JSON, or ends too early \(after \d+ rows"),
        ("table that is an object", "sample.json", "is not a list of objects"),
        ("missing field", "sample_data.json", r"row \d+ lacks the field 'ego_pose_token'"),
        ("missing field of a calibration", "calibrated_sensor.json", "row 2 lacks the field 'camera_intrinsic'"),
        ("duplicate token", "sample_data.json", "the token scene-0061-0-CAM_FRONT-.* is there twice"),
        ("duplicate token of a pose", "ego_pose.json", "the token e-scene-0061-0-CAM_FRONT-.* is there twice"),
        ("two key frames of one camera", "sample_data.json", "sample scene-0061-0 has two key frames of CAM_FRONT_LEFT"),
        ("dangling pose", "sample_data.json", "points to nobody, which ego_pose.json does not hold"),
        ("dangling calibration", "sample_data.json", "points to nobody, which calibrated_sensor.json does not hold"),
        ("dangling sample", "sample_data.json", "points to nobody, which sample.json does not hold"),
        ("calibration of another sensor", "sample_data.json", "is a file of CAM_FRONT_LEFT with the calibration of CAM_BACK"),
        ("calibration of another vehicle", "sample_data.json", "of the vehicle n008 has a calibration of the vehicle n015"),
        ("K of half the size", "calibrated_sensor.json", "puts the principal point of CAM_FRONT_LEFT at 9.7, 5.9 of 40x24"),
        ("empty K", "calibrated_sensor.json", r"camera_intrinsic of row c-CAM_FRONT_LEFT .* is not as expected"),
        ("non-unit quaternion", "ego_pose.json", "the pose of scene-0061-0-CAM_FRONT_LEFT-.* has a quaternion of length 2"),
        ("non-unit quaternion of the calibration", "calibrated_sensor.json", r"row c-CAM_FRONT_LEFT .* has a quaternion of length 0.95"),
        ("NaN in a pose", "ego_pose.json", "has no usable pose"),
        ("inverted extrinsics", "calibrated_sensor.json", "puts CAM_FRONT_LEFT on its side: its extrinsics look inverted"),
        ("inverted ego pose", ".pcd.bin", r"\d+ % of its points land behind CAM_FRONT_LEFT: a pose or the extrinsics look inverted"),
        ("wrong time unit", "sample_data.json", "which is none in microseconds"),
        ("times of another frame", "sample_data.json", "is 3 s away from its sample: the two count time in different units"),
        ("path that leaves the root", "sample_data.json", "which is not below"),
        ("absolute path", "sample_data.json", "which is not below"),
        ("no LiDAR", "sample_data.json", "sample scene-0061-0 has no LIDAR_TOP"),
        ("missing mask", "CAM_FRONT_LEFT_mask.png", "does not exist; copy the masks of all cameras"),
    ],
)
def test_bad_input__is_named(root, rigs, what, subject, wrong):
    damage(root, what, rigs)
    with pytest.raises(UserError, match=wrong) as caught:
        dataset = NuScenes(root)
        dataset.view(dataset.records[0], "CAM_FRONT_LEFT", DEPTH | POSES | {"usable"})
    assert caught.value.subject.endswith(subject)


def test_bad_input__unknown_fields_tables_and_sensors_are_ignored(root, rigs):
    for table in ("sample_data", "sample", "scene", "log", "sensor", "calibrated_sensor", "ego_pose"):
        edit(root, table, lambda rows: [row.update(anything={"else": 1}) for row in rows])
    (root / MINI / "lidarseg.json").write_text("[]")
    edit(root, "sample_data", lambda rows: [row.pop("fileformat") for row in rows])
    dataset = NuScenes(root)
    np.testing.assert_allclose(dataset.view(dataset.records[0], "CAM_BACK", DEPTH).depth, rigs.expected_depth(3), rtol=1e-5)


def test_data_check__tells_what_is_missing_and_how_to_get_it(root, rigs, capsys):
    damage(root, "missing image", rigs)
    damage(root, "NaN points", rigs)
    assert main(["data", "check", f"nuscenes:{root}"]) == 2
    printed = capsys.readouterr()
    assert "1 sequences, 3 records, 18 images (all opened)" in printed.out
    assert ".jpg: does not exist; download the file blobs of this part from https" in printed.err
    assert "1 of its 211 points are not finite" in printed.err and printed.err.count("leadline data:") == 2
    damage(root, "missing table", rigs)
    assert main(["data", "check", f"nuscenes:{root}"]) == 2
    assert "ego_pose.json: does not exist; download the metadata from https" in capsys.readouterr().err


def count_points(monkeypatch) -> list[tuple[int, int]]:
    """Points of every scan that is rasterised from now on, and those of them inside the picture, by rounding integer centres."""
    counts = []

    def spy(points, cam_from_points, K, *, height, width, rule):
        in_cam = points @ cam_from_points[:3, :3].T + cam_from_points[:3, 3]
        in_cam = in_cam[in_cam[:, 2] > 0]
        u, v = np.rint((in_cam @ K.T)[:, :2] / in_cam[:, 2:] - 0.5).T
        counts.append((len(points), int(((u >= 0) & (u < width) & (v >= 0) & (v < height)).sum())))
        return rasterise(points, cam_from_points, K, height=height, width=width, rule=rule)

    monkeypatch.setattr(data_rigs, "rasterise", spy)
    return counts


def test_samples__projection_equals_the_published_figures(samples, monkeypatch):
    counts = count_points(monkeypatch)
    folder = samples / "nuscenes"
    expected = json.loads((folder / "expected_lidar_projection.json").read_text())
    sets = {rule: open_dataset(f"nuscenes:{folder}", rasterise=rule) for rule in ("nearest", "last_write")}
    (record,) = sets["nearest"].records
    assert set(record.cameras) == set(expected["cameras"])
    for camera, figures in expected["cameras"].items():
        view = sets["nearest"].view(record, camera, DEPTH | {"usable"})
        last = sets["last_write"].view(record, camera, DEPTH).depth
        known = view.depth[view.depth > 0]
        assert counts[-1][0] == expected["lidar_points"]
        found = {
            "points": counts[-1][1],
            "pixels": known.size,
            "pixels_last_write_differs_from_nearest": np.count_nonzero(view.depth != last),
            "pixels_kept_by_mask": np.count_nonzero((view.depth > 0) & view.usable),
            "pixels_3_to_100_m": np.count_nonzero((known > 3) & (known < 100)),
            "pixels_0.1_to_80_m": np.count_nonzero((known > 0.1) & (known < 80)),
        }
        assert found == {name: figures[name] for name in found}, camera
        depths = [known.min(), known.max(), np.median(known)]
        np.testing.assert_allclose(depths, [figures[name] for name in ("z_min", "z_max", "z_median")], atol=1e-4)


def test_samples__trap_ego_pose_per_sensor_equals_upstreams_lidar2cam(samples):
    """mmdetection3d's own matrices, which hold the motion between the LiDAR's time and the camera's, put points where we do."""
    info = json.loads((samples / "nuscenes/extra/mmdet3d_info.json").read_text())
    images = info["data_list"][0]["images"]
    (scan,) = (samples / "nuscenes/samples/LIDAR_TOP").glob("*.bin")
    points = np.fromfile(scan, dtype="<f4").reshape(-1, 5)[:, :3].astype(np.float64)
    dataset = open_dataset(f"nuscenes:{samples}/nuscenes", "mini_train")
    record = dataset.records[0]
    for camera in record.cameras:
        view = dataset.view(record, camera, DEPTH)
        K = np.array(images[camera]["cam2img"])
        in_cam = transform(np.array(images[camera]["lidar2cam"]), points)
        in_cam = in_cam[in_cam[:, 2] > 0]
        uv = np.rint((in_cam @ K.T)[:, :2] / in_cam[:, 2:]).astype(int)
        inside = (uv >= 0).all(axis=1) & (uv[:, 0] < 1600) & (uv[:, 1] < 900)
        by_upstream = {(v, u) for u, v in uv[inside].tolist()}
        by_us = set(zip(*(axis.tolist() for axis in np.nonzero(view.depth)), strict=True))
        assert len(by_us ^ by_upstream) <= 2  # float32 matrices move a point across an edge now and then
    times = [dataset.view(record, camera, POSES).time_s for camera in ("CAM_FRONT", "CAM_FRONT_LEFT", "CAM_BACK_LEFT")]
    np.testing.assert_allclose(times, [-0.0355, -0.0431, -0.0005], atol=1e-4)
