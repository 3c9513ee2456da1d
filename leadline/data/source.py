"""From data sets to samples: items addressed by (epoch, index), everything random a function of (seed, epoch, index)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import Value
from multiprocessing.sharedctypes import Synchronized

import numpy as np
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import get_worker_info

from leadline.data.blank import stand_in
from leadline.data.cache import ViewCache
from leadline.data.dataset import Dataset, Record, View, by_sequence
from leadline.data.order import Address
from leadline.data.sample import REFERENCE_ONLY, Needs, Sample
from leadline.data.transforms import Transform
from leadline.types import UserError

log = logging.getLogger(__name__)

ALWAYS_THERE = frozenset({"usable"})
"""Layers that a data set need not offer: without a mask every pixel is usable."""


@dataclass(frozen=True)
class Replaced:
    """What broken files have cost: see `SampleSource`."""

    num_skipped: int = 0
    """Items replaced by the next one."""
    num_blanked: int = 0
    """Cameras of rigs replaced by a grey picture in which nothing is usable."""
    num_incomplete: int = 0
    """Moments left out from the beginning, because they lack a camera of their rig."""

    def __str__(self) -> str:
        """For a person; empty where nothing was replaced."""
        parts = (
            (self.num_skipped, "samples were skipped because of broken files"),
            (self.num_blanked, "cameras were blanked because of missing or broken files"),
            (self.num_incomplete, "moments were left out because they lack a camera"),
        )
        return ", ".join(f"{count} {words}" for count, words in parts if count)


class SampleSource(TorchDataset[Sample]):
    """Samples of several data sets, one after the other, for `DataLoader(source, batch_sampler=BatchOrder(source.sizes, ...))`.

    An item is one moment with `needs.frames` neighbours in time, seen by one camera or, with `needs.rig`, by all of them
    in ring order. Moments that lack a neighbour in the same sequence are left out. `on_corrupt` says what a broken file
    does: "raise" its UserError, or "skip" to the next item that can be read, which is logged with the file's line and
    counted in `replaced`. With "blank" a rig keeps its other cameras where files of one are missing or broken: a grey
    picture without usable pixels and without depth takes its place; what cannot be blanked is skipped. With both, moments
    without all cameras of their rig do no harm: they are left out, or blanked.
    `cache_bytes` keeps decoded files in memory (see `ViewCache`).
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
        if on_corrupt not in ("raise", "skip", "blank"):
            raise ValueError(f"on_corrupt is 'raise', 'skip' or 'blank', not '{on_corrupt}'")
        if not needs.frames or needs.frames[0] != 0:
            raise ValueError(f"frames start with the reference 0, not {needs.frames}")
        self._datasets = [datasets] if not isinstance(datasets, Sequence) else list(datasets)
        self.needs, self._transform, self._seed, self._skips = needs, transform, seed, on_corrupt != "raise"
        self._items = [items_of(dataset, needs) for dataset in self._datasets]
        self._layers = needs.layers | needs.optional.intersection(*(dataset.layers for dataset in self._datasets))
        # A method that reads neither would learn from grey.
        self._blanks = on_corrupt == "blank" and needs.rig and bool(self._layers & {"depth", "usable"})
        self._num_incomplete = 0
        if needs.rig and self._skips:
            self._items = [self._completed(dataset, items) for dataset, items in zip(self._datasets, self._items, strict=True)]
        _check_rigs(self._datasets, self._items, needs)
        self._firsts = np.cumsum([0, *self.sizes])
        if cache_bytes:
            total = sum(self.sizes)
            self._datasets = [ViewCache(d, cache_bytes * n // total) for d, n in zip(self._datasets, self.sizes, strict=True)]
        self._num_skipped, self._num_blanked = Value("q", 0), Value("q", 0)
        self._told: set[str] = set()
        self._by_sequence: dict[int, dict[str, dict[int, Record]]] = {}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of items of each data set."""
        return tuple(len(items) for items in self._items)

    @property
    def sequences(self) -> list[str]:
        """The sequence of each item, named as in `Sample.sequence`."""
        return [_sequence(dataset, item) for dataset, items in zip(self._datasets, self._items, strict=True) for item in items]

    @property
    def replaced(self) -> Replaced:
        """What broken files have cost so far, over all worker processes."""
        return Replaced(self._num_skipped.value, self._num_blanked.value, self._num_incomplete)

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
                    self._count(self._num_skipped, problem, "skipped, the next sample takes its place")
        if get_worker_info() is not None:
            raise WorkerError(str(error)) from error
        raise error

    def _read(self, index: int, rng: np.random.Generator) -> Sample:
        which = int(np.searchsorted(self._firsts, index, side="right")) - 1
        dataset, item = self._datasets[which], self._items[which][index - self._firsts[which]]
        (reference, cameras), *neighbours = item
        views = [self._reference(which, reference, cameras)]
        views += [[dataset.view(record, camera, self._layers - REFERENCE_ONLY) for camera in cameras] for record, cameras in neighbours]
        return replace(self._transform(views, self._layers, rng), sequence=(_sequence(dataset, item),))

    def _reference(self, which: int, record: Record, cameras: tuple[str, ...]) -> list[View]:
        """The views of the reference frame; cameras that cannot be read are blanked where that is wanted."""
        dataset = self._datasets[which]
        if not self._blanks:
            return [dataset.view(record, camera, self._layers) for camera in cameras]
        views, lost = dict[str, View](), dict[str, UserError]()
        for camera in cameras:
            try:
                if camera not in record.cameras:
                    raise UserError(f"{dataset.name}: {record.sequence} frame {record.frame}", f"lacks {camera}", "copy its picture")
                views[camera] = dataset.view(record, camera, self._layers)
            except UserError as error:
                lost[camera] = error
        if not views:
            raise next(iter(lost.values()))
        sibling = next(iter(views.values()))
        for camera, error in lost.items():
            moments = self._moments(which)[record.sequence]
            views[camera] = stand_in(dataset, moments, record, camera, self._layers, sibling=sibling, lost=error)
        for error in lost.values():
            self._count(self._num_blanked, error, "a grey picture takes its place")
        return [views[camera] for camera in cameras]

    def _moments(self, which: int) -> dict[str, dict[int, Record]]:
        if which not in self._by_sequence:
            self._by_sequence[which] = by_sequence(self._datasets[which].moments)
        return self._by_sequence[which]

    def _completed(self, dataset: Dataset, items: "list[Item]") -> "list[Item]":
        """The items with all cameras of their rig: those that lack some get their names, to be blanked, or are left out."""
        rings: dict[str, tuple[str, ...]] = {}
        for moment in dataset.moments:
            rings[moment.sequence] = max(rings.get(moment.sequence, ()), moment.cameras, key=len)
        kept: list[Item] = []
        for item in items:
            (reference, cameras), *neighbours = item
            ring = rings[reference.sequence]
            lacks = set(cameras) < set(ring)
            if not lacks:
                kept.append(item)
            elif self._blanks and not neighbours:
                kept.append(((reference, ring),))
            else:
                self._num_incomplete += 1
        if len(kept) < len(items):
            log.warning("%s: %d moments lack a camera and are left out", dataset.name, len(items) - len(kept))
        if not kept:
            raise UserError(dataset.name, "no moment has all cameras of its rig", "copy the missing pictures")
        return kept

    def _count(self, counter: "Synchronized[int]", error: UserError, words: str) -> None:
        with counter.get_lock():
            counter.value += 1
        if str(error) not in self._told:
            self._told.add(str(error))
            log.warning("%s: %s", words, error)


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
        raise UserError(
            "rig",
            f"the samples differ: {described}",
            "train on rigs with one number of cameras; --data.on-corrupt leaves out what lacks one",
        )
