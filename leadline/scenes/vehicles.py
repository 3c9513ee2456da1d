"""Cars, vans, trucks and buses with glossy paint, glass to look through and wheels.

Convention: a vehicle's own frame is x forward, y left, z up, its middle on the ground at the origin.
"""

from dataclasses import dataclass, replace

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.paint import painted
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

Parts = tuple[tuple[Mesh, Surface], ...]
PAINTS = (
    (0.70, 0.70, 0.70),
    (0.02, 0.02, 0.025),
    (0.22, 0.23, 0.24),
    (0.08, 0.09, 0.10),
    (0.03, 0.07, 0.22),
    (0.35, 0.02, 0.02),
    (0.50, 0.48, 0.42),
    (0.05, 0.14, 0.10),
    (0.60, 0.30, 0.04),
    (0.14, 0.26, 0.40),
)


@dataclass(frozen=True, eq=False)
class Vehicle:
    """What is drawn of a vehicle, and its length and width [m]."""

    kind: str
    parts: Parts
    length: float
    width: float


@dataclass(frozen=True)
class Build:
    """Measures of a car [m]; `hood` and `trunk` are shares of the length.

    `roof` is where the roof starts and ends, as shares of the length from the rear.
    """

    length: float
    width: float
    height: float
    belt: float
    hood: float
    trunk: float
    roof: tuple[float, float]


BUILDS = {
    "hatchback": Build(4.0, 1.75, 1.48, 0.92, 0.26, 0.04, (0.14, 0.58)),
    "saloon": Build(4.6, 1.80, 1.44, 0.92, 0.27, 0.17, (0.30, 0.58)),
    "estate": Build(4.7, 1.82, 1.50, 0.93, 0.27, 0.02, (0.07, 0.58)),
    "suv": Build(4.6, 1.90, 1.72, 1.06, 0.24, 0.03, (0.09, 0.62)),
    "van": Build(5.2, 1.95, 2.10, 1.12, 0.13, 0.01, (0.03, 0.74)),
}
_RUBBER = (0.018, 0.018, 0.018)
_PLATE = (0.75, 0.75, 0.70)
_GLASS = Surface(Material.GLASS, np.array([0.55, 0.60, 0.60]))
_RIM = Surface(Material.METAL, np.full(3, 0.6), roughness=0.25)
LAMP = Surface(Material.GLOSSY, np.array([0.75, 0.76, 0.78]), roughness=0.05)
TAIL = Surface(Material.GLOSSY, np.array([0.45, 0.01, 0.01]), roughness=0.05)
_DARK_PANE = Surface(Material.GLOSSY, np.full(3, 0.02), roughness=0.02)


def repainted(rng: np.random.Generator, vehicle: Vehicle) -> Vehicle:
    """The same model in another colour, its meshes shared."""
    (body, _), *others = vehicle.parts
    return replace(vehicle, parts=((body, _paint(rng)), *others))


def make_car(rng: np.random.Generator, kind: str | None = None) -> Vehicle:
    """A passenger car or a van of drawn size and paint, and of drawn build unless `kind` names one of BUILDS."""
    kind = kind or str(rng.choice(list(BUILDS), p=[0.3, 0.25, 0.15, 0.2, 0.1]))
    base = BUILDS[kind]
    scale, breadth, rise = rng.uniform(0.95, 1.05), rng.uniform(0.98, 1.02), rng.uniform(0.97, 1.03)
    build = replace(base, length=base.length * scale, width=base.width * breadth, height=base.height * rise)
    cabin = _cabin(build)
    reach, across = build.length / 2, build.width / 2
    tyres, rims = _wheels(0.34 if kind in ("suv", "van") else 0.31, across, (reach * 0.62, -reach * 0.58))
    lamps = shapes.boxes(np.array([[reach - 0.10, y, 0.66] for y in (-across + 0.28, across - 0.28)]), (0.16, 0.34, 0.13))
    tails = shapes.boxes(np.array([[-reach + 0.06, y, build.belt - 0.14] for y in (-across + 0.2, across - 0.2)]), (0.14, 0.22, 0.18))
    plates = shapes.boxes(np.array([[reach - 0.01, 0.0, 0.42], [-reach + 0.02, 0.0, 0.60]]), (0.06, 0.50, 0.12))
    screen = reach * (1 - 2 * build.hood) - 0.15
    mirrors = shapes.boxes(np.array([[screen, y, build.belt + 0.06] for y in (-across - 0.06, across + 0.06)]), (0.12, 0.18, 0.13))
    trim = shapes.boxes(np.array([[reach - 0.06, 0.0, 0.40], [-reach + 0.06, 0.0, 0.38]]), (0.16, build.width * 0.80, 0.16))
    parts: Parts = (
        (shapes.merge([_body(build), *cabin.paint, mirrors]), _paint(rng)),
        (cabin.glass, _GLASS),
        painted([(tyres, _RUBBER), (trim, _RUBBER), (cabin.seats, _RUBBER), (plates, _PLATE)]),
        (rims, _RIM),
        (lamps, LAMP),
        (tails, TAIL),
    )
    return Vehicle(kind, parts, build.length, build.width + 0.34)


