"""Worlds written by `leadline scenes`: exact depth, materials, normals, poses, and rigs with a simulated LiDAR.

ROOT/dataset.json, ROOT/scene_000123/frame_0000/CAMERA/{rgb.png or rgb.jpg,depth.png,...,meta.json}, frame_0000/lidar.npz,
ROOT/masks/CAMERA.png (named in dataset.json for cameras that see their own vehicle),
in a folder or in one archive of `leadline scenes pack`, which is read as it is.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert, pose_from_q_t
from leadline.geometry.raster import rasterise
from leadline.geometry.rig import ring_order
from leadline.io.archive import Files, open_files
from leadline.io.depth import read_depth
from leadline.io.image import read_image, read_labels, read_mask
from leadline.io.jsonfile import read_json
from leadline.io.npzfile import has_npz_array, read_npz_array
from leadline.io.source import Source, named
from leadline.types import SPLIT_SEEDS, UserError

DEPTH_SOURCES = ("dense", "lidar")
CARD = DatasetCard(
    kind="rendered",
    summary="worlds written by `leadline scenes`",
    needs="dataset.json, scene_*/frame_*/CAMERA/{rgb.png,depth.png,meta.json,...}; or an archive of `leadline scenes pack`",
    layers=("depth", "material", "diffuse", "albedo", "normals", "instance", "usable", "cam_from_world", "cam_from_rig", "time_s"),
    splits="train (seeds 0-9999), validation (10000-10999), test (20000-20999)",
    units="16-bit PNG, units per metre in each file",
    invalid="0 (sky, own vehicle)",
    camera="exact, in meta.json",
    licence="yours",
    get="leadline scenes FAMILY FOLDER",
    status=ON_REAL_FILES,
    options={"depth_source": DEPTH_SOURCES},
)

FORMAT = 1
ZERO_SHOT = ("objects", "yard")
"""Families that nothing is trained or tuned on, so that what is said about them says something about worlds never seen."""
FILES = {
    "depth": "depth.png",
    "normals": "normal.png",
    "albedo": "albedo.png",
    "diffuse": "diffuse.png",
    "instance": "instance.png",
    "material": "material.png",
}
"""Layers that are a file of their own beside the picture; of pictures, which may be packed, as they were rendered."""
PICTURES = ("rgb.png", "albedo.png", "diffuse.png")
"""Files that may be .jpg."""


class Rendered:
    """Scenes below `root`. Raises UserError naming what was looked for when it is no rendered data set.

    `split` is "train", "validation" or "test". With `depth_source="lidar"` the layer `depth` holds the points of the
    simulated LiDAR instead of the surface, as real vehicles have them.
    """

    def __init__(self, root: Path, *, split: str | None = None, depth_source: str = "dense") -> None:
        self._root, self._from_lidar = root, depth_source == "lidar"
        self._files = open_files(root)
        about = _read_about(self._files)
        self._rig_from_cam = _rig_poses(about, root)
        self._masks = _mask_names(about)
        names = list(self._rig_from_cam)
        self.records: Sequence[Record] = [
            record for scene in _scenes(self._files, split) for record in _scene_records(self._files, scene, names)
        ]
        if not self.records:
            raise UserError(root, "its scenes hold no frame", "let `leadline scenes` finish: the same command continues")
        self.moments = self.records
        self.layers = self._layers_of(self.records[0])

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"rendered:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one view. Raises UserError for a missing or broken file, or a layer of another size."""
        frame = _frame_folder(record)
        folder = f"{frame}/{camera}"
        picture = self._file(folder, "rgb.png")
        image = read_image(picture)
        height, width = image.shape[:2]
        meta = _read_meta(self._files.file(f"{folder}/meta.json"))
        rig_from_cam = self._rig_from_cam.get(camera)
        seen_by = Camera(K=meta["K"], width=width, height=height, name=camera, rig_from_cam=rig_from_cam)
        read: dict[str, Any] = {}
        for layer in layers & FILES.keys():
            if layer == "depth" and self._from_lidar:
                read[layer] = _lidar_depth(self._files.file(f"{frame}/lidar.npz"), seen_by, meta["cam_from_world"])
                continue
            file = self._file(folder, FILES[layer])
            read[layer] = _read_layer(layer, file)
            if read[layer].shape[:2] != (height, width):
                wrong = f"is {read[layer].shape[1]}x{read[layer].shape[0]}, its picture {width}x{height}"
                raise UserError(named(file), wrong, "render this scene again")
        if "usable" in layers and camera in self._masks:
            read["usable"] = self._usable(camera, height=height, width=width)
        return View(
            image=image,
            camera=seen_by,
            path=named(picture),
            cam_from_world=meta["cam_from_world"] if "cam_from_world" in layers else None,
            time_s=meta["time_s"] if "time_s" in layers else None,
            sparse=self._from_lidar,
            **read,
        )

    def _layers_of(self, record: Record) -> frozenset[str]:
        """What the first view has files for; the writer gives all of a data set the same."""
        frame = _frame_folder(record)
        view = f"{frame}/{record.cameras[0]}"
        there = {layer for layer, file in FILES.items() if self._packed_name(view, file) in self._files}
        if self._from_lidar:
            if f"{frame}/lidar.npz" not in self._files:
                raise UserError(self._root / frame, "has no lidar.npz", "take the dense depth: only rigs with a LiDAR write its points")
            there.add("depth")
        if self._masks:
            there.add("usable")
        return frozenset(there | {"cam_from_world", "time_s"} | ({"cam_from_rig"} if self._rig_from_cam else set[str]()))

    def _usable(self, camera: str, *, height: int, width: int) -> np.ndarray:
        file = self._files.file(self._masks[camera])
        usable = read_mask(file)
        if usable.shape != (height, width):
            wrong = f"is {usable.shape[1]}x{usable.shape[0]}, the pictures of {camera} are {width}x{height}"
            raise UserError(named(file), wrong, "render the data set again")
        return usable

    def _file(self, folder: str, file: str) -> Source:
        return self._files.file(self._packed_name(folder, file))

    def _packed_name(self, folder: str, file: str) -> str:
        """The name of `file` in `folder`, which ends in .jpg where a picture is packed."""
        packed = f"{folder}/{file[:-4]}.jpg"
        return packed if file in PICTURES and packed in self._files else f"{folder}/{file}"


