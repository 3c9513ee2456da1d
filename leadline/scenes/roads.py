"""The course and the surfaces of a street: lanes, kerbs, pavements, verges, markings, side streets.

Convention: a place on the street is (s, t): metres along the centre line from the start of the drive, metres to its left.
"""

from dataclasses import dataclass, replace

import numpy as np

from leadline.scenes import shapes, textures
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material

KERB_M = 0.12
SIDE_STREET_M = 70.0
"""How far a side street reaches from the centre line."""
_CELL_M = 3.5
"""Of sheets across the street."""


@dataclass(frozen=True, eq=False)
class SideStreet:
    """A street that leaves at `s` to the left (+1) or right (-1), or crosses (both)."""

    s: float
    half_width: float
    pavement: float
    sides: tuple[int, ...]


@dataclass(frozen=True)
class Crossing:
    """What crosses the street above it at `s`: a "foot", "road" or "rail" bridge, 2 * `half_width` [m] wide."""

    s: float
    half_width: float
    kind: str

    @property
    def reach(self) -> float:
        """How far [m] along the street its ends keep off houses: a footbridge has stairs there."""
        return self.half_width + (10.0 if self.kind == "foot" else 0.5)


@dataclass(frozen=True, eq=False)
class Road:
    """Centre line sampled at `s` (n,) with `xy` (n, 2) and `heading` (n,) [rad], and its cross section [m]."""

    s: np.ndarray
    xy: np.ndarray
    heading: np.ndarray
    lane: float
    lanes: int
    """Lanes in each direction."""
    parking: tuple[float, float]
    """Width of the parking strip at the right and at the left; 0 without one."""
    pavement: tuple[float, float]
    setback: tuple[float, float]
    """From the pavement's outer edge to the house fronts, right and left."""
    drives_left: bool
    side_streets: tuple[SideStreet, ...]
    bridge: Crossing | None = None

    def edge(self, side: int) -> float:
        """Distance [m] from the centre line to the kerb on `side` (-1 right, +1 left)."""
        return self.lanes * self.lane + self.parking[_index(side)]

    def outer(self, side: int) -> float:
        """Distance [m] from the centre line to the pavement's outer edge."""
        return self.edge(side) + self.pavement[_index(side)]

    def front(self, side: int) -> float:
        """Distance [m] from the centre line to the house fronts."""
        return self.outer(side) + self.setback[_index(side)]

    def lane_t(self, lane: int, *, oncoming: bool = False) -> float:
        """Lateral place [m] of the middle of a lane, counted from the centre line, of our direction or the other."""
        right = self.drives_left == oncoming
        return (-1.0 if right else 1.0) * (lane + 0.5) * self.lane

    def at(self, s: np.ndarray | float, t: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World x, y [m] and heading [rad] at (s, t)."""
        heading = np.interp(s, self.s, self.heading)
        x = np.interp(s, self.s, self.xy[:, 0]) - t * np.sin(heading)
        y = np.interp(s, self.s, self.xy[:, 1]) + t * np.cos(heading)
        return np.asarray(x), np.asarray(y), np.asarray(heading)

    def place(self, s: float, t: float, *, z: float = 0.0, turn: float = 0.0) -> np.ndarray:
        """Pose (4, 4) of something that stands at (s, t), its x axis along the street, turned by `turn` [rad]."""
        x, y, heading = self.at(s, t)
        return shapes.pose(float(x), float(y), z, yaw=float(heading) + turn)

    def line(self, start: float, end: float, t: float, z: float, *, step: float = 2.0) -> np.ndarray:
        """Polyline (n, 3) [m] at a constant distance `t` from the centre line."""
        s = np.linspace(start, end, max(2, int(np.ceil((end - start) / step)) + 1))
        x, y, _ = self.at(s, t)
        return np.stack([x, y, np.full_like(x, z)], axis=1)

    def free(self, s: float, side: int, *, margin: float = 0.0) -> bool:
        """Whether no side street opens on `side` within `margin` [m] of `s`."""
        return all(side not in street.sides or abs(s - street.s) > street.half_width + margin for street in self.side_streets)

    def buildable(self, start: float, end: float) -> bool:
        """Whether the ground beside the street is free of a bridge's ends between s = `start` and `end`."""
        return self.bridge is None or end < self.bridge.s - self.bridge.reach or start > self.bridge.s + self.bridge.reach

    def open_sky(self, s: float, *, margin: float = 0.0) -> bool:
        """Whether no bridge lies over the street within `margin` [m] of `s`."""
        return self.bridge is None or abs(s - self.bridge.s) > self.bridge.half_width + margin

    def stretches(self, side: int, *, margin: float = 0.0) -> list[tuple[float, float]]:
        """The intervals of s [m] between the side streets on `side`, kept `margin` away from their kerbs."""
        start, found = float(self.s[0]), []
        for street in sorted(self.side_streets, key=lambda street: street.s):
            if side in street.sides:
                found.append((start, street.s - street.half_width - margin))
                start = street.s + street.half_width + margin
        found.append((start, float(self.s[-1])))
        return [(low, high) for low, high in found if high - low > 1.0]


def make_road(rng: np.random.Generator, *, travel: float, urban: bool) -> Road:
    """A street for a drive of `travel` [m]: straight, bent or winding, with up to two side streets."""
    behind, ahead = 90.0, 130.0
    s = np.arange(-behind, travel + ahead + 1.0)
    kind = rng.choice(["straight", "bend", "winding"], p=[0.4, 0.35, 0.25])
    bend = 1.0 / rng.uniform(90.0, 260.0) * rng.choice([-1.0, 1.0])
    onset = rng.uniform(-30.0, 50.0)
    curvature = {
        "straight": np.zeros_like(s),
        "bend": bend * np.clip((s - onset) / 20.0, 0.0, 1.0) * np.clip((onset + 120.0 - s) / 20.0, 0.0, 1.0),
        "winding": bend * 0.8 * np.sin(2 * np.pi * (s - onset) / rng.uniform(110.0, 180.0)),
    }[str(kind)]
    heading = np.cumsum(curvature)
    heading -= heading[int(behind)]
    xy = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    xy -= xy[int(behind)]
    parking = rng.choice([0.0, 2.45], 2, p=[0.3, 0.7] if urban else [0.5, 0.5])
    setback = rng.uniform(0.0, 1.0, 2) if urban else rng.uniform(2.5, 9.0, 2)
    streets = []
    for place in rng.permutation([rng.uniform(12.0, 40.0), rng.uniform(60.0, 95.0), rng.uniform(-60.0, -25.0)])[: int(rng.integers(0, 3))]:
        sides = ((1, -1), (1,), (-1,))[int(rng.choice(3, p=[0.5, 0.25, 0.25]))]
        streets.append(SideStreet(float(place), float(rng.uniform(3.2, 4.6)), float(rng.uniform(1.6, 2.6)), sides))
    return Road(
        s=s,
        xy=xy,
        heading=heading,
        lane=float(rng.uniform(3.3, 3.75)),
        lanes=int(rng.choice([1, 2], p=[0.7, 0.3])),
        parking=(float(parking[0]), float(parking[1])),
        pavement=(float(rng.uniform(1.8, 4.0)), float(rng.uniform(1.8, 4.0))),
        setback=(float(setback[0]), float(setback[1])),
        drives_left=bool(rng.random() < 0.2),
        side_streets=tuple(streets),
    )


def ground(rng: np.random.Generator, road: Road, *, wet: bool, urban: bool) -> list[Thing]:
    """Everything flat: the land, the carriageway, its markings, kerbs and pavements, verges."""
    asphalt = _road_surface(rng, wet=wet)
    slabs = Surface(Material.DIFFUSE, textures.paving(rng), texture_m=2.4)
    stone = Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.28, 0.45)))
    land = Surface(Material.DIFFUSE, textures.grass(rng), texture_m=3.0)
    verge = slabs if urban else land
    paint = Surface(Material.DIFFUSE, np.array([0.72, 0.72, 0.70]))
    pavements, kerbs = _pavements(road)
    covers = _covers(rng, road)
    things = [
        Thing("ground", ((_land(rng, road), land),), np.eye(4)),
        Thing("road", ((shapes.merge(_carriageways(road)), asphalt),), np.eye(4)),
        Thing("pavement", ((pavements, slabs), (kerbs, stone)), np.eye(4)),
        Thing("verge", ((shapes.merge(_verges(road)), verge),), np.eye(4)),
    ]
    markings = _markings(rng, road)
    if markings:
        things.append(Thing("markings", ((shapes.merge(markings), paint),), np.eye(4)))
    if covers:
        things.append(Thing("covers", covers, np.eye(4)))
    return things


