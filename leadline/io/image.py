"""Pictures: whatever people call an image becomes uint8 RGB, upright; what cannot is refused with one sentence."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from leadline.io.atomic import write_bytes
from leadline.io.source import Source, named, readable
from leadline.types import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
"""Endings of files that are taken for pictures where a folder is searched."""
MAX_PIXELS = 120_000_000
"""Largest image that is decoded [px], from the header: 360 MB as RGB, room for the 108-megapixel photos of phones."""

_DIAGONAL_35MM = (36.0**2 + 24.0**2) ** 0.5
_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0}
"""EXIF FocalPlaneResolutionUnit: inch, centimetre, millimetre."""


def read_image(path: Source) -> np.ndarray:
    """Image `path` as uint8 (h, w, 3) RGB, turned upright by its EXIF orientation.

    Grey is repeated, 16 bits are scaled to 8, palettes and CMYK are converted, transparency is laid over white (and
    ignored where it would hide every pixel). Of an animation, the first frame. Raises UserError naming the file when it
    is missing, broken, not an image or has more than MAX_PIXELS pixels.
    """
    with open_image(path) as image:
        upright = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
        return _to_rgb(upright, named(path))


def read_labels(path: Source) -> np.ndarray:
    """Single-channel image `path` as it is stored: uint8 or uint16 (h, w), nothing scaled or converted.

    Palette images give their indices. Raises UserError naming the file when it has several channels or is broken.
    """
    with open_image(path) as image:
        if image.mode not in ("L", "P", "1", "I;16", "I;16B"):
            raise UserError(named(path), f"has colour mode {image.mode}", "give an image with a single channel of 8 or 16 bits")
        labels = np.asarray(image)
        return labels.astype(np.uint16 if image.mode.startswith("I") else np.uint8)


def read_mask(path: Source) -> np.ndarray:
    """Image `path` as bool (h, w), True where it is light (128 of 255 or more); transparency is left aside.

    Raises UserError like `read_image`.
    """
    with open_image(path) as image:
        return np.asarray(image.convert("RGB").convert("L")) >= 128


def image_size(path: Source) -> tuple[int, int]:
    """(height, width) [px] of the upright image `path`, from its header. Raises UserError like `read_image`."""
    with open_image(path) as image:
        return _upright_size(image)


def exif_focal_px(path: Source) -> float | None:
    """Focal length [px] of the image at `path` from its EXIF tags, or None where they do not tell.

    From the 35-mm equivalent, which refers to the diagonal of the film (43.3 mm), else from the focal length and the
    resolution of the sensor. Raises UserError like `read_image`.
    """
    with open_image(path) as image:
        try:
            tags = dict(image.getexif().get_ifd(ExifTags.IFD.Exif))
        except Exception:  # broken tags are as good as none, and the parser lets out whatever it met
            return None
        height, width = image.height, image.width
    equivalent_mm = _positive(tags.get(ExifTags.Base.FocalLengthIn35mmFilm))
    if equivalent_mm:
        return equivalent_mm * (height**2 + width**2) ** 0.5 / _DIAGONAL_35MM
    focal_mm = _positive(tags.get(ExifTags.Base.FocalLength))
    px_per_unit = _positive(tags.get(ExifTags.Base.FocalPlaneXResolution))
    unit_mm = _MM_PER_UNIT.get(tags.get(ExifTags.Base.FocalPlaneResolutionUnit, 2))
    if not (focal_mm and px_per_unit and unit_mm):
        return None
    # The sensor's resolution refers to the photo as it was taken; the file may have been resized since.
    taken_width = _positive(tags.get(ExifTags.Base.ExifImageWidth)) or width
    return focal_mm * px_per_unit / unit_mm * width / taken_width


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts frame2 before frame10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def write_image(path: str | Path, array: np.ndarray, *, quality: int = 95) -> None:
    """Write uint8 (h, w, 3) RGB or (h, w) grey as .png or .jpg by the ending of `path`; .png also takes uint16 (h, w).

    `quality` is that of JPEG. Raises UserError for another ending or where it cannot be written.
    """
    write_bytes(path, encode_image(path, array, quality=quality))


def encode_image(path: str | Path, array: np.ndarray, *, quality: int = 95, smallest: bool = False) -> bytes:
    """What `write_image` writes; `smallest` takes its time for fewer bytes of the same pixels."""
    suffix = Path(path).suffix.lower()
    array = np.asarray(array)
    is_color = array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
    is_deep = array.dtype == np.uint16 and array.ndim == 2 and suffix == ".png"
    if not (is_color or is_deep):
        raise ValueError(f"cannot write {array.dtype} of shape {array.shape} as {suffix}")
    buffer = io.BytesIO()
    match suffix:
        case ".png":
            Image.fromarray(array).save(buffer, format="PNG", optimize=smallest)
        case ".jpg" | ".jpeg":
            Image.fromarray(array).save(buffer, format="JPEG", quality=quality, optimize=smallest)
        case _:
            raise UserError(path, f"images are not written as '{suffix}'", "choose .png or .jpg")
    return buffer.getvalue()


@contextmanager
def open_image(source: Source) -> Iterator[Image.Image]:
    """Yield the Pillow image at `source` with its header checked; decoding errors inside the block become UserError too."""
    path, content = readable(source, what="image")
    remedy = "convert it to PNG or JPEG, or copy it again"
    with warnings.catch_warnings():
        # Pillow warns about odd metadata and about sizes that are checked here; what matters raises.
        warnings.simplefilter("ignore")
        try:
            with Image.open(content) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path, f"{image.width}x{image.height} pixels")
                yield image
        except (UserError, MemoryError):
            raise
        except Image.UnidentifiedImageError as error:
            raise UserError(path, "is not an image in a known format", remedy) from error
        except Image.DecompressionBombError as error:
            # Pillow's own limit, met before the size can be asked for: its message begins with the number.
            number = re.search(r"\d+ pixels", str(error))
            raise _too_large(path, number[0] if number else "too many pixels") from error
        except Exception as error:  # on broken files Pillow lets out OSError, SyntaxError, ValueError, struct.error, ...
            raise UserError(path, f"is a broken or truncated image ({error})", "copy or download the image again") from error


def _too_large(path: Path, described: str) -> UserError:
    return UserError(path, f"has {described}, more than the {MAX_PIXELS // 1_000_000} million that are read", "resize or crop it first")


def _to_rgb(image: Image.Image, path: Path) -> np.ndarray:
    match image.mode:
        case "RGB":
            return np.array(image)
        case "I;16" | "I;16B" | "I;16L" | "I":
            return _deep_grey_to_rgb(np.asarray(image), path)
        case "F":
            raise UserError(path, "holds floating-point numbers, not a picture", "convert it to an 8-bit PNG or JPEG")
        case _ if image.has_transparency_data:
            return _over_white(np.asarray(image.convert("RGBA")))
        case _:
            return np.array(image.convert("RGB"))


def _deep_grey_to_rgb(grey: np.ndarray, path: Path) -> np.ndarray:
    if grey.min() < 0 or grey.max() > 65535:
        raise UserError(path, "holds 32-bit integers, not a picture", "convert it to an 8-bit PNG or JPEG")
    # 65535 / 257 = 255: the full range maps to the full range.
    eight_bit = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.repeat(eight_bit[..., None], 3, axis=2)


def _over_white(rgba: np.ndarray) -> np.ndarray:
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    if not alpha.any():  # screenshots of renderers, whose alpha means nothing
        return rgb.copy()
    weight = alpha.astype(np.uint32)
    return ((rgb * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a photo with broken tags is still a photo
        return 1


def _upright_size(image: Image.Image) -> tuple[int, int]:
    if _orientation(image) in (5, 6, 7, 8):
        return image.width, image.height
    return image.height, image.width


def _positive(value: object) -> float | None:
    """A tag as a positive number; EXIF has rationals that divide by zero and cameras that write 0 for unknown."""
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < float("inf") else None
