"""Thin round things along curves: wires, cables, canes, handles, tubes, twigs; and the curves themselves.

Convention: a curve is an array of points (n, 3) [m].
"""

import math
from collections.abc import Sequence

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.world import Mesh

Curve = np.ndarray | Sequence[Sequence[float] | np.ndarray]


def sweep(points: Curve, radius: float | np.ndarray, *, sides: int = 6, closed: bool = False) -> Mesh:
    """A smooth tube of `radius` [m], one for all or one per point (n,), around a curve; without ends, `closed` joins last and first point.

    The side of each cross section is that of the one before, projected across the curve, so that the tube does not twist.
    """
    curve = np.asarray(points, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(curve))
    if closed:
        curve, radii = np.concatenate([curve, curve[:1]]), np.append(radii, radii[0])
        step = np.roll(curve[:-1], -1, axis=0) - np.roll(curve[:-1], 1, axis=0)
        along = np.concatenate([step, step[:1]])
    else:
        along = np.gradient(curve, axis=0)
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    across = np.empty_like(curve)
    side = np.cross(along[0], np.eye(3)[int(np.argmin(np.abs(along[0])))])
    for i, axis in enumerate(along):
        side = side - (side @ axis) * axis
        across[i] = side = side / math.sqrt(side @ side)
    turn = 2 * np.pi * np.arange(sides + 1) / sides
    ring = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * np.cross(along, across)[:, None]
    vertices = curve[:, None] + radii[:, None, None] * ring
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    u, v = np.meshgrid(turn * float(radii.max()), length)
    return Mesh(
        vertices.reshape(-1, 3), shapes.grid_faces(len(curve), sides + 1), np.stack([u, v], axis=2).reshape(-1, 2), ring.reshape(-1, 3)
    )


def ring(radius: float, z: float = 0.0, *, num: int = 32, stretch: float = 1.0) -> np.ndarray:
    """A circle of points around the z axis, counter-clockwise, `stretch` times as long in y; not closed by a last point."""
    turn = 2 * np.pi * np.arange(num) / num
    return np.stack([radius * np.cos(turn), stretch * radius * np.sin(turn), np.full(num, z)], axis=1)


def torus(radius: float, thickness: float, *, num: int = 32, sides: int = 8) -> Mesh:
    """A ring around the z axis in z = 0: `radius` to the middle of a tube of radius `thickness` [m]."""
    return sweep(ring(radius, num=num), thickness, sides=sides, closed=True)


def curved(knots: Curve, num: int) -> np.ndarray:
    """`num` points of the smooth curve through `knots` (k, 3), cubic between them, their slopes central differences."""
    knots = np.asarray(knots, dtype=np.float64)
    at = np.concatenate([[0.0], np.cumsum(np.maximum(np.linalg.norm(np.diff(knots, axis=0), axis=1), 1e-9))])
    slope = np.gradient(knots, at, axis=0)
    t = np.linspace(0.0, at[-1], num)
    index = np.clip(np.searchsorted(at, t, side="right") - 1, 0, len(knots) - 2)
    span = (at[index + 1] - at[index])[:, None]
    s = (t - at[index])[:, None] / span
    start, end = knots[index], knots[index + 1]
    return (
        (2 * s**3 - 3 * s**2 + 1) * start
        + (s**3 - 2 * s**2 + s) * span * slope[index]
        + (3 * s**2 - 2 * s**3) * end
        + (s**3 - s**2) * span * slope[index + 1]
    )


def sagging(start: np.ndarray | Sequence[float], end: np.ndarray | Sequence[float], sag: float, *, num: int = 16) -> np.ndarray:
    """A line that hangs between two points, `sag` [m] deep in its middle."""
    share = np.linspace(0.0, 1.0, num)[:, None]
    start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    return start + share * (end - start) - 4 * sag * share * (1 - share) * np.array([0.0, 0.0, 1.0])


def coil(radius: float, turns: float, *, thickness: float, rng: np.random.Generator) -> np.ndarray:
    """A cable rolled up by hand on z = 0: `turns` rounds of about `radius`, lying on each other."""
    num = max(8, round(24 * turns))
    turn = np.linspace(0.0, 2 * np.pi * turns, num)
    wobble = 1 + 0.10 * np.sin(turn * 0.71 + rng.uniform(0, 6)) + 0.05 * np.sin(turn * 1.63 + rng.uniform(0, 6))
    z = thickness * (1 + 1.6 * np.abs((turn / (4 * np.pi)) % 1 - 0.5) * min(turns, 4))
    return np.stack([radius * wobble * np.cos(turn), radius * wobble * np.sin(turn), z], axis=1)


def branching(
    rng: np.random.Generator,
    *,
    root: np.ndarray,
    direction: np.ndarray,
    length: float,
    radius: float,
    depth: int,
    spread_rad: float = 0.6,
    upwards: float = 0.15,
) -> tuple[list[Mesh], np.ndarray]:
    """A limb that forks `depth` times, as tubes, and where its twigs end (n, 3): bare trees, twigs in a vase."""
    num = 5
    points = np.empty((num, 3))
    points[0] = root
    heading = direction / np.linalg.norm(direction)
    for i in range(1, num):
        heading = (
            heading + (0.22 if depth < 4 else 0.1) * rng.standard_normal(3) * (0.5 if i == 1 else 1.0) + np.array([0.0, 0.0, upwards / num])
        )
        heading = heading / np.linalg.norm(heading)
        points[i] = points[i - 1] + heading * length / (num - 1)
    limbs = [sweep(points, np.linspace(radius, 0.62 * radius, num), sides=max(4, min(8, 3 + depth)))]
    if depth == 0:
        return limbs, points[-1:]
    tips = []
    forks = int(rng.integers(2, 4))
    turn = rng.uniform(0, 2 * np.pi)
    side = np.cross(heading, [0.0, 0.0, 1.0] if abs(heading[2]) < 0.9 else [1.0, 0.0, 0.0])
    side = side / np.linalg.norm(side)
    up = np.cross(side, heading)
    for i in range(forks):
        angle, around = spread_rad * rng.uniform(0.6, 1.2), turn + 2 * np.pi * i / forks + rng.uniform(-0.4, 0.4)
        toward = np.cos(angle) * heading + np.sin(angle) * (np.cos(around) * side + np.sin(around) * up)
        start = points[-1] if i else points[int(rng.integers(num - 2, num))]
        more, ends = branching(
            rng,
            root=start,
            direction=toward,
            length=length * rng.uniform(0.62, 0.85),
            radius=0.62 * radius,
            depth=depth - 1,
            spread_rad=spread_rad,
            upwards=upwards,
        )
        limbs += more
        tips.append(ends)
    return limbs, np.concatenate(tips)
