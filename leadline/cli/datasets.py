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

    from leadline.data.catalog import CARDS
    from leadline.io.jsonfile import write_json

    if options.json is not None:
        write_json(options.json, [asdict(card) for card in CARDS])
    table = Table(show_header=False, show_lines=True)
    for card in CARDS:
        facts = f"{card.summary}\nfolder: {card.needs}\nlayers: {', '.join(card.layers)}\nsplit: {card.splits}\nlicence: {card.licence}"
        table.add_row(card.kind, facts)
    Console().print(table)
    return 0
