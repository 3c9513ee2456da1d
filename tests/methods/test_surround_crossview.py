"""Attention between cameras: it starts as nothing, mixes cameras of one rig alone, and knows none of them by name."""

import pytest
import torch

from leadline.methods.surround.crossview import CrossView, position_code

CHANNELS, STRIDES = (8, 12, 20), (2, 4, 8)


def features(num: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(num, c, 16 // s, 32 // s, generator=generator) for c, s in zip(CHANNELS, STRIDES, strict=True)]


@pytest.fixture(scope="module")
def fresh() -> CrossView:
    torch.manual_seed(0)
    return CrossView(CHANNELS, STRIDES)


@pytest.fixture(scope="module")
def trained() -> CrossView:
    """One whose last layers are no longer zero."""
    torch.manual_seed(0)
    network = CrossView(CHANNELS, STRIDES)
    for scale in network.scales:
        torch.nn.init.normal_(scale.up[1].weight)  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue, reportArgumentType]
    return network.eval()


def test_cross_view__starts_as_the_identity_and_can_leave_it(fresh: CrossView) -> None:
    maps = features(4)
    seen = fresh(maps, num_views=2)
    assert all(torch.equal(one, other) for one, other in zip(seen, maps, strict=True))
    torch.stack([one.square().sum() for one in seen]).sum().backward()
    assert all(scale.up[1].weight.grad.abs().max() > 0 for scale in fresh.scales)  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue, reportArgumentType]


def test_cross_view__any_number_of_cameras_in_any_order(trained: CrossView) -> None:
    """Permuting cameras permutes the answers; channels need not divide by the number of heads."""
    order = torch.tensor([2, 0, 4, 1, 3])
    maps = features(5)
    with torch.no_grad():
        plain, moved = trained(maps, num_views=5), trained([one[order] for one in maps], num_views=5)
    for one, other, before in zip(plain, moved, maps, strict=True):
        assert one.shape == before.shape
        torch.testing.assert_close(one[order], other, rtol=1e-4, atol=1e-4)


def test_cross_view__cameras_hear_their_own_rig_alone(trained: CrossView) -> None:
    maps = features(4)
    other = [one.clone() for one in maps]
    for one in other:
        one[3] += 1
    with torch.no_grad():
        before, after = trained(maps, num_views=2), trained(other, num_views=2)
    for one, changed in zip(before, after, strict=True):
        torch.testing.assert_close(one[:2], changed[:2])
        assert (one[2] - changed[2]).abs().max() > 1e-4, "the neighbour of a camera that changed has noticed"


def test_cross_view__a_missing_camera_is_simply_absent(trained: CrossView) -> None:
    with torch.no_grad():
        assert [len(one) for one in trained([one[:2] for one in features(3)], num_views=2)] == [2, 2, 2]


def test_position_code__tells_every_place_apart() -> None:
    code = position_code(torch.zeros(1, 8, 5, 7)).flatten(1).T
    assert torch.cdist(code, code).fill_diagonal_(1).min() > 0.01
