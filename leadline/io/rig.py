"""Rig files: cameras and a LiDAR on one vehicle, as JSON. Two rigs come with leadline, with nominal values of its own."""

import logging
import math
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.pose import matrix_to_quaternion, pose_from_q_t
from leadline.geometry.rig import Lidar, Rig, looks_inverted, twins, upright
from leadline.io.jsonfile import read_json, write_json
from leadline.types import UserError

BUILT_IN = ("nuscenes6", "ddad6")
"""Rigs known by name: six cameras and the LiDAR in the manner of nuScenes and of DDAD."""

log = logging.getLogger(__name__)

OFF_MIDDLE_M = 0.1
"""Cameras nearer to the middle of the rig may look anywhere."""
_FORMAT = 1


def read_rig(name_or_path: str | Path) -> Rig:
    """The built-in rig of that name, or the one in a JSON file. Paths of masks are resolved against its folder.

    Raises UserError naming the file, the camera and the entry that is missing or wrong.
    """
    if str(name_or_path) in BUILT_IN:
        return _read_file(Path(str(resources.files("leadline.io") / "rigs" / f"{name_or_path}.json")))
    path = Path(name_or_path)
    if not os.path.exists(path):
        raise UserError(path, "is neither a rig file nor a built-in rig", f"give a JSON file or one of {', '.join(BUILT_IN)}")
    return _read_file(path)


def write_rig(path: str | Path, rig: Rig) -> None:
    """Write `rig` as JSON. Raises UserError where it cannot be written."""
    write_json(path, rig_as_dict(rig, Path(path).parent))


def rig_as_dict(rig: Rig, folder: Path) -> dict[str, Any]:
    """What a rig file in `folder` says of `rig`: plain values, masks relative to the folder where they lie in it."""
    cameras = [
        {
            "name": camera.name,
            "width": camera.width,
            "height": camera.height,
            "K": camera.K.tolist(),
            "rig_from_cam": _pose_as_dict(camera.rig_from_cam),
            "mask": None if camera.mask_path is None else _relative(Path(camera.mask_path), folder),
        }
        for camera in rig.cameras
    ]
    return {"format": _FORMAT, "cameras": cameras, "lidar": None if rig.lidar is None else _lidar_as_dict(rig.lidar)}


def _read_file(path: Path) -> Rig:
    content = _mapping(read_json(path), path, "the file")
    if content.get("format") != _FORMAT:
        raise UserError(path, f"has format {content.get('format')!r}", f'write a rig file with "format": {_FORMAT}')
    listed = _entry(content, "cameras", path, "the file")
    if not isinstance(listed, list):
        raise UserError(path, "'cameras' is not a list", "list one object per camera")
    cameras = tuple(_camera(_mapping(item, path, f"camera {i}"), path, f"camera {i}") for i, item in enumerate(listed))
    lidar = content.get("lidar")
    try:
        rig = Rig(cameras=cameras, lidar=None if lidar is None else _lidar(_mapping(lidar, path, "lidar"), path))
    except UserError as error:
        raise _unusable(path, error) from error
    _check_poses({camera.name: camera.rig_from_cam for camera in rig.cameras if camera.rig_from_cam is not None}, path)
    return rig


def _check_poses(poses: Mapping[str, np.ndarray], path: Path) -> None:
    """Raise UserError for poses that no vehicle has; warn of those that hardly one has."""
    same = twins(poses)
    if same is not None:
        raise UserError(path, f"has {same[0]} and {same[1]} at one pose", "give each camera its own: one was copied")
    if looks_inverted(list(poses.values())):
        wrong = "its extrinsics look inverted: cameras stand upright only when each rig_from_cam is turned round"
        raise UserError(path, wrong, "rig_from_cam leads from the camera to the vehicle: p_rig = rig_from_cam @ p_cam")
    lying = [name for name, pose in poses.items() if not upright(pose)]
    if lying:
        log.warning(
            "%s: %s: not upright on the vehicle (x forward, y left, z up). Right if mounted so; else the extrinsics are of other axes",
            path,
            ", ".join(lying),
        )
    elif _all_look_inwards(list(poses.values())):
        log.warning("%s: all cameras look at each other: are the translations of rig_from_cam those of its inverse?", path)


def _all_look_inwards(poses: Sequence[np.ndarray]) -> bool:
    """Whether every camera looks towards the middle of all, from OFF_MIDDLE_M or more away."""
    off = np.array([pose[:2, 3] for pose in poses]) - np.mean([pose[:2, 3] for pose in poses], axis=0)
    ahead = np.array([pose[:2, 2] for pose in poses])
    return len(poses) > 2 and bool((np.linalg.norm(off, axis=1) > OFF_MIDDLE_M).all() and ((off * ahead).sum(axis=1) < 0).all())


