"""`python -m benchmarks [NAME...] [--json FILE]`: run the benchmarks and print a table of figures beside their targets."""

import argparse
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from rich.console import Console
from rich.table import Table


def main() -> None:
    """Each module of this folder has `run()`, which returns rows (name, value, unit, target)."""
    names = sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {' '.join(names)}; all without")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    console = Console()
    table = Table("benchmark", "figure", "value", "unit", "target")
    rows = []
    for name in options.names or names:
        console.print(f"running {name} ...")
        for figure, value, unit, target in import_module(f"benchmarks.{name}").run():
            rows.append({"benchmark": name, "figure": figure, "value": value, "unit": unit, "target": target})
            table.add_row(name, figure, f"{value:.4g}", unit, target)
            # After every figure: all of them take hours, and what was measured before an interruption stays.
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1) + "\n")
    console.print(table)


if __name__ == "__main__":
    main()
