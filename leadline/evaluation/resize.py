"""Bring a prediction to the size of the target, by the rule a protocol names. No antialiasing, as in every published evaluation."""

from typing import Literal

import numpy as np

Resize = Literal["bilinear", "bilinear_align_corners", "nearest"]

RESIZE_IN_WORDS: dict[Resize, str] = {
    "bilinear": "bilinear, align_corners=False, no antialiasing",
    "bilinear_align_corners": "bilinear with align_corners=True, no antialiasing",
    "nearest": "nearest",
}


def resize_map(values: np.ndarray, *, height: int, width: int, rule: Resize) -> np.ndarray:
    """`values` (h, w) resampled to `height` x `width`, float64. A pixel without an answer (NaN) leaves none wherever it is mixed in."""
    if values.shape == (height, width):
        return values.astype(np.float64)
    if rule == "nearest":
        rows = (np.arange(height) * values.shape[0] / height).astype(np.int64)
        columns = (np.arange(width) * values.shape[1] / width).astype(np.int64)
        return values[rows[:, None], columns].astype(np.float64)
    corners = rule == "bilinear_align_corners"
    top, bottom, down = _taps(values.shape[0], height, corners)
    left, right, across = _taps(values.shape[1], width, corners)
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is no answer, like NaN
        wide = wide[:, left] + (wide[:, right] - wide[:, left]) * across
        return wide[top] + (wide[bottom] - wide[top]) * down[:, None]


def _taps(old: int, new: int, corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each new pixel: the two old pixels it lies between, and the weight of the second."""
    if corners:
        position = np.arange(new) * ((old - 1) / max(new - 1, 1))
    else:
        position = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0.0, old - 1.0)
    first = np.minimum(position.astype(np.int64), old - 1)
    second = np.minimum(first + 1, old - 1)
    return first, second, position - first
