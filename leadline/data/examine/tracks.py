"""Points followed from one small grey picture to the next, and what their motion says about the motion of the camera.

Optical flow is iterative Lucas-Kanade over a pyramid (Le Besnerais and Champagnat, ICIP 2005, as in scikit-image), read at corners
(Shi and Tomasi, CVPR 1994), and kept where flowing back returns to the start.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from skimage.feature import corner_peaks, corner_shi_tomasi
from skimage.measure import ransac
from skimage.registration import optical_flow_ilk
from skimage.transform import FundamentalMatrixTransform

from leadline.data.motion import exposed_like
from leadline.geometry.pose import invert
from leadline.geometry.twoview import parallax_px, pose_fit

NUM_CORNERS = 500
FEWEST = 25
"""Tracks below which nothing is said about a pair."""
_BACK_WITHIN_PX = 0.5
_BORDER_PX = 8


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where points are in two pictures, uv (n, 2) [px], the first pixel's centre at (0.5, 0.5)."""

    uv_a: Float[np.ndarray, "n 2"]
    uv_b: Float[np.ndarray, "n 2"]
    num_tried: int

    @property
    def enough(self) -> bool:
        """Whether something can be said from them."""
        return len(self.uv_a) >= FEWEST

    @property
    def flow_px(self) -> float:
        """Median length of the motion [px]."""
        return float(np.median(np.linalg.norm(self.uv_b - self.uv_a, axis=1)))

    def parallax_px(self, K: Float[np.ndarray, "3 3"]) -> float:
        """Median motion that no turn of the camera explains [px]."""
        return float(np.median(parallax_px(self.uv_a, self.uv_b, K)))

    def rigid_share(self) -> float:
        """Share of the points that one motion of the camera through a world at rest can explain; 0 when none is found."""
        model, inliers = ransac(
            (self.uv_a, self.uv_b),
            FundamentalMatrixTransform,
            min_samples=8,
            residual_threshold=RIGID_WITHIN_PX,
            max_trials=100,
            rng=0,
        )
        return float(np.mean(inliers)) if model is not None and inliers is not None else 0.0

    def agrees(self, K: Float[np.ndarray, "3 3"], a: Float[np.ndarray, "4 4"], b: Float[np.ndarray, "4 4"]) -> bool:
        """Whether poses `cam_from_world` of the two pictures explain the motion: near the lines, and in front of the cameras."""
        distance, way = pose_fit(self.uv_a, self.uv_b, K, b @ invert(a))
        far = np.abs(way) > NEAR_LINE_PX
        ahead = float((way[far] > 0).mean()) if far.sum() >= FEWEST else 1.0
        return float(np.median(distance)) < NEAR_LINE_PX and ahead > MOSTLY


RIGID_WITHIN_PX = 0.25
"""Distance from the best epipolar lines of points that stand still in the world [px of 320]."""
NEAR_LINE_PX = 0.75
"""Median distance from the epipolar lines up to which poses agree with what is seen [px of 320]."""
MOSTLY = 0.7


def follow(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> Tracks:
    """Corners of `a` in `b`, whose exposure may differ."""
    b = exposed_like(a, b)
    corners = corner_peaks(corner_shi_tomasi(a), min_distance=3, num_peaks=NUM_CORNERS, exclude_border=_BORDER_PX)  # pyright: ignore[reportArgumentType]
    if len(corners) == 0:
        return Tracks(np.zeros((0, 2)), np.zeros((0, 2)), 0)
    there, back = (optical_flow_ilk(*pair, radius=4, num_warp=3) for pair in ((a, b), (b, a)))
    flow = there[:, corners[:, 0], corners[:, 1]].T
    landed = corners + flow
    nearest = np.rint(landed).astype(int)
    inside = ((nearest >= 0) & (nearest < a.shape)).all(axis=1)
    corners, landed, flow, nearest = corners[inside], landed[inside], flow[inside], nearest[inside]
    returns = np.linalg.norm(flow + back[:, nearest[:, 0], nearest[:, 1]].T, axis=1) < _BACK_WITHIN_PX
    return Tracks(corners[returns][:, ::-1] + 0.5, landed[returns][:, ::-1] + 0.5, len(inside))
