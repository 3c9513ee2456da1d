"""Boundary metrics: are depth edges where the truth has them? Depth Pro's F1 and recall, MoGe's F1. For sharp, dense truth only.

Both compare ordered pairs of neighbouring pixels. A pair is an edge at threshold t where the nearer pixel is more than t times as
near. A pair counts when both of its pixels are valid, which is how holes in the truth are left out (Depth Pro has no such mask).
"""

import numpy as np

NUM_THRESHOLDS = 10
SMALLEST_DEPTH_M = 1e-6
BLOCK = 65536


def si_boundary_f1(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Scale-invariant boundary F1 of two depth maps (h, w) (Depth Pro, arXiv 2410.02073, section 3 and its evaluation code)."""
    thresholds = np.linspace(1.05, 1.25, NUM_THRESHOLDS)
    edges = _Edges(pred=pred, target=target, valid=valid, thresholds=thresholds)
    precision, recall = np.zeros(NUM_THRESHOLDS), np.zeros(NUM_THRESHOLDS)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        in_pred, in_target, in_both = edges.counts(dy, dx)
        precision += in_both / np.maximum(in_pred, 1) / 4
        recall += in_both / np.maximum(in_target, 1) / 4
    return float(_f1(precision, recall) @ thresholds / thresholds.sum())


def si_boundary_recall(*, pred: np.ndarray, matte: np.ndarray, alpha: float = 0.1) -> float:
    """Share of the outline of a matte (h, w), foreground where `matte > alpha`, that the depth map has as thinned edges (Depth Pro)."""
    thresholds = np.linspace(1.05, 1.25, NUM_THRESHOLDS)
    depth, foreground = _positive(np.asarray(pred, dtype=np.float64)), np.asarray(matte) > alpha
    recall = np.zeros(NUM_THRESHOLDS)
    for axis in (0, 1):
        lines, inside = (depth, foreground) if axis else (depth.T, foreground.T)
        for near, far in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:, 1:], np.s_[:, :-1])):
            outline = inside[near] & ~inside[far]
            ratio = lines[far] / lines[near]
            for i, t in enumerate(thresholds):
                recall[i] += np.count_nonzero(_thinned(ratio, t) & outline) / max(np.count_nonzero(outline), 1) / 4
    return float(recall @ thresholds / thresholds.sum())


def moge_boundary_f1(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, radius: int = 1) -> float:
    """Boundary F1 of MoGe over a disc of `radius` [px] around every inner pixel; `pred` must be aligned depth (arXiv 2507.02546)."""
    levels = np.linspace(0.05, 0.25, NUM_THRESHOLDS)
    counts = moge_edge_counts(pred=pred, target=target, valid=valid, radius=radius)
    in_pred, in_target, in_both = counts
    precision, recall = in_both / np.maximum(in_pred, 1), in_both / np.maximum(in_target, 1)
    return float(_f1(precision, recall) @ levels / levels.sum())


def moge_edge_counts(*, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, radius: int = 1) -> np.ndarray:
    """Edges (3, thresholds) in the prediction, in the target and in both, at ratios to the centre above 1.05 .. 1.25."""
    thresholds = 1.0 + np.linspace(0.05, 0.25, NUM_THRESHOLDS)
    edges = _Edges(pred=pred, target=target, valid=valid, thresholds=thresholds, border=radius)
    around = range(-radius, radius + 1)
    disc = [(dy, dx) for dy in around for dx in around if 0 < dy * dy + dx * dx <= radius * radius]
    return np.sum([edges.counts(dy, dx) for dy, dx in disc], axis=0)


def _positive(depth: np.ndarray) -> np.ndarray:
    """At least a micrometre, as Depth Pro clips before it inverts."""
    return np.maximum(depth, SMALLEST_DEPTH_M) if depth.size and depth.min() < SMALLEST_DEPTH_M else depth


class _Edges:
    """Counts pairs (pixel, pixel + (dy, dx)) whose second is farther by more than each threshold.

    Pixels nearer than `border` to the edge of the image start no pair. Few pairs pass the lowest threshold: they are
    looked for in float32, in flat maps a block at a time, and counted in float64.
    """

    def __init__(self, *, pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None, thresholds: np.ndarray, border: int = 0) -> None:
        self.height, self.width = np.shape(pred)
        self.exact = np.ravel(pred), np.ravel(target)
        self.coarse = tuple(_positive(m.astype(np.float32, copy=False)) for m in self.exact)
        self.valid = None if valid is None else np.ravel(valid)
        self.thresholds, self.border = thresholds, border

    def counts(self, dy: int, dx: int) -> np.ndarray:
        """Pairs above each threshold in the prediction, in the target and in both, (3, thresholds)."""
        first = self._candidates(dy * self.width + dx)
        row, column = np.divmod(first, self.width)
        inner = (column + dx >= 0) & (column + dx < self.width)
        if self.border:
            for position, size in ((row, self.height), (column, self.width)):
                inner &= (position >= self.border) & (position < size - self.border)
        first = first[inner]
        second = first + (dy * self.width + dx)
        if self.valid is not None:
            usable = self.valid[first] & self.valid[second]
            first, second = first[usable], second[usable]
        in_pred, in_target = (_positive(m[second].astype(np.float64)) / _positive(m[first].astype(np.float64)) for m in self.exact)
        return np.array([_num_above(values, self.thresholds) for values in (in_pred, in_target, np.minimum(in_pred, in_target))])

    def _candidates(self, offset: int) -> np.ndarray:
        lowest = np.float32(self.thresholds[0] - 1e-4)
        begin, end = max(0, -offset), self.height * self.width - max(0, offset)
        found = [np.empty(0, dtype=np.int64)]
        for i in range(begin, end, BLOCK):
            j = min(i + BLOCK, end)
            in_pred, in_target = (m[i + offset : j + offset] / m[i:j] > lowest for m in self.coarse)
            found.append(np.flatnonzero(in_pred | in_target) + i)
        return np.concatenate(found)


def _num_above(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return values.size - np.searchsorted(np.sort(values), thresholds, side="right")


def _f1(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    total = precision + recall
    return np.divide(2.0 * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def _thinned(ratio: np.ndarray, threshold: float) -> np.ndarray:
    """The largest ratio of every horizontal run above the threshold; the first where several are equal."""
    above = ratio > threshold
    kept = np.zeros_like(above)
    rows, columns = np.nonzero(above)
    if rows.size == 0:
        return kept
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(rows) != 0) | (np.diff(columns) != 1)]))
    values = ratio[rows, columns]
    run = np.repeat(np.arange(starts.size), np.diff(np.append(starts, rows.size)))
    peaks = np.flatnonzero(values == np.maximum.reduceat(values, starts)[run])
    first = peaks[np.unique(run[peaks], return_index=True)[1]]
    kept[rows[first], columns[first]] = True
    return kept
