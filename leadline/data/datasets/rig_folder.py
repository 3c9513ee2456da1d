"""A plain rig folder: recordings of one's own with several cameras, without a format to learn.

ROOT/rig.json                            the cameras, as `leadline/io/rigs/*.json` describe them; masks are optional
ROOT/[SEQUENCE/]MOMENT/CAMERA.jpg        or another picture; one per camera, named as in rig.json
ROOT/[SEQUENCE/]MOMENT/CAMERA_depth.png  optional: 16 bits, 256 units per metre unless the file says otherwise, 0 = none
ROOT/[SEQUENCE/]MOMENT/moment.json       optional: {"time_s": 0.1, "world_from_rig": {"q_wxyz": [1, 0, 0, 0], "t": [0, 0, 0]}}

Moments are ordered by the last number of their names. That number is the frame, so that a gap is known as one, unless most
numbers in between are absent (times, for example); then moments are counted. Published splits and counts: none.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import path_inside
from leadline.data.rigs import check_centre, picture_of, present, read_usable, reading, sensor_pose
from leadline.data.splits import choose_named, read_split
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.io.depth import read_depth
from leadline.io.image import SUFFIXES
from leadline.io.jsonfile import read_json
from leadline.io.rig import read_rig
from leadline.types import DepthKind, UserError

CARD = DatasetCard(
    kind="rig",
    summary="a plain folder with the moments of several cameras",
    needs="rig.json, [SEQUENCE/]MOMENT/CAMERA.jpg; optional CAMERA_depth.png (16 bit), moment.json (time_s, world_from_rig)",
    layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
    splits="a text file: folders of moments or sequences relative to the root",
    units="16-bit PNG, metres x 256 unless the file says otherwise",
    invalid="0",
    camera="rig.json",
    licence="yours",
    get="put your recordings there",
    status=FIXTURE_ONLY,
)
LAYOUT = "a rig folder holds rig.json and MOMENT/CAMERA.jpg or SEQUENCE/MOMENT/CAMERA.jpg, cameras named as in rig.json"
SPARSE_BELOW = 0.3
"""Depth known for less than this share of the pixels is taken for single measurements (LiDAR), not for a surface."""

LATEST_S = 1e10
"""Since 1970 that is the year 2286; milliseconds are beyond it since April 1970."""


class RigFolder:
    """Moments below `root`. Raises UserError naming what was looked for.

    `split` is a text file whose lines are folders of moments or of sequences, relative to `root`.
    """

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self._rig_path = present(root / "rig.json", LAYOUT)
        rig = read_rig(self._rig_path)
        self._cameras = {camera.name: camera for camera in rig.cameras}
        _check_names(list(self._cameras), self._rig_path)
        for camera in rig.cameras:
            check_centre(camera, subject=self._rig_path)
        self._folders: dict[Record, Path] = {}
        for sequence, folders in _sequences(root, set(self._cameras)):
            for frame, folder in zip(_frames([folder.name for folder in folders]), folders, strict=True):
                there = _pictures(folder, set(self._cameras))
                cameras = tuple(name for name in self._cameras if name in there)
                self._folders[Record(sequence=sequence, frame=frame, cameras=cameras)] = folder
        if not self._folders:
            raise UserError(root, f"holds no picture of {', '.join(self._cameras)}", LAYOUT)
        self.moments: Sequence[Record] = list(self._folders)
        self.records: Sequence[Record] = self.moments if split is None else self._chosen(split)
        self.layers = self._layers_on_disk()
        """What the first moment has files for."""

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"rig:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one image. Raises UserError for a missing or broken file, or one of another size than rig.json says."""
        folder, seen_by = self._folders[record], self._cameras[camera]
        path = _pictures(folder, {camera}).get(camera, folder / f"{camera}.jpg")
        depth = _read_depth(folder / f"{camera}_depth.png", seen_by) if "depth" in layers else None
        usable = None
        if "usable" in layers and seen_by.mask_path is not None:
            usable = read_usable(Path(seen_by.mask_path), seen_by)
        return View(
            image=picture_of(seen_by, path),
            camera=seen_by,
            path=path,
            depth=depth,
            cam_from_world=self._cam_from_world(folder, seen_by) if "cam_from_world" in layers else None,
            time_s=_time_s(folder / "moment.json") if "time_s" in layers else None,
            usable=usable,
            sparse=depth is not None and bool((depth > 0).mean() < SPARSE_BELOW),
        )

    def _cam_from_world(self, folder: Path, camera: Camera) -> np.ndarray:
        path = folder / "moment.json"
        with reading(path, "the file", f"write world_from_rig as in {LAYOUT}"):
            pose = read_json(path)["world_from_rig"]
            q, t = pose["q_wxyz"], pose["t"]
        assert camera.rig_from_cam is not None
        return invert(sensor_pose(q, t, subject=path, where="world_from_rig") @ camera.rig_from_cam)

    def _layers_on_disk(self) -> frozenset[str]:
        record = self.moments[0]
        folder = self._folders[record]
        layers = {"cam_from_rig"}
        if any((folder / f"{camera}_depth.png").exists() for camera in record.cameras):
            layers.add("depth")
        if any(camera.mask_path is not None for camera in self._cameras.values()):
            layers.add("usable")
        if (folder / "moment.json").exists():
            about: dict[str, Any] = read_json(folder / "moment.json")
            layers |= {layer for layer, key in (("time_s", "time_s"), ("cam_from_world", "world_from_rig")) if key in about}
        return frozenset(layers)

    def _chosen(self, split: str) -> list[Record]:
        named: dict[str, list[Record]] = {}
        for record, folder in self._folders.items():
            for name in {record.sequence, folder.relative_to(self._root).as_posix()}:
                named.setdefault(name, []).append(record)
        lines = [
            path_inside(self._root, line, listed_in=split).relative_to(self._root).as_posix() for line in read_split(split, root=self._root)
        ]
        return choose_named(split, lines, self.moments, named, root=self._root)


