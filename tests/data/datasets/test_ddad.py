"""DDAD: a made-up drive whose LiDAR lands on known pixels, every way in which its files can be wrong, and the real scene."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data import rigs as data_rigs
from leadline.data.catalog import open_dataset
from leadline.data.datasets.ddad import Ddad
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.geometry.pose import invert
from leadline.geometry.raster import rasterise
from leadline.types import UserError

DEPTH = frozenset({"depth"})
POSES = frozenset({"cam_from_world", "time_s"})


@pytest.fixture
def root(tmp_path, rigs):
    rigs.write_ddad(tmp_path / "ddad")
    return tmp_path / "ddad"


def scene_file(root: Path) -> Path:
    return next(root.glob("000150/scene_*.json"))


def edit(path: Path, change) -> None:
    """Rewrite a JSON file; `change` edits its content in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def first_view(root: Path, layers: frozenset[str] = DEPTH, camera: str = "CAMERA_05"):
    dataset = Ddad(root)
    return dataset.view(dataset.records[0], camera, layers)


def test_view__trap_every_datum_has_its_own_pose(root, rigs):
    """The LiDAR fires 40 ms after the cameras, at 15 m/s: only with both poses do its points land on these pixels."""
    dataset = open_dataset(f"ddad:{root}")
    for record in dataset.records:
        for index, camera in enumerate(rigs.DDAD_CAMERAS):
            view = dataset.view(record, camera, DEPTH)
            np.testing.assert_allclose(view.depth, rigs.expected_depth(index), rtol=1e-6)
            assert view.sparse
            assert tuple(view.image[0, 0]) == (40 * index, 100, 20)


def test_view__last_write_is_a_choice(root, rigs):
    dataset = open_dataset(f"ddad:{root}", rasterise="last_write")
    depth = dataset.view(dataset.records[0], "CAMERA_01", DEPTH).depth
    np.testing.assert_allclose(depth, rigs.expected_depth(0, last_write=True), rtol=1e-6)
    with pytest.raises(UserError, match="has no choice of rasterise; leave it out: it has no options"):
        open_dataset(f"nyu:{root}", rasterise="last_write")
    with pytest.raises(UserError, match="its rasterise cannot be 'first'; choose from nearest, last_write"):
        open_dataset(f"ddad:{root}", rasterise="first")


def test_view__trap_time_counts_100_ns_and_not_the_iso_strings(root):
    dataset = Ddad(root)
    times = [dataset.view(record, "CAMERA_07", POSES).time_s for record in dataset.records]
    np.testing.assert_allclose(times, [0.0, 0.1, 0.2], atol=1e-9)


def test_view__K_place_and_poses(root, rigs):
    dataset = Ddad(root)
    assert dataset.records[0].cameras == rigs.DDAD_CAMERAS
    first, second = (dataset.view(record, "CAMERA_08", POSES | {"usable"}) for record in dataset.records[:2])
    index = rigs.DDAD_CAMERAS.index("CAMERA_08")
    np.testing.assert_allclose(first.camera.K[:2, 2], rigs.K_of(index)[:2, 2] + 0.5)
    np.testing.assert_allclose(first.camera.rig_from_cam, rigs.rig_from_cam(index), atol=1e-12)
    moved = invert(rigs.world_from_rig(0.1) @ rigs.rig_from_cam(index)) @ rigs.world_from_rig(0.0) @ rigs.rig_from_cam(index)
    np.testing.assert_allclose(second.cam_from_world @ invert(first.cam_from_world), moved, atol=1e-9)
    assert np.abs(second.cam_from_world[:3, 3]).max() < 10  # near the origin, where float32 has millimetres
    hidden = np.zeros((rigs.HEIGHT, rigs.WIDTH), dtype=bool)
    hidden[-rigs.MASKED_ROWS :] = True
    np.testing.assert_array_equal(first.usable, ~hidden)


def test_layers__usable_only_with_masks(tmp_path, rigs):
    rigs.write_ddad(tmp_path, masks=False)
    assert "usable" not in Ddad(tmp_path).layers
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match=r"mask_idx_dict.json: does not exist; write VFDepth's"):
        Ddad(tmp_path)


