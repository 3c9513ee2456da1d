"""7-Scenes: Kinect video of seven rooms with poses by KinectFusion. Shotton et al., CVPR 2013.

ROOT/chess/seq-01/frame-000000.color.png, .depth.png, .pose.txt
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import numbered, read_counts, read_matrix, read_picture, rigid, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert

CARD = DatasetCard(
    kind="7scenes",
    summary="7-Scenes: Kinect video of seven rooms",
    needs="SCENE/seq-01/frame-000000.{color.png,depth.png,pose.txt}",
    layers=("depth", "cam_from_world"),
    splits="train, test, test-10th (every 10th frame of test), or a text file: SCENE/seq-01 or image paths",
    units="16-bit PNG, millimetres",
    invalid="65535 or 0",
    camera="published for the depth camera: f 585, centre (320, 240); colour is not registered to it",
    licence="Microsoft research licence (non-commercial)",
    get="microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes (one zip per scene, then those inside it)",
    status=FIXTURE_ONLY,
    counts={"train": 26000, "test": 17000, "test-10th": 1700},
)
CAMERA = "kinect"
TEST_SEQUENCES = {
    "chess": (3, 5),
    "fire": (3, 4),
    "heads": (1,),
    "office": (2, 6, 7, 9),
    "pumpkin": (1, 7),
    "redkitchen": (3, 4, 6, 12, 14),
    "stairs": (1, 4),
}
"""As in the TestSplit.txt of each scene; the others are for training."""
UNKNOWN = 65535


class SevenScenes:
    """Sequences below `root`. Raises UserError naming what was looked for when there are none."""

    MIN_DEPTH_M, MAX_DEPTH_M = 0.1, 10.0
    HEIGHT, WIDTH = 480, 640
    K = np.array([[585.0, 0.0, 320.0], [0.0, 585.0, 240.0], [0.0, 0.0, 1.0]])
    """Nominal [px]; its principal point is the middle of the image, which is (320, 240) in leadline's convention."""
    UNITS_PER_M = 1000.0
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self.moments: Sequence[Record] = [
            Record(sequence=folder.relative_to(root).as_posix(), frame=frame, cameras=(CAMERA,))
            for folder in sorted(root.glob("*/seq-*"))
            for frame in numbered(folder, r"frame-(\d{6})\.color\.png")
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no SCENE/seq-01/frame-000000.color.png")
        named = {"train": lambda record: not _is_test(record), "test": _is_test, "test-10th": _is_tenth}
        self.records = choose(split, self.moments, root=root, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"7scenes:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one frame. Raises UserError for a missing or broken file or one of another size."""
        path = self._image_path(record, camera)
        image = read_picture(path, height=self.HEIGHT, width=self.WIDTH)
        depth = cam_from_world = None
        if "depth" in layers:
            depth_path = _beside(path, "depth.png")
            counts = same_size(read_counts(depth_path), image, path=depth_path)
            depth = np.where(counts == UNKNOWN, 0, counts).astype(np.float32) / np.float32(self.UNITS_PER_M)
        if "cam_from_world" in layers:
            pose_path = _beside(path, "pose.txt")
            cam_from_world = invert(rigid(read_matrix(pose_path, rows=4, columns=4, what="pose"), path=pose_path))
        seen_by = Camera(K=self.K, width=self.WIDTH, height=self.HEIGHT, name=camera)
        return View(image=image, camera=seen_by, path=path, depth=depth, cam_from_world=cam_from_world)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"frame-{record.frame:06d}.color.png"


def _beside(image: Path, ending: str) -> Path:
    return image.with_name(f"{image.name.removesuffix('color.png')}{ending}")


def _is_test(record: Record) -> bool:
    scene, sequence = record.sequence.split("/")
    return sequence.removeprefix("seq-").isdigit() and int(sequence[4:]) in TEST_SEQUENCES.get(scene, ())


def _is_tenth(record: Record) -> bool:
    return _is_test(record) and record.frame % 10 == 0
