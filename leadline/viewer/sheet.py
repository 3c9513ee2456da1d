"""Sheets: many pictures in rows and columns, each over its depth in colours, or over its caption."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from leadline.io.color import colorize
from leadline.viewer.report import Pictures

BETWEEN_PX = 4
CAPTION_PX, FONT_PX = 18, 12
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


def captioned_sheet(pictures: Pictures, *, width: int = 320) -> np.ndarray:
    """A grid of a report as one picture uint8 (h, w, 3), each of its pictures `width` px wide over its caption."""
    tiles = [_captioned(picture.pixels, picture.caption, width) for picture in pictures.items]
    return contact_sheet([(tile, None) for tile in tiles], columns=pictures.columns)


def _captioned(pixels: np.ndarray, caption: str, width: int) -> np.ndarray:
    height = round(pixels.shape[0] * width / pixels.shape[1])
    tile = Image.new("RGB", (width, height + CAPTION_PX), (_PAPER,) * 3)
    tile.paste(Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST))
    draw = ImageDraw.Draw(tile)
    draw.text((2, height + 2), caption, fill=(230, 230, 230), font=ImageFont.load_default(size=FONT_PX))
    return np.asarray(tile)


def _tile(image: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
    if depth is None:
        return image
    return np.concatenate([image, colorize(depth, valid=depth > 0, inverse=False)])