def _camera(item: Mapping[str, Any], path: Path, where: str) -> Camera:
    name = str(_entry(item, "name", path, where))
    where = f"camera {name}"
    mask = item.get("mask")
    if mask is not None and not (path.parent / str(mask)).is_file():
        raise UserError(
            path, f"{where} has the mask '{mask}', which does not exist", "give its path from the folder of the rig file, or null"
        )
    try:
        return Camera(
            K=_entry(item, "K", path, where),
            width=_count(item, "width", path, where),
            height=_count(item, "height", path, where),
            name=name,
            rig_from_cam=_pose(item, "rig_from_cam", path, where),
            mask_path=None if mask is None else str(path.parent / str(mask)),
        )
    except UserError as error:
        raise error if error.subject == str(path) else _unusable(path, error) from error


def _lidar(item: Mapping[str, Any], path: Path) -> Lidar:
    elevations = _entry(item, "elevations_deg", path, "lidar")
    if not isinstance(elevations, list) or not elevations or not all(_is_number(e) and -90 <= e <= 90 for e in elevations):
        raise UserError(path, "lidar has elevations_deg that are not a list of angles", "list one angle from -90 to 90 per beam")
    return Lidar(
        rig_from_lidar=_pose(item, "rig_from_lidar", path, "lidar"),
        elevations_deg=tuple(float(e) for e in elevations),
        num_columns=_count(item, "num_columns", path, "lidar"),
        max_range_m=_within(item, "max_range_m", path, low=1e-3, high=math.inf),
        dropout=_within(item, "dropout", path, low=0.0, high=1.0, default=0.0),
        turn_s=_within(item, "turn_s", path, low=0.0, high=math.inf, default=0.0),
        offset_s=_within(item, "offset_s", path, low=-10.0, high=10.0, default=0.0),
    )


def _pose(item: Mapping[str, Any], key: str, path: Path, where: str) -> np.ndarray:
    pose = _mapping(_entry(item, key, path, where), path, f"{where}: {key}")
    q, t = (_numbers(pose, name, length, path, f"{where}: {key}") for name, length in (("q_wxyz", 4), ("t", 3)))
    length = float(np.linalg.norm(q))
    if abs(length - 1) > 1e-3:
        raise UserError(path, f"{where}: {key} has a quaternion of length {length:g}", "give a unit quaternion w, x, y, z")
    return pose_from_q_t(q, t)


def _pose_as_dict(pose: np.ndarray | None) -> dict[str, Any]:
    assert pose is not None  # a rig has no camera without a place: it could not be sorted
    return {"q_wxyz": matrix_to_quaternion(pose[:3, :3]).tolist(), "t": pose[:3, 3].tolist()}


def _lidar_as_dict(lidar: Lidar) -> dict[str, Any]:
    return {
        "rig_from_lidar": _pose_as_dict(lidar.rig_from_lidar),
        "elevations_deg": list(lidar.elevations_deg),
        "num_columns": lidar.num_columns,
        "max_range_m": lidar.max_range_m,
        "dropout": lidar.dropout,
        "turn_s": lidar.turn_s,
        "offset_s": lidar.offset_s,
    }


def _relative(mask: Path, folder: Path) -> str:
    resolved, base = mask.resolve(), folder.resolve()
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else str(resolved)


def _mapping(value: object, path: Path, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(path, f"{where} is not a JSON object", "see leadline/io/rigs/nuscenes6.json for an example")
    return value


def _entry(item: Mapping[str, Any], key: str, path: Path, where: str) -> Any:
    if key not in item:
        raise UserError(path, f"{where} lacks '{key}'", "add it; see leadline/io/rigs/nuscenes6.json for an example")
    return item[key]


def _numbers(item: Mapping[str, Any], key: str, length: int, path: Path, where: str) -> np.ndarray:
    value = _entry(item, key, path, where)
    if not isinstance(value, list) or len(value) != length or not all(map(_is_number, value)):
        raise UserError(path, f"{where} has {key} = {value!r}", f"give {length} numbers")
    return np.array(value, dtype=np.float64)


def _count(item: Mapping[str, Any], key: str, path: Path, where: str) -> int:
    value = _entry(item, key, path, where)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(path, f"{where} has {key} = {value!r}", "give a positive whole number")
    return value


def _within(item: Mapping[str, Any], key: str, path: Path, *, low: float, high: float, default: float | None = None) -> float:
    value = _entry(item, key, path, "lidar") if default is None else item.get(key, default)
    if not _is_number(value) or not low <= value <= high:
        raise UserError(path, f"lidar has {key} = {value!r}", f"give a number from {low:g} to {high:g}")
    return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _unusable(path: Path, error: UserError) -> UserError:
    return UserError(path, f"is not a usable rig ({error})", "repair the file")