def make_truck(rng: np.random.Generator) -> Vehicle:
    """A truck: a cab with a windscreen in front of a box or of a tarpaulin."""
    length, width, height = float(rng.uniform(6.5, 9.5)), float(rng.uniform(2.2, 2.5)), float(rng.uniform(2.9, 3.6))
    cab, cab_height = 1.9, float(rng.uniform(2.3, 2.7))
    front = length / 2
    box_length = length - cab - 0.25
    cabin = _block(front - cab, front, width * 0.96, 0.45, cab_height)
    pane = shapes.boxes(
        np.array([[front + 0.005, 0.0, cab_height - 0.65], [front - 0.75, 0.0, cab_height - 0.65]]),
        np.array([[0.02, width * 0.82, 0.75], [0.75, width * 0.97, 0.65]]),
    )
    bed = shapes.box((box_length, width, height - 0.95), center=(-front + box_length / 2, 0.0, (height + 0.95) / 2))
    frame = shapes.boxes(
        np.array([[0.0, 0.0, 0.72], [front - 0.05, 0.0, 0.45]]), np.array([[length - 0.3, 0.9, 0.3], [0.25, width * 0.95, 0.35]])
    )
    tyres, rims = _wheels(0.46, width / 2, (front - 1.1, -front + 1.1, -front + 2.3))
    lamps = shapes.boxes(np.array([[front + 0.08, y, 0.62] for y in (-width * 0.36, width * 0.36)]), (0.06, 0.3, 0.16))
    tails = shapes.boxes(np.array([[-front, y, 0.78] for y in (-width * 0.4, width * 0.4)]), (0.06, 0.3, 0.16))
    cargo = Surface(Material.GLOSSY, _color(rng), roughness=0.15) if rng.random() < 0.5 else Surface(Material.DIFFUSE, _color(rng))
    parts: Parts = (
        (cabin, _paint(rng)),
        (pane, _DARK_PANE),
        (bed, cargo),
        painted([(frame, _RUBBER), (tyres, _RUBBER), (rims, (0.3, 0.3, 0.3))]),
        (lamps, LAMP),
        (tails, TAIL),
    )
    return Vehicle("truck", parts, length + 0.25, width)


def make_bus(rng: np.random.Generator) -> Vehicle:
    """A city bus with a band of dark windows."""
    length, width, height = float(rng.uniform(10.0, 12.0)), 2.5, float(rng.uniform(2.9, 3.1))
    half = length / 2
    count = 6
    step = (length - 0.8) / count
    middle = np.array([[-half + 0.4 + (i + 0.5) * step, 0.0, 1.85] for i in range(count)])
    side = shapes.boxes(middle, (step - 0.12, width + 0.02, 1.05))
    ends = shapes.boxes(np.array([[half, 0.0, 1.75], [-half, 0.0, 2.0]]), np.array([[0.03, width * 0.9, 1.5], [0.03, width * 0.8, 0.8]]))
    tyres, rims = _wheels(0.46, width / 2, (half - 2.4, -half + 2.8))
    lamps = shapes.boxes(np.array([[half, y, 0.62] for y in (-0.95, 0.95)]), (0.05, 0.3, 0.2))
    tails = shapes.boxes(np.array([[-half, y, 0.95] for y in (-1.0, 1.0)]), (0.05, 0.2, 0.4))
    parts: Parts = (
        (_block(-half, half, width, 0.32, height), _paint(rng)),
        (shapes.merge([side, ends]), _DARK_PANE),
        painted([(tyres, _RUBBER), (rims, (0.3, 0.3, 0.3))]),
        (lamps, LAMP),
        (tails, TAIL),
    )
    return Vehicle("bus", parts, length + 0.1, width)


@dataclass(frozen=True, eq=False)
class _Cabin:
    paint: list[Mesh]
    glass: Mesh
    seats: Mesh


def _body(build: Build) -> Mesh:
    """The lower body as a loft of rounded sections from rear to front."""
    reach, belt = build.length / 2, build.belt
    screen = reach * (1 - 2 * build.hood)
    hood = belt - 0.14
    stations = (  # x, share of the width, bottom, top
        (-reach, 0.86, 0.36, belt - 0.16),
        (-reach + 0.05, 0.93, 0.28, belt - 0.06),
        (-reach + 0.20, 0.97, 0.24, belt - 0.01),
        (-reach * 0.4, 1.0, 0.20, belt),
        (reach * 0.1, 1.0, 0.20, belt),
        (screen, 1.0, 0.20, belt - 0.01),
        ((screen + reach) / 2, 0.99, 0.20, hood + 0.07),
        (reach - 0.30, 0.96, 0.22, hood),
        (reach - 0.09, 0.88, 0.26, hood - 0.10),
        (reach, 0.76, 0.34, hood - 0.22),
    )
    return _rounded(stations, build.width, exponent=5.0)


