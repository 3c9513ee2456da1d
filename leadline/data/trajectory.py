"""Poses and times of a recording in text files: one row per frame, checked before anything learns from them.

A row is a 3x4 matrix (KITTI), a 4x4 matrix, or time, position and quaternion x y z w (TUM). All three map the camera to the
world, x right, y down, z forward. Rows of times are seconds or dates (KITTI's timestamps.txt).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from leadline.geometry.pose import invert, pose_from_q_t
from leadline.io.source import existing_file
from leadline.types import UserError

RIGID_WITHIN = 1e-2
"""How far a rotation times its transpose may be from the identity."""
ROWS = "a row is 12 numbers (3x4), 16 (4x4), or 8 (time, x y z, quaternion x y z w)"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where a camera was, frame by frame."""

    world_from_cam: np.ndarray
    """float64 (n, 4, 4); the first is the identity, because float32 has no room for kilometres and millimetres."""
    times_s: np.ndarray | None = None
    """float64 (n), where the file has them."""


def read_trajectory(path: Path) -> Trajectory:
    """The poses in `path`.

    Raises UserError naming the row that is no rigid motion, mirrored or of another length, or where time runs back.
    """
    try:
        rows = np.loadtxt(existing_file(path, what="pose file"), ndmin=2, dtype=np.float64)
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(path, f"is no table of poses ({error})", ROWS) from error
    if rows.size == 0 or rows.shape[1] not in (8, 12, 16):
        raise UserError(path, f"has rows of {rows.shape[1] if rows.size else 0} numbers", ROWS)
    times = None
    if rows.shape[1] == 8:
        times, rows = rows[:, 0], _from_tum(rows, path)
        check_times(times, subject=path)
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = rows[:, :12].reshape(-1, 3, 4)
    for row, pose in enumerate(poses):
        check_rigid(pose, subject=path, where=f"row {row + 1}")
    return Trajectory(invert(poses[0]) @ poses, times)


def check_rigid(pose: np.ndarray, *, subject: Path, where: str) -> None:
    """Raise UserError naming the file `subject` and the place when `pose` (4, 4) is no rotation and translation.

    A mirrored pose gives no error later: the world behind it is only wrong.
    """
    rotation = pose[:3, :3]
    if not np.isfinite(pose).all():
        raise UserError(subject, f"{where} holds NaN or infinity", "leave out the frames whose pose is not known")
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID_WITHIN:
        raise UserError(subject, f"{where} is no rigid motion: its 3x3 part is no rotation", "give rotations without scale or shear")
    if np.linalg.det(rotation) < 0:
        wrong = f"{where} is mirrored: its 3x3 part has determinant -1"
        raise UserError(subject, wrong, "turn one axis back: the camera has x right, y down, z forward, a right-handed frame")


def check_rows(num_rows: int, num_frames: int, *, subject: Path, frames: str) -> None:
    """Raise UserError when a file has not one row per frame: then no row is known to belong to its frame."""
    if num_rows != num_frames:
        wrong = f"has {num_rows} rows for {num_frames} frames ({frames})"
        raise UserError(subject, wrong, "give one row per frame, in the order of the frames: cut out the rows of these frames")


def read_times(path: Path) -> np.ndarray:
    """Seconds (n) since the first row of a file of seconds or of dates. Raises UserError naming the row where time runs back."""
    lines = existing_file(path, what="timestamps").read_text(encoding="utf-8", errors="replace").split("\n")
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        times = _seconds(lines)
    except ValueError as error:
        raise UserError(path, f"is no list of times ({error})", "write one per row: seconds, or dates as 2011-09-26 13:02:25.5") from error
    check_times(times, subject=path)
    return times


def check_times(times_s: np.ndarray, *, subject: Path) -> None:
    """Raise UserError naming the first row whose time is not later than the one before."""
    late = np.flatnonzero(~(np.diff(times_s) > 0))
    if len(late):
        row = int(late[0]) + 2
        step = times_s[late[0] + 1] - times_s[late[0]]
        raise UserError(subject, f"time does not go on at row {row} ({step:+.3f} s)", "sort frames, times and poses by time")


def _seconds(lines: list[str]) -> np.ndarray:
    if lines and ":" in lines[0]:
        dates = [datetime.fromisoformat(line[:26]) for line in lines]  # nanoseconds are more than it reads
        return np.array([(date - dates[0]).total_seconds() for date in dates])
    times = np.array([float(line.split()[0]) for line in lines])
    return times - times[:1].sum()


def _from_tum(rows: np.ndarray, path: Path) -> np.ndarray:
    poses = []
    for number, (_, x, y, z, qx, qy, qz, qw) in enumerate(rows, start=1):
        try:
            poses.append(pose_from_q_t([qw, qx, qy, qz], [x, y, z])[:3].ravel())
        except ValueError as error:
            raise UserError(path, f"row {number} has no usable pose ({error})", ROWS) from error
    return np.stack(poses)
