"""DepthModel: from images of any size to typed predictions at their resolution, one by one, in batches, or as a rig.

A DepthModel asks its network (a `Reader`) how an image becomes network input, runs images of equal input size together
without padding, and resizes the answer back. Cameras (K) follow every resize.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.geometry.camera import Camera, checked_K, scale_K
from leadline.geometry.rig import Rig
from leadline.io.image import exif_focal_px, read_image
from leadline.io.weights import fingerprint
from leadline.methods.base import Method
from leadline.models.reader import Answer, Reader
from leadline.prediction import Prediction
from leadline.types import DepthKind, ScaleSource, UserError

MIN_SIDE = 32
"""Smallest height and width [px] of an image."""
MAX_ASPECT = 8.0
"""Largest ratio of the longer to the shorter side."""
MAX_NETWORK_PIXELS = 2048 * 2048
"""Largest network input [px] of one image, which bounds the memory."""
MAX_OFF_CENTRE = 0.2
"""Farthest distance of the principal point from the centre, in image sides, before K is taken to be for another resolution."""
SAME_SHAPE = 0.08
"""How much the aspect ratio of an image may differ from its camera's: pictures are stretched a little for networks, other cameras
differ by a tenth and more (our default)."""
DEFAULT_FOV_X_DEG = 60.0
"""Horizontal field of view [degrees] assumed when a network needs a camera and none is known."""


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

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Network input (height, width) [px] for an image of `height` x `width`."""
        multiple = self.method.size_multiple
        if height * self.width == width * self.height:
            return self.height, self.width
        rows = self._rows(height, width)
        shrink = self._shrink(rows)
        if shrink == 1:
            return rows, self.width
        rows, columns = (max(int(side * shrink / multiple), 1) * multiple for side in (rows, self.width))
        return rows, columns

    def note(self, height: int, width: int) -> str | None:
        """What the reader of a prediction should know about how an image of `height` x `width` was read."""
        if self._shrink(self._rows(height, width)) == 1:
            return None
        rows, columns = self.input_size(height, width)
        return f"the image is long and was read at {columns}x{rows} px, as many as the network takes at once"

    def _rows(self, height: int, width: int) -> int:
        multiple = self.method.size_multiple
        return max(round(self.width * height / width / multiple), 2) * multiple

    def _shrink(self, rows: int) -> float:
        """Factor on both sides of an input of `rows` px at full width that keeps it within what the method takes."""
        most = self.method.max_pixels or rows * self.width
        return min(1.0, (most / (rows * self.width)) ** 0.5)

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


