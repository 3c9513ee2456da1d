"""What can be wrong with a rig, as the command line meets it: one line that names the file, exit code 2, or left out and counted.

Elsewhere: rigs that are no JSON, and broken files in an evaluation (test_bad_input.py), dead cameras of `predict` (test_predict_rig.py)
and in training (tests/data/test_blank.py), teachers with other bins (beside the method that has them).
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.geometry.pose import invert, matrix_to_quaternion, pose_from_q_t
from leadline.geometry.rig import Rig
from leadline.io.jsonfile import read_json, write_json
from leadline.io.rig import BUILT_IN, read_rig, rig_as_dict, write_rig
from tests.data.datasets import test_ddad, test_nuscenes
from tests.fixtures import bad_files, tiny_data, tiny_rigs

HEIGHT, WIDTH = 36, 64
Cameras = list[dict[str, Any]]
DAMAGERS: dict[str, ModuleType] = {"ddad": test_ddad, "nuscenes": test_nuscenes}


@pytest.fixture
def moment(tmp_path: Path) -> Path:
    (tmp_path / "moment").mkdir()
    for name in read_rig("nuscenes6").names:
        Image.fromarray(bad_files.photo(HEIGHT, WIDTH)).save(tmp_path / "moment" / f"{name}.jpg")
    return tmp_path / "moment"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """A tiny data set of a kind."""

    def write_kind(kind: str) -> Path:
        root = tmp_path / kind
        if kind == "rendered":
            tiny_data.write_rendered(root, yaws={"front": 0.0, "left": 60.0, "right": -60.0})
            return root
        root.mkdir(exist_ok=True) if kind != "rig" else None
        getattr(tiny_rigs, f"write_{kind}")(root)
        return root

    return write_kind


def _predict(model: Path, moment: Path, rig: Path | str) -> int:
    return main(["predict", str(model), str(moment), "--rig", str(rig), "--out", str(moment.parent / "out"), "--format", "npz"])


def _changed(folder: Path, change: Callable[[Cameras], object]) -> Path:
    """The rig nuscenes6 with a mistake."""
    content = rig_as_dict(read_rig("nuscenes6"), folder)
    change(content["cameras"])
    write_json(folder / "rig.json", content)
    return folder / "rig.json"


def _change(path: Path, change: Callable[[Any], object]) -> None:
    content = read_json(path)
    change(content)
    path.write_text(json.dumps(content))


def _lines(capsys: pytest.CaptureFixture[str], verb: str) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"leadline {verb}: ")]


def _one_pose(cameras: Cameras) -> None:
    cameras[2]["rig_from_cam"] = cameras[1]["rig_from_cam"]


def _invert(cameras: Cameras) -> None:
    for camera in cameras:
        pose = invert(pose_from_q_t(camera["rig_from_cam"]["q_wxyz"], camera["rig_from_cam"]["t"]))
        camera["rig_from_cam"] = {"q_wxyz": matrix_to_quaternion(pose[:3, :3]).tolist(), "t": pose[:3, 3].tolist()}


def _invert_translations(cameras: Cameras) -> None:
    middle = np.mean([camera["rig_from_cam"]["t"] for camera in cameras], axis=0)
    for camera in cameras:
        camera["rig_from_cam"]["t"] = [2 * m - x for m, x in zip(middle[:2], camera["rig_from_cam"]["t"], strict=False)] + [1.5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_one_pose, "has CAM_FRONT_LEFT and CAM_BACK_LEFT at one pose"),
        (lambda cameras: cameras[3]["rig_from_cam"].update(q_wxyz=[1.0, 1.0, 0.0, 0.0]), "quaternion of length 1.41421; give a unit"),
        (_invert, "its extrinsics look inverted"),
    ],
)
def test_predict__a_rig_that_no_vehicle_has(
    tiny_model: Path, moment: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Cameras], object], words: str
) -> None:
    rig = _changed(moment.parent, change)
    assert _predict(tiny_model, moment, rig) == 2
    (line,) = _lines(capsys, "predict")
    assert str(rig) in line and words in line and "; " in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cameras: cameras[4]["rig_from_cam"].update(q_wxyz=[1.0, 0.0, 0.0, 0.0]), "CAM_BACK_RIGHT: not upright on the vehicle"),
        (_invert_translations, "all cameras look at each other"),
    ],
)
def test_predict__a_rig_that_may_be_wrong_is_warned_of(
    tiny_model: Path, moment: Path, caplog: pytest.LogCaptureFixture, change: Callable[[Cameras], object], words: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert _predict(tiny_model, moment, _changed(moment.parent, change)) == 0
    assert sum(words in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("name", BUILT_IN)
def test_read_rig__good_rigs_and_parts_of_them_raise_no_doubt(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = read_rig(name)
    for num in range(1, len(rig.cameras) + 1):
        write_rig(tmp_path / "part.json", Rig(rig.cameras[:num]))
        read_rig(tmp_path / "part.json")
    assert not caplog.records


def test_predict__the_rig_of_another_vehicle(tiny_model: Path, moment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _predict(tiny_model, moment, "ddad6") == 2
    (line,) = _lines(capsys, "predict")
    assert f"{moment}: holds no image of the rig's cameras CAMERA_01" in line and "but CAM_BACK, CAM_BACK_LEFT" in line
    names = dict(zip(read_rig("ddad6").names, read_rig("nuscenes6").names, strict=True))
    for new, old in names.items():
        (moment / f"{old}.jpg").rename(moment / f"{new}.jpg")
    assert _predict(tiny_model, moment, "ddad6") == 2
    (line,) = _lines(capsys, "predict")
    assert "CAMERA_01: is 64x36 px, the rig has it as 1936x1216: another shape; give the rig of this vehicle" in line


def test_predict__a_rig_with_K_of_another_size(tiny_model: Path, moment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    K = [[633.0, 0.0, 400.0], [0.0, 633.0, 225.0], [0.0, 0.0, 1.0]]
    assert _predict(tiny_model, moment, _changed(moment.parent, lambda cameras: cameras[0].update(K=K))) == 2
    (line,) = _lines(capsys, "predict")
    assert "CAM_FRONT: K has its principal point at" in line and "scale K to this image" in line


def _check(kind: str, root: Path, *more: str) -> int:
    return main(["data", "check", f"{kind}:{root}", *more])


@pytest.mark.parametrize(
    ("kind", "file", "change"),
    [
        ("rig", "rig.json", lambda rig: rig["cameras"][1].update(rig_from_cam=rig["cameras"][0]["rig_from_cam"])),
        ("ddad", "000150/calibration/cal.json", lambda cal: cal["extrinsics"].__setitem__(3, cal["extrinsics"][2])),
        ("nuscenes", "v1.0-mini/calibrated_sensor.json", lambda rows: rows[2].update({k: rows[1][k] for k in ("rotation", "translation")})),
    ],
)
def test_data_check__two_cameras_at_one_pose(
    write: Callable[[str], Path], capsys: pytest.CaptureFixture[str], kind: str, file: str, change: Callable[[Any], object]
) -> None:
    root = write(kind)
    _change(root / file, change)
    assert _check(kind, root) == 2
    lines = _lines(capsys, "data")
    assert any(line.startswith(f"leadline data: {root / file}: has ") and "at one pose" in line for line in lines), lines


@pytest.mark.parametrize("kind", DAMAGERS)
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("non-unit quaternion", "has a quaternion of length 2"),
        ("non-unit quaternion of the calibration", "has a quaternion of length"),
        ("inverted extrinsics", "on its side: its extrinsics look inverted"),
        ("missing image", "does not exist; download"),
        ("truncated image", "truncated image"),
        ("image of another size", "is 20x12, the calibration of"),
        ("empty point cloud", ("holds no point", "is empty")),
        ("calibration of another vehicle", ("degrees from where the poses", "has a calibration of the vehicle n015")),
        ("K of half the size", "puts the principal point of"),
        ("times in another unit", ("its name is no time in units of 100 ns", "which is none in microseconds")),
    ],
)
def test_data_check__recorded_rigs(
    write: Callable[[str], Path], capsys: pytest.CaptureFixture[str], kind: str, what: str, words: str | tuple[str, str]
) -> None:
    root = write(kind)
    if what == "times in another unit":
        what = {"ddad": "names in microseconds", "nuscenes": "wrong time unit"}[kind]
    DAMAGERS[kind].damage(root, what, tiny_rigs)
    assert _check(kind, root) == 2
    expected = words if isinstance(words, str) else words[list(DAMAGERS).index(kind)]
    lines = _lines(capsys, "data")
    assert any(expected in line and str(root) in line and "; " in line for line in lines), lines


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("rig.json", lambda rig: rig["cameras"][0]["rig_from_cam"].update(q_wxyz=[2.0, 0.0, 0.0, 0.0]), "a quaternion of length 2"),
        ("rig.json", lambda rig: _invert(rig["cameras"]), "its extrinsics look inverted"),
        ("rig.json", lambda rig: rig["cameras"][0]["K"][0].__setitem__(2, 39.0), "puts the principal point of left at 39.0"),
        ("0001/moment.json", lambda about: about.update(time_s=1.7e12), "no time in seconds (that would be the year"),
        ("0001/moment.json", lambda about: about.update(time_s=1.7e15), "microseconds / 1e6"),
        ("0001/moment.json", lambda about: about.update(time_s=1.7e18), "nanoseconds / 1e9"),
    ],
)
def test_data_check__a_plain_rig_folder(
    write: Callable[[str], Path], capsys: pytest.CaptureFixture[str], file: str, change: Callable[[Any], object], words: str
) -> None:
    root = write("rig")
    _change(root / file, change)
    assert _check("rig", root) == 2
    lines = _lines(capsys, "data")
    assert any(line.startswith(f"leadline data: {root / file}: ") and words in line for line in lines), lines


def test_data_check__cameras_of_one_moment_at_two_times(write: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    root = write("rendered")
    _change(root / "scene_000000/frame_0001/left/meta.json", lambda meta: meta.update(time_s=1e6 * meta["time_s"]))
    assert _check("rendered", root) == 2
    (line,) = _lines(capsys, "data")
    assert "the cameras of scene_000000 frame 1 are 1e+05 s apart; a time is in another unit" in line


def test_data_check__an_empty_scan_of_a_rendered_rig(write: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    root = write("rendered")
    scan = root / "scene_000001/frame_0002/lidar.npz"
    np.savez(scan, points=np.zeros((0, 3)))
    assert _check("rendered", root, "--depth-source", "lidar") == 2
    assert f"leadline data: {scan}: is a LiDAR scan without a point; render this scene again" in _lines(capsys, "data")
