"""Furniture made of parts. Each function returns the parts of one piece and the surfaces on which small things can stand.

Convention of a piece's own frame: origin on the floor in the middle of its footprint, back at +y (towards the wall),
front at -y, z up.
"""

from dataclasses import dataclass, field

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.interior import Palette
from leadline.scenes.world import Mesh, Surface

Parts = list[tuple[Mesh, Surface]]


@dataclass(frozen=True)
class Shelf:
    """A horizontal place for small things: centre (x, y), height z, size, free height above it [m]."""

    x: float
    y: float
    z: float
    width: float
    depth: float
    headroom: float = 1.0


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of furniture: its parts, its outer size (width, depth, height) [m] and its shelves."""

    name: str
    parts: Parts
    size: tuple[float, float, float]
    shelves: tuple[Shelf, ...] = field(default=())


def fitted(name: str, parts: Parts, shelves: tuple[Shelf, ...] = ()) -> Piece:
    """A piece whose outer size is measured, symmetric about its origin."""
    points = np.concatenate([mesh.vertices for mesh, _ in parts])
    reach = np.abs(points[:, :2]).max(axis=0)
    return Piece(name, parts, (2 * float(reach[0]), 2 * float(reach[1]), float(points[:, 2].max())), shelves)


def cushion(size: tuple[float, float, float], *, center: tuple[float, float, float], softness: float = 0.35) -> Mesh:
    """A rounded block: a superellipsoid; `softness` 1 is an ellipsoid, near 0 a box."""
    ball = shapes.sphere(1.0, rings=12, segments=24)
    half = np.asarray(size) / 2
    unit = np.sign(ball.vertices) * np.abs(ball.vertices) ** softness
    normals = np.sign(ball.vertices) * np.abs(ball.vertices) ** (2 - softness) / half
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    vertices = unit * half + np.asarray(center)
    return Mesh(vertices, ball.faces, uv=vertices[:, :2] + vertices[:, 2:] * 0.7, normals=normals)


def legs(width: float, depth: float, height: float, *, thickness: float = 0.05, round_legs: bool = False) -> Mesh:
    """Four legs at the corners of `width` x `depth`."""
    x, y = width / 2 - thickness, depth / 2 - thickness
    corners = [(sx * x, sy * y) for sx in (-1, 1) for sy in (-1, 1)]
    if round_legs:
        leg = shapes.frustum(thickness * 0.3, thickness * 0.5, height, segments=10)
        return shapes.merge([shapes.transform(leg, shapes.pose(cx, cy)) for cx, cy in corners])
    return shapes.boxes([(cx, cy, height / 2) for cx, cy in corners], (thickness, thickness, height))


def table(rng: np.random.Generator, palette: Palette, *, width: float, depth: float, height: float, glass: bool = False) -> Piece:
    """A table of wood, stone or lacquer, or a pane of glass on metal legs; sometimes on one round foot."""
    thick = 0.012 if glass else float(rng.uniform(0.025, 0.05))
    top = palette.glass if glass else palette.draw_top(rng)
    under = palette.metal if glass or rng.random() < 0.3 else palette.wood
    if rng.random() < 0.25 and abs(width - depth) < 0.3:
        radius = min(width, depth) / 2
        board = shapes.transform(shapes.cylinder(radius, thick, segments=32), shapes.pose(z=height - thick))
        foot = shapes.lathe([(0.02, 0.02), (radius * 0.55, 0.02), (0.06, 0.06), (0.04, 0.3), (0.04, height - thick - 0.003)], segments=24)
        parts: Parts = [(board, top), (foot, under)]
        width = depth = 2 * radius
        shelf = Shelf(0, 0, height, width * 0.65, depth * 0.65)
    else:
        board = shapes.box((width, depth, thick), center=(0, 0, height - thick / 2))
        parts = [(board, top), (legs(width * 0.96, depth * 0.94, height - thick - 0.001, round_legs=bool(rng.random() < 0.4)), under)]
        if not glass and rng.random() < 0.6:
            rails = shapes.boxes(
                [(0, s * (depth * 0.47 - 0.05), height - thick - 0.045) for s in (-1, 1)], (width * 0.96 - 0.2, 0.022, 0.08)
            )
            parts.append((rails, under))
        shelf = Shelf(0, 0, height, width * 0.85, depth * 0.8)
    return Piece("table", parts, (width, depth, height), (shelf,))


def chair(rng: np.random.Generator, palette: Palette) -> Piece:
    """A chair with a slatted or a solid back, wooden or padded seat."""
    width, depth, seat, back = (float(rng.uniform(*r)) for r in ((0.40, 0.48), (0.40, 0.48), (0.43, 0.47), (0.82, 0.98)))
    frame = palette.chair
    parts: Parts = [(legs(width, depth, seat - 0.02, thickness=0.036, round_legs=bool(rng.random() < 0.4)), frame)]
    if rng.random() < 0.5:
        parts.append((cushion((width, depth, 0.07), center=(0, 0, seat), softness=0.25), palette.fabrics[1]))
    else:
        parts.append((shapes.box((width, depth, 0.025), center=(0, 0, seat)), frame))
    posts = [(s * (width / 2 - 0.02), depth / 2 - 0.02, (seat + back) / 2) for s in (-1, 1)]
    parts.append((shapes.boxes(posts, (0.035, 0.03, back - seat)), frame))
    if rng.random() < 0.5:
        heights = np.linspace(seat + 0.16, back - 0.05, 3)
        parts.append((shapes.boxes([(0, depth / 2 - 0.02, z) for z in heights], (width - 0.07, 0.018, 0.055)), frame))
    else:
        size = (width - 0.06, 0.05, (back - seat) * 0.55)
        parts.append((cushion(size, center=(0, depth / 2 - 0.02, back - size[2] / 2), softness=0.25), palette.fabrics[1]))
    return Piece("chair", parts, (width, depth, back))


def office_chair(rng: np.random.Generator, palette: Palette) -> Piece:
    """A swivel chair on a metal star."""
    seat = float(rng.uniform(0.44, 0.52))
    star = [shapes.transform(shapes.box((0.30, 0.045, 0.03), center=(0.15, 0, 0.07)), shapes.pose(yaw=2 * np.pi * i / 5)) for i in range(5)]
    wheels = [shapes.transform(shapes.sphere(0.03, rings=6, segments=8), shapes.pose(z=0.03) @ _around(0.28, i, 5)) for i in range(5)]
    column = shapes.transform(shapes.cylinder(0.028, seat - 0.12), shapes.pose(z=0.08))
    body = shapes.merge(
        [
            cushion((0.50, 0.48, 0.09), center=(0, 0, seat), softness=0.3),
            cushion((0.46, 0.08, 0.55), center=(0, 0.24, seat + 0.38), softness=0.3),
        ]
    )
    parts: Parts = [(shapes.merge([*star, column]), palette.metal), (shapes.merge(wheels), palette.dark), (body, palette.fabrics[1])]
    return Piece("office chair", parts, (0.6, 0.6, seat + 0.65))


def sofa(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A sofa or, when narrow, an armchair, with loose cushions."""
    depth, seat, back, arm = (float(rng.uniform(*r)) for r in ((0.82, 0.98), (0.38, 0.44), (0.72, 0.88), (0.14, 0.22)))
    cloth = palette.fabrics[0]
    soft = float(rng.uniform(0.12, 0.3))
    inner = width - 2 * arm
    num = max(1, round(inner / 0.75))
    seat_depth = depth - 0.24
    body = [
        shapes.box((inner, seat_depth, seat - 0.22), center=(0, -0.11, (seat - 0.10) / 2 + 0.0)),
        cushion((width, 0.24, back - 0.08), center=(0, depth / 2 - 0.12, (back + 0.08) / 2), softness=soft),
    ]
    body += [
        cushion((arm, depth, seat + 0.14), center=(s * (width - arm) / 2, 0, (seat + 0.14) / 2 + 0.06), softness=soft) for s in (-1, 1)
    ]
    for i in range(num):
        x = (i + 0.5) * inner / num - inner / 2
        body.append(cushion((inner / num - 0.01, seat_depth + 0.03, 0.17), center=(x, -0.12, seat - 0.05), softness=0.25))
        body.append(cushion((inner / num - 0.02, 0.17, back - seat), center=(x, depth / 2 - 0.30, (seat + back) / 2 + 0.03), softness=0.3))
    parts: Parts = [(shapes.merge(body), cloth), (legs(width - 0.1, depth - 0.1, 0.09, thickness=0.05), palette.wood)]
    loose = [
        shapes.transform(
            cushion((0.42, 0.13, 0.40), center=(0, 0, 0), softness=0.45),
            shapes.pose(rng.uniform(-0.4, 0.4) * inner, depth / 2 - 0.47, seat + 0.22) @ shapes.rotation("x", -0.3),
        )
        for _ in range(int(rng.integers(0, num + 1)))
    ]
    if loose:
        parts.append((shapes.merge(loose), palette.fabrics[2]))
    return Piece("sofa", parts, (width, depth, back + 0.05))


