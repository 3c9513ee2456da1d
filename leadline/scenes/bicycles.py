"""Bicycles with spokes, cables and baskets, and single wheels.

Convention: x forward, y left, z up; the origin lies on the ground between the wheels, those in the plane y = 0.
"""

import numpy as np

from leadline.scenes import shapes, strands
from leadline.scenes.furniture import Parts, Piece
from leadline.scenes.vehicles import PAINTS
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

RADIUS_M = 0.335
LENGTH_M = 1.72
HANDLEBAR_M = 0.62
_RUBBER = Surface(Material.DIFFUSE, np.full(3, 0.02))
_STEEL = Surface(Material.METAL, np.full(3, 0.6), roughness=0.2)
_LEATHER = Surface(Material.DIFFUSE, np.array([0.10, 0.05, 0.03]))


def wheel_parts(*, radius: float = RADIUS_M, spokes: int = 32) -> tuple[Mesh, Mesh]:
    """Rubber and steel of a wheel around the y axis through the origin."""
    upright = shapes.rotation("x", np.pi / 2)
    tyre = shapes.transform(strands.torus(radius - 0.018, 0.018, num=40), upright)
    rim = shapes.transform(strands.torus(radius - 0.042, 0.011, num=40, sides=6), upright)
    index = np.arange(spokes)
    out, side = 2 * np.pi * index / spokes, np.where(index % 2 == 0, 1.0, -1.0)
    inner = out + np.where(index // 2 % 2 == 0, 1.0, -1.0) * 1.1
    start = np.stack([0.024 * np.cos(inner), 0.03 * side, 0.024 * np.sin(inner)], axis=1)
    end = np.stack([(radius - 0.045) * np.cos(out), np.zeros(spokes), (radius - 0.045) * np.sin(out)], axis=1)
    hub = shapes.transform(shapes.cylinder(0.022, 0.08, segments=10), shapes.pose(y=0.04) @ upright)
    return tyre, shapes.merge([rim, hub, shapes.rods(start, end, 0.0022, 0.0022, sides=5)])


def wheel(rng: np.random.Generator) -> Piece:
    """One wheel that lies flat on z = 0."""
    radius = float(rng.uniform(0.2, RADIUS_M))
    tyre, steel = wheel_parts(radius=radius, spokes=28)
    flat = shapes.pose(z=0.042) @ shapes.rotation("x", np.pi / 2)
    return Piece(
        "wheel", [(shapes.transform(tyre, flat), _RUBBER), (shapes.transform(steel, flat), _STEEL)], (2 * radius, 2 * radius, 0.085)
    )


def bicycle(rng: np.random.Generator) -> Parts:
    """A bicycle with a diamond or a step-through frame, mostly with mudguards, a rack, a basket."""
    paint = Surface(Material.GLOSSY, np.clip(np.array(PAINTS[int(rng.integers(len(PAINTS)))]) * 1.2, 0, 0.8), roughness=0.06)
    steer = float(rng.uniform(-0.5, 0.5))
    turned = shapes.pose(0.38) @ shapes.rotation("z", steer) @ shapes.pose(-0.38)
    rear, front = np.array([-0.51, 0.0, RADIUS_M]), np.array([0.52, 0.0, RADIUS_M])
    crank, seat = np.array([-0.08, 0.0, 0.28]), np.array([-0.245, 0.0, 0.76])
    high, low = np.array([0.325, 0.0, 0.86]), np.array([0.375, 0.0, 0.68])
    tyre, steel = wheel_parts()
    fixed: list[Mesh] = [_tube(seat, crank, 0.016), _tube(low, crank, 0.019), _tube(high, low, 0.02)]
    if rng.random() < 0.5:
        fixed.append(_tube(_off(high, 0, 0, -0.03), seat, 0.014))
    else:
        fixed.append(strands.sweep(strands.curved([_off(low, 0, 0, 0.06), [0.1, 0, 0.5], (seat + crank) / 2], 10), 0.016, sides=8))
    for y in (-0.055, 0.055):
        fixed += [_tube(seat, _off(rear, 0, y, 0), 0.008), _tube(crank, _off(rear, 0, y, 0), 0.009)]
    fork = [
        strands.sweep(strands.curved([_off(low, 0, y * 0.7, 0), _off(low, 0.05, y, -0.18), _off(front, 0, y, 0)], 8), 0.011)
        for y in (-0.055, 0.055)
    ]
    moved: list[Mesh] = [*fork, _tube(high, _off(high, -0.03, 0, 0.12), 0.012)]
    half = HANDLEBAR_M / 2
    bar_z, back = high[2] + 0.14, float(rng.uniform(0.1, 0.22))
    bar = strands.curved(
        [
            (0.12, half, bar_z - 0.01),
            (0.2, half, bar_z),
            (0.29, 0.1, bar_z),
            (0.3, 0, bar_z - 0.02),
            (0.29, -0.1, bar_z),
            (0.2, -half, bar_z),
            (0.12, -half, bar_z - 0.01),
        ],
        24,
    )
    bar[:, 0] = 0.3 - (0.3 - bar[:, 0]) * back / 0.18
    bright: list[Mesh] = [shapes.transform(strands.sweep(bar, 0.011), turned), _tube(seat, _off(seat, -0.04, 0, 0.12), 0.012)]
    ring = shapes.transform(
        strands.torus(0.085, 0.004, num=24), shapes.pose(*crank) @ shapes.pose(y=-0.045) @ shapes.rotation("x", np.pi / 2)
    )
    chain = [_tube(_off(crank, 0, -0.045, s * 0.085), _off(rear, 0, -0.045, s * 0.035), 0.005) for s in (-1.0, 1.0)]
    turn = float(rng.uniform(0, np.pi))
    arm = 0.17 * np.array([np.cos(turn), 0.0, np.sin(turn)])
    cranks = [_tube(_off(crank, 0, y, 0), _off(crank, 0, y, 0) + s * arm, 0.008) for s, y in ((1.0, -0.06), (-1.0, 0.06))]
    pedals = shapes.boxes(np.stack([_off(crank, 0, -0.11, 0) + arm, _off(crank, 0, 0.11, 0) - arm]), (0.09, 0.09, 0.022))
    bright += [ring, *cranks, shapes.transform(steel, shapes.pose(*rear)), shapes.transform(steel, turned @ shapes.pose(*front))]
    rubber = [shapes.transform(tyre, shapes.pose(*rear)), shapes.transform(tyre, turned @ shapes.pose(*front)), pedals, *chain]
    grips = [_tube(np.array(bar[i]), np.array(bar[j]), 0.016) for i, j in ((0, 4), (-1, -5))]
    rubber += [shapes.transform(grip, turned) for grip in grips]
    lines = [
        strands.curved([bar[i], _off(bar[i], 0.16, 0, 0.03), _off(high, 0.03, 0, -0.02), _off(low, 0.02, 0, -0.05)], 16) for i in (5, -6)
    ]
    rubber += [strands.sweep(np.array(line) @ turned[:3, :3].T + turned[:3, 3], 0.0028, sides=5) for line in lines]
    saddle = shapes.transform(
        shapes.sphere(1.0, rings=8, segments=14), shapes.pose(seat[0] - 0.06, 0, seat[2] + 0.15, scale=(0.14, 0.075, 0.03))
    )
    nose = shapes.transform(
        shapes.sphere(1.0, rings=6, segments=10), shapes.pose(seat[0] + 0.05, 0, seat[2] + 0.15, scale=(0.09, 0.025, 0.02))
    )
    if rng.random() < 0.7:
        fixed.append(_mudguard(rear, np.radians(20), np.radians(200)))
        moved.append(shapes.transform(_mudguard(front, np.radians(-20 + 60), np.radians(200)), np.eye(4)))
    if rng.random() < 0.6:
        bright.append(_rack(rear))
    parts: Parts = [
        (shapes.merge([*fixed, *(shapes.transform(mesh, turned) for mesh in moved)]), paint),
        (shapes.merge(bright), _STEEL),
        (shapes.merge(rubber), _RUBBER),
        (shapes.merge([saddle, nose]), _LEATHER),
    ]
    if rng.random() < 0.5:
        parts.append(
            (shapes.transform(_wire_box((0.26, 0.36, 0.22)), turned @ shapes.pose(0.5, 0, 0.78)), _RUBBER if rng.random() < 0.5 else _STEEL)
        )
    return parts


def leaning(parts: Parts, *, angle_rad: float) -> Parts:
    """`parts` tipped towards +y about the line on which the wheels stand; towards -y where the angle is negative."""
    tip = shapes.rotation("x", -angle_rad)
    return [(shapes.transform(mesh, tip), surface) for mesh, surface in parts]


def _off(point: np.ndarray, x: float, y: float, z: float) -> np.ndarray:
    return point + np.array([x, y, z])


def _tube(start: np.ndarray, end: np.ndarray, radius: float) -> Mesh:
    return shapes.rods(start, end, radius, radius, sides=8)


def _mudguard(hub: np.ndarray, first: float, last: float) -> Mesh:
    """A strip over a wheel from one angle to another, counted from straight ahead over the top."""
    turn = np.linspace(first, last, 14)
    line = hub + (RADIUS_M + 0.025) * np.stack([np.cos(turn), np.zeros(14), np.sin(turn)], axis=1)
    across = np.array([0.0, 0.026, 0.0])
    return shapes.ribbon(line - across, line + across)


def _rack(hub: np.ndarray) -> Mesh:
    """A rack of rods over the rear wheel."""
    z = RADIUS_M * 2 + 0.06
    starts, ends = [], []
    for y in (-0.06, -0.02, 0.02, 0.06):
        starts.append((hub[0] - 0.2, y, z))
        ends.append((hub[0] + 0.24, y, z))
    for x in (-0.2, 0.0, 0.24):
        starts.append((hub[0] + x, -0.06, z))
        ends.append((hub[0] + x, 0.06, z))
    for y in (-0.06, 0.06):
        starts += [(hub[0], y, hub[2]), (hub[0], y, hub[2])]
        ends += [(hub[0] - 0.12, y, z), (hub[0] + 0.1, y, z)]
    return shapes.rods(starts, ends, 0.005, 0.005, sides=6)


def _wire_box(size: tuple[float, float, float]) -> Mesh:
    """An open box of wires around (0, 0, 0), wider above."""
    half = np.asarray(size) / 2
    corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    wires = []
    for z in np.linspace(-half[2], half[2], 5):
        flare = 0.85 + 0.15 * (z + half[2]) / size[2]
        points = np.column_stack([corner * half[:2] * flare, np.full(4, z)])
        wires.append(shapes.rods(points, np.roll(points, -1, axis=0), 0.003, 0.003, sides=5))
    starts, ends = [], []
    for i in range(4):
        for share in np.arange(6) / 6:
            xy = corner[i] * (1 - share) + corner[(i + 1) % 4] * share
            starts.append((*(xy * half[:2] * 0.85), -half[2]))
            ends.append((*(xy * half[:2]), half[2]))
    for share in np.linspace(-0.8, 0.8, 5):
        starts.append((share * half[0] * 0.85, -half[1] * 0.85, -half[2]))
        ends.append((share * half[0] * 0.85, half[1] * 0.85, -half[2]))
    return shapes.merge([*wires, shapes.rods(starts, ends, 0.0028, 0.0028, sides=5)])
