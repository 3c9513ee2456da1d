"""Neighbouring frames of a data set as an examination sees them: small, grey, spread evenly over all there is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.data.motion import small_grey
from leadline.geometry.camera import Camera
from leadline.types import UserError

NUM_PAIRS = 60
RUN = 5
"""Pairs that follow each other: a video decodes from one keyframe to the next, so single pairs everywhere would decode all of it."""
NUM_NAMED = 3
LONG_SIDE_PX = 320
"""Of the pictures that are looked at: motion is given in pixels of this size."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One frame."""

    path: Path
    grey: np.ndarray
    """float32 (h, w) in [0, 1], the longer side LONG_SIDE_PX."""
    camera: Camera
    """At the size of the file."""
    cam_from_world: np.ndarray | None = None
    time_s: float | None = None

    @property
    def K(self) -> np.ndarray:
        """At the size of `grey`."""
        height, width = self.grey.shape
        return self.camera.resized(height=height, width=width).K


@dataclass(frozen=True, eq=False)
class Pair:
    """Two frames that follow each other."""

    sequence: str
    first: Seen
    second: Seen


@dataclass
class Looked:
    """What was read."""

    pairs: list[Pair] = field(default_factory=list)
    num_frames: int = 0
    num_sequences: int = 0
    num_pairs: int = 0
    """Neighbours there are; `pairs` is a selection of them."""
    num_between: int = 0
    """Frames with a neighbour on both sides."""
    parted: list[str] = field(default_factory=list)
    """Frames inside a sequence that have no next one: the first by their files."""
    broken: list[str] = field(default_factory=list)
    """One line for each file that cannot be used."""


def look(dataset: Dataset, *, num_pairs: int = NUM_PAIRS, advance: Callable[[int], None] | None = None) -> Looked:
    """Read an even selection of neighbours. Broken files become lines, they raise nothing.

    `advance` is called with 1 after each pair.
    """
    moments = {(moment.sequence, moment.frame): moment for moment in dataset.moments}
    last_of: dict[str, int] = {}
    for sequence, frame in moments:
        last_of[sequence] = max(frame, last_of.get(sequence, frame))
    followed = [
        (moment, neighbour, camera)
        for moment in moments.values()
        if (neighbour := moments.get((moment.sequence, moment.frame + 1))) is not None
        for camera in moment.cameras
        if camera in neighbour.cameras
    ]
    followed.sort(key=lambda pair: pair[2])  # an even selection then takes every camera of a rig at every time of day
    parted = [m for m in moments.values() if m.frame < last_of[m.sequence] and (m.sequence, m.frame + 1) not in moments]
    looked = Looked(
        num_frames=len(moments),
        num_sequences=len(last_of),
        num_pairs=len(followed),
        num_between=sum((sequence, frame - 1) in moments and (sequence, frame + 1) in moments for sequence, frame in moments),
        parted=[_named(dataset, moment, number) for number, moment in enumerate(parted)],
    )
    layers = dataset.layers & {"cam_from_world", "time_s"}
    read: dict[tuple[Record, str], Seen] = {}
    for place in spread(len(followed), num_pairs):
        record, neighbour, camera = followed[place]
        try:
            # A neighbour is often the first frame of the next pair.
            read = {key: read.get(key) or _seen(dataset.view(*key, layers)) for key in ((record, camera), (neighbour, camera))}
            looked.pairs.append(Pair(record.sequence, *read.values()))
        except UserError as error:
            if str(error) not in looked.broken:
                looked.broken.append(str(error))
        if advance is not None:
            advance(1)
    return looked


def spread(total: int, wanted: int) -> list[int]:
    """About `wanted` of `total` places, in runs of RUN that are spread evenly from the first to the last."""
    if total <= wanted:
        return list(range(total))
    starts = np.linspace(0, total - RUN, max(wanted // RUN, 1)).astype(int)
    return np.unique(starts[:, None] + np.arange(RUN)).tolist()


def widened(pairs: list[Pair]) -> list[Pair]:
    """First and last frame of each run of RUN pairs that follow each other: RUN steps at once, for a camera that moves slowly."""
    runs = [pairs[start : start + RUN] for start in range(0, len(pairs) - RUN + 1, RUN)]
    followed = [run for run in runs if all(a.second is b.first for a, b in pairwise(run))]
    return [Pair(run[0].sequence, run[0].first, run[-1].second) for run in followed]


def _named(dataset: Dataset, moment: Record, number: int) -> str:
    """ "after FILE"; files beyond the first few, which nobody will read, are not opened for it."""
    try:
        place = str(dataset.view(moment, moment.cameras[0], frozenset()).path) if number < NUM_NAMED else ""
    except UserError:
        place = ""
    return f"after {place or f'{moment.sequence} frame {moment.frame}'}"


def _seen(view: View) -> Seen:
    grey = small_grey(view.image, long_side=LONG_SIDE_PX)
    return Seen(view.path, grey, view.camera, view.cam_from_world, view.time_s)
