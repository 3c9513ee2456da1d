"""Fences of several kinds, each along x from 0 to its length, its foot on z = 0, seen best from -y."""

import numpy as np

from leadline.scenes import shapes, strands, streetside, textures
from leadline.scenes.furniture import Parts
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

KINDS = ("pickets", "slats", "boards", "lattice", "rails", "panels", "mesh", "iron", "hedge", "wall")
_WOODS = ((0.22, 0.13, 0.07), (0.30, 0.25, 0.20), (0.60, 0.59, 0.56), (0.10, 0.14, 0.12), (0.14, 0.08, 0.05))
_WIRE = Surface(Material.METAL, np.full(3, 0.5), roughness=0.3)
_PAINTED = Surface(Material.DIFFUSE, np.array([0.03, 0.09, 0.05]))
_BLACK = Surface(Material.DIFFUSE, np.full(3, 0.025))


def fence(rng: np.random.Generator, kind: str, leaves: Surface, *, length: float) -> Parts:
    """A fence of one of KINDS, `length` [m] long; those that one sees through are made of what one does not see through."""
    match kind:
        case "pickets":
            return _pickets(rng, length)
        case "slats":
            return _slats(rng, length)
        case "boards":
            return _boards(rng, length)
        case "lattice":
            return _lattice(rng, length)
        case "rails":
            return _rails(rng, length)
        case "panels":
            return _panels(rng, length)
        case "mesh":
            return _mesh(rng, length)
        case "iron":
            return _iron(rng, length)
        case "hedge":
            return list(streetside.make_hedge(rng, leaves, length=length))
        case "wall":
            stone = textures.brick(rng, 128) if rng.random() < 0.6 else textures.cobbles(rng, 128)
            height = float(rng.uniform(0.8, 1.7))
            coping = shapes.box((length, 0.34, 0.07), center=(length / 2, 0.0, height + 0.035))
            body = shapes.box((length, 0.26, height), center=(length / 2, 0.0, height / 2))
            return [(body, Surface(Material.DIFFUSE, stone, texture_m=1.5)), (coping, Surface(Material.DIFFUSE, np.full(3, 0.25)))]
    raise ValueError(f"there is no fence '{kind}'")


def wood(rng: np.random.Generator) -> Surface:
    """Weathered or painted boards."""
    color = np.array(_WOODS[int(rng.integers(len(_WOODS)))])
    if color.max() > 0.5 or rng.random() < 0.3:
        return Surface(Material.DIFFUSE, color)
    return Surface(Material.DIFFUSE, textures.wood(rng, 128, color=tuple(np.clip(color**0.4545, 0, 1))), texture_m=1.0)


def _posts(length: float, height: float, *, pitch: float, thick: float, y: float = 0.04) -> Mesh:
    x = np.linspace(0.0, length, max(2, round(length / pitch) + 1))
    return shapes.boxes(np.stack([x, np.full_like(x, y), np.full_like(x, height / 2)], axis=1), (thick, thick, height))


def _pickets(rng: np.random.Generator, length: float) -> Parts:
    """Pointed pales with gaps."""
    height, wide, gap = float(rng.uniform(0.8, 1.3)), float(rng.uniform(0.06, 0.1)), float(rng.uniform(0.04, 0.09))
    outline = [(-wide / 2, 0.04), (wide / 2, 0.04), (wide / 2, height - wide / 2), (0.0, height), (-wide / 2, height - wide / 2)]
    pale = shapes.transform(shapes.extrude(outline, 0.02), shapes.rotation("x", np.pi / 2))
    x = np.arange(wide, length, wide + gap)
    pales = [shapes.transform(pale, shapes.pose(at, 0.0, float(rng.normal(0.0, 0.006)))) for at in x]
    bars = shapes.boxes([(length / 2, 0.02, height * s) for s in (0.25, 0.78)], (length, 0.035, 0.07))
    return [(shapes.merge([*pales, bars, _posts(length, height * 0.95, pitch=2.0, thick=0.09, y=0.08)]), wood(rng))]


