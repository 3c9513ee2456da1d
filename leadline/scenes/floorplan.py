"""Where things stand in a room: free rectangles on the floor, nothing through anything else.

Convention: the room spans [0, width] x [0, depth] on the ground; walls are numbered south (y = 0), east, north, west.
"""

from dataclasses import dataclass, field

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.furniture import Piece
from leadline.scenes.world import Thing

GAP_M = 0.04


@dataclass(frozen=True)
class Opening:
    """A door, window, mirror or picture on a wall: distance of its middle along the wall, width, lower and upper edge [m]."""

    wall: int
    along: float
    width: float
    low: float
    high: float


@dataclass
class Plan:
    """A room being furnished. `blocked` holds (x0, y0, x1, y1, height) of what stands on the floor."""

    width: float
    depth: float
    height: float
    blocked: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def wall_length(self, wall: int) -> float:
        """Length [m] of wall 0..3."""
        return self.width if wall % 2 == 0 else self.depth

    def on_wall(self, wall: int, along: float, *, out: float = 0.0, z: float = 0.0) -> np.ndarray:
        """Pose (4, 4) at a wall, seen from inside: x to the right along it, y into it; `out` [m] in front of it."""
        length = self.wall_length(wall)
        x, y, yaw = (
            (length - along, out, np.pi),
            (self.width - out, length - along, -np.pi / 2),
            (along, self.depth - out, 0.0),
            (out, along, np.pi / 2),
        )[wall]
        return shapes.pose(x, y, z, yaw=yaw)

    def put(self, piece: Piece, pose: np.ndarray, *, solid: bool = True) -> None:
        """Place `piece`; what is `solid` keeps others away."""
        if solid:
            self.blocked.append((*self.footprint(piece, pose), piece.size[2]))
        self.things.append(Thing(piece.name, tuple(piece.parts), pose))

    def footprint(self, piece: Piece, pose: np.ndarray) -> tuple[float, float, float, float]:
        """Smallest axis-aligned rectangle (x0, y0, x1, y1) around `piece`."""
        half = np.abs(pose[:2, :2]) @ (np.asarray(piece.size[:2]) / 2)
        x, y = pose[:2, 3]
        return float(x - half[0]), float(y - half[1]), float(x + half[0]), float(y + half[1])

    def is_free(self, piece: Piece, pose: np.ndarray, *, gap: float = GAP_M) -> bool:
        """Whether `piece` fits there: inside the room, beside everything else."""
        x0, y0, x1, y1 = self.footprint(piece, pose)
        edge = -1e-6
        if x0 < edge or y0 < edge or x1 > self.width - edge or y1 > self.depth - edge:
            return False
        return not any(x0 < b[2] + gap and b[0] < x1 + gap and y0 < b[3] + gap and b[1] < y1 + gap for b in self.blocked)

    def against_wall(self, rng: np.random.Generator, piece: Piece, *, wall: int | None = None, out: float = 0.02) -> np.ndarray | None:
        """Place `piece` with its back to a wall, not before what hangs lower than its top. Gives its pose, or None if nothing is free."""
        for _ in range(24):
            side = int(rng.integers(4)) if wall is None else wall
            spare = self.wall_length(side) - piece.size[0]
            if spare <= 0.1:
                continue
            along = float(rng.uniform(0.04, spare - 0.04)) + piece.size[0] / 2
            pose = self.on_wall(side, along, out=out + piece.size[1] / 2)
            if self.is_free(piece, pose) and not self._hides(side, along, piece.size[0], 0.0, piece.size[2]):
                self.put(piece, pose)
                return pose
        return None

    def anywhere(self, rng: np.random.Generator, piece: Piece, *, margin: float = 0.1) -> np.ndarray | None:
        """Place `piece` on free floor, turned by quarter turns and a little. Gives its pose, or None."""
        for _ in range(24):
            yaw = float(rng.integers(4)) * np.pi / 2 + (rng.uniform(-0.15, 0.15) if rng.random() < 0.5 else 0.0)
            pose = shapes.pose(rng.uniform(0.3, self.width - 0.3), rng.uniform(0.3, self.depth - 0.3), yaw=yaw)
            if self.is_free(piece, pose, gap=margin):
                self.put(piece, pose)
                return pose
        return None

    def hang(self, rng: np.random.Generator, *, width: float, low: float, high: float, wall: int | None = None) -> Opening | None:
        """Reserve a free place on a wall, above what already stands before it."""
        for _ in range(24):
            side = int(rng.integers(4)) if wall is None else wall
            spare = self.wall_length(side) - width
            if spare <= 0.2:
                continue
            opening = self.hang_at(side, float(rng.uniform(0.1, spare - 0.1)) + width / 2, width=width, low=low, high=high)
            if opening is not None:
                return opening
        return None

    def hang_at(self, wall: int, along: float, *, width: float, low: float, high: float) -> Opening | None:
        """Reserve that place on a wall if it is free and nothing stands before it."""
        fits = width / 2 + 0.02 < along < self.wall_length(wall) - width / 2 - 0.02 and high < self.height - 0.02
        if not fits or self._hides(wall, along, width, low, high) or self._stands_before(wall, along, width, low):
            return None
        self.openings.append(Opening(wall, along, width, low, high))
        return self.openings[-1]

    def wall_behind(self, pose: np.ndarray) -> tuple[int, float]:
        """The wall at the back of a piece at `pose`, and how far along it [m]."""
        x, y = pose[:2, 3]
        wall = (2, 3, 0, 1)[round(float(np.arctan2(pose[1, 0], pose[0, 0])) / (np.pi / 2)) % 4]
        return wall, float((self.width - x, self.depth - y, x, y)[wall])

    def _hides(self, wall: int, along: float, width: float, low: float, high: float) -> bool:
        return any(
            o.wall == wall and abs(o.along - along) < (o.width + width) / 2 + 0.05 and o.low < high and low < o.high for o in self.openings
        )

    def _stands_before(self, wall: int, along: float, width: float, low: float) -> bool:
        middle = self.on_wall(wall, along)[:2, 3]
        reach = np.array([width / 2, 0.12]) if wall % 2 == 0 else np.array([0.12, width / 2])
        (x0, y0), (x1, y1) = middle - reach, middle + reach
        return any(b[4] > low and x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in self.blocked)
