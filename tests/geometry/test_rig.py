"""Rigs: the ring is found from yaw, and the mirrored world keeps its geometry."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert, pose_from_q_t, transform
from leadline.geometry.projection import project
from leadline.geometry.rig import Lidar, Rig, looks_inverted, ring_order, twins
from leadline.types import UserError

DDAD = {"CAMERA_01": 4.0, "CAMERA_05": 52, "CAMERA_07": 124, "CAMERA_09": 180, "CAMERA_08": -124, "CAMERA_06": -53}
NUSCENES = {"FRONT": 0.0, "FRONT_LEFT": 55, "BACK_LEFT": 109, "BACK": 180, "BACK_RIGHT": -111, "FRONT_RIGHT": -56}
FLIP_PAIRS = {
    "CAMERA_05": "CAMERA_06",
    "CAMERA_07": "CAMERA_08",
    "FRONT_LEFT": "FRONT_RIGHT",
    "BACK_LEFT": "BACK_RIGHT",
}


def camera(name: str, yaw_deg: float, *, t: tuple[float, float, float] = (1.0, 0.3, 1.5), fx: float = 50.0) -> Camera:
    """A camera that looks along `yaw_deg`, level and slightly rolled."""
    yaw, roll = np.radians(yaw_deg), 0.02
    forward, left, up = [np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]
    rotation = np.stack([-np.array(left), -np.array(up), np.array(forward)], axis=1)
    rolled = rotation @ np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rolled, t
    return Camera(K=np.array([[fx, 0, 33], [0, fx, 20], [0, 0, 1]]), width=64, height=40, name=name, rig_from_cam=pose)


def rig_of(yaws: dict[str, float]) -> Rig:
    return Rig(tuple(camera(name, yaw, t=(np.cos(np.radians(yaw)), np.sin(np.radians(yaw)), 1.5)) for name, yaw in yaws.items()))


@pytest.mark.parametrize("yaws", [DDAD, NUSCENES])
def test_rig__ring_order_of_real_rigs_from_any_listing(yaws: dict[str, float]):
    for listing in itertools.islice(itertools.permutations(yaws), 0, None, 37):
        assert rig_of({name: yaws[name] for name in listing}).names == tuple(yaws)


@given(seed=st.integers(0, 2**32 - 1), turn=st.floats(-1000, 1000))
def test_ring_order__whole_turns_change_nothing(seed: int, turn: float):
    yaw = np.random.default_rng(seed).uniform(-170, 170, 6)
    assert ring_order(yaw) == ring_order(yaw + 360 * round(turn))


def test_ring_order__starts_in_front_and_goes_counter_clockwise():
    assert ring_order(np.array([180.0, -90, 90, 10, -5])) == [4, 3, 2, 0, 1]
    assert ring_order(np.array([30.0, -30.0])) == [1, 0]


def test_rig__neighbours():
    assert rig_of(NUSCENES).neighbours() == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0))
    assert rig_of({"a": 0.0, "b": 40}).neighbours() == ((0, 1),)
    assert rig_of({"a": 0.0}).neighbours() == ()


@pytest.mark.parametrize("yaws", [DDAD, NUSCENES])
def test_rig_flipped__reverses_the_ring(yaws: dict[str, float]):
    rig = rig_of(yaws)
    front, *others = rig.names
    assert rig.flipped().names == (front, *reversed(others))
    mirrored = {c.name: c.yaw_deg for c in rig.flipped().cameras}
    for left, right in FLIP_PAIRS.items():
        if left in yaws:
            assert mirrored[left] == pytest.approx(yaws[right], abs=3)
            assert mirrored[right] == pytest.approx(yaws[left], abs=3)


def test_rig_flipped__mirrored_world_gives_mirrored_images():
    """What camera i sees of the world, mirrored, is what the flipped camera i sees of the mirrored world."""
    points = np.random.default_rng(0).uniform(-20, 20, (200, 3))
    rig = rig_of(DDAD)
    flipped = {c.name: c for c in rig.flipped().cameras}
    for c in rig.cameras:
        mirror = flipped[c.name]
        assert c.rig_from_cam is not None
        assert mirror.rig_from_cam is not None
        assert np.linalg.det(mirror.rig_from_cam[:3, :3]) == pytest.approx(1)
        uv, depth = project(torch.from_numpy(transform(invert(c.rig_from_cam), points)), torch.from_numpy(c.K))
        uv_mirror, depth_mirror = project(
            torch.from_numpy(transform(invert(mirror.rig_from_cam), points * [1, -1, 1])), torch.from_numpy(mirror.K)
        )
        torch.testing.assert_close(depth_mirror, depth)
        torch.testing.assert_close(uv_mirror[:, 0], c.width - uv[:, 0])
        torch.testing.assert_close(uv_mirror[:, 1], uv[:, 1])


def test_rig_panorama__turns_clockwise_with_the_front_in_the_middle():
    names = [camera.name for camera in rig_of(NUSCENES).panorama]
    assert names == ["BACK", "BACK_LEFT", "FRONT_LEFT", "FRONT", "FRONT_RIGHT", "BACK_RIGHT"]
    assert [camera.name for camera in rig_of({"r": -50.0, "f": 0, "l": 40}).panorama] == ["l", "f", "r"]
    assert [camera.name for camera in rig_of({"f": 0.0}).panorama] == ["f"]


@pytest.mark.parametrize("yaws", [DDAD, NUSCENES])
def test_looks_inverted__only_when_it_is(yaws: dict[str, float]):
    poses = {c.name: c.rig_from_cam for c in rig_of(yaws).cameras if c.rig_from_cam is not None}
    assert not looks_inverted(list(poses.values())) and twins(poses) is None
    assert looks_inverted([invert(pose) for pose in poses.values()])
    upside_down = [pose @ np.diag([-1.0, -1.0, 1.0, 1.0]) for pose in poses.values()]
    assert not looks_inverted(upside_down), "mounted so"
    names = list(poses)
    assert twins(poses | {"copy": poses[names[2]]}) == (names[2], "copy")


def test_rig_resized__every_camera():
    rig = rig_of(DDAD).resized(height=20, width=32)
    assert {(c.width, c.height, c.K[0, 0]) for c in rig.cameras} == {(32, 20, 25)}


def test_rig__refuses():
    with pytest.raises(UserError, match="no cameras"):
        Rig(())
    with pytest.raises(UserError, match="repeat"):
        Rig((camera("a", 0), camera("a", 90)))
    with pytest.raises(UserError, match="rig"):
        Rig((Camera(K=np.eye(3), width=2, height=2),))


def test_rig__ring_order_of_a_real_calibration(samples: Path):
    calibration = json.loads(next((samples / "ddad" / "scene_02" / "calibration").glob("*.json")).read_text())
    cameras = []
    for name, extrinsic in zip(calibration["names"], calibration["extrinsics"], strict=True):
        if name.startswith("CAMERA"):
            q, t = extrinsic["rotation"], extrinsic["translation"]
            pose = pose_from_q_t(np.array([q[k] for k in ("qw", "qx", "qy", "qz")]), np.array([t[k] for k in "xyz"]))
            cameras.append(Camera(K=np.eye(3), width=1936, height=1216, name=name, rig_from_cam=pose))
    rig = Rig(tuple(cameras))
    assert rig.names == tuple(DDAD)
    for c in rig.cameras:
        assert abs((c.yaw_deg - DDAD[c.name] + 180) % 360 - 180) < 1.5


def test_lidar_thinned__keeps_the_outermost_beams_and_what_lies_evenly_between():
    lidar = Lidar(np.eye(4), (-30, -20, -10, 0, 10), 1080, max_range_m=100, dropout=0.1, turn_s=0.05)
    thin = lidar.thinned(3, 90)
    assert thin.elevations_deg == (-30, -10, 10) and thin.num_columns == 90
    assert (thin.max_range_m, thin.dropout, thin.turn_s) == (100, 0.1, 0.05)