def _slats(rng: np.random.Generator, length: float) -> Parts:
    """Level slats between posts, a gap between any two."""
    height, wide, gap = float(rng.uniform(1.1, 1.8)), float(rng.uniform(0.06, 0.11)), float(rng.uniform(0.02, 0.06))
    z = np.arange(0.08 + wide / 2, height, wide + gap)
    slats = shapes.boxes(np.stack([np.full_like(z, length / 2), np.zeros_like(z), z], axis=1), (length, 0.022, wide))
    return [
        (slats, wood(rng)),
        (_posts(length, height + 0.08, pitch=1.8, thick=0.08, y=0.055), _BLACK if rng.random() < 0.5 else wood(rng)),
    ]


def _boards(rng: np.random.Generator, length: float) -> Parts:
    """Close upright boards of slightly different heights."""
    height, wide = float(rng.uniform(1.5, 1.9)), float(rng.uniform(0.1, 0.15))
    x = np.arange(wide / 2, length, wide)
    tall = height + rng.uniform(-0.02, 0.02, len(x))
    boards = shapes.boxes(
        np.stack([x, rng.uniform(-0.006, 0.006, len(x)), tall / 2], axis=1),
        np.stack([np.full_like(x, wide - 0.006), np.full_like(x, 0.02), tall], axis=1),
    )
    return [(shapes.merge([boards, _posts(length, height * 0.98, pitch=2.0, thick=0.1, y=0.07)]), wood(rng))]


def _lattice(rng: np.random.Generator, length: float) -> Parts:
    """A trellis of crossed laths in frames."""
    height, pitch, lath = float(rng.uniform(1.2, 1.8)), float(rng.uniform(0.14, 0.2)), float(rng.uniform(0.022, 0.032))
    laths = []
    for sign, y in ((1.0, 0.0), (-1.0, 0.012)):
        # Laths at 45 degrees, clipped to the rectangle by where they enter and leave it.
        start = np.arange(-height + pitch / 2, length, pitch)
        low, high = np.clip(start, 0.0, length), np.clip(start + height, 0.0, length)
        keep = high - low > lath
        a, b = (low - start)[keep] + 0.06, (high - start)[keep] + 0.06
        foot, head = np.stack([low[keep], a], axis=1), np.stack([high[keep], b], axis=1)
        if sign < 0:
            foot[:, 0], head[:, 0] = length - foot[:, 0], length - head[:, 0]
        laths.append(_laths(foot, head, lath, y))
    frame = shapes.boxes([(length / 2, 0.006, z) for z in (0.06, height + 0.06)], (length, 0.035, 0.05))
    return [(shapes.merge([*laths, frame, _posts(length, height + 0.15, pitch=1.8, thick=0.08, y=0.06)]), wood(rng))]


def _laths(foot: np.ndarray, head: np.ndarray, wide: float, y: float) -> Mesh:
    """Flat strips 8 mm thick between points (n, 2) of the plane x, z."""
    along = head - foot
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True) * wide

    def lifted(plane: np.ndarray, out: float) -> np.ndarray:
        return np.stack([plane[:, 0], np.full(len(plane), out), plane[:, 1]], axis=1)

    origin = lifted(foot - across / 2, y - 0.004)
    front = shapes.quads(origin, lifted(along, 0.0), lifted(across, 0.0))
    back = shapes.quads(lifted(foot - across / 2, y + 0.004), lifted(across, 0.0), lifted(along, 0.0))
    sides = [
        shapes.quads(origin, (0.0, 0.008, 0.0), lifted(along, 0.0)),
        shapes.quads(lifted(foot + across / 2, y - 0.004), lifted(along, 0.0), (0, 0.008, 0)),
    ]
    return shapes.merge([front, back, *sides])


def _rails(rng: np.random.Generator, length: float) -> Parts:
    """Round rails between round posts, as around a paddock."""
    height, count = float(rng.uniform(0.9, 1.3)), int(rng.integers(2, 4))
    x = np.linspace(0.0, length, max(2, round(length / 2.2) + 1))
    posts = np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)
    pieces = [shapes.rods(posts, posts + np.array([0.0, 0.0, height]), 0.055, 0.05, sides=8)]
    pieces += [shapes.transform(shapes.disc(0.05, segments=8), shapes.pose(float(at), 0.0, height)) for at in x]
    for z in np.linspace(0.4, height - 0.08, count):
        ends = posts + np.stack([np.zeros_like(x), np.full_like(x, -0.07), z + rng.uniform(-0.04, 0.04, len(x))], axis=1)
        pieces.append(shapes.rods(ends[:-1], ends[1:], 0.04, 0.035, sides=7))
    return [(shapes.merge(pieces), wood(rng))]


