"""Rig files: two built in, users' own round trip, and every mistake in one is named."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.io.image import write_image
from leadline.io.jsonfile import read_json, write_json
from leadline.io.rig import BUILT_IN, read_rig, write_rig
from leadline.types import UserError


@pytest.mark.parametrize(
    ("name", "names", "yaw_deg", "size", "num_beams"),
    [
        (
            "nuscenes6",
            ("CAM_FRONT", "CAM_FRONT_LEFT", "CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT", "CAM_FRONT_RIGHT"),
            (0, 55, 110, 180, -110, -55),
            (900, 1600),
            32,
        ),
        (
            "ddad6",
            ("CAMERA_01", "CAMERA_05", "CAMERA_07", "CAMERA_09", "CAMERA_08", "CAMERA_06"),
            (0, 50, 125, 180, -125, -50),
            (1216, 1936),
            64,
        ),
    ],
)
def test_read_rig__built_in(name: str, names: tuple, yaw_deg: tuple, size: tuple[int, int], num_beams: int) -> None:
    rig = read_rig(name)
    assert rig.names == names
    assert {(camera.height, camera.width) for camera in rig.cameras} == {size}
    assert rig.lidar is not None
    assert len(rig.lidar.elevations_deg) == num_beams
    for camera, yaw in zip(rig.cameras, yaw_deg, strict=True):
        assert abs((camera.yaw_deg - yaw + 180) % 360 - 180) < 1e-4
        pose = camera.rig_from_cam
        assert pose is not None
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(pose[:3, 1], [0, 0, -1], atol=1e-7)  # y down: the images are upright
        assert 1 < pose[2, 3] < 2.5


def test_read_rig__neighbours_overlap() -> None:
    for name in BUILT_IN:
        rig = read_rig(name)
        for i, j in rig.neighbours():
            first, second = rig.cameras[i], rig.cameras[j]
            gap = (second.yaw_deg - first.yaw_deg) % 360 - first.fov_x_deg / 2 - second.fov_x_deg / 2
            assert gap < 1, f"{first.name} and {second.name} leave {gap:.1f} degrees unseen"


@pytest.mark.parametrize("name", BUILT_IN)
def test_write_rig__round_trip(tmp_path: Path, name: str) -> None:
    rig = read_rig(name)
    write_rig(tmp_path / "rig.json", rig)
    again = read_rig(tmp_path / "rig.json")
    assert again.names == rig.names
    for one, other in zip(again.cameras, rig.cameras, strict=True):
        assert np.array_equal(one.K, other.K)
        assert one.rig_from_cam is not None and other.rig_from_cam is not None
        np.testing.assert_allclose(one.rig_from_cam, other.rig_from_cam, atol=1e-12)
    assert again.lidar is not None and rig.lidar is not None
    assert again.lidar.elevations_deg == rig.lidar.elevations_deg
    assert (again.lidar.num_columns, again.lidar.max_range_m) == (rig.lidar.num_columns, rig.lidar.max_range_m)
    assert (again.lidar.dropout, again.lidar.turn_s) == (rig.lidar.dropout, rig.lidar.turn_s)


def test_read_rig__mask_is_found_beside_the_file(tmp_path: Path) -> None:
    content = _content()
    content["cameras"][0]["mask"] = "masks/front.png"
    write_json(tmp_path / "rig.json", content)
    with pytest.raises(UserError, match=r"camera CAM_FRONT has the mask 'masks/front.png', which does not exist"):
        read_rig(tmp_path / "rig.json")
    write_image(tmp_path / "masks" / "front.png", np.zeros((9, 16), dtype=np.uint8))
    rig = read_rig(tmp_path / "rig.json")
    assert rig.cameras[0].mask_path == str(tmp_path / "masks" / "front.png")
    write_rig(tmp_path / "again.json", rig)
    assert read_json(tmp_path / "again.json")["cameras"][0]["mask"] == "masks/front.png"


def _content() -> dict[str, Any]:
    from importlib import resources

    return copy.deepcopy(read_json(Path(str(resources.files("leadline.io") / "rigs" / "nuscenes6.json"))))


def _set(*keys: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def _drop(*keys: str | int) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_drop("format"), "has format None"),
        (_set("format", to=2), "has format 2"),
        (_drop("cameras"), "the file lacks 'cameras'"),
        (_set("cameras", to={}), "'cameras' is not a list"),
        (_set("cameras", to=[]), "has no cameras"),
        (_set("cameras", 1, to="front"), "camera 1 is not a JSON object"),
        (_drop("cameras", 2, "name"), "camera 2 lacks 'name'"),
        (_drop("cameras", 0, "K"), "camera CAM_FRONT lacks 'K'"),
        (_drop("cameras", 0, "rig_from_cam", "t"), "camera CAM_FRONT: rig_from_cam lacks 't'"),
        (_set("cameras", 0, "K", to=[[1, 0], [0, 1]]), "CAM_FRONT: K has shape (2, 2)"),
        (_set("cameras", 0, "K", 0, 0, to=0), "CAM_FRONT: K has focal lengths 0, 1266"),
        (_set("cameras", 0, "K", to="wide"), "CAM_FRONT: K is not a matrix"),
        (_set("cameras", 0, "width", to=0), "camera CAM_FRONT has width = 0"),
        (_set("cameras", 0, "width", to=1600.5), "camera CAM_FRONT has width = 1600.5"),
        (_set("cameras", 0, "rig_from_cam", "q_wxyz", to=[1, 1, 0, 0]), "quaternion of length 1.41421"),
        (_set("cameras", 0, "rig_from_cam", "q_wxyz", to=[1, 0, 0]), "q_wxyz = [1, 0, 0]; give 4 numbers"),
        (_set("cameras", 0, "rig_from_cam", "t", 0, to=None), "give 3 numbers"),
        (_set("cameras", 0, "name", to="CAM_BACK"), "camera names repeat"),
        (_set("lidar", to=[]), "lidar is not a JSON object"),
        (_drop("lidar", "num_columns"), "lidar lacks 'num_columns'"),
        (_set("lidar", "elevations_deg", to=[]), "elevations_deg"),
        (_set("lidar", "elevations_deg", 0, to=200), "elevations_deg"),
        (_set("lidar", "max_range_m", to=0), "lidar has max_range_m = 0"),
        (_set("lidar", "dropout", to=1.5), "lidar has dropout = 1.5; give a number from 0 to 1"),
    ],
)
def test_read_rig__every_mistake_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    content = _content()
    change(content)
    write_json(tmp_path / "rig.json", content)
    with pytest.raises(UserError) as caught:
        read_rig(tmp_path / "rig.json")
    assert str(caught.value).startswith(f"{tmp_path / 'rig.json'}: ")
    assert sentence in str(caught.value)


def test_read_rig__unknown_name() -> None:
    with pytest.raises(UserError, match="waymo5: is neither a rig file nor a built-in rig; give a JSON file or one of nuscenes6, ddad6"):
        read_rig("waymo5")


def test_read_rig__optional_entries_have_defaults(tmp_path: Path) -> None:
    content = _content()
    for key in ("dropout", "turn_s"):
        del content["lidar"][key]
    del content["cameras"][0]["mask"]
    write_json(tmp_path / "rig.json", content)
    lidar = read_rig(tmp_path / "rig.json").lidar
    assert lidar is not None
    assert (lidar.dropout, lidar.turn_s) == (0.0, 0.0)
    del content["lidar"]
    write_json(tmp_path / "rig.json", content)
    assert read_rig(tmp_path / "rig.json").lidar is None
