"""What an evaluation gives back: numbers that cannot be separated from the protocol, counts and rules they were made with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from statistics import fmean
from typing import Any

from leadline.evaluation.metrics import METRICS
from leadline.evaluation.protocols import Protocol, as_record, describe
from leadline.evaluation.score import Row
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
            "metrics": self.metrics,
            "regions": {
                name: {"num_images": r.num_images, "num_pixels": r.num_pixels, "metrics": r.metrics} for name, r in self.regions.items()
            },
            "description": self.description,
            "notes": list(self.notes),
            "skipped": list(self.skipped),
            "per_image": [
                {
                    "name": row.name,
                    "camera": row.camera,
                    "num_pixels": row.num_pixels,
                    "num_unanswered": row.num_unanswered,
                    "scale": row.scale,
                    "shift": row.shift,
                    "metrics": row.metrics,
                }
                for row in self.per_image
            ],
        }


def reduce_rows(rows: Sequence[Row], protocol: Protocol) -> dict[str, float]:
    """One number per metric from the rows of images, by the protocol's rule."""
    match protocol.reduce:
        case "image_mean":
            return _mean([row.metrics for row in rows])
        case "camera_mean":
            cameras = dict.fromkeys(row.camera for row in rows)
            return _mean([_mean([row.metrics for row in rows if row.camera == camera]) for camera in cameras])
        case "pixel_mean":
            pooled = reduce(add, (row.moments for row in rows if row.moments is not None))
            return {name: METRICS[name].of(pooled) for name in rows[0].metrics}


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


def _mean(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(m[name] for m in metrics) for name in metrics[0]}
