"""The family `yard`, zero-shot: gardens and backyards full of fences, branches and things that lean, under the sky.

Nothing is trained or tuned on it. Scales of 2 to 40 m: pales, laths, wires, twigs, spokes, rungs, cars, facades.

Convention: the camera walks near the origin and looks towards +y; the plot reaches from x = -`half` to `half`, y = -6 to `back`.
"""

from dataclasses import dataclass, field

import numpy as np

from leadline.geometry.camera import Camera
from leadline.scenes import bicycles, buildings, fences, garden, greenery, shapes, sky, streetside, textures, vehicles
from leadline.scenes.furniture import Parts, Piece
from leadline.scenes.spread import Spread
from leadline.scenes.stroll import Loop, steps_along
from leadline.scenes.trajectory import handheld, wander
from leadline.scenes.world import Shot, Surface, Thing, World
from leadline.types import Material

FAMILY = "yard"
FRAME_S = 0.2
"""Time between frames [s]."""
CLEARANCE_M = 1.2
"""Least distance of the camera from things."""
DEPTH_RANGE_M = 60.0
_SEEN_THROUGH = ("pickets", "slats", "lattice", "rails", "panels", "mesh", "iron")
_HOUSE_DEPTH_M = 8.0


@dataclass
class _Plot:
    """A yard while it is filled: its size [m], what is taken of the ground, and where things can lean."""

    half: float
    back: float
    ground: Spread = field(default_factory=Spread)
    things: list[Thing] = field(default_factory=list)
    fronts: list[tuple[np.ndarray, float, float]] = field(default_factory=list)
    """Upright faces: pose whose -y is before it, usable width, height [m]."""

    def put(self, name: str, parts: Parts | tuple, pose: np.ndarray) -> None:
        self.things.append(Thing(name, tuple(parts), pose))


def make_world(seed: int, *, frames: int, height: int, width: int) -> World:
    """One yard and `frames` shots of `height` x `width` across it; the same for the same arguments."""
    rng = np.random.default_rng([3, seed])
    camera = Camera.from_fov(float(rng.uniform(58.0, 75.0)), width=width, height=height, name="cam")
    plot = _Plot(half=float(rng.uniform(5.5, 9.0)), back=float(rng.uniform(8.5, 14.0)))
    loop = Loop(
        np.zeros(2),
        float(rng.uniform(0.4, 0.9)),
        float(rng.uniform(0.07, 0.15)),
        float(rng.uniform(-0.2, 0.2)),
        float(rng.uniform(1.35, 1.7)),
    )
    plot.ground.taken += [(x, y, CLEARANCE_M + 0.2) for x in np.linspace(-loop.half, loop.half, 5) for y in (-0.15, 0.15)]
    leaves = tuple(Surface(Material.DIFFUSE, textures.foliage(rng, 128), texture_m=1.5) for _ in range(2))
    bark = Surface(Material.DIFFUSE, textures.bark(rng, 128), texture_m=0.8)
    _ground(rng, plot)
    _houses(rng, plot)
    _borders(rng, plot, leaves)
    _shed(rng, plot)
    _furnish(rng, plot, leaves)
    _lean(rng, plot)
    _plants(rng, plot, leaves, bark)
    day = sky.daylight(rng, overcast=bool(rng.random() < 0.35))
    poses = _across(rng, loop, frames)
    shots = tuple(Shot(i, camera, np.linalg.inv(pose), FRAME_S * i) for i, pose in enumerate(poses))
    return World(FAMILY, seed, tuple(plot.things), day.lights, day.sky, shots, depth_range_m=DEPTH_RANGE_M)


def _across(rng: np.random.Generator, loop: Loop, frames: int) -> np.ndarray:
    """Poses world_from_cam (frames, 4, 4) to and fro along `loop`, looking across the yard."""
    ground = steps_along(rng, loop, frames)
    heading = np.pi / 2 + rng.uniform(-0.3, 0.3) + np.radians(8.0) * wander(rng, frames, period=max(40.0, frames))
    tilt = np.radians(rng.uniform(-9.0, -3.0) + 2.0 * wander(rng, frames, period=25.0))
    positions = np.column_stack([ground, loop.eye + 0.05 * wander(rng, frames, period=30.0)])
    gaze = np.stack([np.cos(heading) * np.cos(tilt), np.sin(heading) * np.cos(tilt), np.sin(tilt)], axis=1)
    return handheld(rng, positions=positions, targets=positions + 5.0 * gaze)


