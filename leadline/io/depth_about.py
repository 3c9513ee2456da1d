"""What a depth file says about itself, as JSON inside the file or in the sidecar `name.json` beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from leadline.geometry.camera import checked_K
from leadline.io.jsonfile import plain, read_json, write_json
from leadline.types import DepthKind, ScaleSource, UserError

_Word = TypeVar("_Word", DepthKind, ScaleSource)


@dataclass(frozen=True, eq=False)
class About:
    """Kind, intrinsics [px] and origin of a depth map; for integer files values = stored / scale + offset."""

    kind: DepthKind = DepthKind.METRIC
    K: np.ndarray | None = None
    model: str = "unknown"
    scale_source: ScaleSource = ScaleSource.NONE
    scale: float | None = None
    offset: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The content of the sidecar; `scale` and `offset` only where the file needs them."""
        unit = "m" if self.kind is DepthKind.METRIC else ""
        known = {"kind": self.kind.value, "unit": unit, "K": self.K, "model": self.model, "scale_source": self.scale_source.value}
        if self.scale is not None:
            known |= {"scale": self.scale, "offset": self.offset}
        return plain(known)

    def as_text(self) -> str:
        """The same as one line of ASCII, for text chunks and headers."""
        return json.dumps(self.as_dict())


@dataclass(frozen=True, eq=False)
class RawDepth:
    """Numbers (h, w) as a file stores them, and what it says about itself, if it does."""

    values: np.ndarray
    valid: np.ndarray | None = None
    about: About | None = None


def about_from_text(text: object, *, subject: str | Path) -> About | None:
    """What a text chunk or header says, or None when it is somebody else's text. Raises UserError like `about_from_dict`."""
    try:
        said = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return about_from_dict(said, subject=subject) if isinstance(said, dict) else None


def about_from_dict(said: Mapping[str, Any], *, subject: str | Path) -> About | None:
    """What `said` states, or None when it is not about depth. Raises UserError for a statement that cannot be true."""
    if "kind" not in said and "scale" not in said:
        return None
    kind = _member(DepthKind, said.get("kind", DepthKind.METRIC), name="kind", subject=subject)
    unit = said.get("unit") or ""
    if kind is DepthKind.METRIC and unit not in ("", "m"):
        raise UserError(subject, f"states the unit '{unit}' for metric depth", "convert the depth to metres")
    scale = said.get("scale")
    return About(
        kind=kind,
        K=None if said.get("K") is None else checked_K(said["K"], subject=str(subject)),
        model=str(said.get("model", "unknown")),
        scale_source=_member(ScaleSource, said.get("scale_source", ScaleSource.NONE), name="scale_source", subject=subject),
        scale=None if scale is None else _number(scale, name="scale", positive=True, subject=subject),
        offset=_number(said.get("offset", 0.0), name="offset", positive=False, subject=subject),
    )


def sidecar_path(path: Path) -> Path:
    """The JSON beside a depth file: `name.png` has `name.json`."""
    return path.with_suffix(".json")


def read_sidecar(path: Path) -> About | None:
    """What the sidecar of depth file `path` says, or None without one. Raises UserError when it is broken."""
    beside = sidecar_path(path)
    if not beside.is_file():
        return None
    said = read_json(beside)
    return about_from_dict(said, subject=beside) if isinstance(said, dict) else None


def write_sidecar(path: Path, about: About) -> None:
    """Write what is known about depth file `path` beside it; entries that others put there stay.

    Raises UserError when a file that is no JSON object is in the way, or it cannot be written.
    """
    beside = sidecar_path(path)
    others: object = read_json(beside) if beside.exists() else {}
    if not isinstance(others, dict):
        raise UserError(beside, "is in the way of the sidecar of a depth file", "move it or write to another folder")
    write_json(beside, others | about.as_dict())


def _member(words: type[_Word], value: object, *, name: str, subject: str | Path) -> _Word:
    try:
        return words(value)
    except ValueError:
        raise UserError(subject, f"states the {name} '{value}'", f"use one of {', '.join(words)}") from None


def _number(value: object, *, name: str, positive: bool, subject: str | Path) -> float:
    # bool is a number to Python, not to people
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or (positive and value <= 0):
        raise UserError(subject, f"states the {name} {value!r}", f"give a {'positive ' if positive else ''}number")
    return float(value)
