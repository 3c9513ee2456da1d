"""What lies about on desks and workbenches: lamps with cables, pens, scissors, spectacles, books, boxes, wire, tools.

Convention: standing things have their origin at the middle of their base, z up; lying things likewise, their length along y.
"""

import numpy as np

from leadline.scenes import shapes, strands, textures
from leadline.scenes.furniture import Parts, Piece, fitted
from leadline.scenes.interior import Palette, faded
from leadline.scenes.spread import Area, Spread
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

_CABLES = ((0.02, 0.02, 0.02), (0.02, 0.02, 0.02), (0.6, 0.6, 0.58), (0.4, 0.05, 0.03), (0.55, 0.3, 0.02), (0.03, 0.10, 0.35))
_PENS = ((0.02, 0.05, 0.3), (0.4, 0.02, 0.02), (0.55, 0.35, 0.03), (0.02, 0.02, 0.02), (0.05, 0.25, 0.08), (0.6, 0.6, 0.6))


def desk_lamp(rng: np.random.Generator, palette: Palette, *, lit: bool = False) -> Piece:
    """A lamp on two jointed arms of thin rods with springs, its shade over the front, a bulb below it."""
    bulb = Surface(Material.DIFFUSE, np.ones(3), emission=np.array([30.0, 24.0, 16.0])) if lit else palette.white
    paint = palette.metal if rng.random() < 0.4 else Surface(Material.GLOSSY, rng.uniform(0.02, 0.6, 3), roughness=0.1)
    lower, upper = float(rng.uniform(0.3, 0.38)), float(rng.uniform(0.26, 0.34))
    back, forth = float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.9, 1.3))
    foot = np.array([0.0, 0.0, 0.03])
    elbow = foot + lower * np.array([0.0, np.sin(back), np.cos(back)])
    hand = elbow + upper * np.array([0.0, -np.sin(forth), np.cos(forth)])
    apart = np.array([0.009, 0.0, 0.0])
    ends = [(foot - apart, elbow - apart), (foot + apart, elbow + apart), (elbow - apart, hand - apart), (elbow + apart, hand + apart)]
    rods = shapes.rods([a for a, _ in ends], [b for _, b in ends], 0.0045, 0.0045, sides=6)
    share = np.linspace(0.0, 1.0, 60)[:, None]
    turn = 2 * np.pi * 14 * share
    spring = foot + share * 0.35 * (elbow - foot) + 0.008 * np.concatenate([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    joints = [shapes.transform(shapes.sphere(0.016, rings=6, segments=10), shapes.pose(*p)) for p in (foot, elbow, hand)]
    base = shapes.lathe([(0.0, 0.0), (0.085, 0.0), (0.085, 0.014), (0.02, 0.022), (0.0, 0.03)], segments=24)
    aim = shapes.pose(*hand) @ shapes.rotation("x", float(rng.uniform(-0.5, 0.1)))
    outer = shapes.lathe([(0.075, -0.12), (0.06, -0.06), (0.03, -0.01), (0.025, 0.03), (0.0, 0.035)], segments=20)
    parts: Parts = [
        (shapes.merge([rods, base, *joints, shapes.transform(outer, aim)]), paint),
        (strands.sweep(spring, 0.0016, sides=5), palette.metal),
        (shapes.transform(shapes.sphere(0.03, rings=8, segments=12), aim @ shapes.pose(z=-0.07)), bulb),
    ]
    return Piece("desk lamp", parts, (0.17, 0.2, float(hand[2]) + 0.05))


def pens(rng: np.random.Generator, palette: Palette) -> Piece:
    """A cup of mesh or porcelain with pens, pencils and a ruler leaning in it."""
    radius, height = 0.04, 0.1
    if rng.random() < 0.5:
        angle = 2 * np.pi * np.arange(20) / 20
        around = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(20)], axis=1)
        wires = [shapes.rods(around, around + np.array([0.0, 0.0, height]), 0.0014, 0.0014, sides=4)]
        wires += [strands.sweep(strands.ring(radius, z, num=20), 0.0016, sides=4, closed=True) for z in np.linspace(0.004, height, 8)]
        parts: Parts = [(shapes.merge(wires), palette.dark)]
    else:
        profile = [(0.0, 0.0), (radius, 0.0), (radius, height), (radius - 0.004, height), (radius - 0.004, 0.006), (0.0, 0.006)]
        parts = [(shapes.lathe(profile, segments=20), palette.ceramics[int(rng.integers(3))])]
    for i in range(int(rng.integers(4, 9))):
        lean = shapes.pose(yaw=2.4 * i) @ shapes.pose(x=0.008, z=0.008) @ shapes.rotation("y", float(rng.uniform(0.05, 0.3)))
        stick = shapes.merge([shapes.cylinder(0.0038, 0.15, segments=7), shapes.transform(shapes.cone(0.0038, 0.015), shapes.pose(z=0.15))])
        parts.append((shapes.transform(stick, lean), Surface(Material.DIFFUSE, np.array(_PENS[int(rng.integers(len(_PENS)))]))))
    return Piece("pens", parts, (2 * radius + 0.03, 2 * radius + 0.03, 0.17))