def _land(rng: np.random.Generator, road: Road, *, cell_m: float = 10.0) -> Mesh:
    """Flat around the street and a little below it, hills beyond."""
    num = 84
    relief = textures.fractal(rng, num, 4, octaves=3)
    offset = road.xy[len(road.xy) // 2]
    grid = (np.arange(num) - (num - 1) / 2) * cell_m
    x, y = np.meshgrid(grid + offset[0], grid + offset[1])
    away = np.min([np.hypot(x - px, y - py) for px, py in road.xy[::20]], axis=0)
    heights = np.clip((away - 120.0) / 160.0, 0.0, 1.0) * np.clip(relief - 0.3, 0.0, 1.0) * rng.uniform(20.0, 90.0) - 0.08
    return shapes.transform(shapes.heightfield(heights, cell_m=cell_m), shapes.pose(*offset))


def _road_surface(rng: np.random.Generator, *, wet: bool) -> Surface:
    image = textures.cobbles(rng) if rng.random() < 0.08 else textures.asphalt(rng)
    tile = 2.0 if image.std() > 30 else 6.0
    if not wet:
        return Surface(Material.DIFFUSE, image, texture_m=tile)
    dark = np.round(image * 0.55).astype(np.uint8)
    return Surface(Material.GLOSSY, dark, roughness=float(rng.uniform(0.04, 0.12)), texture_m=tile)


def _carriageways(road: Road) -> list[Mesh]:
    start, end = float(road.s[0]), float(road.s[-1])
    meshes = [_band(road, start, end, -road.edge(-1), road.edge(1), 0.0)]
    for street in road.side_streets:
        for side in street.sides:
            near, far = side * (road.edge(side) - 0.5), side * SIDE_STREET_M
            meshes.append(_patch(road, street.s, (-street.half_width, street.half_width), (near, far), z=-0.004))
    return meshes


def _pavements(road: Road) -> tuple[Mesh, Mesh]:
    """Tops of the pavements, and their kerbs: a stone edge with an upright face."""
    tops, kerbs = [], []
    for side in (-1, 1):
        edge, outer = side * road.edge(side), side * road.outer(side)
        for start, end in road.stretches(side):
            tops.append(_band(road, start, end, edge, outer, KERB_M))
            kerbs.append(_band(road, start, end, edge - side * 0.01, edge + side * 0.14, KERB_M + 0.003))
            kerbs.append(_wall(road.line(start, end, edge - side * 0.01, 0.0), side=side))
    for street in road.side_streets:
        inner, beyond = street.half_width, street.half_width + street.pavement
        for side in street.sides:
            near, far = side * road.edge(side), side * SIDE_STREET_M
            for way in (-1, 1):
                low, high = sorted((way * inner, way * beyond))
                tops.append(_patch(road, street.s, (low, high), (side * road.outer(side), far), z=KERB_M))
                low, high = sorted((way * (inner - 0.01), way * (inner + 0.14)))
                kerbs.append(_patch(road, street.s, (low, high), (near, far), z=KERB_M + 0.003))
                along = np.linspace(near, far, 20)
                corner = _local(road, street.s, np.stack([np.full(20, way * (inner - 0.01)), along], axis=1))
                kerbs.append(_wall(corner, side=-side * way))
    return shapes.merge(tops), shapes.merge(kerbs)


def _verges(road: Road) -> list[Mesh]:
    """Land beside the pavements, level with them, out to where side streets end."""
    meshes = []
    for side in (-1, 1):
        margin = max((street.pavement for street in road.side_streets), default=0.0)
        for start, end in road.stretches(side, margin=margin):
            meshes.append(_band(road, start, end, side * (road.outer(side) - 0.02), side * 40.0, KERB_M - 0.006))
    return meshes


def _markings(rng: np.random.Generator, road: Road) -> list[Mesh]:
    """Centre and lane lines, edge lines, stop lines and zebra crossings, one broad line in the middle or none at all."""
    z, meshes, end = 0.008, [], float(road.s[-1])
    starts = np.arange(float(road.s[0]), end - 4.0, 9.0)
    if rng.random() < 0.85:
        solid = rng.random() < 0.3
        for start in starts:
            meshes.append(_band(road, start, start + (9.0 if solid else 3.0), -0.07, 0.07, z))
    for lane in range(1, road.lanes):
        for side in (-1, 1):
            t = side * lane * road.lane
            meshes += [_band(road, start, start + 3.0, t - 0.06, t + 0.06, z) for start in starts]
    for side in (-1, 1):
        if road.parking[_index(side)] and rng.random() < 0.6:
            kerb, line = road.edge(side), road.lanes * road.lane
            for start in np.arange(float(road.s[0]), end, 5.6):
                if road.free(start, side, margin=3.0):
                    low, high = sorted((side * line, side * kerb))
                    meshes.append(_band(road, start, start + 0.1, low, high, z))
    for street in road.side_streets:
        if rng.random() < 0.7:
            for way in (-1, 1):
                crossing = street.s + way * (street.half_width + street.pavement * 0.6 + 1.5)
                for t in np.arange(-road.edge(-1) + 0.5, road.edge(1) - 0.6, 1.0):
                    meshes.append(_band(road, crossing - 1.3, crossing + 1.3, t, t + 0.5, z))
        for side in street.sides:
            t = side * (road.edge(side) + 0.6)
            meshes.append(_patch(road, street.s, (-street.half_width + 0.2, street.half_width - 0.2), (t, t + side * 0.35), z=z))
    return meshes


def _covers(rng: np.random.Generator, road: Road) -> tuple[tuple[Mesh, Surface], ...]:
    """Manhole covers and patches of newer asphalt."""
    metal = Surface(Material.DIFFUSE, np.array([0.10, 0.10, 0.11]))
    patch = Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.04, 0.10)))
    covers, patches = [], []
    for _ in range(int(rng.integers(2, 7))):
        x, y, heading = road.at(rng.uniform(-20.0, 60.0), rng.uniform(-road.edge(-1) + 0.6, road.edge(1) - 0.6))
        covers.append(shapes.transform(shapes.cylinder(0.32, 0.006, segments=12), shapes.pose(float(x), float(y), yaw=float(heading))))
    for _ in range(int(rng.integers(0, 6))):
        s, t = rng.uniform(-30.0, 90.0), rng.uniform(-road.edge(-1) + 1.0, road.edge(1) - 2.0)
        patches.append(_band(road, s, s + rng.uniform(1.0, 9.0), t, t + rng.uniform(0.6, 1.8), 0.005))
    return tuple((shapes.merge(group), surface) for group, surface in ((covers, metal), (patches, patch)) if group)


