"""What single pictures and pairs of them look like: exposure, sharpness, texture, copies, order. Grey pictures (h, w) in [0, 1]."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.ndimage import laplace, maximum_filter
from skimage.measure import block_reduce

from leadline.data.motion import slope_of

Grey = Float[np.ndarray, "h w"]

_TILE_PX = 20
_WINDOW_PX = 9
FLAT = 2 / 255
"""Largest gradient per pixel of a place that has no texture: about the noise of a camera by day."""
COPY = 0.2 / 255
"""Mean difference below which two pictures are one and the same, saved again as JPEG."""


def exposure_step(a: Grey, b: Grey) -> float:
    """How much brighter b is than a, in stops (log2): the median over tiles, which what moves through the picture does not bend."""
    tiles = [block_reduce(picture, _TILE_PX, np.mean) + 1 / 255 for picture in (a, b)]
    return float(np.median(np.log2(tiles[1] / tiles[0])))


def clipped_share(grey: Grey) -> float:
    """Share of the pixels that are black or white and so say nothing."""
    return float(((grey <= 2 / 255) | (grey >= 253 / 255)).mean())


def sharpness(grey: Grey) -> float:
    """Variance of the Laplacian as a share of the variance of the picture: falls with blur, not with contrast."""
    return float(laplace(grey).var() / max(float(grey.var()), 1e-12))


def textureless_share(grey: Grey) -> float:
    """Share of the pixels around which, in a window of 9 px, nothing changes by more than FLAT: there any depth looks right."""
    return float((maximum_filter(slope_of(grey), size=_WINDOW_PX) < FLAT).mean())


def is_copy(a: Grey, b: Grey) -> bool:
    """Whether two pictures are the same frame twice."""
    return a.shape == b.shape and float(np.abs(a - b).mean()) < COPY


def order_ratio(pairs: Sequence[tuple[Grey, Grey]]) -> tuple[float, list[int]]:
    """How different neighbours are, as a share of how different the first pictures of the pairs are among each other.

    Well below 1 in a film; about 1 where frames are shuffled, or where all look alike. Also the pairs that differ at least as
    much as strangers do: cuts. With fewer than four pairs nothing can be said: (nan, []).
    """
    if len(pairs) < 4:
        return float("nan"), []
    firsts, seconds = ([_signature(pair[i]) for pair in pairs] for i in (0, 1))
    near = np.array([_difference(a, b) for a, b in zip(firsts, seconds, strict=True)])
    half = len(pairs) // 2
    far = float(np.median([_difference(firsts[i], firsts[(i + half) % len(firsts)]) for i in range(len(firsts))]))
    if far < 1e-3:
        return float("nan"), []  # a camera that stands still
    return float(np.median(near)) / far, [int(i) for i in np.flatnonzero(near >= far)]


def _signature(grey: Grey) -> np.ndarray:
    """A tiny picture of mean 0, in which a small step of the camera changes little."""
    tiny = block_reduce(grey, 8, np.mean)
    return tiny - tiny.mean()


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean()) if a.shape == b.shape else 1.0
