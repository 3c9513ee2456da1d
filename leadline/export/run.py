"""Export: settle, trace, write beside the final place, run what was written, and let it stay only if it answers as the model does."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram

from leadline.export import coreml, tensorrt
from leadline.export.calibration import calibration_cases
from leadline.export.cost import NUM_ROOMS, Run, Truth, read_truth
from leadline.export.graph import Graph, trace
from leadline.export.onnx_file import described, halved, onnx_bytes, onnx_model
from leadline.export.openvino_file import openvino_model, write_openvino
from leadline.export.parity import Layer, Parity, compare, trials
from leadline.export.pictures import Case, graph_inputs
from leadline.export.plan import Plan, settle
from leadline.export.quantise import keep, layer_errors, quantised
from leadline.export.quiet import quiet
from leadline.export.report import write_report
from leadline.export.torch_file import torch_bytes
from leadline.io.atomic import atomic_group, writable_folder
from leadline.io.exported import Exported
from leadline.methods.predictor import DepthModel
from leadline.runtime.session import brief, open_session
from leadline.types import UserError

ROOM = 1.3
"""Space asked of the disk, in bytes of the weights."""
NEEDS: Mapping[str, str] = {"onnx": "onnxscript", "openvino": "openvino", "tensorrt": "onnxscript", "coreml": "coremltools"}
Advance = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Job:
    """An export at work."""

    model: DepthModel
    plan: Plan
    about: Exported
    graph: Graph
    truth: Truth
    out: Path
    advance: Advance


def steps(about: Exported, plan: Plan) -> int:
    """How many units `export_model` reports, as far as that is known: repeating, and a data set of unknown size, come on top."""
    return 2 + 2 * len(trials(about)) + (NUM_ROOMS if plan.data is None else 0)


def export_model(model: DepthModel, plan: Plan, out: str | Path, *, advance: Advance = lambda _: None) -> Parity:
    """Write `model` to `out` as the plan says, with the report of its parity beside it.

    Nothing stays under that name when the file does not answer as the model does. Raises UserError then, and for what cannot be
    exported, for calibration pictures that are no use, and where the files cannot be written.
    """
    out = Path(out)
    about = settle(model, plan, subject=out)
    _check_packages(plan)
    _check_space(model, out)
    job = Job(model, plan, about, Graph(model, about), read_truth(about, plan), out, advance)
    calibration = [] if plan.calibration is None or plan.precision != "int8" else calibration_cases(plan.calibration, about)
    program = _traced(job)
    advance(1)
    with atomic_group(out) as folder:
        path = folder / out.name
        if plan.format == "coreml":
            coreml.write_coreml(program, about, path)
            parity = Parity(about, plan.format, (), None, notes=(coreml.NOT_CHECKED,))
        elif plan.precision == "int8":
            parity = _int8(job, program, path, calibration)
        else:
            parity = _plain(job, program, path)
        if parity.exceeded is not None:
            raise UserError(out, parity.exceeded, f"nothing was written; {_remedy(plan)}")
        if plan.format == "tensorrt":
            parity = replace(parity, notes=(*parity.notes, tensorrt.not_checked(about, out, plan.precision)))
        write_report(parity, path)
    advance(1)
    return parity


def _plain(job: Job, program: ExportedProgram, path: Path) -> Parity:
    """Written in floating point, and compared."""
    about = job.about
    if job.plan.format == "torch":
        path.write_bytes(torch_bytes(program, about))
        return _compared(job, path)
    model = onnx_model(program, about)
    if job.plan.format == "openvino":
        return _written(job, openvino_model(onnx_bytes(model, subject=about.model), subject=about.model), path)
    return _written(job, halved(model) if about.precision == "fp16" else model, path)


def _int8(job: Job, program: ExportedProgram, path: Path, calibration: Sequence[Case]) -> Parity:
    """Quantised, compared, and as long as the bound is broken with more layers in floating point."""
    name, source = job.about.model, onnx_model(program, job.about)
    plain = openvino_model(onnx_bytes(source, subject=name), subject=name)
    model = plain if job.plan.format == "openvino" else source
    transformer = any(isinstance(part, nn.LayerNorm) for part in job.graph.modules())
    prepare = partial(_prepared, job.about)
    kept: list[str] = []
    ranked: tuple[Layer, ...] = ()
    while True:
        int8 = quantised(model, calibration, prepare, transformer=transformer, symmetric=job.plan.format == "tensorrt", kept=kept)
        parity = _written(job, int8, path)
        as_openvino = int8 if job.plan.format == "openvino" else openvino_model(int8.SerializeToString(), subject=name)
        errors = layer_errors(plain, as_openvino, calibration, prepare, kept=kept)
        ranked = ranked or errors
        parity = replace(parity, layers=errors)
        if parity.exceeded is None or 2 * len(kept) >= len(ranked):
            return parity
        kept = keep(ranked, max(1, 2 * len(kept)))
        job = replace(job, advance=lambda _: None)


def _prepared(about: Exported, case: Case) -> dict[str, np.ndarray]:
    return graph_inputs(about, [case])


def _written(job: Job, model: Any, path: Path) -> Parity:
    """An ONNX or OpenVINO model on disk, and compared."""
    if job.plan.format == "openvino":
        write_openvino(model, job.about, path, subject=job.out)
    else:
        path.write_bytes(onnx_bytes(described(model, job.about), subject=job.about.model))
    return _compared(job, path)


def _compared(job: Job, path: Path) -> Parity:
    """The report on the file `path`. Raises UserError about the place where it was to go when it does not even run."""
    eager = eager_run(job.graph)
    try:
        session = open_session(path)
        return compare(job.about, job.truth, eager=eager, exported=lambda inputs: session.run(**inputs), plan=job.plan, advance=job.advance)
    except UserError as error:
        if Path(error.subject) != path:
            raise
        wrong = str(error).removeprefix(f"{error.subject}: ").partition(";")[0]
        raise UserError(job.out, wrong, f"nothing was written; {_remedy(job.plan)}") from error


def eager_run(graph: Graph) -> Run:
    """The graph as torch runs it, for arrays."""

    @torch.inference_mode()
    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        answers = graph(**{name: torch.from_numpy(values) for name, values in inputs.items()})
        each = answers if isinstance(answers, tuple) else (answers,)
        return {name: answer.numpy() for name, answer in zip(graph.about.outputs, each, strict=True)}

    return run


def _traced(job: Job) -> ExportedProgram:
    try:
        with quiet():
            return trace(job.graph)
    except UserError:
        raise
    except Exception as error:  # torch.export raises whatever the code it runs through raises
        remedy = "leave --dynamic out, or report it" if job.plan.dynamic else "report it with the name of the model"
        raise UserError(job.model.name, f"cannot be traced ({brief(error)})", remedy) from error


def _remedy(plan: Plan) -> str:
    if plan.precision == "int8":
        return "give more calibration pictures of what it will see, or use bf16"
    if plan.dynamic:
        return f"this network cannot leave {', '.join(plan.dynamic)} open in {plan.format}: leave --dynamic out"
    return "report it with the name of the model" if plan.precision == "fp32" else "use --precision fp32"


def _check_packages(plan: Plan) -> None:
    wanted = [NEEDS[plan.format]] if plan.format in NEEDS else []
    wanted += {"onnx": ["onnxruntime"], "tensorrt": ["onnxruntime"], "openvino": ["onnxscript"]}.get(plan.format, [])
    wanted += ["nncf", "openvino"] if plan.precision == "int8" else []
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        remedy = "pip install coremltools" if plan.format == "coreml" else 'pip install "leadline[export]"'
        raise UserError(f"--format {plan.format}", f"needs {missing[0]}, which is not installed", remedy)


def _check_space(model: DepthModel, out: Path) -> None:
    """Before minutes of work: the exact answer is that of the disk when it is written to."""
    folder = writable_folder(out.parent)
    needed = int(ROOM * sum(p.numel() * p.element_size() for p in model.network.parameters()))
    free = shutil.disk_usage(folder).free
    if free < needed:
        wrong = f"its disk has {free / 2**20:.0f} MiB left, and about {needed / 2**20:.0f} are needed"
        raise UserError(out, wrong, "free some space on the disk or choose another folder")
