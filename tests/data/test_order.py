"""The order is a pure function: resumed, split over processes or asked twice, it is the same order."""

from collections import Counter
from itertools import islice

import pytest

from leadline.data.order import BatchOrder, one_pass


def first(order, count):
    return list(islice(order, count))


def test_batch_order__every_epoch_visits_every_item_once():
    items = [address for batch in first(BatchOrder(10, batch_size=3, seed=1), 10) for address in batch]
    assert len(items) == 30
    for epoch in range(3):
        assert sorted(index for e, index in items if e == epoch) == list(range(10))
    assert [i for e, i in items if e == 0] != [i for e, i in items if e == 1]


@pytest.mark.parametrize("step", [0, 1, 5, 17])
def test_batch_order__resumes_at_any_step(step):
    whole = first(BatchOrder(7, batch_size=4, seed=3), 25)
    resumed = first(BatchOrder(7, batch_size=4, seed=3, start_step=step), 25 - step)
    assert resumed == whole[step:]


def test_batch_order__processes_share_one_global_batch():
    whole = first(BatchOrder(11, batch_size=6, seed=2), 9)
    ranks = [first(BatchOrder(11, batch_size=2, seed=2, rank=rank, world_size=3), 9) for rank in range(3)]
    assert [a + b + c for a, b, c in zip(*ranks, strict=True)] == whole


def test_batch_order__seed_decides():
    orders = [first(BatchOrder(50, batch_size=5, seed=seed), 4) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_batch_order__fewer_items_than_a_batch():
    (batch,) = first(BatchOrder(3, batch_size=8), 1)
    assert len(batch) == 8
    assert len(set(batch)) == 8  # the same item again belongs to a later epoch, so it is augmented differently


def test_batch_order__ends_after_num_batches_counted_from_zero():
    order = BatchOrder(10, batch_size=2, num_batches=7, start_step=4)
    assert len(order) == len(list(order)) == 3
    with pytest.raises(TypeError):
        len(BatchOrder(10, batch_size=2))


def test_batch_order__weights_set_shares_and_use_small_sets_evenly():
    order = BatchOrder((90, 10), batch_size=10, weights=(1.0, 1.0), seed=4)
    items = [index for batch in first(order, order.items_per_epoch // 10) for _, index in batch]
    small = Counter(index for index in items if index >= 90)
    assert sum(small.values()) == 50
    assert set(small.values()) == {5}
    assert max(Counter(index for index in items if index < 90).values()) == 1
    # mixed, not one after the other
    assert 5 < sum(index >= 90 for index in items[:30]) < 25


def test_batch_order__without_weights_data_sets_are_concatenated():
    items = [index for batch in first(BatchOrder((4, 6), batch_size=5), 2) for _, index in batch]
    assert sorted(items) == list(range(10))


@pytest.mark.parametrize(
    "kwargs", [{"sizes": 0}, {"sizes": (3, 0)}, {"sizes": 3, "batch_size": 0}, {"sizes": 3, "rank": 2, "world_size": 2}]
)
def test_batch_order__refuses_nonsense(kwargs):
    with pytest.raises(ValueError):
        BatchOrder(**({"batch_size": 1} | kwargs))


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.0), (1.0, float("nan"))])
def test_batch_order__refuses_weights_that_are_none(weights):
    with pytest.raises(ValueError, match="weight"):
        BatchOrder((3, 4), batch_size=1, weights=weights)


def test_one_pass__goes_through_in_order():
    assert one_pass(5, batch_size=2) == [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)]]
    assert one_pass(5, batch_size=2, drop_last=True) == [[(0, 0), (0, 1)], [(0, 2), (0, 3)]]
