"""What a teacher says of a batch of rigs: asked live, or read from the layer `taught`, where its answers were kept before.

Teachers run frozen, in evaluation mode, without gradient and in full precision. They are no part of the student: neither among its
weights nor in its model folder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Sample
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.methods.surround.config import SurroundConfig
from leadline.methods.surround.network import SurroundNetwork
from leadline.models.bins.answer import mean_depth
from leadline.types import UserError

ALIKE = ("num_bins", "min_depth_m", "max_depth_m", "canonical_focal")
"""What a teacher and its student must have in common: bins are compared by their index."""


@dataclass(frozen=True)
class Taught:
    """A teacher's answer for the n = b v pictures of a batch, at the resolution of its head, for the imagined camera."""

    probs: Float[Tensor, "n k h w"]
    centres: Float[Tensor, "n k _y _x"]
    embedding: Float[Tensor, "n e _p _q"]
    maps: tuple[Tensor, ...] | None = None
    """What its head read, fine to coarse; None where only what was kept is there."""

    @property
    def depth(self) -> Float[Tensor, "n h w"]:
        """Mean depth [m]."""
        return mean_depth(self.probs, self.centres)


def load_teacher(place: str, student: SurroundConfig | None = None) -> DepthModel:
    """The model at `place`, frozen. Raises UserError like `load`, and for one that cannot teach the `student`, or anybody."""
    from leadline.methods.surround.method import Surround

    model = load(place)
    if not isinstance(model.network, Surround):
        kind = type(model.network).__name__.lower()
        wrong = f"is a {kind} model, which has no bins of depth"
        raise UserError(place, wrong, "train a head of bins on it: leadline train surround-teacher --method.base MODEL")
    if student is not None:
        check_alike(model.network.config, student, subject=place)
    model.network.requires_grad_(False)
    return model


def network_of(model: DepthModel) -> SurroundNetwork:
    """The network of what `load_teacher` has given."""
    from leadline.methods.surround.method import Surround

    assert isinstance(model.network, Surround)
    return model.network.network


def check_alike(teacher: SurroundConfig, student: SurroundConfig, *, subject: str) -> None:
    """Raise UserError naming the first option in which bins of the teacher are not those of the student."""
    for option in ALIKE:
        theirs, ours = getattr(teacher, option), getattr(student, option)
        if theirs != ours:
            raise UserError(subject, f"was trained with {option} {theirs}, the student has {ours}", f"give --method.{option} {theirs}")


@torch.no_grad()
def ask(model: DepthModel, sample: Sample) -> Taught:
    """The teacher's answer for the reference pictures of a batch."""
    network = network_of(model).to(sample.image.device)
    with torch.autocast(sample.image.device.type, enabled=False):
        seen = network(sample.image[:, 0])
    return Taught(seen.bins.probs, seen.bins.centres, seen.bins.embedding, seen.maps)


def taught_of(sample: Sample) -> Taught:
    """What was kept of a teacher's answers for the reference pictures of a batch."""
    assert sample.taught is not None
    kept = {name: values[:, 0].flatten(0, 1) for name, values in sample.taught.items()}
    return Taught(kept["probs"], kept["centres"], kept["embedding"])
