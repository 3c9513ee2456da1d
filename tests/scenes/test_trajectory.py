"""Paths are smooth, bounded and in the stated frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.scenes import trajectory


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300))
def test_drive__keeps_its_speed_within_bounds_and_smooth(seed: int, frames: int) -> None:
    driven = trajectory.drive(np.random.default_rng(seed), frames)
    step = np.diff(driven)
    assert driven.shape == (frames,) and driven[0] == 0.0
    if frames > 1:
        assert step.min() >= 0.5 - 1e-9 and step.max() <= 1.2 + 1e-9
        assert np.abs(np.diff(step)).max(initial=0.0) < 0.05


def test_wander__is_bounded_and_smooth() -> None:
    signal = trajectory.wander(np.random.default_rng(1), 500, period=50.0)
    assert np.abs(signal).max() <= 1.0 and signal.std() > 0.1
    assert np.abs(np.diff(signal)).max() < 2 * np.pi * 3 / 50


def test_world_from_camera__looks_at_its_target_with_a_level_horizon() -> None:
    position, target = np.array([1.0, 2.0, 1.5]), np.array([4.0, -1.0, 0.5])
    pose = trajectory.world_from_camera(position, target)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_allclose((np.linalg.inv(pose) @ [*target, 1.0])[:2], 0.0, atol=1e-12)
    assert pose[2, 0] == pytest.approx(0.0) and pose[2, 1] < 0  # x level, y down


def test_world_from_camera__rolls_clockwise() -> None:
    pose = trajectory.world_from_camera(np.zeros(3), np.array([1.0, 0.0, 0.0]), roll_rad=0.1)
    assert pose[2, 0] == pytest.approx(-np.sin(0.1))


def test_handheld__shakes_little_and_follows_its_path() -> None:
    positions = np.stack([np.linspace(0, 2, 40), np.zeros(40), np.full(40, 1.5)], axis=1)
    poses = trajectory.handheld(np.random.default_rng(0), positions=positions, targets=positions + np.array([3.0, 0.0, -0.2]), shake_m=0.01)
    assert np.abs(poses[:, :3, 3] - positions).max() <= 0.01 + 1e-12
    assert (poses[:, 0, 2] > 0.9).all()


def test_vehicle_poses__are_rigid_and_point_along_the_heading() -> None:
    heading = np.array([0.0, 0.5, -2.0])
    poses = trajectory.vehicle_poses(
        np.arange(3.0), np.arange(3.0) * 2, heading, pitch=np.array([0.0, 0.02, 0.0]), roll=np.array([0.0, 0.0, 0.03])
    )
    np.testing.assert_allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(poses[:, :2, 3], [[0, 0], [1, 2], [2, 4]])
    np.testing.assert_allclose(np.arctan2(poses[:, 1, 0], poses[:, 0, 0]), heading)
    assert poses[1, 2, 0] < 0  # nose down
    assert poses[2, 2, 1] > 0  # left side up
