"""What readers of recorded rigs share: poses, paths and sizes that are checked, and LiDAR that lands where it should."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from leadline.data.reading import read_picture
from leadline.geometry.camera import Camera
from leadline.geometry.pose import pose_from_q_t, transform
from leadline.geometry.raster import RasterRule, rasterise
from leadline.geometry.rig import ring_order, twins, upright
from leadline.io.image import read_mask
from leadline.types import UserError

UNIT_WITHIN = 1e-3
"""How far the length of a quaternion may be from 1."""
SHARE_AHEAD = (0.05, 0.95)
"""Share of the points of an all-round LiDAR that may lie in front of one camera; a camera halves the world."""
CENTRE_WITHIN = (1 / 3, 2 / 3)
"""Where the principal point of a camera of these vehicles lies, as a share of width and height."""


def sensor_pose(q_wxyz: ArrayLike, t: ArrayLike, *, subject: Path, where: str) -> np.ndarray:
    """The pose (4, 4) that a file states. Raises UserError naming the file `subject` for what is no unit quaternion or not finite."""
    remedy = "it holds a unit quaternion w, x, y, z and metres x, y, z: copy or download the file again"
    try:
        pose = pose_from_q_t(q_wxyz, t)
    except (TypeError, ValueError) as error:
        raise UserError(subject, f"{where} has no usable pose ({error})", remedy) from error
    length = float(np.linalg.norm(np.asarray(q_wxyz, dtype=np.float64)))
    if abs(length - 1.0) > UNIT_WITHIN:
        raise UserError(subject, f"{where} has a quaternion of length {length:g}", remedy)
    return pose


def present(path: Path, remedy: str) -> Path:
    """`path`, which exists. Raises UserError with the `remedy` that says where to get it."""
    if not path.exists():
        raise UserError(path, "does not exist", remedy)
    return path


def ring_names(rig_from_cam: dict[str, np.ndarray], *, subject: Path) -> tuple[str, ...]:
    """Names of cameras in ring order. Raises UserError naming the calibration `subject` that puts two of them at one pose."""
    same = twins(rig_from_cam)
    if same is not None:
        raise UserError(subject, f"has {same[0]} and {same[1]} at one pose", "give the calibration of this vehicle: one pose was copied")
    names = list(rig_from_cam)
    return tuple(names[i] for i in ring_order(np.array([np.degrees(np.arctan2(p[1, 2], p[0, 2])) for p in rig_from_cam.values()])))


def check_upright(rig_from_cam: np.ndarray, *, subject: Path, name: str) -> None:
    """Raise UserError when the y axis of a camera does not point down on its vehicle, as that of inverted extrinsics does not."""
    if not upright(rig_from_cam):
        raise UserError(
            subject, f"puts {name} on its side: its extrinsics look inverted", "they must lead from the sensor to the vehicle, not back"
        )


def check_centre(camera: Camera, *, subject: Path) -> None:
    """Raise UserError when K has its principal point far from the centre: it is of another size, or of another vehicle."""
    share_x, share_y = camera.K[0, 2] / camera.width, camera.K[1, 2] / camera.height
    low, high = CENTRE_WITHIN
    if not (low < share_x < high and low < share_y < high):
        wrong = f"puts the principal point of {camera.name} at {camera.K[0, 2]:.1f}, {camera.K[1, 2]:.1f} of {camera.width}x{camera.height}"
        raise UserError(subject, wrong, "give pictures and calibration of one size and one vehicle")


def picture_of(camera: Camera, path: Path) -> np.ndarray:
    """The image at `path`. Raises UserError when its size is not the one that the `camera` and its K are for."""
    return read_picture(path, height=camera.height, width=camera.width, known=f"the calibration of {camera.name} is")


def read_usable(path: Path, camera: Camera) -> np.ndarray:
    """The mask at `path`, True = scene. Raises UserError when it is not of the camera's size."""
    usable = read_mask(path)
    if usable.shape != (camera.height, camera.width):
        wrong = f"is {usable.shape[1]}x{usable.shape[0]}, the pictures of {camera.name} are {camera.width}x{camera.height}"
        raise UserError(path, wrong, "give the mask at the size of the pictures")
    return usable


def checked_points(points: np.ndarray, *, subject: Path) -> np.ndarray:
    """Points (n, 3) [m]. Raises UserError when there are none or some are not finite."""
    if not len(points):
        raise UserError(subject, "holds no point", "copy or download the scan again")
    broken = len(points) - int(np.isfinite(points).all(axis=1).sum())
    if broken:
        raise UserError(subject, f"{broken} of its {len(points)} points are not finite", "copy or download the scan again")
    return points


def lidar_depth(points: np.ndarray, cam_from_lidar: np.ndarray, camera: Camera, *, rule: RasterRule, subject: Path) -> np.ndarray:
    """Depth map [m] of an all-round LiDAR in one camera, see `rasterise`.

    Raises UserError naming the scan `subject` when about all of its points lie on one side of the camera, or none falls
    into the picture: that is what inverted poses and calibrations of another vehicle look like.
    """
    ahead = float((transform(cam_from_lidar, points.astype(np.float64))[:, 2] > 0).mean())
    if not SHARE_AHEAD[0] <= ahead <= SHARE_AHEAD[1]:
        wrong = f"{100 * (1 - ahead):.0f} % of its points land behind {camera.name}: a pose or the extrinsics look inverted"
        raise UserError(subject, wrong, "poses must lead from the sensor to the vehicle or world, not back")
    depth = rasterise(points, cam_from_lidar, camera.K, height=camera.height, width=camera.width, rule=rule)
    if not depth.any():
        wrong = f"none of its {len(points)} points falls into the picture of {camera.name}"
        raise UserError(subject, wrong, "give the calibration of this vehicle and the scan of this moment")
    return depth


@contextmanager
def reading(path: Path, where: str, remedy: str) -> Iterator[None]:
    """Turn what goes wrong in taking a JSON value apart into a UserError that names the file, the place and a missing field.

    Fields that nobody asks for may be there or not.
    """
    try:
        yield
    except KeyError as error:
        raise UserError(path, f"{where} lacks the field {error}", remedy) from error
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(path, f"{where} is not as expected ({type(error).__name__}: {error})", remedy) from error


def first_repeated(values: Iterable[str]) -> str | None:
    """The first value that was there before, or None."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
