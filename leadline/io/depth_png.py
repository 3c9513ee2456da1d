"""Depth as 16-bit PNG: stored = 0 is invalid, otherwise value = stored / scale + offset, both in a text chunk.

Metric depth has offset 0 and 256 units per metre, as KITTI has. A relative kind has no natural unit, so it is spread
over the full 16 bits and carries its own scale and offset.
"""

import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from leadline.io.atomic import write_bytes
from leadline.io.depth_about import About, RawDepth, about_from_text
from leadline.io.image import open_image
from leadline.io.source import Source, named
from leadline.types import UserError

CHUNK = "leadline"
"""Keyword of the text chunk, which holds JSON."""

_MAX = 65535


def read_png(source: Source) -> RawDepth:
    """Stored integers of a grey PNG and what its text chunk says. Raises UserError for colour, which is a picture."""
    path = named(source)
    with open_image(source) as image:
        if image.format != "PNG":
            raise UserError(path, f"is a {image.format} file named .png", "give depth as a 16-bit grey PNG, NPZ or EXR")
        if image.mode not in ("L", "I;16", "I;16B", "I"):
            raise UserError(
                path,
                f"is a picture in colour mode {image.mode}, not depth (colours cannot be turned back into depth)",
                "give the 16-bit grey PNG, NPZ or EXR that the prediction was saved as",
            )
        stored = np.asarray(image)
        text = image.info.get(CHUNK)
    return RawDepth(stored, about=about_from_text(text, subject=path))


def write_png(path: Path, stored: np.ndarray, about: About, *, quick: bool = False) -> None:
    """Write `stored` uint16 (h, w) with `about` in its text chunk. Raises UserError where it cannot be written."""
    write_bytes(path, encode_png(stored, about, quick=quick))


def encode_png(stored: np.ndarray, about: About, *, smallest: bool = False, quick: bool = False) -> bytes:
    """What `write_png` writes; `smallest` takes its time for fewer bytes of the same numbers, `quick` the other way round."""
    if quick:
        return _quickly_packed(stored, about)
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(CHUNK, about.as_text())
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, format="PNG", pnginfo=chunks, optimize=smallest)
    return buffer.getvalue()


def _quickly_packed(stored: np.ndarray, about: About) -> bytes:
    """PNG by hand: every row is what it differs by from the row above, packed by runs. Half the time of Pillow's quickest way.

    PNG (third edition): 5.3 chunks, 9.2 filter type 2 (up), 11.3.3 textual information; samples of 16 bits have the high byte first.
    """
    height, width = stored.shape
    rows = stored.astype(">u2").view(np.uint8)
    lines = np.empty((height, 1 + 2 * width), dtype=np.uint8)
    lines[:, 0] = 2
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)),
        (b"tEXt", CHUNK.encode("latin-1") + b"\0" + about.as_text().encode("latin-1")),
        (b"IDAT", packer.compress(lines) + packer.flush()),
        (b"IEND", b""),
    )
    framed = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def encode_metres(path: Path, depth: np.ndarray, valid: np.ndarray, *, scale: float) -> np.ndarray:
    """`depth` [m] as uint16 in `scale` units per metre, within half a unit.

    Valid depth below half a unit becomes 1, not 0, which would say that there is none. Raises UserError when the
    farthest depth does not fit, naming the largest scale that does.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise UserError(path, f"a PNG scale of {scale:g} is not one", "give stored units per metre, for example 256")
    farthest = float(np.max(depth, where=valid, initial=0.0))
    if round(farthest * scale) > _MAX:
        fits = _rounded_down(_MAX / farthest)
        raise UserError(
            path,
            f"depth of {farthest:g} m times {scale:g} does not fit into 16 bits",
            f"choose a PNG scale of {fits:g} or less, or save as .npz or .exr",
        )
    # Times a power of two is exact in float32, in half the time.
    number = np.float32 if math.frexp(scale)[0] == 0.5 else np.float64
    stored = depth.astype(number) * number(scale)
    np.rint(stored, out=stored)
    np.clip(stored, 1, _MAX, out=stored)
    return np.where(valid, stored, 0).astype(np.uint16)


def encode_relative(values: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, float, float]:
    """`values` spread over 1..65535, with the `scale` and `offset` that bring them back: values = stored / scale + offset."""
    inside = values[valid].astype(np.float64)
    low, high = (inside.min(), inside.max()) if inside.size else (0.0, 0.0)
    scale = (_MAX - 1) / (high - low) if high > low else 1.0
    offset = low - 1 / scale
    stored = np.rint((values.astype(np.float64) - offset) * scale).clip(1, _MAX)
    return np.where(valid, stored, 0).astype(np.uint16), float(scale), float(offset)


def _rounded_down(scale: float) -> float:
    """Two leading digits of `scale`, not more than it: a number that people can type."""
    step = 10.0 ** (np.floor(np.log10(scale)) - 1)
    return float(np.floor(scale / step) * step)
