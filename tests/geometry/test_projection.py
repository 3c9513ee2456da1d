"""Pixels, points and splats: inverse of each other, at one with K's resizes, crops and flips, and with real LiDAR."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.geometry.camera import crop_K, flip_K, from_integer_centres, scale_K
from leadline.geometry.pose import compose, invert, pose_from_q_t, transform
from leadline.geometry.projection import pixel_grid, project, unproject
from leadline.geometry.raster import rasterise, splat_depth

focals = st.floats(20, 2000)
HEIGHT, WIDTH = 6, 9


@st.composite
def intrinsics(draw: st.DrawFn) -> np.ndarray:
    K = np.eye(3)
    K[0, 0], K[1, 1] = draw(focals), draw(focals)
    K[0, 1] = draw(st.floats(-5, 5))
    K[0, 2], K[1, 2] = draw(st.floats(-10, 20)), draw(st.floats(-10, 20))
    return K


def random_points(num: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(num, 2)) * 3, rng.uniform(0.5, 60, (num, 1))], axis=1)


def uv_of(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    return project(torch.from_numpy(points), torch.from_numpy(K))[0].numpy()


def test_pixel_grid__centres():
    grid = pixel_grid(2, 3)
    torch.testing.assert_close(grid[0, 0], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(grid[1, 2], torch.tensor([2.5, 1.5]))


@settings(deadline=None)
@given(K=intrinsics(), seed=st.integers(0, 2**32 - 1))
def test_project__undoes_unproject(K: np.ndarray, seed: int):
    depth = torch.from_numpy(np.random.default_rng(seed).uniform(0.1, 100, (HEIGHT, WIDTH)))
    uv, back = project(unproject(depth, torch.from_numpy(K)), torch.from_numpy(K))
    torch.testing.assert_close(uv, pixel_grid(HEIGHT, WIDTH, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(back, depth)


@settings(deadline=None)
@given(K=intrinsics())
def test_project__is_multiplication_by_K(K: np.ndarray):
    points = random_points()
    homogeneous = points @ K.T
    np.testing.assert_allclose(uv_of(points, K), homogeneous[:, :2] / homogeneous[:, 2:], atol=1e-7)


@settings(deadline=None)
@given(K=intrinsics(), sx=st.floats(0.1, 4), sy=st.floats(0.1, 4))
def test_project__commutes_with_resize(K: np.ndarray, sx: float, sy: float):
    points = random_points()
    np.testing.assert_allclose(uv_of(points, K) * [sx, sy], uv_of(points, scale_K(K, sx=sx, sy=sy)), atol=1e-7)


@settings(deadline=None)
@given(K=intrinsics(), top=st.integers(-50, 50), left=st.integers(-50, 50))
def test_project__commutes_with_crop(K: np.ndarray, top: int, left: int):
    points = random_points()
    np.testing.assert_allclose(uv_of(points, K) - [left, top], uv_of(points, crop_K(K, top=top, left=left)), atol=1e-7)


@settings(deadline=None)
@given(K=intrinsics(), width=st.integers(1, 2000))
def test_project__commutes_with_flip(K: np.ndarray, width: int):
    """Mirroring the pixels of a scene is seeing the mirrored scene with the mirrored K."""
    points = random_points()
    u, v = uv_of(points, K).T
    np.testing.assert_allclose(np.stack([width - u, v], axis=1), uv_of(points * [-1, 1, 1], flip_K(K, width=width)), atol=1e-7)


def test_unproject__batches_and_flip_of_the_map():
    rng = np.random.default_rng(0)
    depth = torch.from_numpy(rng.uniform(1, 9, (2, 3, HEIGHT, WIDTH)))
    K = torch.from_numpy(np.array([[30, 1, 4, 0, 40, 2, 0, 0, 1.0]]).reshape(3, 3)).expand(2, 3, 3, 3) * torch.ones(2, 3, 1, 1)
    points = unproject(depth, K)
    assert points.shape == (2, 3, HEIGHT, WIDTH, 3)
    torch.testing.assert_close(points[1, 2], unproject(depth[1, 2], K[1, 2]))
    mirrored = torch.from_numpy(flip_K(K[0, 0].numpy(), width=WIDTH))
    torch.testing.assert_close(unproject(depth[0, 0].flip(-1), mirrored), points[0, 0].flip(-2) * torch.tensor([-1.0, 1, 1]))


def test_project__point_in_the_camera_plane_gives_no_nan():
    points = torch.tensor([[1.0, 2.0, 0.0], [1.0, 1.0, -3.0]], requires_grad=True)
    uv, depth = project(points, torch.eye(3))
    assert torch.isfinite(uv).all()
    assert (depth <= 0).all()
    uv.sum().backward()
    assert points.grad is not None
    assert torch.isfinite(points.grad).all()


def test_unproject__half_precision_depth_keeps_pixels_apart():
    """A bfloat16 network output must not round the pixel grid."""
    K = torch.tensor([[500.0, 0, 320], [0, 500, 100], [0, 0, 1]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        points = unproject(torch.full((200, 640), 2.0, dtype=torch.bfloat16), K)
        uv, _ = project(points, K)
    assert points.dtype == torch.float32
    torch.testing.assert_close(uv, pixel_grid(200, 640), atol=1e-3, rtol=0)


def test_splat_depth__nearest_or_last():
    uv = np.array([[0.2, 0.9], [0.7, 0.1], [0.5, 0.5], [2.5, 1.5]])
    depth = np.array([5.0, 2.0, 3.0, 7.0])
    np.testing.assert_array_equal(splat_depth(uv, depth, height=2, width=3), [[2, 0, 0], [0, 0, 7]])
    np.testing.assert_array_equal(splat_depth(uv, depth, height=2, width=3, rule="last_write"), [[3, 0, 0], [0, 0, 7]])


def test_splat_depth__leaves_out_what_is_not_seen():
    uv = np.array([[-0.01, 0.5], [3.0, 0.5], [0.5, 2.0], [0.5, -1e30], [np.nan, 0.5], [1.5, 0.5], [1.5, 0.5], [1.5, 0.5], [2.999, 1.999]])
    depth = np.array([1.0, 1, 1, 1, 1, -4, 0, np.inf, 6])
    for rule in ("nearest", "last_write"):
        np.testing.assert_array_equal(splat_depth(uv, depth, height=2, width=3, rule=rule), [[0, 0, 0], [0, 0, 6]])


def test_splat_depth__last_column_and_next_row_are_different_pixels():
    """Monodepth2's index used width - 1, so these two were one."""
    uv = np.array([[2.5, 0.5], [0.5, 1.5]])
    np.testing.assert_array_equal(splat_depth(uv, np.array([4.0, 9.0]), height=2, width=3), [[0, 0, 4], [9, 0, 0]])


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_splat_depth__inverse_of_unproject(seed: int):
    rng = np.random.default_rng(seed)
    depth = np.where(rng.random((HEIGHT, WIDTH)) < 0.7, rng.uniform(0.5, 80, (HEIGHT, WIDTH)), 0).astype(np.float32)
    K = torch.tensor([[7.0, 0, 4.2], [0, 8, 3.3], [0, 0, 1]], dtype=torch.float64)
    uv, z = project(unproject(torch.from_numpy(depth), K), K)
    np.testing.assert_array_equal(splat_depth(uv.reshape(-1, 2).numpy(), z.flatten().numpy(), height=HEIGHT, width=WIDTH), depth)


