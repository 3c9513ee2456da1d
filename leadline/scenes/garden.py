"""What stands about in yards: sheds, ladders, bins, washing lines, garden chairs, pots, logs, barrows, brooms.

Convention: the origin lies on the ground at the middle of the footprint, the front faces -y, z up.
"""

import numpy as np

from leadline.scenes import shapes, strands, textures
from leadline.scenes.fences import wood
from leadline.scenes.furniture import Parts, Piece, fitted
from leadline.scenes.paint import painted
from leadline.scenes.streetside import leaf_cards
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

_BINS = ((0.02, 0.08, 0.03), (0.025, 0.025, 0.03), (0.02, 0.05, 0.20), (0.12, 0.07, 0.03), (0.45, 0.36, 0.02))
_STEEL = Surface(Material.METAL, np.full(3, 0.6), roughness=0.25)
_ALUMINIUM = Surface(Material.METAL, np.full(3, 0.85), roughness=0.3)
_DARK = Surface(Material.DIFFUSE, np.full(3, 0.02))
_CLAY = Surface(Material.DIFFUSE, np.array([0.42, 0.18, 0.09]))


def shed(rng: np.random.Generator) -> Piece:
    """A shed of boards with a door, a window and a pitched roof."""
    wide, deep, high = float(rng.uniform(2.0, 3.2)), float(rng.uniform(1.6, 2.4)), float(rng.uniform(1.9, 2.2))
    rise = float(rng.uniform(0.4, 0.8))
    board = 0.12
    walls = [shapes.box((wide, deep, high), center=(0, 0, high / 2))]
    level = np.arange(board / 2 + 0.05, high, board)
    for y in (-deep / 2 - 0.008, deep / 2 + 0.008):
        walls.append(
            shapes.boxes(np.stack([np.zeros_like(level), np.full_like(level, y), level], axis=1), (wide + 0.03, 0.018, board - 0.012))
        )
    for x in (-wide / 2 - 0.008, wide / 2 + 0.008):
        walls.append(
            shapes.boxes(np.stack([np.full_like(level, x), np.zeros_like(level), level], axis=1), (0.018, deep + 0.03, board - 0.012))
        )
    gable = shapes.extrude([(-wide / 2, 0.0), (wide / 2, 0.0), (0.0, rise)], deep)
    walls.append(shapes.transform(gable, shapes.pose(0, deep / 2, high) @ shapes.rotation("x", np.pi / 2)))
    over, slope = 0.2, np.arctan2(rise, wide / 2)
    run = (wide / 2 + over) / np.cos(slope)
    sheets = [
        shapes.transform(
            shapes.box((run, deep + 2 * over, 0.04), center=(-s * run / 2, 0, 0.02)),
            shapes.pose(z=high + rise + 0.02) @ shapes.rotation("y", -s * slope),
        )
        for s in (-1.0, 1.0)
    ]
    felt = Surface(Material.DIFFUSE, textures.roof_tiles(rng, 128) if rng.random() < 0.6 else textures.metal_sheet(rng, 128), texture_m=2.0)
    x = float(rng.uniform(-0.25, 0.1)) * wide
    door = shapes.merge(
        [
            shapes.box((0.8, 0.03, 1.75), center=(x, -deep / 2 - 0.03, 0.93)),
            *(shapes.box((0.7, 0.02, 0.09), center=(x, -deep / 2 - 0.05, z)) for z in (0.4, 1.4)),
        ]
    )
    trim = shapes.boxes(
        [(x + 0.85, -deep / 2 - 0.03, 1.35), (-wide / 2, -deep / 2 - 0.02, high / 2), (wide / 2, -deep / 2 - 0.02, high / 2)],
        [(0.6, 0.05, 0.55), (0.08, 0.06, high), (0.08, 0.06, high)],
    )
    pane = shapes.boxes([(x + 0.85 + s * 0.13, -deep / 2 - 0.05, 1.35) for s in (-1, 1)], (0.23, 0.03, 0.45))
    bolt = shapes.box((0.14, 0.03, 0.03), center=(x + 0.32, -deep / 2 - 0.06, 0.95))
    parts: Parts = [
        (shapes.merge(walls), wood(rng)),
        (shapes.merge(sheets), felt),
        (door, wood(rng)),
        (trim, Surface(Material.DIFFUSE, np.full(3, 0.6))),
        (pane, Surface(Material.GLOSSY, np.array([0.03, 0.035, 0.04]), roughness=0.02)),
        (bolt, _STEEL),
    ]
    return Piece("shed", parts, (wide + 0.4, deep + 0.4, high + rise + 0.1))


