"""DIODE: pictures and dense depth of one laser scanner, indoors and outdoors. Vasiljevic et al., arXiv 1908.00463.

ROOT/val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010.png, ..._depth.npy, ..._depth_mask.npy
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import read_picture, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.depth import read_depth
from leadline.io.depth_array import read_array
from leadline.io.source import existing_file

CARD = DatasetCard(
    kind="diode",
    summary="DIODE: laser scans indoors and outdoors",
    needs="val/{indoors,outdoor}/scene_*/scan_*/NAME.png with NAME_depth.npy and NAME_depth_mask.npy",
    layers=("depth",),
    splits="train, val, val-indoor, val-outdoor, or a text file: image paths",
    units=".npy float32, metres",
    invalid="0 in the mask file",
    camera="published: fx 886.81, fy 927.06, centre (512, 384)",
    licence="MIT",
    get="diode-dataset.org (val.tar.gz, 2.6 GB; train.tar.gz, 81 GB)",
    status=FIXTURE_ONLY,
    counts={"train": 25458, "val": 771, "val-indoor": 325, "val-outdoor": 446},
)
CAMERA = "scanner"


class Diode:
    """Crops of the scans below `root`. Raises UserError naming what was looked for when there are none."""

    MIN_DEPTH_M, MAX_DEPTH_M = 0.6, 350.0
    HEIGHT, WIDTH = 768, 1024
    K = np.array([[886.81, 0.0, 512.0], [0.0, 927.06, 384.0], [0.0, 0.0, 1.0]])
    """Of the virtual camera that cut the crops [px]; its centre is the middle of the image."""
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        names: dict[str, list[str]] = {}
        for path in sorted(root.rglob("*.png")):
            names.setdefault(path.parent.relative_to(root).as_posix(), []).append(path.name)
        self._names = names
        self.moments: Sequence[Record] = [
            Record(sequence=folder, frame=frame, cameras=(CAMERA,)) for folder, of_scan in names.items() for frame in range(len(of_scan))
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no picture")
        named = {
            "train": lambda record: self._is_of(record, "train"),
            "val": lambda record: self._is_of(record, "val"),
            "val-indoor": lambda record: self._is_of(record, "val", "indoor"),
            "val-outdoor": lambda record: self._is_of(record, "val", "outdoor"),
        }
        self.records = choose(split, self.moments, root=root, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"diode:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one crop. Raises UserError for a missing or broken file or one of another size."""
        path = self._image_path(record, camera)
        image = read_picture(path, height=self.HEIGHT, width=self.WIDTH)
        depth = None
        if "depth" in layers:
            depth_path, mask_path = (path.with_name(f"{path.stem}_{ending}.npy") for ending in ("depth", "depth_mask"))
            metres = same_size(read_depth(depth_path).values, image, path=depth_path)
            measured = same_size(read_array(existing_file(mask_path, what="mask")).values, image, path=mask_path) > 0.5
            depth = np.where(measured, metres, np.float32(0))
        return View(image=image, camera=Camera(K=self.K, width=self.WIDTH, height=self.HEIGHT, name=camera), path=path, depth=depth)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / self._names[record.sequence][record.frame]

    def _is_of(self, record: Record, *parts: str) -> bool:
        """The folder that was given may itself be val/ or val/indoors/."""
        folders = (*self._root.resolve().parts[-2:], *record.sequence.split("/"))
        return all(any(folder == part or folder == f"{part}s" for folder in folders) for part in parts)