def pen(rng: np.random.Generator) -> Piece:
    """A pen that lies."""
    tip = shapes.transform(shapes.cone(0.004, 0.016, segments=8), shapes.pose(z=0.14))
    stick = shapes.transform(shapes.merge([shapes.cylinder(0.004, 0.14, segments=8), tip]), shapes.rotation("x", -np.pi / 2))
    color = Surface(Material.GLOSSY, np.array(_PENS[int(rng.integers(len(_PENS)))]), roughness=0.1)
    return Piece("pen", [(shapes.transform(stick, shapes.pose(y=-0.07, z=0.004)), color)], (0.012, 0.16, 0.008))


def scissors(rng: np.random.Generator, palette: Palette) -> Piece:
    """Open scissors that lie."""
    opening = float(rng.uniform(0.1, 0.35))
    blades, grips = [], []
    for side in (-1.0, 1.0):
        turned = shapes.pose(z=0.003 + 0.002 * side, yaw=side * opening)
        blades.append(shapes.transform(shapes.extrude([(-0.008, -0.01), (0.008, -0.01), (0.006, 0.06), (0.0, 0.1)], 0.002), turned))
        eye = shapes.transform(strands.torus(0.019, 0.0045, num=20), shapes.pose(-side * 0.016, -0.07, 0.002, scale=(0.85, 1.25, 1.0)))
        shank = shapes.box((0.012, 0.045, 0.005), center=(-side * 0.004, -0.03, 0.002))
        grips += [shapes.transform(eye, turned), shapes.transform(shank, turned)]
    grip = Surface(Material.GLOSSY, np.array(_PENS[int(rng.integers(len(_PENS)))]), roughness=0.12)
    return Piece("scissors", [(shapes.merge(blades), palette.metal), (shapes.merge(grips), grip)], (0.09, 0.2, 0.012))


def spectacles(rng: np.random.Generator, palette: Palette) -> Piece:
    """Spectacles on their folded-out temples."""
    wire = float(rng.uniform(0.0016, 0.003))
    rims = []
    for side in (-1, 1):
        rim = strands.ring(0.023, num=24)[:, [0, 2, 1]] * np.array([1.0, 1.0, 0.85])
        rims.append(strands.sweep(rim + np.array([side * 0.032, -0.07, 0.0225]), wire, sides=6, closed=True))
        temple = [(side * 0.058, -0.07, 0.026), (side * 0.062, 0.02, 0.026), (side * 0.06, 0.055, 0.018), (side * 0.058, 0.07, 0.003)]
        rims.append(strands.sweep(strands.curved(temple, 10), wire))
    rims.append(strands.sweep(strands.curved([(-0.01, -0.07, 0.028), (0.0, -0.072, 0.033), (0.01, -0.07, 0.028)], 6), wire))
    panes = [
        shapes.transform(
            shapes.disc(0.0225, segments=20), shapes.pose(s * 0.032, -0.07, 0.0225, scale=(1, 1, 0.85)) @ shapes.rotation("x", np.pi / 2)
        )
        for s in (-1, 1)
    ]
    parts: Parts = [(shapes.merge(rims), palette.dark if rng.random() < 0.5 else palette.metal), (shapes.merge(panes), palette.glass)]
    return Piece("spectacles", parts, (0.13, 0.15, 0.045))


