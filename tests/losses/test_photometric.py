"""The photometric error against plain formulas, its gradient against finite differences, and the auto-mask by hand."""

import pytest
import torch
from torch import Tensor

from leadline.losses.photometric import photometric_error, smallest_error
from tests.fixtures.plain_selfsup import reprojection_error


def pictures(*lead: int, height: int = 9, width: int = 11, seed: int = 0) -> Tensor:
    return torch.rand(*lead, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.85, 1.0])
@pytest.mark.parametrize("size", [(9, 11), (2, 2), (3, 2)])
def test_photometric_error__is_the_published_formula(share: float, size: tuple[int, int]):
    height, width = size
    pred, target = pictures(4, height=height, width=width).requires_grad_(), pictures(4, height=height, width=width, seed=1)
    if max(size) > 3:
        pred.data[0, :, :4] = target[0, :, :4]  # windows in which both agree, where SSIM is cut
        pred.data[1, :, :4] = 1 - target[1, :, :4]
    error = photometric_error(pred=pred, target=target, ssim_share=share)
    weights = torch.rand(error.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * error).sum(), pred)
    plain = reprojection_error(pred, target, share)
    (plain_gradient,) = torch.autograd.grad((weights * plain).sum(), pred)
    torch.testing.assert_close(error, plain, atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, plain_gradient, atol=1e-9, rtol=1e-9)


def test_photometric_error__gradcheck():
    pred, target = pictures(2, 2, height=4, width=5).requires_grad_(), pictures(2, height=4, width=5, seed=1)
    assert torch.autograd.gradcheck(lambda p: photometric_error(pred=p, target=target), pred)


def test_photometric_error__several_predictions_share_one_target():
    pred, target = pictures(3, 2, 4), pictures(2, seed=1)
    several = photometric_error(pred=pred, target=target[:, None])
    assert several.shape == (3, 2, 4, 9, 11)
    for s in range(3):
        for k in range(4):
            torch.testing.assert_close(several[s, :, k], photometric_error(pred=pred[s, :, k], target=target))


def test_photometric_error__order_of_axes_in_memory_does_not_matter():
    pred, target = pictures(2, 3), pictures(2, 1, seed=1)
    turned = pred.transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
    error = photometric_error(pred=turned, target=target)
    torch.testing.assert_close(error, photometric_error(pred=pred, target=target))
    straight = pred.clone().requires_grad_()
    photometric_error(pred=straight, target=target).square().sum().backward()
    error.square().sum().backward()
    assert turned.grad is not None and straight.grad is not None
    torch.testing.assert_close(turned.grad, straight.grad)


def test_photometric_error__equal_pictures_have_none_and_opposite_ones_most():
    picture = pictures(1)
    assert photometric_error(pred=picture, target=picture).abs().max() < 1e-12
    black, white = torch.zeros(1, 3, 5, 5), torch.ones(1, 3, 5, 5)
    torch.testing.assert_close(photometric_error(pred=black, target=white), torch.ones(1, 5, 5) * (0.85 / 2 * (1 - 1e-4 / 1.0001) + 0.15))


def test_photometric_error__half_precision_is_computed_in_float32():
    pred, target = pictures(2).bfloat16(), pictures(2, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        error = photometric_error(pred=pred, target=target)
    assert error.dtype == torch.float32
    torch.testing.assert_close(error, photometric_error(pred=pred.float(), target=target))


def test_photometric_error__target_cannot_learn():
    with pytest.raises(ValueError, match="detach it"):
        photometric_error(pred=pictures(1), target=pictures(1).requires_grad_())


def test_smallest_error__by_hand():
    errors = torch.tensor([[[1.0, 5.0, 3.0]], [[2.0, 4.0, torch.inf]]], requires_grad=True)
    warped, smallest = smallest_error(errors, torch.tensor([[9.0, 3.5, 9.0]]))
    assert warped.tolist() == [[1.0, 4.0, 3.0]]
    assert smallest.tolist() == [[1.0, 3.5, 3.0]]
    smallest.sum().backward()
    assert errors.grad is not None
    assert errors.grad.tolist() == [[[1.0, 0.0, 1.0]], [[0.0, 0.0, 0.0]]], "what stands still teaches nothing"


def test_smallest_error__without_auto_mask():
    errors = torch.rand(3, 2, 4, 5)
    warped, smallest = smallest_error(errors)
    assert torch.equal(warped, smallest) and torch.equal(warped, errors.amin(0))