def bed(rng: np.random.Generator, palette: Palette) -> Piece:
    """A bed with a headboard, mattress, blanket and pillows."""
    width, length, height = float(rng.choice([0.95, 1.45, 1.65])), float(rng.uniform(2.0, 2.15)), float(rng.uniform(0.42, 0.55))
    frame = palette.wood if rng.random() < 0.6 else palette.fabrics[0]
    board_height = float(rng.uniform(0.85, 1.2))
    board = shapes.box((width + 0.06, 0.06, board_height), center=(0, length / 2 - 0.03, board_height / 2))
    base = shapes.box((width + 0.04, length - 0.06, 0.2), center=(0, -0.03, 0.2))
    mattress = cushion((width, length - 0.08, 0.24), center=(0, -0.04, height - 0.08), softness=0.12)
    blanket_length = length * float(rng.uniform(0.55, 0.72))
    blanket = cushion(
        (width + 0.08, blanket_length, 0.26), center=(0, -length / 2 + blanket_length / 2 - 0.03, height - 0.06), softness=0.14
    )
    num = 1 if width < 1.2 else 2
    pillows = [
        cushion((0.62, 0.40, 0.15), center=((i - (num - 1) / 2) * 0.72, length / 2 - 0.32, height + 0.09), softness=0.5) for i in range(num)
    ]
    parts: Parts = [
        (shapes.merge([board, base]), frame),
        (shapes.merge([mattress, *pillows]), palette.white),
        (blanket, palette.fabrics[2]),
        (legs(width - 0.1, length - 0.2, 0.1, thickness=0.06), palette.wood),
    ]
    return fitted("bed", parts)


