"""Files that leadline has not made: run where their inputs can be understood, refused by the name of what is missing otherwise.

Understood is one input that is a picture, (n, 3, h, w) or (n, h, w, 3), float or uint8, and one output that is a map, (n, h, w) with or
without a channel. What no graph says, the user does: what the values are, how colours are scaled, the size where that may vary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from leadline.io.exported import Exported
from leadline.runtime.session import Port, Session
from leadline.types import DepthKind, UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SHORTEST = 8
"""Shortest side [px] of what is taken for a map."""


@dataclass(frozen=True)
class Said:
    """What the user says about a file: `mean` and `std` that scale RGB in [0, 1], and the input (height, width) [px] where several fit."""

    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    size: tuple[int, int] | None = None


def understood(session: Session, *, kind: DepthKind | None, said: Said) -> tuple[Session, Exported, tuple[str, ...]]:
    """`session` as one of leadline's own, what is known of it, and what the reader of its predictions should know.

    Raises UserError naming what cannot be understood, or what the user has to say.
    """
    path = session.path
    image = _picture(session)
    depth = _map(session)
    height, width = _size(session, image, said)
    if kind is None:
        remedy = f"say --kind, one of {', '.join(DepthKind)} (in Python kind=...)"
        raise UserError(path, "was not made by leadline and does not say what its values are", remedy)
    assert image.shape is not None
    about = Exported(
        model=path.stem,
        kind=kind,
        height=height,
        width=width,
        dynamic=() if image.shape[0] is not None else ("batch",),
        mean=_scaling(image, said.mean, IMAGENET_MEAN, (0.0, 0.0, 0.0)),
        std=_scaling(image, said.std, IMAGENET_STD, (1.0, 1.0, 1.0)),
        precision=session.precision,
    )
    notes = [f"{path.name} was not made by leadline: pictures are stretched to {width}x{height} px"]
    if image.dtype != np.uint8 and said.mean is None and said.std is None:
        notes.append("its colours were scaled by the mean and deviation of ImageNet, which was assumed")
    return _adapted(session, image, depth, height, width), about, tuple(notes)


def _scaling(
    image: Port, given: tuple[float, float, float] | None, assumed: tuple[float, float, float], none: tuple[float, float, float]
) -> tuple[float, float, float]:
    """A graph that takes bytes scales them itself."""
    if given is not None:
        return given
    return none if image.dtype == np.uint8 else assumed


def _picture(session: Session) -> Port:
    """The one input, a picture. Raises UserError for others."""
    listed = ", ".join(map(str, session.inputs))
    if len(session.inputs) != 1:
        wrong = f"was not made by leadline and has {len(session.inputs)} inputs: {listed}"
        raise UserError(session.path, wrong, "only one with a single input, the picture, can be run")
    port = session.inputs[0]
    is_number = port.dtype == np.uint8 or np.issubdtype(port.dtype, np.floating)
    if port.shape is None or len(port.shape) != 4 or not is_number or (port.shape[1] == 3) == (port.shape[3] == 3):
        wrong = f"was not made by leadline and its input is {listed}"
        raise UserError(session.path, wrong, "a picture (n, 3, h, w) or (n, h, w, 3) of float32, float16 or uint8 is understood")
    return port


def _map(session: Session) -> Port:
    """The one output that can be a map: (n, h, w), or with a channel. Raises UserError where none or several can."""
    maps = [port for port in session.outputs if _is_map(port)]
    if len(maps) != 1:
        wrong = f"was not made by leadline and {len(maps)} of its outputs can be a depth map: {', '.join(map(str, session.outputs))}"
        raise UserError(session.path, wrong, "cut the others out of the graph, so that one (n, h, w) or (n, 1, h, w) is left")
    return maps[0]


def _is_map(port: Port) -> bool:
    """Whether an output can be (n, h, w) with or without a channel; short sides are those of vectors and matrices."""
    if port.shape is None or not np.issubdtype(port.dtype, np.floating):
        return False
    match port.shape:
        case (_, height, width) | (_, 1, height, width) | (_, height, width, 1) | (_, None, height, width):
            return all(side is None or side >= SHORTEST for side in (height, width))
        case _:
            return False


def _size(session: Session, image: Port, said: Said) -> tuple[int, int]:
    """Input (height, width) [px] of the graph, or what the user says. Raises UserError where both differ or none is known."""
    assert image.shape is not None
    sides = image.shape[2:] if image.shape[1] == 3 else image.shape[1:3]
    asked = said.size or (None, None)
    if any(side is not None and one not in (None, side) for side, one in zip(sides, asked, strict=True)):
        raise UserError(session.path, f"takes pictures as {image}, not of {asked[0]}x{asked[1]} px", "leave the size out")
    height, width = (side or one for side, one in zip(sides, asked, strict=True))
    if height is None or width is None:
        wrong = f"was not made by leadline and takes pictures of several sizes: {image}"
        raise UserError(session.path, wrong, "say which it was made for: --option size=HEIGHTxWIDTH (in Python said=Said(size=...))")
    return height, width


def _adapted(session: Session, image: Port, depth: Port, height: int, width: int) -> Session:
    """`session` with the names, axes and types of leadline: `image` float32 (n, 3, h, w), `values` (n, h, w)."""
    assert image.shape is not None
    last = image.shape[1] != 3

    def compute(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        pixels = inputs["image"]
        if image.dtype == np.uint8:
            pixels = np.rint(255 * pixels)
        pixels = pixels.transpose(0, 2, 3, 1) if last else pixels
        answer = session.run(**{image.name: np.ascontiguousarray(pixels, dtype=image.dtype)})[depth.name]
        channel = (1 if answer.shape[1] == 1 else 3) if answer.ndim == 4 else None
        if (channel is not None and answer.shape[channel] != 1) or answer.ndim not in (3, 4):
            wrong = f"answers {answer.shape} for {height}x{width} px, no depth map"
            raise UserError(session.path, wrong, "give a graph with one output (n, h, w) or (n, 1, h, w)")
        return {"values": answer if channel is None else answer.squeeze(channel)}

    inputs = (Port("image", (image.shape[0], 3, height, width), np.dtype(np.float32)),)
    outputs = (Port("values", (image.shape[0], None, None), np.dtype(np.float32)),)
    return replace(session, inputs=inputs, outputs=outputs, compute=compute)
