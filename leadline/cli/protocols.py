"""`leadline protocols`: the evaluation protocols by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class ProtocolsOptions:
    """List the evaluation protocols. `leadline evaluate --protocol NAME --explain` says everything about one."""

    pattern: Annotated[str, tyro.conf.Positional] = ""
    """Only those whose name holds this, such as kitti or vidar."""
    json: Path | None = None
    """Write every field of every protocol to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ProtocolsOptions, args=argv, prog="leadline protocols")
    from rich.console import Console
    from rich.table import Table

    from leadline.evaluation.explain import STATUS_IN_WORDS, as_record, describe
    from leadline.evaluation.protocols import PROTOCOLS
    from leadline.types import UserError

    chosen = [p for name, p in PROTOCOLS.items() if options.pattern in name]
    if not chosen:
        raise UserError(options.pattern, "is in the name of no protocol", "see leadline protocols")
    table = Table("name", "is", "images", "alignment", "read from", "status")
    for column in table.columns:
        column.no_wrap = column.header != "is"
    table.columns[1].min_width = 24
    for p in chosen:
        images = "any" if p.num_images is None else f"{p.num_images}" + (" rigs" if p.counts == "moments" else "")
        scope = "" if p.align in ("none", "factor") or p.align_scope == "image" else f" / {p.align_scope.replace('_', '-')}"
        table.add_row(p.name, p.summary, images, f"{p.align}{scope}", p.provenance, p.status)
    # Names are what the table is for: they are never cut, however narrow the terminal.
    console = Console(width=max(Console().width, 150))
    console.print(table)
    for status, words in STATUS_IN_WORDS.items():
        console.print(f"{status}: {words}")
    if options.json is not None:
        from leadline.io.jsonfile import write_json

        write_json(options.json, [as_record(p) | {"in_words": describe(p)} for p in chosen])
    return 0
