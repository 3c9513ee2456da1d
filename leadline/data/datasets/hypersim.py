"""Hypersim: rendered rooms with exact geometry. Roberts et al., ICCV 2021.

ROOT/ai_001_001/images/scene_cam_00_final_preview/frame.0000.tonemap.jpg
    .../images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5: length of the ray [m], not depth
    .../_detail/metadata_scene.csv, _detail/cam_00/camera_keyframe_{frame_indices,positions,orientations}.hdf5
Poses there are in asset units, of a camera with y up that looks along -z.
"""

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import numbered, read_picture, rigid, same_size
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.io.image import MAX_PIXELS
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="hypersim",
    summary="Hypersim: rendered rooms, exact geometry (needs the extra `data`)",
    needs="ai_001_001/images/scene_cam_00_{final_preview,geometry_hdf5}/frame.0000.*, and _detail/ for poses",
    layers=("depth", "cam_from_world"),
    splits="train, val, test (by metadata_images_split_scene_v1.csv in the folder), or a text file: image paths",
    units="HDF5, length of the ray in metres, converted to depth; poses in asset units x meters_per_asset_unit",
    invalid="NaN (no surface)",
    camera="f 886.81 at 1024x768; the tilted lenses of some scenes are taken for straight ones",
    licence="CC BY-SA 3.0",
    get="github.com/apple/ml-hypersim (download script; the split is in evermotion_dataset/analysis)",
    status=FIXTURE_ONLY,
    counts={"all": 77400, "train": 59543, "val": 7386, "test": 7690},
)
CAMERA = "camera"
SPLIT_TABLE = "metadata_images_split_scene_v1.csv"
_FROM_Y_UP = np.diag([1.0, -1.0, -1.0, 1.0])
"""Between a camera with y up that looks along -z and one with y down that looks along z."""


