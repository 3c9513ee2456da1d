"""A teacher made of two that err in different places: depth of neighbouring frames without a network, and a model trained on videos.

Ours; beside the two teachers of Choi et al. (arXiv 2503.22209) with the parts given anew. Stereo of seven frames with known poses
(data/stereo.py) is far more exact than a network that sees one picture, and sees through every mirror. A model of method intrinsic is
coarse, and sees most mirrors as surfaces. What a mirror shows lies behind it, so stereo is believed unless it is much farther.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.methods.predictor import DepthModel
from leadline.methods.teachers import PseudoDepth, load_metric, method_of, who

FARTHER = 0.2
"""Share by which stereo may be farther than the model; chosen on validation rooms of 0, 0.2 (docs/LOG.md)."""


@dataclass(frozen=True, eq=False)
class StereoTeacher:
    """Stereo, and the model that says where not to believe it. `load_stereo_teacher` makes it."""

    robust: DepthModel

    @property
    def name(self) -> str:
        """The model's, and that it is not alone."""
        return f"stereo and {self.robust.name}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the model's training."""
        return self.robust.info.height, self.robust.info.width

    @property
    def together(self) -> None:
        """Every picture is for itself."""
        return None

    @property
    def needs(self) -> Needs:
        """The picture, and what its neighbours say."""
        return Needs(layers=frozenset({"usable", "stereo", "closed"}))

    @property
    def size_multiple(self) -> int:
        """Height and width of the pictures must be multiples of this."""
        return method_of(self.robust).size_multiple

    @property
    def provenance(self) -> dict[str, Any]:
        """The model, and the rule."""
        return {"rule": "stereo", "farther": FARTHER, "teachers": {"robust": who(self.robust)}}

    def depths(self, batch: Sample) -> Float[Tensor, "n h w"]:
        """Depth [m] of `pseudo`."""
        return self.pseudo(batch).depth

    @torch.no_grad()
    def pseudo(self, sample: Sample) -> PseudoDepth:
        """Stereo, its openings closed, where it is no more than FARTHER behind the model; the model elsewhere, also where nothing moved."""
        assert sample.stereo is not None and sample.closed is not None
        self.robust.network.to(sample.image.device)
        with torch.autocast(sample.image.device.type, enabled=False):
            robust = method_of(self.robust)(sample.image[:, 0], sample.K[:, 0]).float().flatten(0, 1)
        stereo, closed = (layer[:, 0].flatten(0, 1) for layer in (sample.stereo, sample.closed))
        seen = torch.where(closed > 0, closed, stereo)
        keep = (seen > 0) & (seen <= (1 + FARTHER) * robust)
        return PseudoDepth(torch.where(keep, seen, robust), keep)


def load_stereo_teacher(robust: str, device: str = "cpu") -> StereoTeacher:
    """With the model `robust`. Raises UserError like `load`, and for one that is no method of leadline or not metric."""
    return StereoTeacher(load_metric(robust, device))
