"""RuntimeModel: an exported file that predicts, as `methods.predictor.DepthModel` does for networks in torch. NumPy and Pillow.

    model = leadline.runtime.open("net.onnx", threads=2)
    prediction = model.predict("photo.jpg")

What is done to a picture stands in the file (`io.exported`): the same size, the same camera, the same way back as the network it came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from leadline.geometry.framing import Framing, Sizing, letterboxed, stretched
from leadline.geometry.resample import resize_valid, resize_values
from leadline.geometry.rig import Rig
from leadline.io.exported import Exported, Precision
from leadline.io.photo import Photo, check_network_size, rig_photo, same_shape
from leadline.prediction import Prediction, StepPredictor
from leadline.runtime.foreign import Said, understood
from leadline.runtime.pixels import network_input, resized
from leadline.runtime.session import Runtime, Session, open_session
from leadline.types import DepthKind, ScaleSource, UserError

MAX_TOGETHER = 8
"""Pictures that run at once where the batch may vary: processors gain nothing from more, and memory grows."""


def open_model(
    path: str | Path,
    *,
    threads: int | None = None,
    precision: Precision | None = None,
    device: str = "cpu",
    runtime: Runtime | None = None,
    kind: DepthKind | None = None,
    said: Said | None = None,
) -> "RuntimeModel":
    """The exported network in `path` (.onnx, .xml, .pt2).

    `threads` that it computes on, `precision` to run a file in less than it was exported in, `device` and `runtime` as
    `session.open_session` has them. For a file that leadline has not made, `kind` says what it returns, and `said` what else it does not
    say itself. Raises UserError for files that cannot be opened or understood.
    """
    session = open_session(path, threads=threads, precision=precision, device=device, runtime=runtime)
    if session.about is None:
        return RuntimeModel(*understood(session, kind=kind, said=said or Said()))
    if kind not in (None, session.about.kind):
        raise UserError(session.path, f"gives {session.about.kind.value} values, not {kind.value}", "leave the kind out")
    if said is not None:
        raise UserError(session.path, "says itself how it wants its pictures", "leave mean, std and size out")
    return RuntimeModel(session, session.about)


@dataclass(frozen=True, eq=False)
class Job:
    """A picture and what the network is given for it: `inputs` as its `image` wants them, without the batch."""

    inputs: np.ndarray
    framing: Framing
    photo: Photo


@dataclass(frozen=True, eq=False)
class Raw:
    """Values (h, w) of the network before they are resized, and where they count, if it says that."""

    values: np.ndarray
    valid: np.ndarray | None = None


class RuntimeModel(StepPredictor[Job, Raw]):
    """An exported network that predicts. For one thread at a time; `prepare` and `finish` may run in others beside `infer`."""

    def __init__(self, session: Session, about: Exported, notes: tuple[str, ...] = ()) -> None:
        self.session = session
        self.about = about
        self.notes = notes
        """What the reader of every prediction should know."""
        image = session.port("image")
        missing = [name for name in ("image", *(["K"] if about.needs_camera else [])) if session.port(name) is None]
        if image is None or missing:
            raise UserError(session.path, f"has no input {' and '.join(missing)}", "export it again")
        self._image = image
        self._sizing = Sizing(about.height, about.width, about.size_multiple, about.sizing, about.max_pixels)

    @property
    def name(self) -> str:
        """Who predicts."""
        return self.about.model

    @property
    def kind(self) -> DepthKind:
        """What the predictions are."""
        return self.about.kind

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.about.licence

    @property
    def rig(self) -> bool:
        """Whether the network wants all cameras of a rig at once."""
        return self.about.views > 1 or "views" in self.about.dynamic

    @property
    def together(self) -> int:
        """As many as the graph takes; where that may vary, as many as are worth it."""
        return self._batch or MAX_TOGETHER

    @cached_property
    def fingerprint(self) -> str:
        """Of the file and how it is run. That of the weights it was exported from is `about.fingerprint`."""
        return self.session.fingerprint

    def seated(self, known: Mapping[str, Photo], rig: Rig) -> dict[str, Photo]:
        """`known` pictures of `rig` as the network looks at them together: with black ones where it has a fixed number of cameras.

        Raises UserError for a rig of another number.
        """
        if not self.rig or "views" in self.about.dynamic:
            return dict(known)
        if len(rig.cameras) != self.about.views:
            wrong = f"has {len(rig.cameras)} cameras, and {self.name} looks at {self.about.views} together"
            raise UserError("rig", wrong, "export it for this rig")
        dark = {c.name: rig_photo(np.zeros((c.height, c.width, 3), dtype=np.uint8), c) for c in rig.cameras if c.name not in known}
        return {name: known[name] if name in known else dark[name] for name in rig.names}

    def warm_up(self, rounds: int = 2, *, num: int = 1) -> None:
        """Run on `num` black pictures of the size it was made for: the first runs of most runtimes are slow, as they plan their memory."""
        dark = np.zeros((max(self.about.height, 32), max(self.about.width, 32), 3), dtype=np.uint8)
        job = self.prepare(Photo(dark))
        views = num if "views" in self.about.dynamic else self.about.views
        for _ in range(rounds):
            self.infer([job] * (views if self.rig else num), views=views)

    def prepare(self, photo: Photo) -> Job:
        """What the network is given for a picture. Raises UserError for one that would become too large an input, or has another shape."""
        about = self.about
        if about.needs_camera:
            photo = photo.with_camera()
        framing = self._framing(photo)
        check_network_size(framing.rows, framing.columns, subject=photo.subject)
        if self._follows and self._sizing.shrinks(photo.height, photo.width):
            note = f"the image is long and was read at {framing.columns}x{framing.rows} px, as many as the network takes at once"
            photo = replace(photo, notes=(*photo.notes, note))
        if about.preprocess == "outside":
            image = network_input(photo.pixels, framing, mean=about.mean, std=about.std, resample=about.resample)
            return Job(image.astype(self._image.dtype, copy=False), framing, photo)
        height, width = self._picture_size(photo)
        return Job(resized(photo.pixels, height=height, width=width, resample=about.resample), framing, photo)

    def infer(self, jobs: Sequence[Job], *, views: int = 1) -> list[Raw]:
        """The network's answers for jobs of one input size; `views` neighbours make one rig.

        Raises UserError for another number of cameras than the network looks at together.
        """
        if views != self.about.views and "views" not in self.about.dynamic:
            raise UserError(self.name, f"looks at {self.about.views} cameras together", "predict with a rig (predict_rig, --rig)")
        num = len(jobs) // views
        most = self._batch or num
        answers: list[Raw] = []
        for start in range(0, num, most):
            part = list(jobs[start * views : (start + most) * views])
            # A graph for a fixed number of pictures is always given that many.
            answers += self._run(part + part[-views:] * (most - len(part) // views), views)[: len(part)]
        return answers

    def finish(self, job: Job, answer: Raw) -> Prediction:
        """The prediction at the resolution of the picture."""
        photo, values, valid = job.photo, answer.values, answer.valid
        if self.about.preprocess == "outside":
            values = job.framing.window(values)
            valid = None if valid is None else job.framing.window(valid)
        return Prediction(
            values=resize_values(values, height=photo.height, width=photo.width, kernel=self.about.resample),
            valid=None if valid is None else resize_valid(valid, height=photo.height, width=photo.width),
            kind=self.kind,
            K=photo.K,
            scale_source=ScaleSource.TRAINING if self.kind is DepthKind.METRIC else ScaleSource.NONE,
            model=self.name,
            notes=(*photo.notes, *self.notes),
        )

    @property
    def _follows(self) -> bool:
        """Whether the size of the network input follows from that of the picture; a graph that resizes has one size inside."""
        return self.about.preprocess == "outside" and not self.about.is_fixed

    @property
    def _batch(self) -> int | None:
        """How many pictures, or rigs, the graph always takes; None where that may vary."""
        return None if self._image.shape is None else self._image.shape[0]

    def _run(self, jobs: Sequence[Job], views: int) -> list[Raw]:
        given = {"image": np.stack([job.inputs for job in jobs])}
        if self.about.needs_camera:
            given["K"] = np.stack([job.photo.K_in(job.framing) for job in jobs]).astype(np.float32)  # pyright: ignore[reportCallIssue, reportArgumentType]
        if self.rig:
            given = {name: array.reshape(-1, views, *array.shape[1:]) for name, array in given.items()}
        answers = self.session.run(**given)
        values = answers["values"].astype(np.float32, copy=False)
        flat = values.reshape(-1, *values.shape[-2:])
        valid = answers["valid"].astype(bool).reshape(flat.shape) if "valid" in answers else [None] * len(flat)
        return [Raw(one, where) for one, where in zip(flat, valid, strict=True)]

    def _framing(self, photo: Photo) -> Framing:
        about = self.about
        if self._follows:
            return stretched(*self._sizing.size(photo.height, photo.width))
        if about.fit == "letterbox":
            return letterboxed(photo.height, photo.width, rows=about.height, columns=about.width)
        if self.session.about is not None and not same_shape(photo.height, photo.width, about.height, about.width):
            wrong = f"is {photo.width}x{photo.height} px, and {self.name} was exported for {about.width}x{about.height}: another shape"
            raise UserError(photo.subject, wrong, "crop it, or export the network with a size that may vary, or to letterbox")
        return stretched(about.height, about.width)

    def _picture_size(self, photo: Photo) -> tuple[int, int]:
        """Size of the picture that a graph is given which resizes it itself: as it is, where the graph takes any."""
        shape = self._image.shape
        rows, columns = (None, None) if shape is None else shape[-3:-1]
        return rows or photo.height, columns or photo.width
