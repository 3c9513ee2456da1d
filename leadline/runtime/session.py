"""Session: one exported file, opened by the runtime that its ending names, from arrays to arrays.

| ending | runtime | needs |
|---|---|---|
| .onnx | ONNX Runtime, or OpenVINO where that is asked for | `pip install onnxruntime` |
| .xml (with its .bin) | OpenVINO | `pip install openvino` |
| .pt2 | torch | `pip install torch` |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from leadline.io.exported import Exported, Precision
from leadline.io.source import existing_file
from leadline.types import UserError

Runtime = Literal["onnx", "openvino", "torch"]
RUNTIMES: dict[str, tuple[Runtime, ...]] = {".onnx": ("onnx", "openvino"), ".xml": ("openvino",), ".pt2": ("torch",)}
"""What can run a file of this ending; the first does unless another is asked for."""
SUFFIXES = tuple(RUNTIMES)
"""Endings of exported files."""
_FIRST_LINE = 200
"""Characters kept of what a runtime says about a file; the rest is its own stack."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph. A side that may vary is None; `shape` is None where not even their number is known."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: np.dtype

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of `shape` fits."""
        return self.shape is None or (
            len(shape) == len(self.shape) and all(side in (None, given) for side, given in zip(self.shape, shape, strict=True))
        )

    def __str__(self) -> str:
        """As messages have it: `image (1, 3, ?, ?) float32`."""
        sides = "(?)" if self.shape is None else f"({', '.join('?' if side is None else str(side) for side in self.shape)})"
        return f"{self.name} {sides} {self.dtype}"


@dataclass(frozen=True)
class Engine:
    """How a file is to be run. `threads` None: as the runtime sees fit; `precision` None: the one it was exported in."""

    threads: int | None = None
    precision: Precision | None = None
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Session:
    """An opened file. `about` is None where leadline did not make it. For one thread at a time."""

    path: Path
    runtime: Runtime
    precision: Precision
    about: Exported | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    compute: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
    """From checked inputs to outputs, by name; arrays that belong to the caller."""

    def port(self, name: str) -> Port | None:
        """The input of that name."""
        return next((port for port in self.inputs if port.name == name), None)

    def run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name. Raises UserError for inputs that the graph does not have, or not of this size, and where it fails on them."""
        names = [port.name for port in self.inputs]
        if sorted(names) != sorted(inputs):
            raise UserError(self.path, f"was given {', '.join(inputs) or 'nothing'}", f"it takes {', '.join(map(str, self.inputs))}")
        for port in self.inputs:
            given = inputs[port.name]
            if not port.takes(given.shape) or given.dtype != port.dtype:
                wrong = f"was given {port.name} {given.shape} {given.dtype}, and takes {port}"
                raise UserError(self.path, wrong, "give that size, or export it again with a size that may vary")
        return self.compute(inputs)

    @property
    def fingerprint(self) -> str:
        """Of the bytes of the file and of how it is run: equal fingerprints, equal predictions on one machine."""
        digest = sha256(f"{self.runtime} {self.precision}".encode())
        for path in (self.path, self.path.with_suffix(".bin"), self.path.with_name(f"{self.path.name}.data")):
            if path.is_file():
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()[:16]


def open_session(
    path: str | Path,
    *,
    threads: int | None = None,
    precision: Precision | None = None,
    device: str = "cpu",
    runtime: Runtime | None = None,
) -> Session:
    """The exported file `path`, ready to run.

    `precision` bf16 or fp16 runs a file in less than it was exported in, where the runtime can (OpenVINO, torch). `device`: cpu, or
    what the runtime calls another (cuda, gpu). Raises UserError for a file that is missing or no model, an ending that no runtime has, a
    runtime that is not installed, and a precision or device that it does not have.
    """
    path = Path(path)
    kinds = RUNTIMES.get(path.suffix.lower())
    if kinds is None:
        raise UserError(path, f"'{path.suffix}' is not an exported network", f"give one of {', '.join(SUFFIXES)}")
    path = existing_file(path, what="exported network")
    if threads is not None and threads < 1:
        raise UserError("threads", f"{threads} is too few", "give 1 or more")
    runtime = runtime or kinds[0]
    if runtime not in kinds:
        raise UserError(path, f"is not run by {runtime}", f"it is by {' or '.join(kinds)}")
    engine = Engine(threads, precision, device)
    match runtime:
        case "onnx":
            from leadline.runtime.onnx_session import open_onnx

            return open_onnx(path, engine)
        case "openvino":
            from leadline.runtime.openvino_session import open_openvino

            return open_openvino(path, engine)
        case "torch":
            from leadline.runtime.torch_session import open_torch

            return open_torch(path, engine)


def not_installed(path: Path, package: str, error: ImportError) -> UserError:
    """The sentence about a runtime that is missing, or broken."""
    if isinstance(error, ModuleNotFoundError) and error.name == package:
        return UserError(path, f"needs {package}, which is not installed", f"pip install {package}")
    return UserError(path, f"needs {package}, which does not load ({brief(error)})", f"pip install --force-reinstall {package}")


def not_a_model(path: Path, what: str, error: Exception) -> UserError:
    """The sentence about a file that its runtime does not open."""
    return UserError(path, f"is not {what} that can be run ({brief(error)})", "export it again, or copy it again with the files beside it")


def failed(path: Path, inputs: Mapping[str, np.ndarray], error: Exception) -> UserError:
    """The sentence about a graph that does not take what its inputs promise."""
    sizes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
    return UserError(path, f"fails on {sizes} ({brief(error)})", "give a size that it was made for")


def brief(error: Exception) -> str:
    """The first line of what a library says that is not empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_FIRST_LINE]
