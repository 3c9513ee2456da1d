"""One view or one scan of a rendered data set as it goes into an archive: smaller, and with what that has cost, measured."""

import io
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leadline.io.archive import FolderFiles, member_bytes
from leadline.io.depth import PNG_SCALE, read_depth
from leadline.io.depth_about import About
from leadline.io.depth_png import encode_png, read_png
from leadline.io.image import encode_image, read_image, read_labels
from leadline.io.jsonfile import as_json, read_json
from leadline.io.npzfile import has_npz_array, read_npz_array
from leadline.io.source import Blob, Source
from leadline.types import DepthKind, ScaleSource, UserError

VIEW_BYTES = 40_000
"""A picture of 192x320 with depth and material takes this much at most; larger ones in proportion to their pixels, smaller ones, of
which every pixel says more, in proportion to their sides."""
_VIEW_PIXELS = 192 * 320
LIDAR_STEP_M = 0.01
"""Points are rounded to this; 16 bits reach 327 m."""
_STORED = {"normals": "normal.png", "instance": "instance.png", "material": "material.png"}
_PICTURES = ("rgb", "diffuse", "albedo")


@dataclass(frozen=True)
class Rung:
    """One way to encode: quality of JPEG, and how many steps of the stored depth become one."""

    quality: int
    depth_factor: int


LADDER = tuple(Rung(quality, factor) for quality, factor in ((95, 1), (92, 1), (90, 1), (85, 1), (80, 1), (80, 2), (75, 4), (70, 4)))
"""From fine to coarse. A factor of 4 leaves 4 mm in rooms and 16 mm in streets."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Members of one view or one scan, and sums of what they have lost."""

    members: tuple[tuple[str, bytes], ...]
    basic_bytes: int = 0
    """Of picture, depth, material and meta.json."""
    fullness: float = 0.0
    """Those bytes, over what a view of its size may take."""
    num_known: int = 0
    largest_m: float = 0.0
    sum_m: float = 0.0
    largest_relative: float = 0.0
    sum_relative: float = 0.0
    squared_rgb: float = 0.0
    num_rgb: int = 0
    depth_steps_per_m: float | None = None


