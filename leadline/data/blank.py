"""A stand-in for a camera of a rig whose files cannot be read: grey, nothing usable, nothing known, at its place on the vehicle."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.geometry.pose import compose, invert
from leadline.types import UserError

GREY = 128
TRIED = 8
"""Moments that are asked for the calibration of a camera, the nearest in time first."""


def stand_in(
    dataset: Dataset, moments: Mapping[int, Record], record: Record, camera: str, layers: frozenset[str], *, sibling: View, lost: UserError
) -> View:
    """What `camera` would have seen at `record`, were it dead: nothing. `lost` says why, and is raised where no stand-in can be made.

    Its calibration is that of the nearest of the `moments` of its sequence in which it can be read; its time and its pose in the
    world follow from `sibling`, another camera of the record.
    """
    for like in _seen_at_other_times(dataset, moments, record, camera, layers):
        return _blanked(like, sibling, lost)
    raise lost


def _seen_at_other_times(
    dataset: Dataset, moments: Mapping[int, Record], record: Record, camera: str, layers: frozenset[str]
) -> Iterator[View]:
    others = [moment for frame, moment in moments.items() if frame != record.frame and camera in moment.cameras]
    for moment in sorted(others, key=lambda moment: abs(moment.frame - record.frame))[:TRIED]:
        try:
            yield dataset.view(moment, camera, layers)
        except UserError:
            continue


def _blanked(like: View, sibling: View, lost: UserError) -> View:
    empty: dict[str, Any] = {f.name: _emptied(getattr(like, f.name)) for f in fields(like)}
    height, width = like.image.shape[:2]
    empty["image"] = np.full_like(like.image, GREY)
    empty["usable"] = np.zeros((height, width), dtype=bool)
    if like.cam_from_world is not None:
        if like.camera.rig_from_cam is None or sibling.camera.rig_from_cam is None or sibling.cam_from_world is None:
            raise lost  # nobody knows where it was
        cam_from_sibling = compose(invert(like.camera.rig_from_cam), sibling.camera.rig_from_cam)
        empty["cam_from_world"] = compose(cam_from_sibling, sibling.cam_from_world)
    empty |= {"path": Path(lost.subject), "time_s": sibling.time_s}
    return replace(like, **empty)


def _emptied(value: Any) -> Any:
    """Arrays of zeros, also those in a table; everything else as it is."""
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    return {name: _emptied(inner) for name, inner in value.items()} if isinstance(value, dict) else value
