"""Edge-aware smoothness by hand."""

import math

import pytest
import torch

from leadline.losses.smoothness import smoothness_loss


def test_smoothness_loss__by_hand():
    """Mean 2, so the step is 1 of normalised inverse depth; the image steps by (0.3 + 0 + 0) / 3."""
    inverse_depth = torch.tensor([[[1.0, 3.0]]])
    image = torch.zeros(1, 3, 1, 2)
    assert smoothness_loss(inverse_depth=inverse_depth, image=image).item() == pytest.approx(1)
    image[0, 0, 0, 1] = 0.3
    assert smoothness_loss(inverse_depth=inverse_depth, image=image).item() == pytest.approx(math.exp(-0.1))


def test_smoothness_loss__rows_and_columns_add():
    inverse_depth = torch.tensor([[[1.0, 3.0], [2.0, 2.0]]])
    # Steps in x: 2 and 0; in y: 1 and 1; the mean is 2.
    assert smoothness_loss(inverse_depth=inverse_depth, image=torch.zeros(1, 3, 2, 2)).item() == pytest.approx(0.5 * (1 + 0.5 + 0.5))


def test_smoothness_loss__scale_is_free_and_constant_is_zero():
    inverse_depth, image = torch.rand(2, 5, 6) + 0.1, torch.rand(2, 3, 5, 6)
    torch.testing.assert_close(
        smoothness_loss(inverse_depth=7 * inverse_depth, image=image), smoothness_loss(inverse_depth=inverse_depth, image=image)
    )
    assert smoothness_loss(inverse_depth=torch.full((2, 5, 6), 0.4), image=image).item() == pytest.approx(0, abs=1e-6)


def test_smoothness_loss__leading_axes_and_all_zero_prediction():
    inverse_depth, image = torch.rand(2, 1, 3, 5, 6), torch.rand(2, 1, 3, 3, 5, 6)
    flat = smoothness_loss(inverse_depth=inverse_depth.flatten(0, 2), image=image.flatten(0, 2))
    torch.testing.assert_close(smoothness_loss(inverse_depth=inverse_depth, image=image), flat)
    nothing = torch.zeros(1, 5, 6, requires_grad=True)
    loss = smoothness_loss(inverse_depth=nothing, image=image[0, 0, :1])
    loss.backward()
    assert loss.item() == 0
    assert nothing.grad is not None
    assert torch.isfinite(nothing.grad).all()
