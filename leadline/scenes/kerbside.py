"""What stands, grows and walks along the kerbs: trees, lamps, signs, bicycles, poles with wires, people.

Everything is laid out on the level; `relief` puts it on the slope.
"""

import numpy as np

from leadline.scenes import cycles, roads, shapes, streetside, textures, trajectory
from leadline.scenes.roads import Road
from leadline.scenes.world import Surface, Thing
from leadline.types import Material


def make_leaves(rng: np.random.Generator) -> tuple[tuple[Surface, ...], Surface]:
    """Two kinds of leaves and one bark."""
    leaves = tuple(Surface(Material.DIFFUSE, textures.foliage(rng, 128), texture_m=1.5) for _ in range(2))
    return leaves, Surface(Material.DIFFUSE, textures.bark(rng, 128), texture_m=0.8)


def furniture(
    rng: np.random.Generator, road: Road, leaves: tuple[Surface, ...], bark: Surface, *, reach: tuple[float, float]
) -> list[Thing]:
    """Trees, lamps, signs, lights, bus stops and small things along the kerbs, none in another's place."""
    things = []
    for side in (-1, 1):
        taken: list[float] = []
        toward = 0.0 if side > 0 else np.pi

        def put(
            name: str,
            parts: streetside.Parts,
            s: float,
            *,
            inset: float,
            room: float,
            turn: float,
            side: int = side,
            taken: list[float] = taken,
        ) -> None:
            if road.free(s, side, margin=2.0) and road.open_sky(s, margin=3.5) and all(abs(s - other) > room for other in taken):
                things.append(Thing(name, parts, road.place(s, side * (road.edge(side) + inset), z=roads.KERB_M, turn=turn)))
                taken.append(s)

        if rng.random() < 0.35:
            put(
                "bus stop",
                streetside.make_bus_stop(rng),
                rng.uniform(*reach),
                inset=max(0.6, road.pavement[0 if side < 0 else 1] - 1.8),
                room=6.0,
                turn=toward,
            )
        for s in np.arange(reach[0] + rng.uniform(0.0, 20.0), reach[1], rng.uniform(22.0, 32.0)):
            put("lamp", streetside.make_lamp(rng), float(s), inset=0.45, room=3.0, turn=toward)
        for street in road.side_streets:
            for way in (-1, 1):
                s = street.s + way * (street.half_width + 2.2)
                lights = rng.random() < 0.4
                parts = streetside.make_traffic_light(rng) if lights else streetside.make_sign(rng)
                put("traffic light" if lights else "sign", parts, s, inset=0.5, room=1.0, turn=-way * np.pi / 2)
        for _ in range(int(rng.integers(1, 5))):
            put(
                "sign",
                streetside.make_sign(rng),
                rng.uniform(*reach),
                inset=0.4,
                room=2.0,
                turn=-np.pi / 2 if road.lane_t(0) * side > 0 else np.pi / 2,
            )
        for _ in range(int(rng.integers(1, 6))):
            put("street furniture", streetside.make_small(rng), rng.uniform(*reach), inset=0.7, room=3.0, turn=toward)
        for _ in range(int(rng.integers(0, 4))):
            rack = cycles.make_rack(rng) if rng.random() < 0.5 else cycles.make_bicycle(rng)
            # Racks stand across the pavement at its kerb, single bicycles along it.
            put("bicycles", rack, rng.uniform(*reach), inset=1.1, room=3.2, turn=rng.choice([toward, toward + np.pi / 2]))
        if rng.random() < 0.65:
            models = [streetside.make_tree(rng, leaves[i], bark) for i in (0, 0, 1)]
            for s in np.arange(reach[0] + rng.uniform(0.0, 9.0), reach[1], rng.uniform(8.0, 18.0)):
                if rng.random() < 0.85:
                    put("tree", models[int(rng.integers(3))], float(s), inset=0.8, room=2.5, turn=rng.uniform(0, 6.28))
    return things


