"""A plain folder of your own: pictures and depth files that pair up by name.

ROOT/images/.../NAME.jpg with ROOT/depth/.../NAME.{png,npz,npy,exr,pfm,tiff}, or NAME.jpg beside NAME_depth.EXT
ROOT/intrinsics.json {"fx", "fy", "cx", "cy", "width", "height", "depth_scale"} or ROOT/K.txt (3x3 numbers), if known
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import ASSUMED_FOV_X_DEG, fitting_camera, pictures, read_matrix, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.depth import SUFFIXES, read_depth
from leadline.io.image import SUFFIXES as PICTURE_SUFFIXES
from leadline.io.image import exif_focal_px, read_image
from leadline.io.jsonfile import read_json
from leadline.types import DepthKind, UserError

log = logging.getLogger(__name__)

CARD = DatasetCard(
    kind="folder",
    summary="your own pictures and depth files, paired by name",
    needs="images/NAME.jpg with depth/NAME.{png,npz,npy,exr,pfm,tiff}, or NAME.jpg beside NAME_depth.EXT",
    layers=("depth",),
    splits="a text file: image paths",
    units="what the file or its sidecar states; else depth_scale of intrinsics.json (units per metre), 256 for a PNG, metres for floats",
    invalid="0, NaN or infinity",
    camera="the depth file's, intrinsics.json, K.txt (pixel centres at 0.5), else EXIF, else 60 degrees are assumed",
    licence="yours",
    get="put them there",
    status=ON_REAL_FILES,
)
CAMERA = "camera"
IMAGE_FOLDERS, DEPTH_FOLDERS = ("images", "image", "rgb"), ("depth", "depths")


class Folder:
    """Pairs below `root`. Raises UserError naming what was looked for, and for a picture without depth.

    Where no intrinsics are known, the first view says in the log that a field of view is assumed.
    """

    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self._assumed = False
        self._about = _read_about(root / "intrinsics.json")
        self._pairs = _paired(root)
        self.moments: Sequence[Record] = [
            Record(sequence=sequence, frame=frame, cameras=(CAMERA,))
            for sequence, pairs in self._pairs.items()
            for frame in range(len(pairs))
        ]
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"folder:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one pair. Raises UserError for a broken file, sizes that differ, or depth that is not metric."""
        path, depth_path = self._pairs[record.sequence][record.frame]
        image = read_image(path)
        depth = K = None
        if "depth" in layers:
            file = read_depth(depth_path, scale=self._about.get("depth_scale"))
            if file.kind is not DepthKind.METRIC:
                raise UserError(depth_path, f"holds {file.kind} values, not metres", "give metric depth, or evaluate it with --target")
            depth, K = same_size(file.values, image, path=depth_path), file.K
        return View(image=image, camera=self._camera(image, path, K, camera), path=path, depth=depth)

    def _camera(self, image: np.ndarray, path: Path, K: np.ndarray | None, name: str) -> Camera:
        height, width = image.shape[:2]
        if K is not None:
            return Camera(K=K, width=width, height=height, name=name)
        listed, table = self._root / "intrinsics.json", self._root / "K.txt"
        if "fx" in self._about:
            said = self._about
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
            if not self._assumed:
                log.warning("%s: no intrinsics are known; a field of view of %g degrees is assumed", path, ASSUMED_FOV_X_DEG)
            self._assumed = True
            return Camera.from_fov(ASSUMED_FOV_X_DEG, width=width, height=height, name=name)
        return Camera(
            K=np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]]), width=width, height=height, name=name
        )

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._pairs[record.sequence][record.frame][0]


def _paired(root: Path) -> dict[str, list[tuple[Path, Path]]]:
    """Pictures and their depth by the folder they lie in."""
    images = next((root / name for name in IMAGE_FOLDERS if (root / name).is_dir()), root)
    depths = next((root / name for name in DEPTH_FOLDERS if (root / name).is_dir()), root)
    apart = images != root and depths != root
    images, depths = (images, depths) if apart else (root, root)
    files = sorted(path for path in depths.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not apart:
        files = [path for path in files if path.stem.endswith("_depth")]
    depth_of: dict[Path, Path] = {}
    for file in files:
        key = file.parent.relative_to(depths) / file.stem.removesuffix("_depth")
        if key in depth_of:
            raise UserError(file, f"is the second depth of '{key}' beside {depth_of[key].name}", "keep one of them")
        depth_of[key] = file
    pairs: dict[str, list[tuple[Path, Path]]] = {}
    for image in pictures(images):
        if image in files:
            continue
        key = image.relative_to(images).with_suffix("")
        if key not in depth_of:
            place = f"{depths.name}/{key}" if apart else f"{key}_depth"
            raise UserError(image, "has no depth of its name", f"put {place}.EXT there ({' '.join(SUFFIXES)}), or remove the picture")
        pairs.setdefault(image.parent.relative_to(root).as_posix(), []).append((image, depth_of[key]))
    if not pairs:
        raise CARD.absent(root, f"holds no picture ({' '.join(PICTURE_SUFFIXES)})")
    return pairs


def _read_about(path: Path) -> dict[str, float]:
    """The numbers of intrinsics.json; {} without it."""
    if not path.exists():
        return {}
    said: Any = read_json(path)
    known = ("fx", "fy", "cx", "cy", "width", "height", "depth_scale")
    try:
        numbers = {name: float(said[name]) for name in known if name in said}
    except (TypeError, ValueError) as error:
        raise UserError(path, f"holds something else than numbers ({error})", f"write {', '.join(known)}") from error
    absent = [name for name in known[:4] if name not in numbers]
    if absent and len(absent) < 4:
        raise UserError(path, f"has no {', '.join(absent)}", "write fx, fy, cx and cy [px]")
    if not numbers or not all(0 < value < float("inf") for value in numbers.values()):
        raise UserError(path, "states nothing, or a number that is not positive", f"write {', '.join(known)}")
    return numbers
