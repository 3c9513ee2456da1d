"""`leadline predict MODEL INPUT... --out DIR`: depth for images, folders, globs or a rig. Resumes; one bad input stops nothing."""

import glob
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

from leadline.cli.method_options import parse_options
from leadline.cli.progress import progress
from leadline.geometry.rig import Rig
from leadline.io.atomic import writable_folder
from leadline.io.color import colorize
from leadline.io.image import SUFFIXES, image_size, read_image, write_image
from leadline.io.jsonfile import read_json, write_json
from leadline.io.pointcloud import write_points
from leadline.io.rig import read_rig
from leadline.prediction import Prediction
from leadline.types import DepthKind, UserError

if TYPE_CHECKING:
    from leadline.methods.predictor import DepthModel

ENDINGS = {
    "png16": ".png",
    "npz": ".npz",
    "exr": ".exr",
    "npy": ".npy",
    "pfm": ".pfm",
    "tiff": ".tiff",
    "color": ".color.png",
    "ply": ".ply",
    "glb": ".glb",
}


@dataclass(frozen=True)
class PredictOptions:
    """Predict depth for images. Repeat the command to continue: finished inputs are skipped."""

    model: tyro.conf.Positional[str]
    """Run folder, model folder, name from `leadline models`, or hub id."""
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
    kind: tyro.conf.EnumChoicesFromValues[DepthKind | None] = None
    """What the model returns, for the few checkpoints that do not say it."""
    option: tuple[str, ...] = ()
    """NAME=VALUE, options of a method that can change after its training, such as temperature=3 of briges."""
    format: str = "png16,color"
    """Files to write, separated by commas: png16 npz exr npy pfm tiff color ply glb."""
    batch: int = 4
    """Images of equal size predicted at once."""
    overwrite: bool = False
    """Predict again what is already there."""


@dataclass(frozen=True)
class Job:
    """One image and where its results go, without an ending."""

    image: Path
    stem: Path


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(PredictOptions, args=argv, prog="leadline predict")
    endings = _checked_endings(options.format)
    K = _parsed_K(options.K)
    if K is not None and options.fov_x_deg is not None:
        raise UserError("--K", "given together with --fov-x-deg", "give one of them")
    if not options.inputs:
        raise UserError("predict", "no input was given", "name an image, a folder or a quoted glob")
    rig = None if options.rig is None else read_rig(options.rig)
    from leadline.methods.loading import load

    model = load(options.model, kind=options.kind, options=parse_options(options.option))
    print(f"{model.name}: {model.kind.value}, licence {model.licence}", file=sys.stderr)
    _refuse_impossible(model.kind, endings)
    writable_folder(options.out)
    work = _Work(model=model, options=options, endings=endings, K=K, rig=rig)
    return work.predict_rig() if rig is not None else work.predict_images()


def _checked_endings(text: str) -> dict[str, str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ENDINGS]
    if unknown or not names:
        raise UserError("--format", f"'{', '.join(unknown) or text}' is not a format", f"choose from {', '.join(ENDINGS)}")
    return {name: ENDINGS[name] for name in names}


def _parsed_K(text: str | None) -> np.ndarray | None:
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


