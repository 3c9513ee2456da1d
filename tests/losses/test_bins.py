"""Chamfer loss of bins against a plain twin over all pairs, and the promises of every loss."""

import pytest
import torch
from torch import Tensor

from leadline.losses.bins import chamfer_loss


def plain_distance(centres: Tensor, depths: Tensor) -> Tensor:
    """Centres (k,), depths (p,), both ways, over all pairs."""
    squared = (centres[:, None] - depths[None]).square()
    return squared.min(dim=0).values.mean() + squared.min(dim=1).values.mean()


def scene(n: int = 3, k: int = 6, *, y: int = 1, x: int = 1, h: int = 9, w: int = 14, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(k)
    centres = (50 * torch.rand(n, k, y, x, generator=generator, dtype=dtype)).sort(dim=1).values
    target = 60 * torch.rand(n, h, w, generator=generator, dtype=dtype)
    return centres, target, torch.rand(n, h, w, generator=generator) < 0.3


def test_chamfer__by_hand():
    """Depths 1 and 4 are 1 and 0 from a centre; centres 2, 4, 9 are 1, 0 and 5 from a depth."""
    centres, target = torch.tensor([2.0, 4.0, 9.0]).view(1, 3, 1, 1), torch.tensor([[[1.0, 4.0]]])
    loss = chamfer_loss(centres=centres, target=target, valid=torch.ones(1, 1, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx((1 + 0) / 2 + (1 + 0 + 25) / 3)


@pytest.mark.parametrize("k", [2, 3, 6, 64, 65])
def test_chamfer__equals_all_pairs(k: int):
    centres, target, valid = scene(k=k)
    expected = torch.stack([plain_distance(c[:, 0, 0], t[v]) for c, t, v in zip(centres, target, valid, strict=True)]).mean()
    torch.testing.assert_close(chamfer_loss(centres=centres, target=target, valid=valid), expected)


def test_chamfer__windows_are_small_pictures():
    """Centres that are equal within each window: every window is a picture of its own, but for the means over unequal numbers."""
    centres, target, valid = scene(n=2, y=2, x=2, h=8, w=16)
    valid[:] = False
    valid[:, 1::4, 1::4] = True
    blocks = centres.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    loss = chamfer_loss(centres=blocks, target=target, valid=valid, window=4)
    parts = [
        chamfer_loss(centres=centres[:, :, i : i + 1, j : j + 1], target=cut(target, i, j), valid=cut(valid, i, j))
        for i in range(2)
        for j in range(2)
    ]
    torch.testing.assert_close(loss, torch.stack(parts).mean())


def cut(maps: Tensor, i: int, j: int) -> Tensor:
    return maps[:, 4 * i : 4 * i + 4, 8 * j : 8 * j + 8]


def test_chamfer__window_has_the_mean_of_its_centres_and_empty_windows_are_silent():
    centres, target, valid = scene(n=1, y=3, x=5, h=6, w=10)
    valid[:, :, 4:] = False
    valid[:, 0, 0] = True
    centres.requires_grad_()
    loss = chamfer_loss(centres=centres, target=target, valid=valid, window=2)
    (gradient,) = torch.autograd.grad(loss, centres)
    assert (gradient[..., 2:] == 0).all()
    torch.testing.assert_close(gradient[..., :2, 0], gradient[..., :2, 1])
    mean = centres.detach()[..., :2, :2].mean(dim=(2, 3), keepdim=True)
    upper = chamfer_loss(centres=mean, target=target[:, :4, :4], valid=valid[:, :4, :4])
    alone = chamfer_loss(centres=centres.detach()[..., :2, :2], target=target[:, :4, :4], valid=valid[:, :4, :4], window=2)
    torch.testing.assert_close(alone, upper)


@pytest.mark.parametrize(("y", "x"), [(1, 1), (5, 7)])
def test_chamfer__gradcheck(y: int, x: int):
    centres, target, valid = scene(n=2, y=y, x=x)
    assert torch.autograd.gradcheck(lambda c: chamfer_loss(centres=c, target=target, valid=valid, window=4), centres.requires_grad_())


@pytest.mark.parametrize("content", [0.0, -3.0, torch.nan, torch.inf])
@pytest.mark.parametrize(("y", "x"), [(1, 1), (5, 7)])
def test_chamfer__invalid_pixels_do_not_exist(content: float, y: int, x: int):
    centres, target, valid = scene(y=y, x=x)
    valid[1] = False
    expected = chamfer_loss(centres=centres[[0, 2]], target=target[[0, 2]], valid=valid[[0, 2]])
    centres.requires_grad_()
    loss = chamfer_loss(centres=centres, target=torch.where(valid, target, content), valid=valid)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert centres.grad is not None and torch.isfinite(centres.grad).all()
    assert (centres.grad[1] == 0).all()


def test_chamfer__without_a_valid_pixel_is_exactly_zero():
    centres, target, valid = scene(y=5, x=7)
    centres.requires_grad_()
    loss = chamfer_loss(centres=centres, target=target * torch.nan, valid=torch.zeros_like(valid))
    loss.backward()
    assert loss.item() == 0
    assert centres.grad is not None and (centres.grad == 0).all()


def test_chamfer__every_image_counts_the_same():
    centres, target, valid = scene(y=5, x=7)
    singles = [chamfer_loss(centres=centres[i : i + 1], target=target[i : i + 1], valid=valid[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(chamfer_loss(centres=centres, target=target, valid=valid), torch.stack(singles).mean())


def test_chamfer__perfect_centres_cost_nothing_and_half_precision_is_reduced_in_float32():
    centres = torch.tensor([1.0, 2.0, 4.0]).view(1, 3, 1, 1)
    target, valid = torch.tensor([[[4.0, 1.0], [2.0, 1.0]]]), torch.ones(1, 2, 2, dtype=torch.bool)
    loss = chamfer_loss(centres=centres.bfloat16(), target=target, valid=valid)
    assert loss.item() == 0 and loss.dtype is torch.float32


def test_chamfer__draws_centres_to_the_depths():
    _, target, valid = scene(n=2, dtype=torch.float32)
    raw = torch.linspace(0, 5, 16).repeat(2, 1).requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=1)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = chamfer_loss(centres=raw.sort(dim=1).values[..., None, None], target=target, valid=valid)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


def test_chamfer__shapes_must_agree():
    centres, target, valid = scene()
    with pytest.raises((ValueError, TypeError), match=r"shapes differ|Type-check error"):
        chamfer_loss(centres=centres, target=target[:1], valid=valid)
