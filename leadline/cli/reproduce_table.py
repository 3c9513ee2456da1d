"""The table of a claim, computed from the rows of its units and from nothing else."""

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

from leadline.evaluation.regions import MATERIAL
from leadline.recipes.claims import Claim
from leadline.viewer.report import Pictures, Report, Section, Table

REQUIRED = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")
COLUMNS = ("variant", "seeds", "abs_rel", "rmse [m]", "delta1", "worst abs_rel", "abs_rel / baseline")

DISAGREEMENT = "overlap_disagreement"
"""Mean |a - b| / b of the depths of neighbouring cameras where both look."""
MEASURED = ("boundary_f1", "separation:1", "separation:3", "separation:7")
"""Metrics that a claim may want beside the seven; larger is better."""
OVER = "_over_baseline"
"""After the name of such a metric: its ratio to the baseline's."""
EXTRA = (
    "worst_over_baseline",
    "mean_gain",
    DISAGREEMENT,
    "share_of_oracle",
    *(column for name in MEASURED for column in (name, f"{name}{OVER}")),
    "temperature",
    "precision",
    "recall",
    "drop_rate",
)
"""Columns that only some tables have."""

Row = Mapping[str, Any]


def summarise(
    rows: Sequence[Row],
    *,
    baseline: str,
    shown: Sequence[str] = ("all",),
    oracle: str | None = None,
    against: Mapping[str, str] | None = None,
    once: Collection[str] = (),
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """By test set, region of `shown` and variant: means over the seeds, their spread, the worst, and abs_rel over the baseline's.

    `abs_rel_over_baseline` compares the seeds that both have, and so does `mean_gain`, the mean over the seven metrics of the share by
    which each is better than the baseline's: errors smaller, deltas larger. With an `oracle`, `share_of_oracle` is the gain over the
    baseline as a share of the oracle's, where that gains anything. `against` names other baselines of some variants. A baseline that is
    among `once` has one row, which stands beside every seed. `also` are metrics whose mean and ratio to the baseline are said, too.
    """
    summary: dict[str, Any] = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        for region in shown:
            chosen = [row for row in rows if row["split"] == split and row["region"] == region]
            if chosen:
                about = {"baseline": baseline, "oracle": oracle, "against": against or {}, "once": once, "also": also}
                summary.setdefault(split, {})[region] = _of_region(chosen, **about)
    return summary


def with_means(rows: Sequence[Row], means: Mapping[str, Sequence[str]]) -> list[Row]:
    """`rows`, and for each of `means` those of a test set that stands for several: the mean of their metrics, where a variant and seed
    has them all."""
    found = list(rows)
    for name, splits in means.items():
        groups: dict[tuple[str, int, str], dict[str, Row]] = {}
        for row in rows:
            if row["split"] in splits:
                groups.setdefault((row["variant"], row["seed"], row["region"]), {})[row["split"]] = row
        for members in (list(group.values()) for group in groups.values() if len(group) == len(splits)):
            common = [metric for metric in members[0]["metrics"] if all(metric in row["metrics"] for row in members)]
            found.append({**members[0], "split": name, "metrics": {m: fmean(row["metrics"][m] for row in members) for m in common}})
    return found


def _of_region(
    rows: Sequence[Row], *, baseline: str, oracle: str | None, against: Mapping[str, str], once: Collection[str], also: Sequence[str]
) -> dict[str, Any]:
    by_variant: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_variant.setdefault(row["variant"], {})[row["seed"]] = row
    entries = {}
    for variant, of_seeds in by_variant.items():
        name = against.get(variant, baseline)
        reference = by_variant.get(name, {})
        if name in once and reference:
            reference = dict.fromkeys(of_seeds, next(iter(reference.values())))
        entries[variant] = _entry(of_seeds, reference, also)
    hoped = 1 - entries[oracle]["abs_rel_over_baseline"] if oracle in entries and baseline in entries else 0.0
    if hoped > 0:
        for entry in (entry for variant, entry in entries.items() if variant not in against):
            entry["share_of_oracle"] = (1 - entry["abs_rel_over_baseline"]) / hoped
    return entries


def _entry(of_seeds: Mapping[int, Row], reference: Mapping[int, Row], also: Sequence[str]) -> dict[str, Any]:
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
        by_seed = {seed: errors[seed] / reference[seed]["metrics"]["abs_rel"] for seed in sorted(common)}
        entry["abs_rel_over_baseline_of_seeds"] = {str(seed): ratio for seed, ratio in by_seed.items()}
        entry["worst_over_baseline"] = max(by_seed.values())
    for name in also:
        if all(name in m for m in metrics):
            entry[name] = fmean(m[name] for m in metrics)
            if common and all(reference[seed]["metrics"].get(name, 0) > 0 for seed in common):
                entry[f"{name}{OVER}"] = _mean(of_seeds, common, name) / _mean(reference, common, name)
    if all("temperature" in row for row in of_seeds.values()):
        entry["temperature"] = ", ".join(f"{row['temperature']:g}" for _, row in sorted(of_seeds.items()))
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


def temperature_curves(rows: Sequence[Row]) -> dict[str, Any]:
    """For each seed with a searched temperature: the best one on validation scenes, and abs_rel at all of them, there and on test sets."""
    curves: dict[str, Any] = {}
    for row in (row for row in rows if "temperature" in row and row["region"] == "all"):
        of_seed = curves.setdefault(str(row["seed"]), {"best": row["temperature"], "validation": row["temperatures_on_validation"]})
        of_seed[row["split"]] = row["temperatures"]
    return curves


def _temperature_table(curves: Mapping[str, Any]) -> Table:
    """abs_rel of each seed and set, a column for each temperature."""
    values = list(dict.fromkeys(value for of_seed in curves.values() for value in of_seed["validation"]))
    rows = tuple(
        (name, seed, *(scores.get(value, "") for value in values), of_seed["best"])
        for seed, of_seed in curves.items()
        for name, scores in of_seed.items()
        if name != "best"
    )
    return Table(("abs_rel on", "seed", *values, "best on validation"), rows)


def _material_tables(rows: Sequence[Row]) -> list[tuple[str, Table]]:
    """For every test set that is scored by material: mean abs_rel of each variant on each."""
    of_material = [row for row in rows if row["region"].startswith(MATERIAL)]
    found = []
    for split in dict.fromkeys(row["split"] for row in of_material):
        errors: dict[str, dict[str, list[float]]] = {}
        for row in (row for row in of_material if row["split"] == split):
            name = row["region"].removeprefix(MATERIAL)
            errors.setdefault(row["variant"], {}).setdefault(name, []).append(row["metrics"]["abs_rel"])
        names = sorted({name for of_variant in errors.values() for name in of_variant})
        cells = tuple((variant, *(fmean(one[name]) if name in one else "" for name in names)) for variant, one in errors.items())
        found.append((f"{split}, abs_rel by material", Table(("variant", *names), cells)))
    return found


def _all_tables(results: Mapping[str, Any]) -> list[tuple[str, Table]]:
    curves = results.get("temperature")
    tempered = [("Temperature of the attention", _temperature_table(curves))] if curves else []
    return [*tables(results["summary"]), *_material_tables(results["rows"]), *tempered]


def page(chosen: Claim, results: Mapping[str, Any], pictures: Mapping[str, Sequence[Pictures]] | None = None) -> Report:
    """report.html of a claim: a table for every region, and pictures by their heading."""
    said = f"{results['command']}; commit {results['commit']}; protocol {results['protocol']}"
    note = f"{said}; every figure is computed from the rows of results.json."
    sections = [Section(title, (Table(table.columns, table.rows, note=note),)) for title, table in _all_tables(results)]
    sections += [Section(heading, tuple(shown)) for heading, shown in (pictures or {}).items() if shown]
    return Report(f"leadline reproduce {chosen.name}", chosen.question, tuple(sections))


def markdown(results: Mapping[str, Any]) -> str:
    """The tables as a page for docs/results, every figure from the rows."""
    machine = f"{results['machine']['cores']} cores, {', '.join(results['machine']['gpus']) or 'no GPU'}"
    protocol = results.get("protocol", "rendered")  # rows from before there was another one do not say it
    parts = [f"`{results['command']}`, commit {results['commit']}, protocol `{protocol}`; {machine}."]
    for title, table in _all_tables(results):
        rows = [table.columns, tuple("---" for _ in table.columns), *(tuple(_figure(value) for value in row) for row in table.rows)]
        parts.append("\n".join([f"### {title}", "", *(f"| {' | '.join(row)} |" for row in rows)]))
    return "\n\n".join(parts) + "\n"


def _figure(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show(summary: Mapping[str, Any]) -> None:
    """Print the tables for a person: all columns where they fit, otherwise those that every claim has; results.md has them all."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    unbounded = console.options.update(width=10_000)
    for title, table in tables(summary):
        for shown in (len(table.columns), len(COLUMNS)):
            printed = RichTable(*table.columns[:shown], title=title, box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
            printed.columns[0].no_wrap = True
            for row in table.rows:
                printed.add_row(*map(_figure, row[:shown]))
            if console.measure(printed, options=unbounded).minimum <= console.width:
                break
        console.print(printed)
