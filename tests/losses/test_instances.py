"""The contrast between pixels of one picture: a hand value, what it rewards, and what it does not ask for."""

import math

import pytest
import torch
from torch import Tensor

from leadline.losses.instances import instance_loss

HALVES = torch.tensor([[[1, 1, 2, 2]] * 4])
EVERYWHERE = torch.ones(1, 4, 4, dtype=torch.bool)


def loss(embedding: Tensor, instance: Tensor = HALVES, valid: Tensor = EVERYWHERE, *, temperature: float = 0.1) -> Tensor:
    torch.manual_seed(0)
    return instance_loss(embedding=embedding, instance=instance, valid=valid, num_points=64, temperature=temperature)


def halves(*, apart: bool) -> Tensor:
    """One direction for the left half, another or the same one for the right."""
    map_ = torch.zeros(1, 2, 4, 4)
    map_[:, 0, :, :2] = 1
    map_[:, 1 if apart else 0, :, 2:] = 1
    return map_


def test_instances__embeddings_that_tell_things_apart_lose_nothing_more_than_numbers() -> None:
    """Of 64 points about half are one's own: equal ones share log(32), and without any difference log(63)."""
    assert loss(halves(apart=True)).item() == pytest.approx(math.log(31), abs=0.2)
    assert loss(halves(apart=False)).item() == pytest.approx(math.log(63), abs=1e-4)


def test_instances__by_hand_for_every_pair() -> None:
    embedding, temperature = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)), 0.5
    instance = torch.randint(0, 3, (2, 4, 4), generator=torch.Generator().manual_seed(2))
    valid = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(3)) > 0.3
    got = loss(embedding, instance, valid, temperature=temperature)
    torch.manual_seed(0)
    places = torch.randint(16, (2, 64))
    terms = []
    for n in range(2):
        unit = torch.nn.functional.normalize(embedding[n].flatten(1).T[places[n]], dim=1)
        ids, known = instance[n].flatten()[places[n]], valid[n].flatten()[places[n]]
        for i in range(64):
            others = [j for j in range(64) if j != i and known[j]]
            same = [j for j in others if ids[j] == ids[i]]
            if known[i] and same:
                scores = {j: math.exp(float(unit[i] @ unit[j]) / temperature) for j in others}
                terms.append(-sum(math.log(scores[j] / sum(scores.values())) for j in same) / len(same))
    assert got.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_instances__a_coarse_map_is_read_between_its_cells() -> None:
    assert loss(torch.nn.functional.avg_pool2d(halves(apart=True), 2)).item() < loss(halves(apart=False)).item() - 0.1


def test_instances__nothing_to_compare_is_no_gradient() -> None:
    for instance, valid in ((HALVES, EVERYWHERE & False), (torch.arange(16).view(1, 4, 4), EVERYWHERE)):
        embedding = torch.randn(1, 2, 4, 4, requires_grad=True)
        torch.manual_seed(0)
        value = instance_loss(embedding=embedding, instance=instance, valid=valid, num_points=2, temperature=0.1)
        value.backward()
        assert value.item() == 0 and embedding.grad is not None and not embedding.grad.any()
