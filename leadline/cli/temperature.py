"""`leadline temperature MODEL DATASET:ROOT`: search the temperature of a bridged model on held-out data, keep the best in its folder."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from leadline.io.jsonfile import read_json, write_json
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.dataset import Dataset
    from leadline.methods.predictor import DepthModel

METRIC = "abs_rel"
"""What decides; lower is better."""
VALUES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True)
class TemperatureOptions:
    """Score a model of method briges at several temperatures of its attention and write the best one into its config.json."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Run folder or model folder."""
    dataset: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="DATASET:ROOT")]
    """Held-out data; several count alike. What a table is scored on must not be among them, and zero-shot worlds are refused."""
    split: str | None = "validation"
    """Split of the data; test is refused."""
    values: tuple[float, ...] = VALUES
    """Temperatures to try."""
    protocol: str = "affine-disp-marigold"
    """Evaluation protocol."""
    limit: int | None = None
    """Score the first images of each data set only."""
    batch: int = 4
    """Images at once."""
    device: str = "cpu"
    """Where the model runs: cpu or cuda."""
    dry_run: bool = False
    """Print the table, write nothing."""


def run(argv: list[str]) -> int:
    """Entry of the verb. Raises UserError for a model without a temperature, and for data that nothing may be tuned on."""
    from leadline.data.catalog import open_to_learn
    from leadline.methods.loading import load
    from leadline.models.hub import model_of_run

    options = tyro.cli(TemperatureOptions, args=argv, prog="leadline temperature")
    if options.split is not None and "test" in options.split:
        raise UserError("--split", f"{options.split} is what tables are scored on", "choose the temperature on validation data")
    if not options.values or min(options.values) <= 0:
        raise UserError("--values", "a temperature is above 0", "give for example 0.5 1 2 3")
    datasets = [open_to_learn(spec, options.split) for spec in options.dataset]
    model = load(options.model, device=options.device)
    scores = scores_by_temperature(
        model, datasets, protocol=options.protocol, values=options.values, limit=options.limit, batch_size=options.batch
    )
    best = min(scores, key=lambda value: scores[value])
    table = Table("temperature", METRIC)
    for value, score in scores.items():
        table.add_row(f"{value:g}", f"{score:.4f}" + (" best" if value == best else ""))
    Console(markup=False).print(table)
    if not options.dry_run:
        _keep(model_of_run(options.model), best, scores, options, [dataset.name for dataset in datasets])
    return 0


def scores_by_temperature(
    model: "DepthModel",
    datasets: "Sequence[Dataset]",
    *,
    protocol: str,
    values: Sequence[float] = VALUES,
    limit: int | None = None,
    batch_size: int = 4,
) -> dict[float, float]:
    """METRIC of the model at each temperature, the mean over the data sets; the model keeps the last one.

    Raises UserError for a model without a temperature.
    """
    from leadline.evaluation.evaluate import evaluate_model

    scores: dict[float, float] = {}
    for value in values:
        set_temperature(model, value)
        given = {"limit": limit, "partial": True, "batch_size": batch_size}
        found = [evaluate_model(model, dataset, protocol, **given).metrics[METRIC] for dataset in datasets]
        scores[value] = sum(found) / len(found)
    return scores


def set_temperature(model: "DepthModel", value: float) -> None:
    """Let the model predict at this temperature from now on. Raises UserError for a model that has none."""
    from leadline.methods.base import Method

    method = model.network
    if not isinstance(method, Method) or "temperature" not in method.adjustable:
        raise UserError(model.name, "has no temperature", "give a model of method briges")
    method.config = replace(method.config, temperature=value)


def _keep(folder: Path, best: float, scores: dict[float, float], options: TemperatureOptions, data: list[str]) -> None:
    from leadline.data.catalog import bare_name

    config = read_json(folder / "config.json")
    config["config"]["temperature"] = best
    searched = {METRIC: {f"{value:g}": score for value, score in scores.items()}, "data": [bare_name(name) for name in data]}
    config["details"]["temperature_search"] = searched | {"split": options.split, "protocol": options.protocol}
    write_json(folder / "config.json", config)
    print(f"temperature {best:g} is now in {folder / 'config.json'}", file=sys.stderr)
