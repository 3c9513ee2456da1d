"""`leadline models`: depth models on the hub that can be used by name, with unit and licence; encoders to train with."""

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class ModelsOptions:
    """List the models known by name. Any other checkpoint of these families works by its hub id or folder."""

    json: Path | None = None
    """Write the table to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ModelsOptions, args=argv, prog="leadline models")
    from rich.console import Console
    from rich.table import Table

    from leadline.models.known import KNOWN_MODELS

    table = Table("name", "kind", "unit", "licence of the weights", "M parameters", "source", "note")
    table.columns[0].no_wrap = True
    for model in KNOWN_MODELS:
        numbers = f"{model.parameters_m:g}"
        table.add_row(model.name, model.kind.value, model.unit or "-", model.licence, numbers, model.hub_id, model.note)
    console = Console()
    console.print(table)
    console.print("leadline ships none of these weights: the first use downloads them from the model hub, under their licence.")
    if options.json is not None:
        from leadline.io.jsonfile import write_json

        write_json(options.json, [asdict(model) | {"unit": model.unit} for model in KNOWN_MODELS])
    return 0
