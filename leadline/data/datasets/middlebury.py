"""Middlebury Stereo 2014: two rectified cameras and structured-light disparity. Scharstein et al., GCPR 2014.

depth [mm] = f [px] * baseline [mm] / (disparity [px] + doffs [px]), where doffs = cx1 - cx0; disparity inf is unknown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.splits import read_split, refuse_absent
from leadline.geometry.camera import Camera, from_integer_centres
from leadline.geometry.pose import invert
from leadline.io.depth import read_depth
from leadline.io.image import read_image, read_labels
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="middlebury",
    summary="Middlebury Stereo 2014: structured light, two cameras",
    needs="SCENE/{im0.png,im1.png,disp0GT.pfm or disp0.pfm,calib.txt}",
    layers=("depth", "usable", "cam_from_world", "cam_from_rig"),
    splits="a text file: one scene per line",
    units="PFM, disparity in pixels",
    invalid="infinity",
    camera="calib.txt",
    licence="research use",
    get="vision.middlebury.edu/stereo/data/scenes2014",
    status=ON_REAL_FILES,
    counts={"scenes with ground truth": 23},
)
CAMERAS = ("im0", "im1")
OCCLUDED, SEEN_BY_BOTH = 128, 255
"""Values of mask0nocc.png; 0 is unknown."""


@dataclass(frozen=True)
class Calibration:
    """calib.txt. Intrinsics with integer pixel centres [px]."""

    K: tuple[np.ndarray, np.ndarray]
    doffs_px: float
    baseline_m: float
    height: int
    width: int


class Middlebury:
    """Scenes below `root`, or the one scene that `root` is. Raises UserError naming what was looked for.

    Records are the cameras that have ground truth, usually im0; moments have both, so that the other camera can be read.
    `occluded=False` makes pixels that only one camera sees unusable, as stereo tables do.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 0.1, 50.0

    def __init__(self, root: Path, *, split: str | None = None, occluded: bool = True) -> None:
        self._root, self._occluded = root, occluded
        folders = [root] if (root / "calib.txt").exists() else sorted(path.parent for path in root.glob("*/calib.txt"))
        if not folders:
            raise CARD.absent(root, "holds no scene")
        self._folders = {folder.resolve().name: folder for folder in folders}
        names = list(self._folders)
        if split is not None:
            lines = read_split(split, root=root)
            names = [line for line in lines if line in self._folders]
            refuse_absent(split, [line for line in lines if line not in self._folders], total=len(lines), root=root)
        self.moments: Sequence[Record] = [Record(sequence=name, frame=0, cameras=CAMERAS) for name in names]
        self.records: Sequence[Record] = [Record(sequence=name, frame=0, cameras=self._scored(name)) for name in names]
        masked = all((folder / "mask0nocc.png").exists() for folder in folders)
        self.layers = frozenset({"depth", "cam_from_world", "cam_from_rig"} | ({"usable"} if masked else set[str]()))
        self._calibrations: dict[str, Calibration] = {}

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"middlebury:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one camera of a scene; the world is its left camera. Raises UserError for a broken or missing file."""
        folder, which = self._folders[record.sequence], CAMERAS.index(camera)
        calibration = self._calibration(record.sequence)
        path = folder / f"{camera}.png"
        image = read_image(path)
        size = image.shape[:2]
        if size != (calibration.height, calibration.width):
            wrong = f"is {size[1]}x{size[0]}, calib.txt is for {calibration.width}x{calibration.height}"
            raise UserError(path, wrong, "give the pictures and the calibration of one size")
        world_from_cam = np.eye(4)
        world_from_cam[0, 3] = which * calibration.baseline_m
        return View(
            image=image,
            camera=Camera(
                K=from_integer_centres(calibration.K[which]),
                width=size[1],
                height=size[0],
                name=camera,
                rig_from_cam=_RIG_FROM_LEFT @ world_from_cam,
            ),
            path=path,
            depth=self._depth(folder, which, calibration, size) if "depth" in layers else None,
            cam_from_world=invert(world_from_cam) if "cam_from_world" in layers else None,
            usable=self._usable(folder, which, size) if "usable" in layers else None,
        )

    def _depth(self, folder: Path, which: int, calibration: Calibration, size: tuple[int, ...]) -> np.ndarray:
        path = _disparity_path(folder, which) or folder / f"disp{which}.pfm"
        disparity = read_depth(path)
        if disparity.values.shape != size:
            raise UserError(path, f"has shape {disparity.values.shape}, its picture {size}", "give the disparity of one size")
        shifted = disparity.values + calibration.doffs_px
        known = disparity.usable & (shifted > 0)
        metres = np.divide(calibration.K[which][0, 0] * calibration.baseline_m, shifted, out=np.zeros_like(shifted), where=known)
        return metres.astype(np.float32)

    def _usable(self, folder: Path, which: int, size: tuple[int, ...]) -> np.ndarray:
        path = folder / f"mask{which}nocc.png"
        if which == 1 and not path.exists():
            return np.ones(size, dtype=bool)
        seen = read_labels(path)
        if seen.shape != size:
            raise UserError(path, f"has shape {seen.shape}, its picture {size}", "give the mask of one size")
        return seen >= (OCCLUDED if self._occluded else SEEN_BY_BOTH)

    def _scored(self, name: str) -> tuple[str, ...]:
        found = tuple(camera for which, camera in enumerate(CAMERAS) if _disparity_path(self._folders[name], which))
        if not found:
            raise UserError(self._folders[name], "has no ground truth", "put disp0.pfm or disp0GT.pfm there")
        return found

    def _calibration(self, name: str) -> Calibration:
        if name not in self._calibrations:
            self._calibrations[name] = read_calibration(self._folders[name] / "calib.txt")
        return self._calibrations[name]


_RIG_FROM_LEFT = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""Rig axes (forward, left, up) at the left camera; the table's height is not published."""


def read_calibration(path: Path) -> Calibration:
    """The calibration in a Middlebury calib.txt. Raises UserError when the file is missing or a value is."""
    fields = dict(re.findall(r"^(\w+)=(.+)$", existing_file(path, what="calibration").read_text(encoding="utf-8", errors="replace"), re.M))
    try:
        return Calibration(
            K=(_matrix(fields["cam0"]), _matrix(fields["cam1"])),
            doffs_px=float(fields["doffs"]),
            baseline_m=float(fields["baseline"]) / 1000.0,
            height=int(fields["height"]),
            width=int(fields["width"]),
        )
    except (KeyError, ValueError) as error:
        raise UserError(
            path, f"is not a Middlebury calibration ({error})", "it holds cam0, cam1, doffs, baseline, width, height"
        ) from error


def _matrix(text: str) -> np.ndarray:
    return np.array([[float(value) for value in row.split()] for row in text.strip("[] ").split(";")]).reshape(3, 3)


def _disparity_path(folder: Path, which: int) -> Path | None:
    return next((path for path in (folder / f"disp{which}GT.pfm", folder / f"disp{which}.pfm") if path.exists()), None)
