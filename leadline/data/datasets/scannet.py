"""ScanNet v2: hand-held RGB-D video of rooms with poses, as exported by SensReader. Dai et al., CVPR 2017.

ROOT/[scans/]scene0000_00/color/0.jpg (1296x968), depth/0.png (640x480), pose/0.txt,
intrinsic/intrinsic_depth.txt and intrinsic_color.txt
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import fitting_camera, numbered, read_counts, read_matrix, rigid
from leadline.data.splits import choose
from leadline.geometry.camera import from_integer_centres
from leadline.geometry.pose import invert
from leadline.io.image import image_size, read_image
from leadline.types import UserError

CARD = DatasetCard(
    kind="scannet",
    summary="ScanNet v2: hand-held RGB-D video of rooms",
    needs="scene0000_00/{color/0.jpg,depth/0.png,pose/0.txt,intrinsic/intrinsic_depth.txt}, below scans/ or not",
    layers=("depth", "cam_from_world"),
    splits="a text file: scenes (scannetv2_val.txt) or image paths",
    units="16-bit PNG, millimetres; 640x480, to which pictures are resized",
    invalid="0",
    camera="intrinsic_depth.txt of each scene",
    licence="ScanNet terms of use (non-commercial research)",
    get="scan-net.org (agreement by mail), then SensReader with --export_color_images and the rest",
    status=FIXTURE_ONLY,
    counts={"train scenes": 1201, "validation scenes": 312, "test scenes": 100, "reflection test": 121, "reflection validation": 439},
)
CAMERA = "sensor"


class ScanNet:
    """Scenes below `root`. Raises UserError naming what was looked for when there are none.

    Views have the size and K of the depth camera. The colour camera looks through nearly the same point, and the pictures
    are resized to the depth map as published evaluations do; the two then differ by less than a pixel.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 10.0
    UNITS_PER_M = 1000.0
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        scenes = sorted({folder.parent for pattern in ("scene*/color", "*/scene*/color") for folder in root.glob(pattern)})
        if not scenes:
            raise CARD.absent(root, "holds no scene with color/")
        self.moments: Sequence[Record] = [
            Record(sequence=scene.relative_to(root).as_posix(), frame=frame, cameras=(CAMERA,))
            for scene in scenes
            for frame in numbered(scene / "color", r"(\d+)\.jpg")
        ]
        if not self.moments:
            raise CARD.absent(root, "its scenes hold no picture NUMBER.jpg in color/")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"scannet:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one frame. Raises UserError for a broken or missing file, and for the pose of a frame that lost its way."""
        scene, path = self._root / record.sequence, self._image_path(record, camera)
        calibration = scene / "intrinsic/intrinsic_depth.txt"
        depth_path = scene / f"depth/{record.frame}.png"
        image = _resized(read_image(path), *image_size(depth_path), path=path)
        K = from_integer_centres(_intrinsics(calibration)[:3, :3])
        pose_path = scene / f"pose/{record.frame}.txt"
        return View(
            image=image,
            camera=fitting_camera(K, image, path=depth_path, subject=calibration, name=camera),
            path=path,
            depth=read_counts(depth_path).astype(np.float32) / np.float32(self.UNITS_PER_M) if "depth" in layers else None,
            cam_from_world=_cam_from_world(pose_path) if "cam_from_world" in layers else None,
        )

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"color/{record.frame}.jpg"


def _resized(image: np.ndarray, height: int, width: int, *, path: Path) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    if abs(image.shape[1] * height / (image.shape[0] * width) - 1) > 0.02:
        wrong = f"is {image.shape[1]}x{image.shape[0]}, another shape than its {width}x{height} depth"
        raise UserError(path, wrong, "export colour and depth of one scene again")
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


@lru_cache(maxsize=16)
def _intrinsics(path: Path) -> np.ndarray:
    return read_matrix(path, rows=4, columns=4, what="matrix of intrinsics")


def _cam_from_world(path: Path) -> np.ndarray:
    return invert(rigid(read_matrix(path, rows=4, columns=4, what="pose"), path=path))
