"""KITTI raw: drives of two colour cameras with LiDAR depth, GPS/IMU poses and the stereo baseline.

ROOT/2011_09_26/calib_cam_to_cam.txt, calib_velo_to_cam.txt, calib_imu_to_velo.txt
ROOT/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000000.png, image_03/..., oxts/data/*.txt
    .../proj_depth/velodyne/image_02/0000000000.npz, or .../velodyne_points/data/0000000000.bin
    .../proj_depth/groundtruth/image_02/0000000005.png     improved depth (Uhrig et al., 3DV 2017): 256 units per metre, 0 = none;
ROOT/{train,val}/2011_09_26_drive_0001_sync/proj_depth/...  is where its archive, data_depth_annotated.zip, has it

Published: Eigen's test list has 697 images, of which 652 have improved depth: the first and last five frames of a drive do not.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.datasets.kitti.raw import (
    CAMERA_NUMBERS,
    GET_IMPROVED,
    DayCalibration,
    improved_path,
    project_scan,
    read_improved,
    read_packet,
    read_projected,
    read_scan,
    world_from_imu,
)
from leadline.data.faults import keep_each, one_record
from leadline.data.reading import path_inside, read_picture
from leadline.data.splits import read_split, refuse_absent
from leadline.data.trajectory import read_times, read_trajectory
from leadline.geometry.camera import Camera, from_integer_centres
from leadline.geometry.pose import invert
from leadline.types import UserError

DEPTH_SOURCES = ("lidar", "improved")
CARD = DatasetCard(
    kind="kitti",
    summary="KITTI raw: stereo, LiDAR, GPS/IMU poses; with depth_source=improved the denser depth of the depth benchmark",
    needs="DATE/calib_cam_to_cam.txt, DATE/DRIVE/image_02/data/*.png, DATE/DRIVE/velodyne_points or proj_depth",
    layers=("depth", "cam_from_world", "cam_from_rig", "time_s"),
    splits="a text file: 'DATE/DRIVE FRAME l|r' or image paths relative to the root",
    units="scanner points in metres, projected when read, or .npz in metres",
    invalid="0 (no return)",
    camera="calibration of the day",
    licence="CC BY-NC-SA 3.0",
    get="the raw recordings at cvlibs.net/datasets/kitti (synced+rectified, with the day's calibration)",
    status=ON_REAL_FILES,
    options={"depth_source": DEPTH_SOURCES},
    counts={"Eigen test": 697, "Eigen test, improved": 652, "Eigen train": 22600, "Eigen validation": 888},
)
CAMERAS = tuple(CAMERA_NUMBERS)
SIDES = {"l": "image_02", "r": "image_03"}
LAYOUT = "DATE/DRIVE/image_02/data/0000000000.png, such as 2011_09_26/2011_09_26_drive_0001_sync/image_02/data/..."


class Kitti:
    """Drives below `root`. Raises UserError naming what was looked for when there are none.

    `split` is a text file of lines 'DATE/DRIVE FRAME l|r' (Eigen's lists) or of image paths relative to `root`. Poses come
    from GPS/IMU packets, or from poses.txt where there are none; the world starts at the drive's first frame.
    `depth_source` is "lidar", one scan, or "improved", eleven scans cleaned by stereo; records are then the images that
    have it, and a split that names others is refused.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 80.0
    CAMERA_HEIGHT_M = 1.65
    """Of the cameras above the road, from the published drawing of the car; the rig's origin is below camera 0."""

    def __init__(self, root: Path, *, split: str | None = None, depth_source: str = "lidar") -> None:
        self._root, self._improved = root, depth_source == "improved"
        lines = None if split is None else _read_lines(split, root)
        drives = _find_drives(root) if lines is None else sorted({line.sequence for line in lines})
        self.moments: Sequence[Record] = [record for drive in drives for record in _drive_records(root, drive)]
        self.records: Sequence[Record] = self.moments if lines is None else _chosen(lines, self.moments, split=str(split), root=root)
        if self._improved:
            self.records = _with_improved(root, self.records, split=None if split is None else str(split))
        self._with_truth = {(record.sequence, record.frame, camera) for record in self.records for camera in record.cameras}
        self._days = {day: DayCalibration(root / day) for day in sorted({_day(drive) for drive in drives})}
        for day in self._days.values():
            with one_record():
                _ = day.cameras  # a missing or broken calibration is said now, not at the first frame
        self.layers = _layers_on_disk([root / drive for drive in drives])
        """What every drive has files for."""

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"kitti:{self._root}"

    def baseline_m(self, sequence: str) -> float:
        """Distance [m] of the two colour cameras of a drive along x: depth = fx * baseline / disparity."""
        day = self._days[_day(sequence)]
        return float(day.cam_from_rect("image_02")[0, 3] - day.cam_from_rect("image_03")[0, 3])

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one image. Raises UserError for a broken or missing file, or one of another size than its calibration."""
        day, drive = self._days[_day(record.sequence)], self._root / record.sequence
        path = _image_path(drive, camera, record.frame)
        height, width = day.size(camera)
        image = read_picture(path, height=height, width=width, known="its calibration is")
        cam_from_rect = day.cam_from_rect(camera)
        return View(
            image=image,
            camera=Camera(
                K=from_integer_centres(day.K(camera)),
                width=width,
                height=height,
                name=camera,
                rig_from_cam=_RIG_FROM_RECT @ invert(cam_from_rect),
            ),
            path=path,
            depth=self._depth(drive, record.frame, camera) if "depth" in layers else None,
            cam_from_world=cam_from_rect @ self._rect_from_world(drive, day, record.frame) if "cam_from_world" in layers else None,
            time_s=self._time_s(drive, record.frame) if "time_s" in layers else None,
            sparse=True,
        )

    def _depth(self, drive: Path, frame: int, camera: str) -> np.ndarray:
        day = self._days[drive.parent.name]
        if self._improved:
            sequence = drive.relative_to(self._root).as_posix()
            if (sequence, frame, camera) not in self._with_truth:
                return np.zeros(day.size(camera), dtype=np.float32)  # a neighbour outside the benchmark: nothing is known
            return read_improved(improved_path(self._root, sequence, camera, frame), day.size(camera))
        scan = drive / f"velodyne_points/data/{frame:010d}.bin"
        projected = drive / f"proj_depth/velodyne/{camera}/{frame:010d}.npz"
        if scan.exists() and not projected.exists():
            return project_scan(read_scan(scan), day, camera)
        depth = read_projected(projected)
        if depth.shape != day.size(camera):
            raise UserError(
                projected, f"has shape {depth.shape}, the pictures {day.size(camera)}", "project the LiDAR at the original size"
            )
        return depth

    def _rect_from_world(self, drive: Path, day: DayCalibration, frame: int) -> np.ndarray:
        packets = drive / "oxts/data"
        if packets.is_dir():
            world = world_from_imu(read_packet(packets / f"{frame:010d}.txt"), origin=_first_packet(packets))
            return day.rect_from_imu @ invert(world)
        return invert(_drive_poses(drive)[frame])

    def _time_s(self, drive: Path, frame: int) -> float:
        path = drive / "image_02/timestamps.txt"
        times = _drive_times(path)
        if frame >= len(times):
            raise UserError(path, f"has {len(times)} rows, frame {frame} needs row {frame} (from 0)", "give the file of this drive")
        return float(times[frame])


_RIG_FROM_RECT = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, Kitti.CAMERA_HEIGHT_M], [0, 0, 0, 1]], dtype=np.float64)
"""Rig frame (forward, left, up) on the road below rectified camera 0."""


@dataclass(frozen=True)
class _Line:
    """One line of a split file."""

    text: str
    sequence: str
    frame: int
    cameras: tuple[str, ...]


def _read_lines(split: str, root: Path) -> list[_Line]:
    lines = list[_Line]()
    for text in read_split(split, root=root):
        with one_record():
            line = _parse_line(text, split)
            path_inside(root, line.sequence, listed_in=split)
            lines.append(line)
    return lines


def _parse_line(line: str, split: str) -> _Line:
    words = line.split()
    try:
        if len(words) == 3 and words[2] in SIDES:
            return _Line(text=line, sequence=words[0], frame=int(words[1]), cameras=(SIDES[words[2]],))
        parts = [Path(word).parts for word in words]
        (day, drive), frame = parts[0][:2], int(Path(words[0]).stem)
        cameras = tuple(camera for _, _, camera, _, _ in parts)
        if all(camera in CAMERAS for camera in cameras):
            return _Line(text=line, sequence=f"{day}/{drive}", frame=frame, cameras=cameras)
    except ValueError:
        pass
    raise UserError(split, f"has the line '{line}'", f"write 'DATE/DRIVE FRAME l' or {LAYOUT}") from None


def _chosen(lines: list[_Line], moments: Sequence[Record], *, split: str, root: Path) -> list[Record]:
    on_disk = {(moment.sequence, moment.frame): set(moment.cameras) for moment in moments}
    there = [line for line in lines if set(line.cameras) <= on_disk.get((line.sequence, line.frame), set())]
    refuse_absent(split, [line.text for line in lines if line not in there], total=len(lines), root=root)
    wanted: dict[tuple[str, int], set[str]] = {}
    for line in there:
        wanted.setdefault((line.sequence, line.frame), set()).update(line.cameras)
    return [Record(sequence, frame, tuple(sorted(cameras))) for (sequence, frame), cameras in sorted(wanted.items())]


def _with_improved(root: Path, records: Sequence[Record], *, split: str | None) -> list[Record]:
    """The records and cameras that have improved depth. Raises UserError when a split names others, or none has it."""
    kept, absent = [], []
    for record in records:
        there = tuple(camera for camera in record.cameras if improved_path(root, record.sequence, camera, record.frame).exists())
        absent += [f"{record.sequence} {record.frame:010d} {camera}" for camera in record.cameras if camera not in there]
        if there:
            kept.append(Record(record.sequence, record.frame, there))
    if not kept:
        raise UserError(root, "has no improved depth (proj_depth/groundtruth)", GET_IMPROVED)
    if split is not None and absent and not keep_each([UserError(split, f"{name} has no improved depth", GET_IMPROVED) for name in absent]):
        wrong = f"{len(absent)} of its images have no improved depth, the first is {absent[0]}"
        raise UserError(split, wrong, f"take the list of the images that have it (652 of Eigen's 697), or {GET_IMPROVED}")
    return kept


def _find_drives(root: Path) -> list[str]:
    drives = sorted(path.parent for path in root.glob("*/*/image_02"))
    if not drives:
        if (root / "calib_cam_to_cam.txt").exists():
            raise UserError(root, "is one day, not all of them", "give the folder above it")
        raise CARD.absent(root, "holds no drive")
    return [drive.relative_to(root).as_posix() for drive in drives]


def _drive_records(root: Path, drive: str) -> list[Record]:
    cameras_of: dict[int, list[str]] = {}
    for camera in CAMERAS:
        folder = root / drive / camera / "data"
        names = os.listdir(folder) if folder.is_dir() else []
        for frame in {int(name[:-4]) for name in names if name[:-4].isdigit() and name.endswith((".png", ".jpg"))}:
            cameras_of.setdefault(frame, []).append(camera)
    return [Record(sequence=drive, frame=frame, cameras=tuple(cameras)) for frame, cameras in sorted(cameras_of.items())]


def _layers_on_disk(drives: list[Path]) -> frozenset[str]:
    layers = {"cam_from_rig"}
    if all((drive / "proj_depth/velodyne").is_dir() or (drive / "velodyne_points/data").is_dir() for drive in drives):
        layers.add("depth")
    if all((drive / "oxts/data").is_dir() or (drive / "image_02/poses.txt").exists() for drive in drives):
        layers.add("cam_from_world")
    if all((drive / "image_02/timestamps.txt").exists() for drive in drives):
        layers.add("time_s")
    return frozenset(layers)


def _image_path(drive: Path, camera: str, frame: int) -> Path:
    """The picture as published, or the JPEG that many make of it to save space."""
    png = drive / camera / "data" / f"{frame:010d}.png"
    jpeg = png.with_suffix(".jpg")
    return jpeg if jpeg.exists() and not png.exists() else png


# Files of a whole drive, which every frame of it asks for again.
_drive_times = lru_cache(maxsize=16)(read_times)


@lru_cache(maxsize=16)
def _drive_poses(drive: Path) -> np.ndarray:
    """World from rectified camera 0 (n, 4, 4), row i for frame i.

    Frames that were renumbered beside the poses of the whole drive are refused: row i is then another frame's.
    """
    path = drive / "image_02/poses.txt"
    poses = read_trajectory(path).world_from_cam
    frames = [record.frame for record in _drive_records(drive.parents[1], f"{drive.parent.name}/{drive.name}")]
    if len(poses) != frames[-1] + 1:
        wrong = f"has {len(poses)} rows, the frames are numbered {frames[0]} to {frames[-1]}"
        raise UserError(path, wrong, "row i, counted from 0, belongs to frame i: give the file of these frames")
    return poses


@lru_cache(maxsize=256)
def _first_packet(packets: Path) -> np.ndarray:
    first = min((name for name in os.listdir(packets) if name.endswith(".txt")), default="0000000000.txt")
    return read_packet(packets / first)


def _day(sequence: str) -> str:
    return sequence.partition("/")[0]
