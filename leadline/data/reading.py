"""What several readers ask of a file: pictures of the size their K is for, 16-bit counts, matrices in text, paths that stay inside."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from leadline.geometry.camera import Camera
from leadline.io.image import SUFFIXES, read_image, read_labels
from leadline.io.source import existing_file
from leadline.types import UserError

ASSUMED_FOV_X_DEG = 60.0
"""Horizontal field of view where a data set publishes no intrinsics; its points in space then mean little."""
RESIZED = 0.15
"""Twice the principal point, as a share of the sides of the image, is so far from 1 where the calibration is for another resolution."""
SAME_FACTOR = 0.1
"""How much the shares of height and width then differ at most: a lens's centre is off by a twentieth at most (our defaults)."""


def path_inside(root: Path, name: object, *, listed_in: str | Path) -> Path:
    """`root` / `name` for a name that a file lists. Raises UserError when it is no relative path or climbs out of `root`.

    Links are left alone: people keep recordings on several disks.
    """
    relative = PurePosixPath(name) if isinstance(name, str) else PurePosixPath()
    if not relative.parts or relative.is_absolute() or ".." in relative.parts or "\\" in str(name):
        raise UserError(listed_in, f"names the file {name!r}, which is not below {root}", "list paths relative to the data set's folder")
    return root / relative


def numbered(folder: Path, pattern: str) -> list[int]:
    """Numbers of the files in `folder` whose whole name matches `pattern` with one group of digits, ascending; [] without it."""
    matches = (re.fullmatch(pattern, name) for name in (os.listdir(folder) if folder.is_dir() else []))
    return sorted(int(match[1]) for match in matches if match)


def pictures(folder: Path) -> Iterator[Path]:
    """Pictures anywhere below `folder`, sorted."""
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)


def read_picture(path: Path, *, height: int, width: int, known: str = "the intrinsics are") -> np.ndarray:
    """Image uint8 (height, width, 3). Raises UserError when it has another size than what is `known` of its camera is for."""
    image = read_image(path)
    if image.shape[:2] != (height, width):
        wrong = f"is {image.shape[1]}x{image.shape[0]}, {known} for {width}x{height}"
        raise UserError(path, wrong, "give the pictures at their original size")
    return image


def fitting_camera(K: np.ndarray, image: np.ndarray, *, path: Path, subject: Path, name: str) -> Camera:
    """The camera of `image` with K [px] from the file `subject`. Raises UserError when K is for another size or no K at all.

    A calibration without a size betrays it by its principal point, which a camera has in the middle half of its image, and by how:
    cut pictures have it aside in one direction, another resolution moves it by one factor in both.
    """
    height, width = image.shape[:2]
    camera = Camera(K=K, width=width, height=height, name=str(subject))
    factors = np.array([2 * K[0, 2] / width, 2 * K[1, 2] / height])
    outside = (np.abs(factors - 1) >= 0.5).any()
    resized = (np.abs(factors - 1) > RESIZED).all() and np.ptp(factors) < SAME_FACTOR * factors.mean()
    if outside or resized:
        wrong = f"is {width}x{height}, but {subject.name} puts the principal point at ({K[0, 2]:.1f}, {K[1, 2]:.1f})"
        raise UserError(path, wrong, "give the pictures and the calibration of one size")
    return Camera(K=camera.K, width=width, height=height, name=name)


def read_counts(path: Path) -> np.ndarray:
    """Integers uint16 (h, w) of a 16-bit PNG. Raises UserError for 8 bits, which would still look like a depth map."""
    counts = read_labels(path)
    if counts.dtype != np.uint16:
        raise UserError(path, "has 8 bits, depth needs 16", "take the original file; some tool has thinned it")
    return counts


def read_matrix(path: Path, *, rows: int, columns: int, what: str) -> np.ndarray:
    """Matrix float64 of a text file of numbers. Raises UserError when it has another number of them, or one is not finite."""
    try:
        words = existing_file(path, what=what).read_text(encoding="utf-8").split()
        values = np.array(words, dtype=np.float64)
    except ValueError as error:  # what is no number, or no text at all
        raise UserError(path, f"is no {what} ({error})", f"give {rows}x{columns} numbers") from error
    if values.size != rows * columns:
        raise UserError(path, f"has {values.size} numbers, a {what} has {rows}x{columns}", "copy the file again")
    if not np.isfinite(values).all():
        raise UserError(
            path, f"is a {what} with NaN or infinity", "leave this frame out: it has no known pose" if what == "pose" else "copy it"
        )
    return values.reshape(rows, columns)


def rigid(pose: np.ndarray, *, path: Path) -> np.ndarray:
    """`pose` (4, 4) when it is a rotation and a translation. Raises UserError otherwise: a mirrored world gives no error later."""
    rotation = pose[:3, :3]
    if not np.isfinite(pose).all() or np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-2 or np.linalg.det(rotation) < 0:
        raise UserError(path, "holds a pose whose 3x3 part is no rotation", "copy the file again")
    return pose


def same_size(layer: np.ndarray, image: np.ndarray, *, path: Path) -> np.ndarray:
    """`layer`, which the file `path` holds. Raises UserError when it has another size than its picture."""
    if layer.shape[:2] != image.shape[:2]:
        wrong = f"is {layer.shape[1]}x{layer.shape[0]}, its picture {image.shape[1]}x{image.shape[0]}"
        raise UserError(path, wrong, "give both at one size")
    return layer
