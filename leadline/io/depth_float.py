"""Depth as floating-point images of one channel: PFM, EXR and TIFF."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, UnidentifiedImageError

from leadline.io.atomic import atomic_write, write_bytes
from leadline.io.depth_about import About, RawDepth, about_from_text
from leadline.io.depth_array import as_map
from leadline.io.image import MAX_PIXELS, open_image
from leadline.types import UserError

_PFM_HEADER = re.compile(rb"(P[fF])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)(?:\r\n|\s)")
_TIFF_DESCRIPTION = 270
_EXR_MAGIC = b"\x76\x2f\x31\x01"
_EXR_DEPTH_CHANNELS = ("Z", "depth", "Depth", "Y")
_ASIDE = Lock()


def read_pfm(path: Path) -> np.ndarray:
    """Values float32 (h, w) of a grey PFM, top row first; unknown pixels are whatever the file has (often infinity).

    The file stores rows bottom to top. The sign of its scale is the byte order; the magnitude is a display hint and is
    not multiplied in. Raises UserError when it is broken or has colour.
    """
    content = path.read_bytes()
    header = _PFM_HEADER.match(content)
    if header is None:
        raise UserError(path, "is not a PFM file", "write it again, or give the depth map in another format")
    if header[1] == b"PF":
        raise UserError(path, "is a colour PFM, not a map of one channel", "give a grey PFM (Pf)")
    width, height, scale = int(header[2]), int(header[3]), float(header[4])
    stored = content[header.end() : header.end() + 4 * width * height]
    if width * height == 0 or scale == 0 or len(stored) < 4 * width * height:
        raise UserError(path, f"is a truncated or broken PFM of {width}x{height} pixels", "copy or write the file again")
    values = np.frombuffer(stored, dtype="<f4" if scale < 0 else ">f4").reshape(height, width)
    return values[::-1].astype(np.float32)


def write_pfm(path: Path, values: np.ndarray) -> None:
    """Write float32 (h, w) as a little-endian grey PFM. Raises UserError where it cannot be written."""
    height, width = values.shape
    write_bytes(path, f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes())


def read_tiff(path: Path) -> RawDepth:
    """Numbers of a TIFF with one channel. Raises UserError for a picture or a broken file."""
    try:
        with open_image(path) as image:
            if image.mode not in ("F", "I", "I;16", "I;16B", "L"):
                raise UserError(path, f"is a picture in colour mode {image.mode}, not depth", "give a TIFF of one floating-point channel")
            about = about_from_text(getattr(image, "tag_v2", {}).get(_TIFF_DESCRIPTION), subject=path)
            return RawDepth(np.array(image), about=about)
    except UserError as error:
        if isinstance(error.__cause__, UnidentifiedImageError):
            return _read_wide_tiff(path, error)
        raise


def write_tiff(path: Path, values: np.ndarray, about: About) -> None:
    """Write float32 (h, w), compressed without loss, with `about` as its description. Raises UserError where it cannot."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="TIFF", compression="tiff_adobe_deflate", tiffinfo={_TIFF_DESCRIPTION: about.as_text()})
    write_bytes(path, buffer.getvalue())


def read_exr(path: Path) -> RawDepth:
    """The depth channel of an EXR: Z, depth or Y, at any layer, else its only one, or grey saved as three equal ones.

    Raises UserError when there is no such channel or the file is broken.
    """
    with path.open("rb") as file:
        if file.read(len(_EXR_MAGIC)) != _EXR_MAGIC:
            raise UserError(path, "is not an EXR file", "write it again, or give the depth map in another format")
    import OpenEXR  # 15 ms that only users of EXR should pay

    with _quiet():
        try:
            with OpenEXR.File(str(path), separate_channels=True, num_threads=0) as file:
                channels = {name: channel.pixels for name, channel in file.channels().items()}
                header = dict(file.header())
        except (RuntimeError, ValueError) as error:
            raise UserError(path, "is a broken or truncated EXR", "copy or write the file again") from error
    name = _depth_channel(channels)
    if name is None:
        raise UserError(path, f"has the channels {', '.join(sorted(channels))}", "name the depth channel Z")
    return RawDepth(as_map(channels[name], subject=path), about=about_from_text(header.get("leadline"), subject=path))


def write_exr(path: Path, values: np.ndarray, about: About) -> None:
    """Write float32 (h, w) as channel Z of a ZIP-compressed EXR. Raises UserError where it cannot be written."""
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "leadline": about.as_text()}
    with atomic_write(path) as temporary:
        try:
            OpenEXR.File(header, {"Z": np.ascontiguousarray(values)}).write(str(temporary))
        except RuntimeError as error:
            # OpenEXR puts the reason of the operating system into its message, after the name.
            raise OSError(None, str(error).rstrip(".").rpartition(". ")[2]) from error


def _read_wide_tiff(path: Path, refusal: UserError) -> RawDepth:
    """TIFF of 16- or 64-bit floats, which Pillow does not know; `refusal` is what it said."""
    import tifffile  # comes with scikit-image, and only rare files need it

    try:
        with _quiet(), tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.dtype is None or page.dtype.kind != "f" or page.size > MAX_PIXELS:
                raise refusal
            values, description = page.asarray(), page.description
    except Exception:  # TiffFileError, IndexError, ValueError, ...: to the user it is one sentence
        raise refusal from None
    return RawDepth(as_map(values, subject=path), about=about_from_text(description, subject=path))


def _depth_channel(channels: dict[str, np.ndarray]) -> str | None:
    for wanted in _EXR_DEPTH_CHANNELS:
        for name in channels:
            if name == wanted or name.endswith(f".{wanted}"):
                return name
    first, *others = channels
    is_grey = all(np.array_equal(channels[first], channels[other], equal_nan=True) for other in others)
    return first if is_grey else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the lines that OpenEXR and tifffile print about broken files from the user, who gets one sentence instead.

    OpenEXR writes to the descriptor of stderr and to Python's stdout, tifffile through logging to stderr. Both belong to
    the whole process, so threads wait for each other: two that turn them aside at once put back what the other left.
    """
    with _ASIDE:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere, redirect_stdout(io.StringIO()):
                os.dup2(nowhere.fileno(), 2)
                yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
