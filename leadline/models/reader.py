"""Reader: how one network wants its images and gives its answer. Predictors know networks only through it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from torch import Tensor

from leadline.types import DepthKind


@dataclass(frozen=True)
class Answer:
    """Values of a network before they are resized, and the horizontal field of view [degrees] where it estimates that."""

    values: Float[Tensor, "b v h w"]
    fov_x_deg: Float[Tensor, "b v"] | None = None


class Reader(Protocol):
    """Preparation of images, the network, and the way back to the image's size."""

    @property
    def kind(self) -> DepthKind:
        """What `restore` returns."""
        ...

    @property
    def needs_camera(self) -> bool:
        """Whether `run` cannot do without K."""
        ...

    @property
    def max_together(self) -> int:
        """How many images of one input size may run at once."""
        ...

    def prepare(self, image: np.ndarray) -> Float[Tensor, "3 h w"]:
        """Network input for one uint8 RGB image (h, w, 3)."""
        ...

    def run(self, inputs: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"] | None) -> Answer:
        """The answer for prepared images; K [px] belongs to their size, None where it is not known."""
        ...

    def restore(self, values: Float[Tensor, "h w"], *, height: int, width: int) -> Float[Tensor, "y x"]:
        """Values of `kind` at the size of the image [px]."""
        ...
