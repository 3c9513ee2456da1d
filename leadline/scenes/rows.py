"""Rows of houses along a street and its side streets, the fences before them and the blocks behind."""

import numpy as np

from leadline.scenes import buildings, shapes
from leadline.scenes.buildings import Palette
from leadline.scenes.relief import Relief
from leadline.scenes.roads import SIDE_STREET_M, Road
from leadline.scenes.streetside import make_fence, make_hedge
from leadline.scenes.world import Surface, Thing


def houses(rng: np.random.Generator, road: Road, palette: Palette, *, urban: bool, reach: tuple[float, float]) -> list[Thing]:
    """Houses, gaps and empty lots between s = `reach` on both sides, then those of the side streets."""
    things = []
    for side in (-1, 1):
        tall = int(rng.integers(2, 6)) if urban else int(rng.integers(1, 3))
        for start, end in road.stretches(side, margin=max((street.pavement for street in road.side_streets), default=0.0) + 0.3):
            s, end = max(start, reach[0]), min(end, reach[1])
            while end - s > 6.0:
                width = min(float(rng.uniform(9.0, 17.0) if urban else rng.uniform(8.0, 13.0)), end - s)
                if rng.random() > (0.06 if urban else 0.14) and road.buildable(s, s + width):
                    low, high = (s, s + width) if side > 0 else (s + width, s)
                    things.append(_house(rng, palette, _frontage(road, low, high, side), width=width, tall=tall, urban=urban))
                s += width + (float(rng.choice([0.0, 2.5, 5.0], p=[0.75, 0.15, 0.1])) if urban else float(rng.uniform(2.0, 8.0)))
    for street in road.side_streets:
        for side in street.sides:
            for way in (-1, 1):
                back = street.half_width + street.pavement + rng.uniform(0.2, 1.0 if urban else 5.0)
                t = road.front(side) + 14.0
                while t < SIDE_STREET_M - 8.0:
                    width = float(rng.uniform(8.0, 14.0))
                    ends = sorted((side * t, side * (t + width)))
                    frame = road.place(street.s, 0.0) @ shapes.pose(way * back, ends[1] if way > 0 else ends[0], yaw=-way * np.pi / 2)
                    things.append(_house(rng, palette, frame, width=width, tall=int(rng.integers(1, 5)) if urban else 1, urban=urban))
                    t += width + float(rng.choice([0.0, 4.0]))
    return things


def far_blocks(rng: np.random.Generator, road: Road, relief: Relief) -> Thing:
    """What closes the view: blocks across both ends and at the ends of side streets, others behind the houses."""
    width, poses = 15.0, []
    start, end = float(road.s[0]), float(road.s[-1])
    for t in np.arange(-52.0, 45.0, width):
        poses.append(road.place(end, t + width, turn=-np.pi / 2) @ shapes.pose(0, rng.uniform(2.0, 14.0)))
        poses.append(road.place(start, t, turn=np.pi / 2) @ shapes.pose(0, rng.uniform(2.0, 14.0)))
    for street in road.side_streets:
        for side in street.sides:
            for ds in (-22.0, -7.5, 7.0):
                turn = 0.0 if side > 0 else np.pi
                poses.append(road.place(street.s, 0.0) @ shapes.pose(ds if side > 0 else -ds, side * (SIDE_STREET_M + 3.0), yaw=turn))
    for side in (-1, 1):
        for s in np.arange(start, end, 19.0):
            blocked = not road.free(float(s), side, margin=24.0)
            if rng.random() < 0.55 and not blocked and road.open_sky(float(s), margin=8.0):
                poses.append(road.place(float(s), side * (road.front(side) + rng.uniform(24.0, 40.0)), turn=0.0 if side > 0 else np.pi))
    for pose in poses:
        pose[2, 3] = float(relief.height(pose[0, 3], pose[1, 3]))
    return buildings.backdrop(rng, poses, width=width)


def front_gardens(rng: np.random.Generator, road: Road, leaves: tuple[Surface, ...], *, reach: tuple[float, float]) -> list[Thing]:
    """Hedges and fences at the back of the pavements, with openings to the doors."""
    things = []
    for side in (-1, 1):
        for start, end in road.stretches(side, margin=4.0):
            s, end = max(start, reach[0]), min(end, reach[1])
            while end - s > 3.0:
                length = float(min(rng.uniform(4.0, 11.0), end - s))
                if rng.random() < 0.7 and road.buildable(s, s + length):
                    t = side * (road.outer(side) + 0.5)
                    frame = _chord(road, s, s + length, t)
                    hedge = rng.random() < 0.5
                    parts = (
                        make_hedge(rng, leaves[int(rng.integers(len(leaves)))], length=length) if hedge else make_fence(rng, length=length)
                    )
                    things.append(Thing("hedge" if hedge else "fence", parts, frame))
                s += length + rng.uniform(1.2, 4.0)
    return things


def _house(rng: np.random.Generator, palette: Palette, frame: np.ndarray, *, width: float, tall: int, urban: bool) -> Thing:
    depth = float(rng.uniform(9.0, 12.0))
    if not urban and rng.random() < 0.07 and width > 9.0:
        return Thing("shed", buildings.make_shed(rng, width=width, depth=depth), frame)
    floors = max(1, tall + int(rng.integers(-1, 2)))
    shop = urban and rng.random() < 0.5
    gabled = rng.random() < (0.25 if urban else 0.85)
    return Thing("house", buildings.make_house(rng, palette, width=width, depth=depth, floors=floors, shop=shop, gabled=gabled), frame)


def _frontage(road: Road, low: float, high: float, side: int) -> np.ndarray:
    """The frame of a house whose front runs from s = `low` to `high` at the house line of `side`."""
    return _chord(road, low, high, side * road.front(side))


def _chord(road: Road, start: float, end: float, t: float) -> np.ndarray:
    x, y, _ = road.at(np.array([start, end]), t)
    return shapes.pose(float(x[0]), float(y[0]), yaw=float(np.arctan2(y[1] - y[0], x[1] - x[0])))
