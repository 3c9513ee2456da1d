"""What a live run shows: one picture file that is kept up to date, every camera over its depth in colours."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from leadline.io.color import colorize
from leadline.io.image import write_image
from leadline.io.photo import Photo
from leadline.prediction import Prediction
from leadline.runtime.live import Sink
from leadline.types import DepthKind
from leadline.viewer.sheet import contact_sheet

EVERY_S = 0.5
"""From one sheet to the next, or longer where moments take longer."""
WIDTH, COLUMNS = 320, 3
"""Of a camera's tile [px], and tiles in a row."""
_NOTHING = np.zeros((1, 1, 3), dtype=np.uint8)


@dataclass
class LiveSheet:
    """A sink before another: passes everything on, and draws one moment after the other, whole, into `path`.

    A moment is drawn when a later one comes, or on `draw`; a camera that is missing in it leaves its place empty.
    """

    path: Path
    cameras: Sequence[str]
    sink: Sink
    _moment: int = -1
    _due: float = 0.0
    _tiles: dict[str, np.ndarray] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, index: int, camera: str, photo: Photo, prediction: Prediction) -> None:
        """Take one camera's depth. Raises UserError where the sheet cannot be written."""
        self.sink(index, camera, photo, prediction)
        with self._lock:
            if index > self._moment and time.monotonic() >= self._due:
                self.draw()
                self._moment, self._due = index, time.monotonic() + EVERY_S
            is_shown = index == self._moment
        if is_shown:
            self._tiles[camera] = _tile(photo.pixels, prediction)

    def draw(self) -> None:
        """Write the sheet of the moment that was taken last, if it has not been written."""
        if self._tiles:
            shown = [(self._tiles.get(name, _NOTHING), None) for name in self.cameras]
            write_image(self.path, contact_sheet(shown, columns=COLUMNS))
            self._tiles = {}


def _tile(pixels: np.ndarray, prediction: Prediction) -> np.ndarray:
    """A picture over its depth, `WIDTH` px wide."""
    height = max(round(pixels.shape[0] * WIDTH / pixels.shape[1]), 1)
    depth = colorize(prediction.values, valid=prediction.usable, inverse=prediction.kind is DepthKind.AFFINE_INVARIANT_INVERSE)
    return np.concatenate([np.asarray(Image.fromarray(part).resize((WIDTH, height))) for part in (pixels, depth)])
