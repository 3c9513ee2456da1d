"""`leadline export MODEL --format F --out FILE`: a model that leaves Python, and the proof that it answers as before."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import tyro

from leadline.cli.method_options import parse_options
from leadline.cli.progress import progress
from leadline.io.exported import Axis
from leadline.types import DepthKind, UserError


@dataclass(frozen=True)
class ExportOptions:
    """Write a model as a file for another runtime. A report of its parity is written beside it; without parity there is no file."""

    model: tyro.conf.Positional[str]
    """Run folder, model folder, name from `leadline models`, or hub id."""
    out: Path
    """File to write: .onnx, .xml (OpenVINO), .pt2 (torch), .mlpackage."""
    format: Literal["onnx", "openvino", "torch", "tensorrt", "coreml"] = "onnx"
    """tensorrt writes the ONNX file that trtexec takes, and the command."""
    precision: Literal["fp32", "fp16", "bf16", "int8"] = "fp32"
    """fp16 halves the file, bf16 is a wish that OpenVINO grants, int8 needs --calibration."""
    dynamic: str = ""
    """What stays open, separated by commas: batch views size. Each is tried with three numbers before it is promised."""
    preprocess: Literal["inside", "outside"] = "outside"
    """inside: the file takes RGB pictures as bytes, of any size with --dynamic size, and answers at their size."""
    fit: Literal["stretch", "letterbox"] = "stretch"
    """How a picture of another shape comes into a fixed input."""
    height: int | None = None
    """Of the network input [px]; that of training without it."""
    width: int | None = None
    """Of the network input [px]; that of training without it."""
    views: int = 6
    """Cameras of the rig, for networks that look at all of them together."""
    valid: bool = False
    """Let the file also say which values are depth: finite, positive, and nearer than the farthest that the network can say."""
    calibration: Path | None = None
    """Folder of pictures for int8; with any precision up to twelve of them are compared as well."""
    data: str | None = None
    """DATASET:ROOT, such as rendered:out/rooms, to measure on what the file costs in metrics; without it, rooms rendered on the spot."""
    protocol: str | None = None
    """Under which that is measured; without it the usual one of what the model returns."""
    kind: tyro.conf.EnumChoicesFromValues[DepthKind | None] = None
    """What the model returns, for the few checkpoints that do not say it."""
    option: tuple[str, ...] = ()
    """NAME=VALUE, options of a method that can change after its training, such as temperature=3 of briges."""
    json: bool = False
    """Print the report as JSON."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ExportOptions, args=argv, prog="leadline export")
    dynamic = _axes(options.dynamic)
    from leadline.export.plan import Plan, settle
    from leadline.export.report import table
    from leadline.export.run import export_model, steps
    from leadline.io.jsonfile import as_json
    from leadline.methods.loading import load

    plan = Plan(
        format=options.format,
        precision=options.precision,
        dynamic=dynamic,
        preprocess=options.preprocess,
        fit=options.fit,
        height=options.height,
        width=options.width,
        views=options.views,
        valid=options.valid,
        calibration=options.calibration,
        data=options.data,
        protocol=options.protocol,
    )
    model = load(options.model, kind=options.kind, options=parse_options(options.option))
    with progress("export", steps(settle(model, plan, subject=options.out), plan)) as advance:
        parity = export_model(model, plan, options.out, advance=advance)
    print(as_json(parity.to_record()).decode() if options.json else table(parity))
    print(f"written: {options.out}", file=sys.stderr)
    return 0


def _axes(text: str) -> tuple[Axis, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known: tuple[Axis, ...] = get_args(Axis)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError("--dynamic", f"'{unknown[0]}' cannot be open", f"choose from {', '.join(known)}")
    return tuple(axis for axis in known if axis in names)
