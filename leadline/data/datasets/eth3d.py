"""ETH3D, high-resolution multi-view: photos of a DSLR with laser-scanned depth. Schoeps et al., CVPR 2017.

ROOT/SCENE/images/dslr_images/DSC_0286.JPG, ground_truth_depth/dslr_images/DSC_0286.JPG (raw float32, no JPEG),
    dslr_calibration_jpg/cameras.txt and images.txt (COLMAP)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import pictures
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.geometry.pose import pose_from_q_t
from leadline.io.image import read_image
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="eth3d",
    summary="ETH3D: 24-megapixel photos, laser-scanned depth",
    needs="SCENE/{images/dslr_images/*.JPG,ground_truth_depth/dslr_images/*.JPG,dslr_calibration_jpg/{cameras,images}.txt}",
    layers=("depth", "cam_from_world"),
    splits="a text file: scenes or image paths",
    units="raw little-endian float32, metres, 4032x6048 rows first",
    invalid="infinity",
    camera="COLMAP, pixel centres at (0.5, 0.5); the lens distortion of the original photos is left out",
    licence="CC BY-NC-SA 4.0",
    get="eth3d.net/datasets (SCENE_dslr_jpg.7z and SCENE_dslr_depth.7z, unpacked into one folder)",
    status=FIXTURE_ONLY,
    counts={"train": 454},
)
CAMERA = "dslr"
_NUM_FOCALS = {"SIMPLE_PINHOLE": 1, "SIMPLE_RADIAL": 1, "SIMPLE_RADIAL_FISHEYE": 1, "RADIAL": 1, "RADIAL_FISHEYE": 1}
"""COLMAP models with one focal length; the others begin with fx, fy, cx, cy."""


@dataclass(frozen=True)
class Photo:
    """What COLMAP's files know about one photo."""

    K: np.ndarray
    height: int
    width: int
    cam_from_world: np.ndarray


class Eth3d:
    """Scenes below `root`. Raises UserError naming what was looked for when there are none."""

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-5, float("inf")
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self._names = {
            folder.parents[1].name: [path.name for path in pictures(folder)] for folder in sorted(root.glob("*/images/dslr_images"))
        }
        self.moments: Sequence[Record] = [
            Record(sequence=scene, frame=frame, cameras=(CAMERA,)) for scene, names in self._names.items() for frame in range(len(names))
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no SCENE/images/dslr_images/*.JPG")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"eth3d:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one photo. Raises UserError for a missing or broken file, or sizes that differ."""
        scene, path = self._root / record.sequence, self._image_path(record, camera)
        calibration = scene / "dslr_calibration_jpg"
        photo = _photos(calibration).get(path.name)
        if photo is None:
            raise UserError(calibration / "images.txt", f"does not list {path.name}", "give the calibration of this scene")
        image = read_image(path)
        if image.shape[:2] != (photo.height, photo.width):
            wrong = f"is {image.shape[1]}x{image.shape[0]}, its calibration is for {photo.width}x{photo.height}"
            raise UserError(path, wrong, "give the photos at their original size")
        depth_path = scene / "ground_truth_depth/dslr_images" / path.name
        return View(
            image=image,
            camera=Camera(K=photo.K, width=photo.width, height=photo.height, name=camera),
            path=path,
            depth=read_raw_depth(depth_path, height=photo.height, width=photo.width) if "depth" in layers else None,
            cam_from_world=photo.cam_from_world if "cam_from_world" in layers else None,
        )

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / "images/dslr_images" / self._names[record.sequence][record.frame]


def read_raw_depth(path: Path, *, height: int, width: int) -> np.ndarray:
    """Depth float32 (height, width) [m] of a headerless file, 0 where unknown. Raises UserError for another size."""
    size = existing_file(path, what="depth map").stat().st_size
    if size != 4 * height * width:
        raise UserError(
            path, f"has {size} bytes, {width}x{height} float32 are {4 * height * width}", "copy the file again, or unpack the depth"
        )
    depth = np.fromfile(path, dtype="<f4").reshape(height, width)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


@lru_cache(maxsize=16)
def _photos(calibration: Path) -> dict[str, Photo]:
    """Photos of one scene by file name."""
    cameras: dict[str, tuple[np.ndarray, int, int]] = {}
    path = calibration / "cameras.txt"
    for line in _lines(path):
        try:
            number, model, width, height, *parameters = line.split()
            cameras[number] = _K(model, [float(value) for value in parameters]), int(height), int(width)
        except (ValueError, IndexError) as error:
            raise UserError(path, f"has the line '{line[:60]}' ({error})", "copy the file again") from error
    photos: dict[str, Photo] = {}
    path = calibration / "images.txt"
    # Every second line lists the points that the photo sees; it may be empty.
    for line in [line for at, line in enumerate(_lines(path, keep_empty=True)) if at % 2 == 0 and line]:
        try:
            _, qw, qx, qy, qz, x, y, z, number, name = line.split(maxsplit=9)
            pose = pose_from_q_t([float(value) for value in (qw, qx, qy, qz)], [float(value) for value in (x, y, z)])
            K, height, width = cameras[number]
        except (ValueError, KeyError) as error:
            raise UserError(path, f"has the line '{line[:60]}' ({error})", "copy the file again") from error
        photos[name.rpartition("/")[2]] = Photo(K=K, height=height, width=width, cam_from_world=pose)
    return photos


def _lines(path: Path, *, keep_empty: bool = False) -> Iterator[str]:
    with existing_file(path, what="calibration").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.startswith("#") and (keep_empty or line.strip()):
                yield line.strip()


def _K(model: str, parameters: list[float]) -> np.ndarray:
    num_focals = _NUM_FOCALS.get(model, 2)
    fx, fy, cx, cy = parameters[0], parameters[num_focals - 1], parameters[num_focals], parameters[num_focals + 1]
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