def _block(back: float, front: float, width: float, bottom: float, top: float) -> Mesh:
    """A box with rounded edges from x = `back` to `front`."""
    stations = (
        (back, 0.96, bottom + 0.05, top - 0.06),
        (back + 0.08, 1.0, bottom, top),
        (front - 0.12, 1.0, bottom, top),
        (front, 0.94, bottom + 0.06, top - 0.12),
    )
    return _rounded(stations, width, exponent=12.0)


def _rounded(stations: tuple[tuple[float, float, float, float], ...], width: float, *, exponent: float) -> Mesh:
    """Loft through superellipses; an exponent of 2 gives ellipses, a large one boxes."""
    turn = 2 * np.pi * (np.arange(20) + 0.5) / 20
    cos, sin = np.cos(turn), np.sin(turn)
    y, z = (np.sign(part) * np.abs(part) ** (2 / exponent) for part in (cos, sin))
    sections = []
    for x, share, bottom, top in stations:
        half, middle = (top - bottom) / 2, (top + bottom) / 2
        sections.append(np.stack([np.full_like(y, x), y * share * width / 2, middle + z * half], axis=1))
    return shapes.loft(np.stack(sections))


def _cabin(build: Build) -> _Cabin:
    """Roof, pillars and panes over the belt line, with seats inside."""
    reach, wide, narrow = build.length / 2, build.width * 0.455, build.width * 0.36
    low = np.array([-reach + 2 * reach * build.trunk, reach * (1 - 2 * build.hood)])
    high = np.array([-reach + 2 * reach * build.roof[0], -reach + 2 * reach * build.roof[1]])
    z0, z1 = build.belt - 0.04, build.height - 0.05
    foot = np.array([[low[0], -wide, z0], [low[1], -wide, z0], [low[1], wide, z0], [low[0], wide, z0]])
    head = np.array([[high[0], -narrow, z1], [high[1], -narrow, z1], [high[1], narrow, z1], [high[0], narrow, z1]])
    corners = np.concatenate([foot, head])
    faces = np.array([[i, (i + 1) % 4, 4 + (i + 1) % 4, i, 4 + (i + 1) % 4, 4 + i] for i in range(4)]).reshape(-1, 3)
    glass = Mesh(corners, faces)
    roof = _rounded(
        (
            (high[0] - 0.06, 0.80, z1 - 0.02, z1 + 0.03),
            (high[0] + 0.15, 0.92, z1 - 0.02, z1 + 0.05),
            (high[1] - 0.2, 0.92, z1 - 0.02, z1 + 0.05),
            (high[1] + 0.05, 0.84, z1 - 0.02, z1 + 0.03),
        ),
        build.width * 0.82,
        exponent=6.0,
    )
    starts, ends = [foot], [head]
    for share in (0.45, 0.8) if build.trunk < 0.1 else (0.45,):
        for back, front in ((0, 1), (3, 2)):
            starts.append((foot[front] * share + foot[back] * (1 - share))[None])
            ends.append((head[front] * share + head[back] * (1 - share))[None])
    pillars = shapes.bars(np.concatenate(starts), np.concatenate(ends), 0.07)
    place = np.array([[x, y, 0.0] for x in (high[1] - 0.55, high[1] - 1.45) for y in (-0.38, 0.38)])
    backs = shapes.boxes(place + np.array([0.0, 0.0, build.belt - 0.05]), (0.16, 0.48, 0.45))
    rests = shapes.boxes(place + np.array([-0.04, 0.0, build.belt + 0.22]), (0.12, 0.26, 0.2))
    return _Cabin([roof, pillars], glass, shapes.merge([backs, rests]))


def _wheels(radius: float, across: float, places: tuple[float, ...]) -> tuple[Mesh, Mesh]:
    """Tyres, each before a dark arch, and rims at x = `places` on both sides."""
    width = 0.22
    tyre = shapes.lathe([(radius, 0.0), (radius, width - 0.03), (radius * 0.92, width), (radius * 0.64, width - 0.01)], segments=14)
    rim = shapes.transform(shapes.disc(radius * 0.66, segments=10), shapes.pose(z=width - 0.03))
    arch = shapes.transform(shapes.disc(radius * 1.14, segments=14), shapes.pose(z=width - 0.035))
    tyres, rims = [], []
    for side in (-1.0, 1.0):
        outward = shapes.rotation("x", -side * np.pi / 2)
        for x in places:
            y = side * (across + 0.03 - width)
            place = shapes.pose(x, y, radius) @ outward
            tyres += [shapes.transform(tyre, place), shapes.transform(arch, shapes.pose(x, y, radius + 0.05) @ outward)]
            rims.append(shapes.transform(rim, place))
    return shapes.merge(tyres), shapes.merge(rims)


def _paint(rng: np.random.Generator) -> Surface:
    return Surface(Material.GLOSSY, _color(rng), roughness=float(rng.uniform(0.03, 0.12)))


def _color(rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.array(PAINTS[int(rng.integers(len(PAINTS)))]) * rng.uniform(0.8, 1.2), 0.0, 0.85)
