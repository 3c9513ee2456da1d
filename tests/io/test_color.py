"""Coloured depth: near is warm, far is cold, and equal ranges give equal colours."""

import numpy as np
import pytest

from leadline.io.color import COLORS, INVALID_RGB, colorize

DEPTH = np.linspace(1, 50, 200, dtype=np.float32).reshape(10, 20)


def _warmth(picture: np.ndarray) -> np.ndarray:
    return picture[..., 0].astype(int) - picture[..., 2]


@pytest.mark.parametrize(("values", "inverse"), [(DEPTH, False), (1 / DEPTH, True), (DEPTH - 25, False)])
def test_colorize__near_is_warm(values: np.ndarray, inverse: bool) -> None:
    picture = colorize(values, inverse=inverse)
    assert (picture.dtype, picture.shape) == (np.uint8, (10, 20, 3))
    assert _warmth(picture)[0, 0] > 100 > 0 > _warmth(picture)[-1, -2] - 20


def test_colorize__depth_and_its_inverse_look_alike() -> None:
    assert np.abs(colorize(DEPTH, inverse=False).astype(int) - colorize(1 / DEPTH, inverse=True)).max() <= 3


def test_colorize__invalid_is_dark_grey() -> None:
    values = DEPTH.copy()
    values[0, 0] = np.nan
    valid = np.ones(DEPTH.shape, dtype=bool)
    valid[3, 4] = False
    picture = colorize(values, valid=valid, inverse=False)
    assert picture[0, 0].tolist() == picture[3, 4].tolist() == list(INVALID_RGB)
    assert (colorize(values, valid=np.zeros_like(valid), inverse=False) == INVALID_RGB[0]).all()


def test_colorize__shared_range_shares_colours() -> None:
    whole = colorize(DEPTH, inverse=False, low=1, high=50)
    part = colorize(DEPTH[2:5], inverse=False, low=1, high=50)
    assert np.array_equal(whole[2:5], part)
    assert np.array_equal(whole[0, 0], COLORS[255])
    assert np.array_equal(whole[-1, -1], COLORS[0])


def test_colorize__one_outlier_does_not_flatten_the_picture() -> None:
    values = DEPTH.copy()
    values[0, 0] = 1e-6
    assert np.abs(colorize(values, inverse=False)[1:].astype(int) - colorize(DEPTH, inverse=False)[1:]).mean() < 5


def test_colorize__constant_map() -> None:
    assert len(np.unique(colorize(np.full((3, 4), 2.0), inverse=False).reshape(-1, 3), axis=0)) == 1


def test_colors__table_is_smooth() -> None:
    assert COLORS.shape == (256, 3)
    assert np.abs(np.diff(COLORS.astype(int), axis=0)).max() <= 12
    assert np.abs(COLORS.astype(int) - INVALID_RGB).max(axis=1).min() > 60, "a far pixel must not look invalid"
