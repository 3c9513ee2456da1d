"""The family `objects`, zero-shot: tables and floors full of thin and overlapping things, seen from arm's length.

Nothing is trained or tuned on it. Scales of 0.4 to 3 m: cables, cutlery, canes, leaves, spokes, handles, piles.
"""

import numpy as np

from leadline.geometry.camera import Camera
from leadline.scenes import clutter, furniture, interior, lights, ornaments, shapes, shell
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Piece
from leadline.scenes.spread import Area, Spread
from leadline.scenes.stroll import Loop, bounds, steps_along
from leadline.scenes.trajectory import handheld, wander
from leadline.scenes.world import Shot, World

FAMILY = "objects"
FRAME_S = 0.2
"""Time between frames [s]."""
CLEARANCE_M = 0.3
"""Least distance of the camera from things."""
DEPTH_RANGE_M = 15.0
KINDS = ("desk", "kitchen", "workbench", "plants", "hall")
_SHARES = (0.25, 0.25, 0.2, 0.15, 0.15)
_SURROUNDINGS = ("floor", "ceiling", "wall", "rug", "cable")


def make_world(seed: int, *, frames: int, height: int, width: int) -> World:
    """One crowded place and `frames` shots of `height` x `width` past it; the same for the same arguments."""
    rng = np.random.default_rng([2, seed])
    kind = str(rng.choice(KINDS, p=_SHARES))
    palette = interior.make_palette(rng)
    camera = Camera.from_fov(float(rng.uniform(56.0, 68.0)), width=width, height=height, name="cam")
    plan, place, loop = _place_with_a_way(rng, palette, kind)
    poses = _past(rng, loop, place.focus, frames)
    shots = tuple(Shot(i, camera, np.linalg.inv(pose), FRAME_S * i) for i, pose in enumerate(poses))
    return World(FAMILY, seed, tuple(plan.things), (), None, shots, depth_range_m=DEPTH_RANGE_M)


def _place_with_a_way(rng: np.random.Generator, palette: interior.Palette, kind: str) -> tuple[Plan, "_Place", Loop]:
    """A room with a crowded place in it and a loop past that; drawn anew where a camera would touch something."""
    for _ in range(20):
        plan = Plan(float(rng.uniform(2.8, 4.4)), float(rng.uniform(2.8, 4.2)), float(rng.uniform(2.4, 2.8)))
        place = _floor(rng, plan) if kind == "hall" else _table(rng, plan, palette, kind)
        clutter.fill(rng, plan, palette, kind, place.spread, place.area)
        _surroundings(rng, plan, palette, kind, place)
        loop = _find_loop(rng, plan, place, far=kind == "hall")
        if loop is not None:
            return plan, place, loop
    raise RuntimeError(f"no way past a {kind}")


class _Place:
    """Where the things are, and what the camera looks at; its back is at the north wall, the camera stands south of it."""

    def __init__(self, z: float, area: Area, *, front: float) -> None:
        self.spread, self.area, self.front = Spread(z), area, front
        x0, y0, x1, y1 = area
        self.focus = np.array([(x0 + x1) / 2, 0.5 * (y0 + y1), z + 0.1])


def _table(rng: np.random.Generator, plan: Plan, palette: interior.Palette, kind: str) -> _Place:
    """A table near the north wall, and free floor before it."""
    wide, deep = float(rng.uniform(1.1, 1.7)), float(rng.uniform(0.65, 0.85))
    piece = furniture.table(rng, palette, width=wide, depth=deep, height=float(rng.uniform(0.7, 0.9 if kind == "workbench" else 0.78)))
    gap = float(rng.choice([0.02, 0.02, rng.uniform(0.3, 0.9)]))
    x = float(rng.uniform(wide / 2 + 0.2, plan.width - wide / 2 - 0.2))
    y = plan.depth - gap - piece.size[1] / 2
    plan.put(piece, shapes.pose(x, y))
    shelf = piece.shelves[0]
    half = (shelf.width * 0.55, shelf.depth * 0.58) if shelf.width > 1.0 else (shelf.width / 2, shelf.depth / 2)
    front = y - piece.size[1] / 2
    plan.blocked.append((x - 1.0, front - 1.3, x + 1.0, front, 0.0))
    if kind in ("desk", "workbench", "plants") and gap < 0.1:
        clutter.wall_shelf(rng, plan, palette, along=x, z=float(rng.uniform(1.3, 1.5)), width=float(rng.uniform(0.7, 1.3)))
    return _Place(piece.size[2] + 0.0005, (x - half[0], y - half[1], x + half[0], y + half[1]), front=front)


