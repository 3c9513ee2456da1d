"""`leadline train RECIPE --data.root DIR --run DIR`: train a recipe, with any of its fields changed; resumes by itself."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from leadline.recipes import recipe, recipe_names, recipe_summary
from leadline.training.config import TrainConfig
from leadline.types import UserError

USAGE = "usage: leadline train RECIPE --data.root DIR --run DIR [--any.field value] [--dry-run]"


@dataclass(frozen=True)
class TrainOptions:
    """A recipe with everything that can be changed about it."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    run: Path | None = None
    """Run folder: config, logs, checkpoints, model. The same command again resumes what is there."""
    dry_run: bool = False
    """Build everything, run two steps, print the plan, write nothing."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(f"{USAGE}\n\nrecipes:")
        print("\n".join(f"  {name:<20} {recipe_summary(name)}" for name in recipe_names()))
        print("\nselfsup and intrinsic alone are selfsup-video and intrinsic-video. leadline train RECIPE --help lists every field.")
        return 0
    if argv[0].startswith("-"):
        raise UserError(argv[0], "the name of a recipe comes first", f"for example: leadline train {recipe_names()[0]} {' '.join(argv)}")
    options = tyro.cli(
        TrainOptions,
        args=argv[1:],
        prog=f"leadline train {argv[0]}",
        description=recipe_summary(argv[0]),
        default=TrainOptions(config=recipe(argv[0])),
        config=(tyro.conf.EnumChoicesFromValues, tyro.conf.AvoidSubcommands),
    )
    return _dry_run(options.config) if options.dry_run else _train(options)


def _train(options: TrainOptions) -> int:
    if options.run is None:
        raise UserError("--run", "no run folder", "give --run DIR for logs, checkpoints and the model")
    from leadline.training.run import train

    trained = train(options.config, options.run)
    for name, value in trained.metrics.items():
        print(f"{name:<24} {value:.4f}")
    if words := str(trained.replaced):
        print(words, file=sys.stderr)
    print(f"model: {trained.model}", file=sys.stderr)
    return 0


def _dry_run(config: TrainConfig) -> int:
    from leadline.training.run import dry_run

    table = Table(show_header=False)
    for name, value in dry_run(config).items():
        table.add_row(name, value)
    Console(markup=False).print(table)
    return 0