class DepthModel:
    """A loaded model that predicts. `name`, `kind` and `licence` are shown to the user; `fingerprint` names the exact weights."""

    def __init__(self, reader: Reader, network: nn.Module, info: ModelInfo, *, device: str = "cpu", rig: bool = False) -> None:
        self.reader = reader
        self.network = network.to(device).eval()
        self.info = info
        self.device = torch.device(device)
        self.rig = rig
        """Whether the network wants all cameras of a rig at once."""

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

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all weights and what stands beside them, so that equal fingerprints mean equal predictions."""
        if not isinstance(self.network, Method):
            return fingerprint(self.network.state_dict())
        beside = (*(who["fingerprint"] for who in self.network.frozen.values()), *self.network.beside_weights)
        return fingerprint(self.network.state_dict(), beside)

    def predict(self, image: np.ndarray | str | Path, K: np.ndarray | None = None, *, fov_x_deg: float | None = None) -> Prediction:
        """Prediction for one image, uint8 RGB (h, w, 3) or a path, at its resolution.

        The camera is `K` [px], or else a field of view [degrees], or else the EXIF focal length of the file; without any,
        a network that needs one is given 60 degrees, and the prediction's `notes` say so. Raises UserError for an image
        that is too small, too thin or unreadable, and for a K of another resolution.
        """
        paths = None if isinstance(image, np.ndarray) else [Path(image)]
        array = image if isinstance(image, np.ndarray) else read_image(Path(image))
        return self.predict_batch([array], K, fov_x_deg=fov_x_deg, paths=paths)[0]

    def predict_batch(
        self,
        images: Sequence[np.ndarray],
        K: np.ndarray | Sequence[np.ndarray | None] | None = None,
        *,
        fov_x_deg: float | None = None,
        paths: Sequence[Path] | None = None,
    ) -> list[Prediction]:
        """Predictions for images of any sizes; those of equal input size run together, without padding.

        `K` is one matrix for all images or one each. `paths` name the images in messages and give their EXIF focal length.
        """
        subjects = [f"image {i}" for i in range(len(images))] if paths is None else [str(path) for path in paths]
        Ks = [K] * len(images) if K is None or isinstance(K, np.ndarray) else list(K)
        if len(Ks) != len(images):
            raise UserError("K", f"{len(Ks)} matrices for {len(images)} images", "give one for all or one each")
        jobs = []
        for i, (image, matrix) in enumerate(zip(images, Ks, strict=True)):
            check_image(image, subject=subjects[i])
            path = None if paths is None else paths[i]
            camera = _camera(image, matrix, fov_x_deg=fov_x_deg, path=path, subject=subjects[i])
            jobs.append(self._job(image, camera, subject=subjects[i]))
        results: list[Prediction | None] = [None] * len(jobs)
        for bucket in _buckets([(*job.inputs.shape, job.camera.K is None) for job in jobs], self.reader.max_together):
            for i, prediction in zip(bucket, self._run([jobs[i] for i in bucket], views=1), strict=True):
                results[i] = prediction
        return [prediction for prediction in results if prediction is not None]

    def predict_rig(self, images: Mapping[str, np.ndarray], rig: Rig, *, partial: bool = False) -> dict[str, Prediction]:
        """Predictions by camera name, in ring order, for one image per camera of `rig`.

        With `partial`, cameras without an image are left out; a network that looks at all cameras at once then looks at those
        that are there. A camera whose image has another size than the rig file says is resized with it. Raises UserError naming
        cameras without an image, and an image of another shape than its camera has.
        """
        missing = [name for name in rig.names if name not in images]
        if missing and (not partial or len(missing) == len(rig.names)):
            raise UserError("rig", f"no image for camera {', '.join(missing)}", f"give one image for each of {', '.join(rig.names)}")
        cameras = [_fitted(camera, images[camera.name]) for camera in rig.cameras if camera.name in images]
        names = [camera.name for camera in cameras]
        if not self.rig:
            predictions = self.predict_batch([images[c.name] for c in cameras], [c.K for c in cameras])
            return dict(zip(names, predictions, strict=True))
        jobs = [self._job(images[c.name], _KnownCamera(c.K), subject=c.name) for c in cameras]
        if len({tuple(job.inputs.shape) for job in jobs}) > 1:
            raise UserError(
                "rig", "the cameras' aspect ratios differ", f"{self.name} looks at all cameras at once: crop them to one aspect ratio"
            )
        return dict(zip(names, self._run(jobs, views=len(jobs)), strict=True))

    def _job(self, image: np.ndarray, camera: "_KnownCamera", *, subject: str) -> "_Job":
        if camera.K is None and self.reader.needs_camera:
            K = Camera.from_fov(DEFAULT_FOV_X_DEG, width=image.shape[1], height=image.shape[0]).K
            camera = _KnownCamera(
                K, f"no camera was given: a field of view of {DEFAULT_FOV_X_DEG:g} degrees was assumed, which sets the scale"
            )
        inputs = self.reader.prepare(image)
        if inputs[0].numel() > MAX_NETWORK_PIXELS:
            size = f"{inputs.shape[-1]}x{inputs.shape[-2]}"
            raise UserError(
                subject, f"would become a network input of {size} px, more than {MAX_NETWORK_PIXELS}", "crop it or make it smaller"
            )
        note = self.reader.note(*image.shape[:2]) if isinstance(self.reader, MethodReader) else None
        return _Job(inputs=inputs, height=image.shape[0], width=image.shape[1], camera=camera, note=note)

    @torch.inference_mode()
    def _run(self, jobs: Sequence["_Job"], *, views: int) -> list[Prediction]:
        """Predictions for jobs of one input size; `views` neighbouring jobs make one rig."""
        inputs = torch.stack([job.inputs for job in jobs]).unflatten(0, (-1, views)).to(self.device)
        height, width = inputs.shape[-2:]
        Ks = [job.K_at(height=height, width=width) for job in jobs]
        known = [K for K in Ks if K is not None]
        K = None
        if len(known) == len(jobs):
            K = torch.tensor(np.stack(known), dtype=torch.float32).unflatten(0, (-1, views)).to(self.device)
        answer = self.reader.run(inputs, K)
        values = answer.values.float().flatten(0, 1)
        fovs = [None] * len(jobs) if answer.fov_x_deg is None else answer.fov_x_deg.flatten().tolist()
        return [self._prediction(job, v, fov) for job, v, fov in zip(jobs, values, fovs, strict=True)]

    def _prediction(self, job: "_Job", values: Tensor, fov_x_deg: float | None) -> Prediction:
        restored = self.reader.restore(values, height=job.height, width=job.width).cpu().numpy()
        K = job.camera.K
        notes = tuple(note for note in (job.camera.note, job.note) if note is not None)
        if K is None and fov_x_deg is not None:
            K = Camera.from_fov(fov_x_deg, width=job.width, height=job.height).K
            notes = (
                *notes,
                f"the network estimated a horizontal field of view of {fov_x_deg:.1f} degrees",
            )
        source = ScaleSource.TRAINING if self.kind is DepthKind.METRIC else ScaleSource.NONE
        return Prediction(values=restored, kind=self.kind, K=K, scale_source=source, model=self.name, notes=notes)


@dataclass(frozen=True, eq=False)
class _KnownCamera:
    """K [px] at the image's resolution, if it is known, and what the reader of the prediction should know about it."""

    K: np.ndarray | None
    note: str | None = None