def _check_names(names: list[str], rig_path: Path) -> None:
    for name in names:
        if path_inside(rig_path.parent, name, listed_in=rig_path).parent != rig_path.parent:
            raise UserError(rig_path, f"has a camera named '{name}'", "name cameras without slashes: pictures are named after them")
        if name.removesuffix("_depth") in set(names) - {name}:
            raise UserError(rig_path, f"has a camera named '{name}', which is the name of a depth file", "give it another name")


def _sequences(root: Path, names: set[str]) -> Iterator[tuple[str, list[Path]]]:
    """Sequences and their moments: folders that hold a picture of one of the cameras `names`."""
    below = _folders(root)
    direct = [folder for folder in below if _pictures(folder, names)]
    if direct:
        yield ".", sorted(direct, key=_order)
    for folder in below:
        inner = [moment for moment in _folders(folder) if _pictures(moment, names)]
        if inner:
            yield folder.name, sorted(inner, key=_order)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())


def _pictures(folder: Path, names: set[str]) -> dict[str, Path]:
    with os.scandir(folder) as entries:
        found = sorted(Path(entry.path) for entry in entries)
    return {path.stem: path for path in found if path.suffix.lower() in SUFFIXES and path.stem in names}


def _order(folder: Path) -> tuple[int, str]:
    number = _number(folder.name)
    return (-1 if number is None else number), folder.name


def _number(name: str) -> int | None:
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else None


def _frames(names: list[str]) -> list[int]:
    numbers = [number for name in names if (number := _number(name)) is not None]
    is_count = len(set(numbers)) == len(names) and max(numbers) - min(numbers) + 1 < 2 * len(names)
    return numbers if is_count else list(range(len(names)))


def _read_depth(path: Path, camera: Camera) -> np.ndarray:
    depth = read_depth(present(path, "put the depth of this camera there: 16-bit PNG, 256 units per metre, 0 = none"))
    if depth.kind is not DepthKind.METRIC:
        raise UserError(path, f"holds {depth.kind.value} values, not metres", "give metric depth")
    if depth.values.shape != (camera.height, camera.width):
        wrong = f"is {depth.values.shape[1]}x{depth.values.shape[0]}, the pictures of {camera.name} are {camera.width}x{camera.height}"
        raise UserError(path, wrong, "give depth at the size of the pictures")
    return depth.values


def _time_s(path: Path) -> float:
    with reading(path, "the file", "write the moment's time in seconds"):
        time_s = float(read_json(path)["time_s"])
    if not abs(time_s) < LATEST_S:
        wrong = f"has time_s = {time_s:g}, which is no time in seconds (that would be the year {1970 + time_s / 3.156e7:.0f})"
        raise UserError(path, wrong, "write seconds: milliseconds / 1e3, microseconds / 1e6, nanoseconds / 1e9")
    return time_s
