"""Rigid transforms as 4x4 matrices: compose, invert, transform points, quaternions.

Convention: `b_from_a` maps points from frame a to frame b, so inner names touch: c_from_a = c_from_b @ b_from_a.
Quaternions are (w, x, y, z). `compose`, `invert` and `transform` take NumPy arrays and torch tensors alike and use
elementwise arithmetic only, so that autocast never rounds them; this file does not import torch, because readers of
rigs and the runtime do without it.
"""

import math
from functools import reduce
from operator import matmul
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


def compose(*poses: Array) -> Array:
    """Product of poses (*b, 4, 4), read like the names: compose(c_from_b, b_from_a) is c_from_a."""
    return reduce(matmul, poses)


def invert(b_from_a: Array) -> Array:
    """`a_from_b` of a rigid transform (*b, 4, 4), by transposing its rotation: exact where a general inverse is not."""
    a_from_b = b_from_a.copy() if isinstance(b_from_a, np.ndarray) else b_from_a.clone()
    a_from_b[..., :3, :3] = b_from_a[..., :3, :3].swapaxes(-1, -2)  # pyright: ignore[reportArgumentType]
    a_from_b[..., :3, 3] = -(b_from_a[..., :3, :3] * b_from_a[..., :3, 3:]).sum(-2)
    return a_from_b


def transform(b_from_a: Array, points: Array) -> Array:
    """Points (*b, ..., 3) of frame a in frame b, for poses (*b, 4, 4); any axes may stand between b and 3."""
    num_between = points.ndim - b_from_a.ndim + 1
    if num_between < 0:
        raise ValueError(f"points {tuple(points.shape)} have fewer axes than the batch of poses {tuple(b_from_a.shape)}")
    pose = b_from_a.reshape(*b_from_a.shape[:-2], *(1,) * num_between, 4, 4)
    x, y, z = points[..., 0:1], points[..., 1:2], points[..., 2:3]
    return pose[..., :3, 0] * x + pose[..., :3, 1] * y + pose[..., :3, 2] * z + pose[..., :3, 3]


def quaternion_to_matrix(q_wxyz: Float[np.ndarray, "*b 4"]) -> Float[np.ndarray, "*b 3 3"]:
    """Rotation matrices of quaternions of any length but zero. Raises ValueError for a zero quaternion."""
    q = np.asarray(q_wxyz, dtype=np.float64)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    if not (length > 0).all():
        raise ValueError("a zero quaternion is no rotation")
    w, x, y, z = np.moveaxis(q / length, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_quaternion(rotation: Float[np.ndarray, "*b 3 3"]) -> Float[np.ndarray, "*b 4"]:
    """Unit quaternions (w, x, y, z) with w >= 0 of rotation matrices.

    The quaternion is the eigenvector of the largest eigenvalue of a symmetric 4x4 matrix (Bar-Itzhack 2000), which
    has no case split and gives the nearest rotation when the matrix is slightly off.
    """
    R = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    wx, wy, wz = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    xy, xz, yz = R[..., 0, 1] + R[..., 1, 0], R[..., 0, 2] + R[..., 2, 0], R[..., 1, 2] + R[..., 2, 1]
    rows = [
        [xx + yy + zz, wx, wy, wz],
        [wx, xx - yy - zz, xy, xz],
        [wy, xy, yy - xx - zz, yz],
        [wz, xz, yz, zz - xx - yy],
    ]
    symmetric = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    q = np.linalg.eigh(symmetric).eigenvectors[..., -1]
    return np.where(q[..., :1] < 0, -q, q)


def pose_from_q_t(q_wxyz: ArrayLike, t: ArrayLike) -> Float[np.ndarray, "4 4"]:
    """The pose with rotation `q_wxyz` (4 numbers) and translation `t` (3 numbers) [m].

    Raises ValueError for what is not finite, of another length, or a zero quaternion.
    """
    q, translation = np.asarray(q_wxyz, dtype=np.float64), np.asarray(t, dtype=np.float64)
    if q.shape != (4,) or translation.shape != (3,) or not math.isfinite(q.sum() + translation.sum()):
        raise ValueError(f"a pose needs 4 and 3 finite numbers, got {q.tolist()} and {translation.tolist()}")
    pose = np.eye(4)
    pose[:3, :3] = quaternion_to_matrix(q)
    pose[:3, 3] = translation
    return pose
