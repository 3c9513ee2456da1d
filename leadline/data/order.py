"""The order of training as a pure function: step k of seed s is always the same batch, whoever asks and whenever.

An epoch is one permutation of all items. The epochs follow each other in one endless stream, which is cut into batches;
so a batch may span two epochs, a data set smaller than a batch works, and resuming at step k needs no replay.

With sequences that are to be apart, an epoch is cut into whole batches instead, in which every sequence takes an even part.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

Address = tuple[int, int]
"""(epoch, index) of one item of a SampleSource."""


class BatchOrder(Sampler[list[Address]]):
    """Batches of (epoch, index), for `DataLoader(batch_sampler=...)`.

    `sizes` is the number of items, or one number per data set (`SampleSource.sizes`). `weights` gives each data set its
    share of every epoch; without it the data sets are concatenated. `batch_size` counts items per process; the processes
    share one global batch, so 2 x 6 items are the same 12 as 1 x 12. The stream ends after step `num_batches`, counted
    from 0 and not from `start_step`; without it, never.

    `sequences` names the sequence of each item and asks that no process gets two items of one sequence in a batch. Then an epoch visits
    no item twice and leaves out fewer than one global batch, other ones each time, and from step to step a sequence's part of the
    global batch differs by one item at most. So two items of a sequence meet only where one has more items than all processes
    have batches in an epoch. With fewer items than a global batch `sequences` change nothing.
    """

    def __init__(
        self,
        sizes: int | Sequence[int],
        *,
        batch_size: int,
        seed: int = 0,
        weights: Sequence[float] | None = None,
        sequences: Sequence[str] | None = None,
        num_batches: int | None = None,
        start_step: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
        if min(self._sizes, default=0) < 1:
            raise ValueError(f"every data set needs at least one item, these have {self._sizes}")
        if batch_size < 1 or start_step < 0 or not 0 <= rank < world_size:
            raise ValueError(f"batch_size {batch_size}, start_step {start_step}, rank {rank} of {world_size} make no order")
        if sequences is not None and len(sequences) != sum(self._sizes):
            raise ValueError(f"{len(sequences)} sequences for {sum(self._sizes)} items")
        self._shares = _epoch_shares(self._sizes, weights)
        self._global_size = batch_size * world_size
        is_apart = sequences is not None and sum(self._shares) >= self._global_size
        self._owner = np.unique(np.asarray(sequences), return_inverse=True)[1] if is_apart else None
        self._seed, self._batch_size = seed, batch_size
        self._rank, self._world_size = rank, world_size
        self._num_batches, self._start_step = num_batches, start_step
        self._drawn: tuple[int, np.ndarray] | None = None

    @property
    def items_per_epoch(self) -> int:
        """Items of one epoch, over all processes."""
        return sum(self._shares) if self._owner is None else sum(self._shares) // self._global_size * self._global_size

    def __len__(self) -> int:
        """Batches from `start_step` on. Raises TypeError for an endless order, as objects without a length do."""
        if self._num_batches is None:
            raise TypeError("an endless BatchOrder has no length")
        return max(self._num_batches - self._start_step, 0)

    def __iter__(self) -> Iterator[list[Address]]:
        """The batches of this process from `start_step` on."""
        step = self._start_step
        while self._num_batches is None or step < self._num_batches:
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> list[Address]:
        """Addresses of this process's batch at `step`."""
        first = (step * self._world_size + self._rank) * self._batch_size
        return [self._address(position) for position in range(first, first + self._batch_size)]

    def _address(self, position: int) -> Address:
        epoch, place = divmod(position, self.items_per_epoch)
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, self._draw(epoch)
        return epoch, int(self._drawn[1][place])

    def _draw(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(0, epoch)))
        parts, first = [], 0
        for size, share in zip(self._sizes, self._shares, strict=True):
            rounds = -(-share // size)  # a small data set with a large weight is gone through several times
            parts.append(first + np.concatenate([rng.permutation(size) for _ in range(rounds)])[:share])
            first += size
        drawn = rng.permutation(np.concatenate(parts))
        if self._owner is None:
            return drawn
        batches = _apart(drawn, self._owner[drawn], self._global_size, rng)
        # What one sequence has in a global batch stands side by side: dealt out, it goes to different processes.
        return batches.reshape(len(batches), -1, self._world_size).swapaxes(1, 2).ravel()


def one_pass(num_items: int, *, batch_size: int, epoch: int = 0, drop_last: bool = False) -> list[list[Address]]:
    """Batches that go through all items once, in order; the last one may be short. For validation."""
    batches = [[(epoch, index) for index in range(first, min(first + batch_size, num_items))] for first in range(0, num_items, batch_size)]
    return [batch for batch in batches if not drop_last or len(batch) == batch_size]


def _epoch_shares(sizes: tuple[int, ...], weights: Sequence[float] | None) -> tuple[int, ...]:
    """Items that each data set gives to one epoch, which stays about as long as all data sets together."""
    if weights is None:
        return sizes
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(sizes),) or not np.isfinite(shares).all() or (shares <= 0).any():
        raise ValueError(f"give one positive weight for each of the {len(sizes)} data sets, not {weights}")
    counts = np.maximum(np.round(shares / shares.sum() * sum(sizes)), 1)
    return tuple(int(count) for count in counts)


def _apart(items: np.ndarray, owner: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Batches (n, `size`) of shuffled `items`, to each of which every sequence gives as even a part as whole items can be.

    `owner` is the number of each item's sequence. The items of a sequence stand side by side in a batch. What fills no batch is left
    out: of sequences with more items than there are batches, if there are any, the longest first.
    """
    num = len(items) // size
    nth = _nth_of_its_kind(owner)
    kept = np.argsort(np.where(nth < num, 0, nth), kind="stable")[: num * size]
    items, owner = items[kept], owner[kept]
    queue, counts = items[np.argsort(owner, kind="stable")], np.bincount(owner)
    first = np.cumsum(counts) - counts
    batches = np.empty((num, size), dtype=items.dtype)
    for batch, left in zip(batches, range(num, 0, -1), strict=True):
        # A part is rounded up or down at random, in proportion to what is left over: so no part is ever off by more than one.
        part, over = np.divmod(counts, left)
        up = size - int(part.sum())
        if up:
            chance = np.divide(rng.exponential(size=len(over)), over, out=np.full(len(over), np.inf), where=over > 0)
            part[np.argpartition(chance, up - 1)[:up]] += 1
        order = rng.permutation(len(part))
        takes = np.repeat(order, part[order])
        batch[:] = queue[first[takes] + _nth_of_its_kind(takes)]
        first, counts = first + part, counts - part
    return batches


def _nth_of_its_kind(kinds: np.ndarray) -> np.ndarray:
    """How many of the same kind stand before each element."""
    together = np.argsort(kinds, kind="stable")
    counts = np.bincount(kinds)
    nth = np.empty_like(together)
    nth[together] = np.arange(len(kinds)) - np.repeat(np.cumsum(counts) - counts, counts)
    return nth
