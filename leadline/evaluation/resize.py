"""Bring a prediction to the size of the target, by the rule a protocol names. No antialiasing, as in every published evaluation.

Only the pixels that count are computed: a LiDAR target knows one pixel in twenty.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np

Resize = Literal["bilinear", "bilinear_align_corners", "nearest", "pad_bottom_centre"]

RESIZE_IN_WORDS: dict[Resize, str] = {
    "bilinear": "bilinear, align_corners=False, no antialiasing",
    "bilinear_align_corners": "bilinear with align_corners=True, no antialiasing",
    "nearest": "nearest",
    "pad_bottom_centre": "not resampled, put at the bottom centre of the target (packnet-sfm calls it top-center)",
}


def resize_map(values: np.ndarray, *, height: int, width: int, rule: Resize) -> np.ndarray:
    """`values` (h, w) resampled to `height` x `width`, float64. A pixel without an answer (NaN) leaves none wherever it is mixed in."""
    return sample_map(values, np.arange(height * width), height=height, width=width, rule=rule).reshape(height, width)


def sample_map(
    values: np.ndarray,
    pixels: np.ndarray,
    *,
    height: int,
    width: int,
    rule: Resize,
    through: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """The pixels (n), flat indices, of `resize_map`, float64 (n); `through` is applied to the values before they are mixed.

    Raises ValueError for a map too large to be padded.
    """
    old_height, old_width = values.shape
    flat = values.ravel()

    def read(where: np.ndarray) -> np.ndarray:
        taken = flat.take(where)
        return taken.astype(np.float64) if through is None else through(taken)

    if (old_height, old_width) == (height, width):
        return read(pixels)
    if rule == "pad_bottom_centre":
        return _padded(values if through is None else through(values), pixels, height=height, width=width)
    row = pixels // width
    column = pixels - row * width
    if rule == "nearest":
        rows, columns = np.arange(height) * old_height // height, np.arange(width) * old_width // width
        return read((rows * old_width).take(row) + columns.take(column))
    corners = rule == "bilinear_align_corners"
    top, bottom, down = _taps(old_height, height, corners)
    left, right, across = _taps(old_width, width, corners)
    first = (top * old_width).take(row)
    below = ((bottom - top) * old_width).take(row)
    first += left.take(column)
    beside = (right - left).take(column)
    weight = across.take(column)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is no answer, like NaN
        upper = _between(read(first), read(first + beside), weight)
        first += below
        lower = _between(read(first), read(first + beside), weight)
        return _between(upper, lower, down.take(row))


def _between(start: np.ndarray, end: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """start + (end - start) * weight, in the memory of both."""
    end -= start
    end *= weight
    start += end
    return start


def _padded(values: np.ndarray, pixels: np.ndarray, *, height: int, width: int) -> np.ndarray:
    top, left = height - values.shape[0], (width - values.shape[1]) // 2
    if top < 0 or left < 0:
        raise ValueError(f"a prediction of {values.shape[0]}x{values.shape[1]} cannot be padded to {height}x{width}")
    padded = np.full((height, width), np.nan)
    padded[top:, left : left + values.shape[1]] = values
    return padded.ravel()[pixels]


@lru_cache(maxsize=64)
def _taps(old: int, new: int, corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each new pixel: the two old pixels it lies between, and the weight of the second. Shared: never to be written to."""
    if corners:
        position = np.arange(new) * ((old - 1) / max(new - 1, 1))
    else:
        position = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0.0, old - 1.0)
    first = np.minimum(position.astype(np.int64), old - 1)
    second = np.minimum(first + 1, old - 1)
    return first, second, position - first
