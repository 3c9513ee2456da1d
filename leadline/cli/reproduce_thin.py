"""Pictures beside the table of a claim about borders: the test views with most of what is thin, and what each variant makes of it."""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import grey_opening, uniform_filter

from leadline.data.dataset import Dataset, Record, View
from leadline.evaluation.protocols import find_protocol
from leadline.evaluation.score import Item, dense_depth, fit_pairs, prepare
from leadline.io.color import colorize
from leadline.methods.predictor import DepthModel
from leadline.viewer.report import Picture, Pictures

NUM_VIEWS = 3
WIDEST_PX = 5
"""What is thinner than this, and in front of what is around it, is thin."""
IN_FRONT = 1.1
"""So many times nearer than that."""
PART = 0.4
"""Sides of the part that is shown enlarged, as a share of the picture's."""
TIMES = 3
"""How much it is enlarged."""


def thin_pictures(test: Dataset, models: Mapping[str, DepthModel]) -> list[Pictures]:
    """For each view a grid: the picture, its part with most of what is thin, true depth of that, and depth of every model."""
    return [_of_view(record, _view(test, record), models) for record in _thinnest(test)]


def thin(depth: np.ndarray) -> np.ndarray:
    """Where a map (h, w) [m], 0 where unknown, holds something thin in front of something else."""
    inverse = np.where(depth > 0, 1 / np.maximum(depth, 1e-6), 0)
    return (depth > 0) & (inverse > IN_FRONT * grey_opening(inverse, size=WIDEST_PX))


def _view(test: Dataset, record: Record) -> View:
    return test.view(record, record.cameras[0], frozenset({"depth"}))


def _thinnest(test: Dataset) -> list[Record]:
    """The records with the largest share of thin pixels, as far as they have any."""
    shares: dict[Record, float] = {}
    for record in test.records:
        depth = _view(test, record).depth
        assert depth is not None
        shares[record] = float(thin(depth).mean())
    most = sorted(shares, key=lambda record: shares[record], reverse=True)[:NUM_VIEWS]
    return [record for record in most if shares[record] > 0]


def _of_view(record: Record, view: View, models: Mapping[str, DepthModel]) -> Pictures:
    assert view.depth is not None
    part = _part(thin(view.depth))
    known = view.depth > 0
    low, high = np.percentile(view.depth[part][known[part]], (2, 98))

    def shown(depth: np.ndarray, words: str) -> Picture:
        return Picture(_enlarged(colorize(depth[part], valid=depth[part] > 0, inverse=False, low=low, high=high)), words)

    items = [
        Picture(view.image, record.sequence),
        Picture(_enlarged(view.image[part]), "its part with most of what is thin"),
        shown(view.depth, f"true depth, {low:.1f} to {high:.1f} m"),
    ]
    items += [shown(_depth(view, model), name) for name, model in models.items()]
    return Pictures(tuple(items), columns=len(items))


def _part(mask: np.ndarray) -> tuple[slice, slice]:
    """The window that holds most of `mask`."""
    height, width = (round(PART * side) for side in mask.shape)
    density = uniform_filter(mask.astype(np.float64), size=[height, width], mode="constant")  # pyright: ignore[reportArgumentType]
    rows, columns = mask.shape[0] - height + 1, mask.shape[1] - width + 1
    inside = density[height // 2 : height // 2 + rows, width // 2 : width // 2 + columns]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(TIMES, axis=0).repeat(TIMES, axis=1)


def _depth(view: View, model: DepthModel) -> np.ndarray:
    """Depth [m] of the model, fitted to the truth where it must be."""
    protocol = find_protocol("affine-disp")
    prediction = model.predict(view.image, K=view.camera.K)
    assert view.depth is not None
    item = Item(str(view.path), prediction.values, prediction.usable, prediction.kind, view.depth)
    pair = prepare(item, protocol)
    assert pair is not None
    return dense_depth(item, fit_pairs([pair], protocol), protocol)
