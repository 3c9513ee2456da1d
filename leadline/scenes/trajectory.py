"""Paths of cameras and vehicles: smooth wandering signals, a camera that looks at a point, a hand-held walk, a drive.

Convention: world z up; camera frame x right, y down, z forward; vehicle frame x forward, y left, z up.
"""

import numpy as np


def wander(rng: np.random.Generator, num: int, *, period: float) -> np.ndarray:
    """A smooth random signal (num,) within [-1, 1] whose slowest swing takes `period` samples."""
    t = np.arange(num)[:, None]
    waves = np.arange(1, 4)
    phase = rng.uniform(0.0, 2 * np.pi, 3)
    weight = rng.uniform(0.3, 1.0, 3) / waves
    return (np.sin(2 * np.pi * waves * t / period + phase) * weight).sum(axis=1) / weight.sum()


def world_from_camera(position: np.ndarray, target: np.ndarray, *, roll_rad: float = 0.0) -> np.ndarray:
    """Pose (4, 4) of a camera at `position` (3,) that looks at `target` (3,) with the horizon level but for `roll_rad`."""
    forward = np.asarray(target, dtype=np.float64) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll_rad), np.sin(roll_rad)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([cos * right + sin * down, cos * down - sin * right, forward], axis=1)
    matrix[:3, 3] = position
    return matrix


def handheld(rng: np.random.Generator, *, positions: np.ndarray, targets: np.ndarray, shake_m: float = 0.01) -> np.ndarray:
    """Poses world_from_cam (frames, 4, 4) of a hand that carries a camera along `positions` while it looks at `targets` (frames, 3) [m]."""
    num = len(positions)
    shake = np.stack([wander(rng, num, period=12.0) for _ in range(6)], axis=1) * shake_m
    roll = 0.02 * wander(rng, num, period=20.0)
    return np.stack([world_from_camera(positions[i] + shake[i, :3], targets[i] + shake[i, 3:], roll_rad=roll[i]) for i in range(num)])


def drive(rng: np.random.Generator, frames: int, *, slowest_m: float = 0.5, fastest_m: float = 1.2) -> np.ndarray:
    """Distance driven (frames,) [m] since the first frame, each step between `slowest_m` and `fastest_m`, the speed changing smoothly."""
    middle, room = (fastest_m + slowest_m) / 2, (fastest_m - slowest_m) / 2
    cruise = rng.uniform(-0.7, 0.7)
    step = middle + room * np.clip(cruise + 0.3 * wander(rng, frames, period=60.0), -1.0, 1.0)
    return np.concatenate([[0.0], np.cumsum(step)])[:frames]


def vehicle_poses(
    x: np.ndarray, y: np.ndarray, heading: np.ndarray, *, pitch: np.ndarray | float = 0.0, roll: np.ndarray | float = 0.0
) -> np.ndarray:
    """Poses world_from_vehicle (frames, 4, 4) on the ground at (`x`, `y`) [m]; `heading`, `pitch` (nose down) and `roll` [rad]."""
    heading, pitch, roll = np.broadcast_arrays(np.asarray(heading, dtype=np.float64), pitch, roll)
    cz, sz, cy, sy, cx, sx = np.cos(heading), np.sin(heading), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    poses = np.tile(np.eye(4), (len(heading), 1, 1))
    poses[:, 0, :3] = np.stack([cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx], axis=1)
    poses[:, 1, :3] = np.stack([sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx], axis=1)
    poses[:, 2, :3] = np.stack([-sy, cy * sx, cy * cx], axis=1)
    poses[:, 0, 3], poses[:, 1, 3] = x, y
    return poses