def test_split__by_the_scene_lists_or_by_a_file(tmp_path, rigs):
    rigs.write_ddad(tmp_path, scenes={"000000": "0", "000150": "1"}, frames=2)
    sequences = {split: {record.sequence for record in Ddad(tmp_path, split=split).records} for split in ("train", "val", None)}
    assert sequences == {"train": {"000000"}, "val": {"000150"}, None: {"000000", "000150"}}
    split = tmp_path / "mine.txt"
    split.write_text("000150  # a scene\n000000 1\n")
    chosen = Ddad(tmp_path, split=str(split))
    assert [(record.sequence, record.frame) for record in chosen.records] == [("000000", 1), ("000150", 0), ("000150", 1)]
    assert len(chosen.moments) == 4
    split.write_text(f"{rigs.DDAD_FIRST + rigs.DDAD_STEP}\n")  # SurroundDepth's way; both scenes have an image of that time
    assert [record.frame for record in Ddad(tmp_path, split=str(split)).records] == [1, 1]


def test_split__part_of_the_scenes_can_be_used_through_a_file_only(tmp_path, rigs):
    rigs.write_ddad(tmp_path, scenes={"000150": "1", "000151": "1"}, frames=1)
    shutil.rmtree(tmp_path / "000151")
    with pytest.raises(UserError, match=r"ddad.json: lists 2 scenes, 1 are not here, the first is 000151/.*download DDAD"):
        Ddad(tmp_path)
    (tmp_path / "mine.txt").write_text("000150\n")
    assert len(Ddad(tmp_path, split="mine.txt").records) == 1


@pytest.mark.parametrize(
    ("split", "wrong"),
    [
        ("validation", "is neither a split of DDAD nor a file; choose from train, val, test"),
        ("train", r"lists no scenes for the split train; choose another \(it has val\)"),
        ("000150 7\n", "1 of its 1 lines are not in"),
        ("000150\n000007\n", "1 of its 2 lines are not in .*'000007'"),
        ("15616458249936531\n", "1 of its 1 lines are not in"),
    ],
)
def test_split__wrong_list_is_refused(root, split, wrong):
    if "\n" in split:
        (root / "list.txt").write_text(split)
        split = "list.txt"
    with pytest.raises(UserError, match=wrong):
        Ddad(root, split=split)


def test_open__says_what_was_looked_for(root, tmp_path):
    with pytest.raises(UserError, match=r"000150: is one scene; give the folder above it"):
        Ddad(root / "000150")
    with pytest.raises(UserError, match=rf"has no ddad.json; give the folder {root}"):
        Ddad(tmp_path)
    (root / "ddad.json").unlink()
    with pytest.raises(UserError, match=r"has no ddad.json; download DDAD again from https"):
        Ddad(root)


