"""A prediction: depth together with what is known about it, and the conversions that knowledge allows. NumPy only.

It stands between `io` and the rooms that make predictions, because it knows how to save itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from leadline.geometry.camera import checked_K
from leadline.geometry.rig import Rig
from leadline.io.image import read_image
from leadline.io.photo import Photo, buckets, photos, rig_photos
from leadline.types import DepthKind, KindError, ScaleSource, UserError

if TYPE_CHECKING:
    from leadline.io.depth import DepthFile

HOW_TO_GET_METRES = {
    DepthKind.SCALE_INVARIANT: "scale it to reference depth first, with `.aligned(scale)`",
    DepthKind.AFFINE_INVARIANT: "fit scale and shift to reference depth first, with `.aligned(scale, shift)`",
    DepthKind.AFFINE_INVARIANT_INVERSE: "fit scale and shift to reference inverse depth first, with `.aligned(scale, shift)`",
}


@dataclass(frozen=True, eq=False)
class Prediction:
    """A depth map and what is known about it.

    `values` float32 (h, w) are what the kind says; `K` (3, 3) [px] belongs to this resolution; `valid` (h, w) is False
    where the model gives no answer; `scale_source` says where the scale comes from; `model` names who predicted.
    Raises UserError when the arrays do not fit together.
    """

    values: np.ndarray
    kind: DepthKind
    K: np.ndarray | None = None
    valid: np.ndarray | None = None
    scale_source: ScaleSource = ScaleSource.NONE
    model: str = "unknown"
    notes: tuple[str, ...] = ()
    """What a reader should know about how it was made, such as a camera that had to be assumed."""

    def __post_init__(self) -> None:
        """Check the shapes once; `valid` is always an array and never True where the value is not finite."""
        values = np.asarray(self.values, dtype=np.float32)
        if values.ndim != 2:
            raise UserError("prediction", f"values have shape {values.shape}", "give one depth map (height, width)")
        given = np.ones(values.shape, dtype=bool) if self.valid is None else np.asarray(self.valid, dtype=bool)
        if given.shape != values.shape:
            raise UserError("prediction", f"valid has shape {given.shape}, values {values.shape}", "give both at one size")
        usable = given & np.isfinite(values)
        if self.kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
            usable &= values > 0
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "valid", usable)
        object.__setattr__(self, "kind", DepthKind(self.kind))
        object.__setattr__(self, "scale_source", ScaleSource(self.scale_source))
        if self.K is not None:
            object.__setattr__(self, "K", checked_K(self.K, subject="prediction"))

    @property
    def unit(self) -> str:
        """Unit of `values`: "m" for metric depth, "" for every relative kind."""
        return self.kind.unit

    @property
    def usable(self) -> np.ndarray:
        """`valid` as an array (h, w), for readers that want no None."""
        assert self.valid is not None
        return self.valid

    def depth_m(self) -> np.ndarray:
        """Depth along the optical axis [m], 0 where there is no answer. Raises KindError for a relative kind."""
        if self.kind is not DepthKind.METRIC:
            raise KindError(self.model, f"{self.kind.value} values are not metres", HOW_TO_GET_METRES[self.kind])
        return np.where(self.usable, self.values, np.float32(0))

    def inverse_depth(self) -> np.ndarray:
        """Inverse depth, 0 where there is no answer: [1/m] for a metric kind, relative otherwise.

        Raises KindError for affine-invariant *depth*, whose unknown shift makes 1 / values meaningless.
        """
        if self.kind is DepthKind.AFFINE_INVARIANT_INVERSE:
            return np.where(self.usable, self.values, np.float32(0))
        if self.kind is DepthKind.AFFINE_INVARIANT:
            raise KindError(self.model, "affine-invariant depth has an unknown shift and cannot be inverted", HOW_TO_GET_METRES[self.kind])
        return np.divide(np.float32(1), self.values, out=np.zeros_like(self.values), where=self.usable)

    def points(self) -> np.ndarray:
        """Points (n, 3) of the valid pixels, row by row, camera frame x right, y down, z forward.

        [m] for a metric kind, up to one factor for a scale-invariant one. Raises KindError for affine kinds, whose
        unknown shift would bend every surface, and UserError without K.
        """
        if self.kind in (DepthKind.AFFINE_INVARIANT, DepthKind.AFFINE_INVARIANT_INVERSE):
            raise KindError(self.model, f"{self.kind.value} values would give a bent point cloud", HOW_TO_GET_METRES[self.kind])
        if self.K is None:
            raise UserError(
                self.model, "points need the camera's intrinsics", "give K or a field of view (--K fx,fy,cx,cy or --fov-x-deg A)"
            )
        rows, columns = np.nonzero(self.usable)
        z = self.values[rows, columns].astype(np.float64)
        rays = np.linalg.solve(self.K, np.stack([columns + 0.5, rows + 0.5, np.ones_like(z)]))
        return (rays * z).T.astype(np.float32)

    def aligned(self, scale: float, shift: float = 0.0, *, source: ScaleSource = ScaleSource.POINTS) -> "Prediction":
        """Metric depth from `scale * values + shift`, which is read as 1/m for the inverse kind and as m for the others.

        An aligned inverse depth that is not positive (farther than infinity) becomes invalid.
        """
        fitted = scale * self.values.astype(np.float64) + shift
        usable = self.usable & (fitted > 0)
        if self.kind is DepthKind.AFFINE_INVARIANT_INVERSE:
            fitted = np.divide(1.0, fitted, out=np.zeros_like(fitted), where=usable)
        return replace(self, values=fitted.astype(np.float32), valid=usable, kind=DepthKind.METRIC, scale_source=source)

    def save(self, path: str | Path, *, image: np.ndarray | None = None) -> None:
        """Write to `path`; its ending chooses the format: .png (16 bit), .npz, .exr, .npy, .pfm, .tiff, .ply, .glb.

        `image` (h, w, 3) uint8 colours the points of .ply and .glb. Raises KindError where the format or its points
        need metres and the kind has none.
        """
        from leadline.io.depth import write_depth
        from leadline.io.pointcloud import write_points

        path = Path(path)
        if path.suffix.lower() in (".ply", ".glb"):
            write_points(path, self.points(), colors=None if image is None else image[self.usable])
        else:
            write_depth(path, self.as_file(), quick=True)

    def as_file(self) -> "DepthFile":
        """What a depth file holds of it."""
        from leadline.io.depth import DepthFile

        return DepthFile(self.values, self.usable, self.kind, self.K, self.model, self.scale_source)


class Prepared(Protocol):
    """A picture and what a network is given for it."""

    @property
    def inputs(self) -> Any:
        """Without the batch; of equal shapes what may run together."""
        ...

    @property
    def photo(self) -> Photo:
        """The picture, its camera and what is known of both."""
        ...


_Job = TypeVar("_Job", bound=Prepared)
_Raw = TypeVar("_Raw")


class StepPredictor(ABC, Generic[_Job, _Raw]):
    """A network that predicts in three steps, which may be taken apart: `prepare`, `infer`, `finish`. In torch, or an exported file."""

    @property
    @abstractmethod
    def rig(self) -> bool:
        """Whether the network wants all cameras of a rig at once."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Who predicts."""

    @property
    @abstractmethod
    def kind(self) -> DepthKind:
        """What the predictions are."""

    @property
    @abstractmethod
    def together(self) -> int:
        """How many pictures of one input size run at once."""

    @abstractmethod
    def prepare(self, photo: Photo) -> _Job:
        """What the network is given for a picture. Raises UserError for one that it cannot be given."""

    @abstractmethod
    def infer(self, jobs: Sequence[_Job], *, views: int = 1) -> list[_Raw]:
        """The network's answers for jobs of one input size, whose cameras are all known or all not; `views` neighbours make one rig."""

    @abstractmethod
    def finish(self, job: _Job, answer: _Raw) -> Prediction:
        """The prediction at the resolution of the picture."""

    @abstractmethod
    def seated(self, known: Mapping[str, Photo], rig: Rig) -> dict[str, Photo]:
        """`known` pictures of `rig` as the network looks at them together. Raises UserError for a rig that it does not know."""

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
        return self._each([self.prepare(photo) for photo in photos(images, K, fov_x_deg=fov_x_deg, paths=paths)])

    def predict_rig(self, images: Mapping[str, np.ndarray], rig: Rig, *, partial: bool = False) -> dict[str, Prediction]:
        """Predictions by camera name, in ring order, for one image per camera of `rig`.

        With `partial`, cameras without an image are left out; a network that looks at all cameras at once then looks at those that are
        there, or, if it always looks at the same number, at black ones in their places. A camera whose image has another size than the
        rig file says is resized with it. Raises UserError naming cameras without an image, and images of another shape than their cameras.
        """
        known = rig_photos(images, rig, partial=partial)
        if not self.rig:
            return dict(zip(known, self._each([self.prepare(photo) for photo in known.values()]), strict=True))
        jobs = {name: self.prepare(photo) for name, photo in self.seated(known, rig).items()}
        if len({tuple(job.inputs.shape) for job in jobs.values()}) > 1:
            remedy = f"{self.name} looks at all cameras at once: crop them to one aspect ratio"
            raise UserError("rig", "the cameras' aspect ratios differ", remedy)
        answers = self.infer(list(jobs.values()), views=len(jobs))
        return {name: self.finish(jobs[name], answer) for name, answer in zip(jobs, answers, strict=True) if name in known}

    def _each(self, jobs: Sequence[_Job]) -> list[Prediction]:
        """Predictions for jobs of any input sizes."""
        results: list[Prediction | None] = [None] * len(jobs)
        for bucket in buckets([(*job.inputs.shape, job.photo.K is None) for job in jobs], self.together):
            for i, answer in zip(bucket, self.infer([jobs[i] for i in bucket]), strict=True):
                results[i] = self.finish(jobs[i], answer)
        return [prediction for prediction in results if prediction is not None]


class Predictor(Protocol):
    """Anything that turns an image into a Prediction."""

    @property
    def name(self) -> str:
        """Who predicts, for reports and provenance."""
        ...

    @property
    def kind(self) -> DepthKind:
        """What its predictions are."""
        ...

    def predict(self, image: np.ndarray | str | Path, K: np.ndarray | None = None) -> Prediction:
        """Prediction for one image (h, w, 3) uint8 RGB or a path, at the resolution of the image."""
        ...