def books(rng: np.random.Generator, covers: tuple[Surface, ...]) -> Piece:
    """A crooked pile of books that overhang each other, covers outside and pages within."""
    parts: Parts = []
    pages: list[Mesh] = []
    z = 0.0
    for _ in range(int(rng.integers(3, 8))):
        wide, long, thick = float(rng.uniform(0.12, 0.2)), float(rng.uniform(0.18, 0.27)), float(rng.uniform(0.012, 0.045))
        place = _askew(rng, (0.02, 0.02), z, yaw=float(rng.normal(0.0, 0.35)))
        boards = shapes.boxes(
            [(0, 0, 0.0015), (0, 0, thick - 0.0015), (-wide / 2, 0, thick / 2)], [(wide, long, 0.003)] * 2 + [(0.004, long, thick)]
        )
        pages.append(shapes.transform(shapes.box((wide - 0.012, long - 0.012, thick - 0.006), center=(0.002, 0, thick / 2)), place))
        parts.append((shapes.transform(boards, place), covers[int(rng.integers(len(covers)))]))
        z += thick + 0.0005
    parts.append((shapes.merge(pages), Surface(Material.DIFFUSE, np.array([0.70, 0.66, 0.55]))))
    return fitted("books", parts)


def row_of_books(rng: np.random.Generator, covers: tuple[Surface, ...]) -> Piece:
    """Books side by side, the last ones leaning."""
    parts: Parts = []
    pages: list[Mesh] = []
    x, num = 0.0, int(rng.integers(5, 12))
    for i in range(num):
        thick, deep, high = float(rng.uniform(0.015, 0.045)), float(rng.uniform(0.14, 0.2)), float(rng.uniform(0.19, 0.28))
        lean = float(rng.uniform(0.1, 0.3)) if i >= num - 2 else 0.0
        # A book that leans turns about its lower edge away from the others, so that its top rests on the one before.
        place = shapes.pose(x + high * np.sin(lean)) @ shapes.rotation("y", -lean)
        boards = shapes.boxes(
            [(0.0015, 0, high / 2), (thick - 0.0015, 0, high / 2), (thick / 2, -deep / 2, high / 2)],
            [(0.003, deep, high), (0.003, deep, high), (thick, 0.004, high)],
        )
        pages.append(shapes.transform(shapes.box((thick - 0.006, deep - 0.01, high - 0.012), center=(thick / 2, 0.0, high / 2)), place))
        parts.append((shapes.transform(boards, place), covers[int(rng.integers(len(covers)))]))
        x += thick / np.cos(lean) + high * np.sin(lean) + 0.001
    parts.append((shapes.merge(pages), Surface(Material.DIFFUSE, np.array([0.70, 0.66, 0.55]))))
    middle = shapes.pose(-x / 2)
    return Piece("row of books", [(shapes.transform(mesh, middle), surface) for mesh, surface in parts], (x, 0.21, 0.28))


