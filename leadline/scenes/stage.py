"""A room while it is furnished: places pieces, hangs things on its walls, puts small things on its shelves."""

import numpy as np

from leadline.scenes import furniture, ornaments, shapes
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Piece
from leadline.scenes.interior import Palette
from leadline.scenes.world import Surface, Thing

MOST_LIT = 2
"""Small lamps that shine in one room: every luminous thing takes its share of the rays towards lamps."""


class Stage:
    """A plan with its palette, and the random numbers that furnish it. In a `plain` room there is nothing to be fooled by."""

    def __init__(self, rng: np.random.Generator, plan: Plan, palette: Palette, *, plain: bool) -> None:
        self.rng, self.plan, self.palette, self.plain = rng, plan, palette, plain
        self._lit = 0

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A number from a range."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number from a range, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def shines(self, probability: float) -> bool:
        """Whether the next small lamp is lit."""
        lit = self._lit < MOST_LIT and self.chance(probability)
        self._lit += lit
        return lit

    def wall(self, piece: Piece, *, load: float = 0.7, wall: int | None = None) -> np.ndarray | None:
        """Put `piece` against a wall and load it."""
        pose = self.plan.against_wall(self.rng, piece, wall=wall)
        if pose is not None:
            self.load(piece, pose, load)
        return pose

    def free(self, piece: Piece, *, load: float = 0.7, margin: float = 0.1) -> np.ndarray | None:
        """Put `piece` somewhere on the floor and load it."""
        pose = self.plan.anywhere(self.rng, piece, margin=margin)
        if pose is not None:
            self.load(piece, pose, load)
        return pose

    def at(self, piece: Piece, pose: np.ndarray, *, load: float = 0.7) -> bool:
        """Put `piece` at `pose` if it is free there."""
        if not self.plan.is_free(piece, pose, gap=0.0):
            return False
        self.plan.put(piece, pose)
        self.load(piece, pose, load)
        return True

    def on_top(self, piece: Piece, pose: np.ndarray, x: float, y: float, z: float, *, yaw: float = 0.0) -> None:
        """Put a thing on a piece that stands at `pose`."""
        self.plan.put(piece, pose @ shapes.pose(x, y, z + 0.0005, yaw=yaw), solid=False)

    def load(self, piece: Piece, pose: np.ndarray, density: float) -> None:
        """Small things on the shelves of `piece`, beside each other."""
        rng = self.rng
        for shelf in piece.shelves:
            taken: list[tuple[float, float, float]] = []
            for _ in range(int(rng.poisson(density * (1.0 + 2.5 * shelf.width)))):
                thing = ornaments.small_thing(rng, self.palette, headroom=shelf.headroom, lit=self._lit < MOST_LIT)
                radius = max(thing.size[0], thing.size[1]) / 2
                room_x, room_y = shelf.width / 2 - radius, shelf.depth / 2 - radius
                if thing.size[2] > shelf.headroom or room_x <= 0 or room_y < -0.03:
                    continue
                x, y = shelf.x + rng.uniform(-room_x, room_x), shelf.y + rng.uniform(-1, 1) * max(room_y, 0.0)
                if all(np.hypot(x - tx, y - ty) > radius + tr + 0.01 for tx, ty, tr in taken):
                    taken.append((x, y, radius))
                    self._lit += any(surface.emission is not None for _, surface in thing.parts)
                    self.on_top(thing, pose, x, y, shelf.z, yaw=float(rng.uniform(-0.6, 0.6)))

    def above(self, pose: np.ndarray | None, *, width: float, low: float, high: float) -> Opening | None:
        """Reserve the wall above a piece that stands at `pose` with its back to it."""
        if pose is None:
            return None
        wall, along = self.plan.wall_behind(pose)
        return self.plan.hang_at(wall, along, width=width, low=low, high=high)

    def hang(self, name: str, spot: Opening, inside: Surface, frame: Surface, *, border: float) -> None:
        """A framed surface that fills `spot`."""
        parts = furniture.framed(inside, frame, spot.width, spot.high - spot.low, border=border)
        pose = self.plan.on_wall(spot.wall, spot.along, out=0.001, z=(spot.low + spot.high) / 2)
        self.plan.things.append(Thing(name, tuple(parts), pose))

    def fix(self, piece: Piece, spot: Opening) -> None:
        """A piece whose back hangs on the wall at `spot`."""
        self.plan.put(piece, self.plan.on_wall(spot.wall, spot.along, out=piece.size[1] / 2 + 0.002, z=spot.low), solid=False)

    def lay(self, piece: Piece, pose: np.ndarray) -> None:
        """Put a rug under things, as far as it lies within the room."""
        plan = self.plan
        x0, y0, x1, y1 = plan.footprint(piece, pose)
        shift = np.array([max(0.02 - x0, 0) - max(x1 - plan.width + 0.02, 0), max(0.02 - y0, 0) - max(y1 - plan.depth + 0.02, 0)])
        if x1 - x0 < plan.width - 0.1 and y1 - y0 < plan.depth - 0.1:
            place = pose.copy()
            place[:2, 3] += shift
            plan.put(piece, place, solid=False)

    def chairs_around(self, piece: Piece, pose: np.ndarray) -> None:
        """Chairs of one model at the long sides of a table."""
        model = furniture.chair(self.rng, self.palette)
        seats = [(x, side) for side in (-1, 1) for x in (np.linspace(-0.25, 0.25, 2) * piece.size[0] if piece.size[0] > 1.2 else (0.0,))]
        for x, side in seats:
            if self.chance(0.85):
                turn = (np.pi if side < 0 else 0.0) + self.between(-0.2, 0.2)
                self.at(model, pose @ shapes.pose(x, side * (piece.size[1] / 2 + self.between(0.26, 0.42)), yaw=turn))
