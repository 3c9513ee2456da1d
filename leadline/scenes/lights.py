"""Lamps that light rooms: flat ones under ceilings, pendants, spots on rails, lamps on walls.

Only the side that matters shines: rays towards lamps are not wasted on sides that light nothing. Lamps of one kind
share one luminous mesh where they may, because every luminous thing takes its share of those rays.
"""

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.floorplan import Plan
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material

_SPACING_M = 3.2
"""Between lamps of large rooms."""
_FACING_DOWN = np.diag([1.0, -1.0, -1.0, 1.0])


def warm_light(rng: np.random.Generator) -> np.ndarray:
    """The colour (3,) of a lamp, from warm to almost white."""
    return np.array([1.0, rng.uniform(0.72, 0.95), rng.uniform(0.45, 0.9)])


def flat_lamps(rng: np.random.Generator, plan: Plan, *, spaced: bool = False) -> None:
    """One to four flat lamps under the ceiling; `spaced` evenly, as many as a large room needs."""
    warm = warm_light(rng)
    round_lamps = rng.random() < 0.4
    columns = 1 if plan.width < 4.2 else int(rng.integers(1, 3))
    rows = 1 if plan.depth < 4.2 else int(rng.integers(1, 3))
    if spaced:
        columns, rows = max(1, round(plan.width / _SPACING_M)), max(1, round(plan.depth / _SPACING_M))
    bodies: list[Mesh] = []
    panes: list[Mesh] = []
    for x in (np.arange(columns) + 0.5) * plan.width / columns:
        for y in (np.arange(rows) + 0.5) * plan.depth / rows:
            if round_lamps:
                bodies.append(shapes.transform(shapes.cylinder(0.24, 0.05, segments=20), shapes.pose(x, y, plan.height - 0.0505)))
                panes.append(shapes.transform(shapes.disc(0.23, segments=20), shapes.pose(x, y, plan.height - 0.052) @ _FACING_DOWN))
            else:
                bodies.append(shapes.box((0.92, 0.32, 0.035), center=(x, y, plan.height - 0.018)))
                panes.append(shapes.quad((x - 0.44, y + 0.14, plan.height - 0.0365), (0.88, 0, 0), (0, -0.28, 0)))
    area = len(panes) * (np.pi * 0.23**2 if round_lamps else 0.88 * 0.28)
    _under_ceiling(rng, plan, bodies, panes, area, warm)


def spots(rng: np.random.Generator, plan: Plan) -> None:
    """Short rows of spots on rails under the ceiling."""
    warm = warm_light(rng)
    along_x = plan.width > plan.depth
    long, wide = (plan.width, plan.depth) if along_x else (plan.depth, plan.width)
    bodies, panes = [], []
    for across in (np.arange(lines := max(1, round(wide / 3.0))) + 0.5) * wide / lines:
        run = np.linspace(0.15, 0.85, max(3, round(long / 1.3))) * long
        at = [(u, across) if along_x else (across, u) for u in run]
        rail = (run[-1] - run[0] + 0.3, 0.03, 0.03) if along_x else (0.03, run[-1] - run[0] + 0.3, 0.03)
        middle = np.mean(at, axis=0)
        bodies.append(shapes.box(rail, center=(*middle, plan.height - 0.016)))
        for x, y in at:
            bodies.append(shapes.transform(shapes.cylinder(0.05, 0.12, segments=12), shapes.pose(x, y, plan.height - 0.155)))
            panes.append(shapes.transform(shapes.disc(0.046, segments=12), shapes.pose(x, y, plan.height - 0.156) @ _FACING_DOWN))
    _under_ceiling(rng, plan, bodies, panes, len(panes) * np.pi * 0.046**2, warm)


def pendants(rng: np.random.Generator, plan: Plan, *, over: list[np.ndarray]) -> None:
    """Lamps that hang on cords over the given places (x, y): shades of metal, or globes of milky glass."""
    warm, globes = warm_light(rng), rng.random() < 0.4
    radius = float(rng.uniform(0.12, 0.17) if globes else rng.uniform(0.16, 0.26))
    paint = Surface(Material.GLOSSY, rng.uniform(0.02, 0.6, 3), roughness=0.08)
    area = len(over) * (4 * np.pi if globes else np.pi * 0.8) * radius**2
    power = float(rng.uniform(0.5, 1.0)) * plan.width * plan.depth / 10.0
    glow = Surface(Material.DIFFUSE, np.ones(3), emission=warm * power / area * (1.6 if globes else 1.0))
    low = plan.height - float(rng.uniform(0.55, 0.8))
    for x, y in over:
        cord = shapes.transform(shapes.cylinder(0.006, plan.height - low - radius - 0.001, segments=6), shapes.pose(z=radius))
        if globes:
            lit = shapes.transform(shapes.sphere(radius, rings=10, segments=18), shapes.pose(z=0.0))
            body = cord
        else:
            shade = [(radius, -0.02), (radius * 0.92, radius * 0.45), (radius * 0.4, radius * 0.85), (0.03, radius)]
            body = shapes.merge([shapes.lathe(shade, segments=24), cord])
            lit = shapes.transform(shapes.disc(radius * 0.9, segments=20), _FACING_DOWN)
        plan.things.append(Thing("pendant", ((body, paint), (lit, glow)), shapes.pose(float(x), float(y), low)))


def wall_lamps(rng: np.random.Generator, plan: Plan, *, wall: int, count: int) -> None:
    """Small boxes of light along one wall, where nothing else hangs."""
    glow = Surface(Material.DIFFUSE, np.ones(3), emission=warm_light(rng) * float(rng.uniform(2.0, 4.0)))
    bases, panes, length = [], [], plan.wall_length(wall)
    for along in (np.arange(count) + 0.5) * length / count:
        spot = plan.hang_at(wall, float(along), width=0.16, low=1.7, high=2.05)
        if spot is not None:
            x = spot.along - length / 2
            bases.append(shapes.box((0.1, 0.03, 0.2), center=(x, -0.015, 1.87)))
            # Open sides: front, left and right shine.
            panes += [
                shapes.quad((x - 0.07, -0.1, 1.75), (0.14, 0, 0), (0, 0, 0.24)),
                shapes.quad((x + 0.07, -0.1, 1.75), (0, 0.07, 0), (0, 0, 0.24)),
                shapes.quad((x - 0.07, -0.03, 1.75), (0, -0.07, 0), (0, 0, 0.24)),
            ]
    if panes:
        body = Surface(Material.METAL, np.array([0.6, 0.58, 0.55]), roughness=0.15)
        plan.things.append(Thing("wall lamps", ((shapes.merge(bases), body), (shapes.merge(panes), glow)), plan.on_wall(wall, length / 2)))


def _under_ceiling(rng: np.random.Generator, plan: Plan, bodies: list[Mesh], panes: list[Mesh], area: float, warm: np.ndarray) -> None:
    """`bodies` and luminous `panes` of `area` [m2] in all, as bright as the room is large."""
    light = Surface(Material.DIFFUSE, np.ones(3), emission=warm * float(rng.uniform(0.5, 1.3)) * plan.width * plan.depth / 10.0 / area)
    body = Surface(Material.DIFFUSE, np.full(3, 0.75))
    plan.things.append(Thing("ceiling lamps", ((shapes.merge(bodies), body), (shapes.merge(panes), light)), np.eye(4)))