def family_of(root: Path) -> str:
    """The family of the worlds at `root`, as dataset.json names it. Raises UserError when it is no rendered data set."""
    return str(_read_about(open_files(root)).get("family"))


def _read_about(files: Files) -> dict[str, Any]:
    path = files.root / "dataset.json"
    if "dataset.json" not in files:
        raise UserError(
            files.root, "has no dataset.json", "give the folder that `leadline scenes FAMILY OUT` has written, or an archive of it"
        )
    about = read_json(files.file("dataset.json"))
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else type(about).__name__
        raise UserError(path, f"has format {found!r}, this version reads {FORMAT}", "render the data set again, or update leadline")
    return about


def _rig_poses(about: dict[str, Any], root: Path) -> dict[str, np.ndarray]:
    """rig_from_cam of each camera in ring order; empty without a rig."""
    if about.get("rig") is None:
        return {}
    try:
        cameras = about["rig"]["cameras"]
        poses = {
            str(camera["name"]): pose_from_q_t(np.array(camera["rig_from_cam"]["q_wxyz"]), np.array(camera["rig_from_cam"]["t"]))
            for camera in cameras
        }
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(root / "dataset.json", f"holds no usable rig ({error})", "render the data set again") from error
    yaw_deg = [np.degrees(np.arctan2(pose[1, 2], pose[0, 2])) for pose in poses.values()]
    names = list(poses)
    return {names[i]: poses[names[i]] for i in ring_order(np.array(yaw_deg))}


def _mask_names(about: dict[str, Any]) -> dict[str, str]:
    """The mask of each camera that sees its own vehicle, by the name of its file in the data set."""
    cameras = (about.get("rig") or {}).get("cameras", [])
    return {str(camera["name"]): str(camera["mask"]) for camera in cameras if camera.get("mask") is not None}


