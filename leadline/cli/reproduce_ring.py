"""Pictures beside the table of a claim about rigs: all cameras of some moments, and the depth that each variant sees around the vehicle."""

from collections.abc import Mapping

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.io.color import colorize
from leadline.methods.predictor import DepthModel
from leadline.viewer.report import Picture, Pictures

NUM_MOMENTS = 3
SHOWN_M = (3.0, 60.0)
"""From the warmest colour to the coldest."""


def ring_pictures(test: Dataset, models: Mapping[str, DepthModel]) -> list[Pictures]:
    """For some moments, spread evenly over the set, a grid with a column for each camera: pictures, true depth, depth of every model."""
    chosen = np.linspace(0, len(test.records) - 1, min(NUM_MOMENTS, len(test.records))).round().astype(int)
    return [_of_moment(test, test.records[i], models) for i in chosen]


def _of_moment(test: Dataset, record: Record, models: Mapping[str, DepthModel]) -> Pictures:
    views = [test.view(record, camera, frozenset({"depth"})) for camera in record.cameras]
    low, high = SHOWN_M
    rows = [[Picture(view.image, camera) for view, camera in zip(views, record.cameras, strict=True)]]
    rows.append(_row([_truth(view) for view in views], f"true depth, {low:g} to {high:g} m"))
    for name, model in models.items():
        predictions = model.predict_batch([view.image for view in views], [view.camera.K for view in views])
        rows.append(_row([prediction.depth_m() for prediction in predictions], name))
    return Pictures(tuple(picture for row in rows for picture in row), columns=len(views))


def _row(depths: list[np.ndarray], words: str) -> list[Picture]:
    low, high = SHOWN_M
    shown = [colorize(depth, valid=depth > 0, inverse=False, low=low, high=high) for depth in depths]
    return [Picture(pixels, words if i == 0 else "") for i, pixels in enumerate(shown)]


def _truth(view: View) -> np.ndarray:
    assert view.depth is not None
    return view.depth
