"""What single pictures look like, against pictures made to look so."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from leadline.data.examine.looks import clipped_share, exposure_step, is_copy, order_ratio, sharpness, textureless_share
from tests.fixtures import tiny_footage

GREY = tiny_footage.seen(tiny_footage.pose())[..., 0] / 255


@pytest.mark.parametrize("stops", [-0.5, 0.0, 0.2])
def test_exposure_step__is_in_stops_and_ignores_what_moves_through(stops):
    moved = np.minimum(tiny_footage.seen(tiny_footage.pose(0.05))[..., 0] / 255 * 2**stops, 1)
    moved[60:100, 100:160] = 1.0
    assert exposure_step(GREY, moved) == pytest.approx(stops, abs=0.05)


def test_sharpness__falls_with_blur_and_not_with_contrast():
    assert sharpness(gaussian_filter(GREY, 2)) < 0.3 * sharpness(GREY)
    assert sharpness(0.5 * GREY) == pytest.approx(sharpness(GREY))


def test_textureless_share__counts_the_bare_part():
    half = GREY.copy()
    half[:, :160] = 0.5
    assert textureless_share(half) == pytest.approx(0.5, abs=0.05)
    assert textureless_share(GREY) < 0.05


def test_clipped_share__counts_black_and_white():
    picture = np.full((10, 10), 0.5)
    picture[0], picture[1] = 0, 1
    assert clipped_share(picture) == pytest.approx(0.2)


def test_is_copy__of_itself_and_of_a_next_frame():
    assert is_copy(GREY, GREY + 0.1 / 255)
    assert not is_copy(GREY, tiny_footage.seen(tiny_footage.pose(0.01))[..., 0] / 255)


def test_order_ratio__says_nothing_of_too_little():
    assert np.isnan(order_ratio([(GREY, GREY)] * 3)[0]) and np.isnan(order_ratio([(GREY, GREY)] * 6)[0])
