"""Scale-and-shift-invariant loss: invariant to what it should be, agrees with the alignment of evaluation, never inverted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.geometry.align import align_lstsq
from leadline.losses.scale_shift import scale_shift_invariant_loss, standardised, standardised_pair

ALL = torch.ones(1, 1, 3, dtype=torch.bool)


def test_scale_shift_invariant_loss__by_hand():
    """Residuals of the fit -0.5 + 1.5 p are 0.5 -1 0.5, mean 2/3; the target deviates by 4/3 from its mean."""
    loss = scale_shift_invariant_loss(pred=torch.tensor([[[0.0, 1, 2]]]), target=torch.tensor([[[0.0, 0, 3]]]), valid=ALL)
    assert loss.item() == pytest.approx(0.5)


def test_scale_shift_invariant_loss__inverted_costs_more_than_constant():
    target = torch.rand(1, 9, 9)
    loss = scale_shift_invariant_loss(pred=-target, target=target, valid=torch.ones(1, 9, 9, dtype=torch.bool))
    assert loss.item() == pytest.approx(1.1)


@settings(deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), target_scale=st.floats(0.01, 100), seed=st.integers(0, 2**31))
def test_scale_shift_invariant_loss__invariant(scale: float, shift: float, target_scale: float, seed: int):
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(2, 6, 7, generator=generator, dtype=torch.float64)
    pred = target + torch.rand(2, 6, 7, generator=generator, dtype=torch.float64)
    valid = torch.rand(2, 6, 7, generator=generator) < 0.9
    loss = scale_shift_invariant_loss(pred=pred, target=target, valid=valid)
    moved = scale_shift_invariant_loss(pred=scale * pred + shift, target=target_scale * target + 3, valid=valid)
    torch.testing.assert_close(moved, loss)


def test_standardised_pair__is_the_alignment_of_evaluation():
    rng = np.random.default_rng(0)
    target, valid = rng.uniform(0.1, 2, (6, 7)), rng.random((6, 7)) < 0.8
    pred = 0.3 * target + rng.uniform(0, 0.3, (6, 7))
    aligned, standard = standardised_pair(pred=torch.from_numpy(pred), target=torch.from_numpy(target), valid=torch.from_numpy(valid))
    mean = target[valid].mean()
    deviation = np.abs(target[valid] - mean).mean()
    fit = align_lstsq(pred=pred, target=target, valid=valid)
    np.testing.assert_allclose(aligned.numpy()[valid], (fit.apply(pred)[valid] - mean) / deviation, atol=1e-12)
    np.testing.assert_allclose(standard.numpy()[valid], (target[valid] - mean) / deviation, atol=1e-12)
    assert (aligned.numpy()[~valid] == 0).all()
    assert (standard.numpy()[~valid] == 0).all()


def test_scale_shift_invariant_loss__a_constant_prediction_gets_one_and_no_explosion():
    target = torch.rand(1, 40, 50)
    pred = torch.full_like(target, 0.1).requires_grad_()
    loss = scale_shift_invariant_loss(pred=pred, target=target, valid=torch.ones_like(target, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert pred.grad is not None
    assert pred.grad.abs().max() < 1


def test_scale_shift_invariant_loss__constant_target_teaches_nothing():
    pred = torch.rand(1, 4, 5, requires_grad=True)
    loss = scale_shift_invariant_loss(pred=pred, target=torch.full((1, 4, 5), 0.1), valid=torch.ones(1, 4, 5, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


@pytest.mark.parametrize("detach_alignment", [False, True])
def test_scale_shift_invariant_loss__descent_turns_an_inverted_prediction_around(detach_alignment: bool):
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(1, 8, 8, generator=generator)
    pred = (-target + 0.3 * torch.rand(1, 8, 8, generator=generator)).requires_grad_()
    valid = torch.ones_like(target, dtype=torch.bool)
    optimizer = torch.optim.Adam([pred], lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        loss = scale_shift_invariant_loss(pred=pred, target=target, valid=valid, detach_alignment=detach_alignment)
        loss.backward()
        optimizer.step()
    assert torch.corrcoef(torch.stack([pred.detach().flatten(), target.flatten()]))[0, 1] > 0.9


def test_standardised__by_hand():
    """Of 0 0 3 and an invalid 99 the mean is 1 and the mean absolute deviation 4/3."""
    values, valid = torch.tensor([[[0.0, 0, 3, 99]]]), torch.tensor([[[True, True, True, False]]])
    torch.testing.assert_close(standardised(values, valid), torch.tensor([[[-0.75, -0.75, 1.5, 0]]]))


def test_standardised__affine_maps_change_nothing():
    values, valid = torch.rand(2, 5, 6, generator=torch.Generator().manual_seed(0)), torch.ones(2, 5, 6, dtype=torch.bool)
    torch.testing.assert_close(standardised(7 * values - 3, valid), standardised(values, valid))


def test_standardised__constant_is_zero():
    valid = torch.ones(1, 5, 6, dtype=torch.bool)
    assert (standardised(torch.full((1, 5, 6), 0.1), valid) == 0).all()
