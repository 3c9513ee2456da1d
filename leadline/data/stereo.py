"""Depth of a video's pictures from their neighbours in time, without a network, and the surfaces it looks through.

What the mask `stereo` of `intrinsic` and the labels of `leadline label --rule stereo` are made of. It needs known poses.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from leadline.data.dataset import Dataset, Record, View, by_sequence, frames_beside
from leadline.geometry.openings import closed_openings
from leadline.geometry.pose import compose, invert
from leadline.geometry.stereo import multi_view_depth
from leadline.types import UserError

STEREO = "stereo"
"""Layer: depth [m] from neighbours in time. Behind a mirror it is that of the mirror image."""
CLOSED = "closed"
"""Layer: depth [m] of the surface in front of what stereo sees through it; 0 where there is none."""
REACH = 3
"""Steps before and after that are looked at."""
NEAREST_M, FARTHEST_M, NUM_DEPTHS = 0.6, 25.0, 64
"""Depths that are told apart, evenly in their logarithm; a mirror image may be farther than any wall."""
LEAST_MOTION_M = 1e-3
_POSE = frozenset({"cam_from_world"})


class WithStereo:
    """A data set whose views have the layers `stereo` and `closed` as well, made when they are asked for.

    A view takes about half a second: keep views in memory (`ViewCache`) when training. Neighbours are `step` frames apart.
    Raises UserError when `dataset` has no poses.
    """

    def __init__(self, dataset: Dataset, *, step: int = 1) -> None:
        if "cam_from_world" not in dataset.layers:
            wrong = "has no cam_from_world, without which pictures give no depth"
            raise UserError(dataset.name, wrong, "give known poses, or another --method.mask")
        self._dataset, self._step = dataset, step
        self.name, self.records, self.moments = dataset.name, dataset.records, dataset.moments
        self.layers = dataset.layers | {STEREO, CLOSED}
        self._of_sequence = by_sequence(dataset.moments)

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set; where nothing moved there is no depth, and nothing is closed."""
        made = layers & {STEREO, CLOSED}
        if not made:
            return self._dataset.view(record, camera, layers)
        view = self._dataset.view(record, camera, layers - made | _POSE)
        offsets = [self._step * steps for steps in range(-REACH, REACH + 1) if steps]
        beside = frames_beside(self._of_sequence[record.sequence], record, camera, offsets)
        depth = stereo_depth(view, [self._dataset.view(other, camera, _POSE) for other in beside])
        closed = closed_openings(depth, view.camera.K) if depth.all() else np.zeros_like(depth)
        found = {STEREO: depth, CLOSED: closed}
        return replace(view, **{name: found[name] for name in made}, **dict.fromkeys(_POSE - layers))


def stereo_step(frames: Sequence[int]) -> int:
    """Frames between neighbours, for samples of these `frames`: half the distance of the nearest, so that most are farther."""
    return max(1, min((abs(offset) for offset in frames if offset), default=1) // 2)


def stereo_depth(view: View, others: list[View]) -> np.ndarray:
    """Depth float32 (h, w) [m] of `view` from other pictures of its scene, of one size, with their poses; 0 when none has moved."""
    from_view = [from_reference(view, other) for other in others]
    moved = [i for i, pose in enumerate(from_view) if np.linalg.norm(pose[:3, 3]) > LEAST_MOTION_M]
    if not moved:
        return np.zeros(view.image.shape[:2], dtype=np.float32)
    return multi_view_depth(
        colours(view.image),
        torch.stack([colours(others[i].image) for i in moved]),
        torch.from_numpy(view.camera.K).float(),
        torch.from_numpy(np.stack([others[i].camera.K for i in moved])).float(),
        torch.from_numpy(np.stack([from_view[i] for i in moved])).float(),
        torch.logspace(math.log10(FARTHEST_M), math.log10(NEAREST_M), NUM_DEPTHS),
    )


def from_reference(view: View, other: View) -> np.ndarray:
    """Pose (4, 4) of the camera of `other` in that of `view`: its points into the other camera. Both views have their poses."""
    assert view.cam_from_world is not None and other.cam_from_world is not None
    return compose(other.cam_from_world, invert(view.cam_from_world))


def colours(image: np.ndarray) -> torch.Tensor:
    """(3, h, w) in [0, 1] of uint8 (h, w, 3)."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
