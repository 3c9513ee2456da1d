"""`leadline demo`: worlds rendered, a metric network trained on them and distilled for six cameras, both scored on unseen ones."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from leadline.io.image import read_image
from leadline.io.jsonfile import write_json
from leadline.io.photo import check_photo
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.cli.demo_report import Scores


@dataclass(frozen=True)
class DemoOptions:
    """From nothing to depth in metres in about ten minutes. Repeat the command to continue or to try another photo."""

    out: Path = Path("out/demo")
    """Folder for worlds, run, predictions and report."""
    image: Path | None = None
    """A photo of your own to predict depth for."""
    fov_x_deg: float | None = None
    """Horizontal field of view [degrees] of the photo, when its EXIF tags do not tell."""


@dataclass
class Clock:
    """Says what is being done, and remembers how long it took."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """Time one step."""
        print(f"[{len(self.seconds) + 1}/5] {words}", file=sys.stderr, flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)
        print(f"      {self.seconds[name]:.0f} s", file=sys.stderr, flush=True)


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(DemoOptions, args=argv, prog="leadline demo")
    # What cannot work is said now, not in ten minutes.
    if options.fov_x_deg is not None and options.image is None:
        raise UserError("--fov-x-deg", "is the field of view of a photo, and there is none", "give one with --image, or leave it out")
    photo = None if options.image is None else read_image(options.image)
    from leadline.cli.worlds import need_extras

    need_extras("train", "scenes")
    if options.image is not None and photo is not None:
        check_photo(photo, fov_x_deg=options.fov_x_deg, subject=str(options.image))
    from leadline.cli.demo_report import Scores, write_demo_report
    from leadline.cli.worlds import render_all, row_median, scored, trained_on
    from leadline.data.catalog import open_dataset
    from leadline.methods.loading import load
    from leadline.recipes.surround import surround_worlds, surround_worlds_student
    from leadline.recipes.worlds import DEMO
    from leadline.training.run import train

    out, clock = options.out, Clock()
    with clock.step("render", "rendering worlds with exact depth: rooms, and streets seen by six cameras"):
        roots = render_all(DEMO, out / "worlds")
    config = trained_on(surround_worlds(), roots)
    with clock.step("train", "training a metric depth network on them, from scratch"):
        model = load(train(config, out / "run").model)
    small = trained_on(surround_worlds_student(), roots, ("streets-train",))
    with clock.step("distil", "distilling a smaller one from it, for six cameras"):
        small = replace(small, method=replace(small.method, teacher=str(out / "run")))
        student = load(train(small, out / "student").model)
    scores: dict[str, Scores] = {}
    with clock.step("evaluate", "scoring both on scenes they have never seen, beside the median of each image row of the training scenes"):
        for family in [world.family for world in DEMO if world.split == "test"]:
            test = open_dataset(f"rendered:{roots[f'{family}-test']}")
            of_student = scored(student, test) if family == "streets" else None
            scores[family] = Scores(scored(model, test), scored(row_median(roots[f"{family}-train"]), test), of_student)
    tried = None
    with clock.step("predict", "predicting depth for six cameras" + ("" if photo is None else " and for your photo")):
        if photo is not None:
            tried = (photo, model.predict(options.image or photo, fov_x_deg=options.fov_x_deg))
            tried[1].save(out / "photo.png")
            tried[1].save(out / "photo.ply", image=photo)
        moments, data = sum(world.scenes * world.frames for world in DEMO if world.split == "train"), config.data
        words = f"{moments} moments rendered, {config.steps} steps of {data.batch_size} images at {data.width}x{data.height}."
        write_demo_report(out / "report.html", model, student, roots, scores, steps=words, photo=tried)
    results = {family: _figures(pair) for family, pair in scores.items()}
    record = {
        "command": "leadline demo",
        "protocol": "rendered",
        "results": results,
        "seconds": clock.seconds,
        "peak_memory_mb": _peak_memory_mb(),
    }
    write_json(out / "metrics.json", record)
    _say_goodbye(out, results)
    return 0


def _figures(pair: "Scores") -> dict[str, Any]:
    student = {} if pair.student is None else {"student": pair.student.metrics}
    return {
        "model": pair.model.metrics,
        **student,
        "baseline": pair.baseline.metrics,
        "abs_rel_over_baseline": pair.model.metrics["abs_rel"] / pair.baseline.metrics["abs_rel"],
        "num_images": pair.model.num_images,
        "num_pixels": pair.model.num_pixels,
    }


def _peak_memory_mb() -> float:
    """Largest resident set of this process and of its largest child [MB]; Linux counts in KiB."""
    kib = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(kib / 1024, 1)


def _say_goodbye(out: Path, results: dict[str, dict[str, Any]]) -> None:
    for family, figures in results.items():
        model, baseline = figures["model"], figures["baseline"]
        print(
            f"{family}: abs_rel {model['abs_rel']:.3f} (baseline {baseline['abs_rel']:.3f}), "
            f"delta1 {model['delta1']:.3f} (baseline {baseline['delta1']:.3f})"
        )
        if "student" in figures:
            print(f"  its student: abs_rel {figures['student']['abs_rel']:.3f}, delta1 {figures['student']['delta1']:.3f}")
    print(f"\nOpen {out / 'report.html'}; figures in {out / 'metrics.json'}.")
    print(f"Try next: leadline demo --out {out} --image my.jpg")
    print(f"          leadline predict {out / 'run'} my_photos/ --out my_depth --format png16,color,ply")
