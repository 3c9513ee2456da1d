"""What `leadline evaluate` prints: what was done, then the numbers, then what limits them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadline.evaluation.mapmetrics import MAP_METRICS
from leadline.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from leadline.evaluation.pairs import PairEvaluation
    from leadline.evaluation.protocol import Protocol
    from leadline.evaluation.result import Evaluation
    from leadline.types import UserError

DONE = ("valid pixels", "resize", "alignment", "clamp", "flip", "average", "differs", "not known")
"""Entries of a description that belong beside every number."""


def print_evaluation(evaluation: "Evaluation") -> None:
    """One evaluation: its protocol in short, a column for all and one per region, then rigs and video."""
    console = Console(markup=False)  # a path may hold [brackets]
    about = Table.grid(padding=(0, 2))
    about.add_row("protocol", str(evaluation.protocol))
    about.add_row("predictor", f"{evaluation.predictor} ({evaluation.kind.value})")
    about.add_row("data", evaluation.data)
    about.add_row("images", f"{evaluation.num_images:,}")
    about.add_row("pixels", f"{evaluation.num_pixels:,}")
    for key in DONE:
        if key in evaluation.description:
            about.add_row(key, evaluation.description[key])
    for note in evaluation.notes:
        about.add_row(Text("note", style="bold"), note)
    console.print(about)
    _print_regions(console, evaluation)
    if evaluation.surround is not None:
        _print_surround(console, evaluation)
    if evaluation.temporal is not None:
        _print_temporal(console, evaluation)


def print_comparison(evaluations: "Sequence[Evaluation]", refused: "Sequence[tuple[Protocol, UserError]]") -> None:
    """The same predictions under several protocols, a row each, and how far the numbers spread."""
    console = Console(markup=False)
    first = evaluations[0]
    about = Table.grid(padding=(0, 2))
    about.add_row("predictor", f"{first.predictor} ({first.kind.value})")
    about.add_row("data", first.data)
    for evaluation in evaluations:
        for note in evaluation.notes:
            about.add_row(Text("note", style="bold"), f"{evaluation.protocol.name}: {note}")
    console.print(about)
    spread = spread_of(evaluations)
    names = list(spread)
    shown = names[: max(2, (console.width - 56) // 11)]
    table = Table("protocol", "images", "scale")
    for name in shown:
        table.add_column(f"{name} {_unit(name)}".strip(), justify="right", no_wrap=True)
    table.columns[0].no_wrap = True
    for evaluation in evaluations:
        values = (evaluation.metrics.get(name) for name in shown)
        p = evaluation.protocol
        scale = p.align if p.align in ("none", "factor") else f"{p.align} / {p.align_scope.replace('_', '-')}"
        table.add_row(p.name, f"{evaluation.num_images:,}", scale, *("" if v is None else f"{v:.4f}" for v in values))
    table.add_section()
    table.add_row("highest / lowest", "", "", *(_ratio(spread[name]) for name in shown))
    console.print(table)
    if len(shown) < len(names):
        console.print(f"not shown for want of room: {', '.join(names[len(shown) :])}; --json has all")
    for protocol, error in refused:
        console.print(f"cannot score these predictions: {protocol.name}: {error}")


def spread_of(evaluations: "Sequence[Evaluation]") -> dict[str, dict[str, Any]]:
    """For each metric that all protocols have: lowest and highest value, whose they are, and their ratio (None for a lowest of 0)."""
    shared = [name for name in evaluations[0].metrics if all(name in e.metrics for e in evaluations)]
    spread = {}
    for name in shared:
        ordered = sorted(evaluations, key=lambda evaluation: evaluation.metrics[name])
        low, high = ordered[0].metrics[name], ordered[-1].metrics[name]
        spread[name] = {
            "lowest": low,
            "lowest_protocol": ordered[0].protocol.name,
            "highest": high,
            "highest_protocol": ordered[-1].protocol.name,
            "ratio": high / low if low > 0 else None,
        }
    return spread


def print_pairs(evaluation: "PairEvaluation") -> None:
    """Pair accuracy, over all and by type of scene."""
    console = Console(markup=False)
    about = Table.grid(padding=(0, 2))
    about.add_row("protocol", str(evaluation.protocol))
    about.add_row("predictor", f"{evaluation.predictor} ({evaluation.kind.value})")
    about.add_row("data", evaluation.data)
    for note in evaluation.notes:
        about.add_row(Text("note", style="bold"), note)
    console.print(about)
    table = Table("pairs of", "images", "pairs", "right")
    for name, score in {"all": evaluation.overall, **evaluation.by_type}.items():
        table.add_row(name, f"{score.num_images:,}", f"{score.num_pairs:,}", f"{score.accuracy:.4f}", end_section=name == "all")
    console.print(table)


def _print_regions(console: Console, evaluation: "Evaluation") -> None:
    rows = {"all": (evaluation.num_images, evaluation.num_pixels, evaluation.metrics)}
    rows |= {name: (r.num_images, r.num_pixels, r.metrics) for name, r in evaluation.regions.items()}
    names = list(rows)
    fitting = max(1, (console.width - 40) // (max(map(len, names)) + 3))
    for start in range(0, len(names), fitting):
        columns = names[start : start + fitting]
        with_interval = columns[0] == "all" and bool(evaluation.intervals)
        table = Table("metric", "unit")
        for name in columns:
            table.add_column(name, justify="right", no_wrap=True)
            if with_interval and name == "all":
                assert evaluation.bootstrap is not None
                table.add_column(f"{100 * evaluation.bootstrap.level:g} %", justify="right", no_wrap=True)
        blank = [""] if with_interval else []
        for what, i in (("images", 0), ("pixels", 1)):
            counts = [f"{rows[name][i]:,}" for name in columns]
            table.add_row(what, "", counts[0], *blank, *counts[1:], end_section=what == "pixels")
        for metric in evaluation.metrics:
            values = ["" if (v := rows[name][2].get(metric)) is None else f"{v:.4f}" for name in columns]
            interval = [_interval(evaluation, metric)] if with_interval else []
            table.add_row(metric, _unit(metric), values[0], *interval, *values[1:])
        console.print(table)
    if evaluation.intervals and evaluation.bootstrap is not None:
        how = evaluation.bootstrap
        console.print(f"intervals: {how.resamples} resamples of the {how.unit}s, seed {how.seed}")


def _print_surround(console: Console, evaluation: "Evaluation") -> None:
    found = evaluation.surround
    assert found is not None
    table = Table("overlap of", "pixels", "disagreement m", "abs_rel", "|ln ratio|")
    pairs = dict(found.pairs)
    if found.overall is not None:
        pairs["mean"] = found.overall
    for name, pair in pairs.items():
        table.add_row(name, f"{pair.num_pixels:,}", f"{pair.metres:.3f}", f"{pair.abs_rel:.4f}", f"{pair.log_ratio:.4f}")
    console.print(table if pairs else "surround: no two neighbouring cameras see anything in common")
    if found.scale_spread is not None:
        console.print(f"scale spread of a moment (std of ln scale over its cameras): {found.scale_spread:.4f}, {found.num_moments} moments")


def _print_temporal(console: Console, evaluation: "Evaluation") -> None:
    found = evaluation.temporal
    assert found is not None
    if not found.num_pairs:
        console.print("temporal: no two frames follow each other")
        return
    table = Table("flicker", "pairs of frames", "m", "abs_rel", "|ln ratio|")
    if found.warped is not None:
        w = found.warped
        table.add_row("warped by true poses", f"{found.num_pairs:,}", f"{w.metres:.3f}", f"{w.abs_rel:.4f}", f"{w.log_ratio:.4f}")
    if found.raw is not None:
        table.add_row("raw, where the image stands still", f"{found.num_still_pairs:,}", "", "", f"{found.raw:.4f}")
    console.print(table if table.rows else "temporal: neither true poses nor still pixels")


def _interval(evaluation: "Evaluation", metric: str) -> str:
    if metric not in evaluation.intervals:
        return ""
    low, high = evaluation.intervals[metric]
    return f"{low:.4f} .. {high:.4f}"


def _ratio(spread: dict[str, Any]) -> str:
    return "" if spread["ratio"] is None else f"{spread['ratio']:.3f}"


def _unit(metric: str) -> str:
    known = METRICS.get(metric) or MAP_METRICS.get(metric)
    return known.unit if known is not None else ""
