"""Files of KITTI raw: calibration, GPS/IMU packets, scanner points. Geiger et al., IJRR 2013.

Convention: rectified camera 0 has x right, y down, z forward; intrinsics here have integer pixel centres as published.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leadline.data.rigs import checked_points
from leadline.geometry.camera import crop_K
from leadline.geometry.pose import transform
from leadline.geometry.raster import rasterise
from leadline.io.depth import read_depth
from leadline.io.npzfile import read_npz_array
from leadline.io.source import existing_file
from leadline.types import UserError

EARTH_RADIUS_M = 6378137.0
GET_IMPROVED = "download data_depth_annotated.zip from KITTI's depth benchmark and unpack it here"
ROTATION_WITHIN = 1e-2
"""How far R times its transpose may be from the identity."""
AHEAD_OF_BOTH = 0.8
"""Share of the points ahead of the scanner that lie ahead of the camera too, at least; they look the same way."""
CAMERA_NUMBERS = {"image_02": 2, "image_03": 3}


@dataclass(frozen=True)
class DayCalibration:
    """Calibration of one recording day, DATE/calib_*.txt; the scanner's and the IMU's are read when first needed."""

    folder: Path

    @cached_property
    def cameras(self) -> dict[str, np.ndarray]:
        """calib_cam_to_cam.txt."""
        return read_calibration(self.folder / "calib_cam_to_cam.txt", ("P_rect_02", "P_rect_03", "S_rect_02", "S_rect_03", "R_rect_00"))

    @cached_property
    def rect_from_velo(self) -> np.ndarray:
        """Rectified camera 0 from scanner, 4x4."""
        rect_from_cam = np.eye(4)
        rect_from_cam[:3, :3] = self.cameras["R_rect_00"].reshape(3, 3)
        return rect_from_cam @ _rigid(self.folder / "calib_velo_to_cam.txt")

    @cached_property
    def rect_from_imu(self) -> np.ndarray:
        """Rectified camera 0 from GPS/IMU, 4x4."""
        return self.rect_from_velo @ _rigid(self.folder / "calib_imu_to_velo.txt")

    def K(self, camera: str) -> np.ndarray:
        """Intrinsics of the rectified images [px], integer pixel centres."""
        return self.projection(camera)[:, :3]

    def size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px] of the rectified images."""
        width, height = self.cameras[f"S_rect_0{CAMERA_NUMBERS[camera]}"].astype(int)
        return int(height), int(width)

    def projection(self, camera: str) -> np.ndarray:
        """P_rect (3, 4): pixels from points of rectified camera 0."""
        return self.cameras[f"P_rect_0{CAMERA_NUMBERS[camera]}"].reshape(3, 4)

    def cam_from_rect(self, camera: str) -> np.ndarray:
        """This camera from rectified camera 0: P_rect = K [I | t], so t = K^-1 P[:, 3]."""
        pose = np.eye(4)
        pose[:3, 3] = np.linalg.solve(self.K(camera), self.projection(camera)[:, 3])
        return pose


