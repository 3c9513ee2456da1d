"""NYU Depth v2: indoor frames of a Kinect, depth in millimetres registered to the colour camera. Silberman et al., ECCV 2012.

Two layouts are read: `annotations.json` ("files": rgb, depth, intrinsics, depth_scale), or folders `rgb/` and `depth/` in
which pictures and 16-bit PNG pair up by their folder and the last number of their names.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.faults import one_record
from leadline.data.reading import path_inside, pictures, read_counts
from leadline.data.splits import read_split, refuse_absent
from leadline.geometry.camera import Camera, from_integer_centres
from leadline.io.image import SUFFIXES, read_image
from leadline.io.jsonfile import read_json
from leadline.types import UserError

CARD = DatasetCard(
    kind="nyu",
    summary="NYU Depth v2: indoor RGB-D pairs",
    needs="rgb/ and depth/ (16-bit PNG, millimetres), or annotations.json that lists the pairs",
    layers=("depth", "usable"),
    splits="a text file: image paths relative to the root",
    units="16-bit PNG, millimetres (annotations.json may say otherwise)",
    invalid="0",
    camera="published for 640x480, or in annotations.json",
    licence="research use",
    get="cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
    status=ON_REAL_FILES,
    counts={"test": 654, "train": 795},
)
CAMERA = "kinect"


@dataclass(frozen=True)
class Frame:
    """The files of one frame and what is known about them."""

    image: Path
    depth: Path
    scale: float
    K: np.ndarray | None = None
    """As published, the first pixel's centre at (0, 0)."""


class Nyu:
    """Pairs of colour and depth below `root`. Raises UserError naming what was looked for when the folder has no pairs."""

    MIN_DEPTH_M, MAX_DEPTH_M = 0.5, 10.0
    UNITS_PER_M = 1000.0
    HEIGHT, WIDTH = 480, 640
    K = np.array([[518.8579, 0.0, 325.58245], [0.0, 519.46961, 253.73617], [0.0, 0.0, 1.0]])
    """Of the colour camera at 640x480 [px], from the data set's toolbox; integer pixel centres."""
    layers = frozenset({"depth", "usable"})
    WHITE_BORDER_PX = 8
    """Undistortion left a white frame around every picture."""

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        listed = root / "annotations.json"
        frames = _listed_frames(root, listed) if listed.exists() else _paired_frames(root)
        self._frames = {_record(frame, root): frame for frame in frames}
        self.moments: Sequence[Record] = sorted(self._frames, key=lambda record: (record.sequence, record.frame))
        if len(self.moments) < len(frames):
            raise UserError(root, "two frames have the same folder and number", "number the pictures of a folder uniquely")
        self.records: Sequence[Record] = self.moments if split is None else self._chosen(split)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"nyu:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one frame. Raises UserError for a broken file, depth of another size, or unknown intrinsics."""
        frame = self._frames[record]
        image = read_image(frame.image)
        height, width = image.shape[:2]
        depth = usable = None
        if "depth" in layers:
            depth = _read_depth(frame)
            if depth.shape != (height, width):
                raise UserError(
                    frame.depth, f"is {depth.shape[1]}x{depth.shape[0]}, its picture {width}x{height}", "give depth of one size"
                )
        if "usable" in layers:
            usable = np.zeros((height, width), dtype=bool)
            edge = self.WHITE_BORDER_PX
            usable[edge:-edge, edge:-edge] = True
        K = self._K(frame, height, width)
        camera_of_view = Camera(K=from_integer_centres(K), width=width, height=height, name=camera)
        return View(image=image, camera=camera_of_view, path=frame.image, depth=depth, usable=usable)

    def _K(self, frame: Frame, height: int, width: int) -> np.ndarray:
        if frame.K is not None:
            return frame.K
        if (height, width) != (self.HEIGHT, self.WIDTH):
            wrong = f"is {width}x{height}, and the intrinsics are known for {self.WIDTH}x{self.HEIGHT}"
            raise UserError(frame.image, wrong, "give the original size, or list intrinsics in annotations.json")
        return self.K

    def _chosen(self, split: str) -> list[Record]:
        by_image = {frame.image.relative_to(self._root).as_posix(): record for record, frame in self._frames.items()}
        lines = [line.split()[0] for line in read_split(split, root=self._root)]
        refuse_absent(split, [line for line in lines if line not in by_image], total=len(lines), root=self._root)
        return [by_image[line] for line in lines if line in by_image]


def _read_depth(frame: Frame) -> np.ndarray:
    """Depth [m]."""
    return read_counts(frame.depth).astype(np.float32) / np.float32(frame.scale)


def _record(frame: Frame, root: Path) -> Record:
    number = _number(frame.image)
    if number is None:
        raise UserError(frame.image, "has no number in its name", "name pictures like rgb_00012.jpg")
    return Record(sequence=frame.image.parent.relative_to(root).as_posix(), frame=number, cameras=(CAMERA,))


def _number(path: Path) -> int | None:
    numbers = re.findall(r"\d+", path.stem)
    return int(numbers[-1]) if numbers else None


def _listed_frames(root: Path, listed: Path) -> list[Frame]:
    frames = list[Frame]()
    with _listing(listed):
        for entry in read_json(listed)["files"]:
            with one_record(), _listing(listed):
                frames.append(_listed_frame(root, entry))
    return frames


@contextmanager
def _listing(listed: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wrong = f"does not list the pairs as expected ({type(error).__name__}: {error})"
        raise UserError(listed, wrong, 'write {"files": [{"rgb": ..., "depth": ..., "depth_scale": 1000}]}') from error


def _listed_frame(root: Path, entry: dict[str, Any]) -> Frame:
    K = None
    if entry.get("intrinsics") is not None:
        fx, fy, cx, cy = (float(entry["intrinsics"][key]) for key in ("fx", "fy", "cx", "cy"))
        K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    scale = float(entry.get("depth_scale", Nyu.UNITS_PER_M))
    return Frame(image=_named(root, entry["rgb"]), depth=_named(root, entry["depth"]), scale=scale, K=K)


def _named(root: Path, path: str) -> Path:
    return path_inside(root, path, listed_in=root / "annotations.json")


def _paired_frames(root: Path) -> list[Frame]:
    absent = [f"{name}/" for name in ("rgb", "depth") if not (root / name).is_dir()]
    if absent:
        raise CARD.absent(root, f"has no {' and no '.join(absent)}")
    stored = (path for path in pictures(root / "depth") if path.suffix.lower() == ".png")
    depths = {(path.parent.relative_to(root / "depth"), _number(path)): path for path in stored}
    frames = []
    for image in pictures(root / "rgb"):
        depth = depths.get((image.parent.relative_to(root / "rgb"), _number(image)))
        if depth is None:
            raise UserError(image, "has no depth with the same number", f"put its 16-bit PNG below {root / 'depth'}, or remove the picture")
        frames.append(Frame(image=image, depth=depth, scale=Nyu.UNITS_PER_M))
    if not frames:
        raise UserError(root / "rgb", f"holds no picture ({' '.join(SUFFIXES)})", "give a folder with pairs in rgb/ and depth/")
    return frames
