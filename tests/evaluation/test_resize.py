"""Resizing against torch, which every evaluation that the protocols name has used or agreed with."""

import numpy as np
import pytest
import torch

from leadline.evaluation.resize import resize_map

SIZES = [((24, 40), (375, 124)), ((50, 70), (13, 29)), ((7, 9), (7, 18)), ((1, 1), (4, 5)), ((6, 5), (1, 1))]


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("rule", ["bilinear", "bilinear_align_corners", "nearest"])
def test_resize_map__equals_torch(old: tuple[int, int], new: tuple[int, int], rule: str) -> None:
    values = np.random.default_rng(0).uniform(1, 9, old)
    options = {"mode": "nearest"} if rule == "nearest" else {"mode": "bilinear", "align_corners": rule == "bilinear_align_corners"}
    expected = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None], size=new, **options)[0, 0].numpy()
    assert np.allclose(resize_map(values, height=new[0], width=new[1], rule=rule), expected, atol=1e-12)


def test_resize_map__same_size_is_untouched() -> None:
    values = np.random.default_rng(0).uniform(1, 9, (3, 4)).astype(np.float32)
    assert np.array_equal(resize_map(values, height=3, width=4, rule="bilinear"), values.astype(np.float64))


def test_resize_map__no_answer_spreads_and_never_becomes_a_number() -> None:
    values = np.ones((2, 2))
    values[0, 0] = np.nan
    values[1, 1] = np.inf
    wide = resize_map(values, height=4, width=4, rule="bilinear")
    assert np.isnan(wide[:2, :2]).all()
    assert not np.isfinite(wide[2:, 2:]).any()