def read_calibration(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Rows `name: numbers` of a calibration file. Raises UserError when it is missing or lacks one of `names`."""
    text = existing_file(path, what="calibration").read_text(encoding="utf-8", errors="replace")
    rows = dict(re.findall(r"^(\w+):[ \t]*(.*)$", text, re.M))
    sizes = {"P": 12, "R": 9, "S": 2, "T": 3}
    try:
        found = {name: np.array(rows[name].split(), dtype=np.float64) for name in names}
    except KeyError as error:
        raise UserError(path, f"has no row {error}", "take the calibration of the recording's own day") from error
    except ValueError as error:
        raise UserError(path, f"holds something else than numbers ({error})", "copy the file again") from error
    for name, numbers in found.items():
        if numbers.size != sizes[name[0]]:
            raise UserError(path, f"row {name} has {numbers.size} numbers instead of {sizes[name[0]]}", "copy the file again")
    return found


def project_scan(points: np.ndarray, calibration: DayCalibration, camera: str) -> np.ndarray:
    """Depth map [m], 0 = none, of scanner points (n, 3) [m], as monodepth2's evaluation makes it.

    Points behind the scanner (x < 0) go, a pixel is round(uv) - 1 as in KITTI's MATLAB code, and the nearest point wins.
    One quirk is left out: there the last pixel of a row and the first of the next compete, outside every crop in use.
    Raises UserError when the points lie behind the camera, as an inverted calibration puts them.
    """
    height, width = calibration.size(camera)
    # round(uv) - 1 of integer centres is the floor of uv moved half a pixel up and left.
    K = crop_K(calibration.K(camera), top=0.5, left=0.5)
    # P_rect adds a camera's own z offset of millimetres, so this is the depth in the camera itself.
    cam_from_velo = calibration.cam_from_rect(camera) @ calibration.rect_from_velo
    ahead = points[points[:, 0] >= 0]
    behind = float((transform(cam_from_velo, ahead.astype(np.float64))[:, 2] <= 0).mean()) if len(ahead) else 0.0
    if behind > 1.0 - AHEAD_OF_BOTH:
        wrong = f"puts {100 * behind:.0f} % of the points ahead of the scanner behind {camera}: it looks inverted"
        raise UserError(calibration.folder / "calib_velo_to_cam.txt", wrong, "it leads from the scanner to the camera, not back")
    return rasterise(ahead, cam_from_velo, K, height=height, width=width)


def read_scan(path: Path) -> np.ndarray:
    """Scanner points (n, 3) [m], x forward, y left, z up. Raises UserError when missing, cut off or not finite."""
    raw = np.fromfile(existing_file(path, what="scan"), dtype="<f4")
    if raw.size % 4 or path.stat().st_size % 16:
        raise UserError(path, f"has {path.stat().st_size} bytes, no multiple of a point's 16", "copy the scan again")
    return checked_points(raw.reshape(-1, 4)[:, :3], subject=path)


def read_projected(path: Path) -> np.ndarray:
    """Depth map float32 [m], 0 = none, that somebody projected before. Raises UserError when missing or broken."""
    remedy = "copy or make it again: an .npz with the key velodyne_depth"
    depth = read_npz_array(path, "velodyne_depth", what="projected LiDAR", remedy=remedy).astype(np.float32)
    if depth.ndim != 2:
        raise UserError(path, f"has shape {depth.shape}", "velodyne_depth is one depth map (height, width)")
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def improved_path(root: Path, sequence: str, camera: str, frame: int) -> Path:
    """Improved depth of one image: beside the drive's pictures, or where the benchmark's archive puts it below `root`."""
    drive = Path(sequence).name
    folders = (root / sequence, root / "train" / drive, root / "val" / drive)
    paths = [folder / f"proj_depth/groundtruth/{camera}/{frame:010d}.png" for folder in folders]
    return next((path for path in paths if path.exists()), paths[0])


def read_improved(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Improved depth float32 [m], 0 = none, of `size` (height, width). Raises UserError when it is not that."""
    if not path.exists():
        raise UserError(path, "does not exist", GET_IMPROVED)
    depth = read_depth(path).values
    if depth.shape != size:
        wrong = f"is {depth.shape[1]}x{depth.shape[0]}, its calibration is for {size[1]}x{size[0]}"
        raise UserError(path, wrong, "give the depth of this recording day at its original size")
    return depth


def read_packet(path: Path) -> np.ndarray:
    """Latitude, longitude [degrees], altitude [m], roll, pitch, yaw [rad] of one GPS/IMU packet."""
    try:
        packet = np.array(existing_file(path, what="GPS/IMU packet").read_text().split()[:6], dtype=np.float64)
    except (UnicodeDecodeError, ValueError) as error:
        raise UserError(path, f"is no GPS/IMU packet ({error})", "copy the file again") from error
    if packet.size < 6:
        raise UserError(path, f"has {packet.size} numbers instead of 30", "copy the file again")
    return packet


def world_from_imu(packet: np.ndarray, *, origin: np.ndarray) -> np.ndarray:
    """Pose of the IMU on a Mercator map, as KITTI's development kit computes it, metres from the packet `origin`."""
    roll, pitch, yaw = packet[3:6]
    scale = np.cos(np.radians(origin[0]))
    pose = np.eye(4)
    pose[:3, :3] = _rotation_z(yaw) @ _rotation_y(pitch) @ _rotation_x(roll)
    pose[:3, 3] = _mercator(packet, scale) - _mercator(origin, scale)
    return pose


def _mercator(packet: np.ndarray, scale: float) -> np.ndarray:
    latitude, longitude, altitude = packet[:3]
    x = scale * EARTH_RADIUS_M * np.radians(longitude)
    y = scale * EARTH_RADIUS_M * np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2))
    return np.array([x, y, altitude])


def _rigid(path: Path) -> np.ndarray:
    rows = read_calibration(path, ("R", "T"))
    pose = np.eye(4)
    pose[:3, :3] = rows["R"].reshape(3, 3)
    pose[:3, 3] = rows["T"]
    if not np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=ROTATION_WITHIN):
        raise UserError(path, "R is no rotation matrix", "take the calibration of the recording's own day")
    return pose


def _rotation_x(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _rotation_y(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _rotation_z(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
