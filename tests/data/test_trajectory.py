"""Pose and time files: three ways to write a row, and every way to get one wrong, named with its row."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from leadline.data.trajectory import check_rows, read_times, read_trajectory
from leadline.types import UserError
from tests.fixtures import tiny_footage

POSES = tiny_footage.walk(4)


def _relative(poses) -> np.ndarray:
    return np.array([np.linalg.inv(poses[0]) @ pose for pose in poses])


def test_read_trajectory__three_ways_to_write_the_same(tmp_path):
    tiny_footage.write_poses(tmp_path / "kitti.txt", POSES)
    np.savetxt(tmp_path / "square.txt", [pose.ravel() for pose in POSES])
    tum = [[10 + 0.1 * i, *pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()] for i, pose in enumerate(POSES)]
    np.savetxt(tmp_path / "tum.txt", tum, header="time tx ty tz qx qy qz qw")
    for name in ("kitti.txt", "square.txt", "tum.txt"):
        read = read_trajectory(tmp_path / name)
        np.testing.assert_allclose(read.world_from_cam, _relative(POSES), atol=1e-8)
        assert (read.times_s is not None) == (name == "tum.txt")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda pose: np.diag([-1, 1, 1, 1]) @ pose, "row 3 is mirrored: its 3x3 part has determinant -1; turn one axis back"),
        (lambda pose: pose @ np.diag([1.2, 1.2, 1.2, 1]), "row 3 is no rigid motion"),
        (lambda pose: pose * np.nan, "row 3 holds NaN"),
    ],
)
def test_read_trajectory__names_the_row_that_is_no_motion(tmp_path, spoil, words):
    path = tmp_path / "poses.txt"
    tiny_footage.write_poses(path, [*POSES[:2], spoil(POSES[2]), POSES[3]])
    with pytest.raises(UserError, match=words) as caught:
        read_trajectory(path)
    assert caught.value.subject == str(path)


@pytest.mark.parametrize("text", ["1 2 3\n4 5 6\n", "a b c\n", "1 2 3\n4 5\n"])
def test_read_trajectory__of_something_else(tmp_path, text):
    (tmp_path / "poses.txt").write_text(text)
    with pytest.raises(UserError, match=r"a row is 12 numbers \(3x4\), 16 \(4x4\), or 8"):
        read_trajectory(tmp_path / "poses.txt")


def test_check_rows__counts(tmp_path):
    check_rows(5, 5, subject=tmp_path, frames="a to b")
    with pytest.raises(UserError, match=r"has 474 rows for 5 frames \(a to b\); give one row per frame"):
        check_rows(474, 5, subject=tmp_path, frames="a to b")


def test_read_times__seconds_and_dates(tmp_path):
    (tmp_path / "seconds.txt").write_text("# made by a robot\n100.5\n100.6\n100.75\n")
    (tmp_path / "dates.txt").write_text("2011-09-26 13:02:25.500000000\n2011-09-26 13:02:25.600000000\n2011-09-26 13:02:25.750000000\n")
    for name in ("seconds.txt", "dates.txt"):
        np.testing.assert_allclose(read_times(tmp_path / name), [0, 0.1, 0.25], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"), [("0.0\n0.2\n0.1\n", r"at row 3 \(-0.100 s\); sort"), ("0\n0\n", r"at row 2 \(\+0.000 s\)"), ("x\n", "no list")]
)
def test_read_times__that_run_back_or_are_none(tmp_path, text, words):
    (tmp_path / "timestamps.txt").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        read_times(tmp_path / "timestamps.txt")
    assert caught.value.subject == str(tmp_path / "timestamps.txt")