def ladder(rng: np.random.Generator, *, length: float, lean: float) -> Piece:
    """A ladder that leans towards +y by `lean` [rad]; its size counts its foot only."""
    wide = float(rng.uniform(0.35, 0.45))
    rungs = np.arange(0.25, length - 0.1, 0.28)
    stiles = shapes.boxes([(s * wide / 2, 0, length / 2) for s in (-1, 1)], (0.028, 0.06, length))
    at = np.stack([np.full_like(rungs, -wide / 2), np.zeros_like(rungs), rungs], axis=1)
    steps = shapes.rods(at, at + np.array([wide, 0.0, 0.0]), 0.015, 0.015, sides=7)
    tipped = shapes.transform(shapes.merge([stiles, steps]), shapes.rotation("x", -lean))
    return Piece("ladder", [(tipped, _ALUMINIUM if rng.random() < 0.6 else wood(rng))], (wide + 0.1, 0.2, length * np.cos(lean)))


def wheelie_bin(rng: np.random.Generator) -> Piece:
    """A refuse bin on two wheels, its lid in the same or another colour."""
    body = shapes.loft(np.stack([_rectangle(0.40, 0.46, 0.05), _rectangle(0.56, 0.62, 0.93), _rectangle(0.58, 0.66, 0.95)]))
    lid = shapes.loft(np.stack([_rectangle(0.60, 0.70, 0.96), _rectangle(0.58, 0.66, 1.02), _rectangle(0.40, 0.45, 1.06)]))
    wheels = [
        shapes.transform(shapes.cylinder(0.1, 0.05, segments=12), shapes.pose(x, 0.26, 0.1) @ shapes.rotation("y", np.pi / 2))
        for x in (-0.27, 0.22)
    ]
    grip = shapes.rods((-0.25, 0.38, 0.98), (0.25, 0.38, 0.98), 0.014, 0.014)
    base, top = (np.array(_BINS[int(rng.integers(len(_BINS)))]) for _ in range(2))
    cover = base if rng.random() < 0.5 else top
    pieces = [(body, base), (lid, cover), (shapes.merge(wheels), np.full(3, 0.02)), (grip, base)]
    return Piece("bin", [painted(pieces)], (0.62, 0.8, 1.06))


def washing_line(rng: np.random.Generator, *, length: float) -> Piece:
    """Two posts with cross-bars, two to four lines between them, and clothes on pegs."""
    height, half = float(rng.uniform(1.9, 2.2)), length / 2
    ends = np.array([[-half, 0.0, 0.0], [half, 0.0, 0.0]])
    posts = [shapes.rods(ends, ends + np.array([0.0, 0.0, height]), 0.03, 0.03, sides=8)]
    bars = ends + np.array([0.0, 0.0, height - 0.03])
    posts.append(shapes.rods(bars - np.array([0.0, 0.5, 0.0]), bars + np.array([0.0, 0.5, 0.0]), 0.02, 0.02, sides=8))
    lines, clothes = [], []
    for y in np.linspace(-0.45, 0.45, int(rng.integers(2, 5))):
        sag = float(rng.uniform(0.05, 0.15))
        curve = strands.sagging((-half, float(y), height), (half, float(y), height), sag, num=14)
        lines.append(strands.sweep(curve, 0.004, sides=5))
        x = -half + float(rng.uniform(0.2, 0.8))
        while x < half - 0.9:
            wide, tall = float(rng.uniform(0.3, 0.85)), float(rng.uniform(0.35, 1.1))
            if rng.random() < 0.7:
                z = np.interp([x, x + wide], curve[:, 0], curve[:, 2])
                clothes.append((_cloth(rng, wide, tall, z[0], z[1], shirt=wide < 0.6), (x, float(y))))
            x += wide + float(rng.uniform(0.05, 0.4))
    parts: Parts = [(shapes.merge(posts), _STEEL), (shapes.merge(lines), Surface(Material.DIFFUSE, np.full(3, 0.5)))]
    dyes = [Surface(Material.DIFFUSE, rng.uniform(0.05, 0.75, 3) if rng.random() < 0.6 else np.full(3, 0.75)) for _ in range(4)]
    groups: list[list[Mesh]] = [[], [], [], []]
    for mesh, (x, y) in clothes:
        groups[int(rng.integers(4))].append(shapes.transform(mesh, shapes.pose(x, y)))
    parts += [(shapes.merge(group), dye) for group, dye in zip(groups, dyes, strict=True) if group]
    return Piece("washing line", parts, (length + 0.1, 1.1, height))