def _panels(rng: np.random.Generator, length: float) -> Parts:
    """Welded panels of steel bars, green or black."""
    height, bar = float(rng.uniform(1.2, 1.8)), float(rng.uniform(0.004, 0.006))
    x = np.arange(0.03, length, float(rng.uniform(0.07, 0.12)))
    foot = np.stack([x, np.zeros_like(x), np.full_like(x, 0.05)], axis=1)
    z = np.arange(0.08, height, 0.2)
    left = np.stack([np.zeros_like(z), np.full_like(z, 2 * bar), z], axis=1)
    bars = [
        shapes.rods(foot, foot + np.array([0.0, 0.0, height - 0.05]), bar, bar, sides=5),
        shapes.rods(left, left + np.array([length, 0.0, 0.0]), 1.3 * bar, 1.3 * bar, sides=5),
    ]
    paint = _PAINTED if rng.random() < 0.5 else _BLACK
    return [(shapes.merge([*bars, _posts(length, height + 0.05, pitch=2.5, thick=0.05)]), paint)]


def _mesh(rng: np.random.Generator, length: float) -> Parts:
    """Diamonds of wire between thin posts."""
    height, pitch, wire = float(rng.uniform(1.0, 1.6)), float(rng.uniform(0.08, 0.11)), 0.0028
    runs = []
    for sign in (1.0, -1.0):
        start = np.arange(-height + pitch / 2, length, pitch)
        low, high = np.clip(start, 0.0, length), np.clip(start + height, 0.0, length)
        keep = high - low > pitch / 2
        foot = np.stack([low, np.full_like(low, wire * sign), low - start + 0.04], axis=1)[keep]
        head = np.stack([high, np.full_like(low, wire * sign), high - start + 0.04], axis=1)[keep]
        if sign < 0:
            foot[:, 0], head[:, 0] = length - foot[:, 0], length - head[:, 0]
        runs.append(shapes.rods(foot, head, wire, wire, sides=4))
    level = np.array([[0.0, 0.0, z] for z in (0.04, height / 2, height + 0.04)])
    runs.append(shapes.rods(level, level + np.array([length, 0.0, 0.0]), 0.003, 0.003, sides=5))
    x = np.linspace(0.0, length, max(2, round(length / 2.5) + 1))
    posts = np.stack([x, np.full_like(x, 0.03), np.zeros_like(x)], axis=1)
    return [(shapes.merge(runs), _WIRE), (shapes.rods(posts, posts + np.array([0.0, 0.0, height + 0.1]), 0.024, 0.024, sides=8), _PAINTED)]


def _iron(rng: np.random.Generator, length: float) -> Parts:
    """Iron bars with points and a scroll between some, on a low plinth."""
    height, bar = float(rng.uniform(1.1, 1.6)), float(rng.uniform(0.008, 0.011))
    x = np.arange(0.06, length, 0.13)
    foot = np.stack([x, np.zeros_like(x), np.full_like(x, 0.15)], axis=1)
    top = foot + np.array([0.0, 0.0, height - 0.15])
    pieces = [shapes.rods(foot, top, bar, bar, sides=6), shapes.rods(top, top + np.array([0.0, 0.0, 0.1]), 2.2 * bar, 0.0015, sides=6)]
    pieces.append(shapes.boxes([(length / 2, 0.0, z) for z in (0.25, height - 0.12)], (length, 0.03, 0.035)))
    for at in x[::4] + 0.065:
        circle = shapes.transform(
            strands.torus(0.055, 0.006, num=16, sides=5), shapes.pose(float(at), 0.0, height - 0.2) @ shapes.rotation("x", np.pi / 2)
        )
        pieces.append(circle)
    plinth = shapes.box((length, 0.22, 0.2), center=(length / 2, 0.0, 0.1))
    return [(shapes.merge(pieces), _BLACK), (plinth, Surface(Material.DIFFUSE, np.full(3, 0.3)))]
