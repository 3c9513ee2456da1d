"""DepthModel: from images of any size to typed predictions at their resolution, one by one, in batches, or as a rig.

A DepthModel asks its network (a `Reader`) how an image becomes network input, runs images of equal input size together
without padding, and resizes the answer back. Cameras (K) follow every resize. `leadline.runtime` does the same for exported files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.geometry.camera import Camera
from leadline.geometry.framing import Sizing, stretched
from leadline.geometry.rig import Rig
from leadline.io.photo import Photo, check_network_size
from leadline.io.weights import fingerprint
from leadline.methods.base import Method
from leadline.models.reader import Answer, Reader
from leadline.prediction import Prediction, StepPredictor
from leadline.types import DepthKind, ScaleSource


@dataclass(frozen=True)
class ModelInfo:
    """What a model folder says about a model beside its weights."""

    name: str
    height: int = 0
    width: int = 0
    """Size [px] of the images it was trained on; 0 where the network has rules of its own."""
    licence: str = "unknown"
    data: tuple[str, ...] = ()
    """What it was trained on."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping: recipe, steps, seed, commit, metrics."""


class MethodReader:
    """Reads a leadline method: the image becomes as wide as the training images, its height follows the aspect ratio.

    Keeping the width keeps the size in pixels of an object at a given canonical depth as it was in training. Height is
    rounded to what the network can take, which stretches the image by less than that.
    """

    max_together = 16

    def __init__(self, method: Method, *, height: int, width: int) -> None:
        self.method = method
        self.height = height
        self.width = width

    @property
    def kind(self) -> DepthKind:
        """Of the method."""
        return self.method.kind

    @property
    def needs_camera(self) -> bool:
        """Whether the method's metres depend on the focal length."""
        return self.method.needs_camera

    @property
    def sizing(self) -> Sizing:
        """How the size of the network input follows from that of an image."""
        return Sizing(self.height, self.width, self.method.size_multiple, max_pixels=self.method.max_pixels)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Network input (height, width) [px] for an image of `height` x `width`."""
        return self.sizing.size(height, width)

    def note(self, height: int, width: int) -> str | None:
        """What the reader of a prediction should know about how an image of `height` x `width` was read."""
        if not self.sizing.shrinks(height, width):
            return None
        rows, columns = self.input_size(height, width)
        return f"the image is long and was read at {columns}x{rows} px, as many as the network takes at once"

    def prepare(self, image: np.ndarray) -> Float[Tensor, "3 h w"]:
        """Antialiased bilinear resize to the input size, RGB in [0, 1]."""
        size = self.input_size(*image.shape[:2])
        tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float().div(255.0)
        if size == tuple(tensor.shape[-2:]):
            return tensor
        return functional.interpolate(tensor[None], size=size, mode="bilinear", antialias=True)[0].clamp(0.0, 1.0)

    def run(self, inputs: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"] | None) -> Answer:
        """The method's answer. A method that needs no camera gets a unit one when none is known."""
        if K is None:
            K = torch.eye(3, device=inputs.device).expand(*inputs.shape[:2], 3, 3)
        return Answer(self.method(inputs, K))

    def restore(self, values: Float[Tensor, "h w"], *, height: int, width: int) -> Float[Tensor, "height width"]:
        """Bilinear, without mixing in the corners."""
        if tuple(values.shape) == (height, width):
            return values
        return functional.interpolate(values[None, None], size=(height, width), mode="bilinear", align_corners=False)[0, 0]


@dataclass(frozen=True, eq=False)
class Job:
    """A picture and what the network is given for it."""

    inputs: Float[Tensor, "3 h w"]
    photo: Photo


@dataclass(frozen=True, eq=False)
class Raw:
    """Values (h, w) of the network before they are resized, and the horizontal field of view [degrees] where it estimates that."""

    values: Tensor
    fov_x_deg: float | None = None


class DepthModel(StepPredictor[Job, Raw]):
    """A loaded model that predicts. `name`, `kind` and `licence` are shown to the user; `fingerprint` names the exact weights.

    A prediction has three steps, which may be taken apart: `prepare`, `infer`, `finish`.
    """

    def __init__(self, reader: Reader, network: nn.Module, info: ModelInfo, *, device: str = "cpu", rig: bool = False) -> None:
        self.reader = reader
        self.network = network.to(device).eval()
        self.info = info
        self.device = torch.device(device)
        self._rig = rig

    @property
    def name(self) -> str:
        """Who predicts."""
        return self.info.name

    @property
    def kind(self) -> DepthKind:
        """What the predictions are."""
        return self.reader.kind

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.info.licence

    @property
    def rig(self) -> bool:
        """Whether the network wants all cameras of a rig at once."""
        return self._rig

    @property
    def together(self) -> int:
        """As its reader says."""
        return self.reader.max_together

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all weights and what stands beside them, so that equal fingerprints mean equal predictions."""
        if not isinstance(self.network, Method):
            return fingerprint(self.network.state_dict())
        beside = (*(who["fingerprint"] for who in self.network.frozen.values()), *self.network.beside_weights)
        return fingerprint(self.network.state_dict(), beside)

    def seated(self, known: Mapping[str, Photo], rig: Rig) -> dict[str, Photo]:
        """`known` pictures of `rig` as the network looks at them together: those that are there."""
        return dict(known)

    def prepare(self, photo: Photo) -> Job:
        """What the network is given for a picture. Raises UserError for one that would become too large an input."""
        if self.reader.needs_camera:
            photo = photo.with_camera()
        inputs = self.reader.prepare(photo.pixels)
        check_network_size(*inputs.shape[-2:], subject=photo.subject)
        note = self.reader.note(photo.height, photo.width) if isinstance(self.reader, MethodReader) else None
        return Job(inputs, photo if note is None else replace(photo, notes=(*photo.notes, note)))

    @torch.inference_mode()
    def infer(self, jobs: Sequence[Job], *, views: int = 1) -> list[Raw]:
        """The network's answers for jobs of one input size, whose cameras are all known or all not; `views` neighbours make one rig."""
        inputs = torch.stack([job.inputs for job in jobs]).unflatten(0, (-1, views)).to(self.device)
        framing = stretched(*inputs.shape[-2:])
        known = [K for K in (job.photo.K_in(framing) for job in jobs) if K is not None]
        K = None
        if len(known) == len(jobs):
            K = torch.tensor(np.stack(known), dtype=torch.float32).unflatten(0, (-1, views)).to(self.device)
        answer = self.reader.run(inputs, K)
        values = answer.values.float().flatten(0, 1)
        fovs = [None] * len(jobs) if answer.fov_x_deg is None else answer.fov_x_deg.flatten().tolist()
        return [Raw(one, fov) for one, fov in zip(values, fovs, strict=True)]

    @torch.inference_mode()
    def finish(self, job: Job, answer: Raw) -> Prediction:
        """The prediction at the resolution of the picture."""
        photo, K, notes = job.photo, job.photo.K, job.photo.notes
        restored = self.reader.restore(answer.values, height=photo.height, width=photo.width).cpu().numpy()
        if K is None and answer.fov_x_deg is not None:
            K = Camera.from_fov(answer.fov_x_deg, width=photo.width, height=photo.height).K
            notes = (*notes, f"the network estimated a horizontal field of view of {answer.fov_x_deg:.1f} degrees")
        source = ScaleSource.TRAINING if self.kind is DepthKind.METRIC else ScaleSource.NONE
        return Prediction(values=restored, kind=self.kind, K=K, scale_source=source, model=self.name, notes=notes)
