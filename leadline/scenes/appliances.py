"""What kitchens and bathrooms have built in: stove, ovens, hood, mirror cabinet, shower, toilet, washing machine, towels.

Convention: as `furniture`; what hangs on a wall has its lower edge at z = 0.
"""

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.furniture import Parts, Piece, Shelf, cushion
from leadline.scenes.interior import Palette
from leadline.scenes.world import Mesh


def stove(palette: Palette) -> Piece:
    """An oven with a door of black glass under a hob of black glass."""
    wide, deep, high = 0.6, 0.6, 0.905
    body = shapes.box((wide, deep - 0.03, high - 0.01), center=(0, 0.015, (high - 0.01) / 2))
    hob = shapes.box((wide - 0.02, deep - 0.08, 0.012), center=(0, 0.01, high))
    parts: Parts = [(body, palette.brushed), (shapes.merge([hob, _black_door(wide, 0.14, 0.56, -deep / 2 + 0.015)]), palette.screen_off)]
    handle = shapes.box((wide - 0.12, 0.02, 0.02), center=(0, -deep / 2 - 0.02, 0.69))
    knobs = [
        shapes.transform(
            shapes.cylinder(0.02, 0.025, segments=12), shapes.pose(x, -deep / 2 + 0.015, 0.8) @ shapes.rotation("x", np.pi / 2)
        )
        for x in (-0.2, -0.1, 0.1, 0.2)
    ]
    parts.append((shapes.merge([handle, *knobs]), palette.metal))
    return Piece("stove", parts, (wide, deep + 0.06, high + 0.01))


def oven_tower(palette: Palette) -> Piece:
    """A tall unit with two ovens behind black glass."""
    wide, deep, high = 0.6, 0.6, 2.0
    body = shapes.box((wide, deep - 0.03, high - 0.08), center=(0, 0.015, (high + 0.08) / 2))
    doors = [_black_door(wide, 0.75, 0.55, -deep / 2 + 0.015), _black_door(wide, 1.33, 0.36, -deep / 2 + 0.015)]
    grips = shapes.boxes([(0, -deep / 2 - 0.02, z) for z in (1.25, 1.65)], (wide - 0.12, 0.02, 0.02))
    fronts = shapes.boxes(
        [(0, -deep / 2 + 0.007, 0.41), (0, -deep / 2 + 0.007, 1.85)], [(wide - 0.01, 0.015, 0.64), (wide - 0.01, 0.015, 0.28)]
    )
    parts: Parts = [(shapes.merge([body, fronts]), palette.lacquer), (shapes.merge(doors), palette.screen_off), (grips, palette.metal)]
    return Piece("oven tower", parts, (wide, deep + 0.06, high))


def hood(palette: Palette) -> Piece:
    """An extractor of steel with its chimney."""
    wide, deep = 0.6, 0.42
    low, high = np.array([wide / 2, deep / 2]), np.array([0.13, 0.12])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    back = np.array([0.0, deep / 2 - 0.12])
    sections = np.stack(
        [np.column_stack([corners * half + shift, np.full(4, z)]) for half, shift, z in ((low, 0 * back, 0.06), (high, back, 0.3))]
    )
    sides = [
        shapes.quad(sections[0, i], sections[0, j] - sections[0, i], sections[1, i] - sections[0, i]) for i, j in ((0, 1), (1, 2), (3, 0))
    ]
    # A tapering side is no parallelogram: its second triangle ends at the upper corner.
    slopes = [
        Mesh(np.stack([sections[0, i], sections[0, j], sections[1, j], sections[1, i]]), side.faces)
        for side, (i, j) in zip(sides, ((0, 1), (1, 2), (3, 0)), strict=True)
    ]
    box = shapes.box((wide, deep, 0.06), center=(0, 0, 0.03))
    chimney = shapes.box((0.26, 0.24, 0.4), center=(0, float(back[1]), 0.5))
    return Piece("hood", [(shapes.merge([box, chimney, *slopes]), palette.brushed)], (wide, deep, 0.7))