def boxes(rng: np.random.Generator, *, size: float) -> Piece:
    """Cartons and tins piled up crookedly, printed or plain, with tape across."""
    parts: Parts = []
    base = rng.uniform(0.6, 1.0, 3) * size * np.array([1.0, 0.8, 0.6])
    z = 0.0
    for _ in range(int(rng.integers(2, 5))):
        place = _askew(rng, 0.12 * base[:2], z, yaw=float(rng.uniform(-0.5, 0.5)))
        body = shapes.transform(shapes.box(base, center=(0, 0, base[2] / 2)), place)
        if rng.random() < 0.5:
            card = Surface(Material.DIFFUSE, np.array([0.36, 0.24, 0.13]) * rng.uniform(0.7, 1.2))
            tape = shapes.transform(shapes.box((0.12 * base[0], base[1] + 0.001, base[2] * 1.003), center=(0, 0, base[2] / 2)), place)
            parts.append((tape, Surface(Material.GLOSSY, np.array([0.30, 0.20, 0.10]), roughness=0.1)))
        else:
            card = Surface(
                Material.DIFFUSE,
                faded(textures.picture(rng, 64), float(rng.uniform(0.2, 0.7))),
                texture_m=float(rng.uniform(0.6, 1.4) * size),
            )
        parts.append((body, card))
        z += float(base[2]) * 1.004
        base = base * rng.uniform(0.65, 0.98, 3)
    return fitted("boxes", parts)


def papers(rng: np.random.Generator) -> Piece:
    """A few sheets that lie over each other, printed or blank."""
    parts: Parts = []
    for i in range(int(rng.integers(2, 5))):
        place = _askew(rng, (0.03, 0.03), 0.0012 * i, yaw=float(rng.normal(0.0, 0.3)))
        page = Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.6, 0.78)))
        if rng.random() < 0.5:
            page = Surface(Material.DIFFUSE, _print(rng), texture_m=0.297)
        parts.append((shapes.transform(shapes.box((0.21, 0.297, 0.001), center=(0, 0, 0.0005)), place), page))
    return Piece("papers", parts, (0.24, 0.31, 0.006))


def wire_coil(rng: np.random.Generator) -> Piece:
    """A cable or a piece of wire rolled up."""
    thick, radius = float(rng.uniform(0.002, 0.0045)), float(rng.uniform(0.05, 0.1))
    line = strands.coil(radius, float(rng.uniform(3.2, 6.8)), thickness=thick, rng=rng)
    return Piece("coil of wire", [(strands.sweep(line, thick, sides=6), cable_skin(rng))], (2.3 * radius, 2.3 * radius, 0.02))


def tool(rng: np.random.Generator, palette: Palette) -> Piece:
    """Pliers, a hammer, a screwdriver or a spanner, lying."""
    grip = Surface(Material.GLOSSY, np.array(_PENS[int(rng.integers(5))]), roughness=0.12)
    match int(rng.integers(4)):
        case 0:
            jaws, handles = [], []
            for side in (-1.0, 1.0):
                arm = [(0.004 * side, 0.02, 0.006), (0.018 * side, -0.04, 0.006), (0.024 * side, -0.11, 0.006)]
                handles.append(strands.sweep(strands.curved(arm, 8), 0.0065))
                jaws.append(shapes.box((0.008, 0.05, 0.009), center=(0.0055 * side, 0.045, 0.006)))
            return Piece("pliers", [(shapes.merge(jaws), palette.brushed), (shapes.merge(handles), grip)], (0.07, 0.2, 0.013))
        case 1:
            stick = shapes.rods((0, -0.15, 0.013), (0, 0.12, 0.013), 0.011, 0.009, sides=8)
            head = shapes.boxes([(0, 0.12, 0.013), (-0.045, 0.12, 0.013)], [(0.1, 0.024, 0.024), (0.02, 0.026, 0.026)])
            return Piece("hammer", [(stick, palette.wood), (head, palette.brushed)], (0.12, 0.3, 0.026))
        case 2:
            handle = shapes.rods((0, -0.1, 0.012), (0, 0.0, 0.012), 0.012, 0.010, sides=8)
            shaft = shapes.rods((0, 0.0, 0.012), (0, 0.12, 0.012), 0.003, 0.003, sides=6)
            return Piece("screwdriver", [(handle, grip), (shaft, palette.metal)], (0.026, 0.22, 0.024))
        case _:
            shank = shapes.box((0.013, 0.15, 0.005), center=(0, 0, 0.004))
            eye = shapes.transform(strands.torus(0.011, 0.004, num=16), shapes.pose(y=0.085, z=0.004))
            mouth = shapes.boxes([(-0.01, -0.088, 0.004), (0.01, -0.088, 0.004)], (0.008, 0.03, 0.006))
            return Piece("spanner", [(shapes.merge([shank, eye, mouth]), palette.metal)], (0.03, 0.2, 0.009))


