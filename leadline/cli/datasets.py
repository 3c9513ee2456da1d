"""`leadline datasets`: the data sets that leadline reads and what their folders must hold."""

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class DatasetsOptions:
    """List the data sets that leadline reads, named DATASET:ROOT everywhere."""

    json: Path | None = None
    """Also write the table to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(DatasetsOptions, args=argv, prog="leadline datasets")
    from rich.console import Console
    from rich.table import Table

    from leadline.data.catalog import KINDS, read_card
    from leadline.io.jsonfile import write_json

    cards = [read_card(kind) for kind in KINDS]
    if options.json is not None:
        write_json(options.json, [asdict(card) for card in cards])
    table = Table(show_header=False, show_lines=True)
    table.add_column()
    table.add_column(overflow="fold")  # a folder's layout is one long word, and all of it counts
    for card in cards:
        facts = {
            "folder": card.needs,
            "layers": ", ".join(card.layers) or "none",
            "split": card.splits,
            "options": "; ".join(
                f"--{name.replace('_', '-')}{' ' + '|'.join(values) if values else '.*'}" for name, values in card.options.items()
            ),
            "stored": f"{card.units}; unknown is {card.invalid}",
            "published": ", ".join(f"{name} {count}" for name, count in card.counts.items()),
            "camera": card.camera,
            "licence": card.licence,
            "from": card.get,
            "status": card.status,
        }
        table.add_row(card.kind, "\n".join([card.summary, *(f"{name}: {fact}" for name, fact in facts.items() if fact)]))
    Console(markup=False).print(table)
    return 0
