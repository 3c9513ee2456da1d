"""What offices and corridors are fitted with: groups of desks, screens between them, walls of glass, lockers, coat hooks.

Convention: as `furniture`.
"""

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.furniture import Parts, Piece, cushion, legs
from leadline.scenes.interior import Palette
from leadline.scenes.paint import painted
from leadline.scenes.world import Surface
from leadline.types import Material

DESK_M = 0.74
"""Height of a desk."""


def desks(rng: np.random.Generator, palette: Palette, *, columns: int, rows: int, width: float, depth: float) -> Piece:
    """Desks side by side in one row, or in two that face each other, with screens of cloth or glass between them."""
    long, deep = columns * width, rows * depth
    tops = [
        shapes.box((width - 0.01, depth - 0.01, 0.026), center=((i + 0.5) * width - long / 2, (j + 0.5) * depth - deep / 2, DESK_M - 0.013))
        for i in range(columns)
        for j in range(rows)
    ]
    frame = [
        shapes.transform(legs(width - 0.04, deep - 0.04, DESK_M - 0.027), shapes.pose((i + 0.5) * width - long / 2)) for i in range(columns)
    ]
    parts: Parts = [(shapes.merge(tops), palette.wood if rng.random() < 0.6 else palette.white), (shapes.merge(frame), palette.metal)]
    height = DESK_M
    if rows == 2:
        height = float(rng.uniform(1.1, 1.35))
        divider = shapes.box((long - 0.04, 0.025, height - DESK_M), center=(0, 0, (height + DESK_M) / 2))
        if rng.random() < 0.3:
            divider = shapes.quad((-long / 2 + 0.02, 0, DESK_M), (long - 0.04, 0, 0), (0, 0, height - DESK_M))
            parts.append((divider, palette.glass))
        else:
            parts.append((divider, palette.fabrics[2]))
    return Piece("desk", parts, (long, deep, height))


