"""What specular lobes add to a picture: the difference from the one that was rendered without them."""

import numpy as np

VISIBLE_RGB = 0.1
"""A lobe is visible where some channel, in [0, 1] of the sRGB that is stored, differs by more than this."""


def visible_lobes(image: np.ndarray, diffuse: np.ndarray) -> np.ndarray:
    """Boolean (h, w) of two pictures uint8 (h, w, 3), with and without specular lobes."""
    return np.abs(image.astype(np.int16) - diffuse.astype(np.int16)).max(axis=2) > 255 * VISIBLE_RGB
