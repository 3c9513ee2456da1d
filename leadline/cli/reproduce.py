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
from typing import Any, Literal

import torch
import tyro

from leadline.cli.label import LabelOptions, write_labels
from leadline.cli.reproduce_pictures import reflection_pictures
from leadline.cli.reproduce_table import DISAGREEMENT, markdown, page, show, summarise
from leadline.cli.worlds import need_extras, render_all, row_median, scored, trained_on, training_sets
from leadline.data.cache import ViewCache
from leadline.data.catalog import open_dataset
from leadline.data.dataset import Dataset
from leadline.data.misleading import MISLEADING
from leadline.evaluation.reflections import WithReflections
from leadline.evaluation.regions import REFLECTIONS
from leadline.evaluation.result import Evaluation
from leadline.io.atomic import write_bytes
from leadline.io.jsonfile import read_json, write_json
from leadline.methods.base import Method
from leadline.methods.catalog import BrigesConfig, LearnerConfig, SegmentsConfig, method_name
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.recipes.claims import Claim, claim_of
from leadline.training.config import TrainConfig
from leadline.training.measure import mean_logs
from leadline.training.provenance import git_commit, provenance
from leadline.training.run import train
from leadline.types import UserError
from leadline.viewer.report import Pictures, write_report

TEST_CACHE_BYTES = 2 * 10**9
"""For test views with their regions, which take longer to find than to score."""


