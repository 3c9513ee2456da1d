"""The LiDAR measures analytic worlds exactly, in the pattern of its beams, with the losses it should have."""

from pathlib import Path

import numpy as np
import pytest

from leadline.geometry.rig import Lidar
from leadline.scenes import lidar as room
from leadline.scenes.lidar import Cast, Echoes, beam_directions, poses_at, simulate
from leadline.scenes.world import Surface
from leadline.types import Material

WHITE = Surface(Material.DIFFUSE, np.ones(3))
GREY = Surface(Material.DIFFUSE, np.full(3, 0.25))
GLASS = Surface(Material.GLASS, np.ones(3))
MOUNT = np.array([[1, 0, 0, 0.9], [0, 1, 0, 0.1], [0, 0, 1, 1.8], [0, 0, 0, 1.0]])


def sensor(**changes: object) -> Lidar:
    settings = {"rig_from_lidar": MOUNT, "elevations_deg": (-20.0, -10.0, -2.0, 5.0), "num_columns": 360, "max_range_m": 500.0}
    return Lidar(**(settings | changes))  # type: ignore[arg-type]


def ground(origins: np.ndarray, directions: np.ndarray) -> Echoes:
    """A flat ground z = 0 of surface 0."""
    with np.errstate(divide="ignore"):
        distance = np.where(directions[:, 2] < 0, -origins[:, 2] / directions[:, 2], np.inf)
    return Echoes(distance, np.where(np.isfinite(distance), 0, -1), np.abs(directions[:, 2]))


def sphere_of(radius: float, surface: int = 0) -> Cast:
    """A sphere around wherever the rays start: every range is `radius`."""
    return lambda origins, directions: Echoes(np.full(len(origins), radius), np.full(len(origins), surface), np.ones(len(origins)))


def scan(
    lidar: Lidar, cast: Cast, *, poses: np.ndarray | None = None, frame: int = 0, surfaces: tuple[Surface, ...] = (WHITE,), seed: int = 1
) -> room.Scan:
    poses = np.eye(4)[None] if poses is None else poses
    return simulate(lidar, poses, frame=frame, frame_s=0.1, cast=cast, surfaces=surfaces, seed=seed)


def test_simulate__measures_the_ground_exactly() -> None:
    found = scan(sensor(), ground)
    assert found.points.dtype == np.float32
    np.testing.assert_allclose(found.points[:, 2], 0.0, atol=1e-5)
    away = found.points - np.float32(MOUNT[:3, 3])
    for ring, elevation in enumerate((-20.0, -10.0, -2.0)):
        of_ring = away[found.ring == ring]
        np.testing.assert_allclose(np.linalg.norm(of_ring, axis=1), 1.8 / np.sin(np.radians(-elevation)), rtol=1e-5)
        assert len(of_ring) == 360
    assert not (found.ring == 3).any()  # above the horizon: sky


def test_simulate__reproduces_the_pattern_of_its_beams() -> None:
    found = scan(sensor(), sphere_of(10.0))
    away = found.points - np.float32(MOUNT[:3, 3])
    elevation = np.degrees(np.arcsin(away[:, 2] / 10.0))
    np.testing.assert_allclose(elevation, np.array([-20.0, -10.0, -2.0, 5.0])[found.ring], atol=1e-3)
    azimuth = np.degrees(np.arctan2(away[:, 1], away[:, 0])).reshape(4, 360)
    np.testing.assert_allclose(azimuth, np.tile(180.0 - (np.arange(360) + 0.5), (4, 1)), atol=1e-3)


