"""How far the picture moves from one frame to the next, cheaply, and which frames of a camera that stands still to leave out.

Self-supervision learns from motion: a frame that equals its neighbour says that everything is infinitely far. The measure is
normal flow, |change| / |gradient| (Horn and Schunck 1981), at the strong edges of a small grey picture: exact for motion of a
pixel or less, too small for large motion, which is all that a threshold needs. Things that move before a still camera do not
move the median.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

STILL = 0.001
"""Motion, as a share of the width, below which a frame teaches nothing: 0.6 px of 640 (our default). Noise is a tenth of it."""
LONG_SIDE_PX = 160
"""Of the small picture."""
_BLUR_PX = 1.0
_EDGES = 0.75
"""Motion is looked at where the gradient is above this quantile."""
_WEAKEST_EDGE = 1 / 255
"""Gradient per pixel below which there is nothing to see, as in a black frame."""


def small_grey(image: UInt8[np.ndarray, "h w 3"], *, long_side: int = LONG_SIDE_PX) -> Float[np.ndarray, "_h _w"]:
    """The picture in grey, [0, 1], resampled by area so that its longer side has `long_side` pixels."""
    grey = Image.fromarray(image).convert("L")
    factor = long_side / max(grey.size)
    size = max(1, round(grey.width * factor)), max(1, round(grey.height * factor))
    filtered = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    return np.asarray(grey.resize(size, filtered), dtype=np.float32) / 255


def motion_share(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> float:
    """Median motion between two small grey pictures of one size, as a share of their width; 0 where nothing can be seen.

    A change of exposure is taken out first: it moves nothing.
    """
    a, b = gaussian_filter(a, _BLUR_PX), gaussian_filter(b, _BLUR_PX)
    b = exposed_like(a, b)
    slope = slope_of((a + b) / 2)
    strong = slope >= max(float(np.quantile(slope, _EDGES)), _WEAKEST_EDGE)
    if not strong.any():
        return 0.0
    return float(np.median(np.abs(b - a)[strong] / slope[strong])) / a.shape[1]


def exposed_like(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """`b` with the mean and the spread of `a`."""
    spread = float(b.std())
    return (b - b.mean()) * (float(a.std()) / spread if spread > 0 else 1.0) + a.mean()


def slope_of(grey: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Length of the gradient, per pixel."""
    down, right = np.gradient(grey)
    return np.hypot(down, right)


def moving_frames(frames: Iterable[Float[np.ndarray, "h w"]], *, least: float) -> list[int]:
    """Positions of the frames (small grey pictures) to keep: the first, and each that has moved `least` since the last one kept."""
    kept: list[int] = []
    last = np.zeros((1, 1), dtype=np.float32)
    for position, frame in enumerate(frames):
        if not kept or frame.shape != last.shape or motion_share(last, frame) >= least:
            kept.append(position)
            last = frame
    return kept
