"""What stands and lies on a kitchen table: mugs with handles, cutlery, glasses, plates, baskets, racks, fruit.

Convention: standing things have their origin at the middle of their base, z up; lying things likewise, their length along y.
"""

import numpy as np

from leadline.scenes import ornaments, shapes, strands
from leadline.scenes.furniture import Parts, Piece
from leadline.scenes.interior import Palette
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

WICKER = Surface(Material.DIFFUSE, np.array([0.34, 0.20, 0.09]))
_FRUITS = ((0.45, 0.04, 0.02), (0.55, 0.28, 0.02), (0.22, 0.35, 0.04), (0.60, 0.46, 0.05), (0.16, 0.02, 0.04))


def mug(rng: np.random.Generator, palette: Palette) -> Piece:
    """A mug with an ear for a handle."""
    radius, height = float(rng.uniform(0.036, 0.047)), float(rng.uniform(0.08, 0.12))
    wall = 0.004
    profile = [
        (0.0, 0.0),
        (radius * 0.9, 0.0),
        (radius, 0.01),
        (radius, height),
        (radius - wall, height),
        (radius - wall, 0.01),
        (0.0, 0.008),
    ]
    x = radius - 0.003
    reach = float(rng.uniform(0.028, 0.038))
    ear = [
        (x, 0, height * 0.86),
        (x + reach * 0.8, 0, height * 0.84),
        (x + reach, 0, height * 0.55),
        (x + reach * 0.7, 0, height * 0.28),
        (x, 0, height * 0.2),
    ]
    surface = palette.ceramics[int(rng.integers(3))]
    body = shapes.merge([shapes.lathe(profile, segments=24), strands.sweep(strands.curved(ear, 14), 0.0055)])
    parts: Parts = [(body, surface)]
    if rng.random() < 0.6:
        drink = Surface(Material.GLOSSY, np.array([0.05, 0.02, 0.01]), roughness=0.0)
        parts.append((shapes.transform(shapes.disc(radius - wall, segments=24), shapes.pose(z=height * 0.78)), drink))
    return Piece("mug", parts, (2 * radius + 0.05, 2 * radius, height))


def wine_glass(palette: Palette) -> Piece:
    """A glass on a stem."""
    profile = [(0.033, 0.001), (0.004, 0.006), (0.003, 0.085), (0.014, 0.092), (0.036, 0.125), (0.038, 0.15), (0.031, 0.195)]
    return Piece("glass", [(shapes.lathe(profile, segments=24), palette.glass)], (0.08, 0.08, 0.195))


def plate(surface: Surface, *, radius: float) -> Piece:
    """A flat plate with a rim."""
    profile = [
        (0.0, 0.002),
        (radius * 0.6, 0.002),
        (radius * 0.68, 0.006),
        (radius, 0.02),
        (radius, 0.024),
        (radius * 0.66, 0.011),
        (0, 0.008),
    ]
    return Piece("plate", [(shapes.lathe(profile, segments=28), surface)], (2 * radius, 2 * radius, 0.024))


def cutlery(rng: np.random.Generator, palette: Palette) -> Piece:
    """A fork, a knife or a spoon of metal, lying."""
    kind = str(rng.choice(["fork", "knife", "spoon"]))
    return Piece(kind, [(_cutlery(kind), palette.metal)], (0.03 if kind != "spoon" else 0.045, 0.21, 0.014))


def place_setting(rng: np.random.Generator, palette: Palette) -> Piece:
    """A plate with fork and knife beside it, sometimes a bowl on it."""
    radius = float(rng.uniform(0.11, 0.14))
    parts = list(plate(palette.ceramics[int(rng.integers(2))], radius=radius).parts)
    if rng.random() < 0.5:
        top = ornaments.bowl(palette.ceramics[int(rng.integers(3))], radius=radius * 0.62)
        parts += [(shapes.transform(mesh, shapes.pose(z=0.011)), surface) for mesh, surface in top.parts]
    tools = [
        shapes.transform(_cutlery("fork"), shapes.pose(-radius - 0.035, yaw=float(rng.uniform(-0.1, 0.1)))),
        shapes.transform(_cutlery("knife"), shapes.pose(radius + 0.035, yaw=float(rng.uniform(-0.1, 0.1)))),
        shapes.transform(_cutlery("spoon"), shapes.pose(radius + 0.075, yaw=float(rng.uniform(-0.1, 0.1)))),
    ]
    parts.append((shapes.merge(tools), palette.metal))
    return Piece("place setting", parts, (2 * radius + 0.2, max(2 * radius, 0.22), 0.1))


