"""Batches for a run: the order is a pure function of the seed, so a resumed run goes on with the very next batch."""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch.utils.data import DataLoader

from leadline.data.catalog import open_to_learn
from leadline.data.dataset import Dataset
from leadline.data.derived import with_derived
from leadline.data.features import WithFeatures
from leadline.data.inverse import WithInverseDepth
from leadline.data.labels import WithLabels
from leadline.data.order import BatchOrder
from leadline.data.sample import Needs, Sample, collate
from leadline.data.some_depth import WithSomeDepth
from leadline.data.source import SampleSource
from leadline.data.taught import WithTaught
from leadline.data.transforms import Transform
from leadline.training.config import MOVING, DataConfig
from leadline.types import UserError


def open_datasets(data: DataConfig, roots: tuple[str, ...], split: str | None) -> list[Dataset]:
    """The data sets that `roots` name, for training or its validation. Raises UserError for one that cannot be opened or is zero-shot."""
    specs = data.specs(roots)
    sources = _depth_sources(data.depth_source if roots == data.root else data.depth_source[:1], len(specs))
    if data.footage != MOVING and not any(spec.startswith("video:") for spec in data.specs(data.root + data.val_root)):
        raise UserError("--data.footage", "is for footage of your own, and there is none", "leave it out, or give video:FOLDER")
    return [
        open_to_learn(spec, split, depth_source=source, footage=data.footage if spec.startswith("video:") else None)
        for spec, source in zip(specs, sources, strict=True)
    ]


def _depth_sources(kinds: Sequence[str], count: int) -> list[str | None]:
    """The kind of depth of each of `count` data sets. Raises UserError for another number of kinds."""
    if len(kinds) not in (0, 1, count):
        raise UserError("--data.depth-source", f"{len(kinds)} kinds of depth for {count} data sets", "give one for all, or one for each")
    return [*kinds] if len(kinds) == count else [*(kinds or (None,))] * count


def training_source(data: DataConfig, needs: Needs, *, seed: int) -> SampleSource:
    """Augmented samples of `data.root`. Raises UserError when there is none."""
    if not data.root:
        raise UserError("--data.root", "no data set to train on", "give DATASET:ROOT, for example rendered:out/rooms")
    if data.weights and len(data.weights) != len(data.root):
        raise UserError("--data.weights", f"{len(data.weights)} weights for {len(data.root)} data sets", "give one for each of --data.root")
    transform = Transform(data.height, data.width, augment=data.augment)
    keep = None if data.derived is None else Path(data.derived)
    datasets: list[Dataset] = [with_derived(dataset, needs, keep=keep) for dataset in open_datasets(data, data.root, data.split)]
    if data.depth_share < 1:
        datasets = [*(WithSomeDepth(dataset, data.depth_share) for dataset in datasets)]
    if data.labels:
        datasets = _labelled(datasets, data, needs)
    if data.taught or "taught" in needs.layers:
        datasets = _taught(datasets, data, needs)
    if "inverse_depth" in needs.layers:
        datasets = [_with_inverse(dataset) for dataset in datasets]
    if needs.made_by or data.features:
        datasets = _with_features(datasets, data, needs)
    cache_bytes = int(data.cache_gb * 1e9)
    return SampleSource(datasets, needs, transform, seed=seed, on_corrupt=data.on_corrupt, cache_bytes=cache_bytes)


def _with_inverse(dataset: Dataset) -> Dataset:
    has_metres = "depth" in dataset.layers and "inverse_depth" not in dataset.layers
    return WithInverseDepth(dataset) if has_metres else dataset


def _labelled(datasets: list[Dataset], data: DataConfig, needs: Needs) -> list[Dataset]:
    """The data sets with the depth of `data.labels`. Raises UserError for labels that nobody reads, are of other data, or too small."""
    if "depth" not in needs.layers:
        raise UserError("--data.labels", "are depth, and this method reads none", "leave them out, or leave out the teachers of a student")
    if len(data.labels) != len(datasets):
        raise UserError("--data.labels", f"{len(data.labels)} folders for {len(datasets)} data sets", "give one for each of --data.root")
    labelled = [WithLabels(dataset, Path(folder), footage=data.footage) for dataset, folder in zip(datasets, data.labels, strict=True)]
    for one in labelled:
        if one.height < data.height or one.width < data.width:
            wrong = f"holds labels of {one.width}x{one.height} px, training asks for {data.width}x{data.height}"
            raise UserError(one.folder, wrong, "write labels of that size, or train at theirs")
    return [*labelled]