class Hypersim:
    """Camera paths of the scenes below `root`. Raises UserError naming what was looked for when there are none.

    A sequence is "ai_001_001/cam_00". Poses are a layer where every scene has its _detail/. Raises UserError when h5py
    is not installed.
    """

    MIN_DEPTH_M, MAX_DEPTH_M = 1e-3, 80.0
    HEIGHT, WIDTH = 768, 1024
    K = np.array([[886.81, 0.0, 512.0], [0.0, 886.81, 384.0], [0.0, 0.0, 1.0]])
    """Rays go through pixel centres at half pixels from the middle of the image, which is leadline's convention."""

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        _h5py()  # said now, not at the first file
        self._root = root
        folders = sorted(root.glob("ai_*_*/images/scene_cam_*_final_preview"))
        self.moments: Sequence[Record] = [
            Record(sequence=f"{folder.parents[1].name}/{folder.name[6:12]}", frame=frame, cameras=(CAMERA,))
            for folder in folders
            for frame in numbered(folder, r"frame\.(\d{4})\.tonemap\.jpg")
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no ai_*/images/scene_cam_*_final_preview/frame.0000.tonemap.jpg")
        paths = {self._poses_folder(record) / "camera_keyframe_positions.hdf5" for record in self.moments}
        self.layers = frozenset({"depth", "cam_from_world"} if all(path.exists() for path in paths) else {"depth"})
        if split in ("train", "val", "test"):
            listed = _read_split_table(root / SPLIT_TABLE, split)
            named = {split: lambda record: (record.sequence, record.frame) in listed}
        else:
            named = {}
        self.records = choose(split, self.moments, root=root, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"hypersim:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file or one of another size."""
        path = self._image_path(record, camera)
        image = read_picture(path, height=self.HEIGHT, width=self.WIDTH)
        return View(
            image=image,
            camera=Camera(K=self.K, width=self.WIDTH, height=self.HEIGHT, name=camera),
            path=path,
            depth=self._depth(record, image) if "depth" in layers else None,
            cam_from_world=self._cam_from_world(record) if "cam_from_world" in layers else None,
        )

    def _image_path(self, record: Record, camera: str) -> Path:
        scene, _, path = record.sequence.partition("/")
        return self._root / scene / f"images/scene_{path}_final_preview/frame.{record.frame:04d}.tonemap.jpg"

    def _poses_folder(self, record: Record) -> Path:
        scene, _, path = record.sequence.partition("/")
        return self._root / scene / "_detail" / path

    def _depth(self, record: Record, image: np.ndarray) -> np.ndarray:
        import torch  # for which a list of data sets should not wait

        from leadline.geometry.depth import ray_distance_to_depth

        scene, _, camera = record.sequence.partition("/")
        path = self._root / scene / f"images/scene_{camera}_geometry_hdf5/frame.{record.frame:04d}.depth_meters.hdf5"
        length = same_size(_read_hdf5(path, num_axes=2), image, path=path).astype(np.float32)
        length[~(np.isfinite(length) & (length > 0))] = 0
        return ray_distance_to_depth(torch.from_numpy(length), torch.from_numpy(self.K).float()).numpy()

    def _cam_from_world(self, record: Record) -> np.ndarray:
        folder = self._poses_folder(record)
        poses = _read_poses(folder, _metres_per_unit(folder.parent / "metadata_scene.csv"))
        if record.frame not in poses:
            path = folder / "camera_keyframe_frame_indices.hdf5"
            raise UserError(path, f"has no frame {record.frame}", "download the _detail folder of this scene again")
        return poses[record.frame]


@lru_cache(maxsize=16)
def _read_poses(folder: Path, metres_per_unit: float) -> dict[int, np.ndarray]:
    """cam_from_world of each frame of one camera path."""
    names = ("frame_indices", "positions", "orientations")
    paths = [folder / f"camera_keyframe_{name}.hdf5" for name in names]
    frames, positions, orientations = (_read_hdf5(path, num_axes=axes) for path, axes in zip(paths, (1, 2, 3), strict=True))
    if positions.shape != (len(frames), 3) or orientations.shape != (len(frames), 3, 3):
        wrong = f"{len(frames)} frames have positions {positions.shape} and orientations {orientations.shape}"
        raise UserError(folder, wrong, "download the _detail folder of this scene again")
    poses = {}
    for frame, position, orientation in zip(frames, positions, orientations, strict=True):
        world_from_cam = np.eye(4)
        world_from_cam[:3, :3], world_from_cam[:3, 3] = orientation, position * metres_per_unit
        poses[int(frame)] = invert(rigid(world_from_cam, path=paths[2]) @ _FROM_Y_UP)
    return poses


@lru_cache(maxsize=64)
def _metres_per_unit(path: Path) -> float:
    rows = existing_file(path, what="table of the scene").read_text(encoding="utf-8", errors="replace").splitlines()
    values = {name.strip(): value for name, _, value in (row.partition(",") for row in rows)}
    try:
        metres = float(values["meters_per_asset_unit"])
    except (KeyError, ValueError) as error:
        raise UserError(path, f"does not say meters_per_asset_unit ({error})", "download the _detail folder again") from error
    if not 0 < metres < float("inf"):
        raise UserError(path, f"states {metres:g} metres per unit", "download the _detail folder again")
    return metres


def _read_split_table(path: Path, split: str) -> set[tuple[str, int]]:
    """(sequence, frame) of the pictures of `split` that are in the public release."""
    wanted = ("scene_name", "camera_name", "frame_id", "included_in_public_release", "split_partition_name")
    if not path.exists():
        raise CARD.absent(path, "does not exist, so its splits are unknown")
    with existing_file(path, what="table of splits").open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        missing = [name for name in wanted if name not in (table.fieldnames or ())]
        if missing:
            raise UserError(path, f"has no column {', '.join(missing)}", "download the table again")
        rows = [row for row in table if row["split_partition_name"] == split and row["included_in_public_release"] == "True"]
    return {(f"{row['scene_name']}/{row['camera_name']}", int(row["frame_id"])) for row in rows}


def _read_hdf5(path: Path, *, num_axes: int) -> np.ndarray:
    """The array in a Hypersim file, which is called `dataset`."""
    h5py = _h5py()
    try:
        with h5py.File(existing_file(path, what="HDF5 file"), "r") as file:
            stored = file["dataset"]
            if stored.ndim != num_axes or stored.size > MAX_PIXELS:
                raise UserError(path, f"holds an array of shape {stored.shape}", f"one with {num_axes} axes is expected here")
            return stored[()]
    except (OSError, KeyError, RuntimeError, AttributeError) as error:
        raise UserError(path, f"is a broken or truncated HDF5 file ({str(error).splitlines()[0]})", "download it again") from error


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UserError("hypersim", "reading HDF5 needs h5py, which is not installed", "pip install 'leadline[data]'") from error
    return h5py