def garden_chair(rng: np.random.Generator) -> Piece:
    """A chair of slats on a bent tube."""
    tube, slats = [], []
    for x in (-0.24, 0.24):
        side = [(x, 0.25, 0.0), (x, 0.12, 0.42), (x, -0.22, 0.44), (x, -0.28, 0.0)]
        tube.append(strands.sweep(side, 0.012, sides=7))
        tube.append(strands.sweep([(x, 0.15, 0.38), (x, 0.3, 0.95)], 0.012, sides=7))
        tube.append(strands.sweep(strands.curved([(x, -0.24, 0.44), (x, -0.2, 0.64), (x, 0.24, 0.66)], 8), 0.012, sides=7))
    slats += [shapes.box((0.5, 0.055, 0.015), center=(0, y, 0.46)) for y in np.linspace(-0.2, 0.16, 6)]
    slats += [shapes.box((0.5, 0.015, 0.055), center=(0, 0.15 + 0.26 * (z - 0.38) - 0.016, z)) for z in np.linspace(0.56, 0.92, 5)]
    return Piece("garden chair", [(shapes.merge(tube), _DARK), (shapes.merge(slats), wood(rng))], (0.56, 0.65, 0.97))


def flower_pots(rng: np.random.Generator, leaves: Surface) -> Piece:
    """A few clay pots together with thin plants and canes in them."""
    pots, plants, canes = [], [], []
    for i in range(int(rng.integers(2, 5))):
        radius, height = float(rng.uniform(0.12, 0.22)), float(rng.uniform(0.2, 0.38))
        x, y = 0.5 * i + float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.08, 0.08))
        profile = [(0.0, 0.0), (radius * 0.7, 0.0), (radius, height), (radius * 0.92, height), (0.0, height * 0.9)]
        pots.append(shapes.transform(shapes.lathe(profile, segments=14), shapes.pose(x, y)))
        limbs, tips = strands.branching(
            rng, root=np.array([x, y, height * 0.85]), direction=np.array([0.0, 0.0, 1.0]), length=0.35, radius=0.008, depth=2
        )
        canes += limbs
        points = np.repeat(tips, 10, axis=0) + 0.07 * rng.standard_normal((10 * len(tips), 3))
        plants.append(points)
        if rng.random() < 0.5:
            canes.append(shapes.rods((x, y, height * 0.8), (x + rng.uniform(-0.1, 0.1), y, height + 1.1), 0.008, 0.008, sides=5))
    parts: Parts = [(shapes.merge(pots), _CLAY), (shapes.merge(canes), Surface(Material.DIFFUSE, np.array([0.3, 0.22, 0.1])))]
    parts.append((leaf_cards(rng, np.concatenate(plants), size_m=0.07), leaves))
    middle = shapes.pose(-(len(pots) - 1) * 0.25)
    return fitted("flower pots", [(shapes.transform(mesh, middle), surface) for mesh, surface in parts])


def log_pile(rng: np.random.Generator) -> Piece:
    """Split logs stacked crosswise to the view, their ends to the front."""
    radius, deep = 0.07, 0.45
    wide, rows = int(rng.integers(7, 14)), int(rng.integers(4, 9))
    logs, ends = [], []
    for row in range(rows):
        for i in range(wide - row % 2):
            size = radius * float(rng.uniform(0.8, 1.0))
            x, z = (i - (wide - 1) / 2 + 0.5 * (row % 2)) * 2 * radius, radius + row * radius * 1.74
            turned = shapes.pose(x, deep / 2 + float(rng.uniform(-0.03, 0.03)), z) @ shapes.rotation("x", np.pi / 2)
            logs.append(shapes.transform(shapes.cylinder(size, deep, segments=8, caps=False), turned))
            ends.append(shapes.transform(shapes.disc(size, segments=8), turned @ shapes.pose(z=deep)))
    posts = shapes.boxes(
        [(s * (wide + 0.8) * radius, y, rows * radius * 0.95) for s in (-1, 1) for y in (-0.15, 0.15)], (0.06, 0.06, rows * radius * 1.9)
    )
    bark = Surface(Material.DIFFUSE, textures.bark(rng, 64), texture_m=0.8)
    pale = Surface(Material.DIFFUSE, np.array([0.45, 0.30, 0.16]))
    parts: Parts = [(shapes.merge(logs), bark), (shapes.merge(ends), pale), (posts, wood(rng))]
    return fitted("logs", parts)


