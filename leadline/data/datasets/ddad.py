"""DDAD: six cameras and a long-range LiDAR at 10 Hz, in TRI's DGP layout. Guizilini et al., CVPR 2020.

ROOT/ddad.json                          scene_splits: "0" train, "1" val, "2" test, each a list of scene files
ROOT/000150/scene_<hash>.json           samples[].{datum_keys, calibration_key}, data[].{key, id.name, datum}
ROOT/000150/calibration/<key>.json      parallel lists names, intrinsics (fx fy cx cy skew), extrinsics (sensor to vehicle)
ROOT/000150/{rgb/CAMERA_0X/<time>.png, point_cloud/LIDAR/<time>.npz}    names come from the scene file; "data" (n, 4+) [m]
ROOT/masks/mask_idx_dict.json           scene: group, and masks/<group>/CAMERA_0X_mask.png (VFDepth's, the pickle as JSON)

Published: 150 scenes and 12,650 moments for training, 50 scenes and 3,950 moments for validation, 1936x1216 pixels.
Every datum has its own pose (sensor to world) at its own time, so p_cam = inv(pose_cam) @ pose_lidar @ p_lidar; extrinsics
alone ignore the motion between the two. File names count 100 ns; the ISO times beside them may be off by a factor of ten
and are not read. Depth is z of the projected LiDAR, 0 = none. Pixel centres are integers in the files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.faults import keep_each, one_record
from leadline.data.reading import path_inside
from leadline.data.rigs import (
    check_centre,
    check_upright,
    checked_points,
    first_repeated,
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
from leadline.geometry.pose import invert
from leadline.geometry.raster import RASTER_RULES, RasterRule
from leadline.io.jsonfile import read_json
from leadline.io.npzfile import read_npz_array
from leadline.types import UserError

CARD = DatasetCard(
    kind="ddad",
    summary="DDAD: six cameras, long-range LiDAR, 10 Hz",
    needs="ddad.json, SCENE/{scene_*.json,calibration,rgb,point_cloud}; optional masks/{mask_idx_dict.json,GROUP/CAMERA_mask.png}",
    layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
    splits="train (150 scenes), val (50), or a text file of scenes, 'SCENE FRAME' or image times",
    units="LiDAR points in metres, projected when read",
    invalid="0 (no return)",
    camera="calibration/*.json, integer pixel centres",
    licence="CC BY-NC-SA 4.0",
    get="github.com/TRI-ML/DDAD (ddad_train_val)",
    status=ON_REAL_FILES,
    options={"rasterise": RASTER_RULES},
    counts={"train": 6 * 12650, "val": 6 * 3950},
)
SPLITS = {"train": "0", "val": "1", "test": "2"}
"""Names of the lists of scenes and their keys in scene_splits."""
LIDAR = "LIDAR"
TICKS_PER_S = 10_000_000
"""Units of the file names."""
YEARS = (30, 130)
"""Years after 1970 between which a recording can lie."""
CLOCKS_WITHIN_S = 0.5
"""Largest difference of the times of one moment's sensors."""
RIGID_WITHIN_M, RIGID_WITHIN_DEG = 0.1, 1.0
"""How well poses of cameras that fire together must agree with the calibration: on real data 0.01 m and 0.02 degrees."""
GET = "download DDAD again from https://github.com/TRI-ML/DDAD (ddad_train_val) and unpack it here"