def partition(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A screen on feet, covered with cloth, that parts a large room."""
    height = float(rng.uniform(1.25, 1.65))
    panel = shapes.box((width - 0.06, 0.04, height - 0.14), center=(0, 0, (height + 0.06) / 2))
    frame = shapes.boxes(
        [(0, 0, height - 0.015), (-width / 2 + 0.015, 0, height / 2), (width / 2 - 0.015, 0, height / 2)],
        [(width, 0.05, 0.03), (0.03, 0.05, height), (0.03, 0.05, height)],
    )
    feet = shapes.boxes([(s * (width / 2 - 0.04), 0, 0.012) for s in (-1, 1)], (0.06, 0.42, 0.024))
    return Piece("partition", [(panel, palette.fabrics[1]), (shapes.merge([frame, feet]), palette.metal)], (width, 0.42, height))


def glass_wall(rng: np.random.Generator, palette: Palette, *, width: float, door: float | None) -> Piece:
    """A wall of panes between posts; with `door` its wing of glass stands open at that place along it [m], leaving a way in."""
    height, frame = float(rng.uniform(2.1, 2.3)), palette.dark if rng.random() < 0.6 else palette.metal
    wide = 0.9
    ends = [-width / 2, width / 2] if door is None else [-width / 2, door - wide / 2, door + wide / 2, width / 2]
    panes, posts = [], [(x, 0.05) for x in ends]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        count = max(1, round((end - start) / 1.1))
        posts += [(x, 0.03) for x in np.linspace(start, end, count + 1)[1:-1]]
        panes.append(shapes.quad((start, 0, 0.05), (end - start, 0, 0), (0, 0, height - 0.05)))
    bars = [shapes.box((thick, 0.05, height), center=(x, 0, height / 2)) for x, thick in posts]
    bars.append(shapes.box((width, 0.05, 0.05), center=(0, 0, height + 0.025)))
    bars += [
        shapes.box((end - start, 0.05, 0.05), center=((start + end) / 2, 0, 0.025))
        for start, end in zip(ends[::2], ends[1::2], strict=True)
    ]
    handles = []
    if door is not None:
        wing = shapes.pose(door - wide / 2 + 0.03, 0.0, yaw=-float(rng.uniform(0.9, 1.5)))
        panes.append(shapes.transform(shapes.quad((0.02, 0, 0.04), (wide - 0.1, 0, 0), (0, 0, height - 0.1)), wing))
        rim = [(0.01, height / 2, 0.03, height - 0.04), (wide - 0.07, height / 2, 0.03, height - 0.04)]
        bars += [shapes.transform(shapes.box((w, 0.03, h), center=(x, 0, z)), wing) for x, z, w, h in rim]
        handles.append(shapes.transform(shapes.box((0.02, 0.09, 0.5), center=(wide - 0.12, 0, 1.05)), wing))
    parts: Parts = [(shapes.merge(panes), palette.glass), (shapes.merge(bars), frame)]
    if handles:
        parts.append((shapes.merge(handles), palette.metal))
    return Piece("glass wall", parts, (width, 0.06, height + 0.05))


def lockers(rng: np.random.Generator, palette: Palette, *, columns: int) -> Piece:
    """A row of narrow steel doors."""
    wide, depth, height = 0.34, 0.36, float(rng.uniform(1.65, 1.85))
    width = columns * wide
    rows = int(rng.integers(1, 4))
    cell = (height - 0.1) / rows
    body = shapes.box((width, depth - 0.02, height), center=(0, 0.01, height / 2))
    at = [((i + 0.5) * wide - width / 2, 0.1 + (j + 0.5) * cell) for i in range(columns) for j in range(rows)]
    doors = shapes.boxes([(x, -depth / 2 + 0.01, z) for x, z in at], (wide - 0.01, 0.018, cell - 0.01))
    slots = [shapes.boxes([(x, -depth / 2 - 0.0005, z + cell * 0.3 + s) for s in (0, 0.03, 0.06)], (0.14, 0.002, 0.01)) for x, z in at]
    paint = Surface(Material.GLOSSY, rng.uniform(0.05, 0.6, 3), roughness=float(rng.choice([0.06, 0.15])))
    grip = shapes.boxes([(x + wide * 0.34, -depth / 2 - 0.008, z) for x, z in at], (0.016, 0.02, 0.1))
    parts: Parts = [(shapes.merge([body, *slots]), palette.dark), (doors, paint), (grip, palette.metal)]
    return Piece("lockers", parts, (width, depth + 0.02, height))


def coats(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A board with hooks and coats on it, to hang on a wall from z = 0 upwards."""
    board = shapes.box((width, 0.02, 0.14), center=(0, 0.11, 1.0))
    hooks = shapes.boxes([(x, 0.07, 1.0) for x in np.arange(-width / 2 + 0.1, width / 2 - 0.05, 0.18)], (0.015, 0.07, 0.015))
    hung = []
    for x in np.arange(-width / 2 + 0.15, width / 2 - 0.1, 0.3):
        if rng.random() < 0.7:
            long = float(rng.uniform(0.6, 0.95))
            hung.append((cushion((0.3, 0.16, long), center=(x, 0.01, 0.98 - long / 2), softness=0.4), rng.uniform(0.02, 0.4, 3)))
    parts: Parts = [(board, palette.wood), (hooks, palette.metal)]
    if hung:
        parts.append(painted(hung))
    return Piece("coats", parts, (width, 0.24, 1.07))


def extinguisher(palette: Palette) -> Piece:
    """A red fire extinguisher that stands on the floor."""
    red = Surface(Material.GLOSSY, np.array([0.45, 0.01, 0.01]), roughness=0.05)
    body = shapes.lathe([(0.0, 0.0), (0.07, 0.0), (0.075, 0.05), (0.075, 0.36), (0.03, 0.43), (0.02, 0.46), (0.0, 0.46)], segments=16)
    head = shapes.boxes([(0, 0, 0.48), (0, -0.05, 0.5)], [(0.035, 0.05, 0.05), (0.02, 0.12, 0.015)])
    return Piece("extinguisher", [(body, red), (head, palette.dark)], (0.16, 0.2, 0.52))


def bench(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A bench of slats or with a padded seat."""
    depth, seat = 0.38, 0.45
    parts: Parts = [(legs(width - 0.1, depth - 0.04, seat - 0.04), palette.metal)]
    if rng.random() < 0.5:
        parts.append((shapes.boxes([(0, y, seat - 0.02) for y in np.linspace(-0.14, 0.14, 4)], (width, 0.07, 0.03)), palette.wood))
    else:
        parts.append((cushion((width, depth, 0.1), center=(0, 0, seat - 0.01), softness=0.2), palette.fabrics[0]))
    return Piece("bench", parts, (width, depth, seat + 0.04))
