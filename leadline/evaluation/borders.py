"""Edge separation: how much of the true step between two things a prediction keeps. For dense truth with instance ids only. Ours.

Foundation models blur borders and merge what overlaps. Boundary F1 (boundary.py) asks whether an edge is there; this asks how high it is,
right at the border (1 pixel apart) and a little away from it (3 and 7), where a blurred border has had room to recover and a merged
one has not.
"""

import numpy as np

DISTANCES_PX = (1, 3, 7)
LEAST_STEP = 1.05
"""Borders where one side is not this much farther than the other are none of depth: a book lies on its table."""


def separations(*, pred: np.ndarray, target: np.ndarray, instance: np.ndarray, valid: np.ndarray) -> dict[int, float]:
    """Mean share of the true step in log depth that `pred` (h, w) makes, by distance [px]; 1 is all of it, 0 none or the wrong way.

    Over all rows and columns, for pairs of pixels with one border of `instance` (h, w) in the middle between them, whose sides belong
    to one thing each. A distance without such a pair is left out.
    """
    logs = [np.log(np.where(valid, depth, 1.0), dtype=np.float64) for depth in (pred, target)]
    found = {}
    for distance in DISTANCES_PX:
        shares = np.concatenate([_shares(distance, *(m.swapaxes(0, axis) for m in (*logs, instance, valid))) for axis in (0, 1)])
        if shares.size:
            found[distance] = float(shares.mean())
    return found


def _shares(distance: int, pred: np.ndarray, target: np.ndarray, instance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Of all counted pairs of pixels `distance` rows apart; maps hold log depth."""
    if len(pred) <= distance:
        return np.empty(0)
    inner = (distance - 1) // 2
    rows = len(pred) - distance
    first, before, after, last = (slice(start, start + rows) for start in (0, inner, inner + 1, distance))
    step = target[last] - target[first]
    counts = valid[first] & valid[last] & (np.abs(step) > np.log(LEAST_STEP))
    counts &= (instance[first] == instance[before]) & (instance[before] != instance[after]) & (instance[after] == instance[last])
    return np.clip((pred[last] - pred[first])[counts] / step[counts], 0.0, 1.0)
