"""A teacher with bins of depth whose answers are written to files, for students that shall not wait for it.

Beside the methods because a verb asks it; the files are data/taught.py, and what a student makes of them is methods/surround.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from leadline.data.sample import Needs, Sample
from leadline.methods.predictor import DepthModel
from leadline.methods.surround.relations import to_cells
from leadline.methods.surround.teacher import ALIKE, ask, load_teacher
from leadline.methods.teachers import method_of, who

FINEST = 4
"""Pixels of the picture for one answer that is kept, at least: students answer no more finely (SurroundConfig.output_stride)."""


@dataclass(frozen=True, eq=False)
class BinTeacher:
    """A model of method `surround`. `load_bin_teacher` makes it and refuses others."""

    model: DepthModel

    @property
    def together(self) -> None:
        """Every rig is for itself."""
        return None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its training."""
        return self.model.info.height, self.model.info.width

    @property
    def size_multiple(self) -> int:
        """Height and width of the pictures must be multiples of this."""
        return method_of(self.model).size_multiple

    @property
    def needs(self) -> Needs:
        """Pictures of whole rigs: a student learns from all cameras at once, and a teacher may look at all of them."""
        return Needs(layers=frozenset(), rig=True)

    @property
    def provenance(self) -> dict[str, Any]:
        """Who it is, and what a student's bins must have in common with its own."""
        config = method_of(self.model).config
        return {"rule": "bins", "bins": {option: getattr(config, option) for option in ALIKE}, "teachers": {"teacher": who(self.model)}}

    @torch.no_grad()
    def answers(self, batch: Sample) -> list[Mapping[str, Float[np.ndarray, "_c _y _x"]]]:
        """What it says of each of the n = b v reference pictures of a batch, as data/taught.py keeps it."""
        taught = ask(self.model, batch)
        height, width = (min(own, -(-side // FINEST)) for own, side in zip(taught.probs.shape[-2:], batch.image.shape[-2:], strict=True))
        maps = {
            "probs": _at(taught.probs, height, width),
            "centres": taught.centres if taught.centres.shape[-2:] == (1, 1) else _at(taught.centres, height, width),
            "embedding": to_cells(taught.embedding),
        }
        arrays = {name: values.float().cpu().numpy() for name, values in maps.items()}
        return [{name: values[i] for name, values in arrays.items()} for i in range(len(taught.probs))]


def load_bin_teacher(place: str, *, device: str = "cpu") -> BinTeacher:
    """The model at `place`, frozen. Raises UserError like `load`, and for a model without bins of depth."""
    model = load_teacher(place)
    model.network.to(device)
    return BinTeacher(model)


def _at(maps: Float[torch.Tensor, "n k _y _x"], height: int, width: int) -> Float[torch.Tensor, "n k y x"]:
    """Maps as a student sees them whose head answers there."""
    if maps.shape[-2:] == (height, width):
        return maps
    return functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
