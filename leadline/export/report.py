"""The parity report: JSON for programs and a table for people, both beside the exported file."""

from pathlib import Path

from leadline.export.parity import Parity, bound_in_words
from leadline.io.jsonfile import as_json

SHOWN_LAYERS = 20
SHOWN_METRICS = ("abs_rel", "rmse", "delta1")


def report_paths(path: Path) -> tuple[Path, Path]:
    """Of the JSON and of the table that belong to the exported file `path`."""
    return path.with_name(f"{path.name}.parity.json"), path.with_name(f"{path.name}.parity.txt")


def write_report(parity: Parity, path: Path) -> None:
    """Write both beside `path`. Raises OSError where they cannot be written."""
    for_programs, for_people = report_paths(path)
    for_programs.write_bytes(as_json(parity.to_record()))
    for_people.write_text(table(parity) + "\n", encoding="utf-8")


def table(parity: Parity) -> str:
    """The report in plain text."""
    about = parity.about
    size = "any" if not about.is_fixed and about.preprocess == "inside" else f"{about.height}x{about.width} px (height x width)"
    lines = [
        f"{about.model}: {parity.format}, {about.precision}, {about.kind.value}, licence {about.licence}",
        f"input      {size}, open: {', '.join(about.dynamic) or 'nothing'}, preparation {about.preprocess}",
    ]
    if parity.compared:
        lines += [
            f"bound      {bound_in_words(about.precision)}",
            "",
            f"{'pictures':<24}{'output':<10}{'shape':<22}{'largest':>12}{'mean':>12}",
        ]
        for one in parity.compared:
            shape = "x".join(map(str, one.shape))
            lines.append(f"{one.pictures:<24.23}{one.output:<10}{shape:<22}{one.largest:>12.3g}{one.mean:>12.3g}")
        lines.append("errors are relative to the model's values")
    if parity.cost is not None:
        cost = parity.cost
        lines += ["", f"{f'{cost.num_images} of {cost.data}, {cost.protocol}':<44}{'model':>12}{'file':>12}"]
        lines += [f"{name:<44}{cost.eager[name]:>12.5f}{cost.exported[name]:>12.5f}" for name in SHOWN_METRICS if name in cost.eager]
        lines.append(f"abs_rel changes by {cost.change:+.2%}")
    if parity.layers:
        lines += ["", f"{'layer':<52}{'error':>10}{'added':>10}  kept in floating point"]
        lines += [
            f"{one.name:<52.51}{one.error:>10.4f}{one.added:>10.4f}  {'yes' if one.kept else ''}" for one in parity.layers[:SHOWN_LAYERS]
        ]
        if len(parity.layers) > SHOWN_LAYERS:
            lines.append(f"and {len(parity.layers) - SHOWN_LAYERS} more in the JSON file")
    lines += [f"note       {note}" for note in parity.notes]
    return "\n".join(line.rstrip() for line in lines)
