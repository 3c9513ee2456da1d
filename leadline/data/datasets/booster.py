"""Booster: tables with glass, mirrors and metal, whose disparity was measured after painting. Zama Ramirez et al., CVPR 2022.

ROOT/[train/]balanced/SCENE/camera_00/im0.png, im1.png, ... (illuminations), disp_00.npy, calib_00-02.xml, mask_cat.png
depth [m] = fx [px] * baselineLR [mm] / 1000 / disparity [px]
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import fitting_camera, numbered, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import from_integer_centres
from leadline.io.depth import read_depth
from leadline.io.image import read_image, read_labels
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="booster",
    summary="Booster: transparent and mirroring objects, disparity at 12 megapixels",
    needs="train/balanced/SCENE/{camera_00/im0.png,disp_00.npy,calib_00-02.xml,mask_cat.png}",
    layers=("depth", "classes"),
    splits="a text file: scenes or image paths",
    units=".npy, disparity in pixels at 4112x3008; classes 0 to 3 from opaque to transparent or mirror (ToM = 2, 3)",
    invalid="0 or infinity",
    camera="proj_matL of calib_00-02.xml, integer pixel centres",
    licence="stated on its page",
    get="cvlab-unibo.github.io/booster-web (Booster dataset, training split; its test split has no ground truth)",
    status=FIXTURE_ONLY,
    counts={"train": 228},
)
CAMERA = "camera_00"
TRANSPARENT_OR_MIRROR = (2, 3)
"""Classes that Booster's tables call ToM; 0 and 1 are "Other"."""


class Booster:
    """Scenes below `root`, one record per illumination. Raises UserError naming what was looked for without any.

    Layers have the full size; published tables take a quarter of it. `classes` is a layer where every scene has it.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 10.0

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        patterns = ("disp_00.npy", "*/disp_00.npy", "balanced/*/disp_00.npy", "train/balanced/*/disp_00.npy")
        scenes = sorted({path.parent for pattern in patterns for path in root.glob(pattern)})
        self.moments: Sequence[Record] = [
            Record(sequence=scene.relative_to(root).as_posix(), frame=frame, cameras=(CAMERA,))
            for scene in scenes
            for frame in numbered(scene / CAMERA, r"im(\d+)\.png")
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no SCENE/disp_00.npy with SCENE/camera_00/im0.png")
        has_classes = all((scene / "mask_cat.png").exists() for scene in scenes)
        self.layers = frozenset({"depth", "classes"} if has_classes else {"depth"})
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"booster:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file or sizes that differ."""
        scene, path = self._root / record.sequence, self._image_path(record, camera)
        image = read_image(path)
        calibration = scene / "calib_00-02.xml"
        K, baseline_m = read_calibration(calibration)
        depth = classes = None
        if "depth" in layers:
            disparity_path = scene / "disp_00.npy"
            disparity = same_size(read_depth(disparity_path).values, image, path=disparity_path)
            depth = np.divide(K[0, 0] * baseline_m, disparity, out=np.zeros_like(disparity), where=disparity > 0)
        if "classes" in layers:
            classes = same_size(read_labels(scene / "mask_cat.png"), image, path=scene / "mask_cat.png").astype(np.uint8)
        seen_by = fitting_camera(from_integer_centres(K), image, path=path, subject=calibration, name=camera)
        return View(image=image, camera=seen_by, path=path, depth=depth, classes=classes)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / CAMERA / f"im{record.frame}.png"


@lru_cache(maxsize=64)
def read_calibration(path: Path) -> tuple[np.ndarray, float]:
    """K (3, 3) [px] of the left camera, integer pixel centres, and the baseline [m] of an OpenCV calibration file.

    Raises UserError when it is no such file or a number is missing.
    """
    text = existing_file(path, what="calibration").read_text(encoding="utf-8", errors="replace")
    try:
        tree = ElementTree.fromstring(text)
        projection = np.array((tree.findtext("proj_matL/data") or "").split(), dtype=np.float64).reshape(3, 4)
        baseline_m = float(tree.findtext("baselineLR") or "") / 1000.0
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(path, f"is no Booster calibration ({error})", "it holds proj_matL (3x4) and baselineLR [mm]") from error
    if not (np.isfinite(projection).all() and 0 < baseline_m < float("inf")):
        raise UserError(path, "holds NaN, infinity or no baseline", "copy the file again")
    return projection[:, :3], baseline_m