def wheelbarrow(rng: np.random.Generator) -> Piece:
    """A barrow of sheet metal on one wheel, handles to the back."""
    tray = shapes.loft(np.stack([_rectangle(0.36, 0.5, 0.32), _rectangle(0.62, 0.86, 0.6)]))
    frame = []
    for s in (-1, 1):
        frame.append(
            strands.sweep(
                strands.curved([(0.04 * s, -0.62, 0.18), (0.17 * s, -0.2, 0.31), (0.26 * s, 0.4, 0.42), (0.28 * s, 0.85, 0.62)], 14), 0.016
            )
        )
        frame.append(strands.sweep([(0.2 * s, 0.0, 0.33), (0.24 * s, 0.3, 0.0), (0.25 * s, 0.42, 0.42)], 0.014))
    wheel = shapes.transform(strands.torus(0.15, 0.045, num=20), shapes.pose(0, -0.62, 0.195) @ shapes.rotation("y", np.pi / 2))
    paint = Surface(Material.GLOSSY, np.array(_BINS[int(rng.integers(len(_BINS)))]) * 1.4, roughness=0.15)
    return Piece("wheelbarrow", [(tray, paint), (shapes.merge(frame), _STEEL), (wheel, _DARK)], (0.7, 1.7, 0.66))


def tools(rng: np.random.Generator) -> Piece:
    """A broom, a rake and a spade that lean towards +y; their size counts the feet only."""
    shafts, heads = [], []
    for i in range(int(rng.integers(2, 4))):
        x, length = 0.35 * (i - 1), float(rng.uniform(1.3, 1.6))
        lean = shapes.pose(x, 0, 0.02) @ shapes.rotation("x", -float(rng.uniform(0.15, 0.25)))
        shafts.append(shapes.transform(shapes.cylinder(0.014, length, segments=7), lean))
        match int(rng.integers(3)):
            case 0:
                head = shapes.box((0.34, 0.05, 0.1), center=(0, 0, 0.05))
            case 1:
                teeth = shapes.boxes([(t, 0, 0.04) for t in np.linspace(-0.2, 0.2, 12)], (0.008, 0.012, 0.08))
                head = shapes.merge([teeth, shapes.box((0.43, 0.02, 0.025), center=(0, 0, 0.09))])
            case _:
                head = shapes.merge([shapes.box((0.19, 0.01, 0.28), center=(0, 0, 0.14))])
        heads.append(shapes.transform(head, lean))
    return Piece("tools", [(shapes.merge(shafts), wood(rng)), (shapes.merge(heads), _STEEL)], (1.1, 0.2, 1.6))


def _rectangle(wide: float, deep: float, z: float) -> np.ndarray:
    """Corners and edge middles (8, 3) of a rectangle with cut corners, counter-clockwise from above."""
    x, y, cut = wide / 2, deep / 2, 0.12 * wide
    outline = [(-x + cut, -y), (x - cut, -y), (x, -y + cut), (x, y - cut), (x - cut, y), (-x + cut, y), (-x, y - cut), (-x, -y + cut)]
    return np.array([(a, b, z) for a, b in outline])


def _cloth(rng: np.random.Generator, wide: float, tall: float, z0: float, z1: float, *, shirt: bool) -> Mesh:
    """A towel or a shirt that hangs from a line between heights z0 and z1, in soft folds, from x = 0 on."""
    columns, rows = 13, 6
    u, v = np.meshgrid(np.linspace(0.0, 1.0, columns), np.linspace(1.0, 0.0, rows))
    fold = 0.035 * np.sin(u * rng.uniform(9, 16) + rng.uniform(0, 6)) * v + 0.06 * rng.uniform(-1, 1) * v
    x = u * wide
    if shirt:  # narrower below the sleeves
        narrow = np.where(v > 0.25, 0.28, 0.0)
        x = wide * (narrow / 2 + u * (1 - narrow))
    z = z0 + u * (z1 - z0) - 0.01 - v * tall
    return Mesh(np.stack([x, fold, z], axis=2).reshape(-1, 3), shapes.grid_faces(rows, columns), np.stack([x, z], axis=2).reshape(-1, 2))
