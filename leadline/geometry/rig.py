"""Rigs: several cameras on one vehicle, in ring order. NumPy only.

Convention: rig frame x forward, y left, z up, origin on the ground. Ring order starts at the camera that looks most
forward and goes counter-clockwise seen from above; it is derived from the yaw of the optical axes, never listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.types import UserError

SAME_PLACE_M = 1e-3
SAME_TRACE = 1 + 2 * np.cos(np.radians(0.1))
"""Trace of a turn by a tenth of a degree. Two lenses are never so close; a pose that was copied is."""


@dataclass(frozen=True, eq=False)
class Lidar:
    """A spinning LiDAR: elevation of its beams [degrees], columns per turn, range [m], share of lost returns."""

    rig_from_lidar: np.ndarray
    elevations_deg: tuple[float, ...]
    num_columns: int
    max_range_m: float
    dropout: float = 0.0
    turn_s: float = 0.0
    """Duration of one turn [s]; 0 is a snapshot."""
    offset_s: float = 0.0
    """From the time of the cameras to the end of the turn [s]: sensors are not triggered together."""

    def thinned(self, beams: int, columns: int) -> "Lidar":
        """The same with so many of its beams, evenly chosen, and `columns` a turn."""
        chosen = np.linspace(0, len(self.elevations_deg) - 1, beams).round().astype(int)
        return replace(self, elevations_deg=tuple(self.elevations_deg[i] for i in chosen), num_columns=columns)


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras in ring order (sorted on construction) and an optional LiDAR."""

    cameras: tuple[Camera, ...]
    lidar: Lidar | None = None

    def __post_init__(self) -> None:
        """Sort into ring order and refuse what cannot be a rig."""
        if not self.cameras:
            raise UserError("rig", "has no cameras", "list at least one camera")
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise UserError("rig", f"camera names repeat: {', '.join(sorted(names))}", "give every camera its own name")
        order = ring_order(np.array([camera.yaw_deg for camera in self.cameras]))
        object.__setattr__(self, "cameras", tuple(self.cameras[i] for i in order))

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in ring order."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def panorama(self) -> tuple[Camera, ...]:
        """The cameras from left to right as one turns clockwise, with the front camera in the middle."""
        num = len(self.cameras)
        return tuple(self.cameras[i % num] for i in range(num // 2, num // 2 - num, -1))

    def neighbours(self) -> tuple[tuple[int, int], ...]:
        """Pairs (i, i + 1) of adjacent cameras around the ring."""
        return ring_pairs(len(self.cameras))

    def resized(self, *, height: int, width: int) -> "Rig":
        """Every camera resampled to one size."""
        return replace(self, cameras=tuple(camera.resized(height=height, width=width) for camera in self.cameras))

    def flipped(self) -> "Rig":
        """The rig of the world mirrored left to right: every image mirrored, neighbours reversed."""
        return replace(self, cameras=tuple(camera.flipped() for camera in self.cameras))


def twins(rig_from_cam: Mapping[str, np.ndarray]) -> tuple[str, str] | None:
    """The first two cameras that stand at one place and look the same way, by their poses (4, 4); None where all are apart."""
    for (name, pose), (other, other_pose) in combinations(rig_from_cam.items(), 2):
        if np.linalg.norm(pose[:3, 3] - other_pose[:3, 3]) < SAME_PLACE_M and np.trace(pose[:3, :3].T @ other_pose[:3, :3]) > SAME_TRACE:
            return name, other
    return None


def upright(rig_from_cam: np.ndarray) -> bool:
    """Whether the y axis of a camera points down on its vehicle."""
    return bool(rig_from_cam[2, 1] < -0.5)


def looks_inverted(rig_from_cam: Sequence[np.ndarray]) -> bool:
    """Whether poses (4, 4) lead from the rig to the cameras: not all stand upright as they are, and all do when inverted.

    Of a rig all of whose cameras look to its right it cannot be told.
    """
    return not all(map(upright, rig_from_cam)) and all(upright(invert(pose)) for pose in rig_from_cam)


def ring_order(yaw_deg: np.ndarray) -> list[int]:
    """Indices that put cameras with yaw `yaw_deg` (n) [degrees] into ring order."""
    yaw = (np.asarray(yaw_deg, dtype=np.float64) + 180.0) % 360.0 - 180.0
    front = int(np.lexsort((yaw, np.abs(yaw)))[0])
    return [int(i) for i in np.argsort((yaw - yaw[front]) % 360.0, kind="stable")]


def ring_pairs(num: int) -> tuple[tuple[int, int], ...]:
    """Pairs (i, i + 1) of neighbours in a ring of `num` cameras; i + 1 stands to the left of i. Two cameras are one pair."""
    if num < 2:
        return ()
    return tuple((i, (i + 1) % num) for i in range(num if num > 2 else 1))
