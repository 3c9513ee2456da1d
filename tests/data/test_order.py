"""The order is a pure function: resumed, split over processes or asked twice, it is the same order."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data.order import BatchOrder, one_pass

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=9)
"""Items of each sequence."""
batch_sizes, processes, seeds = st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)


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


def names(of: list[int]) -> list[str]:
    return [f"drive{i}" for i, length in enumerate(of) for _ in range(length)]


def apart(of: list[int], **options: int) -> BatchOrder:
    return BatchOrder(sum(of), sequences=names(of), **options)


@given(of=lengths, batch_size=batch_sizes, world_size=processes, seed=seeds)
@settings(max_examples=200, deadline=None)
def test_apart__an_epoch_visits_no_item_twice_and_leaves_out_less_than_a_global_batch(of, batch_size, world_size, seed):
    together, num_items = batch_size * world_size, sum(of)
    if num_items < together:
        return
    order = apart(of, batch_size=together, seed=seed)
    num_batches = num_items // together
    assert order.items_per_epoch == num_batches * together
    for epoch in range(2):
        batches = [order.batch(epoch * num_batches + i) for i in range(num_batches)]
        assert {e for batch in batches for e, _ in batch} == {epoch}
        assert len({index for batch in batches for _, index in batch}) == order.items_per_epoch > num_items - together


@given(of=lengths, batch_size=batch_sizes, world_size=processes, seed=seeds)
@settings(max_examples=200, deadline=None)
def test_apart__a_batch_has_no_sequence_twice_where_that_can_be(of, batch_size, world_size, seed):
    """It can where every sequence gives each process at most one item per step and that is enough to fill the epoch."""
    together, named = batch_size * world_size, names(of)
    num_batches = len(named) // together
    ranks = [apart(of, batch_size=batch_size, seed=seed, rank=rank, world_size=world_size) for rank in range(world_size)]
    enough = num_batches * together <= sum(min(length, num_batches * world_size) for length in of)
    for step in range(2 * num_batches):
        batches = [[named[index] for _, index in order.batch(step)] for order in ranks]
        if enough:
            assert all(len(set(batch)) == batch_size for batch in batches)
        counts = Counter(name for batch in batches for name in batch)
        assert max(counts.values()) <= -(-max(of) // num_batches), "where it cannot, sequences meet no more often than they must"


@given(num=st.integers(1, 9), length=st.integers(1, 9), batch_size=batch_sizes, seed=seeds)
@settings(max_examples=200, deadline=None)
def test_apart__as_many_equal_sequences_as_items_in_a_batch_are_enough(num, length, batch_size, seed):
    if num < batch_size:
        return
    named, order = names([length] * num), apart([length] * num, batch_size=batch_size, seed=seed)
    for batch in first(order, 2 * order.items_per_epoch // batch_size):
        assert len({named[index] for _, index in batch}) == batch_size


@given(of=lengths, batch_size=batch_sizes, world_size=processes, seed=seeds, step=st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_apart__resumes_at_any_step_and_processes_share_one_global_batch(of, batch_size, world_size, seed, step):
    options = {"batch_size": batch_size, "seed": seed, "world_size": world_size}
    ranks = [apart(of, rank=rank, **options) for rank in range(world_size)]
    for order, rank in zip(ranks, range(world_size), strict=True):
        whole = first(order, step + 3)
        assert first(apart(of, rank=rank, start_step=step, **options), 3) == whole[step:]
        assert order.batch(step) == whole[step], "asking out of turn changes nothing"
    parts = [address for order in ranks for address in order.batch(step)]
    assert sorted(parts) == sorted(apart(of, batch_size=batch_size * world_size, seed=seed).batch(step))


def test_apart__draws_anew_every_epoch_and_seed_and_mixes_all_sequences():
    of = [5] * 20
    order = apart(of, batch_size=4, seed=0)
    epochs = [[frozenset(index for _, index in order.batch(25 * epoch + i)) for i in range(25)] for epoch in range(2)]
    assert not set(epochs[0]) & set(epochs[1])
    assert first(apart(of, batch_size=4, seed=1), 5) != first(order, 5)
    met = {frozenset((a // 5, b // 5)) for batch in epochs[0] for a in batch for b in batch if a != b}
    assert len(met) > 80, "of 190 pairs of sequences 150 places could be filled"


def test_apart__fewer_items_than_a_batch_are_drawn_as_ever():
    assert first(apart([1, 2], batch_size=8, seed=2), 3) == first(BatchOrder(3, batch_size=8, seed=2), 3)


def test_apart__with_weights_of_data_sets():
    named = names([3] * 10 + [2] * 5)
    order = BatchOrder((30, 10), weights=(1.0, 1.0), sequences=named, batch_size=5, seed=4)
    items = [address for batch in first(order, 8) for address in batch]
    assert sum(index >= 30 for _, index in items) == 20 and max(Counter(items).values()) == 2
    assert all(len({named[index] for _, index in batch}) == 5 for batch in first(order, 8))


def test_apart__every_item_needs_its_sequence():
    with pytest.raises(ValueError, match="2 sequences for 3 items"):
        BatchOrder(3, batch_size=1, sequences=["a", "b"])


def test_one_pass__goes_through_in_order():
    assert one_pass(5, batch_size=2) == [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)]]
    assert one_pass(5, batch_size=2, drop_last=True) == [[(0, 0), (0, 1)], [(0, 2), (0, 3)]]