def _ground(rng: np.random.Generator, plot: _Plot) -> None:
    """Lawn or gravel all around, a drive or a path across it."""
    lawn = Surface(Material.DIFFUSE, textures.grass(rng), texture_m=3.0)
    plot.put("ground", [(shapes.plane(160.0, 160.0), lawn)], np.eye(4))
    make, tile_m = ((textures.paving, 2.4), (textures.cobbles, 1.5), (textures.asphalt, 6.0), (textures.concrete, 4.0))[
        int(rng.integers(4))
    ]
    stone = Surface(Material.DIFFUSE, make(rng), texture_m=tile_m)
    wide, x = float(rng.uniform(1.2, 3.4)), float(rng.uniform(-0.6, 0.6)) * plot.half
    slabs = [shapes.box((wide, plot.back + 8.0, 0.03), center=(x, plot.back / 2 - 3.0, 0.0))]
    if rng.random() < 0.6:
        slabs.append(
            shapes.box(
                (plot.half * 1.2, float(rng.uniform(1.5, 3.5)), 0.026),
                center=(rng.uniform(-0.3, 0.3) * plot.half, rng.uniform(3.0, 7.0), 0.0),
            )
        )
    plot.put("paving", [(shapes.merge(slabs), stone)], np.eye(4))


def _houses(rng: np.random.Generator, plot: _Plot) -> None:
    """The house of the yard on one side of it, and those of the neighbours behind."""
    palette = buildings.make_palette(rng, size=128)
    side = str(rng.choice(["back", "left", "right", "none"], p=[0.35, 0.25, 0.25, 0.15]))
    wide = float(rng.uniform(7.5, 10.5))

    def house(width: float) -> Parts:
        floors = int(rng.integers(1, 3))
        return list(
            buildings.make_house(
                rng, palette, width=width, depth=_HOUSE_DEPTH_M, floors=floors, shop=False, gabled=bool(rng.random() < 0.75)
            )
        )

    x, y = float(rng.uniform(-0.4, 0.4)) * plot.half, float(rng.uniform(2.5, 4.5))
    poses = {
        "back": shapes.pose(x - wide / 2, plot.back),
        "left": shapes.pose(-plot.half, y, yaw=np.pi / 2),
        "right": shapes.pose(plot.half, y + wide, yaw=-np.pi / 2),
    }
    if side in poses:
        pose = poses[side]
        plot.put("house", house(wide), pose)
        plot.fronts.append((pose @ shapes.pose(wide / 2), wide, 2.8))
        middle = pose @ shapes.pose(wide / 2, _HOUSE_DEPTH_M / 2)
        plot.ground.occupy(middle, (wide + 0.4, _HOUSE_DEPTH_M))
        # Before its door and windows, so that steps and sills stay free.
        plot.ground.occupy(pose @ shapes.pose(wide / 2, -0.45), (wide, 0.9))
    y = plot.back + (_HOUSE_DEPTH_M + 4.0 if side == "back" else float(rng.uniform(5.0, 12.0)))
    x = float(rng.uniform(-26.0, -20.0))
    while x < 24.0:
        width = float(rng.uniform(7.0, 12.0))
        plot.put("house", house(width), shapes.pose(x, y + float(rng.uniform(0.0, 4.0)), yaw=float(rng.uniform(-0.06, 0.06))))
        x += width + float(rng.uniform(2.0, 7.0))


def _borders(rng: np.random.Generator, plot: _Plot, leaves: tuple[Surface, ...]) -> None:
    """Fences around the plot, each side its own kind, and sometimes one before the camera."""
    kinds = rng.permutation(fences.KINDS)
    lines = [
        (shapes.pose(-plot.half, plot.back), 2 * plot.half, str(kinds[0])),
        (shapes.pose(-plot.half, -6.0, yaw=np.pi / 2), plot.back + 6.0, str(kinds[1])),
        (shapes.pose(plot.half, plot.back, yaw=-np.pi / 2), plot.back + 6.0, str(kinds[2])),
    ]
    if rng.random() < 0.35:
        near = [kind for kind in _SEEN_THROUGH if kind not in kinds[:3]]
        y, reach = float(rng.uniform(1.75, 2.5)), float(rng.uniform(3.0, 5.0))
        lines.append(
            (
                shapes.pose(-reach if rng.random() < 0.5 else -2.0 * reach + 2.0, y, yaw=float(rng.uniform(-0.08, 0.08))),
                2 * reach,
                near[int(rng.integers(len(near)))],
            )
        )
    for pose, length, kind in lines:
        for start, end in _free_runs(plot, pose, length):
            parts = fences.fence(rng, kind, leaves[0], length=end - start)
            here = pose @ shapes.pose(start)
            plot.put("hedge" if kind == "hedge" else "fence", parts, here)
            plot.ground.occupy(here @ shapes.pose((end - start) / 2), (end - start, 0.5))
            if kind in ("boards", "slats", "wall", "panels", "iron"):
                plot.fronts.append((here @ shapes.pose((end - start) / 2, -0.1), end - start, 1.0))


