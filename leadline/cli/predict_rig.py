"""`leadline predict --rig`: folders with one image per camera, each one moment; six depth maps, one cloud, one page."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from leadline.cli.predict_files import Files, Job
from leadline.cli.progress import progress
from leadline.geometry.rig import Rig
from leadline.io.image import SUFFIXES, read_image
from leadline.io.pointcloud import write_points
from leadline.types import UserError
from leadline.viewer.moment import Moment, moment_sections
from leadline.viewer.report import Report, write_report


@dataclass
class Outcome:
    """What became of the moments: how many are done, a line for each that is not, and the cameras that were left out."""

    num_done: int = 0
    bad: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Lines about cameras, by the folder of their moment."""


@dataclass(frozen=True)
class RigWork:
    """One call of the verb with a rig. With `skips`, a camera whose image is missing or broken is left out of its moment."""

    files: Files
    rig: Rig
    skips: bool
    report: bool
    overwrite: bool

    def predict(self, folders: Sequence[Path], out: Path) -> Outcome:
        """Every folder, into `out`, or into a folder of its name below `out` when there are several."""
        outcome = Outcome()
        with progress("predict", len(folders)) as advance:
            for folder in folders:
                try:
                    lost = self._predict_moment(folder, out / folder.name if len(folders) > 1 else out)
                except UserError as error:
                    outcome.bad[str(folder)] = str(error)
                else:
                    outcome.num_done += 1
                    if lost:
                        outcome.left_out[str(folder)] = [f"{line}; predicted without {name}" for name, line in lost.items()]
                advance(1)
        return outcome

    def _predict_moment(self, folder: Path, out: Path) -> dict[str, str]:
        """Predict one moment, unless its files are there. Returns a line for each camera that was left out."""
        paths, images, lost = _read(folder, self.rig, skips=self.skips)
        files = self.files.of(asked={"cameras": list(images)}, about={"missing": lost})
        jobs = {name: Job(image=path, stem=out / name) for name, path in paths.items()}
        clouds = [out / f"points.{name}" for name in ("ply", "glb") if name in files.endings]
        page = out / "report.html"
        others = [*clouds, page] if self.report else clouds
        if not self.overwrite and all(files.finished(job) for job in jobs.values()) and all(path.exists() for path in others):
            return lost
        predictions = files.model.predict_rig(images, self.rig, partial=bool(lost))
        for name, prediction in predictions.items():
            files.write(jobs[name], images[name], prediction)
        moment = Moment(self.rig, images, predictions, lost)
        if clouds:
            points, colors = moment.points
            for path in clouds:
                write_points(path, points, colors=colors, frame="vehicle")
        if self.report:
            write_report(page, _page(moment, folder, files))
        return lost


def say_left_out(outcome: Outcome) -> None:
    """A line for each camera that was left out, and how many they are."""
    for lines in outcome.left_out.values():
        for line in lines:
            print(f"leadline predict: {line}", file=sys.stderr)
    if outcome.left_out:
        num_cameras = sum(map(len, outcome.left_out.values()))
        print(f"{len(outcome.left_out)} of {outcome.num_done} moments lack a camera ({num_cameras} left out in all)", file=sys.stderr)


def _page(moment: Moment, folder: Path, files: Files) -> Report:
    model, num = files.model, len(moment.rig.cameras)
    without = f" Without {', '.join(moment.missing)}." if moment.missing else ""
    lead = f"{len(moment.predictions)} of {num} cameras of {folder}, predicted by {model.name} ({model.kind.value}).{without}"
    return Report(f"{folder.resolve().name}: all around", lead, moment_sections(moment))


def _read(folder: Path, rig: Rig, *, skips: bool) -> tuple[dict[str, Path], dict[str, np.ndarray], dict[str, str]]:
    """Files and images of the cameras in ring order, and a line for each camera without, by name.

    Raises UserError for the first of those unless `skips`, and where there is no image at all.
    """
    found = _find(folder, rig)
    paths, images, lost = dict[str, Path](), dict[str, np.ndarray](), dict[str, str]()
    for name in rig.names:
        try:
            path = _only(found[name], folder, name)
            images[name] = read_image(path)
            paths[name] = path
        except UserError as error:
            if not skips:
                raise
            lost[name] = str(error)
    if not images:
        raise UserError(folder, f"holds no readable image of {', '.join(rig.names)}", "repair one at least")
    return paths, images, lost


def _find(folder: Path, rig: Rig) -> dict[str, list[Path]]:
    """Images of each camera: FOLDER/CAMERA.jpg, or the only image (or rgb.*) inside FOLDER/CAMERA/.

    Raises UserError for what is no folder, and for one whose images have the names of another rig.
    """
    first = rig.names[0]
    if not folder.is_dir():
        raise UserError(folder, "is not a folder", f"with --rig give a folder that holds {first}.jpg and the other cameras")
    found = {name: _candidates(folder, name) for name in rig.names}
    if not any(found.values()):
        there = sorted(p.stem for p in folder.iterdir() if p.is_dir() or p.suffix.lower() in SUFFIXES)
        named = f"but {', '.join(there[:6])}" if there else "and nothing else"
        wrong = f"holds no image of the rig's cameras {', '.join(rig.names)}, {named}"
        raise UserError(folder, wrong, f"give the rig of this vehicle, or put {first}.jpg or {first}/rgb.jpg there")
    return found


def _candidates(folder: Path, camera: str) -> list[Path]:
    inside = folder / camera
    candidates = sorted(p for p in folder.iterdir() if p.stem == camera and p.suffix.lower() in SUFFIXES)
    if inside.is_dir():
        images = sorted(p for p in inside.iterdir() if p.suffix.lower() in SUFFIXES)
        candidates += [p for p in images if p.stem == "rgb"] or images
    return candidates


def _only(candidates: Sequence[Path], folder: Path, camera: str) -> Path:
    if len(candidates) != 1:
        wrong = f"holds {len(candidates)} images for camera {camera}"
        raise UserError(folder, wrong, f"put exactly one there: {camera}.jpg or {camera}/rgb.jpg")
    return candidates[0]
