"""Pictures beside the table of a claim about reflections: test views in which much misleads, and what each variant makes of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from leadline.data.dataset import Dataset, Record, View
from leadline.data.derived import with_derived
from leadline.data.misleading import MISLEADING
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource, items_of
from leadline.data.transforms import Transform
from leadline.io.color import colorize
from leadline.methods.base import Method
from leadline.methods.catalog import method_name
from leadline.methods.predictor import DepthModel
from leadline.viewer.report import Picture, Pictures

NUM_VIEWS = 4
MUCH = 0.1
"""Share of misleading pixels from which on a view is one to show; chosen by nothing else."""
TINT_RGB = (230, 30, 30)
MADE = ("kept", "diffuse", "residual")
"""Panels of a method that show what it thinks of reflections."""


def reflection_pictures(test: Dataset, models: Mapping[str, DepthModel]) -> list[Pictures]:
    """For each view a grid: the picture, where it misleads, true depth; depth of every model; masks and parts of those that have some.

    `test` has the layer misleading.
    """
    return [_of_view(test, record, models) for record in _misleading(test, models)]


def _misleading(test: Dataset, models: Mapping[str, DepthModel]) -> list[Record]:
    """The middle frames of the first sequences in which much misleads; where there are none, of those in which most does."""
    needs = [judge.needs for judge in map(_judge, models.values()) if judge is not None]
    longest = max(needs, key=lambda one: max(map(abs, one.frames)), default=Needs(layers=frozenset()))
    by_sequence: dict[str, list[Record]] = {}
    for (record, _), *_ in items_of(with_derived(test, longest), longest):
        by_sequence.setdefault(record.sequence, []).append(record)
    middles = [records[len(records) // 2] for records in by_sequence.values()]
    shares = {record: _share(test, record) for record in middles}
    return ([record for record in middles if shares[record] >= MUCH] or sorted(middles, key=shares.__getitem__, reverse=True))[:NUM_VIEWS]


def _share(test: Dataset, record: Record) -> float:
    misleading = test.view(record, record.cameras[0], frozenset({MISLEADING})).misleading
    assert misleading is not None
    return float(misleading.mean())


def _of_view(test: Dataset, record: Record, models: Mapping[str, DepthModel]) -> Pictures:
    view = test.view(record, record.cameras[0], frozenset({"depth", MISLEADING}))
    assert view.depth is not None and view.misleading is not None
    known = view.depth > 0
    depths = {name: model.predict(view.image, K=view.camera.K).values for name, model in models.items()}
    low, high = np.percentile(np.concatenate([view.depth[known], *(depth.ravel() for depth in depths.values())]), (2, 98))
    tinted = np.where(view.misleading[..., None], (view.image / 2 + np.array(TINT_RGB) / 2).astype(np.uint8), view.image)
    items = [
        Picture(view.image, f"{record.sequence}, frame {record.frame}"),
        Picture(tinted, f"misleading, {view.misleading.mean():.0%}"),
        Picture(colorize(view.depth, valid=known, inverse=False, low=low, high=high), f"true depth, {low:.1f} to {high:.1f} m"),
    ]
    for name, depth in depths.items():
        error = np.abs(depth - view.depth)[known & view.misleading] / view.depth[known & view.misleading]
        words = f"{name}: abs_rel {error.mean():.2f} where misleading" if error.size else name
        items.append(Picture(colorize(depth, inverse=False, low=low, high=high), words))
    for name, model in models.items():
        items += [Picture(pixels, f"{name}: {panel}") for panel, pixels in _panels(test, record, view, model).items()]
    return Pictures(tuple(items), columns=4)


def _judge(model: DepthModel) -> Method | None:
    """The method, if it has a mask. A student has none, and could not say what it needs without its teachers."""
    return model.network if isinstance(model.network, Method) and method_name(model.network.config) == "intrinsic" else None


@torch.no_grad()
def _panels(test: Dataset, record: Record, view: View, model: DepthModel) -> dict[str, np.ndarray]:
    """What the loss of the model shows of this view, as uint8 (h, w, 3)."""
    judge = _judge(model)
    if judge is None:
        return {}
    needs = replace(judge.needs, optional=frozenset())
    dataset = with_derived(test, needs)
    source = SampleSource(dataset, needs, Transform(*view.image.shape[:2]))
    index = next((i for i, item in enumerate(items_of(dataset, needs)) if item[0][0] == record), None)
    if index is None:
        return {}
    torch.manual_seed(0)
    panels = judge.loss(collate([source[0, index]])).panels
    return {name: (panels[name][0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy() for name in MADE if name in panels}
