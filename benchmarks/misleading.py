"""How often a plane sweep is wrong on each material, with more and more evidence asked for: why `misleading` asks for some.

Diffuse pixels never count as misleading; here they show how much a sweep errs where nothing reflects.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leadline.data.catalog import open_dataset
from leadline.data.dataset import View
from leadline.data.misleading import EVIDENCE, SHINY, SWEEP_NEEDS, misleading
from leadline.scenes.produce import produce
from leadline.types import Material

SCENES, FRAMES = 20, 3
LEVELS = (-1.0, 0.005, EVIDENCE, 0.03)
"""The first asks for none."""
MATERIALS = (Material.DIFFUSE, *SHINY)


def run() -> Iterator[tuple[str, float, str, str]]:
    """Shares of validation rooms, the middle one of three frames."""
    with tempfile.TemporaryDirectory() as folder:
        rooms = Path(folder) / "rooms"
        produce("rooms", rooms, scenes=SCENES, frames=FRAMES, height=96, width=160, seed=10_000, variant="scalar", layers=())
        dataset = open_dataset(f"rendered:{rooms}")
        views = [dataset.view(record, "cam", SWEEP_NEEDS) for record in dataset.records]
    scenes = [views[first : first + FRAMES] for first in range(0, len(views), FRAMES)]
    material = np.stack([_material(middle) for _, middle, _ in scenes])
    for level in LEVELS:
        asked = "no evidence" if level < 0 else f"evidence {level:g}"
        wrong = np.stack([misleading(middle, [a, b], materials=MATERIALS, evidence=level) for a, middle, b in scenes])
        for one in MATERIALS:
            yield f"{asked}: {one.name.lower()} pixels", 100 * float(wrong[material == one].mean()), "%", ""
        yield f"{asked}: misleading, of all pixels", 100 * float((wrong & np.isin(material, SHINY)).mean()), "%", ""


def _material(view: View) -> np.ndarray:
    assert view.material is not None
    return view.material