def test_rasterise__by_hand():
    """A camera at (10, 0, 0) that looks along the points' y: u = 5 + 10 x / z, v = 2 + 10 y / z with x to its right."""
    cam_from_points = np.array([[1.0, 0, 0, -10], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    K = np.array([[10.0, 0, 5], [0, 10, 2], [0, 0, 1]])
    points = np.array([[11.0, 5, 0.5], [12, 10, 1], [10, 4, 0], [10, -4, 0], [10, 0, 0], [30, 1, 0], [np.nan, 1, 0]])
    # (1, -0.5, 5) and (2, -1, 10) lie on one ray: u = 7, v = 1. (0, 0, 4): u = 5, v = 2. The others are behind or outside.
    expected = np.zeros((4, 9), dtype=np.float32)
    expected[1, 7], expected[2, 5] = 5, 4
    np.testing.assert_array_equal(rasterise(points, cam_from_points, K, height=4, width=9), expected)
    expected[1, 7] = 10
    np.testing.assert_array_equal(rasterise(points, cam_from_points, K, height=4, width=9, rule="last_write"), expected)


def test_rasterise__pixel_centres():
    """A calibration with integer centres, brought to leadline's, puts a point on the pixel that rounding its uv gives."""
    points = np.random.default_rng(0).uniform([-3, -2, 4], [3, 2, 9], (300, 3))
    integer_K = np.array([[20.0, 0, 9.3], [0, 20, 6.8], [0, 0, 1]])
    depth = rasterise(points, np.eye(4), from_integer_centres(integer_K), height=14, width=20)
    uv = np.rint((points @ integer_K.T)[:, :2] / points[:, 2:]).astype(int)
    inside = (uv >= 0).all(axis=1) & (uv[:, 0] < 20) & (uv[:, 1] < 14)
    assert set(zip(*np.nonzero(depth), strict=True)) == {(v, u) for u, v in uv[inside]}


def sensor_pose(pose: dict) -> np.ndarray:
    q, t = pose["rotation"], pose["translation"]
    return pose_from_q_t(np.array([q["qw"], q["qx"], q["qy"], q["qz"]]), np.array([t["x"], t["y"], t["z"]]))


@pytest.mark.parametrize("sample", [0, 1, 2])
def test_splat_depth__real_lidar(samples: Path, sample: int):
    """DDAD's LiDAR falls on exactly the pixels published beside the recordings, whose pixel centres are integers."""
    expected = json.loads((samples / "ddad" / "expected_lidar_projection.json").read_text())["samples"][sample]
    folder = samples / "ddad" / "scene_02"
    scene = json.loads(next(folder.glob("scene_*.json")).read_text())
    calibration = json.loads(next((folder / "calibration").glob("*.json")).read_text())
    keys = set(scene["samples"][sample]["datum_keys"])
    data = {datum["id"]["name"]: datum["datum"] for datum in scene["data"] if datum["key"] in keys}
    lidar = data["LIDAR"]["point_cloud"]
    with np.load(folder / lidar["filename"]) as file:
        points = file["data"][:, :3].astype(np.float64)
    for name, figures in expected["cameras"].items():
        image = data[name]["image"]
        focal = calibration["intrinsics"][calibration["names"].index(name)]
        integer_K = np.array([[focal["fx"], focal["skew"], focal["cx"]], [0, focal["fy"], focal["cy"]], [0, 0, 1]])
        cam_from_lidar = compose(invert(sensor_pose(image["pose"])), sensor_pose(lidar["pose"]))
        uv, depth = project(torch.from_numpy(transform(cam_from_lidar, points)), torch.from_numpy(from_integer_centres(integer_K)))
        maps = {rule: splat_depth(uv.numpy(), depth.numpy(), height=1216, width=1936, rule=rule) for rule in ("nearest", "last_write")}
        seen = maps["nearest"] > 0
        assert np.count_nonzero(seen) == figures["pixels"]
        assert np.count_nonzero(maps["nearest"] != maps["last_write"]) == figures["pixels_last_write_differs_from_nearest"]
        assert np.count_nonzero(seen & (maps["nearest"] > 0.1) & (maps["nearest"] < 200)) == figures["pixels_0.1_to_200_m"]
        assert np.median(maps["nearest"][seen]) == pytest.approx(figures["z_median"], abs=1e-4)
        assert maps["nearest"][seen].min() == pytest.approx(figures["z_min"], abs=1e-4)
