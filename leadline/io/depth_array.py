"""Depth as NumPy files. Nothing in them is ever unpickled."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.atomic import write_bytes
from leadline.io.depth_about import About, RawDepth, about_from_dict
from leadline.io.image import MAX_PIXELS
from leadline.types import UserError

_ZIP_MAGIC = b"PK\x03\x04"
_NPY_MAGIC = b"\x93NUMPY"
_DEPTH_KEYS = ("values", "depth")
"""Where a map is looked for in an archive that holds several arrays."""


def read_array(path: Path) -> RawDepth:
    """Depth from a .npy or .npz file, told apart by content. Shapes (1, h, w) and (1, 1, h, w) are flattened.

    An archive of others is read when it has a key `values` or `depth`, or a single map. Raises UserError when it holds
    Python objects, is broken or holds no map.
    """
    with path.open("rb") as file:
        magic = file.read(len(_NPY_MAGIC))
    if magic == _NPY_MAGIC:
        return RawDepth(_read_npy(path))
    if magic.startswith(_ZIP_MAGIC):
        return _read_npz(path)
    raise UserError(path, "is not a NumPy file", "write it with numpy.save or numpy.savez")


def as_map(array: np.ndarray, *, subject: str | Path) -> np.ndarray:
    """`array` as (h, w) where only one reading is possible. Raises UserError naming its shape otherwise."""
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise UserError(subject, f"holds values of type {array.dtype}", "give an array of floating-point numbers")
    shape = array.shape
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    # (1, n, 1) may be a column or a row.
    is_ambiguous = array.ndim == 3 and array.shape[0] == array.shape[2] == 1 and array.shape[1] > 1
    if len(shape) != 2 or array.size == 0 or is_ambiguous:
        raise UserError(subject, f"has shape {array.shape}, which is not one depth map", "give an array (height, width)")
    if array.size > MAX_PIXELS:
        raise UserError(subject, f"has {array.size} pixels, more than the {MAX_PIXELS // 1_000_000} million that are read", "crop it first")
    return array.reshape(shape)


def write_npy(path: Path, values: np.ndarray) -> None:
    """Write float32 (h, w) as .npy. Raises UserError where it cannot be written."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def write_npz(path: Path, values: np.ndarray, valid: np.ndarray, about: About) -> None:
    """Write `values`, `valid` and what is known about them as .npz. Raises UserError where it cannot be written."""
    known = {name: np.array(value) for name, value in about.as_dict().items() if value is not None}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, values=values, valid=valid, **known)
    write_bytes(path, buffer.getvalue())


def _read_npy(path: Path) -> np.ndarray:
    try:
        # Mapped, the header is checked against the size of the file before anything is allocated.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError) as error:
        raise _broken(path, error) from error
    return np.array(as_map(mapped, subject=path))


def _read_npz(path: Path) -> RawDepth:
    try:
        # Opened here, because numpy leaves its file open when the archive turns out to be broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if any(member.file_size > 16 * MAX_PIXELS for member in archive.zip.infolist()):
                raise UserError(path, f"holds arrays of more than {MAX_PIXELS // 1_000_000} million pixels", "crop them first")
            arrays = {name: archive[name] for name in archive.files}
    except UserError:
        raise
    except Exception as error:  # zipfile, zlib and numpy let out many kinds for broken archives
        raise _broken(path, error) from error
    return _from_arrays(arrays, path)


def _from_arrays(arrays: dict[str, np.ndarray], path: Path) -> RawDepth:
    maps = [name for name in _DEPTH_KEYS if name in arrays] or [name for name, array in arrays.items() if array.ndim >= 2]
    if not maps or (len(maps) > 1 and maps[0] not in _DEPTH_KEYS):
        raise UserError(path, f"holds the arrays {', '.join(arrays) or 'none'}", "name the depth map 'values' or 'depth'")
    values = as_map(arrays[maps[0]], subject=path)
    valid = None
    if "valid" in arrays:
        given = arrays["valid"]
        valid = given.astype(bool).reshape(values.shape) if given.size == values.size else given
        if valid.shape != values.shape:
            raise UserError(path, f"'valid' has shape {valid.shape}, the depth map {values.shape}", "give both at one size")
    said: dict[str, Any] = {name: arrays[name].tolist() for name in ("kind", "unit", "model", "scale_source") if name in arrays}
    if "K" in arrays:
        said = {"kind": "metric", "K": arrays["K"]} | said
    return RawDepth(values, valid=valid, about=about_from_dict(said, subject=path))


def _broken(path: Path, error: Exception) -> UserError:
    if "Python objects" in str(error) or "allow_pickle" in str(error):
        return UserError(
            path, "holds Python objects, which could run code when opened", "save it as a plain array of floating-point numbers"
        )
    return UserError(
        path, f"is a broken NumPy file ({str(error).splitlines()[0] if str(error) else type(error).__name__})", "write it again"
    )
