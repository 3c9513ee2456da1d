"""Slopes: everything laid out on the level comes to lie and stand on the land."""

import numpy as np
import pytest

from leadline.scenes import shapes
from leadline.scenes.relief import Relief, make_relief
from leadline.scenes.world import Surface, Thing
from leadline.types import Material

GREY = Surface(Material.DIFFUSE, np.full(3, 0.5))
RELIEF = Relief(grade=0.05, wave=0.04, length=320.0, phase=0.7, steep=(0.05, -0.03), heading=0.4)


def box(name: str, pose: np.ndarray, size: tuple[float, float, float] = (1.0, 1.0, 2.0)) -> Thing:
    return Thing(name, ((shapes.box(size, center=(0.0, 0.0, size[2] / 2)), GREY),), pose)


def test_relief__is_zero_at_the_origin_and_its_gradient_is_its_slope() -> None:
    x, y = np.random.default_rng(0).uniform(-120, 120, (2, 50))
    assert float(RELIEF.height(0.0, 0.0)) == pytest.approx(0.0)
    step = 1e-4
    numeric = np.stack(
        [RELIEF.height(x + step, y) - RELIEF.height(x - step, y), RELIEF.height(x, y + step) - RELIEF.height(x, y - step)], axis=1
    ) / (2 * step)
    np.testing.assert_allclose(RELIEF.gradient(x, y), numeric, atol=1e-6)


def test_relief__level_changes_nothing() -> None:
    flat = make_relief(np.random.default_rng(1), sloping=False, heading=0.3)
    thing = box("box", shapes.pose(5.0, 7.0, yaw=0.5))
    assert flat.is_flat and not RELIEF.is_flat
    for placed in (flat.upright(thing), flat.rolling(thing), flat.level(thing), flat.founded(thing)):
        np.testing.assert_array_equal(placed.poses, thing.poses)
        assert len(placed.parts) == 1


def test_upright__keeps_uprights_and_puts_the_foot_on_the_slope() -> None:
    thing = RELIEF.upright(box("post", shapes.pose(40.0, -9.0, yaw=1.1)))
    corners = shapes.transform(thing.parts[0][0], thing.poses).vertices
    np.testing.assert_allclose(thing.poses[:3, 2], [0.0, 0.0, 1.0], atol=1e-12)
    foot = corners[corners[:, 2] < corners[:, 2].mean()]
    np.testing.assert_allclose(foot[:, 2], RELIEF.height(foot[:, 0], foot[:, 1]), atol=2e-3)


def test_rolling__is_rigid_and_puts_the_wheels_on_the_slope() -> None:
    poses = np.stack([shapes.pose(float(x), 3.0, yaw=0.2) for x in np.linspace(-50, 90, 6)])
    thing = RELIEF.rolling(box("moving car", poses, (4.5, 1.8, 1.4)))
    for pose in thing.poses:
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
        wheels = np.array([[x, y, 0.0, 1.0] for x in (-1.4, 1.4) for y in (-0.8, 0.8)]) @ pose.T
        np.testing.assert_allclose(wheels[:, 2], RELIEF.height(wheels[:, 0], wheels[:, 1]), atol=0.01)


def test_founded__keeps_houses_level_and_closes_the_gap_below() -> None:
    thing = RELIEF.founded(box("house", shapes.pose(60.0, 12.0), (12.0, 9.0, 6.0)))
    np.testing.assert_array_equal(thing.poses[:3, :3], np.eye(3))
    corners = np.concatenate([shapes.transform(mesh, thing.poses).vertices for mesh, _ in thing.parts])
    x, y = corners[:, 0], corners[:, 1]
    assert corners[:, 2].min() < RELIEF.height(x, y).min()
