"""How a picture comes into the input of a network: the size that it is given, where it lies, and K there. NumPy only.

Convention: pixel centres at half integers, so K follows a resize by multiplication and a shift by addition.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadline.geometry.camera import crop_K, scale_K


@dataclass(frozen=True)
class Framing:
    """A picture resized to `height` x `width` [px] whose first pixel lies at (`top`, `left`) of an input of `rows` x `columns`."""

    rows: int
    columns: int
    height: int
    width: int
    top: int = 0
    left: int = 0

    @property
    def fills(self) -> bool:
        """Whether the picture is all of the input."""
        return (self.height, self.width) == (self.rows, self.columns)

    def K(self, K: np.ndarray, *, height: int, width: int) -> np.ndarray:
        """K [px] of the input for `K` of the picture as it was, `height` x `width`."""
        return crop_K(scale_K(K, sx=self.width / width, sy=self.height / height), top=-self.top, left=-self.left)

    def window(self, values: np.ndarray) -> np.ndarray:
        """The part (height, width) of `values` (rows, columns) that belongs to the picture."""
        return values if self.fills else values[self.top : self.top + self.height, self.left : self.left + self.width]


def stretched(rows: int, columns: int) -> Framing:
    """The picture becomes all of an input of `rows` x `columns`."""
    return Framing(rows, columns, rows, columns)


def letterboxed(height: int, width: int, *, rows: int, columns: int) -> Framing:
    """A picture of `height` x `width` as large as it fits into `rows` x `columns` without another shape, in the middle."""
    scale = min(rows / height, columns / width)
    inner_height, inner_width = (max(1, min(round(side * scale), most)) for side, most in ((height, rows), (width, columns)))
    return Framing(rows, columns, inner_height, inner_width, (rows - inner_height) // 2, (columns - inner_width) // 2)


@dataclass(frozen=True)
class Sizing:
    """The rule by which a network that takes many sizes is given one: near `height` x `width` [px], on which it was trained.

    keeps "width": every picture becomes as wide as those of training, its height follows, so that an object at a given canonical
    depth has as many pixels as it had then. keeps "nearest": of the two sides, the one that changes the picture least gets the
    length of training, as the image processor of DPT and Depth Anything does. Sides are rounded to `multiple`, which stretches the
    picture by less than that; beyond `max_pixels` it is made smaller.
    """

    height: int
    width: int
    multiple: int = 1
    keeps: Literal["width", "nearest"] = "width"
    max_pixels: int | None = None

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Network input (rows, columns) [px] for a picture of `height` x `width`."""
        if self.keeps == "nearest":
            across, down = self.width / width, self.height / height
            scale = across if abs(1 - across) < abs(1 - down) else down
            return self._rounded(scale * height), self._rounded(scale * width)
        if height * self.width == width * self.height:
            return self.height, self.width
        rows, shrink = self._rows(height, width), self._shrink(height, width)
        if shrink == 1:
            return rows, self.width
        rows, columns = (max(int(side * shrink / self.multiple), 1) * self.multiple for side in (rows, self.width))
        return rows, columns

    def shrinks(self, height: int, width: int) -> bool:
        """Whether a picture of `height` x `width` is made smaller than the rule says, because it has more pixels than allowed."""
        return self.keeps == "width" and self._shrink(height, width) < 1

    def _rounded(self, side: float) -> int:
        return max(round(side / self.multiple), 1) * self.multiple

    def _rows(self, height: int, width: int) -> int:
        return max(round(self.width * height / width / self.multiple), 2) * self.multiple

    def _shrink(self, height: int, width: int) -> float:
        """Factor on both sides that keeps an input at full width within `max_pixels`."""
        pixels = self._rows(height, width) * self.width
        return 1.0 if self.max_pixels is None else min(1.0, (self.max_pixels / pixels) ** 0.5)
