"""The family `streets`: a car with a rig of cameras drives along a street among houses, traffic, trees and people.

Every kind of thing draws from a random stream of its own, so that a change to one leaves the others as they were.
"""

import zlib
from dataclasses import replace

import numpy as np

from leadline.geometry.camera import Camera, crop_K, scale_K
from leadline.geometry.rig import Rig
from leadline.scenes import buildings, roads, rows, sky, streetside, textures, traffic, trajectory
from leadline.scenes.roads import Road
from leadline.scenes.world import Shot, Surface, Thing, World
from leadline.types import Material

FRAME_S = 0.1
"""Time between frames [s]: 10 Hz, so that 0.5 to 1.2 m per frame are 18 to 43 km/h."""


def make_world(seed: int, *, frames: int, height: int, width: int, rig: Rig) -> World:
    """The street of `seed`, seen in every frame by all cameras of `rig` as images of `height` x `width`.

    Cameras of another aspect are cropped at their centre (see `fitted`). The rig's origin moves along its lane on the ground.
    """
    mood = _stream(seed, "mood")
    urban, overcast, wet = mood.random() < 0.55, mood.random() < 0.45, mood.random() < 0.25
    # Outer lanes of a bend are up to 6 % longer or shorter than the centre line that this is measured on.
    driven = trajectory.drive(_stream(seed, "drive"), frames, slowest_m=0.55, fastest_m=1.12)
    road = roads.make_road(_stream(seed, "road"), travel=float(driven[-1]), urban=urban)
    ego_lane = int(_stream(seed, "lane").integers(road.lanes))
    world_from_rig = _ego_poses(_stream(seed, "ego"), road, driven, ego_lane)
    reach = (-65.0, float(driven[-1]) + 105.0)
    near = (-45.0, float(driven[-1]) + 75.0)
    palette = buildings.make_palette(_stream(seed, "palette"))
    fleet = traffic.make_fleet(_stream(seed, "fleet"))
    leaves, bark = _leaves(_stream(seed, "leaves"))
    things = [
        *roads.ground(_stream(seed, "ground"), road, wet=wet, urban=urban),
        rows.far_blocks(_stream(seed, "far"), road),
        *rows.houses(_stream(seed, "houses"), road, palette, urban=urban, reach=reach),
        *traffic.moving(_stream(seed, "moving"), road, fleet, driven, ego_lane=ego_lane),
        *traffic.parked(_stream(seed, "parked"), road, fleet, reach=near),
        *_furniture(_stream(seed, "furniture"), road, leaves, bark, reach=near),
        *_people(_stream(seed, "people"), road, frames, reach=near),
    ]
    if not urban:
        things += rows.front_gardens(_stream(seed, "gardens"), road, leaves, reach=near)
        things += _garden_trees(_stream(seed, "garden trees"), road, leaves, bark, reach=reach)
    day = sky.daylight(_stream(seed, "sky"), overcast=overcast or wet)
    cameras = Rig(tuple(fitted(camera, height=height, width=width) for camera in rig.cameras), lidar=rig.lidar)
    return World(
        family="streets",
        seed=seed,
        things=tuple(things),
        lights=day.lights,
        sky=day.sky,
        shots=rig_shots(cameras, world_from_rig),
        rig=cameras,
        world_from_rig=world_from_rig,
    )


def fitted(camera: Camera, *, height: int, width: int) -> Camera:
    """`camera` scaled evenly to cover `height` x `width`, what is over cut away equally on both sides: pixels keep their aspect."""
    scale = max(width / camera.width, height / camera.height)
    K = scale_K(camera.K, sx=scale, sy=scale)
    K = crop_K(K, top=(camera.height * scale - height) / 2, left=(camera.width * scale - width) / 2)
    return replace(camera, K=K, height=height, width=width, mask_path=None)


def rig_shots(rig: Rig, world_from_rig: np.ndarray) -> tuple[Shot, ...]:
    """One shot per frame and camera, frame by frame in ring order."""
    shots = []
    for frame, pose in enumerate(world_from_rig):
        for camera in rig.cameras:
            assert camera.rig_from_cam is not None  # a Rig has derived its ring order from it
            shots.append(Shot(frame, camera, np.linalg.inv(pose @ camera.rig_from_cam), time_s=frame * FRAME_S))
    return tuple(shots)


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _ego_poses(rng: np.random.Generator, road: Road, driven: np.ndarray, lane: int) -> np.ndarray:
    """world_from_rig (frames, 4, 4): along the lane, drifting a little in it, nodding and rolling on its springs."""
    num = len(driven)
    drift = 0.2 * trajectory.wander(rng, num, period=80.0)
    x, y, heading = road.at(driven, road.lane_t(lane) + drift)
    nod, roll = (0.004 * trajectory.wander(rng, num, period=15.0) for _ in range(2))
    return trajectory.vehicle_poses(x, y, heading + 0.01 * trajectory.wander(rng, num, period=80.0), pitch=nod, roll=roll)


def _leaves(rng: np.random.Generator) -> tuple[tuple[Surface, ...], Surface]:
    leaves = tuple(Surface(Material.DIFFUSE, textures.foliage(rng, 128), texture_m=1.5) for _ in range(2))
    return leaves, Surface(Material.DIFFUSE, textures.bark(rng, 128), texture_m=0.8)


def _furniture(
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
            if road.free(s, side, margin=2.0) and all(abs(s - other) > room for other in taken):
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
        if rng.random() < 0.65:
            models = [streetside.make_tree(rng, leaves[i], bark) for i in (0, 0, 1)]
            for s in np.arange(reach[0] + rng.uniform(0.0, 9.0), reach[1], rng.uniform(8.0, 18.0)):
                if rng.random() < 0.85:
                    put("tree", models[int(rng.integers(3))], float(s), inset=0.8, room=2.5, turn=rng.uniform(0, 6.28))
    return things


def _garden_trees(
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
        if road.free(s, side, margin=12.0):
            parts = bushes[int(rng.integers(2))] if bush else models[int(rng.integers(3))]
            things.append(
                Thing(
                    "bush" if bush else "tree",
                    parts,
                    road.place(s, side * (road.outer(side) + inset), z=roads.KERB_M, turn=rng.uniform(0, 6.28)),
                )
            )
    return things


def _people(rng: np.random.Generator, road: Road, frames: int, *, reach: tuple[float, float]) -> list[Thing]:
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
