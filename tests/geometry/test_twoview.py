"""Tracks of points that are known exactly: what a turn leaves, and which poses explain them."""

import numpy as np
import pytest

from leadline.geometry.twoview import parallax_px, pose_fit, turn_only
from tests.fixtures import tiny_footage

K = tiny_footage.K


def _tracks(b_from_a: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """200 points 3 to 12 m ahead, in both pictures."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.uniform(-2, 2, 200), rng.uniform(-1, 1, 200), rng.uniform(3, 12, 200)], axis=1)
    moved = points @ b_from_a[:3, :3].T + b_from_a[:3, 3]
    return tuple((p @ K.T)[:, :2] / p[:, 2:] for p in (points, moved))


def _relative(**motion: float) -> np.ndarray:
    return np.linalg.inv(tiny_footage.pose(**motion))


def test_turn_only__finds_the_turn_and_leaves_nothing_of_it():
    turned = _relative(yaw_deg=3, pitch_deg=-1)
    rotation, left = turn_only(*_tracks(turned), K)
    np.testing.assert_allclose(rotation, turned[:3, :3], atol=1e-9)
    assert left.max() < 1e-6


@pytest.mark.parametrize("factor", [0.6, 1.7])
def test_parallax__of_a_turn_is_none_even_with_a_guessed_K(factor):
    guess = K * [[factor, 1, 1], [1, factor, 1], [1, 1, 1]]
    assert np.median(parallax_px(*_tracks(_relative(yaw_deg=3, pitch_deg=-1)), guess)) < 0.1


@pytest.mark.parametrize("step", [{"x": 0.1}, {"z": 0.3}, {"x": 0.1, "yaw_deg": 2.0}])
def test_parallax__of_a_step_is_there(step):
    assert np.median(parallax_px(*_tracks(_relative(**step)), K)) > 0.7


@pytest.mark.parametrize("step", [{"x": 0.1, "yaw_deg": 1.0}, {"z": 0.3, "pitch_deg": -0.5}, {"x": -0.2, "y": 0.1, "z": -0.4}])
def test_pose_fit__the_true_pose_explains_and_others_do_not(step):
    b_from_a = _relative(**step)
    uv_a, uv_b = _tracks(b_from_a)
    distance, way = pose_fit(uv_a, uv_b, K, b_from_a)
    assert distance.max() < 1e-6 and (way > 0).all()
    _, inverted = pose_fit(uv_a, uv_b, K, np.linalg.inv(b_from_a))
    assert (inverted < 0).mean() > 0.6
    longer = b_from_a.copy()
    longer[:3, 3] *= 100
    np.testing.assert_allclose(pose_fit(uv_a, uv_b, K, longer)[0], distance, atol=1e-6, err_msg="the unit does not matter")


def test_pose_fit__without_translation_is_what_the_turn_leaves():
    turned = _relative(yaw_deg=2)
    distance, way = pose_fit(*_tracks(turned), K, turned)
    assert distance.max() < 1e-9 and not way.any()
