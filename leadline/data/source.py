"""From data sets to samples: items addressed by (epoch, index), everything random a function of (seed, epoch, index)."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import Value

import numpy as np
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import get_worker_info

from leadline.data.cache import ViewCache
from leadline.data.dataset import Dataset, Record
from leadline.data.order import Address
from leadline.data.sample import REFERENCE_ONLY, Needs, Sample
from leadline.data.transforms import Transform
from leadline.types import UserError

log = logging.getLogger(__name__)

ALWAYS_THERE = frozenset({"usable"})
"""Layers that a data set need not offer: without a mask every pixel is usable."""


class SampleSource(TorchDataset[Sample]):
    """Samples of several data sets, one after the other, for `DataLoader(source, batch_sampler=BatchOrder(source.sizes, ...))`.

    An item is one moment with `needs.frames` neighbours in time, seen by one camera or, with `needs.rig`, by all of them
    in ring order. Moments that lack a neighbour in the same sequence are left out. `on_corrupt` says what a broken file
    does: "raise" its UserError, or "skip" to the next item that can be read, which is logged with the file's line and
    counted in `num_skipped`. `cache_bytes` keeps decoded files in memory (see `ViewCache`).
    Raises UserError when a data set lacks a layer that is needed, has no usable moment, or rigs differ in size.
    """

    def __init__(
        self,
        datasets: Dataset | Sequence[Dataset],
        needs: Needs,
        transform: Transform,
        *,
        seed: int = 0,
        on_corrupt: str = "raise",
        cache_bytes: int = 0,
    ) -> None:
        if on_corrupt not in ("raise", "skip"):
            raise ValueError(f"on_corrupt is 'raise' or 'skip', not '{on_corrupt}'")
        if not needs.frames or needs.frames[0] != 0:
            raise ValueError(f"frames start with the reference 0, not {needs.frames}")
        self._datasets = [datasets] if not isinstance(datasets, Sequence) else list(datasets)
        self.needs, self._transform, self._seed, self._skips = needs, transform, seed, on_corrupt == "skip"
        self._items = [items_of(dataset, needs) for dataset in self._datasets]
        self._layers = needs.layers | needs.optional.intersection(*(dataset.layers for dataset in self._datasets))
        _check_rigs(self._datasets, self._items, needs)
        self._firsts = np.cumsum([0, *self.sizes])
        if cache_bytes:
            total = sum(self.sizes)
            self._datasets = [ViewCache(d, cache_bytes * n // total) for d, n in zip(self._datasets, self.sizes, strict=True)]
        self._num_skipped = Value("q", 0)
        self._told: set[str] = set()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of items of each data set."""
        return tuple(len(items) for items in self._items)

    @property
    def sequences(self) -> list[str]:
        """The sequence of each item, named as in `Sample.sequence`."""
        return [_sequence(dataset, item) for dataset, items in zip(self._datasets, self._items, strict=True) for item in items]

    @property
    def num_skipped(self) -> int:
        """Items replaced so far because of a broken file, over all worker processes."""
        return self._num_skipped.value

    def __len__(self) -> int:
        """Number of items."""
        return sum(self.sizes)

    def __getitem__(self, address: Address) -> Sample:
        """The sample at (epoch, index). Raises UserError naming a broken file."""
        epoch, index = address
        error = UserError("data", "there is nothing to read", "give a data set with samples")
        for attempt in range(len(self) if self._skips else 1):
            try:
                # A stand-in keeps the random numbers of the item it replaces, so it is no copy of itself in the same epoch.
                rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(1, epoch, index)))
                return self._read((index + attempt) % len(self), rng)
            except UserError as problem:
                error = problem
                if self._skips:
                    self._count(problem)
        if get_worker_info() is not None:
            raise WorkerError(str(error)) from error
        raise error

    def _read(self, index: int, rng: np.random.Generator) -> Sample:
        which = int(np.searchsorted(self._firsts, index, side="right")) - 1
        dataset, item = self._datasets[which], self._items[which][index - self._firsts[which]]
        layers = [self._layers] + [self._layers - REFERENCE_ONLY] * (len(item) - 1)
        views = [[dataset.view(record, camera, of) for camera in cameras] for (record, cameras), of in zip(item, layers, strict=True)]
        return replace(self._transform(views, self._layers, rng), sequence=(_sequence(dataset, item),))

    def _count(self, error: UserError) -> None:
        with self._num_skipped.get_lock():
            self._num_skipped.value += 1
        if str(error) not in self._told:
            self._told.add(str(error))
            log.warning("skipped, the next sample takes its place: %s", error)


class WorkerError(UserError):
    """A UserError on its way out of a worker process.

    torch rebuilds what a worker raised from one string, the printed traceback, which ends with the line we want.
    """

    def __init__(self, text: str) -> None:
        line = text.rstrip().rpartition(f"{type(self).__name__}: ")[2]
        Exception.__init__(self, line)
        self.subject = line.partition(": ")[0]


Item = tuple[tuple[Record, tuple[str, ...]], ...]
"""For each frame of a sample, the reference first: the record and its cameras."""


def _sequence(dataset: Dataset, item: Item) -> str:
    reference, _ = item[0]
    return f"{dataset.name}/{reference.sequence}"


def items_of(dataset: Dataset, needs: Needs) -> list[Item]:
    """The items of one data set, in the order of its records.

    Raises UserError when it lacks a layer that is needed, or has no moment with all neighbours.
    """
    missing = needs.layers - dataset.layers - ALWAYS_THERE
    if missing:
        offered = ", ".join(sorted(dataset.layers)) or "nothing but images"
        raise UserError(
            dataset.name, f"has no {', '.join(sorted(missing))}, which the method needs", f"choose another data set (it has {offered})"
        )
    moments = {(moment.sequence, moment.frame): moment for moment in dataset.moments}
    items: list[Item] = []
    for record in dataset.records:
        neighbours = [moments.get((record.sequence, record.frame + offset)) for offset in needs.frames[1:]]
        frames = [record, *(neighbour for neighbour in neighbours if neighbour is not None)]
        groups = [record.cameras] if needs.rig else [(camera,) for camera in record.cameras]
        for cameras in groups:
            if len(frames) == len(needs.frames) and all(set(cameras) <= set(frame.cameras) for frame in frames):
                items.append(tuple((frame, cameras) for frame in frames))
    if not items:
        wanted = ", ".join(f"{offset:+d}" for offset in needs.frames[1:])
        wrong = f"no frame has neighbours at {wanted}" if wanted else "has no frames"
        raise UserError(dataset.name, wrong, "give a data set with longer sequences, or another split")
    return items


def _check_rigs(datasets: Sequence[Dataset], items: Sequence[list[Item]], needs: Needs) -> None:
    """One batch cannot hold rigs of different sizes."""
    if not needs.rig:
        return
    sizes = {len(cameras): dataset.name for dataset, group in zip(datasets, items, strict=True) for item in group for _, cameras in item}
    if len(sizes) > 1:
        described = ", ".join(f"{count} cameras in {name}" for count, name in sorted(sizes.items()))
        raise UserError("rig", f"the samples differ: {described}", "train on rigs with one number of cameras")