def cabinet(rng: np.random.Generator, palette: Palette, *, width: float, depth: float, height: float, doors: Surface) -> Piece:
    """A closed body on short legs with doors or drawers and handles: sideboard, wardrobe, nightstand, kitchen unit."""
    foot = float(rng.choice([0.06, 0.12]))
    columns = max(1, round(width / 0.55))
    rows = max(1, round((height - foot) / float(rng.uniform(0.5, 0.9)))) if height < 1.3 else 1
    body = shapes.box((width, depth - 0.02, height - foot), center=(0, 0.01, (height + foot) / 2))
    cell_w, cell_h = width / columns, (height - foot) / rows
    centers = [((i + 0.5) * cell_w - width / 2, -depth / 2 + 0.009, foot + (j + 0.5) * cell_h) for i in range(columns) for j in range(rows)]
    fronts = shapes.boxes(centers, (cell_w - 0.008, 0.018, cell_h - 0.008))
    upright = height > 1.3
    handle = (0.014, 0.025, 0.18) if upright else (0.14, 0.025, 0.014)
    offset = cell_w / 2 - 0.06 if upright else 0.0
    knobs = shapes.boxes(
        [
            (x + (offset if i // rows % 2 == 0 else -offset), y - 0.02, z + (0 if upright else cell_h * 0.3))
            for i, (x, y, z) in enumerate(centers)
        ],
        handle,
    )
    parts: Parts = [(body, palette.wood), (fronts, doors), (knobs, palette.metal)]
    parts.append((legs(width - 0.04, depth - 0.06, foot, thickness=0.04), palette.dark))
    shelves = () if upright else (Shelf(0, 0.02, height, width * 0.9, depth * 0.7),)
    return Piece("wardrobe" if upright else "cabinet", parts, (width, depth, height), shelves)


def bookcase(rng: np.random.Generator, palette: Palette, *, width: float, height: float) -> Piece:
    """Open shelves, some filled with books."""
    depth, thick = float(rng.uniform(0.26, 0.34)), 0.022
    rows = max(2, round(height / float(rng.uniform(0.32, 0.42))))
    gap = (height - thick) / rows
    boards = [(0, 0, thick / 2 + i * gap) for i in range(rows + 1)]
    frame = [
        shapes.boxes(boards, (width, depth, thick)),
        shapes.boxes([(s * (width - thick) / 2, 0, height / 2) for s in (-1, 1)], (thick, depth + 0.002, height)),
    ]
    parts: Parts = []
    if rng.random() < 0.7:
        frame.append(shapes.box((width, 0.006, height), center=(0, depth / 2, height / 2)))
    parts.append((shapes.merge(frame), palette.wood if rng.random() < 0.6 else palette.lacquer))
    books: list[list[tuple[tuple[float, float, float], tuple[float, float, float]]]] = [[], [], []]
    shelves = []
    for row in range(rows):
        floor = thick + row * gap
        if rng.random() < 0.35:
            shelves.append(Shelf(0, 0, floor, width * 0.8, depth * 0.7, gap - thick - 0.02))
            continue
        x, end = -width / 2 + 0.03, width / 2 - 0.03 - float(rng.uniform(0.0, 0.5)) * width
        while x < end - 0.05:
            book = (float(rng.uniform(0.018, 0.05)), float(rng.uniform(0.14, depth - 0.05)), float(rng.uniform(0.6, 0.93)) * (gap - thick))
            books[int(rng.integers(3))].append(((x + book[0] / 2, depth / 2 - 0.02 - book[1] / 2, floor + book[2] / 2), book))
            x += book[0] + 0.001
    parts += [(shapes.boxes(*zip(*group, strict=True)), cover) for group, cover in zip(books, palette.covers, strict=True) if group]
    shelves.append(Shelf(0, 0, height, width * 0.8, depth * 0.7, 0.5))
    return Piece("bookcase", parts, (width, depth, height), tuple(shelves))


def screen(rng: np.random.Generator, palette: Palette, *, width: float, stand: bool = True) -> Piece:
    """A television or monitor, mostly off: a black mirror."""
    height = width * 0.56
    low = 0.07 if stand else 0.0
    body = shapes.box((width, 0.03, height), center=(0, 0.01, low + height / 2))
    glass = shapes.quad((-width / 2 + 0.012, -0.0065, low + 0.012), (width - 0.024, 0, 0), (0, 0, height - 0.024))
    parts: Parts = [(body, palette.dark), (glass, palette.screen_on if rng.random() < 0.2 else palette.screen_off)]
    if stand:
        foot = [
            shapes.box((width * 0.4, 0.18, 0.012), center=(0, 0.01, 0.006)),
            shapes.box((0.05, 0.02, low), center=(0, 0.02, low / 2)),
        ]
        parts.append((shapes.merge(foot), palette.metal))
    return Piece("screen", parts, (width, 0.18 if stand else 0.05, low + height))


def fridge(rng: np.random.Generator, palette: Palette) -> Piece:
    """A refrigerator of brushed steel or white lacquer."""
    width, depth, height, split = 0.6, 0.62, float(rng.uniform(1.6, 1.95)), float(rng.uniform(0.6, 1.1))
    skin = palette.brushed if rng.random() < 0.6 else palette.lacquer
    doors = shapes.boxes(
        [(0, -depth / 2 + 0.03, split / 2 + 0.02), (0, -depth / 2 + 0.03, (split + height) / 2 + 0.01)],
        [(width, 0.05, split - 0.04), (width, 0.05, height - split - 0.02)],
    )
    handles = shapes.boxes([(-width / 2 + 0.06, -depth / 2 - 0.025, split + s) for s in (-0.25, 0.3)], (0.02, 0.03, 0.34))
    body = shapes.box((width - 0.01, depth - 0.07, height), center=(0, 0.03, height / 2))
    return Piece("fridge", [(body, palette.lacquer), (doors, skin), (handles, palette.metal)], (width, depth, height))


def counter(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A run of kitchen units with a stone top, a sink and a tap."""
    piece = cabinet(rng, palette, width=width, depth=0.58, height=0.87, doors=palette.lacquer)
    top = shapes.box((width + 0.01, 0.62, 0.035), center=(0, -0.005, 0.888))
    sink_x = float(rng.uniform(-0.3, 0.3)) * width
    rim = shapes.boxes(
        [(sink_x, -0.2, 0.912), (sink_x, 0.16, 0.912), (sink_x - 0.26, -0.02, 0.912), (sink_x + 0.26, -0.02, 0.912)],
        [(0.55, 0.03, 0.012), (0.55, 0.03, 0.012), (0.03, 0.36, 0.012), (0.03, 0.36, 0.012)],
    )
    basin = shapes.plane(0.52, 0.36, center=(sink_x, -0.02, 0.9075))
    tap = shapes.merge(
        [
            shapes.transform(shapes.cylinder(0.014, 0.24), shapes.pose(sink_x, 0.22, 0.905)),
            shapes.box((0.022, 0.2, 0.018), center=(sink_x, 0.13, 1.14)),
        ]
    )
    parts = [*piece.parts, (top, palette.stone), (shapes.merge([rim, basin]), palette.brushed), (tap, palette.metal)]
    far = -width * 0.32 if sink_x > 0 else width * 0.32
    return Piece("counter", parts, (width + 0.01, 0.64, 1.16), (Shelf(far, 0.0, 0.906, width * 0.28, 0.4),))


def glass_panel(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A free-standing pane in a metal frame: partition, shower screen, display."""
    height = float(rng.uniform(1.7, 2.1))
    pane = shapes.quad((-width / 2 + 0.02, 0, 0.06), (width - 0.04, 0, 0), (0, 0, height - 0.08))
    frame = shapes.boxes(
        [(0, 0, 0.03), (0, 0, height - 0.015), (-width / 2 + 0.015, 0, height / 2), (width / 2 - 0.015, 0, height / 2)],
        [(width, 0.05, 0.06), (width, 0.03, 0.03), (0.03, 0.03, height), (0.03, 0.03, height)],
    )
    feet = shapes.boxes([(s * width * 0.4, 0, 0.015) for s in (-1, 1)], (0.05, 0.35, 0.03))
    parts: Parts = [(pane, palette.glass), (shapes.merge([frame, feet]), palette.metal if rng.random() < 0.5 else palette.dark)]
    return Piece("glass panel", parts, (width, 0.35, height))


def standing_mirror(rng: np.random.Generator, palette: Palette) -> Piece:
    """A tall mirror that leans against the wall."""
    width, height = float(rng.uniform(0.5, 0.9)), float(rng.uniform(1.5, 1.9))
    lean = shapes.pose(y=-0.06) @ shapes.rotation("x", -0.07)
    parts = framed(palette.mirror, palette.wood if rng.random() < 0.5 else palette.metal, width, height, border=0.04)
    moved: Parts = [(shapes.transform(mesh, lean @ shapes.pose(z=height / 2)), surface) for mesh, surface in parts]
    return Piece("standing mirror", moved, (width, 0.26, height))


def framed(inside: Surface, frame: Surface, width: float, height: float, *, border: float) -> Parts:
    """A picture, mirror or pane in a frame, centred on the origin, its back in the plane y = 0, looking along -y."""
    across, up, deep = width - 2 * border, height - 2 * border, 0.035
    bars = shapes.boxes(
        [
            (0, -deep / 2, height / 2 - border / 2),
            (0, -deep / 2, -height / 2 + border / 2),
            (-width / 2 + border / 2, -deep / 2, 0),
            (width / 2 - border / 2, -deep / 2, 0),
        ],
        [(width, deep, border), (width, deep, border), (border, deep, up), (border, deep, up)],
    )
    return [(shapes.quad((-across / 2, -0.02, -up / 2), (across, 0, 0), (0, 0, up)), inside), (bars, frame)]


def _around(radius: float, index: int, count: int) -> np.ndarray:
    angle = 2 * np.pi * index / count
    return shapes.pose(radius * np.cos(angle), radius * np.sin(angle))