@dataclass(frozen=True)
class Datum:
    """One measurement of one sensor, as the scene file lists it."""

    key: str
    sensor: str
    path: Path
    rotation: dict[str, Any]
    translation: dict[str, Any]
    size: tuple[int, int] | None
    """(height, width) [px] of an image."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """calibration/<key>.json: intrinsics [px] with integer pixel centres, and places on the vehicle."""

    path: Path
    K: dict[str, np.ndarray]
    rig_from_sensor: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Moment:
    """One sample: its data by sensor, the calibration, and where its scene begins in space [m] and time."""

    scene: Path
    data: dict[str, Datum]
    calibration: Calibration
    origin: Datum


class Ddad:
    """Scenes below `root`. Raises UserError naming what was looked for, or the scene that is listed and not there.

    `split` is "train", "val" or "test", or a text file whose lines name a scene ('000150'), a moment of it ('000150 7', from
    0) or the time of one of its images ('15616458249936530', SurroundDepth's lists). Without one, all listed scenes are taken.
    `rasterise` says which of several points on one pixel stays. The world starts where its scene does, axes as recorded.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 0.1, 200.0

    def __init__(self, root: Path, *, split: str | None = None, rasterise: RasterRule = "nearest") -> None:
        self._root = root
        self._rule: RasterRule = rasterise
        index = _index_path(root)
        lines = None if split is None or split in SPLITS else _split_lines(split, root)
        listed = _listed_scenes(index, None if split is None or lines is not None else split)
        absent = [name for name in listed if not (root / name).exists()]
        if absent and lines is None and not keep_each([UserError(index, f"lists {name}, which is not here", GET) for name in absent]):
            wrong = f"lists {len(listed)} scenes, {len(absent)} are not here, the first is {absent[0]}"
            raise UserError(index, wrong, f"{GET}, or give a split file with the scenes that you have")
        self._moments: dict[Record, Moment] = {}
        for name in listed:
            if name not in absent:
                with one_record():
                    self._moments |= _read_scene(root, root / name)
        self.moments: Sequence[Record] = list(self._moments)
        self.records: Sequence[Record] = self.moments if lines is None else self._chosen(lines, str(split))
        if not self.records:
            raise UserError(index, "its scenes hold no moment", GET)
        self._mask_groups = _mask_groups(root)
        masked = set[str]() if self._mask_groups is None else {"usable"}
        self.layers = frozenset({"depth", "cam_from_world", "cam_from_rig", "time_s"} | masked)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"ddad:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one image. Raises UserError for what is missing or broken, and where poses, calibration and LiDAR disagree."""
        moment = self._moments[record]
        datum = moment.data[camera]
        assert datum.size is not None
        calibration = moment.calibration
        rig_from_cam = calibration.rig_from_sensor[camera]
        check_upright(rig_from_cam, subject=calibration.path, name=camera)
        seen_by = Camera(
            K=from_integer_centres(calibration.K[camera]),
            height=datum.size[0],
            width=datum.size[1],
            name=camera,
            rig_from_cam=rig_from_cam,
        )
        check_centre(seen_by, subject=calibration.path)
        path = present(datum.path, GET)
        world_from_cam = _pose(datum, moment.scene)
        if layers & {"depth", "cam_from_world"}:
            _check_rigid(moment, camera, world_from_cam, record.cameras[0])
        return View(
            image=picture_of(seen_by, path),
            camera=seen_by,
            path=path,
            depth=self._depth(moment, seen_by, world_from_cam) if "depth" in layers else None,
            cam_from_world=_from_origin(world_from_cam, moment) if "cam_from_world" in layers else None,
            time_s=(_ticks(datum) - _ticks(moment.origin)) / TICKS_PER_S if "time_s" in layers else None,
            usable=self._usable(record.sequence, seen_by) if "usable" in layers else None,
            sparse=True,
        )

    def _depth(self, moment: Moment, camera: Camera, world_from_cam: np.ndarray) -> np.ndarray:
        if LIDAR not in moment.data:
            raise UserError(moment.scene, "a moment has no LIDAR", GET)
        lidar, image = moment.data[LIDAR], moment.data[camera.name]
        apart_s = abs(_ticks(lidar) - _ticks(image)) / TICKS_PER_S
        if apart_s > CLOCKS_WITHIN_S:
            wrong = f"is {apart_s:.3g} s away from {image.path.name}: their names count time in different units"
            raise UserError(lidar.path, wrong, "names count 100 ns since 1970: give the files under their original names")
        points = _read_points(lidar.path, present(lidar.path, GET).stat().st_mtime_ns)
        cam_from_lidar = invert(world_from_cam) @ _pose(lidar, moment.scene)
        return lidar_depth(points, cam_from_lidar, camera, rule=self._rule, subject=lidar.path)

    def _usable(self, sequence: str, camera: Camera) -> np.ndarray | None:
        if self._mask_groups is None:
            return None
        scene, masks = Path(sequence).name, self._root / "masks"
        if scene not in self._mask_groups:
            raise UserError(masks / "mask_idx_dict.json", f"has no group for the scene {scene}", "add it, or remove the folder masks")
        path = masks / str(self._mask_groups[scene]) / f"{camera.name}_mask.png"
        return read_usable(present(path, "copy the masks of this group too, or remove the folder masks"), camera)

    def _chosen(self, lines: list[str], split: str) -> list[Record]:
        named: dict[str, list[Record]] = {}
        for record, moment in self._moments.items():
            times = {datum.path.stem for datum in moment.data.values() if datum.size is not None}
            for name in (record.sequence, f"{record.sequence} {record.frame}", *times):
                named.setdefault(name, []).append(record)
        lines = [_line(line) for line in lines]
        return choose_named(split, lines, self.moments, named, root=self._root)


def _line(line: str) -> str:
    words = line.split()
    return f"{words[0]} {int(words[1])}" if len(words) == 2 and words[1].isdigit() else line


def _split_lines(split: str, root: Path) -> list[str]:
    if not (Path(split).expanduser().exists() or (root / split).exists()):
        raise UserError(split, "is neither a split of DDAD nor a file", f"choose from {', '.join(SPLITS)}, or give a file of scenes")
    return read_split(split, root=root)


def _index_path(root: Path) -> Path:
    found = [path for path in (root / "ddad.json", *sorted(root.glob("scene_dataset*.json"))) if path.exists()]
    if found:
        return found[0]
    if any(root.glob("scene_*.json")):
        raise UserError(root, "is one scene", "give the folder above it, which holds ddad.json")
    inner = next((path.parent for path in sorted(root.glob("*/ddad.json"))), None)
    raise UserError(root, "has no ddad.json", GET if inner is None else f"give the folder {inner}")


def _listed_scenes(index: Path, split: str | None) -> list[str]:
    content = read_json(index)
    with reading(index, "the file", GET):
        splits = content["scene_splits"]
        if split is not None and SPLITS[split] not in splits:
            there = ", ".join(name for name, key in SPLITS.items() if key in splits) or "none"
            raise UserError(index, f"lists no scenes for the split {split}", f"choose another (it has {there}), or get that part of DDAD")
        chosen = [splits[SPLITS[split]]] if split is not None else [splits[key] for key in SPLITS.values() if key in splits]
        names = [str(name) for part in chosen for name in part["filenames"]]
    inside = dict[str, None]()
    for name in names:
        with one_record():
            path_inside(index.parent, name, listed_in=index)
            inside[name] = None
    return list(inside)


def _read_scene(root: Path, path: Path) -> dict[Record, Moment]:
    content = read_json(path)
    sequence = path.parent.relative_to(root).as_posix()
    with reading(path, "the scene", GET):
        rows, samples = list(content["data"]), list(content["samples"])
    data: dict[str, Datum] = {}
    for place, row in enumerate(rows):
        with one_record():
            with reading(path, f"data[{place}]", GET):
                datum = _datum(row, path)
            if datum is not None:
                if datum.key in data:
                    raise UserError(path, f"the key {datum.key} is there twice", GET)
                data[datum.key] = datum
    moments: dict[Record, Moment] = {}
    calibrations: dict[str, Calibration] = {}
    origin: Datum | None = None
    for frame, sample in enumerate(samples):
        with one_record():
            where = f"samples[{frame}]"
            with reading(path, where, GET):
                key, keys = str(sample["calibration_key"]), [str(datum_key) for datum_key in sample["datum_keys"]]
            of_moment = _by_sensor(keys, data, path, where)
            if key not in calibrations:
                calibrations[key] = _read_calibration(path_inside(path.parent / "calibration", f"{key}.json", listed_in=path))
            calibration = calibrations[key]
            cameras = [datum.sensor for datum in of_moment.values() if datum.size is not None]
            unknown = [name for name in cameras if name not in calibration.K]
            if unknown:
                known = ", ".join(calibration.K) or "nothing"
                raise UserError(calibration.path, f"does not know {unknown[0]}, it is of {known}", "give the calibration of this vehicle")
            if not cameras:
                raise UserError(path, f"{where} has no image", GET)
            names = ring_names({name: calibration.rig_from_sensor[name] for name in cameras}, subject=calibration.path)
            origin = origin or of_moment[names[0]]
            moments[Record(sequence=sequence, frame=frame, cameras=names)] = Moment(path, of_moment, calibration, origin)
    return moments


def _by_sensor(keys: list[str], data: dict[str, Datum], path: Path, where: str) -> dict[str, Datum]:
    found: dict[str, Datum] = {}
    for key in keys:
        if key not in data:
            raise UserError(path, f"{where} names the datum {key}, which is not there", GET)
        if data[key].sensor in found:
            raise UserError(path, f"{where} has {data[key].sensor} twice", GET)
        found[data[key].sensor] = data[key]
    return found


def _datum(row: dict[str, Any], path: Path) -> Datum | None:
    """The image or the LiDAR scan of `row`; None for measurements of other kinds, which depth does not need."""
    kinds = row["datum"]
    kind = "image" if "image" in kinds else "point_cloud"
    if kind not in kinds:
        return None
    datum = kinds[kind]
    size = (int(datum["height"]), int(datum["width"])) if kind == "image" else None
    pose = datum["pose"]
    return Datum(
        key=str(row["key"]),
        sensor=str(row["id"]["name"]),
        path=path_inside(path.parent, datum["filename"], listed_in=path),
        rotation=pose["rotation"],
        translation=pose["translation"],
        size=size,
    )


def _read_calibration(path: Path) -> Calibration:
    content = read_json(present(path, GET))
    K: dict[str, np.ndarray] = {}
    rig_from_sensor: dict[str, np.ndarray] = {}
    with reading(path, "the calibration", GET):
        names = [str(name) for name in content["names"]]
        twice = first_repeated(names)
        if twice is not None:
            raise UserError(path, f"has {twice} twice", GET)
        for name, k, pose in zip(names, content["intrinsics"], content["extrinsics"], strict=True):
            rig_from_sensor[name] = _rigid(pose["rotation"], pose["translation"], subject=path, where=name)
            if float(k["fx"]) > 0:  # sensors that are no cameras have zeros
                K[name] = np.array([[k["fx"], k.get("skew", 0.0), k["cx"]], [0.0, k["fy"], k["cy"]], [0.0, 0.0, 1.0]], dtype=np.float64)
    return Calibration(path=path, K=K, rig_from_sensor=rig_from_sensor)


def _rigid(rotation: dict[str, Any], translation: dict[str, Any], *, subject: Path, where: str) -> np.ndarray:
    with reading(subject, where, GET):
        q, t = [rotation[name] for name in ("qw", "qx", "qy", "qz")], [translation[name] for name in "xyz"]
    return sensor_pose(q, t, subject=subject, where=where)


def _pose(datum: Datum, scene: Path) -> np.ndarray:
    return _rigid(datum.rotation, datum.translation, subject=scene, where=f"{datum.sensor} of {datum.path.name}")


def _from_origin(world_from_cam: np.ndarray, moment: Moment) -> np.ndarray:
    # The float32 of a sample has no room for kilometres and millimetres.
    moved = world_from_cam.copy()
    moved[:3, 3] -= _pose(moment.origin, moment.scene)[:3, 3]
    return invert(moved)


def _check_rigid(moment: Moment, camera: str, world_from_cam: np.ndarray, reference: str) -> None:
    """Cameras that fire together stand to each other in the world as on the vehicle, or the calibration is of another one."""
    other = moment.data[reference]
    if other.path.stem != moment.data[camera].path.stem:
        return  # the vehicle has moved between the two
    by_pose = invert(_pose(other, moment.scene)) @ world_from_cam
    on_rig = moment.calibration.rig_from_sensor
    off = invert(by_pose) @ invert(on_rig[reference]) @ on_rig[camera]
    off_m = float(np.linalg.norm(off[:3, 3]))
    off_deg = float(np.degrees(np.arccos(np.clip((np.trace(off[:3, :3]) - 1) / 2, -1, 1))))
    if off_m > RIGID_WITHIN_M or off_deg > RIGID_WITHIN_DEG:
        wrong = f"puts {camera} {off_m:.2f} m and {off_deg:.1f} degrees from where the poses in {moment.scene.name} have it"
        raise UserError(moment.calibration.path, wrong, "give the calibration of this vehicle and this scene")


def _ticks(datum: Datum) -> int:
    """Time of a datum [100 ns since 1970], from the name of its file."""
    ticks = int(datum.path.stem) if datum.path.stem.isdigit() else 0
    years = ticks / TICKS_PER_S / (365.25 * 24 * 3600)
    if not YEARS[0] <= years <= YEARS[1]:
        wrong = f"its name is no time in units of 100 ns (that would be the year {1970 + years:.0f})"
        raise UserError(datum.path, wrong, "give the files under their original names")
    return ticks


@lru_cache(maxsize=4)
def _read_points(path: Path, changed: int) -> np.ndarray:
    """Points (n, 3) [m] of a scan, which every camera of a moment asks for; `changed` tells a repaired file from the old one."""
    points = read_npz_array(path, "data", what="LiDAR scan")
    if points.ndim != 2 or points.shape[1] < 3:
        raise UserError(path, f"has shape {points.shape}", "a scan is (points, 4): x, y, z, intensity")
    return checked_points(points[:, :3].astype(np.float64), subject=path)


def _mask_groups(root: Path) -> dict[str, Any] | None:
    if not (root / "masks").is_dir():
        return None
    path = present(root / "masks/mask_idx_dict.json", "write VFDepth's mask_idx_dict.pkl as JSON, or remove the folder masks")
    groups = read_json(path)
    if not isinstance(groups, dict):
        raise UserError(path, "is no table of scenes and groups", 'write {"000000": 0, ...}')
    return groups
