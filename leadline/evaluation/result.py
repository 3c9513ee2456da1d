"""What an evaluation gives back: numbers that cannot be separated from the protocol, counts and rules they were made with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from leadline.evaluation.bootstrap import Bootstrap
from leadline.evaluation.explain import as_record, describe
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.reduce import reduce_rows
from leadline.evaluation.score import Row
from leadline.evaluation.surround import Surround
from leadline.evaluation.temporal import Temporal
from leadline.types import DepthKind


@dataclass(frozen=True)
class Region:
    """Numbers of a part of the data: one camera, or the pixels of one material."""

    num_images: int
    num_pixels: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """The numbers of one predictor on one set of images under one protocol.

    `description` says in words what was done (`resize` and `alignment` with what actually happened); `notes` holds everything
    a reader must know before comparing: skipped images, pixels without an answer, a partial set.
    """

    protocol: Protocol
    predictor: str
    data: str
    kind: DepthKind
    num_images: int
    num_pixels: int
    metrics: dict[str, float]
    per_image: tuple[Row, ...]
    regions: dict[str, Region] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    """Names of images with too few valid pixels, where the protocol allows that."""
    unreadable: tuple[str, ...] = ()
    """A line for each image whose files are missing or broken, where those are left out."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """(low, high) of each metric, by `bootstrap`; empty without it, and for a single image."""
    bootstrap: Bootstrap | None = None
    surround: Surround | None = None
    temporal: Temporal | None = None

    def to_record(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "protocol": as_record(self.protocol),
            "predictor": self.predictor,
            "data": self.data,
            "kind": self.kind.value,
            "num_images": self.num_images,
            "num_pixels": self.num_pixels,
            "num_skipped": len(self.skipped),
            "num_unreadable": len(self.unreadable),
            "metrics": self.metrics,
            "intervals": self._intervals(),
            "surround": None if self.surround is None else self.surround.to_record(),
            "temporal": None if self.temporal is None else self.temporal.to_record(),
            "regions": {
                name: {"num_images": r.num_images, "num_pixels": r.num_pixels, "metrics": r.metrics} for name, r in self.regions.items()
            },
            "description": self.description,
            "notes": list(self.notes),
            "skipped": list(self.skipped),
            "unreadable": list(self.unreadable),
            "per_image": [
                {
                    "name": row.name,
                    "camera": row.camera,
                    "sequence": row.sequence,
                    "num_pixels": row.num_pixels,
                    "num_unanswered": row.num_unanswered,
                    "scale": row.scale,
                    "shift": row.shift,
                    "metrics": row.metrics,
                }
                for row in self.per_image
            ],
        }

    def _intervals(self) -> dict[str, Any] | None:
        if self.bootstrap is None:
            return None
        return {**asdict(self.bootstrap), "metrics": {name: list(interval) for name, interval in self.intervals.items()}}


def region_of(rows: Sequence[Row], protocol: Protocol) -> Region:
    """The rows of one region as a Region."""
    return Region(len(rows), sum(row.num_pixels for row in rows), reduce_rows(rows, protocol))


def description_of(protocol: Protocol, sizes: Mapping[tuple[tuple[int, int], tuple[int, int]], int], rows: Sequence[Row]) -> dict[str, str]:
    """`describe`, with the sizes (prediction, target) and the scales that occurred."""
    words = describe(protocol)
    changed = [f"{h}x{w} to {hh}x{ww} ({num})" for ((h, w), (hh, ww)), num in Counter(sizes).most_common() if (h, w) != (hh, ww)]
    if not changed:
        words["resize"] = f"not needed, predictions have the size of the target (rule: {words['resize']})"
    else:
        words["resize"] += "; " + ", ".join(changed[:3]) + (f" and {len(changed) - 3} other sizes" if len(changed) > 3 else "")
    if protocol.align not in ("none", "factor"):
        scales = sorted(row.scale for row in rows)
        words["alignment"] += f"; scales {scales[0]:.4g} .. {scales[-1]:.4g}, median {scales[len(scales) // 2]:.4g}"
    return words
