"""Pictures as a network is asked about them: checked pixels, a name for messages, and the camera as far as it is known.

What every predictor asks of its user stands here once, for networks in torch and for exported ones. NumPy and Pillow only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leadline.geometry.camera import Camera, checked_K
from leadline.geometry.framing import Framing
from leadline.geometry.rig import Rig
from leadline.io.image import exif_focal_px
from leadline.types import UserError

MIN_SIDE = 32
"""Smallest height and width [px] of an image."""
MAX_ASPECT = 16.0
"""Largest ratio of the longer to the shorter side."""
MAX_NETWORK_PIXELS = 2048 * 2048
"""Largest network input [px] of one image, which bounds the memory."""
MAX_OFF_CENTRE = 0.2
"""Farthest distance of the principal point from the centre, in image sides, before K is taken to be for another resolution."""
SAME_SHAPE = 0.08
"""How much the aspect ratio of an image may differ from its camera's: pictures are stretched a little for networks, other cameras
differ by a tenth and more (our default)."""
DEFAULT_FOV_X_DEG = 60.0
"""Horizontal field of view [degrees] assumed when a network needs a camera and none is known."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture uint8 RGB (h, w, 3) that passed the checks; `K` [px] belongs to it, None where the camera is not known."""

    pixels: np.ndarray
    subject: str = "image"
    """What messages call it."""
    K: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    """What the reader of its prediction should know, such as a camera that was assumed."""

    @property
    def height(self) -> int:
        """Rows [px]."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Columns [px]."""
        return self.pixels.shape[1]

    def K_in(self, framing: Framing) -> np.ndarray | None:
        """K at the network input that it was put into."""
        return None if self.K is None else framing.K(self.K, height=self.height, width=self.width)

    def with_camera(self) -> "Photo":
        """The same with a camera, for networks that cannot do without: 60 degrees where none is known, and a note of that."""
        if self.K is not None:
            return self
        K = Camera.from_fov(DEFAULT_FOV_X_DEG, width=self.width, height=self.height).K
        note = f"no camera was given: a field of view of {DEFAULT_FOV_X_DEG:g} degrees was assumed, which sets the scale"
        return replace(self, K=K, notes=(*self.notes, note))


def photos(
    images: Sequence[np.ndarray],
    K: np.ndarray | Sequence[np.ndarray | None] | None = None,
    *,
    fov_x_deg: float | None = None,
    paths: Sequence[Path] | None = None,
) -> list[Photo]:
    """`images` with the camera that is `K` [px], or else a field of view [degrees], or else the EXIF focal length of the file.

    `K` is one matrix for all or one each; `paths` name the images in messages. Raises UserError for an image that is too small or too
    thin, and for a K of another resolution.
    """
    subjects = [f"image {i}" for i in range(len(images))] if paths is None else [str(path) for path in paths]
    Ks = [K] * len(images) if K is None or isinstance(K, np.ndarray) else list(K)
    if len(Ks) != len(images):
        raise UserError("K", f"{len(Ks)} matrices for {len(images)} images", "give one for all or one each")
    known = []
    for i, (image, matrix) in enumerate(zip(images, Ks, strict=True)):
        check_image(image, subject=subjects[i])
        path = None if paths is None else paths[i]
        known.append(_photo(image, matrix, fov_x_deg=fov_x_deg, path=path, subject=subjects[i]))
    return known


def rig_photos(images: Mapping[str, np.ndarray], rig: Rig, *, partial: bool = False) -> dict[str, Photo]:
    """One picture per camera of `rig`, by name in ring order; with `partial`, cameras without an image are left out.

    A camera whose image has another size than the rig says is resized with it. Raises UserError naming cameras without an image, and an
    image of another shape than its camera has.
    """
    missing = [name for name in rig.names if name not in images]
    if missing and (not partial or len(missing) == len(rig.names)):
        raise UserError("rig", f"no image for camera {', '.join(missing)}", f"give one image for each of {', '.join(rig.names)}")
    return {camera.name: rig_photo(images[camera.name], camera) for camera in rig.cameras if camera.name in images}


