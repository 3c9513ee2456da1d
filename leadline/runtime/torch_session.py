"""torch.export programs (.pt2). The only file of the runtime that imports torch.

Such a file is an archive that may hold pickles and compiled code, both of which run when it is opened; those that do are refused.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.exported import EXTRA_FILE, Exported
from leadline.runtime.session import Engine, Port, Session, failed, not_a_model, not_installed
from leadline.types import UserError


def open_torch(path: Path, engine: Engine) -> Session:
    """The session of a .pt2 file. `threads` are those of the whole process. Raises UserError like `open_session`."""
    try:
        import torch
    except ImportError as error:
        raise not_installed(path, "torch", error) from error
    about = _checked(path)
    try:
        with _quiet():
            program = torch.export.load(path)
    except Exception as error:  # whatever its parts let out
        raise not_a_model(path, "a torch.export program", error) from error
    precision = "fp32" if about is None else about.precision
    lower = engine.precision not in (None, precision)
    if lower and (precision, engine.precision) not in (("fp32", "bf16"), ("fp32", "fp16")):
        raise UserError(
            path, f"is {precision}, which cannot be run in {engine.precision}", f"export it with --precision {engine.precision}"
        )
    if engine.device != "cpu" and not (engine.device.startswith("cuda") and torch.cuda.is_available()):
        raise UserError(
            path, f"torch as it is installed here has no device '{engine.device}'", "give cpu, or cuda with a CUDA build of torch"
        )
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
    module = program.module().to(engine.device)
    inputs, outputs = _ports(program, about)
    dtype = torch.bfloat16 if engine.precision == "bf16" else torch.float16

    def compute(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = [torch.from_numpy(np.ascontiguousarray(given[port.name])).to(engine.device) for port in inputs]
        context = torch.autocast(engine.device.split(":")[0], dtype) if lower else nullcontext()
        try:
            with torch.inference_mode(), context:
                answers = module(*tensors)
        except Exception as error:
            raise failed(path, given, error) from error
        each = answers if isinstance(answers, tuple | list) else [answers]
        return {port.name: _array(answer) for port, answer in zip(outputs, each, strict=True)}

    return Session(path, "torch", engine.precision or precision, about, inputs, outputs, compute)


def _array(answer: Any) -> np.ndarray:
    """NumPy has no bfloat16."""
    return (answer.float() if answer.is_floating_point() else answer).cpu().numpy()


def _checked(path: Path) -> Exported | None:
    """What the file says about itself. Raises UserError for what is no such archive, and for one with code in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _refuse_code(path, archive, names)
            extra = next((name for name in names if name.endswith(f"/extra/{EXTRA_FILE}")), None)
            return None if extra is None else Exported.from_json(archive.read(extra).decode(), subject=path)
    except (zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise not_a_model(path, "a torch.export program", error) from error


def _refuse_code(path: Path, archive: zipfile.ZipFile, names: list[str]) -> None:
    """Raise UserError where opening the file would run code that it brings along."""
    import torch

    foreign = [n for n in names if "/aotinductor/" in n or "custom_obj_" in n or "opaque_obj_" in n]
    legacy = [n for n in names if n.endswith(".pt") and ("/weights/" in n or "/constants/" in n)]
    if not any("/models/" in n and n.endswith(".json") for n in names) or legacy:
        raise UserError(path, "is not a torch.export program of torch 2.8 or newer", "export it again")
    pickled = [n for n in names if n.endswith("_config.json") and _has_pickles(json.loads(archive.read(n)))]
    for name in (n for n in names if "/sample_inputs/" in n and n.endswith(".pt")):
        with archive.open(name) as file:
            try:
                torch.load(file, weights_only=True)
            except Exception:  # what is no plain tensor would be opened as a pickle
                pickled.append(name)
    if foreign or pickled:
        wrong = f"brings code along that runs when it is opened ({(foreign or pickled)[0]}), so it was not opened"
        raise UserError(path, wrong, "export it again with leadline, or give an ONNX file")


def _has_pickles(config: Any) -> bool:
    return isinstance(config, dict) and any(one.get("use_pickle") for one in config.get("config", {}).values())


def _ports(program: Any, about: Exported | None) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs. A program knows them by place: `image`, then `K`; `values`, then `valid`."""
    nodes = {node.name: node for node in program.graph.nodes}
    given = [nodes[name] for name in program.graph_signature.user_inputs]
    answers = [nodes[name] for name in program.graph_signature.user_outputs]
    in_names = [node.name for node in given] if about is None else ("image", "K")
    out_names = [node.name for node in answers] if about is None else about.outputs
    inputs = tuple(_port(name, node) for name, node in zip(in_names, given, strict=False))
    return inputs, tuple(_port(name, node) for name, node in zip(out_names, answers, strict=True))


def _port(name: str, node: Any) -> Port:
    tensor = node.meta["val"]
    shape = tuple(side if isinstance(side, int) else None for side in tensor.shape)
    dtype = "float32" if str(tensor.dtype) == "torch.bfloat16" else str(tensor.dtype).removeprefix("torch.")
    return Port(name, shape, np.dtype(dtype))


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export logs a traceback for files that it then refuses with a sentence."""
    import logging

    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
