"""MODEL of the verbs: a model that leadline loads into torch, or an exported file, which needs no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.io.exported import Precision
from leadline.runtime.foreign import Said
from leadline.runtime.session import SUFFIXES, Runtime
from leadline.types import DepthKind, UserError

if TYPE_CHECKING:
    from leadline.methods.predictor import DepthModel
    from leadline.runtime.model import RuntimeModel


def is_exported(model: str) -> bool:
    """Whether MODEL names an exported file."""
    return Path(model).suffix.lower() in SUFFIXES


def open_model(
    model: str,
    *,
    kind: DepthKind | None = None,
    options: Mapping[str, Any] | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    runtime: Runtime | None = None,
    device: str = "cpu",
) -> "DepthModel | RuntimeModel":
    """The model, ready to predict.

    `options` are those of its method, or of an exported file that does not say itself what its pictures should be: mean, std and size.
    `precision` and `runtime` are for exported files alone. Raises UserError like `leadline.load` and `leadline.runtime.open`.
    """
    if is_exported(model):
        from leadline.runtime.model import open_model as open_exported

        said = said_of(options) if options else None
        return open_exported(model, threads=threads, precision=precision, runtime=runtime, device=device, kind=kind, said=said)
    for name, value in (("--precision", precision), ("--runtime", runtime)):
        if value is not None:
            raise UserError(name, f"{model} is no exported file, and runs in torch as it is", "leave it out, or export the model first")
    from leadline.methods.loading import load

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return load(model, device=device, kind=kind, options=options)


def said_of(options: Mapping[str, Any]) -> Said:
    """`--option mean=r,g,b --option std=r,g,b --option size=HEIGHTxWIDTH`. Raises UserError for others, and for what they cannot be."""
    unknown = [name for name in options if name not in ("mean", "std", "size")]
    if unknown:
        raise UserError("--option", f"an exported file has no option {unknown[0]}", "give mean, std or size to a file that lacks them")
    return Said(
        mean=_colour("mean", options["mean"]) if "mean" in options else None,
        std=_colour("std", options["std"]) if "std" in options else None,
        size=read_size("--option size", str(options["size"])) if "size" in options else None,
    )


def read_size(name: str, text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH [px]. Raises UserError naming the option."""
    height, _, width = text.lower().partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise UserError(name, f"'{text}' is no size", "give HEIGHTxWIDTH in pixels, such as 384x640")
    return int(height), int(width)


def _colour(name: str, value: object) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(part) for part in str(value).split(","))
    except ValueError:
        raise UserError(f"--option {name}", f"'{value}' is not three numbers", "give red,green,blue, such as 0.485,0.456,0.406") from None
    if name == "std" and min(red, green, blue) <= 0:
        raise UserError("--option std", f"'{value}' divides by zero or turns colours round", "give positive numbers")
    return red, green, blue