@dataclass(frozen=True, eq=False)
class _Job:
    inputs: Tensor
    height: int
    width: int
    camera: _KnownCamera
    note: str | None = None

    def K_at(self, *, height: int, width: int) -> np.ndarray | None:
        """K at the size of the network input."""
        return None if self.camera.K is None else scale_K(self.camera.K, sx=width / self.width, sy=height / self.height)


def check_image(image: np.ndarray, *, subject: str) -> None:
    """Raise UserError unless `image` is uint8 RGB (h, w, 3), large and square enough for a network."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(
            subject, f"is {what}, not uint8 RGB (height, width, 3)", "give a path, or an array as leadline.io.image.read_image returns"
        )
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise UserError(subject, f"is {width}x{height} px", f"images need at least {MIN_SIDE} px on each side")
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise UserError(subject, f"is {width}x{height} px, thinner than 1:{MAX_ASPECT:g}", "crop it into pieces")


def check_photo(image: np.ndarray, *, fov_x_deg: float | None, subject: str) -> None:
    """Raise UserError when `predict` would refuse `image`, or this field of view [degrees] for it."""
    check_image(image, subject=subject)
    if fov_x_deg is not None:
        Camera.from_fov(fov_x_deg, width=image.shape[1], height=image.shape[0], name=subject)


def check_camera(K: object, *, height: int, width: int, subject: str) -> np.ndarray:
    """K as float64 (3, 3). Raises UserError when it cannot belong to an image of `height` x `width`."""
    matrix = checked_K(K, subject=subject)
    cx, cy = matrix[0, 2], matrix[1, 2]
    if abs(cx / width - 0.5) > MAX_OFF_CENTRE or abs(cy / height - 0.5) > MAX_OFF_CENTRE:
        raise UserError(
            subject,
            f"K has its principal point at ({cx:g}, {cy:g}), not near the middle of {width}x{height}, but of {2 * cx:.0f}x{2 * cy:.0f} px",
            "scale K to this image: fx, cx by the ratio of widths, fy, cy by that of heights",
        )
    return matrix


def _fitted(camera: Camera, image: np.ndarray) -> Camera:
    """The `camera` of a rig at the size of its `image`. Raises UserError for an image that cannot be of this camera."""
    check_image(image, subject=camera.name)
    height, width = image.shape[:2]
    if abs(np.log(width * camera.height / (height * camera.width))) > SAME_SHAPE:
        wrong = f"is {width}x{height} px, the rig has it as {camera.width}x{camera.height}: another shape"
        raise UserError(camera.name, wrong, "give the rig of this vehicle, and pictures that are not cropped")
    fitted = camera.resized(height=height, width=width)
    check_camera(fitted.K, height=height, width=width, subject=camera.name)
    return fitted


def _camera(image: np.ndarray, K: object, *, fov_x_deg: float | None, path: Path | None, subject: str) -> _KnownCamera:
    height, width = image.shape[:2]
    if K is not None and fov_x_deg is not None:
        raise UserError(subject, "K and a field of view were both given", "give one of them")
    if K is not None:
        return _KnownCamera(check_camera(K, height=height, width=width, subject=subject))
    if fov_x_deg is not None:
        return _KnownCamera(Camera.from_fov(fov_x_deg, width=width, height=height, name=subject).K)
    focal_px = None if path is None else exif_focal_px(path)
    if focal_px is None:
        return _KnownCamera(None)
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return _KnownCamera(K, f"the focal length {focal_px:.0f} px comes from the EXIF tags of the file")


def _buckets(keys: Sequence[tuple[int, ...]], size: int) -> list[list[int]]:
    """Indices of equal keys together, at most `size` each."""
    by_key: dict[tuple[int, ...], list[int]] = {}
    for i, key in enumerate(keys):
        by_key.setdefault(key, []).append(i)
    return [indices[start : start + size] for indices in by_key.values() for start in range(0, len(indices), size)]
