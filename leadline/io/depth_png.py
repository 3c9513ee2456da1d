"""Depth as 16-bit PNG: stored = 0 is invalid, otherwise value = stored / scale + offset, both in a text chunk.

Metric depth has offset 0 and 256 units per metre, as KITTI has. A relative kind has no natural unit, so it is spread
over the full 16 bits and carries its own scale and offset.
"""

import io
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
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(CHUNK, about.as_text())
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, format="PNG", pnginfo=chunks, optimize=smallest, **({"compress_level": 1} if quick else {}))
    return buffer.getvalue()


def encode_metres(path: Path, depth: np.ndarray, valid: np.ndarray, *, scale: float) -> np.ndarray:
    """`depth` [m] as uint16 in `scale` units per metre, within half a unit.

    Valid depth below half a unit becomes 1, not 0, which would say that there is none. Raises UserError when the
    farthest depth does not fit, naming the largest scale that does.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise UserError(path, f"a PNG scale of {scale:g} is not one", "give stored units per metre, for example 256")
    farthest = float(depth[valid].max(initial=0.0))
    if round(farthest * scale) > _MAX:
        fits = _rounded_down(_MAX / farthest)
        raise UserError(
            path,
            f"depth of {farthest:g} m times {scale:g} does not fit into 16 bits",
            f"choose a PNG scale of {fits:g} or less, or save as .npz or .exr",
        )
    stored = np.rint(depth.astype(np.float64) * scale).clip(1, _MAX)
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
