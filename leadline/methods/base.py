"""What training fits, and what of it predicts depth: needs, a loss with named terms, a prediction. No data set, no engine."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from leadline.data.sample import Needs, Sample
from leadline.types import DepthKind


@dataclass(frozen=True)
class Loss:
    """`terms` are summed and minimised; `logs` are numbers worth watching; `panels` are images (b, c, h, w) worth seeing."""

    terms: dict[str, Tensor]
    logs: dict[str, Tensor] = field(default_factory=dict)
    panels: dict[str, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """Sum of the terms."""
        return sum(self.terms.values(), start=next(iter(self.terms.values())).new_zeros(()))


class Learner(nn.Module, ABC):
    """Weights and a loss: what training fits. Methods are learners that answer with depth; `segments` is one that does not."""

    config: Any
    """The frozen dataclass it was built from."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What `loss` reads from a sample."""

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 1

    @abstractmethod
    def loss(self, sample: Sample) -> Loss:
        """Loss of a batch. Called in training mode with everything in `needs` present."""

    def trained_parameters(self) -> list[nn.Parameter]:
        """What the optimizer may move; frozen parts and teachers are left out."""
        return [p for p in self.parameters() if p.requires_grad]

    @property
    def details(self) -> dict[str, Any]:
        """What should be said about how it learnt, beside its configuration; plain values."""
        return {}

    def save(self, folder: Path, card: str) -> None:
        """Write what is to be kept of it, with `card` as README.md; methods are written as model folders instead."""
        raise NotImplementedError


class Method(Learner):
    """Weights, loss and the reading of the output, tied together. A model folder keeps its configuration. Subclasses are final."""

    @property
    @abstractmethod
    def kind(self) -> DepthKind:
        """What `forward` returns."""

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 32

    @property
    def needs_camera(self) -> bool:
        """Whether `forward` depends on K; without it a predictor may pass identity matrices."""
        return False

    @property
    def joint_views(self) -> bool:
        """Whether `forward` must see all cameras of a rig at once; a loss that compares them may do with less."""
        return self.needs.rig

    @property
    def loss_only(self) -> tuple[str, ...]:
        """How the names of weights begin that serve the loss alone: a model folder leaves them out."""
        return ()

    @property
    def frozen(self) -> dict[str, dict[str, str]]:
        """Models that it reads through and that no model folder of it holds: by role, name, fingerprint and licence of each."""
        return {}

    @property
    def frozen_parts(self) -> tuple[nn.Module, ...]:
        """Those models as far as it runs them, which are none of its modules; nothing may change them."""
        return ()

    @property
    def max_pixels(self) -> int | None:
        """Largest picture [px] that `forward` should be given; a predictor makes larger ones smaller and says so."""
        return None

    @property
    def adjustable(self) -> tuple[str, ...]:
        """Options that may be changed when a trained model is loaded."""
        return ()

    @property
    def beside_weights(self) -> tuple[str, ...]:
        """Words for what predictions depend on beside its own weights and those of `frozen`: options of prediction."""
        return ()

    def features(self, image: Float[Tensor, "n 3 h w"]) -> dict[str, Tensor]:
        """What its frozen encoders see in pictures, by the layer of a sample that `loss` can take instead; most have none."""
        return {}

    @property
    def encoders(self) -> dict[str, dict[str, str]]:
        """For each of `features` the encoder: its name, fingerprint and licence."""
        return {}

    @abstractmethod
    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Depth map of `kind` at the resolution of the input. RGB in [0, 1]; views in ring order."""
