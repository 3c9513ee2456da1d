"""Rigs: several cameras on one vehicle, in ring order. NumPy only.

Convention: rig frame x forward, y left, z up, origin on the ground. Ring order starts at the camera that looks most
forward and goes counter-clockwise seen from above; it is derived from the yaw of the optical axes, never listed.
"""

from dataclasses import dataclass, replace

import numpy as np

from leadline.geometry.camera import Camera
from leadline.types import UserError


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

    def neighbours(self) -> tuple[tuple[int, int], ...]:
        """Pairs (i, i + 1) of adjacent cameras around the ring."""
        return ring_pairs(len(self.cameras))

    def resized(self, *, height: int, width: int) -> "Rig":
        """Every camera resampled to one size."""
        return replace(self, cameras=tuple(camera.resized(height=height, width=width) for camera in self.cameras))

    def flipped(self) -> "Rig":
        """The rig of the world mirrored left to right: every image mirrored, neighbours reversed."""
        return replace(self, cameras=tuple(camera.flipped() for camera in self.cameras))


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
