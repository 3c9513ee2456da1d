"""Can self-supervision work with this footage? Everything that can be told from a minute's look, before hours of training."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from leadline.data.dataset import Dataset
from leadline.data.examine import findings
from leadline.data.examine.findings import SLOW_PX, Finding
from leadline.data.examine.pairs import NUM_PAIRS, RUN, Pair, look, widened
from leadline.data.examine.tracks import Tracks, follow


@dataclass(frozen=True)
class Examination:
    """What was found."""

    dataset: str
    findings: tuple[Finding, ...]
    broken: tuple[str, ...]
    """One line for each file that cannot be used."""
    seconds: float

    @property
    def works(self) -> bool:
        """Whether nothing is bad."""
        return all(finding.verdict != "bad" for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """Everything as plain values."""
        return {
            "dataset": self.dataset,
            "works": self.works,
            "seconds": round(self.seconds, 2),
            "findings": [vars(finding) for finding in self.findings],
            "broken": list(self.broken),
        }


def examine(
    dataset: Dataset,
    *,
    camera_source: str | None = None,
    broken: Sequence[str] = (),
    num_pairs: int = NUM_PAIRS,
    advance: Callable[[int], None] | None = None,
) -> Examination:
    """Look at up to `num_pairs` neighbours of `dataset`. `camera_source` says where its K comes from, `broken` are lines about
    files that are known to be unusable.

    `advance` is called with 1 for each pair that was read, and again when it has been looked at. Raises no UserError:
    broken files are findings.
    """
    started = time.monotonic()
    looked = look(dataset, num_pairs=num_pairs, advance=advance)
    looked.broken = list(dict.fromkeys([*broken, *looked.broken]))
    pairs = [pair for pair in looked.pairs if pair.first.grey.shape == pair.second.grey.shape]
    found: list[Finding | None] = [findings.files(looked), findings.frames(looked), findings.missing(looked)]
    if pairs:
        found += [findings.order(pairs), findings.times(pairs), findings.copies(pairs), findings.still(pairs)]
        steps, wide, tracks = 1, pairs, _followed(pairs, advance)
        if _median_flow_px(tracks) < SLOW_PX and (apart := widened(pairs)):
            steps, wide, tracks = RUN, apart, _followed(apart, None)
        found += [findings.parallax(wide, tracks, steps=steps), findings.rigidity(tracks), findings.exposure(pairs)]
        found += [findings.clipped(pairs), findings.blur(pairs), findings.texture(pairs)]
        found += [findings.intrinsics(pairs, source=camera_source), findings.poses(wide, tracks)]
    return Examination(
        dataset.name, tuple(finding for finding in found if finding is not None), tuple(looked.broken), time.monotonic() - started
    )


def _followed(pairs: Sequence[Pair], advance: Callable[[int], None] | None) -> list[Tracks]:
    tracks = []
    for pair in pairs:
        tracks.append(follow(pair.first.grey, pair.second.grey))
        if advance is not None:
            advance(1)
    return tracks


def _median_flow_px(tracks: Sequence[Tracks]) -> float:
    return float(np.median([track.flow_px for track in tracks if track.enough] or [np.inf]))
