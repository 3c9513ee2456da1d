"""nuScenes: six cameras and a 32-beam LiDAR, key frames at 2 Hz. Caesar et al., CVPR 2020, arXiv 1903.11027.

ROOT/v1.0-{trainval,mini,test}/*.json       tables, see tables.py
ROOT/samples/CAM_*/*.jpg                    1600x900
ROOT/samples/LIDAR_TOP/*.pcd.bin            float32 (n, 5): x, y, z [m], intensity, ring; no PCD file
ROOT/sweeps/LIDAR_TOP/*.pcd.bin             the scans between key frames, for `sweeps` above 1
ROOT/masks/CAM_*_mask.png                   VFDepth's, light = scene; optional

Published: 700 scenes and 28,130 key frames to train on, 150 scenes and 6,019 key frames to validate, 150 scenes and 6,008 key
frames to test (v1.0-test); mini has 8 + 2 scenes. Two of mini_train's scenes (0553, 0796) belong to val. The lists of
SurroundDepth (20,096 / 6,019) and VFDepth (20,096 / 5,417) are files of sample tokens.
Every sensor has its own ego pose at its own time: p_cam = inv(ego_from_cam) @ inv(world_from_ego at the camera's time) @
world_from_ego at the LiDAR's time @ ego_from_lidar @ p. Quaternions are w, x, y, z. LiDAR axes: x right, y forward, z up; ego: x
forward, y left, z up. Depth is z of the projected LiDAR, 0 = none. Pixel centres are integers in the tables.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.datasets.nuscenes.tables import GET, LIDAR, TICKS_PER_S, VERSIONS, Calibration, KeyFrame, Measurement, Tables
from leadline.data.faults import one_record
from leadline.data.rigs import (
    check_centre,
    check_upright,
    checked_points,
    lidar_depth,
    picture_of,
    present,
    read_usable,
    reading,
    ring_names,
    sensor_pose,
)
from leadline.data.splits import choose_named, read_split
from leadline.geometry.camera import Camera, from_integer_centres
from leadline.geometry.pose import invert, transform
from leadline.geometry.raster import RASTER_RULES, RasterRule
from leadline.io.source import existing_file
from leadline.types import UserError

MOST_SWEEPS = 10
"""Half a second, the number that published detectors accumulate."""
CARD = DatasetCard(
    kind="nuscenes",
    summary="nuScenes: six cameras, LiDAR, key frames at 2 Hz",
    needs="v1.0-trainval, v1.0-mini or v1.0-test (JSON tables), samples/CAM_*, samples/LIDAR_TOP; optional masks/CAM_*_mask.png",
    layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
    splits="train (700 scenes), val (150), test (150), mini_train (8), mini_val (2), or a text file of sample tokens or scenes",
    units="LiDAR points in metres, projected when read",
    invalid="0 (no return)",
    camera="calibrated_sensor table, integer pixel centres",
    licence="CC BY-NC-SA 4.0 and the nuScenes terms of use",
    get="nuscenes.org/nuscenes (metadata and file blobs)",
    status=ON_REAL_FILES,
    options={"rasterise": RASTER_RULES, "sweeps": tuple(map(str, range(1, MOST_SWEEPS + 1)))},
    counts={"train": 6 * 28130, "val": 6 * 6019, "test": 6 * 6008},
)
VERSION_OF_SPLIT = {
    "train": "v1.0-trainval",
    "val": "v1.0-trainval",
    "test": "v1.0-test",
    "mini_train": "v1.0-mini",
    "mini_val": "v1.0-mini",
}
_VAL = (
    *(3, *range(12, 19), 35, 36, 38, 39, *range(92, 111), 221, *range(268, 279), *range(329, 333), *range(344, 347)),
    *(*range(519, 525), *range(552, 566), 625, 626, 627, 629, 630, *range(632, 639), 770, 771, 775, 777, 778, *range(780, 785)),
    *(*range(794, 801), 802, *range(904, 918), *range(919, 932), 962, 963, *range(966, 970), 971, 972, *range(1059, 1074)),
)
VAL_SCENES = frozenset(f"scene-{number:04d}" for number in _VAL)
"""The official validation scenes; the other scenes of v1.0-trainval are for training."""
MINI_VAL_SCENES = frozenset({"scene-0103", "scene-0916"})
GET_FILES = "download the file blobs of this part from https://www.nuscenes.org/nuscenes and unpack them here"


class NuScenes:
    """Key frames below `root`. Raises UserError naming what was looked for.

    `split` is "train", "val", "test", "mini_train" or "mini_val", or a text file whose lines are sample tokens or names of
    scenes. Without one, all of the largest version on disk is taken. `rasterise` says which of several points on one pixel
    stays. `sweeps` scans, the key frame's and those before it, make one depth map: each is led through its own ego pose, but
    what moved by itself in between leaves a trail. Frames are counted from the scene's first; the world starts where it starts,
    axes as recorded.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 0.1, 80.0

    def __init__(self, root: Path, *, split: str | None = None, rasterise: RasterRule = "nearest", sweeps: int = 1) -> None:
        self._root = root
        self._rule: RasterRule = rasterise
        lines = None if split is None or split in VERSION_OF_SPLIT else _split_lines(split, root)
        self._tables = Tables(root, _version(root, split), sweeps=sweeps)
        self._frames: dict[Record, KeyFrame] = {}
        self._origins: dict[str, KeyFrame] = {}
        rings: dict[tuple[str, ...], tuple[str, ...]] = {}
        for scene, frames in sorted(self._tables.key_frames().items()):
            self._origins |= {scene: frames[0]} if frames else {}
            for place, frame in enumerate(frames):
                with one_record():
                    self._frames[Record(sequence=scene, frame=place, cameras=self._ring(frame, rings))] = frame
        self.moments: Sequence[Record] = list(self._frames)
        if lines is not None:
            self.records: Sequence[Record] = self._chosen(lines, str(split))
        else:
            self.records = self.moments = [record for record in self.moments if _is_in(record.sequence, split)]
        if not self.records:
            raise UserError(self._tables.folder, f"has no key frame of the split {split}" if split else "has no key frame", GET)
        masked = {"usable"} if (root / "masks").is_dir() else set[str]()
        self.layers = frozenset({"depth", "cam_from_world", "cam_from_rig", "time_s"} | masked)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"nuscenes:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one image. Raises UserError for what is missing or broken, and where poses and LiDAR disagree."""
        frame = self._frames[record]
        shot = frame.data[camera]
        ego_from_cam = self._ego_from_sensor(shot.calibration)
        calibrated = self._tables.folder / "calibrated_sensor.json"
        check_upright(ego_from_cam, subject=calibrated, name=camera)
        seen_by = Camera(K=self._K(shot.calibration), height=shot.size[0], width=shot.size[1], name=camera, rig_from_cam=ego_from_cam)
        check_centre(seen_by, subject=calibrated)
        path = present(shot.path, GET_FILES)
        usable = "usable" in layers and (self._root / "masks").is_dir()
        return View(
            image=picture_of(seen_by, path),
            camera=seen_by,
            path=path,
            depth=self._depth(frame, seen_by) if "depth" in layers else None,
            cam_from_world=invert(self._from_origin(record, shot) @ ego_from_cam) if "cam_from_world" in layers else None,
            time_s=(shot.time - self._origins[record.sequence].time) / TICKS_PER_S if "time_s" in layers else None,
            usable=self._usable(seen_by) if usable else None,
            sparse=True,
        )

    def _ring(self, frame: KeyFrame, known: dict[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
        """Cameras of a key frame in ring order; `known` remembers it for the calibrations of a vehicle."""
        cameras = [shot.calibration for shot in frame.data.values() if shot.calibration.is_camera]
        if not cameras:
            raise UserError(self._tables.folder / "sample_data.json", f"sample {frame.token} has no camera", GET)
        tokens = tuple(calibration.token for calibration in cameras)
        if tokens not in known:
            poses = {calibration.channel: self._ego_from_sensor(calibration) for calibration in cameras}
            known[tokens] = ring_names(poses, subject=self._tables.folder / "calibrated_sensor.json")
        return known[tokens]

    def _depth(self, frame: KeyFrame, camera: Camera) -> np.ndarray:
        if LIDAR not in frame.data:
            raise UserError(self._tables.folder / "sample_data.json", f"sample {frame.token} has no {LIDAR}", GET)
        scan, shot = frame.data[LIDAR], frame.data[camera.name]
        lidar_from_world = invert(self._world_from_lidar(scan))
        # The newest come last, so that they stay where the last write does.
        parts = [self._points(sweep, lidar_from_world @ self._world_from_lidar(sweep)) for sweep in frame.sweeps]
        points = np.concatenate([*parts, self._points(scan, np.eye(4))])
        cam_from_world = invert(self._world_from_ego(shot) @ self._ego_from_sensor(shot.calibration))
        return lidar_depth(points, cam_from_world @ self._world_from_lidar(scan), camera, rule=self._rule, subject=scan.path)

    def _points(self, scan: Measurement, to: np.ndarray) -> np.ndarray:
        """Points (n, 3) [m] of a scan after the rigid motion `to` (4, 4)."""
        return transform(to, _read_points(scan.path, present(scan.path, GET_FILES).stat().st_mtime_ns))

    def _world_from_lidar(self, scan: Measurement) -> np.ndarray:
        return self._world_from_ego(scan) @ self._ego_from_sensor(scan.calibration)

    def _from_origin(self, record: Record, shot: Measurement) -> np.ndarray:
        """World from ego with the world's origin at the scene's first frame: float32 has no room for kilometres and millimetres."""
        moved = self._world_from_ego(shot).copy()
        first = self._origins[record.sequence]
        moved[:3, 3] -= self._world_from_ego(first.data.get(LIDAR) or next(iter(first.data.values())))[:3, 3]
        return moved

    def _world_from_ego(self, shot: Measurement) -> np.ndarray:
        path = self._tables.folder / "ego_pose.json"
        return sensor_pose(shot.ego_rotation, shot.ego_translation, subject=path, where=f"the pose of {shot.token}")

    def _ego_from_sensor(self, calibration: Calibration) -> np.ndarray:
        where = f"row {calibration.token} ({calibration.channel})"
        path = self._tables.folder / "calibrated_sensor.json"
        return sensor_pose(calibration.rotation, calibration.translation, subject=path, where=where)

    def _K(self, calibration: Calibration) -> np.ndarray:
        path, where = self._tables.folder / "calibrated_sensor.json", f"row {calibration.token} ({calibration.channel})"
        with reading(path, f"camera_intrinsic of {where}", GET):
            return from_integer_centres(np.array(calibration.K, dtype=np.float64).reshape(3, 3))

    def _usable(self, camera: Camera) -> np.ndarray:
        path = self._root / "masks" / f"{camera.name}_mask.png"
        return read_usable(present(path, "copy the masks of all cameras, or remove the folder masks"), camera)

    def _chosen(self, lines: list[str], split: str) -> list[Record]:
        named: dict[str, list[Record]] = {}
        for record, frame in self._frames.items():
            for name in (record.sequence, frame.token):
                named.setdefault(name, []).append(record)
        return choose_named(split, lines, self.moments, named, root=self._tables.folder)


def _is_in(scene: str, split: str | None) -> bool:
    match split:
        case "val":
            return scene in VAL_SCENES
        case "train":
            return scene not in VAL_SCENES
        case "mini_val":
            return scene in MINI_VAL_SCENES
        case "mini_train":
            return scene not in MINI_VAL_SCENES
        case _:
            return True


def _version(root: Path, split: str | None) -> str:
    """Which of the tables' folders to read."""
    there = [version for version in VERSIONS if (root / version).is_dir()]
    if not there:
        if (root / "sample_data.json").exists():
            raise UserError(root, "is a folder of tables", "give the folder above it, which also holds samples/")
        raise UserError(root, f"holds none of {', '.join(VERSIONS)}", GET)
    if split in VERSION_OF_SPLIT:
        wanted = VERSION_OF_SPLIT[split]
        if wanted not in there:
            wrong = f"has no {wanted}, of which the split {split} is a part"
            raise UserError(root, wrong, f"choose a split of {', '.join(there)}, or get it: {GET}")
        return wanted
    return there[0]


def _split_lines(split: str, root: Path) -> list[str]:
    if not (Path(split).expanduser().exists() or (root / split).exists()):
        remedy = f"choose from {', '.join(VERSION_OF_SPLIT)}, or give a file of sample tokens or scenes"
        raise UserError(split, "is neither a split of nuScenes nor a file", remedy)
    return read_split(split, root=root)


@lru_cache(maxsize=4 * MOST_SWEEPS)
def _read_points(path: Path, changed: int) -> np.ndarray:
    """Points (n, 3) [m] of a scan, which every camera of a key frame asks for; `changed` tells a repaired file from the old one."""
    raw = np.fromfile(existing_file(path, what="LiDAR scan"), dtype="<f4")
    size = path.stat().st_size
    if size % 20:
        raise UserError(path, f"has {size} bytes, no multiple of a point's 20", "copy or download the scan again")
    return checked_points(raw.reshape(-1, 5)[:, :3].astype(np.float64), subject=path)
