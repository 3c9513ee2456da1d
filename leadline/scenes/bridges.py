"""Bridges over a street: a footbridge with ramps, a road on concrete columns, a railway between girders of steel.

Convention: x across the street (along the bridge), y along the street, z up from the carriageway at the crossing.
"""

import numpy as np

from leadline.scenes import shapes, textures
from leadline.scenes.roads import Crossing, Road
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material

Parts = tuple[tuple[Mesh, Surface], ...]
KINDS = ("foot", "road", "rail")
CLEARANCE_M = 4.9
_HALF_WIDTH = {"foot": (1.2, 1.8), "road": (4.5, 6.0), "rail": (2.8, 5.0)}
_REACH_M = 46.0
"""Of roads and railways to each side; they vanish behind houses."""
_DEEP_M = 5.0
"""How far columns reach below the carriageway at the crossing, as the ground may fall beside it."""


def make_crossing(rng: np.random.Generator, road: Road) -> Crossing | None:
    """Where a bridge may lie over `road`: mostly ahead, away from side streets; None where there is no room."""
    kind = str(rng.choice(KINDS, p=[0.4, 0.3, 0.3]))
    half = float(rng.uniform(*_HALF_WIDTH[kind]))
    for s in rng.uniform(14.0, 75.0, 12):
        if all(road.free(float(s), side, margin=half + 6.0) for side in (-1, 1)):
            return Crossing(float(s), half, kind)
    return None


def make_bridge(rng: np.random.Generator, road: Road) -> Thing:
    """The bridge of `road`."""
    assert road.bridge is not None
    bridge, wide = road.bridge, (road.outer(-1) + 0.8, road.outer(1) + 0.8)
    height = CLEARANCE_M + float(rng.uniform(0.0, 0.9))
    make = {"foot": _foot, "road": _road, "rail": _rail}[bridge.kind]
    parts = make(rng, bridge.half_width, wide, height)
    return Thing(f"{bridge.kind} bridge", parts, road.place(bridge.s, 0.0, turn=-np.pi / 2))


def _foot(rng: np.random.Generator, half: float, wide: tuple[float, float], height: float) -> Parts:
    """A deck of steel with railings between two towers of columns, and a ramp of steps down at each end."""
    left, right = -wide[1], wide[0]
    paint = Surface(
        Material.DIFFUSE, np.array(((0.05, 0.16, 0.20), (0.30, 0.31, 0.32), (0.20, 0.05, 0.04), (0.06, 0.14, 0.08))[int(rng.integers(4))])
    )
    length, middle = right - left, (left + right) / 2
    deck = shapes.box((length + 2 * half, 2 * half, 0.35), center=(middle, 0.0, height + 0.175))
    steel = [_railing(left - half, right + half, y, height + 0.35) for y in (-half + 0.04, half - 0.04)]
    steel.append(shapes.boxes([(middle, y, height + 0.1) for y in (-half, half)], (length + 2 * half, 0.12, 0.6)))
    x = np.array([left - half + 0.3, left + half - 0.3, right - half + 0.3, right + half - 0.3])
    steel += [_columns(x, y, height, 0.22) for y in (-half + 0.25, half - 0.25)]
    steps, run = int(np.ceil(height / 0.17)), 0.29
    rise = height / steps
    treads = []
    for end, way in ((left, 1.0), (right, -1.0)):
        i = np.arange(steps)
        y = way * (half + run * (i + 0.5))
        treads.append(
            shapes.boxes(np.stack([np.full(steps, end), y, height - rise * (i + 0.5) + 0.2], axis=1), (2 * half - 0.3, run + 0.02, 0.17))
        )
        foot, low = way * (half + run * steps), 0.3
        for x0 in (end - half + 0.15, end + half - 0.15):
            ends = ((x0, way * half, height + 1.25), (x0, foot, 1.0 + low))
            steel.append(shapes.rods(ends[0], ends[1], 0.03, 0.03, sides=5))
            steel.append(shapes.rods((x0, way * half, height + 0.05), (x0, foot, low - 0.2), 0.11, 0.11, sides=4))
    concrete = Surface(Material.DIFFUSE, textures.concrete(rng, 128), texture_m=4.0)
    return ((shapes.merge([deck, *treads]), concrete), (shapes.merge(steel), paint))


