"""What two pictures have in common, on planes where it can be counted by hand."""

import numpy as np
import pytest

from leadline.geometry.overlap import Overlap, overlap

HEIGHT, WIDTH = 4, 16
K = np.array([[8.0, 0, WIDTH / 2], [0, 8.0, HEIGHT / 2], [0, 0, 1]])
PLANE = np.full((HEIGHT, WIDTH), 4.0, dtype=np.float32)
ASIDE = np.eye(4)
ASIDE[0, 3] = -1.0  # the second camera stands 1 m to the right, so points move 8 * 1 / 4 = 2 px to the left


def numbers(found: Overlap | None) -> tuple[float, float, float]:
    assert found is not None and found.motion_px is not None
    return found.inside, found.seen, found.motion_px


def common(depth_a: np.ndarray, depth_b: np.ndarray, b_from_a: np.ndarray, **more) -> Overlap | None:
    return overlap(depth_a, depth_b, K_a=K, K_b=K, b_from_a=b_from_a, **more)


def test_overlap__of_a_picture_with_itself_is_everything():
    assert common(PLANE, PLANE, np.eye(4)) == Overlap(1.0, 1.0, 0.0)


def test_overlap__two_of_sixteen_columns_leave_the_picture():
    assert numbers(common(PLANE, PLANE, ASIDE)) == pytest.approx((14 / 16, 14 / 16, 2.0))


def test_overlap__what_something_stands_before_is_not_seen():
    other = PLANE.copy()
    other[:, :4] = 1.0  # hides what lands on columns 0 to 3
    other[:, 4:8] = 3.85  # nearer by less than a twentieth
    other[:, 8:] = 0  # unknown hides nothing
    assert numbers(common(PLANE, other, ASIDE)) == pytest.approx((14 / 16, 10 / 16, 2.0))


def test_overlap__counts_pixels_of_known_depth_only():
    holes = PLANE.copy()
    holes[:, :8] = 0
    assert numbers(common(holes, PLANE, ASIDE)) == pytest.approx((1.0, 1.0, 2.0))
    assert common(np.zeros_like(PLANE), PLANE, ASIDE) is None


def test_overlap__nothing_is_seen_behind():
    assert common(PLANE, PLANE, np.diag([-1.0, 1.0, -1.0, 1.0])) == Overlap(0.0, 0.0, None)


def test_overlap__another_size_of_picture_and_fewer_pixels():
    K_b = np.array([[16.0, 0, WIDTH], [0, 16.0, HEIGHT], [0, 0, 1]])
    found = overlap(PLANE, np.full((8, 32), 4.0, dtype=np.float32), K_a=K, K_b=K_b, b_from_a=ASIDE, every=2)
    # Columns 1, 3, ... are looked at, of which the first lands at 2 * (1.5 - 2) and falls out.
    assert found is not None and found.inside == found.seen == 7 / 8
