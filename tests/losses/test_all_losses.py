"""Promises of every loss: gradients are right, invalid pixels do not exist, an empty mask is silent, leading axes do not matter."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from leadline.losses.gradient import gradient_matching_loss
from leadline.losses.pixel import berhu_loss, l1_loss, log_l1_loss
from leadline.losses.scale_shift import scale_shift_invariant_loss
from leadline.losses.silog import silog_loss
from leadline.losses.smoothness import smoothness_loss


def smoothness(*, pred: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Smoothness with an image that is made from the target."""
    image = torch.where(valid & (target > 0), target, 0).unsqueeze(-3) / 5
    return smoothness_loss(inverse_depth=pred, image=image.expand(*image.shape[:-3], 3, *image.shape[-2:]), valid=valid)


LOSSES = {
    "l1": l1_loss,
    "log_l1": log_l1_loss,
    "berhu": berhu_loss,
    "silog": silog_loss,
    "silog_scale_invariant": partial(silog_loss, variance_focus=1.0),
    "scale_shift": scale_shift_invariant_loss,
    "scale_shift_detached": partial(scale_shift_invariant_loss, detach_alignment=True),
    "gradient": gradient_matching_loss,
    "smoothness": smoothness,
}
DETACHED = {"scale_shift_detached", "berhu"}
every_loss = pytest.mark.parametrize("name", LOSSES)
Loss = Callable[..., Tensor]


def maps(*lead: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = 1 + 4 * torch.rand(*lead, 7, 9, generator=generator, dtype=dtype)
    pred = target * (0.7 + 0.6 * torch.rand(*lead, 7, 9, generator=generator, dtype=dtype))
    return pred, target, torch.rand(*lead, 7, 9, generator=generator) < 0.8


@every_loss
def test_loss__gradcheck(name: str):
    pred, target, valid = maps(2)
    pred.requires_grad_()
    if name in DETACHED:  # a constant for the gradient cannot be checked by moving it
        (gradient,) = torch.autograd.grad(LOSSES[name](pred=pred, target=target, valid=valid), pred)
        assert torch.isfinite(gradient).all()
        assert (gradient[valid] != 0).any()
    else:
        assert torch.autograd.gradcheck(lambda p: LOSSES[name](pred=p, target=target, valid=valid), pred)


@every_loss
@pytest.mark.parametrize("content", [0.0, -3.0, torch.nan, torch.inf])
def test_loss__all_invalid_is_exactly_zero(name: str, content: float):
    pred = torch.full((2, 7, 9), content, requires_grad=True)
    target = torch.full((2, 7, 9), content)
    loss = LOSSES[name](pred=pred, target=target, valid=torch.zeros(2, 7, 9, dtype=torch.bool))
    assert loss.item() == 0
    loss.backward()
    assert pred.grad is not None
    assert (pred.grad == 0).all()


@every_loss
@pytest.mark.parametrize("content", [0.0, -3.0, torch.nan, torch.inf])
def test_loss__invalid_pixels_do_not_exist(name: str, content: float):
    pred, target, valid = maps(3)
    valid[1] = False
    expected = LOSSES[name](pred=pred[[0, 2]], target=target[[0, 2]], valid=valid[[0, 2]])
    pred, target = torch.where(valid, pred, content).requires_grad_(), torch.where(valid, target, content)
    loss = LOSSES[name](pred=pred, target=target, valid=valid)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()
    assert (pred.grad[~valid] == 0).all()


@every_loss
def test_loss__leading_axes_are_images(name: str):
    pred, target, valid = maps(2, 1, 3)
    flat = [x.flatten(0, 2) for x in (pred, target, valid)]
    loss = LOSSES[name](pred=pred, target=target, valid=valid)
    torch.testing.assert_close(loss, LOSSES[name](pred=flat[0], target=flat[1], valid=flat[2]))
    singles = [LOSSES[name](pred=p, target=t, valid=v) for p, t, v in zip(*flat, strict=True)]
    torch.testing.assert_close(loss, torch.stack(singles).mean())


@every_loss
def test_loss__half_precision_predictions_are_reduced_in_float32(name: str):
    pred, target, valid = maps(2, dtype=torch.float32)
    half = pred.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = LOSSES[name](pred=half, target=target, valid=valid)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, LOSSES[name](pred=half.float(), target=target, valid=valid))


@every_loss
def test_loss__one_pixel_images(name: str):
    pred = torch.full((2, 1, 1), 3.0, requires_grad=True)
    loss = LOSSES[name](pred=pred, target=torch.full((2, 1, 1), 2.0), valid=torch.ones(2, 1, 1, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "smoothness"])
def test_loss__perfect_prediction_is_zero_with_finite_gradient(name: str):
    _, target, valid = maps(2)
    pred = target.clone().requires_grad_()
    loss = LOSSES[name](pred=pred, target=target, valid=valid)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "smoothness"])
def test_loss__shapes_must_agree(name: str):
    pred, target, valid = maps(2)
    # a TypeError where shapes are checked at run time (make check-all)
    with pytest.raises((ValueError, TypeError), match=r"shapes differ|Type-check error"):
        LOSSES[name](pred=pred, target=target[:1], valid=valid)