def _free_runs(plot: _Plot, pose: np.ndarray, length: float) -> list[tuple[float, float]]:
    """Stretches of a line along x of `pose` that meet nothing large, at least 1 m long."""
    at = np.arange(0.0, length + 0.01, 0.25)
    points = (pose @ np.stack([at, np.zeros_like(at), np.zeros_like(at), np.ones_like(at)]))[:2].T
    free = np.ones(len(at), dtype=bool)
    for thing in plot.things:
        if thing.name != "house":
            continue
        corners = np.concatenate([mesh.vertices for mesh, _ in thing.parts]) @ thing.poses[:3, :3].T + thing.poses[:3, 3]
        low, high = corners[:, :2].min(axis=0) - 0.05, corners[:, :2].max(axis=0) + 0.05
        free &= ~((points > low) & (points < high)).all(axis=1)
    runs, start = [], None
    for i, is_free in enumerate([*free, False]):
        if is_free and start is None:
            start = at[i]
        elif not is_free and start is not None:
            if at[i - 1] - start >= 1.0:
                runs.append((float(start), float(at[i - 1])))
            start = None
    return runs


def _shed(rng: np.random.Generator, plot: _Plot) -> None:
    if rng.random() < 0.7:
        piece = garden.shed(rng)
        area = (-plot.half + 1.6, max(5.0, plot.back - 4.0), plot.half - 1.6, plot.back - 1.6)
        pose = plot.ground.find(rng, piece.size[:2], area, gap=0.1, yaw=(-0.5, 0.5), inside=False)
        if pose is not None:
            plot.put(piece.name, piece.parts, pose)
            plot.fronts.append((pose @ shapes.pose(y=-piece.size[1] / 2 + 0.13), piece.size[0] - 0.4, 1.9))


def _furnish(rng: np.random.Generator, plot: _Plot, leaves: tuple[Surface, ...]) -> None:
    """Cars, a washing line and what stands free."""
    front, far = (-plot.half + 0.6, 2.2, plot.half - 0.6, plot.back - 0.6), (-plot.half + 1.2, 5.0, plot.half - 1.2, plot.back - 1.2)
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        car = vehicles.make_car(rng)
        yaw = float(rng.choice([0.0, np.pi / 2, np.pi, -np.pi / 2])) + float(rng.uniform(-0.2, 0.2))
        pose = plot.ground.find(rng, (car.length, car.width), far, gap=0.3, yaw=(yaw, yaw + 1e-9), inside=False)
        if pose is not None:
            plot.put("car", car.parts, pose @ shapes.pose(z=0.016))
    pieces: list[Piece] = []
    if rng.random() < 0.55:
        pieces.append(garden.washing_line(rng, length=float(rng.uniform(3.0, 5.0))))
    pieces += [garden.garden_chair(rng) for _ in range(int(rng.integers(0, 4)))]
    pieces += [garden.wheelie_bin(rng) for _ in range(int(rng.integers(0, 4)))]
    pieces += [garden.flower_pots(rng, leaves[1]) for _ in range(int(rng.integers(1, 4)))]
    pieces += [garden.log_pile(rng)] if rng.random() < 0.4 else []
    pieces += [garden.wheelbarrow(rng)] if rng.random() < 0.4 else []
    for piece in pieces:
        turn = (-0.6, 0.6) if piece.name in ("washing line", "logs", "flower pots", "bin") else (-np.pi, np.pi)
        pose = plot.ground.find(rng, piece.size[:2], front, gap=0.08, yaw=turn, inside=False)
        if pose is not None:
            plot.put(piece.name, piece.parts, pose @ shapes.pose(z=0.016))
    for _ in range(int(rng.integers(0, 3))):
        # On its stand, so nearly upright.
        pose = plot.ground.find(rng, (bicycles.LENGTH_M, 0.64), front, gap=0.05, inside=False)
        if pose is not None:
            plot.put("bicycle", bicycles.leaning(bicycles.bicycle(rng), angle_rad=0.06), pose @ shapes.pose(z=0.016))


