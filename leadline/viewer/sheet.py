"""A contact sheet: many pictures of one size in rows and columns, each over its depth in colours."""

from collections.abc import Sequence

import numpy as np

from leadline.io.color import colorize

BETWEEN_PX = 4
_PAPER = 16
"""Grey between the pictures."""


def contact_sheet(views: Sequence[tuple[np.ndarray, np.ndarray | None]], *, columns: int) -> np.ndarray:
    """One picture uint8 (h, w, 3) of `views`, pairs of an image uint8 (h, w, 3) and its depth (h, w) [m], 0 where unknown, or None.

    Depth has the colours of `io.color.colorize`, each with a range of its own. Views of other sizes than the largest keep
    their size and lie at the upper left of their place. Raises ValueError without views.
    """
    if not views:
        raise ValueError("a sheet needs at least one view")
    tiles = [_tile(image, depth) for image, depth in views]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    height, width = (max(tile.shape[axis] for tile in tiles) + BETWEEN_PX for axis in (0, 1))
    sheet = np.full((rows * height + BETWEEN_PX, columns * width + BETWEEN_PX, 3), _PAPER, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * height + BETWEEN_PX, i % columns * width + BETWEEN_PX
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _tile(image: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
    if depth is None:
        return image
    return np.concatenate([image, colorize(depth, valid=depth > 0, inverse=False)])
