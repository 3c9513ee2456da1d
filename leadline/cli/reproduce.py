"""`leadline reproduce CLAIM --size small --out DIR`: a whole table of results, one resumable unit at a time.

A unit is one variant and seed. It writes DIR/units/VARIANT-sSEED.json when it is done; results.json is made of all units
there are, its summary computed from their rows.
"""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import tyro

from leadline.cli.worlds import need_extras, render_all, row_median, scored, trained_on
from leadline.evaluation.result import Evaluation
from leadline.io.jsonfile import read_json, write_json
from leadline.methods.catalog import MethodConfig
from leadline.methods.loading import load
from leadline.recipes.claims import Claim, claim
from leadline.training.provenance import git_commit, provenance
from leadline.training.run import train
from leadline.types import UserError
from leadline.viewer.report import Report, Section, Table, write_report

REQUIRED = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")


@dataclass(frozen=True)
class ReproduceOptions:
    """Run the units of a claim that are not done yet, and make its table of all that are."""

    claim: tyro.conf.Positional[str]
    """Which table: supervised."""
    out: Path
    """Folder for worlds, runs, units, results.json and report.html."""
    size: Literal["small", "full"] = "small"
    """small is for two CPU cores, full for a GPU."""
    only: str | None = None
    """Run this variant alone."""
    seed: int | None = None
    """Run this seed alone."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ReproduceOptions, args=argv, prog="leadline reproduce")
    chosen = claim(options.claim, options.size)
    if options.only is not None and options.only not in chosen.variants:
        raise UserError("--only", f"'{options.only}' is no variant of {options.claim}", f"choose from {', '.join(chosen.variants)}")
    need_extras()
    commit = git_commit()  # before the hours in which somebody may go on working in the checkout
    roots = render_all(chosen.worlds, options.out / "worlds")
    data_sha = {name: _sha_of(root) for name, root in roots.items()}
    for variant in chosen.variants if options.only is None else (options.only,):
        for seed in chosen.seeds if options.seed is None else (options.seed,):
            unit = options.out / "units" / f"{variant}-s{seed}.json"
            if unit.exists():
                continue
            print(f"{variant}, seed {seed}", file=sys.stderr, flush=True)
            write_json(unit, _unit_rows(chosen, variant, seed, roots, data_sha, options.out))
    rows = [row for path in sorted((options.out / "units").glob("*.json")) for row in read_json(path)]
    results = _results(options, chosen, rows, commit=commit)
    write_json(options.out / "results.json", results)
    write_report(options.out / "report.html", _page(chosen, results))
    _print(results["summary"])
    return 0


def _unit_rows(
    chosen: Claim, variant: str, seed: int, roots: Mapping[str, Path], data_sha: Mapping[str, str], out: Path
) -> list[dict[str, Any]]:
    """Train and score one variant and seed: one row per test set and region."""
    started = time.monotonic()
    config = chosen.variants[variant]
    model = None
    if config is not None:
        config = replace(trained_on(config, roots), seed=seed)
        model = load(train(config, out / "runs" / f"{variant}-s{seed}").model)
    seconds = round(time.monotonic() - started, 1)
    training_shas = [sha for name, sha in sorted(data_sha.items()) if name.endswith("-train")]
    rows = []
    for name, root in roots.items():
        family, split = name.rsplit("-", 1)
        if split != "test":
            continue
        evaluation = scored(model or row_median(roots[f"{family}-train"]), root)
        shared = {
            "variant": variant,
            "network": "none" if config is None else _network_of(config.method),
            "seed": seed,
            "split": name,
            "rig": _rig_of(chosen, name),
            "steps": 0 if config is None else config.steps,
            "teacher_sha": None,
            "data_sha": training_shas,
            "train_seconds": 0.0 if config is None else seconds,
        }
        rows += [shared | region for region in _regions(evaluation)]
    return rows


def _regions(evaluation: Evaluation) -> Iterable[dict[str, Any]]:
    yield {"region": "all", "images": evaluation.num_images, "num_pixels": evaluation.num_pixels, "metrics": evaluation.metrics}
    for name, region in evaluation.regions.items():
        yield {"region": name, "images": region.num_images, "num_pixels": region.num_pixels, "metrics": region.metrics}


def _network_of(method: MethodConfig) -> str:
    return method.encoder if method.network == "none" else method.network


def _rig_of(chosen: Claim, name: str) -> str | None:
    return next(world.rig for world in chosen.worlds if world.name == name)


def _results(options: ReproduceOptions, chosen: Claim, rows: list[dict[str, Any]], *, commit: str | None) -> dict[str, Any]:
    return {
        "command": f"leadline reproduce {options.claim} --size {options.size}",
        "commit": commit,
        "machine": provenance()["machine"],
        "size": options.size,
        "seeds": sorted({row["seed"] for row in rows}),
        "rows": rows,
        "summary": summarise(rows, baseline=chosen.baseline),
    }


def summarise(rows: list[dict[str, Any]], *, baseline: str) -> dict[str, Any]:
    """Mean, spread and worst seed of every variant on every test set, and abs_rel over the baseline's, from the rows alone."""
    summary: dict[str, Any] = {}
    whole = [row for row in rows if row["region"] == "all"]
    for split in dict.fromkeys(row["split"] for row in whole):
        of_split = [row for row in whole if row["split"] == split]
        reference = [row["metrics"]["abs_rel"] for row in of_split if row["variant"] == baseline]
        for variant in dict.fromkeys(row["variant"] for row in of_split):
            metrics = [row["metrics"] for row in of_split if row["variant"] == variant]
            errors = [m["abs_rel"] for m in metrics]
            entry: dict[str, Any] = {"num_seeds": len(metrics), "mean": {name: fmean(m[name] for m in metrics) for name in REQUIRED}}
            entry |= {"abs_rel_spread": max(errors) - min(errors), "abs_rel_worst": max(errors)}
            if reference:
                entry["abs_rel_over_baseline"] = entry["mean"]["abs_rel"] / fmean(reference)
            summary.setdefault(split, {})[variant] = entry
    return summary


def _sha_of(root: Path) -> str:
    """SHA-256 over names and bytes of a rendered set: equal hashes are equal data."""
    digest = sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _table_rows(summary: Mapping[str, Any]) -> list[tuple[object, ...]]:
    rows = []
    for split, variants in summary.items():
        for variant, entry in variants.items():
            means = (entry["mean"][name] for name in ("abs_rel", "rmse", "delta1"))
            over = entry.get("abs_rel_over_baseline", float("nan"))
            rows.append((split, variant, entry["num_seeds"], *means, entry["abs_rel_worst"], over))
    return rows


COLUMNS = ("test set", "variant", "seeds", "abs_rel", "rmse [m]", "delta1", "worst abs_rel", "abs_rel / baseline")


def _page(chosen: Claim, results: Mapping[str, Any]) -> Report:
    note = f"{results['command']}; commit {results['commit']}; protocol rendered; every figure is computed from the rows of results.json."
    table = Table(COLUMNS, tuple(_table_rows(results["summary"])), note=note)
    return Report(f"leadline reproduce {chosen.name}", chosen.question, (Section("Unseen scenes", (table,)),))


def _print(summary: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    table = RichTable(*COLUMNS)
    for row in _table_rows(summary):
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row))
    Console().print(table)