def _lean(rng: np.random.Generator, plot: _Plot) -> None:
    """Ladders, bicycles and tools against walls, fences and sheds."""
    for pose, wide, high in plot.fronts:
        for _ in range(2 if wide > 4.0 else 1):
            kind = int(rng.integers(3))
            lean = float(rng.uniform(0.2, 0.3))
            if kind == 0 and high > 1.5:
                length = float(rng.uniform(1.0, 1.25)) * high
                piece, out = garden.ladder(rng, length=length, lean=lean), high * np.tan(lean) + 0.08
            elif kind == 1:
                tipped = 0.13
                out = bicycles.HANDLEBAR_M / 2 + 1.05 * np.sin(tipped) + 0.04
                piece = Piece("bicycle", list(bicycles.leaning(bicycles.bicycle(rng), angle_rad=tipped)), (bicycles.LENGTH_M, 0.5, 1.1))
            else:
                piece, out = garden.tools(rng), 0.32
            spare = wide / 2 - piece.size[0] / 2
            if spare <= 0:
                continue
            place = pose @ shapes.pose(float(rng.uniform(-spare, spare)), -out)
            # What leans reaches over the ground that its wall has taken: only its foot is asked for, and only loosely.
            if plot.ground.take(place @ shapes.pose(y=-0.1), (piece.size[0], 0.2), gap=-0.35):
                plot.put(piece.name, piece.parts, place @ shapes.pose(z=0.016))


def _plants(rng: np.random.Generator, plot: _Plot, leaves: tuple[Surface, ...], bark: Surface) -> None:
    """Trees bare and in leaf, shrubs, bushes, long grass."""
    inside = (-plot.half + 0.8, 2.2, plot.half - 0.8, plot.back - 0.8)
    for _ in range(int(rng.integers(1, 4))):
        pose = plot.ground.find(rng, (0.5, 0.5), inside, gap=0.3)
        if pose is not None:
            dressed = leaves[int(rng.integers(2))] if rng.random() < 0.5 else None
            plot.put("tree", greenery.bare_tree(rng, bark, dressed, height=float(rng.uniform(3.0, 6.0))), pose)
    for _ in range(int(rng.integers(2, 6))):
        pose = plot.ground.find(rng, (0.9, 0.9), inside, gap=0.0)
        if pose is not None:
            dressed = leaves[int(rng.integers(2))] if rng.random() < 0.6 else None
            plot.put("shrub", greenery.shrub(rng, bark, dressed, height=float(rng.uniform(0.8, 1.7))), pose)
    for _ in range(int(rng.integers(0, 3))):
        pose = plot.ground.find(rng, (1.3, 1.3), (inside[0], 4.5, *inside[2:]), gap=0.0)
        if pose is not None:
            plot.put("bush", streetside.make_bush(rng, leaves[int(rng.integers(2))]), pose)
    for _ in range(int(rng.integers(2, 6))):
        beyond = (-18.0, plot.back + 1.5, 18.0, plot.back + 6.0)
        pose = plot.ground.find(rng, (2.0, 2.0), beyond, gap=0.5)
        if pose is not None:
            make = streetside.make_conifer if rng.random() < 0.3 else streetside.make_tree
            plot.put("tree", make(rng, leaves[int(rng.integers(2))], bark), pose)
    x, y = rng.uniform(-plot.half, plot.half, 420), rng.uniform(1.5, plot.back, 420)
    near = rng.random(420) < np.where((plot.half - np.abs(x) < 0.7) | (plot.back - y < 0.7), 0.9, 0.25)
    points = np.stack([x, y, np.zeros(420)], axis=1)[near]
    green = Surface(Material.DIFFUSE, np.array([0.07, 0.13, 0.03]) * rng.uniform(0.7, 1.4))
    plot.put("long grass", [(greenery.tufts(rng, points, height=float(rng.uniform(0.1, 0.35))), green)], np.eye(4))
