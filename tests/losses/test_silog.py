"""SILog by hand."""

import math

import pytest
import torch

from leadline.losses.silog import silog_loss

E = math.e


def test_silog_loss__by_hand():
    """d = 1, 3: mean 2, variance 1."""
    pred, target = torch.tensor([[[E, E**3]]]), torch.ones(1, 1, 2)
    valid = torch.ones(1, 1, 2, dtype=torch.bool)
    for focus, expected in ((0.0, math.sqrt(5)), (0.85, math.sqrt(1 + 0.15 * 4)), (1.0, 1.0)):
        assert silog_loss(pred=pred, target=target, valid=valid, variance_focus=focus).item() == pytest.approx(expected, rel=1e-6)


def test_silog_loss__golden():
    """The evaluation variants of silog on the vectors of the protocols' golden table."""
    target, pred = torch.tensor([[[1, 2, 4, 8, 16, 2.5]]]).double(), torch.tensor([[[1.1, 1.8, 5.2, 6, 15, 4]]]).double()
    valid = torch.ones(1, 1, 6, dtype=torch.bool)
    for focus, expected in ((1.0, 0.2496734), (0.5, 0.2534545), (0.0, 0.2571801)):
        assert silog_loss(pred=pred, target=target, valid=valid, variance_focus=focus).item() == pytest.approx(expected, abs=5e-8)


def test_silog_loss__constant_ratio_is_forgiven_without_nan():
    """The difference of moments goes negative here."""
    target = torch.rand(1, 50, 50) * 80 + 0.1
    valid = torch.ones_like(target, dtype=torch.bool)
    pred = (2 * target).requires_grad_()
    loss = silog_loss(pred=pred, target=target, valid=valid, variance_focus=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


def test_silog_loss__scale_is_per_image():
    """Two images with different wrong scales are both forgiven."""
    target = torch.rand(2, 5, 5) + 1
    pred = target * torch.tensor([0.5, 4.0])[:, None, None]
    loss = silog_loss(pred=pred, target=target, valid=torch.ones(2, 5, 5, dtype=torch.bool), variance_focus=1.0)
    assert loss.item() == pytest.approx(0, abs=1e-6)