def _road(rng: np.random.Generator, half: float, wide: tuple[float, float], height: float) -> Parts:
    """A slab of concrete on columns and crossbeams, with parapets."""
    concrete = Surface(Material.DIFFUSE, textures.concrete(rng, 128), texture_m=4.0)
    deck = shapes.box((2 * _REACH_M, 2 * half, 0.8), center=(0.0, 0.0, height + 0.8))
    beams = shapes.boxes([(0.0, y, height + 0.2) for y in np.linspace(-half + 0.8, half - 0.8, 4)], (2 * _REACH_M, 0.5, 0.5))
    walls = shapes.boxes([(0.0, y, height + 1.6) for y in (-half, half)], (2 * _REACH_M, 0.3, 1.1))
    x = np.concatenate([-wide[1] - np.arange(0.0, _REACH_M - wide[1], 12.0), wide[0] + np.arange(0.0, _REACH_M - wide[0], 12.0)])
    columns = [_columns(x, y, height, 0.9) for y in np.linspace(-half + 1.0, half - 1.0, 3)]
    caps = shapes.boxes([(at, 0.0, height - 0.1) for at in x], (1.1, 2 * half - 0.6, 0.5))
    y = np.array([-half, half])
    rail = shapes.merge([shapes.boxes([(0.0, at, height + 2.4) for at in y], (2 * _REACH_M, 0.06, 0.06))])
    return ((shapes.merge([deck, beams, walls, *columns, caps]), concrete), (rail, Surface(Material.DIFFUSE, np.full(3, 0.2))))


def _rail(rng: np.random.Generator, half: float, wide: tuple[float, float], height: float) -> Parts:
    """Girders of riveted plates on abutments of masonry; embankments of the same beyond."""
    left, right = -wide[1], wide[0]
    rust = np.array(((0.10, 0.045, 0.03), (0.06, 0.09, 0.07), (0.16, 0.16, 0.15))[int(rng.integers(3))])
    deck = shapes.box((right - left, 2 * half, 0.4), center=((left + right) / 2, 0.0, height + 0.3))
    plates = shapes.boxes([((left + right) / 2, y, height + 0.85) for y in (-half, half)], (right - left + 0.6, 0.06, 1.7))
    x = np.arange(left, right + 0.1, 1.4)
    stiff = [shapes.boxes([(at, y, height + 0.85) for at in x], (0.10, 0.30, 1.7)) for y in (-half, half)]
    flanges = shapes.boxes(
        [((left + right) / 2, y, height + z) for y in (-half, half) for z in (0.0, 1.7)], (right - left + 0.6, 0.4, 0.06)
    )
    under = shapes.boxes([(at, 0.0, height + 0.05) for at in x], (0.3, 2 * half, 0.35))
    mast = shapes.boxes([(at, half + 0.2, height + 3.4) for at in (left - 4.0, right + 4.0)], (0.18, 0.18, 6.0))
    arm = shapes.boxes([(at, 0.2, height + 5.8) for at in (left - 4.0, right + 4.0)], (0.1, 2 * half, 0.1))
    wire = shapes.rods((-_REACH_M, 0.0, height + 5.7), (_REACH_M, 0.0, height + 5.7), 0.012, 0.012, sides=4)
    metal = shapes.merge([deck, plates, *stiff, flanges, under, mast, arm, wire])
    masonry = textures.brick(rng, 128) if rng.random() < 0.6 else textures.cobbles(rng, 128)
    top = height + 0.5
    blocks = []
    for start, end in ((-_REACH_M, left), (right, _REACH_M)):
        blocks.append(shapes.box((end - start, 2 * half + 0.8, top + _DEEP_M), center=((start + end) / 2, 0.0, (top - _DEEP_M) / 2)))
    return ((shapes.merge(blocks), Surface(Material.DIFFUSE, masonry, texture_m=2.0)), (metal, Surface(Material.DIFFUSE, rust)))


def _columns(x: np.ndarray, y: float, height: float, thick: float) -> Mesh:
    middle = np.stack([x, np.full_like(x, y), np.full_like(x, (height - _DEEP_M) / 2)], axis=1)
    return shapes.boxes(middle, (thick, thick, height + _DEEP_M))


def _railing(start: float, end: float, y: float, z: float) -> Mesh:
    x = np.arange(start, end + 0.01, 0.22)
    bars = shapes.boxes(np.stack([x, np.full_like(x, y), np.full_like(x, z + 0.55)], axis=1), (0.03, 0.03, 1.1))
    return shapes.merge([bars, shapes.box((end - start, 0.07, 0.06), center=((start + end) / 2, y, z + 1.13))])
