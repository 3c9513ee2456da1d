"""Metrics of video: does depth flicker? Against the previous frame warped by true poses, and raw where the image stands still."""

from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from leadline.data.dataset import Record, View
from leadline.evaluation.agreement import Disagreement, disagreement, mean_of
from leadline.geometry.pose import compose, invert

STILL = 2
"""A pixel stands still where no colour channel changes by more than this, of 255."""
FEWEST_STILL = 100
"""Fewest still pixels [px] of a pair of frames for the raw flicker."""


@dataclass(frozen=True)
class Temporal:
    """Means over pairs of neighbouring frames of each camera."""

    warped: Disagreement | None
    """Of each frame with the next one about the points of the former, moved by true poses."""
    raw: float | None
    """Mean |ln p(t) - ln p(t+1)| at pixels whose image stands still."""
    num_pairs: int
    num_still_pairs: int

    def to_record(self) -> dict[str, Any]:
        """Ready for JSON."""
        warped = None if self.warped is None else self.warped.to_record()
        return {"warped": warped, "raw": self.raw, "num_pairs": self.num_pairs, "num_still_pairs": self.num_still_pairs}


@dataclass
class TemporalWatch:
    """Compares every frame with the one before it of the same camera and recording."""

    warped: list[Disagreement | None] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    num_pairs: int = 0
    _last: dict[tuple[str, str], tuple[int, View, np.ndarray]] = field(default_factory=dict)

    def see(self, record: Record, view: View, depth: np.ndarray) -> None:
        """The next frame with its aligned depth (h, w) [m], 0 = no answer, at any size."""
        key = record.sequence, view.camera.name
        if key in self._last:
            frame, before, depth_before = self._last[key]
            if frame + 1 == record.frame and depth_before.shape == depth.shape:
                self.num_pairs += 1
                self.warped.append(warped_flicker(before, depth_before, view, depth))
                raw = raw_flicker(before.image, depth_before, view.image, depth)
                if raw is not None:
                    self.raw.append(raw)
        self._last[key] = record.frame, view, depth

    def result(self) -> Temporal:
        """The means so far."""
        return Temporal(mean_of(self.warped), fmean(self.raw) if self.raw else None, self.num_pairs, len(self.raw))


def warped_flicker(view_a: View, depth_a: np.ndarray, view_b: View, depth_b: np.ndarray) -> Disagreement | None:
    """Disagreement of two frames of a camera about the points of the first; None without true poses or anything in common."""
    if view_a.cam_from_world is None or view_b.cam_from_world is None:
        return None
    height, width = depth_a.shape
    return disagreement(
        depth_a,
        depth_b,
        K_a=view_a.camera.resized(height=height, width=width).K,
        K_b=view_b.camera.resized(height=height, width=width).K,
        b_from_a=compose(view_b.cam_from_world, invert(view_a.cam_from_world)),
    )


def raw_flicker(image_a: np.ndarray, depth_a: np.ndarray, image_b: np.ndarray, depth_b: np.ndarray) -> float | None:
    """Mean |ln a - ln b| where the two images (H, W, 3) uint8 stand still; None where too little does.

    Depth maps (h, w) [m], 0 = no answer, of another size than the images ask the image at their pixel (nearest).
    """
    if image_a.shape != image_b.shape:
        return None
    rows = np.arange(depth_a.shape[0]) * image_a.shape[0] // depth_a.shape[0]
    columns = np.arange(depth_a.shape[1]) * image_a.shape[1] // depth_a.shape[1]
    a, b = (image[rows[:, None], columns].astype(np.int16) for image in (image_a, image_b))
    still = (np.abs(a - b).max(axis=-1) <= STILL) & (depth_a > 0) & (depth_b > 0)
    if np.count_nonzero(still) < FEWEST_STILL:
        return None
    return float(np.abs(np.log(depth_a[still] / depth_b[still])).mean())
