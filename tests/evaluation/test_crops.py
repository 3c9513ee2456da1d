"""Crops by name against the exact indices that published evaluations give, per size (bug 1: two evaluators had them swapped)."""

import numpy as np
import pytest

from leadline.evaluation.crops import CROPS, crop_window
from leadline.types import UserError

WINDOWS = {
    ("garg", 375, 1242): (153, 371, 44, 1197),
    ("garg", 376, 1241): (153, 372, 44, 1196),
    ("garg", 374, 1238): (152, 370, 44, 1193),
    ("garg", 370, 1226): (151, 366, 44, 1181),
    ("garg", 352, 1216): (143, 349, 43, 1172),
    ("eigen", 375, 1242): (124, 342, 44, 1197),
    ("eigen", 376, 1241): (124, 343, 44, 1196),
    ("eigen", 374, 1238): (124, 341, 44, 1193),
    ("eigen", 370, 1226): (122, 337, 44, 1181),
    ("eigen", 352, 1216): (117, 321, 43, 1172),
    ("nyu_eigen", 480, 640): (45, 471, 41, 601),
    ("nyu_border20", 480, 640): (20, 459, 24, 615),
    ("kb", 375, 1242): (23, 375, 13, 1229),
    ("kb", 376, 1241): (24, 376, 12, 1228),
    ("kb", 370, 1226): (18, 370, 5, 1221),
}


@pytest.mark.parametrize(("name", "height", "width"), WINDOWS)
def test_crop_window__published_indices(name: str, height: int, width: int) -> None:
    window = crop_window(name, height=height, width=width)
    assert (window.top, window.bottom, window.left, window.right) == WINDOWS[name, height, width]
    inside = np.zeros((height, width), dtype=bool)
    inside[window.slices] = True
    assert inside.sum() == (window.bottom - window.top) * (window.right - window.left)


@pytest.mark.parametrize("name", CROPS)
def test_crop_window__refuses_a_size_it_was_not_made_for(name: str) -> None:
    """Bug 21: the NYU rectangle on images of 768x1024."""
    with pytest.raises(UserError, match="was not made for 768x1024"):
        crop_window(name, height=768, width=1024)
    window = crop_window(name, height=768, width=1024, any_size=True) if name != "kb" else None
    assert window is None or window.bottom <= 768


def test_crop_window__kb_needs_room() -> None:
    with pytest.raises(UserError, match="smaller than 352x1216"):
        crop_window("kb", height=300, width=1216, any_size=True)


def test_crop_window__kitti_and_nyu_are_not_swapped() -> None:
    for name in ("garg", "eigen"):
        with pytest.raises(UserError):
            crop_window(name, height=480, width=640)
    with pytest.raises(UserError):
        crop_window("nyu_eigen", height=375, width=1242)
