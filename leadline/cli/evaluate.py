"""`leadline evaluate`: score a model on a data set, or depth files against depth files, under one named protocol or several."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from leadline.cli.method_options import parse_options
from leadline.cli.opened import open_model
from leadline.cli.progress import progress
from leadline.types import DepthKind, UserError

if TYPE_CHECKING:
    from leadline.data.catalog import DatasetChoices
    from leadline.data.dataset import Dataset
    from leadline.evaluation.bootstrap import Bootstrap
    from leadline.evaluation.protocol import Protocol
    from leadline.evaluation.result import Evaluation
    from leadline.methods.predictor import DepthModel
    from leadline.runtime.model import RuntimeModel


@dataclass(frozen=True)
class EvaluateOptions:
    """Score predictions. Give --model and --data, or --pred and --target; with --explain alone, read what a protocol does."""

    protocol: str
    """Name from `leadline protocols`."""
    model: str | None = None
    """Run folder, model folder, name from `leadline models`, hub id, or exported file (.onnx, .xml, .pt2)."""
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
    compare: tuple[str, ...] = ()
    """Score the same predictions under these too, and print how far the numbers spread: names, quoted patterns such as 'ddad-*', or
    `scopes` for every scale scope of the protocol."""
    scale_scope: Literal["image", "camera-batch", "rig", "camera", "dataset"] | None = None
    """What shares one fitted scale, instead of what the protocol says; the result carries another name."""
    scale_batch: int | None = None
    """Images of a camera that share a scale under --scale-scope camera-batch."""
    also: tuple[str, ...] = ()
    """More metrics beside the protocol's: boundary_f1:moge1, edge_accuracy, chamfer, f_score:0.10, iou:0.10, ..."""
    split: str | None = None
    """Split of the data set, as `leadline datasets` lists them."""
    depth_source: str | None = None
    """Which depth is the truth, for data sets that have several, as `leadline datasets` lists them (kitti: lidar or improved)."""
    rasterise: str | None = None
    """Which of several LiDAR points on one pixel stays, for data sets that project them: nearest, or last_write for parity."""
    sweeps: int | None = None
    """LiDAR scans that make one depth map, each with its own pose and time, for data sets that offer it."""
    limit: int | None = None
    """Score the first images only."""
    partial: bool = False
    """Accept another number of images than the protocol is defined on; the result says so."""
    regions: tuple[str, ...] = ()
    """Also one row per camera (`camera`), or per class of a mask layer of the data set, such as `material`; `reflections` of rendered
    sets gives misleading, reflective, other and all-reflective-images."""
    mask: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=PATH")] = ()
    """Label images of --target by the name of the layer: a PNG, or a folder of PNGs named like the targets."""
    surround: bool = False
    """Also what the cameras of a rig say about each other: disagreement where they overlap, spread of scale."""
    temporal: bool = False
    """Also how much depth flickers from frame to frame."""
    on_corrupt: Literal["raise", "skip"] = "raise"
    """What a missing or broken file of the data set does: stop, or lose its image, which is named and counted."""
    bootstrap: int = 1000
    """Resamples of the images behind the 95 % intervals; 0 for none."""
    bootstrap_unit: Literal["image", "sequence"] = "image"
    """What is drawn: images, or whole recordings where their frames resemble each other."""
    kind: Literal["metric", "scale_invariant", "affine_invariant", "affine_invariant_inverse"] | None = None
    """What the model returns, for the few checkpoints that do not say it."""
    option: tuple[str, ...] = ()
    """NAME=VALUE, options of a method that can change after its training, such as temperature=3 of briges."""
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

    protocol = _protocol(options)
    asked = [name for name in ("model", "data", "pred", "target") if getattr(options, name) is not None]
    if options.explain:
        print(explain(protocol))
        if not asked:
            return 0
        print()
    if asked not in (["model", "data"], ["pred", "target"]):
        given = " ".join(f"--{name}" for name in asked) or "nothing to score"
        raise UserError("evaluate", f"{given} was given", "give --model and --data, or --pred and --target")
    for name, value in _choices(options).items():
        if value is not None and options.data is None:
            raise UserError(f"--{name.replace('_', '-')}", "is a choice of a data set", "give --model and --data")
    _check_positive("--limit", options.limit)
    _check_positive("--batch", options.batch)
    _check_positive("--scale-batch", options.scale_batch)
    if protocol.scores == "pairs":
        return _score_pairs(options, protocol)
    if options.compare:
        return _compare(options, protocol)
    evaluation = _of_model(options, [protocol])[0][0] if asked[0] == "model" else _of_files(options, protocol)
    from leadline.cli.evaluate_tables import print_evaluation

    print_evaluation(evaluation)
    _write(options.json, evaluation.to_record())
    return 0


def _protocol(options: EvaluateOptions) -> "Protocol":
    from leadline.evaluation.protocols import find_protocol, with_metrics, with_scope

    protocol = find_protocol(options.protocol)
    if options.scale_batch is not None and options.scale_scope != "camera-batch":
        raise UserError("--scale-batch", "says how many images share a scale", "give it with --scale-scope camera-batch")
    if options.scale_scope is not None:
        scope: Literal["image", "camera_batch", "rig", "camera", "dataset"]
        scope = "camera_batch" if options.scale_scope == "camera-batch" else options.scale_scope
        protocol = with_scope(protocol, scope, batch=options.scale_batch)
    return with_metrics(protocol, options.also) if options.also else protocol


