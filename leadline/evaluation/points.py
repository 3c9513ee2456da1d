"""Point-cloud metrics: how far the points of a prediction are from those of the truth. Chamfer distance, F-score, IoU.

After Örnek et al. 2022 (arXiv 2203.08122) as slowtv_monodepth computes them: both maps are unprojected with the same K at the
valid pixels, and every second point asks for its nearest neighbour among all points of the other cloud.
"""

from dataclasses import dataclass

import numpy as np

THRESHOLDS_M = (0.05, 0.10, 0.20)
EVERY = 2
"""Every how many points one asks for its neighbour."""
TINY = 1e-5
"""Added to denominators by the published code."""
FEWEST = 1e-3
"""Below this precision and recall nothing counts as found."""


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances [m] from points of the prediction to the truth's cloud, and from points of the truth to the prediction's."""

    of_pred: np.ndarray
    of_target: np.ndarray

    @property
    def chamfer(self) -> float:
        """Sum of the two mean distances [m]."""
        return float(self.of_pred.mean() + self.of_target.mean())

    def precision_recall(self, threshold: float) -> tuple[float, float]:
        """Shares of both clouds that lie closer than `threshold` [m] to the other."""
        return float(np.mean(self.of_pred < threshold)), float(np.mean(self.of_target < threshold))

    def f_score(self, threshold: float) -> float:
        """Harmonic mean of precision and recall at `threshold` [m]."""
        p, r = self.precision_recall(threshold)
        return 0.0 if p < FEWEST and r < FEWEST else 2 * p * r / (p + r + TINY)

    def iou(self, threshold: float) -> float:
        """Intersection over union of the clouds at `threshold` [m], P R / (P + R - P R)."""
        p, r = self.precision_recall(threshold)
        return 0.0 if p < FEWEST and r < FEWEST else p * r / (p + r - p * r + TINY)


def cloud(depth: np.ndarray, K: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Points (n, 3) [m] of the valid pixels of a depth map (h, w) [m], row by row, in the camera frame."""
    rows, columns = np.nonzero(valid)
    z = depth[rows, columns].astype(np.float64)
    rays = np.linalg.solve(K, np.stack([columns + 0.5, rows + 0.5, np.ones_like(z)]))
    return (rays * z).T


def distances(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None, K: np.ndarray) -> Distances:
    """Nearest-neighbour distances of two depth maps (h, w) [m] seen by one camera K [px]. Raises ValueError for no valid pixel."""
    from scipy.spatial import KDTree

    valid = np.ones(target.shape, dtype=bool) if valid is None else valid
    if not valid.any():
        raise ValueError("no valid pixel: there is no cloud")
    p, g = cloud(pred, K, valid), cloud(target, K, valid)
    return Distances(of_pred=KDTree(g).query(p[::EVERY])[0], of_target=KDTree(p).query(g[::EVERY])[0])
