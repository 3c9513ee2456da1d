"""HRWSI: stereo photos of the web with relative disparity by optical flow. Xian et al., CVPR 2020.

ROOT/train/{imgs/NAME.jpg,gts/NAME.png,valid_masks/NAME.png}, ROOT/val/...
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import ASSUMED_FOV_X_DEG, pictures, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.image import read_image, read_labels

CARD = DatasetCard(
    kind="hrwsi",
    summary="HRWSI: web stereo photos, relative disparity",
    needs="train/{imgs/NAME.jpg,gts/NAME.png,valid_masks/NAME.png}, val/...",
    layers=("inverse_depth",),
    splits="train, val, or a text file: image paths",
    units="PNG, disparity up to scale and shift, spread over the range of the integers",
    invalid="not 255 in valid_masks",
    camera="none published: 60 degrees are assumed",
    licence="not stated: ask its authors",
    get="github.com/KexianHust/Structure-Guided-Ranking-Loss",
    status=FIXTURE_ONLY,
    counts={"train": 20378, "val": 400},
)
CAMERA = "photo"
VALID = 255


class Hrwsi:
    """Photos below `root`. Raises UserError naming what was looked for when there are none.

    The stored value v becomes (v + 1) / (range + 1): as good up to scale and shift, and the farthest pixels, stored as 0,
    stay apart from the unknown ones.
    """

    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self._names = {part: [path.name for path in pictures(root / part / "imgs")] for part in ("train", "val")}
        self.moments: Sequence[Record] = [
            Record(sequence=part, frame=frame, cameras=(CAMERA,)) for part, names in self._names.items() for frame in range(len(names))
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no picture in train/imgs or val/imgs")
        named = {part: lambda record, part=part: record.sequence == part for part in self._names}
        self.records = choose(split, self.moments, root=root, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"hrwsi:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one photo. Raises UserError for a missing or broken file or sizes that differ."""
        path = self._image_path(record, camera)
        image = read_image(path)
        inverse_depth = None
        if "inverse_depth" in layers:
            truth_path, mask_path = (path.parents[1] / folder / f"{path.stem}.png" for folder in ("gts", "valid_masks"))
            stored = same_size(read_labels(truth_path), image, path=truth_path)
            valid = same_size(read_labels(mask_path), image, path=mask_path) == VALID
            whole = np.float32(np.iinfo(stored.dtype).max + 1)
            inverse_depth = np.where(valid, (stored.astype(np.float32) + 1) / whole, np.float32(0))
        height, width = image.shape[:2]
        seen_by = Camera.from_fov(ASSUMED_FOV_X_DEG, width=width, height=height, name=camera)
        return View(image=image, camera=seen_by, path=path, inverse_depth=inverse_depth)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / "imgs" / self._names[record.sequence][record.frame]
