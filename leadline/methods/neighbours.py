"""From a sample to the reference pictures and their sources: the neighbours in time and, on a rig, the cameras beside each one."""

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Sample
from leadline.geometry.pose import compose, invert
from leadline.losses.reprojection import Neighbours


def find_neighbours(sample: Sample, *, rig: bool, motion: Float[Tensor, "f n 4 4"] | None = None) -> Neighbours:
    """Frame 0 of all views of a batch (n = b v) beside its sources, each for all n: the other frames, then neighbouring cameras.

    With `rig` the cameras before and after in ring order, at the same time, are sources too. `motion` is `source_from_ref` of
    the other frames where a network says it; without it the sample's `cam_from_world` does. Cameras that are known to
    stand beside each other are related by `cam_from_rig` then.
    """
    places = _places(sample, rig=rig)
    usable = None if sample.usable is None or bool(sample.usable.all()) else sample.usable
    if motion is None:
        assert sample.cam_from_world is not None
        poses = _relative(sample.cam_from_world, places)
    else:
        across = [(0, turn) for _, turn in places if turn]
        beside = [] if not across else [_relative(_known(sample.cam_from_rig), across)]
        poses = torch.cat([motion, *(pose.to(motion) for pose in beside)])
    return Neighbours(
        image=sample.image[:, 0].flatten(0, 1),
        K=sample.K[:, 0].flatten(0, 1),
        sources=_at(sample.image, places),
        K_src=_at(sample.K, places),
        source_from_ref=poses,
        across=tuple(turn != 0 for _, turn in places),
        usable=None if usable is None else usable[:, 0].flatten(0, 1),
        usable_src=None if usable is None else _at(usable, places),
    )


def _places(sample: Sample, *, rig: bool) -> list[tuple[int, int]]:
    """For each source its frame and how many cameras further round the ring it is."""
    frames, views = sample.image.shape[1:3]
    turns = () if not rig or views == 1 else (1,) if views == 2 else (1, -1)
    return [*((frame, 0) for frame in range(1, frames)), *((0, turn) for turn in turns)]


def _at(values: Tensor, places: list[tuple[int, int]]) -> Tensor:
    """(s n ...) of (b t v ...)."""
    return torch.stack([values[:, frame].roll(-turn, dims=1).flatten(0, 1) for frame, turn in places])


def _relative(cam_from_any: Tensor, places: list[tuple[int, int]]) -> Tensor:
    """`source_from_ref` (s n 4 4). Worlds are large and steps small, so the product is taken in float64."""
    poses = cam_from_any.double()
    return compose(_at(poses, places), invert(poses[:, 0].flatten(0, 1))).to(cam_from_any.dtype)


def _known(cam_from_rig: Tensor | None) -> Tensor:
    assert cam_from_rig is not None
    return cam_from_rig