def _taught(datasets: list[Dataset], data: DataConfig, needs: Needs) -> list[Dataset]:
    """The data sets with the answers of `data.taught`.

    Raises UserError where they are missing, nobody reads them, they are of other data, of another size or cut, or by another teacher.
    """
    if "taught" not in needs.layers:
        wrong = "are what a teacher said, and this method reads none of it"
        raise UserError("--data.taught", wrong, "leave them out, or leave out --method.teacher and give its terms a weight")
    if not data.taught:
        remedy = "give --method.teacher MODEL, or --data.taught DIR with what `leadline label --bins MODEL` has written"
        raise UserError("--method.teacher", "there is no teacher for what is to be learnt of one", remedy)
    if len(data.taught) != len(datasets):
        raise UserError("--data.taught", f"{len(data.taught)} folders for {len(datasets)} data sets", "give one for each of --data.root")
    if data.augment.smallest_crop < 1:
        wrong = "cuts pictures, and what a teacher said belongs to whole ones"
        raise UserError("--data.augment.smallest-crop", wrong, "give 1, or the teacher itself (--method.teacher)")
    taught = [WithTaught(dataset, Path(folder), footage=data.footage) for dataset, folder in zip(datasets, data.taught, strict=True)]
    for one in taught:
        if (one.height, one.width) != (data.height, data.width):
            wrong = f"holds answers to pictures of {one.width}x{one.height} px, training asks for {data.width}x{data.height}"
            raise UserError(one.folder, wrong, f"give --data.height {one.height} --data.width {one.width}, or write answers of that size")
        one.check_teacher(needs.taught_by, same_as=taught[0])
    return [*taught]


def _with_features(datasets: list[Dataset], data: DataConfig, needs: Needs) -> list[Dataset]:
    """The data sets with the layers of `data.features`. Raises UserError for features that nobody reads or that do not fit."""
    if not needs.made_by:
        raise UserError("--data.features", "are given, and this method reads none", "leave them out, or give briges --method.cached")
    if len(data.features) != len(datasets):
        wrong = f"{len(data.features)} folders for {len(datasets)} data sets"
        raise UserError("--data.features", wrong, "give one for each of --data.root; `leadline features` writes them")
    augment, made_by = data.augment, dict(needs.made_by)
    if augment.smallest_crop < 1:
        raise UserError("--data.augment.smallest-crop", "cached features are of whole pictures", "leave it at 1")
    if "tokens" in made_by and any((augment.brightness, augment.contrast, augment.saturation, augment.hue)):
        raise UserError("--data.augment", "with cached tokens no network sees the changed colours", "set all changes of colour to 0")
    size = {"height": data.height, "width": data.width}
    return [
        WithFeatures(dataset, Path(folder), made_by=made_by, **size, footage=data.footage)
        for dataset, folder in zip(datasets, data.features, strict=True)
    ]


class Batches:
    """An iterable of `num_batches` batches that knows how long the run waited for them, and where it is.

    Lightning keeps `state_dict` in its checkpoints and gives it back before the first batch of a resumed run.
    """

    def __init__(self, source: SampleSource, data: DataConfig, *, num_batches: int, seed: int, pin_memory: bool) -> None:
        self.source = source
        self.data = data
        self.num_batches = num_batches
        self.seed = seed
        self.pin_memory = pin_memory
        self.rank, self.world_size = 0, 1
        self.wait_s = 0.0
        self._done = 0

    def __len__(self) -> int:
        """Batches of the whole run, those before a resume included."""
        return self.num_batches

    def __iter__(self) -> Iterator[Sample]:
        """The batches that are left."""
        order = BatchOrder(
            self.source.sizes,
            batch_size=self.data.batch_size,
            seed=self.seed,
            weights=self.data.weights or None,
            sequences=self.source.sequences if self.source.needs.apart else None,
            start_step=self._done,
            rank=self.rank,
            world_size=self.world_size,
        )
        loader = DataLoader(
            self.source,
            batch_sampler=order,
            collate_fn=collate,
            num_workers=self.data.workers,
            prefetch_factor=4 if self.data.workers else None,
            worker_init_fn=_ignore_interrupts,
            pin_memory=self.pin_memory,
        )
        batches = iter(loader)
        while self._done < self.num_batches:
            asked = time.monotonic()
            batch = next(batches)
            self.wait_s += time.monotonic() - asked
            self._done += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """How many batches have been handed out."""
        return {"batches": self._done}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on after so many batches."""
        self._done = state_dict["batches"]


def _ignore_interrupts(worker: int) -> None:
    """Ctrl-C reaches the whole process group; the run finishes its step, and its readers must live that long.

    SIGTERM stays deadly: it is how Python ends the readers of a run that failed, and without it the failed run hangs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
