"""What `leadline bench` times: a network in one runtime, one precision and one size, with its input ready in memory.

Only the network is timed: no picture is decoded or resized. `Entry` is what the user names, `Contest` what is to be timed of it;
both go to other processes, which build the `Contender` anew.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from re import fullmatch
from typing import Literal

import numpy as np

from leadline.cli.opened import is_exported, read_size
from leadline.io.exported import Precision
from leadline.runtime.foreign import Said, understood
from leadline.runtime.session import RUNTIMES, Runtime, Session, brief, open_session
from leadline.types import DepthKind, UserError

Engine = Literal["eager", "graph", "compiled", "onnx", "openvino", "torch", "callable"]
ENGINES: tuple[Engine, ...] = ("eager", "graph", "compiled", "onnx", "openvino", "torch", "callable")
USUAL = tuple(engine for engine in ENGINES if engine != "compiled")
"""Those that do not take a minute to begin."""
ON_CUDA: tuple[Engine, ...] = ("eager", "graph", "compiled")
Device = Literal["cpu", "cuda"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16", "int8")


@dataclass(frozen=True)
class Entry:
    """MODEL as it was given: [NAME=]MODEL[@HEIGHTxWIDTH]."""

    name: str
    model: str
    size: tuple[int, int] | None = None

    @classmethod
    def parse(cls, text: str) -> "Entry":
        """Raises UserError for a size that is none."""
        named, equals, model = text.partition("=")
        name, model = (named, model) if equals and not Path(text).exists() else ("", text)
        sized = fullmatch(r"(.+)@(\d+[xX]\d+)", model)
        size = None if sized is None else read_size(text, sized[2])
        model = model if sized is None else sized[1]
        return cls(name or (Path(model).stem if is_exported(model) else Path(model).name), model, size)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """What can run it."""
        if is_exported(self.model):
            return RUNTIMES[Path(self.model).suffix.lower()]
        return ("callable",) if is_callable(self.model) else ON_CUDA


@dataclass(frozen=True)
class Contest:
    """One row: what is to be timed, and how."""

    entry: Entry
    engine: Engine
    precision: Precision
    size: tuple[int, int] | None
    """Asked for by --size; a file of one size keeps its own."""
    num: int
    """Pictures at once."""
    threads: int | None
    device: Device = "cpu"


@dataclass(frozen=True, eq=False)
class Contender:
    """A network that is ready to be timed. `run` answers for `num` pictures of `height` x `width` [px]."""

    name: str
    engine: str
    precision: str
    height: int
    width: int
    num: int
    run: Callable[[], object]
    operations: float | None = None
    """Multiplications with addition for all `num` pictures; None where they cannot be counted."""
    parameters: int | None = None

    @property
    def label(self) -> str:
        """What tells it from the others of a table."""
        return f"{self.name}, {self.engine} {self.precision}, {self.height}x{self.width}"


def is_callable(model: str) -> bool:
    """Whether MODEL is module:function."""
    return fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", model) is not None


def contests(
    entries: Sequence[Entry],
    *,
    engines: Sequence[Engine],
    precisions: Sequence[Precision],
    size: tuple[int, int] | None,
    num: int,
    threads: int | None,
    device: Device = "cpu",
) -> list[Contest]:
    """Every way to run each entry that `engines` and `precisions` allow. Raises UserError for an entry that none of them can run."""
    found: list[Contest] = []
    for entry in entries:
        of_entry = [
            Contest(entry, engine, precision, entry.size or size, num, threads, device)
            for engine in entry.engines
            for precision in precisions
            if engine in engines and _runs(entry, engine, precision, device)
        ]
        if not of_entry:
            wrong = f"is not run by {', '.join(engines)} in {', '.join(precisions)} on {device}"
            if device != "cpu":
                raise UserError(entry.model, wrong, "give a model that torch runs: a run, a model folder, a name or a hub id")
            on_cpu = [engine for engine in entry.engines if engine == "eager" or engine not in ON_CUDA]
            raise UserError(entry.model, wrong, f"it is by {' or '.join(on_cpu)}; a file in the precision of its export")
        found += of_entry
    return found


def build(contest: Contest) -> Contender:
    """Open what is to be timed. Raises UserError like whatever opens it, and for a size that it does not take."""
    match contest.engine:
        case "callable":
            return _callable(contest)
        case "eager" | "graph" | "compiled":
            return _in_torch(contest)
        case runtime:
            return _exported(contest, runtime)


def _runs(entry: Entry, engine: Engine, precision: Precision, device: Device) -> bool:
    """Whether this runtime has a way to run the entry in this precision on this device."""
    if device == "cuda":
        return engine in ON_CUDA and precision != "int8"
    match engine:
        case "graph" | "compiled":
            return False
        case "callable":
            return precision == "fp32"
        case "eager":
            return precision in ("fp32", "bf16")
        case runtime:
            own = _own_precision(Path(entry.model), runtime)
            return precision == own or (own == "fp32" and precision == "bf16" and runtime != "onnx")


def _own_precision(path: Path, runtime: Runtime) -> Precision:
    about = open_session(path, runtime=runtime, threads=1).about
    return "fp32" if about is None else about.precision


def _exported(contest: Contest, runtime: Runtime) -> Contender:
    from leadline.cli.bench_operations import operations_of

    entry, num = contest.entry, contest.num
    session = open_session(entry.model, runtime=runtime, threads=contest.threads, precision=contest.precision)
    about = session.about
    if about is None:
        said = Said(size=contest.size) if _varies(session) else Said(size=entry.size)
        session, about, _ = understood(session, kind=DepthKind.METRIC, said=said)
    height, width = (about.height, about.width) if about.is_fixed else contest.size or (about.height, about.width)
    if entry.size is not None and entry.size != (height, width):
        wrong = f"takes {height}x{width} px alone, not {entry.size[0]}x{entry.size[1]}"
        raise UserError(entry.model, wrong, "leave its size out, or export it with a size that may vary")
    inputs = _inputs(session, about.views > 1 or "views" in about.dynamic, num, height, width)
    counted = operations_of(Path(entry.model), session, inputs, lambda: session.run(**inputs))
    run = lambda: session.run(**inputs)  # noqa: E731
    return Contender(entry.name, runtime, contest.precision, height, width, num, run, counted.operations, counted.parameters)


def _varies(session: Session) -> bool:
    shape = session.inputs[0].shape
    return shape is not None and any(side is None for side in shape[1:])


def _inputs(session: Session, joint: bool, num: int, height: int, width: int) -> dict[str, np.ndarray]:
    """Noise and a camera, `num` pictures of them. Raises UserError for a number that a fixed graph does not take."""
    image = session.port("image")
    assert image is not None and image.shape is not None
    batch = (1, num) if joint else (num,)
    taken = tuple(side or one for side, one in zip(image.shape[: len(batch)], batch, strict=True))
    if int(np.prod(taken)) != num:
        wrong = f"always takes {int(np.prod(taken))} pictures at once, not {num}"
        raise UserError(session.path, wrong, f"give --cameras {int(np.prod(taken))}, or export it with a batch that may vary")
    rng = np.random.default_rng(0)
    if image.dtype == np.uint8:
        inputs: dict[str, np.ndarray] = {"image": rng.integers(0, 255, (*taken, height, width, 3), dtype=np.uint8)}
    else:
        inputs = {"image": rng.random((*taken, 3, height, width), dtype=np.float32).astype(image.dtype)}
    if session.port("K") is not None:
        K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], dtype=np.float32)
        inputs["K"] = np.broadcast_to(K, (*taken, 3, 3)).copy()
    return inputs


def _in_torch(contest: Contest) -> Contender:
    """As it is, or on a GPU as a CUDA graph, of its kernels or of those that torch.compile makes."""
    import torch

    from leadline.cli.bench_operations import torch_operations
    from leadline.methods.loading import load

    if contest.threads is not None:
        torch.set_num_threads(contest.threads)
    device, precision = contest.device, contest.precision
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device", "torch as it is installed here has no device cuda", "give cpu, or install a CUDA build of torch")
    model = load(contest.entry.model, device=device)
    height, width = contest.size or (model.info.height, model.info.width)
    if not height or not width:
        raise UserError(contest.entry.model, "has no size of its own", "give --size HEIGHTxWIDTH, or MODEL@HEIGHTxWIDTH")
    shape = (1, contest.num, 3, height, width) if model.rig else (contest.num, 1, 3, height, width)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(shape, generator=generator).to(device)
    K = torch.tensor([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]]).expand(*shape[:2], 3, 3).to(device)
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    # On a GPU torch.compile loses track of tensors in inference mode (docs/LOG.md).
    without_gradients = torch.no_grad if contest.engine == "compiled" else torch.inference_mode

    def run() -> object:
        with without_gradients(), torch.autocast(device, dtype, enabled=precision != "fp32"):
            return model.reader.run(image, K).values

    operations = torch_operations(run)
    timed = run
    if device == "cuda":
        from leadline.cli.bench_cuda import captured, ended

        model.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        timed = ended(run if contest.engine == "eager" else captured(torch.compile(run) if contest.engine == "compiled" else run))
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    return Contender(contest.entry.name, contest.engine, precision, height, width, contest.num, timed, operations, parameters)


def _callable(contest: Contest) -> Contender:
    from leadline.cli.bench_operations import torch_operations

    function = _imported(contest.entry.model)
    if contest.size is None:
        raise UserError(contest.entry.model, "has no size of its own", "give --size HEIGHTxWIDTH, or MODULE:FUNCTION@HEIGHTxWIDTH")
    height, width = contest.size
    if contest.threads is not None and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(contest.threads)
    images = np.random.default_rng(0).random((contest.num, 3, height, width), dtype=np.float32)
    run = lambda: function(images)  # noqa: E731
    try:
        run()
    except Exception as error:  # code of the user
        wrong = f"fails on float32 {images.shape} ({type(error).__name__}: {brief(error)})"
        raise UserError(contest.entry.model, wrong, "let it take RGB in [0, 1] of that shape, or give another size") from error
    return Contender(contest.entry.name, "callable", contest.precision, height, width, contest.num, run, torch_operations(run))


def _imported(model: str) -> Callable[[np.ndarray], object]:
    """FUNCTION of MODULE:FUNCTION. Raises UserError where python cannot import it from here."""
    module, _, name = model.partition(":")
    sys.path.insert(0, "")  # a script beside the user, as `python -m` would find it
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # code of the user
        raise UserError(model, f"cannot be imported ({brief(error)})", "give MODULE:FUNCTION that python can import from here") from error
    finally:
        sys.path.remove("")
