"""`leadline models`: depth models on the hub that can be used by name, with unit and licence; published networks to train."""

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class ModelsOptions:
    """List the models known by name, and the networks that can be trained. Other checkpoints of these families work by hub id or folder."""

    json: Path | None = None
    """Write the rows of both tables to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ModelsOptions, args=argv, prog="leadline models")
    from rich.console import Console
    from rich.table import Table

    from leadline.models.known import KNOWN_MODELS, NETWORKS

    table = Table("name", "kind", "unit", "licence of the weights", "M parameters", "source", "note")
    table.columns[0].no_wrap = True
    for model in KNOWN_MODELS:
        numbers = f"{model.parameters_m:g}"
        table.add_row(model.name, model.kind.value, model.unit or "-", model.licence, numbers, model.hub_id, model.note)
    console = Console()
    console.print(table)
    console.print("leadline ships none of these weights: the first use downloads them from the model hub, under their licence.")
    networks = Table("network to train", "encoder", "decoder", "M parameters", "as published", "source")
    for name, network in NETWORKS.items():
        numbers = (f"{network.parameters / 1e6:.2f}", f"{network.published_m:g}")
        networks.add_row(name, network.encoder, network.decoder, *numbers, network.paper)
    console.print(networks)
    console.print("leadline train RECIPE --method.network NAME; published figures count parts that no depth passes through.")
    if options.json is not None:
        from leadline.io.jsonfile import write_json

        checkpoints = [asdict(model) | {"unit": model.unit} for model in KNOWN_MODELS]
        write_json(options.json, checkpoints + [{"name": name} | asdict(network) for name, network in NETWORKS.items()])
    return 0
