"""Plain rig folders: what is read, in which order, and what is refused by name."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.data.datasets.rig_folder import RigFolder
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.geometry.pose import invert
from leadline.types import UserError

ALL = frozenset({"depth", "usable", "cam_from_world", "time_s"})


@pytest.fixture
def root(tmp_path, rigs):
    rigs.write_rig(tmp_path / "rig")
    return tmp_path / "rig"


def edit_rig(root, change):
    content = json.loads((root / "rig.json").read_text())
    change(content["cameras"])
    (root / "rig.json").write_text(json.dumps(content))


def test_view__everything_of_a_moment(root, rigs):
    dataset = open_dataset(f"rig:{root}")
    assert dataset.layers == ALL | {"cam_from_rig"}
    assert [(r.sequence, r.frame, r.cameras) for r in dataset.records] == [(".", i, ("front", "left", "right")) for i in range(3)]
    for index, camera in ((0, "front"), (1, "left"), (5, "right")):
        views = [dataset.view(record, camera, ALL) for record in dataset.records]
        np.testing.assert_allclose(views[0].depth, rigs.expected_depth(index), atol=1 / 512)
        assert views[0].sparse and abs(int(views[0].image[0, 0, 0]) - 40 * index) < 4
        assert views[0].usable.all() == (index == 0)
        assert [view.time_s for view in views] == pytest.approx([0.0, 0.1, 0.2])
        world_from_cam = [rigs.world_from_rig(0.1 * i) @ rigs.rig_from_cam(index) for i in range(2)]
        moved = views[1].cam_from_world @ invert(views[0].cam_from_world)
        np.testing.assert_allclose(moved, invert(world_from_cam[1]) @ world_from_cam[0], atol=1e-9)
        np.testing.assert_allclose(views[0].camera.K, rigs.K_of(index))  # rig.json has leadline's convention already


def test_view__a_surface_is_not_sparse(root):
    Image.fromarray(np.full((24, 40), 512, dtype=np.uint16)).save(root / "0000/left_depth.png")
    dataset = RigFolder(root)
    view = dataset.view(dataset.records[0], "left", frozenset({"depth"}))
    assert (view.depth == 2.0).all() and not view.sparse


def test_layers__only_what_there_is(tmp_path, rigs):
    rigs.write_rig(tmp_path / "bare", masks=False)
    for path in [*(tmp_path / "bare").glob("*/moment.json"), *(tmp_path / "bare").glob("*/*_depth.png")]:
        path.unlink()
    assert RigFolder(tmp_path / "bare").layers == {"cam_from_rig"}


def test_moments__sequences_and_numbers(tmp_path, rigs):
    """Frames are the last numbers of the names, in their order; names that are no count of frames are counted."""
    rigs.write_rig(tmp_path / "a", moments=("day/frame_9", "day/frame_10", "day/frame_12", "night/1561645825.1", "night/1561645824.9"))
    dataset = RigFolder(tmp_path / "a")
    assert [(r.sequence, r.frame) for r in dataset.records] == [("day", 9), ("day", 10), ("day", 12), ("night", 0), ("night", 1)]
    (tmp_path / "a/list.txt").write_text("night\nday/frame_10\n")
    assert [(r.sequence, r.frame) for r in RigFolder(tmp_path / "a", split="list.txt").records] == [("day", 10), ("night", 0), ("night", 1)]


def test_source__rig_with_neighbouring_frames(root, rigs):
    needs = Needs(layers=ALL | {"cam_from_rig"}, frames=(0, -1, 1), rig=True)
    source = SampleSource(open_dataset(f"rig:{root}"), needs, Transform(rigs.HEIGHT, rigs.WIDTH))
    assert len(source) == 1
    sample = source[0, 0]
    assert sample.image.shape == (3, 3, 3, 24, 40)
    np.testing.assert_allclose(sample.time_s[:, 0].numpy(), [0.1, 0.0, 0.2], atol=1e-6)
    np.testing.assert_allclose(sample.depth[2, 1].numpy(), rigs.expected_depth(1), atol=1 / 512)


def test_data_check__a_camera_that_a_moment_lacks_is_told(root, capsys):
    (root / "0001/left.jpg").unlink()
    (root / "0002/right_depth.png").unlink()
    assert main(["data", "check", f"rig:{root}"]) == 2
    printed = capsys.readouterr()
    assert "missing: . frame 1 lacks left" in printed.out and "8 images" in printed.out
    assert "0002/right_depth.png: does not exist; put the depth of this camera there" in printed.err


def damage(root, what):
    match what:
        case "truncated image":
            (root / "0000/left.jpg").write_bytes((root / "0000/left.jpg").read_bytes()[:200])
        case "image of another size":
            Image.new("RGB", (20, 12)).save(root / "0000/left.jpg")
        case "missing depth":
            (root / "0000/left_depth.png").unlink()
        case "depth of 8 bits":
            Image.new("L", (40, 24)).save(root / "0000/left_depth.png")
        case "depth of another size":
            Image.fromarray(np.ones((12, 20), dtype=np.uint16)).save(root / "0000/left_depth.png")
        case "missing mask":
            (root / "left_mask.png").unlink()
        case "mask of another size":
            Image.new("L", (7, 7)).save(root / "left_mask.png")
        case "no pose":
            (root / "0000/moment.json").write_text('{"time_s": 0}')
            (root / "0001/moment.json").write_text('{"time_s": 0}')
        case "non-unit quaternion":
            pose = {"q_wxyz": [2, 0, 0, 0], "t": [0, 0, 0]}
            (root / "0000/moment.json").write_text(json.dumps({"time_s": 0, "world_from_rig": pose}))
        case "time that is no number":
            about = json.loads((root / "0000/moment.json").read_text())
            (root / "0000/moment.json").write_text(json.dumps(about | {"time_s": "noon"}))
        case "non-unit quaternion of the rig":
            edit_rig(root, lambda cameras: cameras[0]["rig_from_cam"].update(q_wxyz=[0.5, 0.5, 0.5, 0.1]))
        case "rig without K":
            edit_rig(root, lambda cameras: cameras[0].pop("K"))
        case "camera twice":
            edit_rig(root, lambda cameras: cameras.append(dict(cameras[0])))
        case "camera that leaves the root":
            edit_rig(root, lambda cameras: cameras[0].update(name="../left"))
        case "camera with a slash":
            edit_rig(root, lambda cameras: cameras[0].update(name="left/eye"))
        case "camera named as a depth file":
            edit_rig(root, lambda cameras: cameras[0].update(name="front_depth"))
        case "no rig":
            (root / "rig.json").unlink()
        case "no moments":
            for moment in ("0000", "0001", "0002"):
                shutil.rmtree(root / moment)
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "subject", "wrong"),
    [
        ("truncated image", "left.jpg", "broken or truncated image"),
        ("image of another size", "left.jpg", "is 20x12, the calibration of left is for 40x24"),
        ("missing depth", "left_depth.png", "does not exist; put the depth of this camera there"),
        ("depth of 8 bits", "left_depth.png", "is an 8-bit picture, too coarse"),
        ("depth of another size", "left_depth.png", "is 20x12, the pictures of left are 40x24"),
        ("missing mask", "rig.json", "has the mask 'left_mask.png', which does not exist"),
        ("mask of another size", "left_mask.png", "is 7x7, the pictures of left are 40x24"),
        ("no pose", "moment.json", "lacks the field 'world_from_rig'"),
        ("non-unit quaternion", "moment.json", "world_from_rig has a quaternion of length 2"),
        ("time that is no number", "moment.json", "could not convert string to float: 'noon'"),
        ("non-unit quaternion of the rig", "rig.json", "camera left: rig_from_cam has a quaternion of length 0.87"),
        ("rig without K", "rig.json", "camera left lacks 'K'"),
        ("camera twice", "rig.json", "camera names repeat"),
        ("camera that leaves the root", "rig.json", "'../left', which is not below"),
        ("camera with a slash", "rig.json", "has a camera named 'left/eye'"),
        ("camera named as a depth file", "rig.json", "has a camera named 'front_depth', which is the name of a depth file"),
        ("no rig", "rig.json", "does not exist; a rig folder holds rig.json and MOMENT/CAMERA.jpg"),
        ("no moments", "rig", "holds no picture of front, left, right; a rig folder holds"),
    ],
)
def test_bad_input__is_named(root, what, subject, wrong):
    record = RigFolder(root).records[0]
    damage(root, what)
    with pytest.raises(UserError, match=wrong) as caught:
        RigFolder(root).view(record, "left", ALL)
    assert caught.value.subject.endswith(subject)


@pytest.mark.parametrize(
    ("line", "wrong"), [("0007", "1 of its 1 lines are not in"), ("../rig/0000", "which is not below"), ("# none", "lists nothing")]
)
def test_split__wrong_list_is_refused(root, line, wrong):
    (root / "list.txt").write_text(line)
    with pytest.raises(UserError, match=wrong):
        RigFolder(root, split="list.txt")


def test_bad_input__unknown_fields_and_files_are_ignored(root, rigs):
    edit_rig(root, lambda cameras: cameras[0].update(lens="wide"))
    (root / "0000/notes.txt").write_text("rain")
    Image.new("RGB", (9, 9)).save(root / "0000/thumbnail.jpg")
    (root / "results").mkdir()
    assert len(RigFolder(root).records) == 3
