"""IRS: rendered rooms for robots, stereo. Wang et al., ICME 2021, arXiv 1912.09678.

ROOT/{Home,Office,Restaurant,Store}/.../l_00001.png or l_1.png (left), d_00001.exr or d_1.exr (its disparity [px])
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import read_picture, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.depth import read_depth

CARD = DatasetCard(
    kind="irs",
    summary="IRS: rendered rooms, stereo disparity",
    needs="{Home,Office,Restaurant,Store}/.../{l_1.png,d_1.exr}",
    layers=("depth",),
    splits="a text file: folders or image paths, such as the published lists",
    units="EXR, disparity in pixels; depth = 480 px x 0.1 m / disparity",
    invalid="0",
    camera="published: f 480, the middle of 960x540",
    licence="not stated: ask its authors",
    get="github.com/HKBU-HPML/IRS",
    status=FIXTURE_ONLY,
    counts={"all": 103316, "home": 31145, "office": 43417, "restaurant": 22058, "store": 6696},
)
CAMERA = "left"
_LEFT = re.compile(r"l_(\d+)\.png")


class Irs:
    """Scenes below `root`, left cameras. Raises UserError naming what was looked for when there are none."""

    MIN_DEPTH_M, MAX_DEPTH_M = 0.1, 50.0
    HEIGHT, WIDTH = 540, 960
    BASELINE_M = 0.1
    K = np.array([[480.0, 0.0, 480.0], [0.0, 480.0, 270.0], [0.0, 0.0, 1.0]])
    """Published centre ((w - 1) / 2, (h - 1) / 2) for integer pixel centres: the middle of the image here."""
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self._digits: dict[tuple[str, int], str] = {}
        for folder, _, names in os.walk(root):
            for digits in (match[1] for match in map(_LEFT.fullmatch, names) if match):
                self._digits[Path(folder).relative_to(root).as_posix(), int(digits)] = digits
        self.moments: Sequence[Record] = [Record(sequence=scene, frame=frame, cameras=(CAMERA,)) for scene, frame in sorted(self._digits)]
        if not self.moments:
            raise CARD.absent(root, "holds no picture l_1.png")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"irs:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file or one of another size."""
        path = self._image_path(record, camera)
        image = read_picture(path, height=self.HEIGHT, width=self.WIDTH)
        depth = None
        if "depth" in layers:
            disparity_path = path.with_name(f"d_{self._digits[record.sequence, record.frame]}.exr")
            disparity = same_size(read_depth(disparity_path).values, image, path=disparity_path)
            depth = np.divide(self.K[0, 0] * self.BASELINE_M, disparity, out=np.zeros_like(disparity), where=disparity > 0)
        return View(image=image, camera=Camera(K=self.K, width=self.WIDTH, height=self.HEIGHT, name=camera), path=path, depth=depth)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"l_{self._digits[record.sequence, record.frame]}.png"
