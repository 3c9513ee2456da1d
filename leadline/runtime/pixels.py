"""A picture on its way into an exported network: resized by Pillow, framed, scaled.

Pillow's filters are antialiased, as those of the networks' own readers are. It rounds to 8 bits twice, after the rows and after the
columns, so a network of leadline, whose own reader resizes in floating point, sees pixels that differ by up to 1/255. Depth Anything's
reader is Pillow: there nothing differs.
"""

from typing import Literal

import numpy as np
from PIL import Image

from leadline.geometry.framing import Framing

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resized(pixels: np.ndarray, *, height: int, width: int, resample: Literal["bilinear", "bicubic"]) -> np.ndarray:
    """uint8 RGB (h, w, 3) at `height` x `width`, antialiased."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), _FILTERS[resample]))


def network_input(
    pixels: np.ndarray,
    framing: Framing,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    resample: Literal["bilinear", "bicubic"],
) -> np.ndarray:
    """uint8 RGB (h, w, 3) as float32 (3, rows, columns): (rgb / 255 - mean) / std, black around the picture where it does not fill it."""
    inner = resized(pixels, height=framing.height, width=framing.width, resample=resample)
    result = np.empty((3, framing.rows, framing.columns), dtype=np.float32)
    for channel, (of, by) in enumerate(zip(mean, std, strict=True)):
        plane = result[channel]
        if not framing.fills:
            plane.fill(-of / by)
        part = framing.window(plane)
        np.multiply(inner[..., channel], np.float32(1 / (255 * by)), out=part)
        if of:
            part -= np.float32(of / by)
    return result
