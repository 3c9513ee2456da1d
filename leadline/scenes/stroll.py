"""Where a hand-held camera walks in a furnished room, and what it looks at: a place, not a wall at arm's length.

Candidates are narrow loops on which a camera touches nothing, each with several directions of view. What each of them
would show is estimated by a few rays against the boxes around the things, and the best one is taken. Mirrors count where
they show things: the image of a bare wall fools nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.geometry.camera import Camera
from leadline.scenes.floorplan import Plan
from leadline.scenes.trajectory import handheld, wander
from leadline.scenes.world import Thing
from leadline.types import Material

CLEARANCE_M = 0.6
"""Least distance of the camera from things; from the walls a little less."""
NEAR_M = 1.0
"""A good view shows next to nothing nearer than this."""
_FLAT = ("floor", "ceiling", "wall", "rug")
_CANDIDATES = 10
_TRIES = 500
_MIRRORED = 0.25
"""Share of a view up to which mirrors that show things make it better."""
_MOSTLY_MIRROR = 0.45
"""Share of a view above which mirrors make it worse."""
_HEADINGS = np.radians([-115.0, -90.0, -65.0, 65.0, 90.0, 115.0])
"""Directions of view beside the long axis of a loop, so that most of the motion is sideways."""


@dataclass(frozen=True, eq=False)
class Loop:
    """An ellipse in the air: centre (x, y), half axes [m], direction of the long one [rad], height [m]."""

    centre: np.ndarray
    half: float
    narrow: float
    turn: float
    eye: float

    def points(self, count: int) -> np.ndarray:
        """Points (count, 2) around it, the last one the first."""
        angle = np.linspace(0.0, 2 * np.pi, count)[:, None]
        along, across = np.array([np.cos(self.turn), np.sin(self.turn)]), np.array([-np.sin(self.turn), np.cos(self.turn)])
        return self.centre + self.half * np.sin(angle) * along + self.narrow * np.cos(angle) * across


@dataclass(frozen=True, eq=False)
class Stroll:
    """A loop and a direction of view: heading and tilt (up is positive) [rad]."""

    loop: Loop
    heading: float
    tilt: float


def find_stroll(rng: np.random.Generator, plan: Plan, camera: Camera) -> Stroll | None:
    """The walk and view that show most of the room; None where a camera cannot move."""
    boxes = bounds(plan)
    loops = _find_loops(rng, plan, boxes)
    tilt = float(np.radians(rng.uniform(-20.0, -6.0)))
    found = [Stroll(loop, loop.turn + offset, tilt) for loop in loops for offset in _HEADINGS]
    if not found:
        return None
    return found[int(np.argmax(_worths(found, plan, boxes, _rays(camera))))]


def walk(rng: np.random.Generator, stroll: Stroll, frames: int) -> np.ndarray:
    """Poses world_from_cam (frames, 4, 4): to and fro along the narrow loop, looking across it, 10 to 20 cm a step."""
    ground = steps_along(rng, stroll.loop, frames)
    heading = stroll.heading + np.radians(rng.uniform(-5, 5) + 15.0 * wander(rng, frames, period=max(40.0, frames)))
    tilt = stroll.tilt + np.radians(4.0 * wander(rng, frames, period=25.0))
    positions = np.column_stack([ground, stroll.loop.eye + 0.06 * wander(rng, frames, period=30.0)])
    gaze = np.stack([np.cos(heading) * np.cos(tilt), np.sin(heading) * np.cos(tilt), np.sin(tilt)], axis=1)
    return handheld(rng, positions=positions, targets=positions + 2.5 * gaze)


def steps_along(rng: np.random.Generator, loop: Loop, frames: int) -> np.ndarray:
    """Where a walker is (frames, 2) [m] who goes round and round `loop`, 12 to 18 cm from each place straight to the next."""
    curve = loop.points(721)[:-1]
    steps = 0.15 + 0.03 * wander(rng, frames, period=20.0)
    place = int(rng.integers(len(curve)))
    at = [place]
    for step in steps[1:]:
        ahead = np.roll(curve, -place, axis=0)
        place = (place + int(np.argmax(np.linalg.norm(ahead - curve[place], axis=1) >= step))) % len(curve)
        at.append(place)
    return curve[at]


def bounds(plan: Plan, *, ignored: Sequence[str] = _FLAT) -> np.ndarray:
    """Boxes (n, 2, 3) around all things but those named."""
    boxes = []
    for thing in _solid(plan, ignored):
        points = np.concatenate([mesh.vertices for mesh, _ in thing.parts]) @ thing.poses[:3, :3].T + thing.poses[:3, 3]
        boxes.append((points.min(axis=0), points.max(axis=0)))
    return np.array(boxes).reshape(-1, 2, 3)


def _solid(plan: Plan, ignored: Sequence[str] = _FLAT) -> list[Thing]:
    return [thing for thing in plan.things if thing.name not in ignored]


def _find_loops(rng: np.random.Generator, plan: Plan, boxes: np.ndarray) -> list[Loop]:
    """A few loops on which a camera touches nothing."""
    found: list[Loop] = []
    for _ in range(_TRIES):
        half = float(rng.uniform(0.3, 1.2))
        centre = rng.uniform((0.5, 0.5), (plan.width - 0.5, plan.depth - 0.5))
        narrow = max(0.05, half * float(rng.uniform(0.08, 0.3)))
        loop = Loop(centre, half, narrow, float(rng.uniform(0, np.pi)), float(rng.uniform(1.35, 1.7)))
        points = loop.points(32)
        inside = (points > 0.5).all() and (points < np.array([plan.width, plan.depth]) - 0.5).all()
        if inside and _distance(np.column_stack([points, np.full(len(points), loop.eye)]), boxes) > CLEARANCE_M + 0.07:
            found.append(loop)
            if len(found) == _CANDIDATES:
                break
    return found


def _distance(points: np.ndarray, boxes: np.ndarray) -> float:
    """Least distance [m] of `points` (n, 3) from `boxes`; above low furniture a head still keeps beside it."""
    low, high = boxes[:, 0].copy(), boxes[:, 1].copy()
    high[:, 2] = np.where(low[:, 2] < 0.4, np.maximum(high[:, 2], 0.9), high[:, 2])
    outside = np.maximum(np.maximum(low[None] - points[:, None], points[:, None] - high[None]), 0.0)
    return float(np.linalg.norm(outside, axis=2).min(initial=np.inf))


def _rays(camera: Camera, *, rows: int = 6, columns: int = 9) -> np.ndarray:
    """Directions (n, 3) of length 1 along the optical axis, in the frame x forward, y left, z up."""
    u = ((np.arange(columns) + 0.5) / columns * camera.width - camera.K[0, 2]) / camera.K[0, 0]
    v = ((np.arange(rows) + 0.5) / rows * camera.height - camera.K[1, 2]) / camera.K[1, 1]
    left, up = np.meshgrid(-u, -v)
    return np.stack([np.ones(left.size), left.ravel(), up.ravel()], axis=1)


def _worths(strolls: Sequence[Stroll], plan: Plan, boxes: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """How much of a place (n,) each of `strolls` shows, from that end of its walk which shows less."""
    eyes = np.array([[(*point, stroll.loop.eye) for point in stroll.loop.points(5)[[1, 3]]] for stroll in strolls])[:, :, None]
    directions = np.array([_turned(rays, stroll) for stroll in strolls])[:, None]
    depth, met = _look(eyes, directions, plan, boxes)
    mirror, showing = (hit.mean(axis=-1) for hit in _in_mirrors(eyes + depth[..., None] * directions, directions, met, plan, boxes))
    depth = np.sort(depth, axis=-1)
    near, middle = depth[..., depth.shape[-1] // 20], depth[..., depth.shape[-1] // 2]
    worth = 2.0 * np.minimum(near / NEAR_M, 1.0) + 0.3 * np.minimum(middle, 5.0) + 1.5 * np.minimum((met >= 0).mean(axis=-1), 0.5)
    return (worth + 2.5 * np.minimum(showing, _MIRRORED) - 4.0 * np.maximum(mirror - _MOSTLY_MIRROR, 0.0)).min(axis=1)


def _in_mirrors(
    points: np.ndarray, directions: np.ndarray, met: np.ndarray, plan: Plan, boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which rays (...) that end at `points` (..., 3) in the thing `met` end in a mirror, and in one that shows another thing."""
    mirrors = [any(surface.material is Material.MIRROR for _, surface in thing.parts) for thing in _solid(plan)]
    mirror = np.array([*mirrors, False])[met]  # the last one stands for walls, -1
    showing = np.zeros(met.shape, dtype=bool)
    point, box = points[mirror], boxes[met[mirror]]
    if len(point) > 0:
        side = np.abs(point[:, None] - box).min(axis=1).argmin(axis=1)  # the axis across that side of the box on which the point lies
        back = np.broadcast_to(directions, points.shape)[mirror].copy()
        back[np.arange(len(back)), side] *= -1
        distance, other = _look(point + 0.02 * back, back, plan, boxes)
        showing[mirror] = (other >= 0) & (other != met[mirror]) & (distance > 0.3)
    return mirror, showing


