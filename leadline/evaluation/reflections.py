"""Where pictures mislead about depth: regions of rendered sets that are scored by themselves (claims of `intrinsic`).

    reflective             the picture differs from the one without specular lobes by more than VISIBLE_RGB in some channel of [0, 1],
                           or the material is mirror or glass
    misleading             glossy, metal, mirror or glass where a plane sweep with true poses and no network is off by more than OFF_BY,
                           and the pictures say so: at its true depth a pixel looks less like the others by more than EVIDENCE
    other                  neither
    all-reflective-images  all pixels of images of which at least REFLECTIVE_IMAGE is reflective

Our defaults, which no paper states: the sweep compares 5x5 pixels with the frames before and after, over planes 3 % apart from half the
nearest to four times the farthest true depth of the image. Where neither frame sees a pixel at its true depth nothing can be said, and
it is not misleading; nor is it where the camera stands still. Without EVIDENCE a sweep also errs wherever there is no texture, matt or not
(ARCHITECTURE.md, docs/LOG.md); on what moves it still does.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from leadline.data.dataset import Dataset, Record, View
from leadline.data.lobes import visible_lobes
from leadline.evaluation.regions import REFLECTIONS, reflection_bits
from leadline.geometry.camera import crop_K
from leadline.geometry.planesweep import WINDOW_PX, matching_cost, plane_depths, plane_sweep
from leadline.geometry.pose import compose, invert
from leadline.geometry.warp import warp
from leadline.types import Material, UserError

OFF_BY = 0.25
EVIDENCE = 0.015
"""In means of |difference| of colours in [0, 1]: where the true depth looks as good as the wrong one, nothing misleads."""
REFLECTIVE_IMAGE = 0.05
SHINY = (Material.GLOSSY, Material.METAL, Material.MIRROR, Material.GLASS)
NEIGHBOURS = (-1, 1)
"""Frames that the sweep compares with."""
NEEDS = frozenset({"depth", "material", "diffuse", "cam_from_world"})
_LEAST_MOTION_M = 1e-3
_AROUND_TRUTH = (0.91, 0.94, 0.97, 1.0, 1.03, 1.06, 1.09)
"""Of the true depth: a window over a slanted surface matches best beside it."""


def reflective(image: np.ndarray, diffuse: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Boolean (h, w): what shows something else than itself. `image` and `diffuse` are uint8 (h, w, 3)."""
    return visible_lobes(image, diffuse) | np.isin(material, (Material.MIRROR, Material.GLASS))


def misleading(view: View, neighbours: Sequence[View]) -> np.ndarray:
    """Boolean (h, w): shiny pixels whose depth a plane sweep over `neighbours` gets wrong. `view` needs depth, material and its pose.

    The neighbours are other pictures of the same scene with their poses; all need one size.
    """
    assert view.depth is not None and view.material is not None
    shiny = np.isin(view.material, SHINY) & (view.depth > 0)
    moved = [other for other in neighbours if _motion(view, other) > _LEAST_MOTION_M]
    if not shiny.any() or not moved:
        return np.zeros_like(shiny)
    # Only around the shiny pixels: the sweep takes a second for a large picture.
    rows, columns = (_around(np.flatnonzero(shiny.any(axis=axis))) for axis in (1, 0))
    window = rows, columns
    truth = torch.from_numpy(view.depth[window])
    image = _colours(view.image[window])
    K = torch.from_numpy(crop_K(view.camera.K, top=rows.start, left=columns.start)).float()
    sources = torch.stack([_colours(other.image) for other in moved])
    K_src = torch.from_numpy(np.stack([other.camera.K for other in moved])).float()
    source_from_ref = torch.from_numpy(np.stack([_from_reference(view, other) for other in moved])).float()
    known = view.depth[view.depth > 0]
    planes = plane_depths(float(known.min()) / 2, float(known.max()) * 4)
    pictures = image, sources, K, K_src, source_from_ref
    swept, cost = plane_sweep(*pictures, planes)
    cost_of_truth = matching_cost(*pictures, torch.stack([part * truth for part in _AROUND_TRUTH])).amin(0)
    num = len(moved)
    _, seen = warp(sources, truth.expand(num, *truth.shape), K.expand(num, 3, 3), K_src, source_from_ref)
    off = ((swept - truth).abs() > OFF_BY * truth) & (cost_of_truth - cost > EVIDENCE)
    found = np.zeros_like(shiny)
    found[window] = (off & seen.any(0)).numpy()
    return found & shiny


class WithReflections:
    """A rendered data set whose views have the layer `reflections` as well, made from the others when it is asked for.

    Raises UserError when `dataset` lacks what the regions are made of, or no frame of it has a neighbour.
    """

    def __init__(self, dataset: Dataset) -> None:
        missing = sorted(NEEDS - dataset.layers)
        if missing:
            wrong = f"has no {', '.join(missing)}, from which reflections are found"
            raise UserError(dataset.name, wrong, "give a rendered set, packed with --layers diffuse if it is packed")
        self._dataset = dataset
        self.name, self.records, self.moments = dataset.name, dataset.records, dataset.moments
        self.layers = dataset.layers | {REFLECTIONS}
        self._at = {(moment.sequence, moment.frame): moment for moment in dataset.moments}
        if not any(self._beside(record, camera) for record in self.records for camera in record.cameras):
            wrong = "has single frames, and what misleads is found between frames"
            raise UserError(dataset.name, wrong, "render two frames a scene or more")

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set."""
        if REFLECTIONS not in layers:
            return self._dataset.view(record, camera, layers)
        asked = layers - {REFLECTIONS}
        view = self._dataset.view(record, camera, asked | NEEDS)
        neighbours = [self._dataset.view(moment, camera, frozenset({"cam_from_world"})) for moment in self._beside(record, camera)]
        assert view.diffuse is not None and view.material is not None
        shows = reflective(view.image, view.diffuse, view.material)
        bits = reflection_bits(shows, misleading(view, neighbours), in_reflective_image=bool(shows.mean() >= REFLECTIVE_IMAGE))
        return replace(view, reflections=bits, **dict.fromkeys(NEEDS - asked))

    def _beside(self, record: Record, camera: str) -> list[Record]:
        found = (self._at.get((record.sequence, record.frame + offset)) for offset in NEIGHBOURS)
        return [moment for moment in found if moment is not None and camera in moment.cameras]


def _around(places: np.ndarray) -> slice:
    """From the first to the last of `places`, with room for the window of the sweep."""
    return slice(max(0, int(places[0]) - WINDOW_PX), int(places[-1]) + 1 + WINDOW_PX)


def _colours(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255


def _from_reference(view: View, other: View) -> np.ndarray:
    assert view.cam_from_world is not None and other.cam_from_world is not None
    return compose(other.cam_from_world, invert(view.cam_from_world))


def _motion(view: View, other: View) -> float:
    """Between the two cameras' centres [m]."""
    return float(np.linalg.norm(_from_reference(view, other)[:3, 3]))
