"""From the rows of images to one number per metric, by the rule that a protocol names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from statistics import fmean

from leadline.evaluation.metrics import METRICS, Moments
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.score import Row


def reduce_rows(rows: Sequence[Row], protocol: Protocol) -> dict[str, float]:
    """One number per metric from the rows of images. A metric that an image does not have is averaged over the others."""
    match protocol.reduce:
        case "image_mean":
            return _mean([row.metrics for row in rows])
        case "camera_mean":
            return _camera_mean(rows)
        case "camera_batch_mean":
            return _camera_mean(batch_rows(rows))
        case "pixel_mean":
            pooled = pooled_moments(rows)
            return {name: METRICS[name].of(pooled) for name in rows[0].metrics}


def batch_rows(rows: Sequence[Row]) -> list[Row]:
    """One row for the pooled pixels of each batch of each camera, in the order in which they begin."""
    batches: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        batches.setdefault((row.camera, row.batch), []).append(row)
    merged = []
    for members in batches.values():
        pooled = pooled_moments(members)
        numbers = {name: METRICS[name].of(pooled) for name in members[0].metrics}
        merged.append(replace(members[0], num_pixels=pooled.num_pixels, metrics=numbers, moments=pooled))
    return merged


def pooled_moments(rows: Sequence[Row]) -> Moments:
    """Moments of all pixels of the rows."""
    return reduce(add, (row.moments for row in rows if row.moments is not None))


def _camera_mean(rows: Sequence[Row]) -> dict[str, float]:
    cameras = dict.fromkeys(row.camera for row in rows)
    return _mean([_mean([row.metrics for row in rows if row.camera == camera]) for camera in cameras])


def _mean(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for m in metrics for name in m)
    return {name: fmean(m[name] for m in metrics if name in m) for name in names}