def _turned(rays: np.ndarray, stroll: Stroll) -> np.ndarray:
    """Rays of a camera that looks along x, in the direction of `stroll`."""
    (up, level), (sin, cos) = ((np.sin(a), np.cos(a)) for a in (stroll.tilt, stroll.heading))
    tilted = rays @ np.array([[level, 0.0, up], [0.0, 1.0, 0.0], [-up, 0.0, level]])
    return tilted @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _look(eyes: np.ndarray, directions: np.ndarray, plan: Plan, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth [m] along rays from `eyes` (..., 3) and the index of the box each meets, -1 for walls.

    `directions` (..., 3) have length 1 along the optical axis.
    """
    per_m = 1.0 / np.where(np.abs(directions) < 1e-9, 1e-9, directions)
    room = np.array([plan.width, plan.depth, plan.height])
    wall = ((np.where(per_m > 0, room, 0.0) - eyes) * per_m).min(axis=-1)
    depth, met = wall, np.full(wall.shape, -1)
    for i, (low, high) in enumerate(boxes):
        first, second = (low - eyes) * per_m, (high - eyes) * per_m
        enter, leave = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
        nearer = (enter < leave) & (enter > 0) & (enter < depth)
        depth, met = np.where(nearer, enter, depth), np.where(nearer, i, met)
    return depth, met