def garden_trees(
    rng: np.random.Generator, road: Road, leaves: tuple[Surface, ...], bark: Surface, *, reach: tuple[float, float]
) -> list[Thing]:
    """Trees and bushes before, between and behind the houses."""
    models = [
        streetside.make_tree(rng, leaves[0], bark),
        streetside.make_tree(rng, leaves[1], bark),
        streetside.make_conifer(rng, leaves[0], bark),
    ]
    bushes = [streetside.make_bush(rng, leaves[int(i)]) for i in rng.integers(0, 2, 2)]
    things = []
    for _ in range(int(rng.integers(16, 34))):
        side, s, bush = int(rng.choice([-1, 1])), rng.uniform(*reach), rng.random() < 0.4
        front = road.front(side) - road.outer(side)
        inset = rng.uniform(1.2, front - 1.0) if front > 2.6 and rng.random() < 0.5 else front + rng.uniform(13.0, 24.0)
        if road.free(s, side, margin=12.0) and road.open_sky(s, margin=12.0):
            parts = bushes[int(rng.integers(2))] if bush else models[int(rng.integers(3))]
            things.append(
                Thing(
                    "bush" if bush else "tree",
                    parts,
                    road.place(s, side * (road.outer(side) + inset), z=roads.KERB_M, turn=rng.uniform(0, 6.28)),
                )
            )
    return things


def people(rng: np.random.Generator, road: Road, frames: int, *, reach: tuple[float, float]) -> list[Thing]:
    """People who walk along the pavements or stand there."""
    things = []
    for _ in range(int(rng.integers(4, 16))):
        side, start = int(rng.choice([-1, 1])), rng.uniform(reach[0], reach[1])
        way, pace = int(rng.choice([-1, 1])), float(rng.choice([0.0, 1.0], p=[0.25, 0.75]) * rng.uniform(0.09, 0.15))
        t = side * rng.uniform(road.edge(side) + 1.1, road.outer(side) - 0.25)
        parts = streetside.make_person(rng)
        x, y, heading = road.at(start + way * pace * np.arange(frames), t)
        poses = trajectory.vehicle_poses(x, y, heading + (0.0 if way > 0 else np.pi) + (rng.uniform(-3, 3) if pace == 0 else 0.0))
        poses[:, 2, 3] = roads.KERB_M
        things.append(Thing("person", parts, poses))
    return things


def poles(rng: np.random.Generator, road: Road, *, reach: tuple[float, float]) -> list[Thing]:
    """Wooden poles along one pavement with wires from one to the next."""
    side = int(rng.choice([-1, 1]))
    wood = Surface(Material.DIFFUSE, textures.bark(rng, 64), texture_m=0.8)
    wire = Surface(Material.DIFFUSE, np.full(3, 0.02))
    height, span = float(rng.uniform(7.5, 9.0)), float(rng.uniform(26.0, 34.0))
    s = np.arange(reach[0], reach[1], span) + rng.uniform(0.0, 8.0)
    s = s[[road.free(float(at), side, margin=2.0) and road.open_sky(float(at), margin=4.0) for at in s]]
    pole = shapes.merge(
        [
            shapes.frustum(0.15, 0.10, height, segments=8),
            shapes.boxes([(0.0, 0.0, height - z) for z in (0.4, 1.1)], (0.10, 1.8, 0.12)),
            shapes.transform(shapes.cylinder(0.2, 0.7, segments=8), shapes.pose(0.32, 0.0, height - 2.4)),
        ]
    )
    things = [Thing("pole", ((pole, wood),), road.place(float(at), side * (road.edge(side) + 0.55), z=roads.KERB_M)) for at in s]
    offsets = [(t, z) for z in (0.33, 1.03) for t in (-0.8, 0.8)]
    for i in range(len(s) - 1):
        if not road.open_sky(float(s[i] + s[i + 1]) / 2, margin=span / 2 + 2.0):
            continue
        lines = []
        for t, z in offsets:
            (x0, x1), (y0, y1), _ = road.at(s[i : i + 2], side * (road.edge(side) + 0.55) + t)
            line = np.linspace((x0, y0, height - z), (x1, y1, height - z), 13)
            line[:, 2] += roads.KERB_M - 0.5 * (1 - np.linspace(-1, 1, 13) ** 2)
            lines.append(shapes.rods(line[:-1], line[1:], 0.012, 0.012, sides=3))
        things.append(Thing("wires", ((shapes.merge(lines), wire),), np.eye(4)))
    return things