def _floor(rng: np.random.Generator, plan: Plan) -> _Place:
    """The floor along the north wall."""
    wide = float(rng.uniform(2.0, 2.6))
    x = float(rng.uniform(wide / 2 + 0.1, plan.width - wide / 2 - 0.1))
    front = plan.depth - float(rng.uniform(1.2, 1.5))
    plan.blocked.append((x - wide / 2, front - 1.6, x + wide / 2, plan.depth, 2.0))
    place = _Place(0.0005, (x - wide / 2, front, x + wide / 2, plan.depth - 0.02), front=front)
    place.focus = np.array([x, front + 0.6, 0.42])
    return place


def _surroundings(rng: np.random.Generator, plan: Plan, palette: interior.Palette, kind: str, place: _Place) -> None:
    """The room around: shell, light, and some furniture where nobody walks."""
    things, plan.things = plan.things, []
    if not plan.openings and rng.random() < 0.35:
        x0, _, x1, _ = place.area
        plan.openings.append(Opening(2, (x0 + x1) / 2, x1 - x0, 0.0, 2.1))  # nothing hangs behind the things
    shell.walls(rng, plan, wet=kind == "kitchen" and bool(rng.random() < 0.5))
    shell.windows(rng, plan, palette)
    lights.flat_lamps(rng, plan)
    for _ in range(int(rng.integers(1, 4))):
        match int(rng.integers(5)):
            case 0:
                piece: Piece = furniture.bookcase(rng, palette, width=float(rng.uniform(0.5, 1.0)), height=float(rng.uniform(1.2, 2.0)))
            case 1:
                piece = ornaments.plant(rng, palette, height=float(rng.uniform(0.9, 1.4)))
            case 2:
                piece = furniture.chair(rng, palette)
            case 3:
                piece = ornaments.carton(rng, palette)
            case _:
                piece = ornaments.floor_lamp(rng, palette, lit=False)
        plan.against_wall(rng, piece)
    clutter.pictures(rng, plan, palette)
    plan.things += things


def _find_loop(rng: np.random.Generator, plan: Plan, place: _Place, *, far: bool) -> Loop | None:
    """A narrow loop along the front of `place` on which the camera touches nothing."""
    boxes = bounds(plan, ignored=_SURROUNDINGS)
    for _ in range(80):
        half, narrow = float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.07, 0.12))
        back, up = (rng.uniform(0.7, 1.2), rng.uniform(1.1, 1.5)) if far else (rng.uniform(0.25, 0.55), rng.uniform(0.35, 0.65))
        centre = np.array([place.focus[0] + rng.uniform(-0.15, 0.15), place.front - back])
        loop = Loop(centre, half, narrow, float(rng.uniform(-0.25, 0.25)), place.spread.z + float(up))
        points = np.column_stack([loop.points(32), np.full(32, loop.eye)])
        inside = (points[:, :2] > 0.35).all() and (points[:, :2] < np.array([plan.width, plan.depth]) - 0.35).all()
        outside = np.maximum(np.maximum(boxes[None, :, 0] - points[:, None], points[:, None] - boxes[None, :, 1]), 0.0)
        if inside and np.linalg.norm(outside, axis=2).min() > CLEARANCE_M + 0.06:
            return loop
    return None


def _past(rng: np.random.Generator, loop: Loop, focus: np.ndarray, frames: int) -> np.ndarray:
    """Poses world_from_cam (frames, 4, 4) to and fro along `loop`, looking at about `focus` and with the motion a little."""
    ground = steps_along(rng, loop, frames)
    positions = np.column_stack([ground, loop.eye + 0.03 * wander(rng, frames, period=30.0)])
    drift = np.stack([wander(rng, frames, period=25.0) for _ in range(3)], axis=1) * (0.12, 0.08, 0.04)
    aside = np.column_stack([0.35 * (ground - loop.centre), np.zeros(frames)])
    return handheld(rng, positions=positions, targets=focus + drift + aside, shake_m=0.006)