class ViewEncoder:
    """One view, read once and encoded in one way or several."""

    def __init__(self, files: FolderFiles, view: str, layers: Collection[str]) -> None:
        self._view = view
        self._pictures = {name: read_image(picture_file(files, view, name)) for name in _PICTURES if name == "rgb" or name in layers}
        depth_path = files.root / view / "depth.png"
        raw = read_png(depth_path)
        about = raw.about or About(model="rendered", scale_source=ScaleSource.TRUTH)
        if about.kind is not DepthKind.METRIC or about.offset != 0 or raw.values.dtype != np.uint16:
            raise UserError(depth_path, "is not 16-bit depth in metres", "render this scene again")
        if raw.values.shape != self._pictures["rgb"].shape[:2]:
            raise UserError(depth_path, "has another size than its picture", "render this scene again")
        self._stored, self._about, self._scale = raw.values, about, about.scale or PNG_SCALE
        self._fixed = {
            _STORED[name]: encode_image(_STORED[name], _as_stored(name, files.root / view / _STORED[name]), smallest=True)
            for name in _STORED
            if name in layers
        }
        self._fixed["meta.json"] = as_json(read_json(files.root / view / "meta.json"), compact=True)
        self._done: dict[tuple[str, int], bytes] = {}

    def encoded(self, rung: Rung, *, measure: bool) -> Encoded:
        """Its members at `rung`; with `measure` they are read back to see what has been lost."""
        contents = {f"{name}.jpg": self._jpeg(name, rung.quality) for name in self._pictures}
        contents |= {"depth.png": self._depth(rung.depth_factor)} | self._fixed
        members = tuple((f"{self._view}/{name}", contents[name]) for name in sorted(contents))
        basic = ("rgb.jpg", "depth.png", "material.png", "meta.json")
        size = sum(member_bytes(f"{self._view}/{name}", len(contents[name])) for name in basic)
        share = self._stored.size / _VIEW_PIXELS
        fullness = size / (VIEW_BYTES * max(share, share**0.5))
        encoded = Encoded(members, size, fullness, depth_steps_per_m=self._scale / rung.depth_factor)
        return self._measured(encoded, contents) if measure else encoded

    def _measured(self, encoded: Encoded, contents: dict[str, bytes]) -> Encoded:
        path = Path(self._view)
        known = self._stored > 0
        before = (self._stored[known] / self._scale).astype(np.float32).astype(np.float64)  # as readers have it
        after = read_depth(Blob(path / "depth.png", contents["depth.png"])).values
        if not np.array_equal(after > 0, known):
            raise AssertionError(f"{self._view}: packing changed which pixels have depth")
        off = np.abs(after[known].astype(np.float64) - before)
        rgb = self._pictures["rgb"].astype(np.float64) - read_image(Blob(path / "rgb.jpg", contents["rgb.jpg"]))
        return replace(
            encoded,
            num_known=off.size,
            largest_m=float(off.max(initial=0)),
            sum_m=float(off.sum()),
            largest_relative=float((off / before).max(initial=0)),
            sum_relative=float((off / before).sum()),
            squared_rgb=float((rgb**2).sum()),
            num_rgb=rgb.size,
        )

    def _jpeg(self, name: str, quality: int) -> bytes:
        key = name, quality
        if key not in self._done:
            self._done[key] = encode_image(f"{name}.jpg", self._pictures[name], quality=quality, smallest=True)
        return self._done[key]

    def _depth(self, factor: int) -> bytes:
        key = "depth", factor
        if key not in self._done:
            coarse = np.where(self._stored > 0, np.rint(self._stored / factor).clip(1, None), 0).astype(np.uint16)
            self._done[key] = encode_png(coarse, replace(self._about, scale=self._scale / factor), smallest=True)
        return self._done[key]


def _as_stored(layer: str, path: Path) -> np.ndarray:
    return read_image(path) if layer == "normals" else read_labels(path)


def picture_file(files: FolderFiles, view: str, name: str) -> Source:
    """The picture `name` of a view, which is .png as rendered or .jpg."""
    return files.file(f"{view}/{name}.jpg" if f"{view}/{name}.jpg" in files else f"{view}/{name}.png")


def encode_scan(files: FolderFiles, frame: str) -> Encoded:
    """Points in whole steps of LIDAR_STEP_M; time and place of the sweep are kept, intensity and time of the echoes stay
    in the folder."""
    path = files.root / frame / "lidar.npz"
    points = read_npz_array(path, "points", what="LiDAR scan", remedy="render this scene again")
    steps = np.rint(points / LIDAR_STEP_M)
    if np.abs(steps).max(initial=0) > np.iinfo(np.int16).max:
        raise UserError(path, "has points beyond 327 m", "leave the layer lidar out")
    buffer = io.BytesIO()
    sweep = {
        key: read_npz_array(path, key, what="LiDAR scan", remedy="render this scene again")
        for key in ("sweep_time_s", "world_from_rig")
        if has_npz_array(path, key)
    }
    np.savez_compressed(buffer, allow_pickle=False, points=steps.astype(np.int16), step_m=np.float64(LIDAR_STEP_M), **sweep)
    return Encoded(((f"{frame}/lidar.npz", buffer.getvalue()),))


def added(a: Encoded, b: Encoded) -> Encoded:
    """The losses of both together, without their members."""
    return Encoded(
        (),
        num_known=a.num_known + b.num_known,
        largest_m=max(a.largest_m, b.largest_m),
        sum_m=a.sum_m + b.sum_m,
        largest_relative=max(a.largest_relative, b.largest_relative),
        sum_relative=a.sum_relative + b.sum_relative,
        squared_rgb=a.squared_rgb + b.squared_rgb,
        num_rgb=a.num_rgb + b.num_rgb,
    )