@dataclass(frozen=True)
class _Work:
    """One call of the verb: the model and everything that is the same for all images."""

    model: "DepthModel"
    options: PredictOptions
    endings: dict[str, str]
    K: np.ndarray | None
    rig: Rig | None

    def predict_images(self) -> int:
        """Images one by one, equal sizes together. Returns the exit code."""
        jobs, bad = _find_jobs(self.options.inputs, self.options.out)
        waiting = [job for job in jobs if self.options.overwrite or not self._finished(job)]
        if len(waiting) < len(jobs):
            print(f"{len(jobs) - len(waiting)} of {len(jobs)} are finished already (--overwrite predicts them again)", file=sys.stderr)
        with progress("predict", len(waiting)) as advance:
            for batch in _batches(waiting, self.options.batch, bad):
                self._predict_batch(batch, bad)
                advance(len(batch))
        return _closing(len(jobs) - len(bad), bad, self.options.out)

    def _predict_batch(self, jobs: Sequence[Job], bad: dict[str, str]) -> None:
        readable: list[Job] = []
        images: list[np.ndarray] = []
        for job in jobs:
            try:
                images.append(read_image(job.image))
                readable.append(job)
            except UserError as error:
                bad[str(job.image)] = str(error)
        try:
            paths = [job.image for job in readable]
            predictions = self.model.predict_batch(images, K=self.K, fov_x_deg=self.options.fov_x_deg, paths=paths)
        except UserError as error:
            if len(readable) > 1:  # find out whose fault it is
                for job in readable:
                    self._predict_batch([job], bad)
                return
            bad[str(readable[0].image)] = str(error)
            return
        for job, image, prediction in zip(readable, images, predictions, strict=True):
            self._write(job, image, prediction)

    def predict_rig(self) -> int:
        """Folders with one image per camera; every folder is one moment. Returns the exit code."""
        assert self.rig is not None
        bad: dict[str, str] = {}
        folders = [Path(text) for text in self.options.inputs]
        with progress("predict", len(folders)) as advance:
            for folder in folders:
                try:
                    self._predict_moment(folder, self.options.out / folder.name if len(folders) > 1 else self.options.out)
                except UserError as error:
                    bad[str(folder)] = str(error)
                advance(1)
        return _closing(len(folders) - len(bad), bad, self.options.out)

    def _predict_moment(self, folder: Path, out: Path) -> None:
        assert self.rig is not None
        paths = {name: _camera_image(folder, name) for name in self.rig.names}
        jobs = {name: Job(image=path, stem=out / name) for name, path in paths.items()}
        fused = [out / f"points.{name}" for name in ("ply", "glb") if name in self.endings]
        complete = all(self._finished(job) for job in jobs.values()) and all(path.exists() for path in fused)
        if complete and not self.options.overwrite:
            return
        images = {name: read_image(path) for name, path in paths.items()}
        predictions = self.model.predict_rig(images, self.rig)
        for name, prediction in predictions.items():
            self._write(jobs[name], images[name], prediction)
        if fused:
            _write_fused(fused, predictions, images, self.rig)

    def _write(self, job: Job, image: np.ndarray, prediction: Prediction) -> None:
        """All files of one image, and last the provenance, whose presence means that the others are whole."""
        for name, ending in self.endings.items():
            path = job.stem.with_name(job.stem.name + ending)
            if name == "color":
                inverse = prediction.kind is DepthKind.AFFINE_INVARIANT_INVERSE
                write_image(path, colorize(prediction.values, valid=prediction.usable, inverse=inverse))
            else:
                prediction.save(path, image=image)
        record = self._request(job) | {
            "unit": prediction.unit,
            "scale_source": prediction.scale_source.value,
            "K_used": None if prediction.K is None else prediction.K.tolist(),
            "notes": list(prediction.notes),
            "licence": self.model.licence,
            "files": [job.stem.name + ending for ending in self.endings.values()],
        }
        write_json(_provenance_path(job), record)

    def _request(self, job: Job) -> dict[str, Any]:
        """What decides the result; equal requests need no second run."""
        from leadline import __version__

        state = job.image.stat()
        return {
            "leadline_version": __version__,
            "input": str(job.image),
            "input_bytes": state.st_size,
            "input_mtime_ns": state.st_mtime_ns,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "kind": self.model.kind.value,
            "K": None if self.K is None else self.K.tolist(),
            "fov_x_deg": self.options.fov_x_deg,
            "rig": self.options.rig,
            "formats": sorted(self.endings),
        }

    def _finished(self, job: Job) -> bool:
        path = _provenance_path(job)
        if not path.exists() or not job.image.exists():
            return False
        try:
            record = read_json(path)
        except UserError:
            return False
        same = all(record.get(key) == value for key, value in self._request(job).items())
        return same and all((path.parent / name).exists() for name in record["files"])


def _provenance_path(job: Job) -> Path:
    return job.stem.with_name(job.stem.name + ".provenance.json")


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


def _camera_image(folder: Path, camera: str) -> Path:
    """The image of one camera: FOLDER/CAMERA.jpg, or the only image (or rgb.*) inside FOLDER/CAMERA/."""
    if not folder.is_dir():
        raise UserError(folder, "is not a folder", f"with --rig give a folder that holds {camera}.jpg and the other cameras")
    inside = folder / camera
    candidates = sorted(p for p in folder.iterdir() if p.stem == camera and p.suffix.lower() in SUFFIXES)
    if inside.is_dir():
        images = sorted(p for p in inside.iterdir() if p.suffix.lower() in SUFFIXES)
        candidates += [p for p in images if p.stem == "rgb"] or images
    if len(candidates) != 1:
        raise UserError(
            folder, f"holds {len(candidates)} images for camera {camera}", f"put exactly one there: {camera}.jpg or {camera}/rgb.jpg"
        )
    return candidates[0]


def _write_fused(paths: Sequence[Path], predictions: dict[str, Prediction], images: dict[str, np.ndarray], rig: Rig) -> None:
    """Points of all cameras in the rig frame (x forward, y left, z up)."""
    points, colors = [], []
    for camera in rig.cameras:
        assert camera.rig_from_cam is not None
        prediction = predictions[camera.name]
        in_camera = prediction.points().astype(np.float64)
        points.append(in_camera @ camera.rig_from_cam[:3, :3].T + camera.rig_from_cam[:3, 3])
        colors.append(images[camera.name][prediction.usable])
    for path in paths:
        write_points(path, np.concatenate(points).astype(np.float32), colors=np.concatenate(colors), frame="vehicle")


def _closing(good: int, bad: dict[str, str], out: Path) -> int:
    """Say what happened; 2 when some input was bad."""
    for line in bad.values():
        print(f"leadline predict: {line}", file=sys.stderr)
    print(f"{good} done, {len(bad)} bad; results in {out}", file=sys.stderr)
    return 2 if bad else 0
