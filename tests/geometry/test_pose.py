"""Poses: groups behave like groups, quaternions agree with SciPy, NumPy and torch give the same."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from leadline.geometry.pose import compose, invert, matrix_to_quaternion, pose_from_q_t, quaternion_to_matrix, transform

seeds = st.integers(0, 2**32 - 1)


def random_pose(seed: int, *, size: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return pose_from_q_t(rng.normal(size=4), rng.normal(size=3) * size)


@given(seed=seeds)
def test_invert__undoes(seed: int):
    pose = random_pose(seed)
    np.testing.assert_allclose(compose(invert(pose), pose), np.eye(4), atol=1e-13)
    np.testing.assert_allclose(invert(pose), np.linalg.inv(pose), atol=1e-12)


def test_invert__leaves_its_argument_alone():
    pose = random_pose(1)
    before = pose.copy()
    invert(pose)
    np.testing.assert_array_equal(pose, before)


def test_compose__reads_like_the_names():
    c_from_b, b_from_a = random_pose(1), random_pose(2)
    points = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_allclose(transform(compose(c_from_b, b_from_a), points), transform(c_from_b, transform(b_from_a, points)), atol=1e-12)


def test_transform__axes_between_batch_and_coordinates():
    poses = np.stack([random_pose(1), random_pose(2)])
    points = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    moved = transform(poses, points)
    expected = np.einsum("bij,bhwj->bhwi", poses[:, :3, :3], points) + poses[:, None, None, :3, 3]
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_transform__refuses_points_without_the_batch():
    with pytest.raises(ValueError, match="fewer axes"):
        transform(np.zeros((2, 3, 4, 4)), np.zeros((5, 3)))


def test_pose__torch_agrees_with_numpy_and_differentiates():
    poses, points = np.stack([random_pose(1), random_pose(2)]), np.random.default_rng(0).normal(size=(2, 6, 3))
    tensors, tensor_points = torch.from_numpy(poses), torch.from_numpy(points)
    np.testing.assert_allclose(invert(tensors).numpy(), invert(poses), atol=1e-14)
    np.testing.assert_allclose(transform(tensors, tensor_points).numpy(), transform(poses, points), atol=1e-14)
    tensors.requires_grad_()
    assert torch.autograd.gradcheck(lambda pose: transform(invert(pose), tensor_points), tensors)


def test_transform__autocast_does_not_round():
    pose, points = torch.from_numpy(random_pose(1, size=500)).float(), torch.rand(10, 3) * 100
    with torch.autocast("cpu", dtype=torch.bfloat16):
        moved = transform(pose, points)
    torch.testing.assert_close(moved, transform(pose, points), rtol=0, atol=0)


@settings(deadline=None)
@given(seed=seeds)
def test_quaternion_to_matrix__agrees_with_scipy_and_back(seed: int):
    q = np.random.default_rng(seed).normal(size=(3, 4))
    rotation = quaternion_to_matrix(q)
    np.testing.assert_allclose(rotation, Rotation.from_quat(q, scalar_first=True).as_matrix(), atol=1e-13)
    unit = q / np.linalg.norm(q, axis=-1, keepdims=True)
    np.testing.assert_allclose(matrix_to_quaternion(rotation), unit * np.sign(unit[:, :1]), atol=1e-12)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, 0.8]])
def test_matrix_to_quaternion__half_turns(axis: list[float]):
    """The case where the trace formula divides by zero."""
    q = np.array([0.0, *axis])
    back = matrix_to_quaternion(quaternion_to_matrix(q))
    np.testing.assert_allclose(quaternion_to_matrix(back), quaternion_to_matrix(q), atol=1e-12)
    assert abs(back @ q) == pytest.approx(1, abs=1e-12)


def test_quaternion_to_matrix__counter_clockwise():
    quarter_turn_about_z = quaternion_to_matrix(np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)]))
    np.testing.assert_allclose(quarter_turn_about_z @ [1, 0, 0], [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("q", "t"), [([0, 0, 0, 0], [0, 0, 0]), ([1, 0, 0], [0, 0, 0]), ([1, 0, 0, np.nan], [0, 0, 0]), ([1, 0, 0, 0], [0, np.inf, 0])]
)
def test_pose_from_q_t__refuses(q: list[float], t: list[float]):
    with pytest.raises(ValueError):
        pose_from_q_t(np.array(q), np.array(t))


def test_pose__needs_no_torch():
    """Readers of rigs use it, and they must start fast."""
    code = "import sys, leadline.geometry.pose, leadline.geometry.align; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