def cable(rng: np.random.Generator, place: Spread, area: Area, *, start: np.ndarray | None = None, hangs_m: float = 0.0) -> Piece:
    """A cable that wanders over the free parts of a level place, in world coordinates; with `hangs_m` it falls over the front edge.

    It may start at `start` (x, y), as that of a lamp does.
    """
    thick = float(rng.uniform(0.0025, 0.0045))
    x0, y0, x1, y1 = area
    first = rng.uniform((x0, y0), (x1, y1)) if start is None else np.asarray(start)
    end = np.array([rng.uniform(x0, x1), y0 if hangs_m else rng.uniform(y0, y1)])
    if abs(end[0] - first[0]) < 0.4 * (x1 - x0):
        end[0] = x1 if first[0] < (x0 + x1) / 2 else x0
    middle = rng.uniform((x0, y0), (x1, y1), (int(rng.integers(2, 5)), 2))
    knots = np.concatenate([[first], middle[np.argsort(middle[:, 0] * np.sign(end[0] - first[0]))], [end]])
    line = strands.curved(np.column_stack([knots, np.zeros(len(knots))]), 90)
    line[:, :2] = np.clip(place.pushed_out(line[:, :2], thick + 0.004), (x0, y0), (x1, y1))
    # A stiff cable does not lie flat everywhere.
    lift = 0.012 * np.clip(np.sin(np.linspace(0, rng.uniform(6, 14), 90) + rng.uniform(0, 6)), 0.0, 1.0) ** 2
    line[:, 2] = place.z + thick + lift
    if hangs_m:
        drop = np.linspace(0.0, 1.0, 12)[1:, None]
        edge = line[-1] * np.array([1.0, 1.0, 0.0]) + np.array([0.0, 0.0, place.z + thick])
        line[-1] = edge
        line = np.concatenate([line, edge + np.array([0.0, -0.02, 0.0]) * np.minimum(4 * drop, 1) - np.array([0, 0, hangs_m]) * drop**1.2])
    return Piece("cable", [(strands.sweep(line, thick, sides=6), cable_skin(rng))], (x1 - x0, y1 - y0, 0.02))


def cable_skin(rng: np.random.Generator) -> Surface:
    """The rubber or plastic around a wire."""
    return Surface(Material.DIFFUSE, np.array(_CABLES[int(rng.integers(len(_CABLES)))]))


def _askew(rng: np.random.Generator, reach: tuple[float, float] | np.ndarray, z: float, *, yaw: float) -> np.ndarray:
    """A pose at height `z`, off the middle by at most `reach` (x, y) [m]."""
    return shapes.pose(float(rng.uniform(-reach[0], reach[0])), float(rng.uniform(-reach[1], reach[1])), z, yaw=yaw)


def _print(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """A page with lines of grey type, uint8 sRGB."""
    page = np.full((size, size), 225, dtype=np.uint8)
    for row in range(6, size - 6, 3):
        start, end = 6, int(rng.integers(size // 2, size - 5))
        if rng.random() < 0.85:
            page[row, start:end] = rng.integers(70, 190, end - start)
    return np.repeat(page[..., None], 3, axis=2)
