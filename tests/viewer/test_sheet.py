"""Contact sheets: every view in its place, pictures over coloured depth."""

import numpy as np
import pytest

from leadline.io.color import INVALID_RGB, colorize
from leadline.viewer.report import Picture, Pictures
from leadline.viewer.sheet import BETWEEN_PX, CAPTION_PX, captioned_sheet, contact_sheet


def test_contact_sheet__places_pictures_over_their_depth_row_by_row():
    images = [np.full((6, 10, 3), 40 * (i + 1), dtype=np.uint8) for i in range(3)]
    depth = np.tile(np.linspace(1.0, 5.0, 10), (6, 1))
    depth[0, 0] = 0.0
    sheet = contact_sheet([(image, depth) for image in images], columns=2)
    high, wide = 12 + BETWEEN_PX, 10 + BETWEEN_PX
    assert sheet.shape == (2 * high + BETWEEN_PX, 2 * wide + BETWEEN_PX, 3)
    for i, (top, left) in enumerate([(0, 0), (0, wide), (high, 0)]):
        tile = sheet[top + BETWEEN_PX :, left + BETWEEN_PX :]
        np.testing.assert_array_equal(tile[:6, :10], images[i])
        np.testing.assert_array_equal(tile[6:12, :10], colorize(depth, valid=depth > 0, inverse=False))
        assert tuple(tile[6, 0]) == INVALID_RGB
    assert (sheet[high:, wide:] == sheet[0, 0]).all(), "the fourth place is empty"


def test_contact_sheet__of_several_sizes_and_without_depth():
    sheet = contact_sheet([(np.full((4, 4, 3), 200, dtype=np.uint8), None), (np.full((8, 6, 3), 90, dtype=np.uint8), None)], columns=5)
    assert sheet.shape == (8 + 2 * BETWEEN_PX, 2 * (6 + BETWEEN_PX) + BETWEEN_PX, 3)
    assert (sheet == 200).all(axis=2).sum() == 16 and (sheet == 90).all(axis=2).sum() == 48


def test_captioned_sheet__enlarges_and_writes_below() -> None:
    red = Picture(np.full((4, 8, 3), (200, 10, 10), dtype=np.uint8), "red")
    sheet = captioned_sheet(Pictures((red, red, red), columns=2), width=80)
    height = 40 + CAPTION_PX + BETWEEN_PX
    assert sheet.shape == (2 * height + BETWEEN_PX, 2 * (80 + BETWEEN_PX) + BETWEEN_PX, 3)
    assert (sheet[BETWEEN_PX : BETWEEN_PX + 40, BETWEEN_PX : BETWEEN_PX + 80] == (200, 10, 10)).all()
    assert sheet[BETWEEN_PX + 40 : height, :84].max() > 200, "letters"


def test_contact_sheet__of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one view"):
        contact_sheet([], columns=2)
