"""A plain folder of your own: pictures and depth files that pair up by name.

ROOT/images/.../NAME.jpg with ROOT/depth/.../NAME.{png,npz,npy,exr,pfm,tiff}, or NAME.jpg beside NAME_depth.EXT
ROOT/intrinsics.json {"fx", "fy", "cx", "cy", "width", "height", "depth_scale"} or ROOT/K.txt (3x3 numbers), if known
"""

from collections.abc import Sequence
from pathlib import Path

from leadline.data.calibration import calibration_of
from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import pictures, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.depth import SUFFIXES, read_depth
from leadline.io.image import SUFFIXES as PICTURE_SUFFIXES
from leadline.io.image import read_image
from leadline.types import DepthKind, UserError

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
        self._calibration = calibration_of(root)
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
            file = read_depth(depth_path, scale=self._calibration.said.get("depth_scale"))
            if file.kind is not DepthKind.METRIC:
                raise UserError(depth_path, f"holds {file.kind} values, not metres", "give metric depth, or evaluate it with --target")
            depth, K = same_size(file.values, image, path=depth_path), file.K
        if K is None:
            seen_by = self._calibration.camera(image, path=path, name=camera)
        else:
            seen_by = Camera(K=K, width=image.shape[1], height=image.shape[0], name=camera)
        return View(image=image, camera=seen_by, path=path, depth=depth)

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