def _compare(options: EvaluateOptions, protocol: "Protocol") -> int:
    """The same predictions under several protocols: one column each, and the spread. Code 2 where one could not score them."""
    from leadline.cli.evaluate_tables import print_comparison, spread_of
    from leadline.evaluation.protocols import every_scope, matching_protocols

    chosen = [protocol]
    for name in options.compare:
        chosen += every_scope(protocol) if name == "scopes" else matching_protocols(name)
    chosen = list({p.name: p for p in chosen}.values())
    if options.model is not None:
        evaluations, refused = _of_model(options, chosen)
    else:
        evaluations, refused = [], []
        for p in chosen:
            try:
                evaluations.append(_of_files(options, p))
            except UserError as error:
                refused.append((p, error))
        if not evaluations:
            raise refused[0][1]
    print_comparison(evaluations, refused)
    record = {
        "protocols": [evaluation.to_record() for evaluation in evaluations],
        "refused": {p.name: str(error) for p, error in refused},
        "spread": spread_of(evaluations),
    }
    _write(options.json, record)
    # A pattern asks for what fits; a name that was given is asked for.
    named = {protocol.name, *options.compare}
    return 2 if any(p.name in named for p, _ in refused) else 0


def _load(options: EvaluateOptions) -> "DepthModel | RuntimeModel":
    assert options.model is not None
    kind = None if options.kind is None else DepthKind(options.kind)
    return open_model(options.model, device=options.device, kind=kind, options=parse_options(options.option))


def _of_model(options: EvaluateOptions, protocols: "list[Protocol]") -> "tuple[list[Evaluation], list[tuple[Protocol, UserError]]]":
    from leadline.evaluation.evaluate import evaluate_many

    assert options.model is not None and options.data is not None
    if options.mask:
        raise UserError("--mask", "belongs to files", "use --regions LAYER for the mask layers of a data set")
    dataset = _dataset(options)
    model = _load(options)
    total = sum(len(record.cameras) for record in dataset.records)
    refused: list[tuple[Protocol, UserError]] = []
    with progress("evaluate", total if options.limit is None else min(total, options.limit)) as advance:
        evaluations = evaluate_many(
            model,
            dataset,
            protocols,
            regions=options.regions,
            limit=options.limit,
            partial=options.partial,
            batch_size=options.batch,
            bootstrap=_bootstrap(options),
            surround=options.surround,
            temporal=options.temporal,
            on_corrupt=options.on_corrupt,
            progress=advance,
            on_error=None if len(protocols) == 1 else lambda protocol, error: refused.append((protocol, error)),
        )
    for line in evaluations[0].unreadable:
        print(f"leadline evaluate: {line}; left out", file=sys.stderr)
    said = tuple(f"data opened with {name} {value}" for name, value in _choices(options).items() if value is not None)
    return [replace(evaluation, notes=(*said, *evaluation.notes)) for evaluation in evaluations], refused


def _choices(options: EvaluateOptions) -> "DatasetChoices":
    return {"depth_source": options.depth_source, "rasterise": options.rasterise, "sweeps": options.sweeps}


def _dataset(options: EvaluateOptions) -> "Dataset":
    from leadline.data.catalog import open_dataset

    assert options.data is not None
    return open_dataset(options.data, options.split, **_choices(options))


def _of_files(options: EvaluateOptions, protocol: "Protocol") -> "Evaluation":
    from leadline.evaluation.evaluate import evaluate_files

    assert options.pred is not None and options.target is not None
    for name in ("regions", "split", "surround", "temporal"):
        if getattr(options, name):
            raise UserError(f"--{name}", "files do not have it", "use --model and --data")
    return evaluate_files(
        options.pred,
        options.target,
        protocol,
        pred_kind=None if options.pred_kind is None else DepthKind(options.pred_kind),
        pred_scale=options.pred_scale,
        target_scale=options.target_scale,
        masks=_masks(options.mask),
        limit=options.limit,
        partial=options.partial,
        bootstrap=_bootstrap(options),
    )


def _score_pairs(options: EvaluateOptions, protocol: "Protocol") -> int:
    from leadline.cli.evaluate_tables import print_pairs
    from leadline.evaluation.pairs import evaluate_pairs

    if options.model is None or options.data is None:
        raise UserError(f"'{protocol.name}'", "compares pairs of points, which are no files", "use --model and --data")
    if options.compare:
        raise UserError("--compare", f"'{protocol.name}' scores pairs of points, not depth", "give it alone")
    dataset = _dataset(options)
    model = _load(options)
    total = sum(len(record.cameras) for record in dataset.records)
    with progress("evaluate", total if options.limit is None else min(total, options.limit)) as advance:
        evaluation = evaluate_pairs(model, dataset, protocol, limit=options.limit, batch_size=options.batch, progress=advance)
    print_pairs(evaluation)
    _write(options.json, evaluation.to_record())
    return 0


def _bootstrap(options: EvaluateOptions) -> "Bootstrap | None":
    from leadline.evaluation.bootstrap import Bootstrap

    if options.bootstrap < 0:
        raise UserError("--bootstrap", f"{options.bootstrap} is not a number of resamples", "give 0 or more")
    return Bootstrap(resamples=options.bootstrap, unit=options.bootstrap_unit) if options.bootstrap else None


def _masks(given: tuple[str, ...]) -> dict[str, str]:
    masks = {}
    for text in given:
        name, sign, path = text.partition("=")
        if not (name and sign and path):
            raise UserError("--mask", f"'{text}' is not NAME=PATH", "name the layer, such as classes=out/masks")
        masks[name] = path
    return masks


def _check_positive(option: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UserError(option, f"{value} is not a number of images", "give 1 or more")


def _write(path: Path | None, record: object) -> None:
    if path is not None:
        from leadline.io.jsonfile import write_json

        write_json(path, record)
