"""The table of a claim, computed from the rows of its units and from nothing else."""

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

from leadline.recipes.claims import Claim
from leadline.viewer.report import Pictures, Report, Section, Table

REQUIRED = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")
COLUMNS = ("variant", "seeds", "abs_rel", "rmse [m]", "delta1", "worst abs_rel", "abs_rel / baseline")

DISAGREEMENT = "overlap_disagreement"
"""Mean |a - b| / b of the depths of neighbouring cameras where both look."""
EXTRA = ("mean_gain", DISAGREEMENT, "share_of_oracle", "precision", "recall", "drop_rate")
"""Columns that only some tables have."""

Row = Mapping[str, Any]


def summarise(
    rows: Sequence[Row],
    *,
    baseline: str,
    shown: Sequence[str] = ("all",),
    oracle: str | None = None,
    against: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """By test set, region of `shown` and variant: means over the seeds, their spread, the worst, and abs_rel over the baseline's.

    `abs_rel_over_baseline` compares the seeds that both have, and so does `mean_gain`, the mean over the seven metrics of the share by
    which each is better than the baseline's: errors smaller, deltas larger. With an `oracle`, `share_of_oracle` is the gain over the
    baseline as a share of the oracle's, where that gains anything. `against` names other baselines of some variants.
    """
    summary: dict[str, Any] = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        for region in shown:
            chosen = [row for row in rows if row["split"] == split and row["region"] == region]
            if chosen:
                summary.setdefault(split, {})[region] = _of_region(chosen, baseline=baseline, oracle=oracle, against=against or {})
    return summary


def _of_region(rows: Sequence[Row], *, baseline: str, oracle: str | None, against: Mapping[str, str]) -> dict[str, Any]:
    by_variant: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_variant.setdefault(row["variant"], {})[row["seed"]] = row
    references = {variant: by_variant.get(against.get(variant, baseline), {}) for variant in by_variant}
    entries = {variant: _entry(of_seeds, references[variant]) for variant, of_seeds in by_variant.items()}
    hoped = 1 - entries[oracle]["abs_rel_over_baseline"] if oracle in entries and baseline in entries else 0.0
    if hoped > 0:
        for entry in (entry for variant, entry in entries.items() if variant not in against):
            entry["share_of_oracle"] = (1 - entry["abs_rel_over_baseline"]) / hoped
    return entries


def _entry(of_seeds: Mapping[int, Row], reference: Mapping[int, Row]) -> dict[str, Any]:
    metrics = [row["metrics"] for row in of_seeds.values()]
    errors = {seed: row["metrics"]["abs_rel"] for seed, row in sorted(of_seeds.items())}
    entry: dict[str, Any] = {
        "num_seeds": len(metrics),
        "mean": {name: fmean(m[name] for m in metrics) for name in REQUIRED},
        "abs_rel_of_seeds": {str(seed): error for seed, error in errors.items()},
        "abs_rel_spread": max(errors.values()) - min(errors.values()),
        "abs_rel_worst": max(errors.values()),
    }
    common = errors.keys() & reference.keys()
    if common:
        ratios = {name: _mean(of_seeds, common, name) / _mean(reference, common, name) for name in REQUIRED}
        entry["abs_rel_over_baseline"] = ratios["abs_rel"]
        entry["mean_gain"] = fmean(ratio - 1 if name.startswith("delta") else 1 - ratio for name, ratio in ratios.items())
    if all(DISAGREEMENT in m for m in metrics):
        entry[DISAGREEMENT] = fmean(m[DISAGREEMENT] for m in metrics)
    for name in ("precision", "recall", "drop_rate"):
        if all(name in row for row in of_seeds.values()):
            entry[name] = fmean(row[name] for row in of_seeds.values())
    return entry


def _mean(of_seeds: Mapping[int, Row], seeds: Collection[int], name: str) -> float:
    return fmean(of_seeds[seed]["metrics"][name] for seed in seeds)


def tables(summary: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """A table for every test set and region, with its title."""
    found = []
    for split, regions in summary.items():
        for region, variants in regions.items():
            extra = tuple(name for name in EXTRA if any(name in entry for entry in variants.values()))
            rows = tuple(_cells(variant, entry, extra) for variant, entry in variants.items())
            found.append((f"{split}, {region}", Table((*COLUMNS, *extra), rows)))
    return found


def _cells(variant: str, entry: Mapping[str, Any], extra: Sequence[str]) -> tuple[object, ...]:
    means = (entry["mean"][name] for name in ("abs_rel", "rmse", "delta1"))
    over = entry.get("abs_rel_over_baseline", float("nan"))
    return (variant, entry["num_seeds"], *means, entry["abs_rel_worst"], over, *(entry.get(name, "") for name in extra))


def page(chosen: Claim, results: Mapping[str, Any], pictures: Sequence[Pictures] = ()) -> Report:
    """report.html of a claim: a table for every region, and pictures."""
    note = f"{results['command']}; commit {results['commit']}; protocol rendered; every figure is computed from the rows of results.json."
    sections = tuple(Section(title, (Table(table.columns, table.rows, note=note),)) for title, table in tables(results["summary"]))
    if pictures:
        sections += (Section("Where pictures mislead most, unseen scenes", tuple(pictures)),)
    return Report(f"leadline reproduce {chosen.name}", chosen.question, sections)


def markdown(results: Mapping[str, Any]) -> str:
    """The tables as a page for docs/results, every figure from the rows."""
    machine = f"{results['machine']['cores']} cores, {', '.join(results['machine']['gpus']) or 'no GPU'}"
    parts = [f"`{results['command']}`, commit {results['commit']}, protocol `rendered`; {machine}."]
    for title, table in tables(results["summary"]):
        rows = [table.columns, tuple("---" for _ in table.columns), *(tuple(_figure(value) for value in row) for row in table.rows)]
        parts.append("\n".join([f"### {title}", "", *(f"| {' | '.join(row)} |" for row in rows)]))
    return "\n\n".join(parts) + "\n"


def _figure(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show(summary: Mapping[str, Any]) -> None:
    """Print the tables for a person."""
    from rich.console import Console
    from rich.table import Table as RichTable

    for title, table in tables(summary):
        printed = RichTable(*table.columns, title=title)
        for row in table.rows:
            printed.add_row(*map(_figure, row))
        Console().print(printed)