def mirror_cabinet(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A shallow cabinet with mirrors for doors, hung above a basin."""
    depth, height = 0.14, float(rng.uniform(0.62, 0.85))
    body = shapes.box((width, depth - 0.01, height), center=(0, 0.005, height / 2))
    count = max(2, round(width / 0.5))
    wing = width / count
    x = (np.arange(count) + 0.5) * wing - width / 2
    doors = shapes.merge([shapes.quad((c - wing / 2 + 0.003, -depth / 2, 0.003), (wing - 0.006, 0, 0), (0, 0, height - 0.006)) for c in x])
    return Piece("mirror cabinet", [(body, palette.white), (doors, palette.mirror)], (width, depth, height))


def basin(rng: np.random.Generator, palette: Palette) -> Piece:
    """A bowl of porcelain with its tap, to stand on a cabinet."""
    radius = float(rng.uniform(0.17, 0.21))
    angle = np.linspace(0.0, 1.25, 8)
    outer = np.stack([radius * np.sin(angle) / np.sin(1.25), 0.6 * radius * (1 - np.cos(angle)) / (1 - np.cos(1.25))], axis=1)
    bowl = shapes.lathe(np.concatenate([outer, outer[::-1] * 0.94 + np.array([0.0, 0.02])]), segments=28)
    tap = [shapes.transform(shapes.cylinder(0.013, 0.26), shapes.pose(y=0.2)), shapes.box((0.02, 0.14, 0.016), center=(0, 0.13, 0.25))]
    return Piece("basin", [(bowl, palette.ceramics[0]), (shapes.merge(tap), palette.metal)], (2 * radius, 0.42, 0.26))


def toilet(palette: Palette) -> Piece:
    """A toilet of porcelain with its cistern and a closed lid."""
    bowl = shapes.lathe([(0.0, 0.0), (0.12, 0.0), (0.11, 0.12), (0.15, 0.26), (0.19, 0.38), (0.0, 0.385)], segments=28)
    bowl = shapes.transform(bowl, shapes.pose(y=-0.1, scale=(0.95, 1.2, 1.0)))
    lid = cushion((0.38, 0.46, 0.05), center=(0, -0.09, 0.41), softness=0.5)
    foot = shapes.box((0.2, 0.3, 0.36), center=(0, 0.12, 0.18))
    tank = cushion((0.4, 0.18, 0.4), center=(0, 0.23, 0.58), softness=0.15)
    button = shapes.transform(shapes.cylinder(0.025, 0.012, segments=16), shapes.pose(y=0.23, z=0.775))
    return Piece("toilet", [(shapes.merge([bowl, lid, foot, tank]), palette.ceramics[0]), (button, palette.metal)], (0.4, 0.66, 0.79))


def bath(palette: Palette) -> Piece:
    """A tub, filled."""
    body = cushion((1.6, 0.75, 0.56), center=(0, 0, 0.28), softness=0.2)
    water = shapes.transform(shapes.cylinder(0.33, 0.004, segments=32), shapes.pose(z=0.5605, scale=(2.0, 0.85, 1.0)))
    return Piece("bath", [(shapes.merge([body, water]), palette.ceramics[0])], (1.6, 0.75, 0.57))


def shower(rng: np.random.Generator, palette: Palette) -> Piece:
    """A cabin of glass before a wall: a front with a door in it, two sides, a tray, pipe and head at the wall."""
    width, depth, height = float(rng.uniform(0.85, 1.2)), float(rng.uniform(0.8, 0.95)), 2.0
    x, y = width / 2 - 0.015, depth / 2 - 0.015
    tray = shapes.box((width, depth, 0.08), center=(0, 0, 0.04))
    panes = [
        shapes.quad((-x, -y, 0.1), (2 * x, 0, 0), (0, 0, height - 0.12)),
        shapes.quad((x, -y, 0.1), (0, 2 * y, 0), (0, 0, height - 0.12)),
        shapes.quad((-x, y, 0.1), (0, -2 * y, 0), (0, 0, height - 0.12)),
    ]
    posts = shapes.boxes(
        [(-x, -y, 1.04), (x, -y, 1.04), (0.1, -y, 1.04), (0, -y, height), (-x, 0, height), (x, 0, height)],
        [(0.025, 0.025, 1.92)] * 2 + [(0.012, 0.015, 1.92), (width, 0.025, 0.025), (0.025, depth, 0.025), (0.025, depth, 0.025)],
    )
    pipe = shapes.boxes([(0, depth / 2 - 0.03, 1.4), (0, depth / 2 - 0.15, 1.95)], [(0.022, 0.022, 1.1), (0.022, 0.26, 0.022)])
    head = shapes.transform(shapes.cylinder(0.1, 0.02, segments=20), shapes.pose(y=depth / 2 - 0.27, z=1.92))
    grip = shapes.box((0.02, 0.05, 0.3), center=(0.02, -y - 0.03, 1.05))
    metal = shapes.merge([posts, pipe, head, grip])
    parts: Parts = [(tray, palette.ceramics[0]), (shapes.merge(panes), palette.glass), (metal, palette.metal)]
    return Piece("shower", parts, (width, depth, height + 0.02))


def washing_machine(palette: Palette) -> Piece:
    """A white box with a round door of dark glass."""
    wide, deep, high = 0.6, 0.58, 0.85
    body = shapes.box((wide, deep, high), center=(0, 0, high / 2))
    facing = shapes.pose(y=-deep / 2, z=0.42) @ shapes.rotation("x", np.pi / 2)
    ring = shapes.transform(shapes.lathe([(0.2, 0.0), (0.2, 0.03), (0.16, 0.035)], segments=28), facing)
    door = shapes.transform(shapes.lathe([(0.16, 0.03), (0.1, 0.05), (0.0, 0.055)], segments=28), facing)
    parts: Parts = [(body, palette.ceramics[0]), (ring, palette.metal), (door, palette.screen_off)]
    return Piece("washing machine", parts, (wide, deep + 0.12, high), (Shelf(0, 0, high, 0.5, 0.4),))


def towels(rng: np.random.Generator, palette: Palette) -> Piece:
    """One or two towels over a rail on the wall."""
    width = float(rng.uniform(0.5, 0.8))
    rail = shapes.boxes(
        [(0, 0.0, 0.6), (-width / 2, 0.04, 0.6), (width / 2, 0.04, 0.6)],
        [(width, 0.018, 0.018), (0.018, 0.09, 0.018), (0.018, 0.09, 0.018)],
    )
    cloths = [
        cushion((width * 0.42, 0.05, long), center=(x * width, 0.0, 0.62 - long / 2), softness=0.08)
        for x, long in ((-0.25, float(rng.uniform(0.35, 0.55))), (0.25, float(rng.uniform(0.35, 0.55))))
        if rng.random() < 0.8
    ]
    parts: Parts = [(rail, palette.metal)]
    if cloths:
        parts.append((shapes.merge(cloths), palette.fabrics[1]))
    return Piece("towels", parts, (width, 0.17, 0.62))


def _black_door(width: float, low: float, height: float, y: float) -> Mesh:
    return shapes.box((width - 0.02, 0.02, height), center=(0, y - 0.005, low + height / 2))