def test_simulate__honours_the_tilt_of_its_mount() -> None:
    tilted = MOUNT.copy()
    tilted[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # looks left
    found = scan(sensor(rig_from_lidar=tilted, elevations_deg=(0.0,), num_columns=2), sphere_of(5.0))
    np.testing.assert_allclose(found.points[0], np.float32([0.9, 0.1, 1.8]) + 5 * np.float32([-1, 0, 0]), atol=1e-5)


def test_simulate__stops_at_its_range() -> None:
    found = scan(sensor(max_range_m=6.0), ground)
    away = np.linalg.norm(found.points - np.float32(MOUNT[:3, 3]), axis=1)
    assert set(found.ring) == {0} and away.max() <= 6.0  # 1.8 / sin(20 deg) = 5.3, 1.8 / sin(10 deg) = 10.4


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_simulate__loses_the_share_that_it_should(dropout: float) -> None:
    found = scan(sensor(num_columns=2000, dropout=dropout), sphere_of(10.0))
    assert len(found.points) / 8000 == pytest.approx(1 - dropout, abs=0.02)


def test_simulate__gets_few_faint_echoes_from_glass() -> None:
    found = scan(sensor(num_columns=2000), sphere_of(10.0, surface=1), surfaces=(WHITE, GLASS))
    assert len(found.points) / 8000 == pytest.approx(room.SPECULAR_SHARE, abs=0.02)
    assert found.intensity.max() <= room.SPECULAR_SHARE + 1e-6


def test_simulate__sees_dark_and_slanted_surfaces_weaker() -> None:
    near = sensor(max_range_m=5000.0)  # so strong that no echo is lost
    white, grey = scan(near, ground), scan(near, ground, surfaces=(GREY,))
    np.testing.assert_allclose(grey.intensity, 0.25 * white.intensity, rtol=1e-5)
    np.testing.assert_allclose(white.intensity, np.sin(np.radians([20.0, 10.0, 2.0]))[white.ring], rtol=1e-5)


def test_simulate__is_deterministic_and_differs_between_frames_and_seeds() -> None:
    poses = np.tile(np.eye(4), (2, 1, 1))
    first, again = (scan(sensor(dropout=0.5), ground, poses=poses) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)
    assert first.points.tobytes() != scan(sensor(dropout=0.5), ground, poses=poses, frame=1).points.tobytes()
    assert first.points.tobytes() != scan(sensor(dropout=0.5), ground, poses=poses, seed=2).points.tobytes()


def driving(frames: int) -> np.ndarray:
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, 0, 3] = np.arange(frames) * 1.0
    return poses


def test_simulate__compensates_the_motion_of_the_rig() -> None:
    """A wall at x = 30 is met at x = 30 from wherever the LiDAR was; in the rig frame of frame 2 it is 28 m ahead."""

    def wall(origins: np.ndarray, directions: np.ndarray) -> Echoes:
        with np.errstate(divide="ignore"):
            distance = (30.0 - origins[:, 0]) / directions[:, 0]
        ahead = (directions[:, 0] > 0.1) & (distance > 0)
        return Echoes(np.where(ahead, distance, np.inf), np.where(ahead, 0, -1), np.ones(len(origins)))

    found = scan(sensor(turn_s=0.1), wall, poses=driving(4), frame=2)
    np.testing.assert_allclose(found.points[:, 0], 28.0, atol=1e-4)
    assert found.time_s.max() <= 0 and found.time_s.min() >= -0.1
    assert (np.diff(found.time_s[found.ring == 1]) > 0).all()


def test_simulate__starts_its_rays_where_the_lidar_was() -> None:
    found = scan(sensor(turn_s=0.1, elevations_deg=(0.0,)), sphere_of(10.0), poses=driving(4), frame=2)
    centre = found.points.astype(float) - 10.0 * beam_directions(sensor(elevations_deg=(0.0,)))[0]
    expected = 0.9 + 10.0 * found.time_s.astype(float)  # 1 m per 0.1 s
    np.testing.assert_allclose(centre[:, 0], expected, atol=1e-4)


