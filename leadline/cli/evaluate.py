"""`leadline evaluate`: score a model on a data set, or depth files against depth files, under a named protocol."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from leadline.cli.progress import progress
from leadline.types import DepthKind, UserError

if TYPE_CHECKING:
    from leadline.evaluation.protocol import Protocol
    from leadline.evaluation.result import Evaluation


@dataclass(frozen=True)
class EvaluateOptions:
    """Score predictions. Give --model and --data, or --pred and --target; with --explain alone, read what a protocol does."""

    protocol: str
    """Name from `leadline protocols`."""
    model: str | None = None
    """Run folder, model folder, name from `leadline models`, or hub id."""
    data: str | None = None
    """DATASET:ROOT, such as rendered:out/streets."""
    pred: str | None = None
    """Depth file, folder or quoted glob."""
    target: str | None = None
    """Depth file, folder or quoted glob with the same names."""
    json: Path | None = None
    """Write everything, each image's row included, to this file."""
    explain: bool = False
    """Print the protocol in words first."""
    split: str | None = None
    """Split of the data set, as `leadline datasets` lists them."""
    limit: int | None = None
    """Score the first images only."""
    partial: bool = False
    """Accept fewer images than the protocol is defined on; the result says so."""
    regions: tuple[Literal["camera", "material"], ...] = ()
    """Also one row per camera, per material, or both."""
    kind: Literal["metric", "scale_invariant", "affine_invariant", "affine_invariant_inverse"] | None = None
    """What the model returns, for the few checkpoints that do not say it."""
    pred_kind: Literal["metric", "scale_invariant", "affine_invariant", "affine_invariant_inverse"] | None = None
    """What prediction files hold that do not say it; metric if not given."""
    pred_scale: float | None = None
    """Stored units per metre of prediction files that do not say it."""
    target_scale: float | None = None
    """Stored units per metre of target files that do not say it (KITTI 256, NYU 1000)."""
    batch: int = 4
    """Images predicted at once; no influence on the numbers."""
    device: str = "cpu"
    """Where the model runs."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(EvaluateOptions, args=argv, prog="leadline evaluate")
    from leadline.evaluation.explain import explain
    from leadline.evaluation.protocols import find_protocol

    protocol = find_protocol(options.protocol)
    asked = [name for name in ("model", "data", "pred", "target") if getattr(options, name) is not None]
    if options.explain:
        print(explain(protocol))
        if not asked:
            return 0
        print()
    if asked == ["model", "data"]:
        evaluation = _of_model(options, protocol)
    elif asked == ["pred", "target"]:
        evaluation = _of_files(options, protocol)
    else:
        given = " ".join(f"--{name}" for name in asked) or "nothing to score"
        raise UserError("evaluate", f"{given} was given", "give --model and --data, or --pred and --target")
    _print(evaluation)
    if options.json is not None:
        from leadline.io.jsonfile import write_json

        write_json(options.json, evaluation.to_record())
    return 0


def _of_model(options: EvaluateOptions, protocol: "Protocol") -> "Evaluation":
    from leadline.data.catalog import open_dataset
    from leadline.evaluation.evaluate import evaluate_model
    from leadline.methods.loading import load

    assert options.model is not None and options.data is not None
    _check_positive("--limit", options.limit)
    _check_positive("--batch", options.batch)
    dataset = open_dataset(options.data, options.split)
    model = load(options.model, device=options.device, kind=None if options.kind is None else DepthKind(options.kind))
    total = sum(len(record.cameras) for record in dataset.records)
    with progress("evaluate", total if options.limit is None else min(total, options.limit)) as advance:
        return evaluate_model(
            model,
            dataset,
            protocol,
            regions=options.regions,
            limit=options.limit,
            partial=options.partial,
            batch_size=options.batch,
            progress=advance,
        )


def _of_files(options: EvaluateOptions, protocol: "Protocol") -> "Evaluation":
    from leadline.evaluation.evaluate import evaluate_files

    assert options.pred is not None and options.target is not None
    _check_positive("--limit", options.limit)
    if options.regions or options.split:
        raise UserError("--regions" if options.regions else "--split", "files do not have it", "use --model and --data")
    return evaluate_files(
        options.pred,
        options.target,
        protocol,
        pred_kind=None if options.pred_kind is None else DepthKind(options.pred_kind),
        pred_scale=options.pred_scale,
        target_scale=options.target_scale,
        limit=options.limit,
        partial=options.partial,
    )


def _check_positive(option: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UserError(option, f"{value} is not a number of images", "give 1 or more")


def _print(evaluation: "Evaluation") -> None:
    """What was done, then the numbers, then what limits them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from leadline.evaluation.metrics import METRICS

    console = Console(markup=False)  # a path may hold [brackets]
    about = Table.grid(padding=(0, 2))
    about.add_row("protocol", str(evaluation.protocol))
    about.add_row("predictor", f"{evaluation.predictor} ({evaluation.kind.value})")
    about.add_row("data", evaluation.data)
    about.add_row("images", f"{evaluation.num_images:,}")
    about.add_row("pixels", f"{evaluation.num_pixels:,}")
    for key in ("valid pixels", "resize", "alignment", "clamp", "flip", "average"):
        about.add_row(key, evaluation.description[key])
    for note in evaluation.notes:
        about.add_row(Text("note", style="bold"), note)
    console.print(about)
    rows = {"all": (evaluation.num_images, evaluation.num_pixels, evaluation.metrics)}
    rows |= {name: (r.num_images, r.num_pixels, r.metrics) for name, r in evaluation.regions.items()}
    names = list(rows)
    fitting = max(1, (console.width - 20) // (max(map(len, names)) + 3))
    for start in range(0, len(names), fitting):
        columns = names[start : start + fitting]
        table = Table("metric", "unit")
        for name in columns:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row("images", "", *(f"{rows[name][0]:,}" for name in columns))
        table.add_row("pixels", "", *(f"{rows[name][1]:,}" for name in columns), end_section=True)
        for metric in evaluation.metrics:
            unit = METRICS[metric].unit if metric in METRICS else ""
            values = (rows[name][2].get(metric) for name in columns)
            table.add_row(metric, unit, *("" if value is None else f"{value:.4f}" for value in values))
        console.print(table)
