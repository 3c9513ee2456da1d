"""Opening every file of a data set before a long run does: what is there, how large, how deep, and what is broken."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.types import UserError

ONE_MOMENT_S = 1.0
"""How far apart in time [s] the cameras of one record may be."""
QUICK_VIEWS = 64
"""Views that a quick check opens, spread evenly."""


@dataclass
class CameraSummary:
    """What the images of one camera have in common."""

    images: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    """WIDTHxHEIGHT and how often."""
    nearest_m: float | None = None
    farthest_m: float | None = None
    num_pixels: int = 0
    num_valid: int = 0

    @property
    def valid_share(self) -> float | None:
        """Share of the pixels that have depth."""
        return self.num_valid / self.num_pixels if self.num_pixels else None

    def add(self, view: View) -> None:
        """Take one view into account."""
        height, width = view.image.shape[:2]
        self.images += 1
        self.sizes[f"{width}x{height}"] += 1
        if view.depth is None:
            return
        known = view.depth[view.depth > 0]
        self.num_pixels += view.depth.size
        self.num_valid += known.size
        if known.size:
            nearest, farthest = float(known.min()), float(known.max())
            self.nearest_m = nearest if self.nearest_m is None else min(self.nearest_m, nearest)
            self.farthest_m = farthest if self.farthest_m is None else max(self.farthest_m, farthest)


@dataclass(frozen=True)
class CheckReport:
    """What a check has found."""

    dataset: str
    num_sequences: int
    num_records: int
    num_views: int
    num_opened: int
    layers: tuple[str, ...]
    cameras: dict[str, CameraSummary]
    gaps: tuple[str, ...]
    """Frames missing inside a sequence and cameras missing in a record: no defect, but training with neighbours loses them."""
    broken: tuple[str, ...]
    """One line for each file that cannot be used."""

    def as_json(self) -> dict[str, object]:
        """Everything as plain values."""
        cameras = {
            name: {
                "images": summary.images,
                "sizes": dict(summary.sizes),
                "depth_m": None if summary.nearest_m is None else [summary.nearest_m, summary.farthest_m],
                "valid_share": summary.valid_share,
            }
            for name, summary in self.cameras.items()
        }
        counts = {"sequences": self.num_sequences, "records": self.num_records, "views": self.num_views, "opened": self.num_opened}
        lists = {"layers": list(self.layers), "cameras": cameras, "gaps": list(self.gaps), "broken": list(self.broken)}
        return {"dataset": self.dataset, **counts, **lists}


def check_dataset(
    dataset: Dataset, *, quick: bool = False, faults: Sequence[UserError] = (), advance: Callable[[int], None] | None = None
) -> CheckReport:
    """Open every view of `dataset` with every layer; `quick` opens an even selection of QUICK_VIEWS.

    `faults` are those of its index, found when it was opened. `advance` is called with 1 after each view. Broken files become
    lines of the report, they raise nothing.
    """
    addresses = [(record, camera) for record in dataset.records for camera in record.cameras]
    chosen = addresses
    if quick and len(addresses) > QUICK_VIEWS:
        chosen = [addresses[i] for i in np.linspace(0, len(addresses) - 1, QUICK_VIEWS).astype(int)]
    cameras: dict[str, CameraSummary] = {}
    broken = dict.fromkeys(str(fault) for fault in faults)
    times: dict[Record, list[float]] = {}
    for (record, camera), (view, lines) in zip(chosen, _opened(dataset, chosen), strict=True):
        summary = cameras.setdefault(camera, CameraSummary())
        if view is not None:
            summary.add(view)
            if view.time_s is not None:
                times.setdefault(record, []).append(view.time_s)
        broken.update(dict.fromkeys(lines))
        if advance is not None:
            advance(1)
    broken.update(dict.fromkeys(_apart(dataset, times)))
    return CheckReport(
        dataset=dataset.name,
        num_sequences=len({record.sequence for record in dataset.records}),
        num_records=len(dataset.records),
        num_views=len(addresses),
        num_opened=len(chosen),
        layers=tuple(sorted(dataset.layers)),
        cameras=cameras,
        gaps=tuple(_gaps(dataset)),
        broken=tuple(broken),
    )


def _apart(dataset: Dataset, times: dict[Record, list[float]]) -> Iterator[str]:
    """A line for each record whose cameras were not exposed at about one time [s]."""
    for record, of_record in times.items():
        apart_s = max(of_record) - min(of_record)
        if apart_s > ONE_MOMENT_S:
            wrong = f"the cameras of {record.sequence} frame {record.frame} are {apart_s:.3g} s apart"
            yield str(UserError(dataset.name, wrong, "a time is in another unit, or a picture of another moment"))


Opened = tuple[View | None, list[str]]


def _opened(dataset: Dataset, addresses: list[tuple[Record, str]]) -> Iterator[Opened]:
    """Each view in order; decoding releases the interpreter lock, so threads share the work."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(addresses)
        # A short queue, so that a large data set is never in memory as a whole.
        jobs = [pool.submit(_open, dataset, *address) for address in islice(waiting, 2 * workers)]
        try:
            while jobs:
                yield jobs.pop(0).result()
                jobs += [pool.submit(_open, dataset, *address) for address in islice(waiting, 1)]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _open(dataset: Dataset, record: Record, camera: str) -> Opened:
    try:
        view = dataset.view(record, camera, dataset.layers)
    except UserError:
        return _layer_by_layer(dataset, record, camera)
    if view.depth is not None and not (view.depth > 0).any():
        # A view without any depth gives no loss and no score.
        line = UserError(view.path, "none of its pixels has depth", "leave this image out, or repair its depth")
        return view, [str(line)]
    return view, []


def _layer_by_layer(dataset: Dataset, record: Record, camera: str) -> Opened:
    """A view with something broken, one layer at a time, so that each broken file gets its line."""
    lines: list[str] = []
    view = None
    for layers in (frozenset[str](), *(frozenset({layer}) for layer in sorted(dataset.layers))):
        try:
            read = dataset.view(record, camera, layers)
        except UserError as error:
            lines.append(str(error))
        else:
            view = view or read
    return view, lines


def _gaps(dataset: Dataset) -> Iterator[str]:
    frames: dict[str, list[int]] = {}
    all_cameras: dict[str, set[str]] = {}
    for record in dataset.moments:
        frames.setdefault(record.sequence, []).append(record.frame)
        all_cameras.setdefault(record.sequence, set()).update(record.cameras)
    for record in dataset.moments:
        absent = all_cameras[record.sequence] - set(record.cameras)
        if absent:
            yield f"{record.sequence} frame {record.frame} lacks {', '.join(sorted(absent))}"
    for sequence, numbers in frames.items():
        absent_frames = max(numbers) - min(numbers) + 1 - len(numbers)
        if 0 < absent_frames < len(numbers):  # with more, the numbers are no count of frames but names of a selection
            yield f"{sequence} lacks {absent_frames} of the frames {min(numbers)} to {max(numbers)}"
