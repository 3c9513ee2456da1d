"""`leadline predict MODEL INPUT... --out DIR`: depth for images, folders, globs or a rig. Resumes; one bad input stops nothing."""

import glob
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from leadline.cli.method_options import parse_options
from leadline.cli.opened import open_model
from leadline.cli.predict_files import ENDINGS, Files, Job
from leadline.cli.progress import progress
from leadline.geometry.rig import Rig
from leadline.io.atomic import writable_folder
from leadline.io.image import SUFFIXES, image_size, read_image
from leadline.io.rig import read_rig
from leadline.types import DepthKind, UserError


@dataclass(frozen=True)
class PredictOptions:
    """Predict depth for images. Repeat the command to continue: finished inputs are skipped."""

    model: tyro.conf.Positional[str]
    """Run folder, model folder, name from `leadline models`, hub id, or exported file (.onnx, .xml, .pt2)."""
    inputs: tyro.conf.Positional[tuple[str, ...]]
    """Images, folders, quoted globs; with --rig, folders that hold one image per camera."""
    out: Path
    """Folder for the results; made when missing."""
    K: str | None = None
    """Intrinsics fx,fy,cx,cy [px] of the images as they are on disk."""
    fov_x_deg: float | None = None
    """Horizontal field of view [degrees], instead of K."""
    rig: str | None = None
    """Rig JSON, or a built-in rig (nuscenes6, ddad6)."""
    missing: Literal["refuse", "skip"] = "refuse"
    """With --rig: a camera without a readable image spoils its moment, or is left out, named and counted, which is no error."""
    report: bool = False
    """With --rig, write report.html for each moment: the ring, the view from above, where neighbours disagree."""
    kind: tyro.conf.EnumChoicesFromValues[DepthKind | None] = None
    """What the model returns, for the few checkpoints that do not say it."""
    option: tuple[str, ...] = ()
    """NAME=VALUE, options of a method that can change after its training, such as temperature=3 of briges; of an exported file that
    leadline has not made, mean=R,G,B, std=R,G,B and size=HEIGHTxWIDTH."""
    format: str = "png16,color"
    """Files to write, separated by commas: png16 npz exr npy pfm tiff color ply glb."""
    batch: int = 4
    """Images of equal size predicted at once."""
    overwrite: bool = False
    """Predict again what is already there."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(PredictOptions, args=argv, prog="leadline predict")
    endings = _checked_endings(options.format)
    K = parsed_K(options.K)
    _check_options(options)
    rig = None if options.rig is None else read_rig(options.rig)
    model = open_model(options.model, kind=options.kind, options=parse_options(options.option))
    print(f"{model.name}: {model.kind.value}, licence {model.licence}", file=sys.stderr)
    _refuse_impossible(model.kind, endings)
    writable_folder(options.out)
    asked = {"K": None if K is None else K.tolist(), "fov_x_deg": options.fov_x_deg, "rig": options.rig}
    files = Files(model, endings, asked)
    return _predict_images(files, options, K) if rig is None else _predict_rig(files, options, rig)


def _check_options(options: PredictOptions) -> None:
    """Raise UserError for options that contradict each other."""
    if options.K is not None and options.fov_x_deg is not None:
        raise UserError("--K", "given together with --fov-x-deg", "give one of them")
    if not options.inputs:
        raise UserError("predict", "no input was given", "name an image, a folder or a quoted glob")
    if options.rig is None and (options.report or options.missing != "refuse"):
        name = "--report" if options.report else "--missing"
        raise UserError(name, "is about the cameras of a rig, and there is none", "give --rig, or leave it out")


def _checked_endings(text: str) -> dict[str, str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ENDINGS]
    if unknown or not names:
        raise UserError("--format", f"'{', '.join(unknown) or text}' is not a format", f"choose from {', '.join(ENDINGS)}")
    return {name: ENDINGS[name] for name in names}


def parsed_K(text: str | None) -> np.ndarray | None:
    """Intrinsics (3, 3) from fx,fy,cx,cy [px]. Raises UserError."""
    if text is None:
        return None
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError("--K", f"'{text}' is not four numbers", "give fx,fy,cx,cy in pixels, such as 721.5,721.5,609.6,172.9") from None
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _refuse_impossible(kind: DepthKind, endings: dict[str, str]) -> None:
    """Say before the work, not after it, that this kind has no points."""
    if kind in (DepthKind.AFFINE_INVARIANT, DepthKind.AFFINE_INVARIANT_INVERSE) and {"ply", "glb"} & endings.keys():
        raise UserError(
            "--format", f"points need depth, and this model gives {kind.value} values", "use a metric model, or drop ply and glb"
        )


def _predict_images(files: Files, options: PredictOptions, K: np.ndarray | None) -> int:
    """Images one by one, equal sizes together. Returns the exit code."""
    jobs, bad = _find_jobs(options.inputs, options.out)
    waiting = [job for job in jobs if options.overwrite or not files.finished(job)]
    if len(waiting) < len(jobs):
        print(f"{len(jobs) - len(waiting)} of {len(jobs)} are finished already (--overwrite predicts them again)", file=sys.stderr)
    with progress("predict", len(waiting)) as advance:
        for batch in _batches(waiting, options.batch, bad):
            _predict_batch(files, batch, bad, K=K, fov_x_deg=options.fov_x_deg)
            advance(len(batch))
    return _closing(sum(str(job.image) not in bad for job in jobs), bad, options.out)


def _predict_batch(files: Files, jobs: Sequence[Job], bad: dict[str, str], *, K: np.ndarray | None, fov_x_deg: float | None) -> None:
    readable: list[Job] = []
    images: list[np.ndarray] = []
    for job in jobs:
        try:
            images.append(read_image(job.image))
            readable.append(job)
        except UserError as error:
            bad[str(job.image)] = str(error)
    try:
        predictions = files.model.predict_batch(images, K=K, fov_x_deg=fov_x_deg, paths=[job.image for job in readable])
    except UserError as error:
        if len(readable) > 1:  # find out whose fault it is
            for job in readable:
                _predict_batch(files, [job], bad, K=K, fov_x_deg=fov_x_deg)
            return
        bad[str(readable[0].image)] = str(error)
        return
    for job, image, prediction in zip(readable, images, predictions, strict=True):
        files.write(job, image, prediction)


def _predict_rig(files: Files, options: PredictOptions, rig: Rig) -> int:
    """Moments one by one. Returns the exit code: 0 also where cameras were left out, which was asked for."""
    from leadline.cli.predict_rig import RigWork, say_left_out

    work = RigWork(files, rig, skips=options.missing == "skip", report=options.report, overwrite=options.overwrite)
    outcome = work.predict([Path(text) for text in options.inputs], options.out)
    say_left_out(outcome)
    return _closing(outcome.num_done, outcome.bad, options.out)


def _find_jobs(inputs: Sequence[str], out: Path) -> tuple[list[Job], dict[str, str]]:
    """Every image of the inputs with its own place below `out`, and a line for each input that leads nowhere."""
    bad: dict[str, str] = {}
    found: dict[Path, Path] = {}
    for text in inputs:
        images, root = _expand(text)
        if not images:
            bad[text] = f"{text}: no image was found; give an image ({' '.join(SUFFIXES)}), a folder of them or a quoted glob"
        for image in images:
            found.setdefault(image, image.relative_to(root))
    stems = Counter(relative.with_suffix("") for relative in found.values())
    jobs = []
    for image, relative in found.items():
        # photo.jpg and photo.png beside each other would share one name
        clash = stems[relative.with_suffix("")] > 1
        jobs.append(
            Job(image=image, stem=out / (relative.with_name(relative.name.replace(".", "_")) if clash else relative.with_suffix("")))
        )
    return jobs, bad


def _expand(text: str) -> tuple[list[Path], Path]:
    """Images that `text` stands for, and the folder their results are named relative to."""
    path = Path(text)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()), path
    if path.exists():
        return [path], path.parent
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True))
    images = [match for match in matches if match.is_file()]
    return images, Path(_fixed_part(text))


def _fixed_part(pattern: str) -> str:
    """The folder in front of the first wildcard."""
    parts = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return str(Path(*parts)) if parts else "."


def _batches(jobs: Sequence[Job], size: int, bad: dict[str, str]) -> Iterator[list[Job]]:
    """Neighbouring images of equal size together; what has no readable header gets its line here."""
    sized: list[tuple[tuple[int, int], Job]] = []
    for job in jobs:
        try:
            sized.append((image_size(job.image), job))
        except UserError as error:
            bad[str(job.image)] = str(error)
    for _, group in groupby(sized, key=lambda pair: pair[0]):
        members = [job for _, job in group]
        for start in range(0, len(members), max(size, 1)):
            yield members[start : start + max(size, 1)]


def _closing(good: int, bad: dict[str, str], out: Path) -> int:
    """Say what happened; 2 when some input was bad."""
    for line in bad.values():
        print(f"leadline predict: {line}", file=sys.stderr)
    print(f"{good} done, {len(bad)} bad; results in {out}", file=sys.stderr)
    return 2 if bad else 0
