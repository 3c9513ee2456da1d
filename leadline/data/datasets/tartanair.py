"""TartanAir: rendered flights through worlds of every kind, two cameras. Wang et al., IROS 2020.

ROOT/ENVIRONMENT/Easy/P000/image_left/000000_left.png, depth_left/000000_left_depth.npy, pose_left.txt, and ..._right
A pose is `tx ty tz qx qy qz qw`: the camera in a world of x north, y east, z down, the camera itself looking along its x.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import numbered, read_picture, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert, pose_from_q_t
from leadline.io.depth import read_depth
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="tartanair",
    summary="TartanAir: rendered flights, two cameras",
    needs="ENVIRONMENT/{Easy,Hard}/P000/{image_left/000000_left.png,depth_left/000000_left_depth.npy,pose_left.txt}",
    layers=("depth", "cam_from_world"),
    splits="a text file: ENVIRONMENT/Easy/P000 or image paths",
    units=".npy float32, metres; poses north-east-down, turned to x right, y down, z forward",
    invalid="none (the sky is thousands of metres away)",
    camera="published: f 320, centre (320, 240)",
    licence="CC BY 4.0",
    get="theairlab.org/tartanair-dataset (image, depth, and the poses that come with them)",
    status=FIXTURE_ONLY,
)
CAMERAS = ("left", "right")
NED_FROM_CAM = np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""Forward, right, down of the published camera from right, down, forward of ours."""


class TartanAir:
    """Trajectories below `root`. Raises UserError naming what was looked for when there are none."""

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 80.0
    HEIGHT, WIDTH = 480, 640
    K = np.array([[320.0, 0.0, 320.0], [0.0, 320.0, 240.0], [0.0, 0.0, 1.0]])
    """90 degrees, centred: (320, 240) is the middle of the image in leadline's convention."""
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        # The archives unpack to ENVIRONMENT/ENVIRONMENT/Easy.
        paths = sorted(path for above in ("*", "*/*") for level in ("Easy", "Hard") for path in root.glob(f"{above}/{level}/P*"))
        self.moments: Sequence[Record] = [record for path in paths for record in self._trajectory(path)]
        if not self.moments:
            raise CARD.absent(root, "holds no ENVIRONMENT/Easy/P000/image_left/000000_left.png")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"tartanair:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file or one of another size."""
        folder, path = self._root / record.sequence, self._image_path(record, camera)
        image = read_picture(path, height=self.HEIGHT, width=self.WIDTH)
        depth = cam_from_world = None
        if "depth" in layers:
            depth_path = folder / f"depth_{camera}/{record.frame:06d}_{camera}_depth.npy"
            depth = same_size(read_depth(depth_path).values, image, path=depth_path)
        if "cam_from_world" in layers:
            pose_path = folder / f"pose_{camera}.txt"
            cam_from_world = _cam_from_world(_read_rows(pose_path), record.frame, pose_path)
        seen_by = Camera(K=self.K, width=self.WIDTH, height=self.HEIGHT, name=camera)
        return View(image=image, camera=seen_by, path=path, depth=depth, cam_from_world=cam_from_world)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"image_{camera}/{record.frame:06d}_{camera}.png"

    def _trajectory(self, folder: Path) -> list[Record]:
        cameras_of: dict[int, list[str]] = {}
        for camera in CAMERAS:
            for frame in numbered(folder / f"image_{camera}", rf"(\d{{6}})_{camera}\.png"):
                cameras_of.setdefault(frame, []).append(camera)
        sequence = folder.relative_to(self._root).as_posix()
        return [Record(sequence=sequence, frame=frame, cameras=tuple(cameras)) for frame, cameras in sorted(cameras_of.items())]


@lru_cache(maxsize=32)
def _read_rows(path: Path) -> np.ndarray:
    try:
        return np.loadtxt(existing_file(path, what="pose file"), ndmin=2).reshape(-1, 7)
    except ValueError as error:  # other than numbers, or no text
        raise UserError(path, f"is no list of poses ({error})", "give tx ty tz qx qy qz qw in each row") from error


def _cam_from_world(rows: np.ndarray, frame: int, path: Path) -> np.ndarray:
    if frame >= len(rows):
        raise UserError(path, f"has {len(rows)} rows, frame {frame} needs row {frame} (from 0)", "give the file of this trajectory")
    x, y, z, qx, qy, qz, qw = rows[frame]
    try:
        return invert(pose_from_q_t([qw, qx, qy, qz], [x, y, z]) @ NED_FROM_CAM)
    except ValueError as error:
        raise UserError(path, f"row {frame} is no pose ({error})", "copy the file again") from error
