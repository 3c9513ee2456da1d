"""`leadline recipes [--json FILE]`: the names of training recipes and what they are for."""

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from leadline.io.jsonfile import write_json
from leadline.recipes import recipe, recipe_names, recipe_summary
from leadline.training.config import config_dict


@dataclass(frozen=True)
class RecipesOptions:
    """List the training recipes."""

    json: Path | None = None
    """Also write every recipe's whole config here."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(RecipesOptions, args=argv, prog="leadline recipes")
    table = Table("recipe", "size", "steps x batch", "what it is for")
    for name in recipe_names():
        config = recipe(name)
        data = config.data
        table.add_row(name, f"{data.height}x{data.width}", f"{config.steps} x {data.batch_size}", recipe_summary(name))
    Console().print(table)
    if options.json is not None:
        write_json(options.json, {name: {"summary": recipe_summary(name), **config_dict(recipe(name))} for name in recipe_names()})
    return 0
