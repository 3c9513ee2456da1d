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

from dataclasses import replace

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.data.lobes import visible_lobes
from leadline.data.misleading import MISLEADING, SWEEP_NEEDS, WithMisleading
from leadline.evaluation.regions import REFLECTIONS, reflection_bits
from leadline.types import Material, UserError

REFLECTIVE_IMAGE = 0.05
NEEDS = frozenset({"diffuse", "material", MISLEADING})


def reflective(image: np.ndarray, diffuse: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Boolean (h, w): what shows something else than itself. `image` and `diffuse` are uint8 (h, w, 3)."""
    return visible_lobes(image, diffuse) | np.isin(material, (Material.MIRROR, Material.GLASS))


class WithReflections:
    """A rendered data set whose views have the layer `reflections` as well, made from the others when it is asked for.

    Raises UserError when `dataset` lacks what the regions are made of, or no frame of it has a neighbour.
    """

    def __init__(self, dataset: Dataset) -> None:
        missing = sorted((SWEEP_NEEDS | {"diffuse"}) - dataset.layers)
        if missing:
            wrong = f"has no {', '.join(missing)}, from which reflections are found"
            raise UserError(dataset.name, wrong, "give a rendered set, packed with --layers diffuse if it is packed")
        self._dataset = WithMisleading(dataset)
        self.name, self.records, self.moments = dataset.name, dataset.records, dataset.moments
        self.layers = self._dataset.layers | {REFLECTIONS}
        if not any(self._dataset.frames_beside(record, camera) for record in self.records for camera in record.cameras):
            wrong = "has single frames, and what misleads is found between frames"
            raise UserError(dataset.name, wrong, "render two frames a scene or more")

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """One view. Raises UserError like the data set."""
        if REFLECTIONS not in layers:
            return self._dataset.view(record, camera, layers)
        asked = layers - {REFLECTIONS}
        view = self._dataset.view(record, camera, asked | NEEDS)
        assert view.diffuse is not None and view.material is not None and view.misleading is not None
        shows = reflective(view.image, view.diffuse, view.material)
        bits = reflection_bits(shows, view.misleading, in_reflective_image=bool(shows.mean() >= REFLECTIVE_IMAGE))
        return replace(view, reflections=bits, **dict.fromkeys(NEEDS - asked))
