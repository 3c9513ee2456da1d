"""Plain errors by hand."""

import math

import pytest
import torch

from leadline.losses.pixel import berhu_loss, l1_loss, log_l1_loss, relative_l1_loss

PRED = torch.tensor([[[1.0, 2.0, 5.0, 9.0]]])
TARGET = torch.tensor([[[1.0, 1.0, 10.0, 0.0]]])
VALID = torch.tensor([[[True, True, True, False]]])


def test_l1_loss__by_hand():
    assert l1_loss(pred=PRED, target=TARGET, valid=VALID).item() == pytest.approx(2)


def test_log_l1_loss__by_hand():
    assert log_l1_loss(pred=PRED, target=TARGET, valid=VALID).item() == pytest.approx(2 * math.log(2) / 3)


def test_relative_l1_loss__by_hand():
    """Relative errors 0, 1, 1/2; the first two pixels of the second call are 7 and 1/2 of their target away."""
    assert relative_l1_loss(pred=PRED, target=TARGET, valid=VALID).item() == pytest.approx(1.5 / 3)
    pred = torch.tensor([[[8.0, 1.5]]], requires_grad=True)
    loss = relative_l1_loss(pred=pred, target=torch.ones(1, 1, 2), valid=torch.ones(1, 1, 2, dtype=torch.bool), cap=5.0)
    assert loss.item() == pytest.approx((5 + 0.5) / 2)
    loss.backward()
    assert pred.grad is not None and pred.grad[0, 0].tolist() == [0.0, 0.5]


def test_berhu_loss__by_hand():
    """Errors 0, 1, 5 with the knee at 2: the last becomes (25 + 4) / 4."""
    assert berhu_loss(pred=PRED, target=TARGET, valid=VALID, knee=0.4).item() == pytest.approx((0 + 1 + 29 / 4) / 3)


def test_l1_loss__images_count_alike_however_sparse():
    pred, target = torch.ones(2, 2, 2), torch.zeros(2, 2, 2)
    target[1] = -2
    valid = torch.ones(2, 2, 2, dtype=torch.bool)
    valid[1, 0] = valid[1, 1, 0] = False
    assert l1_loss(pred=pred, target=target, valid=valid).item() == pytest.approx((1 + 3) / 2)
