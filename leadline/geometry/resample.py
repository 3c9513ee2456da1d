"""A depth map at another size, as the networks' own code does it: bilinear or bicubic, no antialiasing, corners not mixed in.

Equal to `torch.nn.functional.interpolate(align_corners=False)`, in NumPy, so that exported networks need no torch.
"""

from functools import lru_cache
from typing import Literal

import numpy as np

_CUBIC = -0.75
"""The free parameter of Keys' cubic convolution that torch and OpenCV have (Pillow has -0.5)."""


def resize_values(values: np.ndarray, *, height: int, width: int, kernel: Literal["bilinear", "bicubic"] = "bilinear") -> np.ndarray:
    """`values` (h, w) as float32 (height, width). A pixel that is not finite spoils those that it is mixed into."""
    values = np.asarray(values, dtype=np.float32)
    if values.shape == (height, width):
        return values
    # First the axis on which the result has few rows still, then whole rows, which lie together in memory.
    return _along_rows(_along_columns(values, width, kernel), height, kernel)


def resize_valid(valid: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """`valid` bool (h, w) at `height` x `width`: each new pixel takes the old one under its centre."""
    rows, columns = (((np.arange(new) + 0.5) * (old / new)).astype(np.int64) for old, new in zip(valid.shape, (height, width), strict=True))
    return valid[rows][:, columns]


def _along_columns(values: np.ndarray, width: int, kernel: str) -> np.ndarray:
    if values.shape[1] == width:
        return values
    taps, weights = _taps(values.shape[1], width, kernel)
    mixed = values[:, taps[0]] * weights[0]
    for tap, weight in zip(taps[1:], weights[1:], strict=True):
        mixed += values[:, tap] * weight
    return mixed


def _along_rows(values: np.ndarray, height: int, kernel: str) -> np.ndarray:
    if values.shape[0] == height:
        return values
    taps, weights = _taps(values.shape[0], height, kernel)
    mixed = values[taps[0]] * weights[0][:, None]
    part = np.empty_like(mixed)
    for tap, weight in zip(taps[1:], weights[1:], strict=True):
        np.take(values, tap, axis=0, out=part)
        part *= weight[:, None]
        mixed += part
    return mixed


@lru_cache(maxsize=64)
def _taps(old: int, new: int, kernel: str) -> tuple[np.ndarray, np.ndarray]:
    """For each new pixel the old ones that it is mixed from (k, new) and their weights (k, new). Shared: never to be written to."""
    centre = (np.arange(new) + 0.5) * (old / new) - 0.5
    if kernel == "bilinear":
        centre = np.clip(centre, 0.0, None)
        first, offsets = np.floor(centre), (0, 1)
        share = centre - first
        weights = np.stack([1 - share, share])
    else:
        first, offsets = np.floor(centre), (-1, 0, 1, 2)
        share = centre - first
        weights = np.stack([_keys(share + 1), _keys(share), _keys(1 - share), _keys(2 - share)])
    taps = np.stack([np.clip(first.astype(np.int64) + offset, 0, old - 1) for offset in offsets])
    return taps, weights.astype(np.float32)


def _keys(distance: np.ndarray) -> np.ndarray:
    """Cubic convolution (Keys 1981) at distances 0 to 2."""
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
    far = ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
    return np.where(distance <= 1, near, far)
