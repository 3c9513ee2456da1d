"""`leadline protocols`: the evaluation protocols by name."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class ProtocolsOptions:
    """List the evaluation protocols. `leadline evaluate --protocol NAME --explain` says everything about one."""

    json: Path | None = None
    """Write every field of every protocol to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ProtocolsOptions, args=argv, prog="leadline protocols")
    from rich.console import Console
    from rich.table import Table

    from leadline.evaluation.explain import as_record, describe
    from leadline.evaluation.protocols import PROTOCOLS

    table = Table("name", "is", "images", "alignment")
    table.columns[0].no_wrap = True
    for protocol in PROTOCOLS.values():
        images = "any" if protocol.num_images is None else str(protocol.num_images)
        table.add_row(protocol.name, protocol.summary, images, protocol.align)
    Console().print(table)
    if options.json is not None:
        from leadline.io.jsonfile import write_json

        write_json(options.json, [as_record(protocol) | {"in_words": describe(protocol)} for protocol in PROTOCOLS.values()])
    return 0
