"""The family `rooms`: closed rooms with furniture, daylight, mirrors, glass and polished floors, seen by a hand-held camera."""

import numpy as np

from leadline.geometry.camera import Camera
from leadline.scenes import furnish, interior, shell
from leadline.scenes.floorplan import Plan
from leadline.scenes.stroll import Stroll, find_stroll, walk
from leadline.scenes.world import Shot, World

FAMILY = "rooms"
FRAME_S = 0.2
"""Time between frames [s]."""
KINDS = tuple(furnish.KINDS)
_PLAIN = 0.12
"""Probability of a room in which there is nothing to be fooled by."""
_WET = ("bathroom", "kitchen")
_SIZES_M = {  # of the shorter and of the longer side, and the height
    "bathroom": ((2.7, 3.4), (3.0, 4.2), (2.4, 2.7)),
    "corridor": ((2.2, 3.0), (6.0, 11.0), (2.4, 2.9)),
    "office": ((5.0, 7.0), (6.0, 9.5), (2.6, 3.2)),
    "shop": ((5.0, 7.0), (6.0, 9.0), (2.7, 3.4)),
}
_HOME_M = ((3.6, 5.5), (4.2, 6.8), (2.4, 3.0))


def kind_of(seed: int) -> str:
    """Which of KINDS the room with that seed is."""
    return _kind(np.random.default_rng([1, seed]))


def make_world(seed: int, *, frames: int, height: int, width: int) -> World:
    """One furnished room and `frames` shots of `height` x `width` through it; the same for the same arguments."""
    rng = np.random.default_rng([1, seed])
    kind = _kind(rng)
    plain = bool(rng.random() < _PLAIN)
    palette = interior.make_palette(rng)
    camera = Camera.from_fov(float(rng.uniform(55.0, 75.0)), width=width, height=height, name="cam")
    plan, stroll = _room_with_a_way(rng, palette, kind, camera, plain=plain)
    poses = walk(rng, stroll, frames)
    shots = tuple(Shot(i, camera, np.linalg.inv(pose), FRAME_S * i) for i, pose in enumerate(poses))
    return World(FAMILY, seed, tuple(plan.things), (), None, shots, depth_range_m=30.0)


def _kind(rng: np.random.Generator) -> str:
    return KINDS[int(rng.integers(len(KINDS)))]


def _room_with_a_way(rng: np.random.Generator, palette: interior.Palette, kind: str, camera: Camera, *, plain: bool) -> tuple[Plan, Stroll]:
    """A furnished room in which a camera can move, and where; crowded rooms are furnished anew, with less."""
    for crowd in (1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.0):
        sides = [float(rng.uniform(*reach)) for reach in _SIZES_M.get(kind, _HOME_M)]
        (width, depth), height = rng.permutation(sides[:2]), sides[2]
        plan = Plan(float(width), float(depth), height)
        shell.walls(rng, plan, wet=kind in _WET, polished=0.0 if plain else 0.8)
        if kind not in ("corridor", "shop"):  # those have doors of their own
            shell.door(rng, plan, palette)
        if kind != "corridor":
            shell.windows(rng, plan, palette)
        furnish.furnish(rng, plan, palette, kind, plain=plain, crowd=crowd)
        stroll = find_stroll(rng, plan, camera)
        if stroll is not None:
            return plan, stroll
    raise RuntimeError(f"no way through an empty {kind}")
