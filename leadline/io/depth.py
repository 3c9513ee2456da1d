"""Depth files: one pair of functions for every format, and what is known about the values travels with them.

PNG (16 bit), EXR, TIFF and NPZ carry it inside; all but NPZ also get a sidecar `name.json`, which is all that .npy and
PFM have. A reader asks the file first, then the sidecar, then its caller.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leadline.geometry.camera import checked_K
from leadline.io.depth_about import About, RawDepth, read_sidecar, write_sidecar
from leadline.io.depth_array import read_array, write_npy, write_npz
from leadline.io.depth_float import read_exr, read_pfm, read_tiff, write_exr, write_pfm, write_tiff
from leadline.io.depth_png import encode_metres, encode_relative, read_png, write_png
from leadline.io.source import Blob, Source, existing_file
from leadline.types import DepthKind, ScaleSource, UserError

SUFFIXES = (".png", ".npz", ".npy", ".exr", ".pfm", ".tiff", ".tif")
"""Endings of the depth formats, all of which are read and written."""

PNG_SCALE = 256.0
"""Stored units per metre of a 16-bit PNG that does not say otherwise, as in KITTI: up to 255.99 m in steps of 4 mm."""


@dataclass(frozen=True, eq=False)
class DepthFile:
    """A depth map with what is known about it.

    `values` float32 (h, w) are metres for the metric kind. `valid` bool (h, w) is always an array after construction,
    False where a value is not finite or, for metric and scale-invariant depth, not positive; `values` are 0 there.
    `K` (3, 3) [px] belongs to this resolution. Raises UserError when the arrays do not fit together.
    """

    values: np.ndarray
    valid: np.ndarray | None = None
    kind: DepthKind = DepthKind.METRIC
    K: np.ndarray | None = None
    model: str = "unknown"
    scale_source: ScaleSource = ScaleSource.NONE

    def __post_init__(self) -> None:
        """Check the shapes once, and make invalid what cannot be depth."""
        with np.errstate(over="ignore"):  # beyond float32 is infinity, hence invalid
            values = np.asarray(self.values).astype(np.float32)
        if values.ndim != 2 or values.size == 0:
            raise UserError("depth", f"values have shape {values.shape}", "give one depth map (height, width)")
        usable = np.isfinite(values)
        if self.valid is not None:
            if np.shape(self.valid) != values.shape:
                raise UserError("depth", f"valid has shape {np.shape(self.valid)}, values {values.shape}", "give both at one size")
            usable &= np.asarray(self.valid, dtype=bool)
        kind = DepthKind(self.kind)
        if kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
            usable &= values > 0
        object.__setattr__(self, "values", np.where(usable, values, np.float32(0)))
        object.__setattr__(self, "valid", usable)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "scale_source", ScaleSource(self.scale_source))
        if self.K is not None:
            object.__setattr__(self, "K", checked_K(self.K, subject="depth"))

    @property
    def usable(self) -> np.ndarray:
        """`valid` as an array (h, w), for readers that want no None."""
        assert self.valid is not None
        return self.valid


def read_depth(path: Source, *, scale: float | None = None, kind: DepthKind | None = None) -> DepthFile:
    """The depth map in `path`, in the format that its ending names.

    `scale` [stored units per metre] is for files that say nothing about themselves: metres = stored / scale; `kind` is
    what those hold, metric unless given. What a file or its sidecar states is obeyed instead. Without any of them a
    16-bit PNG counts 256 units per metre, floating-point files are in metres, and other integers are refused. A map
    without one valid pixel is read, `valid` being all False.
    Raises UserError naming the file when it is missing, broken or not a depth map.
    """
    source = path
    path = source.path if isinstance(source, Blob) else existing_file(source, what="depth map")
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise UserError(path, f"cannot be read with a scale of {scale:g}", "give stored units per metre, for example 256 or 1000")
    raw = _read_raw(source if isinstance(source, Blob) else path)
    about = raw.about or (None if isinstance(source, Blob) else read_sidecar(path))
    if np.issubdtype(raw.values.dtype, np.integer):
        values, holes = _counted(raw.values, about, scale, path), raw.values == 0
    else:
        foreign_scale = scale if scale is not None and about is None else 1.0
        values, holes = raw.values / np.float32(foreign_scale), False
    valid = np.logical_not(holes) if raw.valid is None else raw.valid & np.logical_not(holes)
    about = about or About(kind=kind or DepthKind.METRIC)
    return DepthFile(
        values=values,
        valid=np.broadcast_to(valid, values.shape),
        kind=about.kind,
        K=about.K,
        model=about.model,
        scale_source=about.scale_source,
    )


def write_depth(
    path: str | Path, depth_file: DepthFile, *, png_scale: float = PNG_SCALE, sidecar: bool = True, quick: bool = False
) -> None:
    """Write a depth map in the format that the ending of `path` names, and beside it the sidecar `name.json`.

    PNG stores metric depth as metres x `png_scale`; a relative kind has no unit and is spread over the full 16 bits.
    Invalid pixels are 0 in PNG and for metric and scale-invariant depth, NaN elsewhere. NPZ holds everything itself and
    has no sidecar. `quick` packs a PNG less tightly, in a fraction of the time. Raises UserError when depth does not fit into
    16 bits (naming the scale that would), for an unknown ending, or where the file cannot be written.
    """
    path = Path(path)
    about = About(kind=depth_file.kind, K=depth_file.K, model=depth_file.model, scale_source=depth_file.scale_source)
    match path.suffix.lower():
        case ".png" if depth_file.kind is DepthKind.METRIC:
            about = replace(about, scale=float(png_scale))
            write_png(path, encode_metres(path, depth_file.values, depth_file.usable, scale=png_scale), about, quick=quick)
        case ".png":
            stored, scale, offset = encode_relative(depth_file.values, depth_file.usable)
            about = replace(about, scale=scale, offset=offset)
            write_png(path, stored, about, quick=quick)
        case ".npz":
            write_npz(path, depth_file.values, depth_file.usable, about)
            return
        case ".npy":
            write_npy(path, _with_holes(depth_file))
        case ".pfm":
            write_pfm(path, _with_holes(depth_file))
        case ".exr":
            write_exr(path, _with_holes(depth_file), about)
        case ".tif" | ".tiff":
            write_tiff(path, _with_holes(depth_file), about)
        case _:
            raise _unknown_ending(path)
    if sidecar:
        write_sidecar(path, about)


def _read_raw(source: Path | Blob) -> RawDepth:
    if isinstance(source, Blob):
        if source.path.suffix.lower() != ".png":
            raise UserError(source.path, "is not read from memory", "unpack the archive that it lies in")
        return read_png(source)
    path = source
    match path.suffix.lower():
        case ".png":
            return read_png(path)
        case ".npz" | ".npy":
            return read_array(path)
        case ".pfm":
            return RawDepth(read_pfm(path))
        case ".exr":
            return read_exr(path)
        case ".tif" | ".tiff":
            return read_tiff(path)
        case _:
            raise _unknown_ending(path)


def _counted(stored: np.ndarray, about: About | None, scale: float | None, path: Path) -> np.ndarray:
    """Values of integers, by what is stated about them, in the order of trust."""
    if about is not None and about.scale is not None:
        return stored / about.scale + about.offset
    if scale is not None:
        return stored / scale
    if path.suffix.lower() != ".png":
        raise UserError(
            path, f"holds {stored.dtype} numbers in an unknown unit", "give their scale (units per metre) or save metres as float32"
        )
    if stored.dtype == np.uint8:
        raise UserError(
            path,
            "is an 8-bit picture, too coarse to be taken for depth",
            "give the 16-bit PNG, NPZ or EXR that was saved beside it, or the scale (units per metre) if it is depth",
        )
    return stored / PNG_SCALE


def _with_holes(depth_file: DepthFile) -> np.ndarray:
    """Values for formats without a validity layer: 0 marks a hole where 0 cannot be a value, NaN elsewhere."""
    if depth_file.kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
        return depth_file.values
    return np.where(depth_file.usable, depth_file.values, np.float32(np.nan))


def _unknown_ending(path: Path) -> UserError:
    return UserError(path, f"'{path.suffix}' is not a depth format", f"use one of {', '.join(SUFFIXES)}")
