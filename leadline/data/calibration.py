"""Intrinsics of cameras of one's own: what lies beside the pictures, what they say themselves, else a loud guess.

FOLDER/intrinsics.json {"fx", "fy", "cx", "cy", "width", "height", "depth_scale"} or FOLDER/K.txt (3x3 numbers)
"""

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.reading import ASSUMED_FOV_X_DEG, fitting_camera, read_matrix
from leadline.geometry.camera import Camera
from leadline.io.image import exif_focal_px
from leadline.io.jsonfile import read_json
from leadline.types import UserError

log = logging.getLogger(__name__)
KNOWN = ("fx", "fy", "cx", "cy", "width", "height", "depth_scale")


@dataclass(frozen=True)
class Calibration:
    """What a folder says about the camera of its pictures; `calibration_of` reads it."""

    folder: Path
    said: dict[str, float] = field(default_factory=dict)
    """The numbers of intrinsics.json; {} without it."""

    def camera(self, image: np.ndarray, *, path: Path, name: str) -> Camera:
        """The camera of the `image` that lies at `path`, from intrinsics.json, K.txt, EXIF, or ASSUMED_FOV_X_DEG, which is logged.

        Raises UserError for intrinsics of another size.
        """
        height, width = image.shape[:2]
        listed, table = self.folder / "intrinsics.json", self.folder / "K.txt"
        if "fx" in self.said:
            said = self.said
            expected = said.get("width", width), said.get("height", height)
            if expected != (width, height):
                wrong = f"is {width}x{height}, intrinsics.json is for {expected[0]:g}x{expected[1]:g}"
                raise UserError(path, wrong, "give the pictures and the intrinsics of one size")
            matrix = np.array([[said["fx"], 0.0, said["cx"]], [0.0, said["fy"], said["cy"]], [0.0, 0.0, 1.0]])
            return fitting_camera(matrix, image, path=path, subject=listed, name=name)
        if table.exists():
            return fitting_camera(read_matrix(table, rows=3, columns=3, what="K"), image, path=path, subject=table, name=name)
        focal_px = exif_focal_px(path)
        if focal_px is None:
            _announce_assumption(self.folder)
            return Camera.from_fov(ASSUMED_FOV_X_DEG, width=width, height=height, name=name)
        return Camera(
            K=np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]]), width=width, height=height, name=name
        )

    def source(self, path: Path) -> str:
        """Where `camera` takes K for the picture at `path` from, in words."""
        if "fx" in self.said:
            return str(self.folder / "intrinsics.json")
        if (self.folder / "K.txt").exists():
            return str(self.folder / "K.txt")
        return f"assumed: a field of view of {ASSUMED_FOV_X_DEG:g} degrees" if exif_focal_px(path) is None else f"EXIF of {path.name}"


def calibration_of(folder: Path) -> Calibration:
    """The calibration that lies in `folder`. Raises UserError for a broken intrinsics.json."""
    path = folder / "intrinsics.json"
    if not path.exists():
        return Calibration(folder)
    said: Any = read_json(path)
    try:
        numbers = {name: float(said[name]) for name in KNOWN if name in said}
    except (TypeError, ValueError) as error:
        raise UserError(path, f"holds something else than numbers ({error})", f"write {', '.join(KNOWN)}") from error
    absent = [name for name in KNOWN[:4] if name not in numbers]
    if absent and len(absent) < 4:
        raise UserError(path, f"has no {', '.join(absent)}", "write fx, fy, cx and cy [px]")
    if not numbers or not all(0 < value < float("inf") for value in numbers.values()):
        raise UserError(path, "states nothing, or a number that is not positive", f"write {', '.join(KNOWN)}")
    return Calibration(folder, numbers)


@lru_cache(maxsize=256)
def _announce_assumption(folder: Path) -> None:
    """Once for each folder and process: a wrong field of view bends every point cloud, so nobody may miss it."""
    log.warning("%s: no intrinsics are known; a field of view of %g degrees is assumed", folder, ASSUMED_FOV_X_DEG)