def _band(road: Road, start: float, end: float, t0: float, t1: float, z: float) -> Mesh:
    """The strip between two distances from the centre line, in columns of at most _CELL_M so that it can follow a relief."""
    t = _steps(min(t0, t1), max(t0, t1))
    return _sheet([road.line(start, end, float(at), z) for at in t], t)


def _patch(road: Road, s: float, ds: tuple[float, float], t: tuple[float, float], *, z: float) -> Mesh:
    """A rectangle in the straight frame of the junction at `s`: `ds` along the street, `t` across."""
    along, across = _steps(*ds), _steps(min(t), max(t))
    lines = [_local(road, s, np.stack([along, np.full_like(along, at)], axis=1), z=z) for at in across]
    return _sheet(lines, across)


def _steps(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, max(2, int(np.ceil((high - low) / _CELL_M - 1e-9)) + 1))


def _sheet(lines: list[np.ndarray], t: np.ndarray) -> Mesh:
    """One strip beside the other between polylines at distances `t` (n,), their texture continuous."""
    strips = []
    for right, left, at in zip(lines, lines[1:], t - t[0], strict=False):
        strip = shapes.ribbon(right, left)
        assert strip.uv is not None
        strips.append(replace(strip, uv=strip.uv + np.array([0.0, at])))
    return shapes.merge(strips)


def _local(road: Road, s: float, points: np.ndarray, *, z: float = 0.0) -> np.ndarray:
    """World points (n, 3) of (ds, t) pairs (n, 2) in the straight frame of the junction at `s`."""
    ones = np.ones((len(points), 1))
    return (np.concatenate([points, z * ones, ones], axis=1) @ road.place(s, 0.0).T)[:, :3]


def _wall(foot: np.ndarray, *, side: int) -> Mesh:
    """The kerb's upright face over the polyline `foot` (n, 3); it faces right of the line for side +1, left for -1."""
    top = foot + np.array([0.0, 0.0, KERB_M + 0.003])
    return shapes.ribbon(foot, top) if side > 0 else shapes.ribbon(top, foot)


def _index(side: int) -> int:
    return 0 if side < 0 else 1