def damage(root, what, rigs):
    scene, calibration = scene_file(root), root / "000150/calibration/cal.json"
    image = root / f"000150/rgb/CAMERA_05/{rigs.DDAD_FIRST}.png"
    cloud = root / f"000150/point_cloud/LIDAR/{rigs.DDAD_FIRST + rigs.DDAD_LIDAR_LATER}.npz"
    stored = np.load(cloud)["data"]

    def datum(content, name):
        return next(row for row in content["data"] if row["id"]["name"] == name)

    def pose(content, name):
        return next(iter(datum(content, name)["datum"].values()))["pose"]

    match what:
        case "missing image":
            image.unlink()
        case "truncated image":
            image.write_bytes(image.read_bytes()[:60])
        case "image of another size":
            Image.new("RGB", (rigs.WIDTH // 2, rigs.HEIGHT // 2)).save(image)
        case "missing scan":
            cloud.unlink()
        case "truncated scan":
            cloud.write_bytes(cloud.read_bytes()[:200])
        case "scan of another key":
            np.savez(cloud, points=stored)
        case "empty point cloud":
            np.savez(cloud, data=stored[:0])
        case "NaN points":
            stored[3, 1] = np.nan
            np.savez(cloud, data=stored)
        case "scan of another shape":
            np.savez(cloud, data=stored[:, :2])
        case "truncated scene":
            scene.write_text(scene.read_text()[:500])
        case "missing calibration":
            calibration.unlink()
        case "K of half the size":
            edit(calibration, lambda c: [k.update(cx=k["cx"] * 2, cy=k["cy"] * 2) for k in c["intrinsics"]])
        case "calibration of another vehicle":
            edit(calibration, lambda c: c["extrinsics"][2]["translation"].update(x=2.5))
        case "calibration that lacks a camera":
            edit(calibration, lambda c: [c[name].pop(2) for name in ("names", "intrinsics", "extrinsics")])
        case "inverted extrinsics":
            q, t = rigs.q_and_t(invert(rigs.rig_from_cam(1)))
            rotation = dict(zip(("qw", "qx", "qy", "qz"), q, strict=True))
            edit(calibration, lambda c: c["extrinsics"][2].update(rotation=rotation, translation=dict(zip("xyz", t, strict=True))))
        case "inverted LiDAR pose":
            q, t = rigs.q_and_t(invert(rigs.world_from_rig(0.04)))
            rotation = dict(zip(("qw", "qx", "qy", "qz"), q, strict=True))
            edit(scene, lambda c: pose(c, "LIDAR").update(rotation=rotation, translation=dict(zip("xyz", t, strict=True))))
        case "non-unit quaternion":
            edit(scene, lambda c: pose(c, "CAMERA_05")["rotation"].update(qw=2.0))
        case "NaN in a pose":
            edit(scene, lambda c: pose(c, "CAMERA_05")["translation"].update(x=float("nan")))
        case "non-unit quaternion of the calibration":
            edit(calibration, lambda c: c["extrinsics"][2]["rotation"].update(qx=3.0))
        case "pose without qw":
            edit(scene, lambda c: pose(c, "CAMERA_05")["rotation"].pop("qw"))
        case "duplicate key":
            edit(scene, lambda c: c["data"][2].update(key=c["data"][1]["key"]))
        case "camera twice in a moment":
            edit(scene, lambda c: c["data"][2]["id"].update(name=c["data"][1]["id"]["name"]))
        case "key that is not there":
            edit(scene, lambda c: c["samples"][1]["datum_keys"].append("nobody"))
        case "path that leaves the root":
            edit(scene, lambda c: datum(c, "CAMERA_05")["datum"]["image"].update(filename="../../../etc/passwd"))
        case "absolute path":
            edit(scene, lambda c: datum(c, "LIDAR")["datum"]["point_cloud"].update(filename="/etc/passwd"))
        case "scene list that leaves the root":
            edit(root / "ddad.json", lambda c: c["scene_splits"]["1"]["filenames"].append("../other/scene_1.json"))
        case "missing field":
            edit(scene, lambda c: datum(c, "CAMERA_05")["datum"]["image"].pop("pose"))
        case "missing list":
            edit(scene, lambda c: c.pop("samples"))
        case "no LiDAR":
            edit(scene, lambda c: [sample["datum_keys"].pop(0) for sample in c["samples"]])
        case "missing mask":
            (root / "masks/3/CAMERA_05_mask.png").unlink()
        case "mask of another size":
            Image.new("L", (7, 7)).save(root / "masks/3/CAMERA_05_mask.png")
        case "no mask group":
            (root / "masks/mask_idx_dict.json").write_text('{"000000": 3}')
        case "names in microseconds":
            rename(root, lambda ticks: ticks // 10)
        case "LiDAR names in another unit":
            rename(root, lambda ticks: ticks + 40_000_000, "LIDAR")
        case _:
            raise AssertionError(what)


def rename(root, change, sensor=""):
    """Give all files of a sensor (or of all) another time."""

    def renamed(content):
        for row in content["data"]:
            if sensor in row["id"]["name"]:
                datum = next(iter(row["datum"].values()))
                old = Path(datum["filename"])
                datum["filename"] = str(old.with_stem(str(change(int(old.stem)))))
                (root / "000150" / old).rename(root / "000150" / datum["filename"])

    edit(scene_file(root), renamed)


@pytest.mark.parametrize(
    ("what", "subject", "wrong"),
    [
        ("missing image", ".png", "does not exist; download DDAD again"),
        ("truncated image", ".png", "truncated image"),
        ("image of another size", ".png", "is 20x12, the calibration of CAMERA_05 is for 40x24"),
        ("missing scan", ".npz", "does not exist; download DDAD again"),
        ("truncated scan", ".npz", "is no LiDAR scan"),
        ("scan of another key", ".npz", "with the array data was expected"),
        ("empty point cloud", ".npz", "holds no point"),
        ("NaN points", ".npz", "1 of its 211 points are not finite"),
        ("scan of another shape", ".npz", r"has shape \(211, 2\)"),
        ("truncated scene", "scene_0123456789abcdef.json", "is not valid JSON"),
        ("missing calibration", "cal.json", "does not exist; download DDAD again"),
        ("K of half the size", "cal.json", "puts the principal point of CAMERA_05 at 39.1, 23.9 of 40x24"),
        ("calibration of another vehicle", "cal.json", "puts CAMERA_05 1.34 m and 0.0 degrees from where the poses"),
        ("calibration that lacks a camera", "cal.json", "does not know CAMERA_05, it is of CAMERA_01, CAMERA_06"),
        ("inverted extrinsics", "cal.json", "puts CAMERA_05 on its side: its extrinsics look inverted"),
        ("inverted LiDAR pose", ".npz", r"\d+ % of its points land behind CAMERA_05: a pose or the extrinsics look inverted"),
        ("non-unit quaternion", "scene_0123456789abcdef.json", r"CAMERA_05 of \d+.png has a quaternion of length 2.\d+"),
        ("NaN in a pose", "scene_0123456789abcdef.json", r"CAMERA_05 of \d+.png has no usable pose"),
        ("non-unit quaternion of the calibration", "cal.json", "CAMERA_05 has a quaternion of length 3"),
        ("pose without qw", "scene_0123456789abcdef.json", "lacks the field 'qw'"),
        ("duplicate key", "scene_0123456789abcdef.json", "the key 000150-0-CAMERA_01 is there twice"),
        ("camera twice in a moment", "scene_0123456789abcdef.json", r"samples\[0\] has CAMERA_01 twice"),
        ("key that is not there", "scene_0123456789abcdef.json", r"samples\[1\] names the datum nobody, which is not there"),
        ("path that leaves the root", "scene_0123456789abcdef.json", r"'../../../etc/passwd', which is not below"),
        ("absolute path", "scene_0123456789abcdef.json", "'/etc/passwd', which is not below"),
        ("scene list that leaves the root", "ddad.json", "'../other/scene_1.json', which is not below"),
        ("missing field", "scene_0123456789abcdef.json", r"data\[2\] lacks the field 'pose'"),
        ("missing list", "scene_0123456789abcdef.json", "the scene lacks the field 'samples'"),
        ("no LiDAR", "scene_0123456789abcdef.json", "a moment has no LIDAR"),
        ("missing mask", "CAMERA_05_mask.png", "does not exist; copy the masks of this group too"),
        ("mask of another size", "CAMERA_05_mask.png", "is 7x7, the pictures of CAMERA_05 are 40x24"),
        ("no mask group", "mask_idx_dict.json", "has no group for the scene 000150"),
        ("names in microseconds", ".npz", r"its name is no time in units of 100 ns \(that would be the year 1975\)"),
        ("LiDAR names in another unit", ".npz", "is 4.04 s away from"),
    ],
)
def test_bad_input__is_named(root, rigs, what, subject, wrong):
    damage(root, what, rigs)
    with pytest.raises(UserError, match=wrong) as caught:
        first_view(root, DEPTH | POSES | {"usable"})
    assert caught.value.subject.endswith(subject)


def test_bad_input__unknown_fields_and_sensors_are_ignored(root, rigs):
    def add(content):
        content["anything"] = {"else": 1}
        content["data"][1]["datum"]["image"]["exposure"] = 0.01
        content["data"].append({"key": "radar", "id": {"name": "RADAR"}, "datum": {"radar_point_cloud": {}}})

    edit(scene_file(root), add)
    edit(root / "000150/calibration/cal.json", lambda c: c.update(version=3))
    np.testing.assert_allclose(first_view(root).depth, rigs.expected_depth(1), rtol=1e-6)


def test_data_check__tells_what_is_missing_and_how_to_get_it(root, rigs, capsys):
    assert main(["data", "check", f"ddad:{root}"]) == 0
    assert "1 sequences, 3 records, 18 images (all opened)" in capsys.readouterr().out
    damage(root, "missing image", rigs)
    damage(root, "NaN points", rigs)
    assert main(["data", "check", f"ddad:{root}"]) == 2
    printed = capsys.readouterr().err
    assert f"CAMERA_05/{rigs.DDAD_FIRST}.png: does not exist; download DDAD again from https" in printed
    assert "1 of its 211 points are not finite" in printed and printed.count("leadline data:") == 2
    assert main(["data", "check", f"ddad:{root / 'masks'}"]) == 2
    assert "has no ddad.json; download DDAD again from https" in capsys.readouterr().err


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
    folder = samples / "ddad"
    expected = json.loads((folder / "expected_lidar_projection.json").read_text())
    sets = {rule: open_dataset(f"ddad:{folder}", rasterise=rule) for rule in ("nearest", "last_write")}
    totals = np.zeros(3, dtype=int)
    for record in sets["nearest"].records:
        for camera, figures in expected["samples"][record.frame]["cameras"].items():
            view = sets["nearest"].view(record, camera, DEPTH | {"usable"})
            last = sets["last_write"].view(record, camera, DEPTH).depth
            known = view.depth[view.depth > 0]
            assert counts[-1][0] == expected["samples"][record.frame]["lidar_points"]
            found = {
                "points": counts[-1][1],
                "pixels": known.size,
                "pixels_last_write_differs_from_nearest": np.count_nonzero(view.depth != last),
                "pixels_kept_by_mask": np.count_nonzero((view.depth > 0) & view.usable),
                "pixels_0.1_to_200_m": np.count_nonzero((known > 0.1) & (known < 200)),
            }
            assert found == {name: figures[name] for name in found}, camera
            np.testing.assert_allclose(
                [known.min(), known.max(), np.median(known)], [figures[name] for name in ("z_min", "z_max", "z_median")], atol=1e-4
            )
            totals += [found["points"], found["pixels"], found["pixels_last_write_differs_from_nearest"]]
    assert totals.tolist() == expected["total_points_pixels_conflicts"]


def test_samples__trap_time_unit_frames_are_a_tenth_of_a_second_apart(samples):
    """The ISO strings of the files say one second, in which the vehicle would move 1.3 m; it drives at 12.6 to 12.8 m/s."""
    dataset = open_dataset(f"ddad:{samples}/ddad", "val")
    views = [dataset.view(record, "CAMERA_01", POSES) for record in dataset.records]
    np.testing.assert_allclose([view.time_s for view in views], [0.0, 0.1, 0.2], atol=1e-4)
    centres = np.array([invert(view.cam_from_world)[:3, 3] for view in views])
    speed = np.linalg.norm(np.diff(centres, axis=0), axis=1) / np.diff([view.time_s for view in views])
    np.testing.assert_allclose(speed, [12.7, 12.7], atol=0.1)


def test_samples__rig_with_neighbouring_frames(samples, rigs):
    dataset = open_dataset(f"ddad:{samples}/ddad", "val")
    layers = frozenset({"depth", "usable", "cam_from_world", "cam_from_rig", "time_s"})
    source = SampleSource(dataset, Needs(layers=layers, frames=(0, -1, 1), rig=True), Transform(76, 121))
    assert len(source) == 1 and dataset.records[1].cameras == rigs.DDAD_CAMERAS
    sample = source[0, 0]
    assert sample.image.shape == (3, 6, 3, 76, 121) and sample.valid.shape == (3, 6, 76, 121)
    assert sample.time_s is not None and sample.cam_from_world is not None and sample.cam_from_rig is not None
    np.testing.assert_allclose(sample.time_s.numpy(), np.repeat([[0.1], [0.0], [0.2]], 6, axis=1), atol=1e-4)
    assert (sample.K[0, 0, 0, 0] / sample.K[0, 1, 0, 0]).item() == pytest.approx(2181.5 / 1057.1, rel=1e-3)
    # Poses in the world and on the rig tell the same about two cameras that fire together, to the millimetres of the poses.
    world, rig = sample.cam_from_world[0].double().numpy(), sample.cam_from_rig[0].double().numpy()
    np.testing.assert_allclose(world[1] @ invert(world[0]), rig[1] @ invert(rig[0]), atol=0.02)
    single = SampleSource(dataset, Needs(layers=frozenset({"depth"}), frames=(0, 1)), Transform(38, 60))
    assert len(single) == 12
