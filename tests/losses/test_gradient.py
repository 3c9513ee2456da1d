"""Gradient matching by hand."""

import pytest
import torch

from leadline.losses.gradient import gradient_matching_loss


def valid_like(x: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(x, dtype=torch.bool)


def test_gradient_matching_loss__by_hand():
    """A ramp of 1 per column and 10 per row differs from flat by 1 + 10 at scale 0, 2 + 20 at scale 1."""
    ramp = (torch.arange(8.0) + 10 * torch.arange(8.0)[:, None])[None]
    flat = torch.zeros_like(ramp)
    for num_scales, expected in ((1, 11), (2, 11 + 22), (3, 11 + 22 + 44)):
        loss = gradient_matching_loss(pred=ramp, target=flat, valid=valid_like(ramp), num_scales=num_scales)
        assert loss.item() == pytest.approx(expected)


def test_gradient_matching_loss__offset_is_free():
    target = torch.rand(2, 9, 11)
    assert gradient_matching_loss(pred=target + 3, target=target, valid=valid_like(target)).item() == pytest.approx(0, abs=1e-5)


def test_gradient_matching_loss__only_pairs_of_valid_pixels():
    pred = torch.tensor([[[0.0, 100, 4, 5]]])
    valid = torch.tensor([[[True, False, True, True]]])
    # Scale 0 has the pair 4 5; scale 1 the pair 0 4; scale 2 has one column.
    assert gradient_matching_loss(pred=pred, target=torch.zeros_like(pred), valid=valid, num_scales=3).item() == pytest.approx(1 + 4)