def utensils(rng: np.random.Generator, palette: Palette) -> Piece:
    """A jar full of cooking spoons, a whisk and sticks that lean out of it."""
    radius, height = float(rng.uniform(0.05, 0.065)), float(rng.uniform(0.13, 0.17))
    profile = [(0.0, 0.0), (radius, 0.0), (radius, height), (radius - 0.006, height), (radius - 0.006, 0.01), (0.0, 0.01)]
    parts: Parts = [(shapes.lathe(profile, segments=20), palette.ceramics[int(rng.integers(3))])]
    wood, steel = [], []
    for i in range(int(rng.integers(4, 8))):
        lean = shapes.pose(yaw=2.4 * i + float(rng.uniform(-0.4, 0.4))) @ shapes.pose(x=0.012, z=0.012)
        lean = lean @ shapes.rotation("y", float(rng.uniform(0.08, 0.9 * np.arctan(radius / height))))
        match int(rng.integers(3)):
            case 0:
                steel.append(shapes.transform(_whisk(), lean))
            case 1:
                ladle = shapes.transform(shapes.sphere(0.03, rings=8, segments=12), shapes.pose(z=0.29, scale=(0.3, 1.0, 1.25)))
                wood += [shapes.transform(m, lean) for m in (shapes.cylinder(0.006, 0.27, segments=8), ladle)]
            case _:
                blade = shapes.box((0.006, 0.055, 0.1), center=(0.0, 0.0, 0.3))
                wood += [shapes.transform(m, lean) for m in (shapes.cylinder(0.006, 0.26, segments=8), blade)]
    if wood:
        parts.append((shapes.merge(wood), palette.wood))
    if steel:
        parts.append((shapes.merge(steel), palette.metal))
    return Piece("utensils", parts, (2 * radius + 0.06, 2 * radius + 0.06, 0.35))


def wire_basket(rng: np.random.Generator, palette: Palette, *, filled: bool = True) -> Piece:
    """A round basket of wire with fruit in it."""
    low, high, height = (float(rng.uniform(*r)) for r in ((0.07, 0.1), (0.13, 0.17), (0.09, 0.14)))
    wire = 0.0028
    levels = np.linspace(0.0, 1.0, int(rng.integers(3, 6)))
    rings = [strands.sweep(strands.ring(low + (high - low) * s**0.7, wire + height * s), wire, closed=True) for s in levels]
    rings[-1] = strands.sweep(strands.ring(high, height), 1.6 * wire, closed=True)
    turn = 2 * np.pi * np.arange(18) / 18
    share = np.linspace(0.0, 1.0, 7)
    for angle in turn:
        out = low + (high - low) * share**0.7
        rib = np.stack([out * np.cos(angle), out * np.sin(angle), wire + height * share], axis=1)
        rings.append(strands.sweep(np.concatenate([[[0.0, 0.0, wire]], rib]), wire, sides=5))
    dark = palette.dark if rng.random() < 0.5 else palette.metal
    parts: Parts = [(shapes.merge(rings), dark)]
    if filled:
        parts += _fruit(rng, low, height)
    return Piece("wire basket", parts, (2 * high, 2 * high, height + 0.03))


def wicker_basket(rng: np.random.Generator, *, radius: float, height: float) -> Piece:
    """A basket of canes woven around stakes, with a braided rim and mostly a handle."""
    stakes = int(rng.integers(8, 13)) * 2 + 1
    flare = float(rng.uniform(1.05, 1.3))
    cane = float(np.clip(height / 26, 0.0045, 0.009))
    turn = 2 * np.pi * np.arange(4 * stakes) / (4 * stakes)
    woven = []
    for i, z in enumerate(np.arange(cane, height, 2.3 * cane)):
        out = radius * (1 + (flare - 1) * z / height) + 0.8 * cane * np.cos(turn * stakes / 2 + np.pi * i)
        woven.append(
            strands.sweep(np.stack([out * np.cos(turn), out * np.sin(turn), np.full_like(turn, z)], axis=1), cane, sides=5, closed=True)
        )
    angle = 2 * np.pi * np.arange(stakes) / stakes
    around = np.stack([np.cos(angle), np.sin(angle), np.zeros(stakes)], axis=1)
    woven.append(shapes.rods(around * radius, around * radius * flare + np.array([0, 0, height]), cane, cane, sides=5))
    rim = strands.ring(radius * flare, height, num=48)
    woven.append(strands.sweep(rim, 2.0 * cane, closed=True))
    woven.append(shapes.transform(shapes.disc(radius, segments=24), shapes.pose(z=cane)))
    top = height
    if rng.random() < 0.7:
        arch = np.linspace(0.0, np.pi, 20)
        top = height + radius * float(rng.uniform(0.9, 1.3))
        bow = np.stack([radius * flare * np.cos(arch), np.zeros(20), height + (top - height) * np.sin(arch)], axis=1)
        woven.append(strands.sweep(bow, 1.8 * cane))
    tint = Surface(Material.DIFFUSE, WICKER.color * rng.uniform(0.5, 1.5))
    return Piece("basket", [(shapes.merge(woven), tint)], (2 * radius * flare, 2 * radius * flare, top))


