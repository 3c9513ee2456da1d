"""Where pictures mislead about depth: pixels of shiny material that a plane sweep with true poses gets wrong.

The region `misleading` of the claims of `intrinsic`, for scoring, and as a layer for training with an oracle (README of the method). How it
is found, and its constants, which are our defaults: the docstring of evaluation/reflections.py.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from leadline.data.dataset import Dataset, Record, View, by_sequence, frames_beside
from leadline.data.stereo import colours, from_reference
from leadline.geometry.camera import crop_K
from leadline.geometry.planesweep import WINDOW_PX, matching_cost, plane_depths, plane_sweep
from leadline.geometry.warp import warp
from leadline.types import Material, UserError

MISLEADING = "misleading"
"""Name of the layer."""
OFF_BY = 0.25
EVIDENCE = 0.015
"""In means of |difference| of colours in [0, 1]: where the true depth looks as good as the wrong one, nothing misleads."""
SHINY = (Material.GLOSSY, Material.METAL, Material.MIRROR, Material.GLASS)
NEIGHBOURS = (-1, 1)
"""Frames that the sweep compares with."""
SWEEP_NEEDS = frozenset({"depth", "material", "cam_from_world"})
_LEAST_MOTION_M = 1e-3
_AROUND_TRUTH = (0.91, 0.94, 0.97, 1.0, 1.03, 1.06, 1.09)
"""Of the true depth: a window over a slanted surface matches best beside it."""


def misleading(view: View, neighbours: Sequence[View], *, materials: Sequence[Material] = SHINY, evidence: float = EVIDENCE) -> np.ndarray:
    """Boolean (h, w): shiny pixels whose depth a plane sweep over `neighbours` gets wrong. `view` needs depth, material and its pose.

    The neighbours are other pictures of the same scene with their poses; all need one size.
    """
    assert view.depth is not None and view.material is not None
    shiny = np.isin(view.material, materials) & (view.depth > 0)
    moved = [other for other in neighbours if _motion(view, other) > _LEAST_MOTION_M]
    if not shiny.any() or not moved:
        return np.zeros_like(shiny)
    # Only around the shiny pixels: the sweep takes a second for a large picture.
    rows, columns = (_around(np.flatnonzero(shiny.any(axis=axis))) for axis in (1, 0))
    window = rows, columns
    truth = torch.from_numpy(view.depth[window])
    image = colours(view.image[window])
    K = torch.from_numpy(crop_K(view.camera.K, top=rows.start, left=columns.start)).float()
    sources = torch.stack([colours(other.image) for other in moved])
    K_src = torch.from_numpy(np.stack([other.camera.K for other in moved])).float()
    source_from_ref = torch.from_numpy(np.stack([from_reference(view, other) for other in moved])).float()
    known = view.depth[view.depth > 0]
    planes = plane_depths(float(known.min()) / 2, float(known.max()) * 4)
    pictures = image, sources, K, K_src, source_from_ref
    swept, cost = plane_sweep(*pictures, planes)
    cost_of_truth = matching_cost(*pictures, torch.stack([part * truth for part in _AROUND_TRUTH])).amin(0)
    num = len(moved)
    _, seen = warp(sources, truth.expand(num, *truth.shape), K.expand(num, 3, 3), K_src, source_from_ref)
    off = ((swept - truth).abs() > OFF_BY * truth) & (cost_of_truth - cost > evidence)
    found = np.zeros_like(shiny)
    found[window] = (off & seen.any(0)).numpy()
    return found & shiny


class WithMisleading:
    """A rendered data set whose views have the layer `misleading` as well, made from the others when it is asked for.

    A sweep takes about a second for a large picture: keep the views in memory (`ViewCache`) when training. Raises UserError
    when `dataset` lacks what a sweep needs.
    """

    def __init__(self, dataset: Dataset) -> None:
        missing = sorted(SWEEP_NEEDS - dataset.layers)
        if missing:
            wrong = f"has no {', '.join(missing)}, from which misleading pixels are found"
            raise UserError(dataset.name, wrong, "give a rendered set, or leave --method.truth at material")
        self._dataset = dataset
        self.name, self.records, self.moments = dataset.name, dataset.records, dataset.moments
        self.layers = dataset.layers | {MISLEADING}
        self._of_sequence = by_sequence(dataset.moments)

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set."""
        if MISLEADING not in layers:
            return self._dataset.view(record, camera, layers)
        asked = layers - {MISLEADING}
        view = self._dataset.view(record, camera, asked | SWEEP_NEEDS)
        beside = [self._dataset.view(moment, camera, frozenset({"cam_from_world"})) for moment in self.frames_beside(record, camera)]
        return replace(view, misleading=misleading(view, beside), **dict.fromkeys(SWEEP_NEEDS - asked))

    def frames_beside(self, record: Record, camera: str) -> list[Record]:
        """The NEIGHBOURS of a record that `camera` saw."""
        return frames_beside(self._of_sequence[record.sequence], record, camera, NEIGHBOURS)


def _around(places: np.ndarray) -> slice:
    """From the first to the last of `places`, with room for the window of the sweep."""
    return slice(max(0, int(places[0]) - WINDOW_PX), int(places[-1]) + 1 + WINDOW_PX)


def _motion(view: View, other: View) -> float:
    """Between the two cameras' centres [m]."""
    return float(np.linalg.norm(from_reference(view, other)[:3, 3]))