@dataclass(frozen=True)
class ReproduceOptions:
    """Run the units of a claim that are not done yet, and make its table of all that are."""

    claim: tyro.conf.Positional[str]
    """Which table: supervised, intrinsic, surround."""
    out: Path
    """Folder for worlds, runs, units, results.json and report.html."""
    size: Literal["small", "full"] = "small"
    """small is for two CPU cores, full for a GPU."""
    only: str | None = None
    """Run this variant alone, and those that teach it."""
    search: bool = False
    """Run the search that chose the weights of the claim's variants instead: short, on validation scenes; DIR/search.json."""
    seed: int | None = None
    """Run this seed alone, and the other seeds of models that are fused to teach it."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ReproduceOptions, args=argv, prog="leadline reproduce")
    chosen = _chosen(options)
    if options.only is not None and options.only not in chosen.variants:
        raise UserError("--only", f"'{options.only}' is no variant of {options.claim}", f"choose from {', '.join(chosen.variants)}")
    need_extras()
    commit = git_commit()  # before the hours in which somebody may go on working in the checkout
    work = _Work(chosen, render_all(chosen.worlds, options.out / "worlds"), options.out, scores="val" if options.search else "test")
    variants = chosen.variants if options.only is None else (options.only,)
    for variant, seed in chosen.units(variants, None if options.seed is None else (options.seed,)):
        work.do(variant, seed)
    rows = [row for path in sorted(work.units.glob("*.json")) for row in read_json(path)]
    results = _results(options, chosen, rows, commit=commit)
    if options.search:
        write_json(options.out / "search.json", results)
        show(results["summary"])
        return 0
    write_json(options.out / "results.json", results)
    write_bytes(options.out / "results.md", markdown(results).encode())
    write_report(options.out / "report.html", page(chosen, results, work.pictures()))
    show(results["summary"])
    return 0


def _chosen(options: ReproduceOptions) -> Claim:
    """The claim, or its search: that has the first seed alone. Raises UserError for a claim that has none."""
    chosen = claim_of(options.claim, options.size)
    if not options.search:
        return chosen
    if not chosen.searched:
        raise UserError("--search", f"{options.claim} has no weights to search", "leave it out")
    return replace(chosen, variants=chosen.searched, seeds=chosen.seeds[:1])


class _Work:
    """The units of one claim: trained, scored and written one by one."""

    def __init__(self, chosen: Claim, roots: Mapping[str, Path], out: Path, *, scores: Literal["test", "val"] = "test") -> None:
        self._chosen, self._roots, self._out = chosen, roots, out
        self.units = out / ("units" if scores == "test" else "search")
        self._data_sha = {name: _sha_of(root) for name, root in roots.items()}
        self._tests = {name: self._test(root) for name, root in roots.items() if name.endswith(f"-{scores}")}

    def do(self, variant: str, seed: int) -> None:
        """One unit, unless it is done."""
        unit = self.units / f"{variant}-s{seed}.json"
        if unit.exists():
            return
        print(f"{variant}, seed {seed}", file=sys.stderr, flush=True)
        write_json(unit, self._rows(variant, seed))

    def _test(self, root: Path) -> Dataset:
        dataset = open_dataset(f"rendered:{root}")
        return ViewCache(WithReflections(dataset) if REFLECTIONS in self._chosen.regions else dataset, TEST_CACHE_BYTES)

    def pictures(self) -> list[Pictures]:
        """Of the first test set and seed, for claims about reflections: what the trained variants of `pictured` make of some views."""
        seed, tests = self._chosen.seeds[0], list(self._tests.values())
        models = {name: self._run(name, seed) / "model" for name in self._chosen.pictured}
        there = {name: load(folder) for name, folder in models.items() if folder.exists()}
        return reflection_pictures(tests[0], there) if there else []

    def _rows(self, variant: str, seed: int) -> list[dict[str, Any]]:
        """Train and score one variant and seed: one row per test set and region."""
        about, config = self._chosen.variants[variant], self._config(variant, seed)
        started = time.monotonic()
        model = None if config is None else load(train(config, self._run(variant, seed)).model)
        seconds = round(time.monotonic() - started, 1)
        rows = []
        for name, test in self._tests.items():
            family = name.rsplit("-", 1)[0]
            predictor = model or row_median(self._roots[f"{family}-train"])
            evaluation = scored(predictor, test, regions=self._chosen.regions, surround=self._chosen.rigs)
            shared = {
                "variant": variant,
                "network": "none" if config is None else _network_of(config.method),
                "seed": seed,
                "split": name,
                "rig": next(world.rig for world in self._chosen.worlds if world.name == name),
                "steps": 0 if config is None else config.steps,
                "teacher_sha": self._teachers_of(variant, seed),
                "data_sha": [self._data_sha[world] for world in sorted(training_sets(self._roots, about.worlds))],
                "train_seconds": 0.0 if config is None else seconds,
            }
            of_mask = self._mask(model, name) if model and config and method_name(config.method) == "intrinsic" else {}
            rows += [shared | region | (of_mask if region["region"] == "misleading" else {}) for region in _regions(evaluation)]
        return rows

    def _config(self, variant: str, seed: int) -> TrainConfig | None:
        """The whole config of a unit: its data, its seed, its teachers."""
        about = self._chosen.variants[variant]
        if about.config is None:
            return None
        config = replace(trained_on(about.config, self._roots, about.worlds), seed=seed)
        config = replace(config, data=replace(config.data, derived=str(self._out / "derived")))
        teachers = {option: str(model) for option, model in self._teachers(variant, seed).items()}
        config = replace(config, method=replace(config.method, **teachers))
        return config if about.mesh_of is None else replace(config, data=replace(config.data, labels=self._labels(variant, config)))

    def _labels(self, variant: str, config: TrainConfig) -> tuple[str, ...]:
        """The folders of labels that all seeds of `variant` learn from, one for each training set; what is missing in them is written."""
        device = "cuda" if config.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
        models, data = tuple(str(model) for model in self._fused(variant)), config.data
        folders = []
        for root in data.root:
            out = self._out / "labels" / variant / Path(root).name
            options = LabelOptions(root, out, mesh=models, split=data.split, height=data.height, width=data.width, device=device)
            if write_labels(options) != 0:
                raise UserError(out, "lacks the labels of broken frames", "remove the worlds that hold them, and repeat the command")
            folders.append(str(out))
        return tuple(folders)

    def _fused(self, variant: str) -> list[Path]:
        """Models whose depth is fused to teach `variant`."""
        of = self._chosen.variants[variant].mesh_of
        return [] if of is None else [self._run(of, seed) / "model" for seed in self._chosen.seeds_of(of)]

    def _run(self, variant: str, seed: int) -> Path:
        return self._out / "runs" / f"{variant}-s{seed}"

    def _teachers_of(self, variant: str, seed: int) -> list[str] | None:
        """Fingerprints of all that it has learnt from."""
        teachers = self._teachers(variant, seed).values()
        return [load(model).fingerprint for model in (*teachers, *self._fused(variant))] or None

    def _teachers(self, variant: str, seed: int) -> dict[str, Path]:
        """Option of the method -> model folder."""
        chosen = self._chosen
        of = chosen.variants[variant].teachers
        return {option: self._run(teacher, chosen.teacher_seed(teacher, seed)) / "model" for option, teacher in of.items()}

    def _mask(self, model: DepthModel, test: str) -> dict[str, float]:
        """Precision, recall and drop rate of the mask of `intrinsic` against what misleads; nothing where it drops nothing."""
        if REFLECTIONS not in self._chosen.regions or not isinstance(model.network, Method):
            return {}
        logs = mean_logs(model.network, self._tests[test], height=model.info.height, width=model.info.width, layers=frozenset({MISLEADING}))
        dropped, hit = logs.get("mask/dropped_share", 0.0), logs.get("mask/hit_share", 0.0)
        if not dropped:
            return {}
        return {"precision": hit / dropped, "recall": hit / logs["mask/misleading_share"], "drop_rate": dropped}


def _regions(evaluation: Evaluation) -> Iterable[dict[str, Any]]:
    apart = None if evaluation.surround is None else evaluation.surround.overall
    metrics = evaluation.metrics if apart is None else {**evaluation.metrics, DISAGREEMENT: apart.abs_rel}
    yield {"region": "all", "images": evaluation.num_images, "num_pixels": evaluation.num_pixels, "metrics": metrics}
    for name, region in evaluation.regions.items():
        yield {"region": name, "images": region.num_images, "num_pixels": region.num_pixels, "metrics": region.metrics}


def _network_of(method: LearnerConfig) -> str:
    if isinstance(method, BrigesConfig | SegmentsConfig):
        return method_name(method)
    return method.encoder if method.network == "none" else method.network


def _results(options: ReproduceOptions, chosen: Claim, rows: list[dict[str, Any]], *, commit: str | None) -> dict[str, Any]:
    against = {name: about.against for name, about in chosen.variants.items() if about.against is not None}
    return {
        "command": f"leadline reproduce {options.claim} --size {options.size}",
        "commit": commit,
        "machine": provenance()["machine"],
        "size": options.size,
        "seeds": sorted({row["seed"] for row in rows}),
        "rows": rows,
        "summary": summarise(rows, baseline=chosen.baseline, shown=chosen.shown, oracle=chosen.oracle, against=against),
    }


def _sha_of(root: Path) -> str:
    """SHA-256 over names and bytes of a rendered set: equal hashes are equal data."""
    digest = sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
