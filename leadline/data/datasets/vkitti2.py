"""Virtual KITTI 2: five KITTI drives rendered in ten conditions by two cameras. Cabon et al., arXiv 2001.10773.

ROOT/Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg, frames/depth/Camera_0/depth_00000.png
    .../extrinsic.txt: frame cameraID and the 16 numbers of cam_from_world; intrinsic.txt: frame cameraID fx fy cx cy
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import fitting_camera, numbered, read_counts, rigid, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import from_integer_centres
from leadline.io.image import read_image
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="vkitti2",
    summary="Virtual KITTI 2: rendered drives, two cameras, ten conditions",
    needs="Scene01/clone/{frames/rgb/Camera_0/rgb_00000.jpg,frames/depth/Camera_0/depth_00000.png,extrinsic.txt,intrinsic.txt}",
    layers=("depth", "cam_from_world"),
    splits="a text file: Scene01/clone or image paths",
    units="16-bit PNG, centimetres",
    invalid="65535 (sky, 655.35 m) or 0",
    camera="intrinsic.txt, integer pixel centres",
    licence="CC BY-NC-SA 3.0",
    get="europe.naverlabs.com/proxy-virtual-worlds-vkitti-2 (vkitti_2.0.3 rgb, depth, textgt)",
    status=FIXTURE_ONLY,
    counts={"all": 42520},
)
CAMERAS = ("Camera_0", "Camera_1")
SKY = 65535


class VirtualKitti2:
    """Drives below `root`, one sequence per scene and condition. Raises UserError naming what was looked for without any."""

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 80.0
    UNITS_PER_M = 100.0
    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        drives = sorted(path.parents[1] for path in root.glob("Scene*/*/frames/rgb"))
        self.moments: Sequence[Record] = [record for drive in drives for record in self._drive(drive)]
        if not self.moments:
            raise CARD.absent(root, "holds no Scene01/CONDITION/frames/rgb/Camera_0/rgb_00000.jpg")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"vkitti2:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file, or a frame that the calibration does not list."""
        drive, path, key = self._root / record.sequence, self._image_path(record, camera), (record.frame, CAMERAS.index(camera))
        image = read_image(path)
        calibration, poses = drive / "intrinsic.txt", drive / "extrinsic.txt"
        fx, fy, cx, cy = _row(_table(calibration, 4), key, calibration)
        K = from_integer_centres(np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]))
        cam_from_world = depth = None
        if "cam_from_world" in layers:
            cam_from_world = rigid(_row(_table(poses, 16), key, poses).reshape(4, 4), path=poses)
        if "depth" in layers:
            depth_path = drive / f"frames/depth/{camera}/depth_{record.frame:05d}.png"
            counts = same_size(read_counts(depth_path), image, path=depth_path)
            depth = np.where(counts == SKY, 0, counts).astype(np.float32) / np.float32(self.UNITS_PER_M)
        seen_by = fitting_camera(K, image, path=path, subject=calibration, name=camera)
        return View(image=image, camera=seen_by, path=path, depth=depth, cam_from_world=cam_from_world)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"frames/rgb/{camera}/rgb_{record.frame:05d}.jpg"

    def _drive(self, drive: Path) -> list[Record]:
        cameras_of: dict[int, list[str]] = {}
        for camera in CAMERAS:
            for frame in numbered(drive / "frames/rgb" / camera, r"rgb_(\d{5})\.jpg"):
                cameras_of.setdefault(frame, []).append(camera)
        sequence = drive.relative_to(self._root).as_posix()
        return [Record(sequence=sequence, frame=frame, cameras=tuple(cameras)) for frame, cameras in sorted(cameras_of.items())]


@lru_cache(maxsize=32)
def _table(path: Path, num_values: int) -> dict[tuple[int, int], np.ndarray]:
    """Rows of a text file by (frame, camera); its first line names the columns."""
    lines = existing_file(path, what="calibration").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    rows: dict[tuple[int, int], np.ndarray] = {}
    for number, line in enumerate(lines, start=2):
        words = line.split()
        try:
            if not words:
                continue
            values = np.array(words[2:], dtype=np.float64)
            if values.size != num_values or not np.isfinite(values).all():
                raise ValueError(f"it needs {num_values} finite numbers after frame and camera")
            rows[int(words[0]), int(words[1])] = values
        except (ValueError, IndexError) as error:
            raise UserError(path, f"line {number} is broken ({error})", "copy the file again") from error
    return rows


def _row(table: dict[tuple[int, int], np.ndarray], key: tuple[int, int], path: Path) -> np.ndarray:
    if key not in table:
        raise UserError(path, f"has no row for frame {key[0]} of camera {key[1]}", "give the file of this drive")
    return table[key]
