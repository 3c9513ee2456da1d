"""Pinhole cameras: intrinsics K that follow every resize, crop and flip. NumPy only, so that the runtime can use it.

Convention: pixel (0.5, 0.5) is the centre of the top-left pixel, so scaling an image scales K by plain multiplication.
Camera frame: x right, y down, z forward. Rig frame: x forward, y left, z up.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from leadline.types import UserError


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera: `K` [px] for an image of `height` x `width`, and where it sits on a rig.

    Raises UserError when K is not a usable 3x3 matrix of a pinhole camera.
    """

    K: np.ndarray
    width: int
    height: int
    name: str = "camera"
    rig_from_cam: np.ndarray | None = None
    mask_path: str | None = None

    def __post_init__(self) -> None:
        """Check K once, here, so that no function below has to."""
        object.__setattr__(self, "K", checked_K(self.K, subject=self.name))
        if self.width < 1 or self.height < 1:
            raise UserError(self.name, f"image size {self.width}x{self.height} is not positive", "give width and height in pixels")
        if self.rig_from_cam is not None:
            pose = np.asarray(self.rig_from_cam, dtype=np.float64)
            if pose.shape != (4, 4) or not np.isfinite(pose).all():
                raise UserError(self.name, f"rig_from_cam has shape {pose.shape} or is not finite", "give a 4x4 rigid transform")
            object.__setattr__(self, "rig_from_cam", pose)

    @classmethod
    def from_fov(cls, fov_x_deg: float, *, width: int, height: int, name: str = "camera") -> "Camera":
        """Camera with square pixels, centred principal point and the horizontal field of view `fov_x_deg` [degrees]."""
        if not 0.0 < fov_x_deg < 180.0:
            raise UserError(name, f"a field of view of {fov_x_deg:g} degrees is not one", "give an angle between 0 and 180")
        focal_px = width / (2.0 * math.tan(math.radians(fov_x_deg) / 2.0))
        K = np.array([[focal_px, 0.0, width / 2.0], [0.0, focal_px, height / 2.0], [0.0, 0.0, 1.0]])
        return cls(K=K, width=width, height=height, name=name)

    @property
    def fov_x_deg(self) -> float:
        """Horizontal field of view [degrees]."""
        cx, fx = self.K[0, 2], self.K[0, 0]
        return math.degrees(math.atan(cx / fx) + math.atan((self.width - cx) / fx))

    @property
    def yaw_deg(self) -> float:
        """Direction of the optical axis on the rig [degrees], 0 forward, counter-clockwise seen from above."""
        if self.rig_from_cam is None:
            raise UserError(self.name, "has no place on a rig", "give rig_from_cam")
        forward = self.rig_from_cam[:3, 2]
        return math.degrees(math.atan2(forward[1], forward[0]))

    def resized(self, *, height: int, width: int) -> "Camera":
        """The camera of the same image resampled to `height` x `width`."""
        return replace(self, K=scale_K(self.K, sx=width / self.width, sy=height / self.height), width=width, height=height)

    def cropped(self, *, top: int, left: int, height: int, width: int) -> "Camera":
        """The camera of the window that starts at (top, left). May reach outside: that is padding."""
        return replace(self, K=crop_K(self.K, top=top, left=left), width=width, height=height)

    def flipped(self) -> "Camera":
        """The camera of the mirrored image (columns reversed) of the world mirrored left to right."""
        pose = None
        if self.rig_from_cam is not None:
            pose = np.diag([1.0, -1.0, 1.0, 1.0]) @ self.rig_from_cam @ np.diag([-1.0, 1.0, 1.0, 1.0])
        return replace(self, K=flip_K(self.K, width=self.width), rig_from_cam=pose)


def checked_K(K: object, *, subject: str) -> np.ndarray:
    """`K` as a float64 3x3 matrix. Raises UserError naming `subject` for a wrong shape, NaN or a focal length <= 0."""
    try:
        matrix = np.asarray(K, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(subject, "K is not a matrix of numbers", "give 3x3 intrinsics in pixels") from None
    if matrix.shape != (3, 3):
        raise UserError(subject, f"K has shape {matrix.shape}", "give 3x3 intrinsics in pixels")
    if not np.isfinite(matrix).all():
        raise UserError(subject, "K holds NaN or infinity", "give 3x3 intrinsics in pixels")
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise UserError(subject, f"K has focal lengths {matrix[0, 0]:g}, {matrix[1, 1]:g}", "give positive focal lengths in pixels")
    if not np.array_equal(matrix[2], [0.0, 0.0, 1.0]):
        raise UserError(subject, f"the last row of K is {matrix[2].tolist()}", "it must be 0 0 1")
    return matrix


def scale_K(K: np.ndarray, *, sx: float, sy: float) -> np.ndarray:
    """K after the image was resampled by `sx` in x and `sy` in y."""
    return K * np.array([[sx, sx, sx], [1.0, sy, sy], [1.0, 1.0, 1.0]])


def crop_K(K: np.ndarray, *, top: float, left: float) -> np.ndarray:
    """K after `left` columns and `top` rows were cut away (negative: padded)."""
    moved = K.copy()
    moved[0, 2] -= left
    moved[1, 2] -= top
    return moved


def flip_K(K: np.ndarray, *, width: int) -> np.ndarray:
    """K of the mirrored image. With corner-origin pixels cx becomes width - cx."""
    flipped = K.copy()
    flipped[0, 2] = width - K[0, 2]
    flipped[0, 1] = -K[0, 1]
    return flipped


def from_integer_centres(K: np.ndarray) -> np.ndarray:
    """K in leadline's convention from a calibration that puts the first pixel's centre at (0, 0)."""
    return crop_K(K, top=-0.5, left=-0.5)
