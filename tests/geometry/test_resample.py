"""Maps at another size, by hand where that is short, and beside torch."""

from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from leadline.geometry.resample import resize_valid, resize_values

MAP = np.random.default_rng(0).random((17, 23), dtype=np.float32) * 50


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(17, 23), (34, 46), (51, 30), (9, 80), (8, 11)])
def test_resize_values__equals_torch(kernel: Literal["bilinear", "bicubic"], size: tuple[int, int]) -> None:
    expected = functional.interpolate(torch.from_numpy(MAP)[None, None], size=size, mode=kernel, align_corners=False)[0, 0].numpy()
    np.testing.assert_allclose(resize_values(MAP, height=size[0], width=size[1], kernel=kernel), expected, rtol=1e-4, atol=1e-4)


def test_resize_values__by_hand() -> None:
    values = np.array([[0.0, 4.0]], dtype=np.float32)
    np.testing.assert_allclose(resize_values(values, height=2, width=4), [[0, 1, 3, 4]] * 2)


def test_resize_valid__takes_the_pixel_under_the_centre() -> None:
    valid = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(resize_valid(valid, height=4, width=4), np.kron(valid, np.ones((2, 2))).astype(bool))
    np.testing.assert_array_equal(resize_valid(valid, height=1, width=2), valid[1:])