def _scenes(files: Files, split: str | None) -> list[str]:
    if split is not None and split not in SPLIT_SEEDS:
        near = get_close_matches(split, SPLIT_SEEDS, n=1)
        raise UserError(
            split, "is no split of a rendered data set", f"did you mean {near[0]}?" if near else f"choose from {', '.join(SPLIT_SEEDS)}"
        )
    seeds = {name: int(name[6:]) for name in files.folders() if name.startswith("scene_") and name[6:].isdigit()}
    chosen = [name for name, seed in sorted(seeds.items()) if split is None or seed in SPLIT_SEEDS[split]]
    if not chosen:
        wanted = "" if split is None else f" of the split {split} (seeds {SPLIT_SEEDS[split].start} to {SPLIT_SEEDS[split].stop - 1})"
        render = f"it holds {len(seeds)} scenes; render some with `leadline scenes FAMILY {files.root} --seed S`"
        raise UserError(files.root, f"has no scene{wanted}", render)
    return chosen


def _scene_records(files: Files, scene: str, rig_names: list[str]) -> list[Record]:
    rank = {name: place for place, name in enumerate(rig_names)}
    records = []
    for frame in (name for name in files.folders(scene) if name.startswith("frame_") and name[6:].isdigit()):
        cameras = sorted(files.folders(f"{scene}/{frame}"), key=lambda name: (rank.get(name, len(rank)), name))
        if cameras:
            records.append(Record(sequence=scene, frame=int(frame[6:]), cameras=tuple(cameras)))
    return records


def _frame_folder(record: Record) -> str:
    return f"{record.sequence}/frame_{record.frame:04d}"


def _read_meta(source: Source) -> dict[str, Any]:
    meta = read_json(source)
    try:
        cam_from_world = np.array(meta["cam_from_world"], dtype=np.float64).reshape(4, 4)
        return {"K": np.array(meta["K"], dtype=np.float64).reshape(3, 3), "cam_from_world": cam_from_world, "time_s": float(meta["time_s"])}
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(named(source), f"lacks K, cam_from_world or time_s ({error})", "render this scene again") from error


def _read_layer(layer: str, file: Source) -> np.ndarray:
    match layer:
        case "depth":
            return read_depth(file).values
        case "instance" | "material":
            return read_labels(file)
        case "normals":
            normals = read_image(file).astype(np.float32) / np.float32(127.5) - np.float32(1)
            length = np.linalg.norm(normals, axis=2, keepdims=True)
            # The sky has no normal; it is stored as grey, which rounding leaves just beside zero.
            return np.where(length > 0.5, normals / np.maximum(length, 0.5), np.float32(0))
        case _:
            return read_image(file)


def _lidar_depth(file: Source, camera: Camera, cam_from_world: np.ndarray) -> np.ndarray:
    """Sparse depth [m] of one camera from the points [m] of its rig; the nearest point of a pixel stays.

    The rig has moved between sweep and picture: each has the pose of its own time. Older scans lack a pose; they were
    taken at the time of the picture.
    """
    remedy, path = "render this scene again", named(file)
    points = read_npz_array(file, "points", what="LiDAR scan", remedy=remedy)
    if points.ndim != 2 or points.shape[1] != 3:
        raise UserError(path, f"is no LiDAR scan (points have shape {points.shape})", remedy)
    if not len(points):
        raise UserError(path, "is a LiDAR scan without a point", remedy)
    if points.dtype.kind == "i":  # packed as whole steps
        points = points * float(read_npz_array(file, "step_m", what="packed LiDAR scan", remedy=remedy))
    if camera.rig_from_cam is None:
        raise UserError(path, f"camera {camera.name} has no place on the rig of dataset.json", "render the data set again")
    cam_from_rig = invert(camera.rig_from_cam)
    if has_npz_array(file, "world_from_rig"):
        cam_from_rig = cam_from_world @ read_npz_array(file, "world_from_rig", what="LiDAR scan", remedy=remedy)
    return rasterise(points, cam_from_rig, camera.K, height=camera.height, width=camera.width)
