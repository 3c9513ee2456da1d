"""Which frames hardly move: against motion that is known, noise, exposure, and things that move before a still camera."""

import numpy as np
import pytest

from leadline.data.motion import STILL, motion_share, moving_frames, small_grey
from tests.fixtures import tiny_footage


def _small(pose: np.ndarray, *, gain: float = 1.0, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    picture = tiny_footage.seen(pose, gain=gain) + np.random.default_rng(seed).normal(
        0, noise, (tiny_footage.HEIGHT, tiny_footage.WIDTH, 1)
    )
    return small_grey(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("shift_px", [0.5, 1.0, 2.0])
def test_motion_share__is_about_a_small_motion(shift_px):
    """A step sideways before the wall alone moves it by as many pixels of 320."""
    step_m = shift_px * tiny_footage.WALL_M / tiny_footage.K[0, 0]
    far = 5.0  # to the right of the board
    share = motion_share(_small(tiny_footage.pose(far)), _small(tiny_footage.pose(far + step_m), seed=1))
    assert share * 320 == pytest.approx(shift_px, rel=0.5)


def test_motion_share__of_noise_and_of_exposure_is_far_below_the_limit():
    first = _small(tiny_footage.pose())
    assert motion_share(first, _small(tiny_footage.pose(), seed=1)) < STILL / 2
    assert motion_share(first, _small(tiny_footage.pose(), seed=1, gain=0.7)) < STILL
    assert motion_share(first, first) == 0


def test_motion_share__of_a_thing_that_passes_a_still_camera_is_none():
    pictures = [tiny_footage.seen(tiny_footage.pose()) for _ in range(2)]
    pictures[0][60:140, 40:100] = 230
    pictures[1][60:140, 70:130] = 230
    assert motion_share(small_grey(pictures[0]), small_grey(pictures[1])) < STILL


def test_motion_share__of_black_frames_is_none():
    assert motion_share(np.zeros((90, 160), np.float32), np.random.default_rng(0).random((90, 160)).astype(np.float32) / 255) == 0


def test_moving_frames__compares_with_the_last_one_kept():
    """Steps of 0.1 px add up: every few of them a frame is kept, and a stop keeps none."""
    step_m = 0.1 * tiny_footage.WALL_M / tiny_footage.K[0, 0]
    slow = [_small(tiny_footage.pose(5 + step_m * i), noise=0) for i in range(13)]
    kept = moving_frames([*slow, *[slow[-1]] * 5], least=STILL)
    assert kept[0] == 0 and 2 <= len(kept) <= 6 and max(kept) <= 12
    assert moving_frames(slow, least=STILL) == kept, "the same every time"
    assert moving_frames([], least=STILL) == []


def test_moving_frames__of_another_size_are_kept_for_the_reader_to_refuse():
    assert moving_frames([np.zeros((9, 16)), np.zeros((12, 16))], least=STILL) == [0, 1]
