"""Edge accuracy and completeness: how far depth edges are from where the truth has them. For dense truth only.

After Koch et al. 2018 (iBims-1, arXiv 1805.01328) in the form slowtv_monodepth computes: Canny edges of log depth, distances in
pixels, predicted edges farther than 10 px from any true one left out.
"""

import numpy as np

FARTHEST_PX = 10.0
"""Predicted edges farther than this from a true edge are left out; a prediction without edges gets this distance."""
SIGMA = 1.0


def depth_edges(depth: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Canny edges (h, w) of log depth, where the map is valid."""
    from skimage.feature import canny

    valid = np.ones(depth.shape, dtype=bool) if valid is None else valid
    logs = np.log(np.where(valid, depth, 1.0), dtype=np.float64)
    return canny(logs, sigma=SIGMA, mask=valid)


def edge_distances(
    *, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, target_edges: np.ndarray | None = None
) -> tuple[float, float] | None:
    """(accuracy, completeness) [px] of two depth maps (h, w): predicted edges to true ones, and true ones to predicted ones.

    `target_edges` are the truth's own edge map where a data set has one; otherwise its edges are found like the prediction's.
    None where the truth has no edge: there is no distance to nothing.
    """
    from scipy.ndimage import distance_transform_edt

    true_edges = depth_edges(target, valid) if target_edges is None else target_edges
    if not true_edges.any():
        return None
    found = depth_edges(pred, valid)
    to_true = np.asarray(distance_transform_edt(~true_edges))
    near = found & (to_true < FARTHEST_PX)
    if not near.any():
        return FARTHEST_PX, FARTHEST_PX
    to_found = np.asarray(distance_transform_edt(~found))
    return float(to_true[near].mean()), float(to_found[true_edges].mean())
