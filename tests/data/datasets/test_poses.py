"""Poses, K and depth of every reader that has them agree: a dot on the wall moves from one frame to the next where they say."""

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.geometry.pose import invert

WITH_POSES = ("scannet", "7scenes", "eth3d", "hypersim", "vkitti2", "tartanair", "blendedmvs")


def dot_uv(image: np.ndarray) -> np.ndarray:
    """Centre of the bright dot [px], the first pixel's centre at (0.5, 0.5)."""
    weight = np.clip(image[..., 1].astype(np.float64) - 80, 0, None)
    v, u = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(weight * u).sum(), (weight * v).sum()]) / weight.sum()


def depth_at(view, uv: np.ndarray) -> float:
    column, row = uv.astype(int)
    return float(view.depth[row, column] if view.depth is not None else 1 / view.inverse_depth[row, column])


def carried(first, second, uv: np.ndarray, *, second_from_first: np.ndarray) -> tuple[np.ndarray, float]:
    """Where the surface at `uv` of the first view lies in the second, and how far."""
    point = np.linalg.solve(first.camera.K, [*uv, 1.0]) * depth_at(first, uv)
    moved = second_from_first[:3, :3] @ point + second_from_first[:3, 3]
    uvw = second.camera.K @ moved
    return uvw[:2] / uvw[2], moved[2]


@pytest.mark.parametrize("kind", WITH_POSES)
def test_view__a_point_is_found_again_in_the_next_frame(kind, write_tiny, tmp_path):
    dataset = open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}")
    first, second = (dataset.view(record, record.cameras[0], dataset.layers) for record in dataset.records)
    uv = dot_uv(first.image)
    found, distance = carried(first, second, uv, second_from_first=second.cam_from_world @ invert(first.cam_from_world))
    np.testing.assert_allclose(found, dot_uv(second.image), atol=0.3)
    np.testing.assert_allclose(distance, depth_at(second, found), rtol=0.005)
    # The same test tells the usual mistake: poses read the wrong way round.
    wrong, _ = carried(first, second, uv, second_from_first=invert(second.cam_from_world) @ first.cam_from_world)
    assert np.abs(wrong - dot_uv(second.image)).max() > 3


@pytest.mark.parametrize(("kind", "fx", "baseline_m"), [("vkitti2", 72.5, 0.53), ("tartanair", 320.0, 0.25)])
def test_view__the_second_camera_sees_a_point_moved_by_its_disparity(kind, fx, baseline_m, write_tiny, tmp_path):
    dataset = open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}")
    record = dataset.records[1]
    left, right = (dataset.view(record, camera, dataset.layers) for camera in record.cameras)
    uv = dot_uv(left.image)
    found, distance = carried(left, right, uv, second_from_first=right.cam_from_world @ invert(left.cam_from_world))
    np.testing.assert_allclose(found, uv - [fx * baseline_m / distance, 0], atol=1e-3)
    np.testing.assert_allclose(found, dot_uv(right.image), atol=0.3)


@pytest.mark.parametrize("kind", WITH_POSES)
def test_view__the_dot_lies_where_the_fixture_put_it(kind, write_tiny, moving, tmp_path):
    """Half a pixel of K is seen here: the dot of the first frame against its place on the wall, in metres (or units)."""
    dataset = open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}")
    record = dataset.records[0]
    view = dataset.view(record, record.cameras[0], dataset.layers)
    uv = dot_uv(view.image)
    unit = moving.BLENDEDMVS_UNITS_PER_M if kind == "blendedmvs" else 1.0
    point = np.linalg.solve(view.camera.K, [*uv, 1.0]) * depth_at(view, uv) / unit
    half_pixel_m = 0.5 * moving.WALL_M / view.camera.K[0, 0]
    np.testing.assert_allclose(point, moving.DOT, atol=0.3 * half_pixel_m, rtol=0)
