"""The command that makes a TensorRT engine of an ONNX file. No engine is built here: it belongs to one graphics card and driver."""

from pathlib import Path

from leadline.io.exported import Exported, Precision

MOST_BATCH = 8
"""Of an engine with an open batch."""
LARGEST = 2
"""Sides of the largest input of an engine with an open size, in those of the one it is tuned for."""


def trtexec_command(about: Exported, path: Path, precision: Precision) -> str:
    """What to type where the engine will run."""
    parts = ["trtexec", f"--onnx={path.name}", f"--saveEngine={path.stem}.engine"]
    parts += {"fp16": ["--fp16"], "bf16": ["--bf16"], "int8": ["--int8", "--fp16"]}.get(precision, [])
    if about.dynamic:
        for name, (batch, rigs, sides) in {"min": (1, -1, 0), "opt": (1, 0, 1), "max": (MOST_BATCH, 1, LARGEST)}.items():
            parts.append(f"--{name}Shapes={_shapes(about, batch=batch, more_views=rigs, times=sides)}")
    return " ".join(parts)


def not_checked(about: Exported, path: Path, precision: Precision) -> str:
    """What nobody has seen of the engine, in a sentence."""
    command = trtexec_command(about, path, precision)
    return f"the ONNX file was run and compared; whether TensorRT builds it, and how it answers then, was not checked here: {command}"


def _shapes(about: Exported, *, batch: int, more_views: int, times: int) -> str:
    views = max(about.views + more_views, 2) if "views" in about.dynamic else about.views
    front = [batch if "batch" in about.dynamic else 1, *([views] if about.views > 1 else [])]
    least = 2 * about.size_multiple if about.preprocess == "outside" else 32
    sides = [times * side or least for side in (about.height, about.width)] if "size" in about.dynamic else [about.height, about.width]
    image = [*front, *sides, 3] if about.preprocess == "inside" else [*front, 3, *sides]
    shapes = {"image": image} | ({"K": [*front, 3, 3]} if about.needs_camera else {})
    return ",".join(f"{name}:{'x'.join(map(str, shape))}" for name, shape in shapes.items())