def rig_photo(image: np.ndarray, camera: Camera) -> Photo:
    """The picture of one `camera` of a rig. Raises UserError for an image that cannot be of this camera."""
    check_image(image, subject=camera.name)
    height, width = image.shape[:2]
    if not same_shape(height, width, camera.height, camera.width):
        wrong = f"is {width}x{height} px, the rig has it as {camera.width}x{camera.height}: another shape"
        raise UserError(camera.name, wrong, "give the rig of this vehicle, and pictures that are not cropped")
    fitted = camera.resized(height=height, width=width)
    return Photo(image, camera.name, check_camera(fitted.K, height=height, width=width, subject=camera.name))


def same_shape(height: int, width: int, other_height: int, other_width: int) -> bool:
    """Whether two sizes have one aspect ratio, but for a little stretching."""
    return abs(np.log(width * other_height / (height * other_width))) <= SAME_SHAPE


def check_image(image: np.ndarray, *, subject: str) -> None:
    """Raise UserError unless `image` is uint8 RGB (h, w, 3), large and square enough for a network."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(
            subject, f"is {what}, not uint8 RGB (height, width, 3)", "give a path, or an array as leadline.io.image.read_image returns"
        )
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise UserError(subject, f"is {width}x{height} px", f"images need at least {MIN_SIDE} px on each side")
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise UserError(subject, f"is {width}x{height} px, thinner than 1:{MAX_ASPECT:g}", "crop it into pieces")


def check_photo(image: np.ndarray, *, fov_x_deg: float | None, subject: str) -> None:
    """Raise UserError when `predict` would refuse `image`, or this field of view [degrees] for it."""
    check_image(image, subject=subject)
    if fov_x_deg is not None:
        Camera.from_fov(fov_x_deg, width=image.shape[1], height=image.shape[0], name=subject)


def check_camera(K: object, *, height: int, width: int, subject: str) -> np.ndarray:
    """K as float64 (3, 3). Raises UserError when it cannot belong to an image of `height` x `width`."""
    matrix = checked_K(K, subject=subject)
    cx, cy = matrix[0, 2], matrix[1, 2]
    if abs(cx / width - 0.5) > MAX_OFF_CENTRE or abs(cy / height - 0.5) > MAX_OFF_CENTRE:
        raise UserError(
            subject,
            f"K has its principal point at ({cx:g}, {cy:g}), not near the middle of {width}x{height}, but of {2 * cx:.0f}x{2 * cy:.0f} px",
            "scale K to this image: fx, cx by the ratio of widths, fy, cy by that of heights",
        )
    return matrix


def check_network_size(rows: int, columns: int, *, subject: str) -> None:
    """Raise UserError for a network input that would take more memory than is taken for one picture."""
    if rows * columns > MAX_NETWORK_PIXELS:
        wrong = f"would become a network input of {columns}x{rows} px, more than {MAX_NETWORK_PIXELS}"
        raise UserError(subject, wrong, "crop it or make it smaller")


def buckets(keys: Sequence[tuple[object, ...]], size: int) -> list[list[int]]:
    """Indices of equal keys together, at most `size` each: what may run at once."""
    by_key: dict[tuple[object, ...], list[int]] = {}
    for i, key in enumerate(keys):
        by_key.setdefault(key, []).append(i)
    return [indices[start : start + size] for indices in by_key.values() for start in range(0, len(indices), size)]


def _photo(image: np.ndarray, K: object, *, fov_x_deg: float | None, path: Path | None, subject: str) -> Photo:
    height, width = image.shape[:2]
    if K is not None and fov_x_deg is not None:
        raise UserError(subject, "K and a field of view were both given", "give one of them")
    if K is not None:
        return Photo(image, subject, check_camera(K, height=height, width=width, subject=subject))
    if fov_x_deg is not None:
        return Photo(image, subject, Camera.from_fov(fov_x_deg, width=width, height=height, name=subject).K)
    focal_px = None if path is None else exif_focal_px(path)
    if focal_px is None:
        return Photo(image, subject)
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return Photo(image, subject, K, (f"the focal length {focal_px:.0f} px comes from the EXIF tags of the file",))