def dish_rack(rng: np.random.Generator, palette: Palette) -> Piece:
    """A rack of wire with plates standing in it."""
    wide, deep, wire = float(rng.uniform(0.3, 0.4)), 0.26, 0.003
    edge = np.array([[-wide / 2, -deep / 2, 0], [wide / 2, -deep / 2, 0], [wide / 2, deep / 2, 0], [-wide / 2, deep / 2, 0]])
    bars = []
    for z in (0.02, 0.11):
        corners = edge + np.array([0.0, 0.0, z])
        bars.append(shapes.rods(corners, np.roll(corners, -1, axis=0), wire * 1.3, wire * 1.3, sides=6))
    bars.append(shapes.rods(edge, edge + np.array([0.0, 0.0, 0.11]), wire * 1.3, wire * 1.3, sides=6))
    x = np.arange(-wide / 2 + 0.03, wide / 2, 0.03)
    for y in (-0.06, 0.06):
        foot = np.stack([x, np.full_like(x, y), np.full_like(x, 0.02)], axis=1)
        bars.append(shapes.rods(foot, foot + np.array([0.0, 0.0, 0.1]), wire, wire, sides=5))
    foot = np.stack([x, np.full_like(x, -deep / 2), np.full_like(x, 0.02)], axis=1)
    bars.append(shapes.rods(foot, foot + np.array([0.0, deep, 0.0]), wire, wire, sides=5))
    parts: Parts = [(shapes.merge(bars), palette.metal)]
    for place in x[:-1] + 0.015:
        if rng.random() < 0.45:
            dish = plate(palette.ceramics[int(rng.integers(2))], radius=float(rng.uniform(0.085, 0.115)))
            (mesh, surface), size = dish.parts[0], dish.size[0]
            upright = shapes.pose(float(place) - 0.005, 0.0, 0.024 + size / 2) @ shapes.rotation("y", np.pi / 2)
            parts.append((shapes.transform(mesh, upright), surface))
    return Piece("dish rack", parts, (wide, deep, 0.25))


def _fruit(rng: np.random.Generator, radius: float, height: float) -> Parts:
    """Balls heaped up in a basket, apples or oranges or limes."""
    color = np.array(_FRUITS[int(rng.integers(len(_FRUITS)))])
    size = float(rng.uniform(0.03, 0.038))
    balls = []
    for level, count in ((0, 3), (1, 3), (2, 1)):
        z = size * (1.15 + 1.5 * level)
        for i in range(count):
            out = (size * 1.18 if count > 1 else 0.0) * (1.0 if level == 0 else 0.95)
            angle = 2 * np.pi * i / count + level * np.pi / 3
            shape = shapes.sphere(size, rings=10, segments=14)
            if z < height + size:
                balls.append(shapes.transform(shape, shapes.pose(out * np.cos(angle), out * np.sin(angle), z, scale=(1, 1, 0.93))))
    return [(shapes.merge(balls), Surface(Material.GLOSSY, color, roughness=0.15))] if radius > size else []


def _cutlery(kind: str) -> Mesh:
    handle = shapes.extrude([(-0.005, -0.1), (0.005, -0.1), (0.0035, 0.03), (-0.0035, 0.03)], 0.003)
    match kind:
        case "knife":
            blade = shapes.extrude([(-0.006, 0.02), (0.008, 0.02), (0.009, 0.08), (0.0, 0.11), (-0.006, 0.11)], 0.0018)
            return shapes.merge([handle, blade])
        case "fork":
            palm = shapes.extrude([(-0.004, 0.02), (0.004, 0.02), (0.012, 0.05), (0.012, 0.062), (-0.012, 0.062), (-0.012, 0.05)], 0.0025)
            tines = shapes.boxes([(x, 0.085, 0.003) for x in (-0.0102, -0.0034, 0.0034, 0.0102)], (0.0034, 0.05, 0.002))
            return shapes.merge([handle, palm, tines])
        case _:
            turn = np.linspace(0.0, 0.5 * np.pi, 6)
            dish = shapes.lathe(np.stack([0.021 * np.sin(turn), 0.009 * (1 - np.cos(turn)) + 0.0006], axis=1), segments=16)
            return shapes.merge([handle, shapes.transform(dish, shapes.pose(y=0.06, scale=(1.0, 1.5, 1.0)))])


def _whisk() -> Mesh:
    """A whisk, its handle down, wires up."""
    share = np.linspace(0.0, np.pi, 15)
    bow = np.stack([0.034 * np.sin(2 * share), np.zeros(15), 0.16 + 0.13 * np.sin(share)], axis=1)
    wires = [shapes.transform(strands.sweep(bow, 0.0016, sides=5), shapes.pose(yaw=np.pi * i / 4)) for i in range(4)]
    return shapes.merge([shapes.cylinder(0.009, 0.16, segments=10), *wires])
