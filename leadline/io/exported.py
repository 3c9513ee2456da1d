"""What an exported network says about itself: one JSON object inside the file, whatever its format.

| file | where |
|---|---|
| .onnx | metadata property `leadline` |
| OpenVINO .xml | rt_info `leadline` |
| torch .pt2 | extra file `leadline.json` |
| Core ML .mlpackage | user-defined metadata `leadline` |

Names of the graph: inputs `image` and, where it needs one, `K`; outputs `values` and, where it has one, `valid`.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from leadline.types import DepthKind, UserError

FORMAT = 1
KEY = "leadline"
"""Name of the object in ONNX and OpenVINO files."""
EXTRA_FILE = f"{KEY}.json"
"""Name of the object in a .pt2 file."""

Axis = Literal["batch", "size", "views"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
_WORDS: dict[str, tuple[str, ...]] = {
    "preprocess": ("inside", "outside"),
    "fit": ("stretch", "letterbox"),
    "resample": ("bilinear", "bicubic"),
    "sizing": ("width", "nearest"),
    "precision": get_args(Precision),
}
_LISTS: dict[str, tuple[str, ...]] = {"dynamic": get_args(Axis), "outputs": ("values", "valid")}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network: what it answers, what it takes, and what is done to a picture before and after it.

    Pictures become `image`, float32 (n, 3, h, w), x = (rgb / 255 - mean) / std, with `preprocess` outside, and uint8 (n, h, w, 3)
    RGB with inside. A network that looks at several cameras together has (b, v, 3, h, w), or (b, v, h, w, 3), and `values` (b, v, h, w).
    """

    model: str
    kind: DepthKind
    licence: str = "unknown"
    fingerprint: str = ""
    """Of the weights it was exported from."""
    leadline_version: str = ""
    height: int
    width: int
    """Network input [px]; with dynamic size and `preprocess` outside that of training, which a runtime aims at."""
    size_multiple: int = 1
    """Sides [px] of a dynamic input must be multiples of this."""
    dynamic: tuple[Axis, ...] = ()
    views: int = 1
    """Cameras that the network looks at together; 1: every picture for itself."""
    needs_camera: bool = False
    """Whether there is an input `K`, float32 (n, 3, 3) or (b, v, 3, 3) [px], at the size of the network input."""
    preprocess: Literal["inside", "outside"] = "outside"
    """inside: resizing to `height` x `width` and scaling are in the graph, whose pictures have any size, or the one its input has."""
    fit: Literal["stretch", "letterbox"] = "stretch"
    """How a picture of another shape comes into a fixed input: letterbox keeps its shape, in the middle, with black around it."""
    sizing: Literal["width", "nearest"] = "width"
    """What of `height` x `width` a dynamic input keeps: the width, or the side that changes a picture least (as DPT does)."""
    max_pixels: int | None = None
    """Largest input [px] of a dynamic size, where the network has a limit."""
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resample: Literal["bilinear", "bicubic"] = "bilinear"
    """On the way in, antialiased, and on the way back, not antialiased."""
    precision: Precision = "fp32"
    max_depth_m: float | None = None
    """Farthest depth that the network can say [m], where it has a limit."""
    outputs: tuple[Literal["values", "valid"], ...] = ("values",)
    """`values` float32 (n, h, w) of `kind`, at the size of the network input (outside) or of the picture (inside); `valid` bool."""

    @property
    def is_fixed(self) -> bool:
        """Whether all pictures must come at one size."""
        return "size" not in self.dynamic

    def as_json(self) -> str:
        """The object as one line of ASCII."""
        return json.dumps({"format": FORMAT, **asdict(self), "kind": self.kind.value, "unit": self.kind.unit})

    @classmethod
    def from_json(cls, text: str, *, subject: str | Path) -> "Exported":
        """What the file `subject` says in `text`.

        Entries that this leadline does not know are left aside. Raises UserError for a newer format, and for what is broken.
        """
        said = _object(text, subject)
        number = said.get("format")
        if isinstance(number, int) and number > FORMAT:
            raise UserError(subject, f"was exported by a newer leadline (format {number})", "update leadline")
        if number != FORMAT:
            raise _broken(subject, f"its format is {number!r}")
        known = {field.name: said[field.name] for field in fields(cls) if field.name in said}
        try:
            return cls(**{name: _read(name, value) for name, value in known.items()})
        except (TypeError, ValueError) as error:
            raise _broken(subject, str(error)) from error


def _object(text: str, subject: str | Path) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise _broken(subject, "it is no JSON") from error
    if not isinstance(said, dict):
        raise _broken(subject, "it is no JSON object")
    return said


def _read(name: str, value: Any) -> Any:
    """One entry with its type. Raises ValueError for a value that this entry cannot have."""
    match name:
        case "kind":
            return DepthKind(value)
        case _ if name in _WORDS:
            return _one_of(name, value, _WORDS[name])
        case _ if name in _LISTS:
            return tuple(_one_of(name, item, _LISTS[name]) for item in _list(name, value))
        case "mean" | "std":
            return tuple(_number(name, item) for item in _list(name, value))
        case "height" | "width" | "size_multiple" | "views":
            return _count(name, value)
        case "max_pixels":
            return None if value is None else _count(name, value)
        case "max_depth_m":
            return None if value is None else _number(name, value)
        case "needs_camera":
            return bool(value)
        case _:
            return str(value)


def _one_of(name: str, value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError(f"{name} is {value!r}")
    return value


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is {value!r}")
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}")
    return float(value)


def _broken(subject: str | Path, what: str) -> UserError:
    return UserError(subject, f"what leadline wrote into it is broken ({what})", "export it again")
