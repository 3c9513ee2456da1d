"""One compact archive of a rendered data set: pictures as JPEG, depth as 16-bit PNG, in the layout of the folder, so that it is read
without unpacking and may be unpacked all the same.

Quality is given up step by step until the archive fits, depth last. What depth has lost is measured on the bytes that are written
and stands in dataset.json under "packed".
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from leadline.io.archive import ArchiveWriter, FolderFiles, member_bytes, new_archive
from leadline.io.atomic import writable_folder
from leadline.io.jsonfile import as_json
from leadline.scenes.layout import frames, read_about, views
from leadline.scenes.pack_view import LADDER, LIDAR_STEP_M, Encoded, Rung, ViewEncoder, added, encode_scan
from leadline.types import UserError

ALWAYS = ("depth", "material")
OPTIONAL = ("diffuse", "albedo", "normals", "instance", "lidar")
_TRIED_VIEWS = 24
"""Views that are encoded in every way to choose one."""


@dataclass(frozen=True)
class DepthError:
    """Packed depth against depth.png of the folder, over all pixels with depth."""

    largest_m: float
    mean_m: float
    largest_relative: float
    mean_relative: float


@dataclass(frozen=True)
class Packed:
    """What was packed, and what it cost."""

    path: Path
    num_views: int
    num_bytes: int
    largest_view_bytes: int
    """Of picture, depth, material and meta.json."""
    layers: tuple[str, ...]
    quality: int
    depth_steps_per_m: tuple[float, ...]
    depth_error: DepthError
    rgb_psnr_db: float
    """Of the pictures against those of the folder; infinite where they are equal."""

    def to_record(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"path": str(self.path), "bytes_per_view": self.num_bytes / self.num_views}


def pack(
    out: Path,
    archive: Path,
    *,
    max_bytes: int | None = None,
    layers: Collection[str] = (),
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Packed:
    """Write the rendered data set in the folder `out` as `archive`, in the finest quality that fits.

    No view of the archive takes more than VIEW_BYTES, and the archive no more than `max_bytes`; given `max_bytes`, a set with a
    view above VIEW_BYTES even in the coarsest quality is packed in that. `layers` of OPTIONAL are packed beside depth and
    material. `progress` is called with the number of views just finished. Raises UserError when `out` is no rendered data set or
    has a broken file, and when nothing fits, with the size it needs.
    """
    for layer in layers:
        if layer not in OPTIONAL:
            raise UserError("--layers", f"'{layer}' is no layer to add", f"choose from {', '.join(OPTIONAL)}")
    if not out.is_dir():
        wrong = "is a file; what is packed is a folder of frames" if out.exists() else "does not exist"
        raise UserError(out, wrong, "give the folder that `leadline scenes FAMILY OUT` has written")
    job = _Job.of(out, archive, tuple(layer for layer in (*ALWAYS, *OPTIONAL) if layer in (*ALWAYS, *layers)), max_bytes)
    writable_folder(archive.parent)
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        if progress is not None and done > told:  # a second attempt starts again, the bar does not
            progress(done - told)
            told = done

    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for rung in LADDER[_first_rung(job, pool) :]:
            packed = _write(job, rung, pool, tell)
            if packed is not None:
                return packed
    raise AssertionError("the coarsest quality is written or refused")


@dataclass(frozen=True, eq=False)
class _Job:
    files: FolderFiles
    archive: Path
    about: dict[str, Any]
    layers: tuple[str, ...]
    frames: tuple[str, ...]
    views: tuple[str, ...]
    max_bytes: int | None

    @classmethod
    def of(cls, out: Path, archive: Path, layers: tuple[str, ...], max_bytes: int | None) -> "_Job":
        files = FolderFiles(out)
        about = read_about(files)
        found = tuple(frames(files))
        found_views = tuple(views(files))
        if not found_views:
            raise UserError(out, "holds no frame", "let `leadline scenes` finish: the same command continues")
        for frame in found if "lidar" in layers else ():
            if f"{frame}/lidar.npz" not in files:
                raise UserError(out / frame, "has no lidar.npz", "leave the layer lidar out: only rigs with a LiDAR write its points")
        return cls(files, archive, about, layers, found, found_views, max_bytes)

    def fits(self, rung: Rung, fullest: float, num_bytes: float) -> bool:
        """Whether an archive of `num_bytes` may be written whose fullest view takes that share of what a view may take."""
        if self.max_bytes is None:
            return fullest <= 1
        return num_bytes <= self.max_bytes and (fullest <= 1 or rung == LADDER[-1])


def _first_rung(job: _Job, pool: ThreadPoolExecutor) -> int:
    """Index of the finest rung that a selection of views says will fit."""
    chosen = [job.views[i] for i in np.linspace(0, len(job.views) - 1, min(len(job.views), _TRIED_VIEWS)).astype(int)]
    tried = list(pool.map(lambda view: _sizes(job, view), chosen))
    scanned = {view.rpartition("/")[0] for view in chosen} if "lidar" in job.layers else set[str]()
    scan = float(np.mean([_size(encode_scan(job.files, frame)) for frame in sorted(scanned)])) if scanned else 0.0
    for i, rung in enumerate(LADDER):
        fullest, whole = max(sizes[i][0] for sizes in tried), float(np.mean([sizes[i][1] for sizes in tried]))
        if job.fits(rung, fullest, len(job.views) * whole + len(job.frames) * scan):
            return i
    return len(LADDER) - 1


def _sizes(job: _Job, view: str) -> list[tuple[float, int]]:
    """(share of what a view may take, bytes with optional layers) of a view for every rung."""
    encoder = ViewEncoder(job.files, view, job.layers)
    return [(encoded.fullness, _size(encoded)) for encoded in (encoder.encoded(rung, measure=False) for rung in LADDER)]


def _size(encoded: Encoded) -> int:
    return sum(member_bytes(name, len(content)) for name, content in encoded.members)


def _write(job: _Job, rung: Rung, pool: ThreadPoolExecutor, tell: Callable[[int], None]) -> Packed | None:
    """The archive at this rung; None when it does not fit and a coarser one is left."""
    is_last = rung == LADDER[-1]
    try:
        with new_archive(job.archive) as writer:
            packed = _fill(writer, job, rung, pool, tell, stop_early=not is_last)
    except _TooLargeError:
        return None
    return replace(packed, num_bytes=job.archive.stat().st_size)


class _TooLargeError(Exception):
    """On its way out of an unfinished archive."""


def _fill(
    writer: ArchiveWriter, job: _Job, rung: Rung, pool: ThreadPoolExecutor, tell: Callable[[int], None], *, stop_early: bool
) -> Packed:
    total = Encoded(())
    largest, fullest, steps, done = 0, 0.0, set[float](), 0
    items = [(frame, view) for frame in job.frames for view in (*(f"{frame}/{c}" for c in job.files.folders(frame)), None)]
    for encoded in _in_order(pool, lambda item: _encode(job, rung, *item), items):
        for name, content in encoded.members:
            writer.add(name, content)
        if encoded.depth_steps_per_m is not None:
            largest, fullest = max(largest, encoded.basic_bytes), max(fullest, encoded.fullness)
            steps.add(encoded.depth_steps_per_m)
            total, done = added(total, encoded), done + 1
            tell(done)
        if stop_early and not job.fits(rung, fullest, writer.num_bytes):
            raise _TooLargeError
    error = DepthError(
        largest_m=total.largest_m,
        mean_m=total.sum_m / max(total.num_known, 1),
        largest_relative=total.largest_relative,
        mean_relative=total.sum_relative / max(total.num_known, 1),
    )
    psnr = float("inf") if total.squared_rgb == 0 else float(10 * np.log10(255**2 * total.num_rgb / total.squared_rgb))
    packed = Packed(job.archive, done, 0, largest, job.layers, rung.quality, tuple(sorted(steps)), error, psnr)
    for name, content in _descriptions(job, packed):
        writer.add(name, content)
    if not job.fits(rung, fullest, writer.num_bytes):
        if stop_early:
            raise _TooLargeError
        raise _refusal(job, packed, writer.num_bytes, fullest)
    return packed


def _encode(job: _Job, rung: Rung, frame: str, view: str | None) -> Encoded:
    """One view, or the scan of a frame where `view` is None."""
    if view is not None:
        return ViewEncoder(job.files, view, job.layers).encoded(rung, measure=True)
    return encode_scan(job.files, frame) if "lidar" in job.layers else Encoded(())


def _descriptions(job: _Job, packed: Packed) -> list[tuple[str, bytes]]:
    """dataset.json, which states what packing has done, and the rig."""
    about = job.about
    said = {
        "leadline_version": version("leadline"),
        "layers": ["rgb", *packed.layers],
        "jpeg_quality": packed.quality,
        "rgb_psnr_db": packed.rgb_psnr_db,
        "depth_steps_per_m": list(packed.depth_steps_per_m),
        "depth_error": asdict(packed.depth_error) | {"against": "depth.png as rendered, itself within half of its own step"},
        "lidar_step_m": LIDAR_STEP_M if "lidar" in packed.layers else None,
    }
    seeds = sorted({int(frame.split("/")[0].removeprefix("scene_")) for frame in job.frames})
    members = [("dataset.json", as_json(about | {"seeds": seeds, "packed": said}))]
    if about.get("rig") is None:
        return members
    masks = [camera["mask"] for camera in about["rig"]["cameras"] if camera.get("mask") is not None]
    return [*members, ("rig.json", as_json(about["rig"])), *((mask, (job.files.root / mask).read_bytes()) for mask in masks)]


def _refusal(job: _Job, packed: Packed, num_bytes: int, fullest: float) -> UserError:
    digit = 10.0 ** (np.floor(np.log10(num_bytes)) - 1)
    needed = np.ceil(num_bytes / digit) * digit / 1e6  # two digits, upwards
    step = 1 / packed.depth_steps_per_m[0]
    coarsest = f"at JPEG quality {packed.quality} and depth in steps of {step:.3g} m"
    if job.max_bytes is None:
        takes = f"has a view of {fullest:.2f} times the size that is allowed even {coarsest}"
        return UserError(job.files.root, takes, f"allow it with --max-mb {needed:g}")
    wrong = f"{job.max_bytes / 1e6:g} MB are too few: {job.files.root} takes {needed:g} MB even {coarsest}"
    return UserError("--max-mb", wrong, f"give --max-mb {needed:g}, or pack fewer layers")


_In = TypeVar("_In")
_Out = TypeVar("_Out")


def _in_order(pool: ThreadPoolExecutor, work: Callable[[_In], _Out], items: Sequence[_In]) -> Iterator[_Out]:
    """Results in the order of `items`, a few computed ahead, so that a large data set is never in memory as a whole."""
    waiting = iter(items)
    jobs = [pool.submit(work, item) for item in islice(waiting, 2 * (os.cpu_count() or 1))]
    try:
        while jobs:
            yield jobs.pop(0).result()
            jobs += [pool.submit(work, item) for item in islice(waiting, 1)]
    finally:
        for job in jobs:
            job.cancel()