def test_poses_at__interpolates_and_goes_on_beyond_the_ends() -> None:
    place = np.array([-0.5, 0.0, 0.25, 2.0, 3.5])
    np.testing.assert_allclose(poses_at(driving(4), place)[:, 0, 3], place, atol=1e-12)
    turned = np.tile(np.eye(4), (2, 1, 1))
    turned[1, :2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    half = poses_at(turned, np.array([0.5]))[0]
    assert np.arctan2(half[1, 0], half[0, 0]) == pytest.approx(0.05, abs=1e-9)
    np.testing.assert_allclose(half[:3, :3] @ half[:3, :3].T, np.eye(3), atol=1e-12)


def test_write_scan__agrees_with_the_rendered_depth(tmp_path: Path) -> None:
    """Points of a rendered street, projected into a camera at the LiDAR's place, have the depth of the truth layer."""
    pytest.importorskip("mitsuba")
    from leadline.geometry.camera import Camera
    from leadline.geometry.rig import Rig
    from leadline.scenes import render, streets
    from leadline.scenes.truth import TruthMaker

    camera_axes = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    rig_from_cam = np.eye(4)
    rig_from_cam[:3, :3], rig_from_cam[:3, 3] = camera_axes, MOUNT[:3, 3]
    camera = Camera.from_fov(80.0, width=320, height=240, name="front")
    camera = Camera(K=camera.K, width=320, height=240, name="front", rig_from_cam=rig_from_cam)
    rig = Rig((camera,), lidar=sensor(num_columns=720, max_range_m=60.0))
    render.start("scalar", threads=1)
    world = streets.make_world(1, frames=2, height=240, width=320, rig=rig)
    renderer = render.Renderer(world, samples=1)
    room.write_scan(tmp_path / "lidar.npz", renderer, 1)
    with np.load(tmp_path / "lidar.npz") as file:
        points, intensity, time_s, ring = (file[key] for key in ("points", "intensity", "time_s", "ring"))
    assert points.dtype == intensity.dtype == time_s.dtype == np.float32 and ring.dtype == np.uint8
    assert len(points) == len(intensity) == len(time_s) == len(ring) > 500
    assert np.linalg.norm(points - MOUNT[:3, 3], axis=1).max() <= 60.001

    shot = world.shots[1]
    depth = TruthMaker(renderer)(shot).depth
    seen = points @ np.linalg.inv(rig_from_cam)[:3, :3].T + np.linalg.inv(rig_from_cam)[:3, 3]
    uv = seen[:, :2] / seen[:, 2:] * camera.K[0, 0] + camera.K[:2, 2]
    inside = (seen[:, 2] > 0) & (uv > 1).all(axis=1) & (uv < [319, 239]).all(axis=1)
    x, y = uv[inside].astype(int).T
    wrong = np.abs(depth[y, x] / seen[inside, 2] - 1) > 0.05
    assert inside.sum() > 100 and wrong.mean() < 0.1  # what is left are edges within a pixel


def test_simulate__loses_weak_echoes_with_distance() -> None:
    """A grey surface that faces the LiDAR: two echoes in three at its range, next to all nearby."""
    dark = Surface(Material.DIFFUSE, np.full(3, 0.1))
    shares = [
        len(scan(sensor(num_columns=3000, max_range_m=100.0), sphere_of(r), surfaces=(dark,)).points) / 12_000 for r in (20.0, 60.0, 100.0)
    ]
    np.testing.assert_allclose(shares, 1 - np.exp(-1 / np.array([0.2, 0.6, 1.0]) ** 2), atol=0.02)


def test_simulate__loses_echoes_in_haze_and_on_coats_at_a_slant() -> None:
    lidar = sensor(num_columns=3000, max_range_m=60.0)
    grey = Surface(Material.DIFFUSE, np.full(3, 0.1))
    hazy = simulate(lidar, np.eye(4)[None], frame=0, frame_s=0.1, cast=sphere_of(40.0), surfaces=(grey,), seed=1, beta_per_m=0.02)
    expected = 1 - np.exp(-((60 / 40) ** 2) * np.exp(-2 * 0.02 * 40.0))
    assert len(hazy.points) / 12_000 == pytest.approx(expected, abs=0.02)
    wet = scan(sensor(max_range_m=60.0), ground, surfaces=(Surface(Material.GLOSSY, np.full(3, 0.2)),))
    dry = scan(sensor(max_range_m=60.0), ground, surfaces=(Surface(Material.DIFFUSE, np.full(3, 0.2)),))
    assert (wet.ring == 2).sum() < 0.5 * (dry.ring == 2).sum()


def test_simulate__gets_nothing_from_the_own_vehicle() -> None:
    assert len(scan(sensor(), sphere_of(0.5, surface=-1)).points) == 0


@pytest.mark.parametrize("offset_s", [-0.04, 0.0, 0.025])
def test_simulate__has_a_time_and_a_place_of_its_own(offset_s: float) -> None:
    """A wall at x = 30; at 1 m per frame of 0.1 s the rig is 10 * offset_s further along than in frame 2."""

    def wall(origins: np.ndarray, directions: np.ndarray) -> Echoes:
        with np.errstate(divide="ignore"):
            distance = (30.0 - origins[:, 0]) / directions[:, 0]
        ahead = (directions[:, 0] > 0.1) & (distance > 0)
        return Echoes(np.where(ahead, distance, np.inf), np.where(ahead, 0, -1), np.ones(len(origins)))

    found = scan(sensor(turn_s=0.1, offset_s=offset_s), wall, poses=driving(4), frame=2)
    assert found.sweep_time_s == pytest.approx(0.2 + offset_s)
    assert found.world_from_rig[0, 3] == pytest.approx(2 + 10 * offset_s)
    np.testing.assert_allclose(found.points[:, 0], 28.0 - 10 * offset_s, atol=1e-4)
