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


def make_world(seed: int, *, frames: int, height: int, width: int) -> World:
    """One furnished room and `frames` shots of `height` x `width` through it; the same for the same arguments."""
    rng = np.random.default_rng([1, seed])
    kind = furnish.KINDS[int(rng.integers(len(furnish.KINDS)))]
    palette = interior.make_palette(rng)
    camera = Camera.from_fov(float(rng.uniform(55.0, 75.0)), width=width, height=height, name="cam")
    plan, stroll = _room_with_a_way(rng, palette, kind, camera)
    poses = walk(rng, stroll, frames)
    shots = tuple(Shot(i, camera, np.linalg.inv(pose), FRAME_S * i) for i, pose in enumerate(poses))
    return World(FAMILY, seed, tuple(plan.things), (), None, shots, depth_range_m=30.0)


def _room_with_a_way(rng: np.random.Generator, palette: interior.Palette, kind: str, camera: Camera) -> tuple[Plan, Stroll]:
    """A furnished room in which a camera can move, and where; crowded rooms are furnished anew, with less."""
    low, high = (3.0, 4.0) if kind == "bathroom" else (4.0, 6.5)
    for crowd in (1.0, 1.0, 0.8, 0.6, 0.4, 0.0):
        plan = Plan(float(rng.uniform(low, high)), float(rng.uniform(low, high)), float(rng.uniform(2.4, 3.0)))
        shell.walls(rng, plan, wet=kind in ("bathroom", "kitchen"))
        shell.door(rng, plan, palette)
        shell.windows(rng, plan, palette)
        furnish.furnish(rng, plan, palette, kind, crowd=crowd)
        shell.lamps(rng, plan)
        stroll = find_stroll(rng, plan, camera)
        if stroll is not None:
            return plan, stroll
    raise RuntimeError(f"no way through an empty {kind}")
