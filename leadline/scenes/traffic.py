"""Vehicles on the street: those that drive, each lane at its own pace, and those that are parked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.scenes import cycles, trajectory
from leadline.scenes.roads import SIDE_STREET_M, Road
from leadline.scenes.vehicles import BUILDS, Vehicle, make_bus, make_car, make_truck, repainted
from leadline.scenes.world import Thing

EGO_REACH_M = (-1.6, 4.2)
"""How far the own vehicle reaches behind and before the rig's origin."""
CAMERA_ROOM_M = 1.05
"""Vehicles keep so far from the seats of cameras on the own one."""
_EGO_ROW = np.array([[x, 0.0, 0.0, 1.0] for x in (-1.5, 0.5, 2.5, 4.0)])
_GAP_M = 3.0


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane of moving traffic: its place `t` [m], direction (+1 with us), and distance driven (frames,) [m]."""

    t: float
    way: int
    driven: np.ndarray


@dataclass(frozen=True, eq=False)
class Fleet:
    """The models that are on the road in one world: every car is one of them in a colour of its own."""

    cars: tuple[Vehicle, ...]
    truck: Vehicle
    bus: Vehicle
    cyclists: tuple[Vehicle, ...]

    def car(self, rng: np.random.Generator) -> Vehicle:
        """Any car."""
        return repainted(rng, self.cars[int(rng.choice(len(self.cars), p=[0.2, 0.15, 0.2, 0.15, 0.12, 0.1, 0.08]))])

    def any(self, rng: np.random.Generator) -> Vehicle:
        """Any car, truck or bus."""
        draw = rng.random()
        return repainted(rng, self.truck) if draw < 0.10 else repainted(rng, self.bus) if draw < 0.16 else self.car(rng)


def make_fleet(rng: np.random.Generator) -> Fleet:
    """Seven models of cars, one of each build at least, a truck and a bus."""
    kinds = ("hatchback", "hatchback", "saloon", "estate", "suv", "suv", "van")
    assert set(kinds) == set(BUILDS)
    return Fleet(
        tuple(make_car(rng, kind) for kind in kinds), make_truck(rng), make_bus(rng), tuple(cycles.make_cyclist(rng) for _ in range(2))
    )


def moving(rng: np.random.Generator, road: Road, fleet: Fleet, ego_s: np.ndarray, *, ego_lane: int) -> list[Thing]:
    """Traffic in every lane. In ours it keeps our pace, so that nobody comes close; elsewhere each lane has its own."""
    things = []
    for lane in range(road.lanes):
        for oncoming in (False, True):
            own = lane == ego_lane and not oncoming
            pace = 1.0 if own else float(rng.uniform(0.6, 1.25))
            way = -1 if oncoming else 1
            driven = way * pace * (ego_s - ego_s[0])
            stream = Lane(road.lane_t(lane, oncoming=oncoming), way, driven)
            things += _fill(
                rng, road, fleet, stream, density=float(rng.uniform(0.15, 0.8)), keep_clear=own, outermost=lane == road.lanes - 1
            )
    return things


def parked(rng: np.random.Generator, road: Road, fleet: Fleet, *, reach: tuple[float, float]) -> list[Thing]:
    """Cars along the kerbs between s = `reach`, and some in the side streets."""
    things = []
    for side in (-1, 1):
        strip = road.parking[0 if side < 0 else 1]
        share = rng.uniform(0.3, 0.85)
        with_traffic = road.lane_t(0) * side > 0
        s = reach[0] + rng.uniform(0.0, 4.0)
        while strip and s < reach[1]:
            if rng.random() < share:
                car = fleet.car(rng) if rng.random() < 0.93 else repainted(rng, fleet.truck)
                middle = s + car.length / 2
                if road.free(middle, side, margin=car.length / 2 + 2.5):
                    t = side * (road.edge(side) - car.width / 2 - rng.uniform(0.05, 0.25))
                    turn = (0.0 if with_traffic ^ (rng.random() < 0.1) else np.pi) + rng.uniform(-0.02, 0.02)
                    things.append(Thing(f"parked {car.kind}", car.parts, road.place(middle, t, turn=turn)))
                s += car.length
            else:
                s += rng.uniform(3.0, 8.0)
            s += rng.uniform(0.7, 1.6)
    for street in road.side_streets:
        for side in street.sides:
            t = road.outer(side) + rng.uniform(4.0, 14.0)
            while t < SIDE_STREET_M - 8.0 and rng.random() < 0.75:
                car = fleet.car(rng)
                way = float(rng.choice([-1.0, 1.0]))
                place = road.place(street.s, 0.0) @ _turned(
                    way * (street.half_width - car.width / 2 - 0.2), side * (t + car.length / 2), rng.choice([-1, 1])
                )
                things.append(Thing(f"parked {car.kind}", car.parts, place))
                t += car.length + rng.uniform(1.0, 12.0)
    return things


def _fill(
    rng: np.random.Generator, road: Road, fleet: Fleet, lane: Lane, *, density: float, keep_clear: bool, outermost: bool
) -> list[Thing]:
    """Vehicles in one lane that all drive `lane.driven`, so that they never meet; `keep_clear` leaves room for us."""
    things = []
    low, high = float(road.s[0]) + 8.0, float(road.s[-1]) - 8.0
    s = low + rng.uniform(0.0, 15.0)
    while s < high:
        cyclist = outermost and rng.random() < 0.14
        vehicle = fleet.cyclists[int(rng.integers(len(fleet.cyclists)))] if cyclist else fleet.any(rng)
        start, end = s, s + vehicle.length
        s = end + _GAP_M + rng.exponential(14.0 / density)
        if keep_clear and end > EGO_REACH_M[0] - 5.0 and start < EGO_REACH_M[1] + 5.0:
            continue
        path = (start + end) / 2 + lane.driven
        if path.min() < low or path.max() > high:
            continue
        # Cyclists keep to the outer side of the lane.
        t = lane.t + (np.sign(lane.t) * (road.lane / 2 - 0.6) if cyclist else 0.2 * (rng.random() - 0.5))
        x, y, heading = road.at(path, t)
        poses = trajectory.vehicle_poses(x, y, heading + (0.0 if lane.way > 0 else np.pi))
        things.append(Thing(f"moving {vehicle.kind}", vehicle.parts, poses))
    return things


def crossing(rng: np.random.Generator, road: Road, fleet: Fleet, others: Sequence[Thing], ego: np.ndarray, *, step_m: float) -> list[Thing]:
    """Traffic of the side streets: cars that come, go or cross while nobody whom they would meet is near.

    `others` are all other vehicles, `ego` (frames, 4, 4) are our poses, `step_m` what a fast car drives between frames.
    """
    things: list[Thing] = []
    for street in road.side_streets:
        for _ in range(int(rng.integers(3, 8))):
            car, way = (fleet.any(rng) if rng.random() < 0.9 else fleet.cyclists[0]), int(rng.choice([-1, 1]))
            low = -SIDE_STREET_M + 8.0 if -1 in street.sides else road.edge(-1) * -1.0
            high = SIDE_STREET_M - 8.0 if 1 in street.sides else road.edge(1)
            run = rng.uniform(low, high) + way * rng.uniform(0.35, 1.0) * step_m * np.arange(len(ego))
            right = -1.0 if road.drives_left else 1.0
            lane = right * way * street.half_width / 2
            # The frame of a junction has x along the main street: who drives along +y keeps to +x where one drives on the right.
            poses = np.stack([road.place(street.s, 0.0) @ _turned(lane, float(t), way) for t in run])
            thing = Thing(f"moving {car.kind}", car.parts, poses)
            stays = run.min() > low + car.length and run.max() < high - car.length
            if stays and _keeps_off(thing, [*others, *things], ego):
                things.append(thing)
    return things


def clear_of_cameras(things: Sequence[Thing], ego: np.ndarray) -> list[Thing]:
    """`things` without those that come within CAMERA_ROOM_M of where cameras sit on our vehicle at poses `ego` (frames, 4, 4)."""
    x, y = np.meshgrid(np.linspace(-0.2, 2.0, 5), [-0.6, 0.6])
    seats = np.stack([x.ravel(), y.ravel(), np.zeros(x.size), np.ones(x.size)], axis=1)
    eyes = np.einsum("fij,nj->fni", ego, seats)
    kept = []
    for thing in things:
        points = np.concatenate([mesh.vertices[:, :2] for mesh, _ in thing.parts])
        low, high = points.min(axis=0), points.max(axis=0)
        thing_from_world = np.linalg.inv(thing.poses if thing.poses.ndim == 3 else thing.poses[None])
        seen = np.einsum("fij,fnj->fni", np.broadcast_to(thing_from_world, (len(eyes), 4, 4)), eyes)[..., :2]
        apart = np.linalg.norm(np.maximum(np.maximum(low - seen, seen - high), 0.0), axis=-1)
        if apart.min() > CAMERA_ROOM_M:
            kept.append(thing)
    return kept


def _keeps_off(thing: Thing, others: Sequence[Thing], ego: np.ndarray) -> bool:
    """Whether `thing` never comes near `others` or our vehicle."""
    row = _row(thing)
    if np.linalg.norm(row[:, :, None] - (ego @ _EGO_ROW.T).swapaxes(1, 2)[:, None, :, :2], axis=-1).min() < 6.0:
        return False
    return all(np.linalg.norm(row[:, :, None] - _row(other)[:, None], axis=-1).min() > 2.6 for other in others)


def _row(thing: Thing) -> np.ndarray:
    """Points (frames or 1, n, 2) along the middle of a vehicle."""
    x = np.concatenate([mesh.vertices[:, 0] for mesh, _ in thing.parts])
    along = np.linspace(x.min(), x.max(), 8)
    points = np.stack([along, np.zeros(8), np.zeros(8), np.ones(8)], axis=1)
    return np.einsum("fij,nj->fni", thing.poses.reshape(-1, 4, 4), points)[..., :2]


def _turned(x: float, y: float, way: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[0.0, -way], [way, 0.0]]
    matrix[:2, 3] = x, y
    return matrix
