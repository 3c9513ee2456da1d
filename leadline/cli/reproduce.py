"""`leadline reproduce CLAIM --size small --out DIR`: a whole table of results, one resumable unit at a time.

A unit is one variant and seed. It writes DIR/units/VARIANT-sSEED.json when it is done; results.json is made of all units
there are, its summary computed from their rows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import tyro

from leadline.cli.reproduce_jobs import do_all
from leadline.cli.reproduce_table import markdown, page, show, summarise, temperature_curves, with_means
from leadline.cli.reproduce_units import Units
from leadline.cli.worlds import find_world, need_extras, render_all
from leadline.io.atomic import write_bytes
from leadline.io.image import write_image
from leadline.io.jsonfile import read_json, write_json
from leadline.recipes.claims import Claim, claim_of
from leadline.recipes.claims.briges import with_pair
from leadline.training.provenance import git_commit, provenance
from leadline.types import UserError
from leadline.viewer.report import write_report
from leadline.viewer.sheet import captioned_sheet

SAMPLES = "LEADLINE_SAMPLES"
"""Names the folder of real recordings where the option does not."""


@dataclass(frozen=True)
class ReproduceOptions:
    """Run the units of a claim that are not done yet, and make its table of all that are."""

    claim: tyro.conf.Positional[str]
    """Which table: supervised, intrinsic, surround, briges."""
    out: Path
    """Folder for worlds, runs, units, results.json, report.html and its pictures."""
    size: Literal["small", "full"] = "small"
    """small is for two CPU cores, full for a GPU."""
    only: str | None = None
    """Run these variants alone, separated by commas, and those that teach them."""
    search: bool = False
    """Run the search that chose the weights of the claim's variants instead: short, on validation scenes; DIR/search.json."""
    seed: int | None = None
    """Run this seed alone, and the other seeds of models that are fused to teach it."""
    depth: str | None = None
    """briges: a depth model in place of the stand-in that is trained here, such as depth-anything/Depth-Anything-V2-Base-hf; needs
    --semantic too."""
    semantic: str | None = None
    """briges: its segmentation encoder, such as facebook/sam-vit-base."""
    worlds: Path | None = None
    """Folder that has the claim's worlds already, each as a folder or as an archive of `leadline scenes pack` (NAME.zip)."""
    jobs: int = 1
    """Units at once: for a GPU that one small network does not fill, or many cores."""
    samples: Path | None = None
    """Folder of real recordings (kitti/, nyu/, middlebury/) that some claims show and do not count; LEADLINE_SAMPLES without it."""

    @property
    def command(self) -> str:
        """What makes the table, without the places of this machine."""
        pair = "" if self.depth is None else f" --depth {self.depth} --semantic {self.semantic}"
        return f"leadline reproduce {self.claim} --size {self.size}{pair}"


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(ReproduceOptions, args=argv, prog="leadline reproduce")
    chosen = _chosen(options)
    variants = tuple(chosen.variants) if options.only is None else tuple(options.only.split(","))
    for variant in variants:
        if variant not in chosen.variants:
            raise UserError("--only", f"'{variant}' is no variant of {options.claim}", f"choose from {', '.join(chosen.variants)}")
    if options.jobs < 1:
        raise UserError("--jobs", f"{options.jobs} is too small", "give 1 or more")
    commit = git_commit()  # before the hours in which somebody may go on working in the checkout
    roots = _roots(chosen, options)
    scores, samples = "val" if options.search else "test", _samples(options)
    units = Units(chosen, roots, options.out, scores=scores, samples=samples)
    wanted = chosen.units(variants, None if options.seed is None else (options.seed,))
    if options.jobs > 1:
        do_all(chosen, roots, options.out, wanted, jobs=options.jobs, scores=scores, samples=samples)
    else:
        for variant, seed in wanted:
            units.do(variant, seed)
    rows = [row for path in sorted(units.folder.glob("*.json")) for row in read_json(path)]
    results = _results(options, chosen, rows, commit=commit)
    if options.search:
        write_json(options.out / "search.json", results)
        show(results["summary"])
        return 0
    write_json(options.out / "results.json", results)
    if results.get("temperature"):
        write_json(options.out / "tau.json", results["temperature"])
    write_bytes(options.out / "results.md", markdown(results).encode())
    pictures = units.pictures()
    for i, grid in enumerate(grid for grids in pictures.values() for grid in grids):
        write_image(options.out / "pictures" / f"{i}.jpg", captioned_sheet(grid), quality=90)
    write_report(options.out / "report.html", page(chosen, results, pictures))
    show(results["summary"])
    return 0


def _chosen(options: ReproduceOptions) -> Claim:
    """The claim, or its search: that has the first seed alone. Raises UserError for a claim that has none, and for half a pair."""
    chosen = claim_of(options.claim, options.size)
    if options.depth is not None or options.semantic is not None:
        if options.claim != "briges" or options.depth is None or options.semantic is None:
            raise UserError("--depth and --semantic", "are the pair that the claim briges stands on", "give both to briges, or none")
        chosen = with_pair(chosen, depth=options.depth, semantic=options.semantic)
    if not options.search:
        return chosen
    if not chosen.searched:
        raise UserError("--search", f"{options.claim} has no weights to search", "leave it out")
    return replace(chosen, variants=chosen.searched, seeds=chosen.seeds[:1])


def _roots(chosen: Claim, options: ReproduceOptions) -> dict[str, Path]:
    """Where the claim's worlds are: rendered if need be, or found. Raises UserError for one that is missing."""
    if options.worlds is None:
        need_extras("train", "scenes")
        return render_all(chosen.worlds, options.out / "worlds")
    need_extras("train")
    return {world.name: find_world(world, options.worlds) for world in chosen.worlds}


def _samples(options: ReproduceOptions) -> Path | None:
    """The folder of real recordings. Raises UserError for an option that is none; what the environment names may be missing."""
    if options.samples is not None and not options.samples.is_dir():
        raise UserError(
            "--samples", f"{options.samples} is no folder", "leave it out, or give the one that holds kitti/, nyu/, middlebury/"
        )
    named = options.samples or (Path(os.environ[SAMPLES]) if os.environ.get(SAMPLES) else None)
    return named if named is not None and named.is_dir() else None


def _results(options: ReproduceOptions, chosen: Claim, rows: list[dict[str, Any]], *, commit: str | None) -> dict[str, Any]:
    curves = temperature_curves(rows)
    return {
        "command": options.command,
        "commit": commit,
        "machine": provenance()["machine"],
        "size": options.size,
        "protocol": chosen.protocol,
        "seeds": sorted({row["seed"] for row in rows}),
        "rows": rows,
        "summary": summarise(with_means(rows, chosen.means), **_rules(chosen)),
        **({"temperature": curves} if curves else {}),
    }


def _rules(chosen: Claim) -> Mapping[str, Any]:
    """How rows of the claim are compared."""
    variants = chosen.variants
    return {
        "baseline": chosen.baseline,
        "shown": chosen.shown,
        "oracle": chosen.oracle,
        "against": {name: about.against for name, about in variants.items() if about.against is not None},
        "once": [name for name, about in variants.items() if about.once],
        "also": chosen.also,
    }
