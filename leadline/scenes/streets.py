"""The family `streets`: a car with a rig of cameras drives along a street among houses, traffic, trees and people.

Every kind of thing draws from a random stream of its own, so that a change to one leaves the others as they were.
"""

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from leadline.geometry.camera import Camera, crop_K, scale_K
from leadline.geometry.rig import Rig
from leadline.scenes import bridges, buildings, ego, kerbside, lit, roads, rows, sky, traffic, trajectory
from leadline.scenes.haze import make_haze
from leadline.scenes.relief import Relief, make_relief
from leadline.scenes.roads import Road
from leadline.scenes.world import Light, Shot, Thing, World

_DUSKY = 0.4
"""Brightness of pictures at dusk, when cameras expose a stop less than by day."""
FRAME_S = 0.1
"""Time between frames [s]: 10 Hz, so that 0.5 to 1.2 m per frame are 18 to 43 km/h."""


def make_world(seed: int, *, frames: int, height: int, width: int, rig: Rig) -> World:
    """The street of `seed`, seen in every frame by all cameras of `rig` as images of `height` x `width`.

    Cameras of another aspect are cropped at their centre (see `fitted`). The rig's origin moves along its lane on the ground.
    """
    mood = draw_mood(seed)
    # Outer lanes of a bend are up to 6 % longer or shorter than the centre line that this is measured on.
    driven = trajectory.drive(_stream(seed, "drive"), frames, slowest_m=0.55, fastest_m=1.12)
    road = roads.make_road(_stream(seed, "road"), travel=float(driven[-1]), urban=mood.urban)
    if mood.bridge:
        road = replace(road, bridge=bridges.make_crossing(_stream(seed, "bridge"), road))
    heading = float(np.interp([0.0, 60.0], road.s, road.heading).mean())
    relief = make_relief(_stream(seed, "relief"), sloping=mood.sloping, heading=heading)
    ego_lane = int(_stream(seed, "lane").integers(road.lanes))
    level_poses = _ego_poses(_stream(seed, "ego"), road, driven, ego_lane)
    world_from_rig = relief.tilted(level_poses)
    day = _daylight(seed, mood)
    things, lamps = _things(seed, mood, road, relief, driven, ego_lane, level_poses)
    cameras = fitted_rig(rig, height=height, width=width)
    body = ego.make_body(cameras)
    things.append(Thing(ego.NAME, body, world_from_rig))
    return World(
        family="streets",
        seed=seed,
        things=tuple(things),
        lights=(*day.lights, *lamps),
        sky=day.sky,
        shots=rig_shots(cameras, world_from_rig, usable={camera.name: ego.usable(camera, body[0][0]) for camera in cameras.cameras}),
        rig=cameras,
        world_from_rig=world_from_rig,
        key=_DUSKY if mood.light == "dusk" else 1.0,
        haze=make_haze(_stream(seed, "haze"), day.sky) if mood.hazy else None,
        conditions=asdict(replace(mood, bridge=road.bridge is not None)),
        own=len(things) - 1,
    )


@dataclass(frozen=True)
class Mood:
    """What a whole street is like. `light` is "sun", "overcast" or "dusk"."""

    light: str
    urban: bool
    wet: bool
    hazy: bool
    sloping: bool
    bridge: bool


def draw_mood(seed: int) -> Mood:
    """The mood of the street of `seed`, without making it."""
    rng = _stream(seed, "mood")
    urban, wet = bool(rng.random() < 0.55), bool(rng.random() < 0.28)
    light = str(rng.choice(["sun", "overcast", "dusk"], p=[0.47, 0.33, 0.20]))
    # Rain falls from clouds: what is wet is never sunny.
    light = "overcast" if wet and light == "sun" else light
    hazy, sloping, bridge = (bool(rng.random() < share) for share in (0.22, 0.45, 0.22))
    return Mood(light, urban, wet, hazy, sloping, bridge)


def _daylight(seed: int, mood: Mood) -> sky.Daylight:
    if mood.light == "dusk":
        return sky.dusk(_stream(seed, "sky"))
    return sky.daylight(_stream(seed, "sky"), overcast=mood.light == "overcast")


def _things(
    seed: int, mood: Mood, road: Road, relief: Relief, driven: np.ndarray, ego_lane: int, level_poses: np.ndarray
) -> tuple[list[Thing], tuple[Light, ...]]:
    """All things but the own vehicle, and the street lamps' lights. Laid out on the level, then put on the relief kind by kind."""
    reach = (-65.0, float(driven[-1]) + 105.0)
    near = (-45.0, float(driven[-1]) + 75.0)
    palette = buildings.make_palette(_stream(seed, "palette"))
    dusk = mood.light == "dusk"
    if dusk:
        palette = replace(palette, panes=lit.lit_panes(_stream(seed, "windows"), palette.panes))
    fleet = traffic.make_fleet(_stream(seed, "fleet"))
    leaves, bark = kerbside.make_leaves(_stream(seed, "leaves"))
    moving = traffic.moving(_stream(seed, "moving"), road, fleet, driven, ego_lane=ego_lane)
    parked = traffic.parked(_stream(seed, "parked"), road, fleet, reach=near)
    moving += traffic.crossing(_stream(seed, "crossing"), road, fleet, [*moving, *parked], level_poses, step_m=0.9)
    moving, parked = (traffic.clear_of_cameras(group, level_poses) for group in (moving, parked))
    standing = kerbside.furniture(_stream(seed, "furniture"), road, leaves, bark, reach=near)
    standing += kerbside.people(_stream(seed, "people"), road, len(driven), reach=near)
    if not mood.urban:
        standing += rows.front_gardens(_stream(seed, "gardens"), road, leaves, reach=near)
        standing += kerbside.garden_trees(_stream(seed, "garden trees"), road, leaves, bark, reach=reach)
        standing += kerbside.poles(_stream(seed, "poles"), road, reach=near)
    standing = [relief.bent(thing) if thing.name == "wires" else relief.upright(thing) for thing in standing]
    lamps: tuple[Light, ...] = ()
    if dusk:
        moving = [lit.shining(thing) for thing in moving]
        burning, lamps = lit.lit_lamps([t for t in standing if t.name == "lamp"], level_poses[len(level_poses) // 2, :2, 3])
        standing = [thing for thing in standing if thing.name != "lamp"] + burning
    things = [relief.bent(thing) for thing in roads.ground(_stream(seed, "ground"), road, wet=mood.wet, urban=mood.urban)]
    things.append(rows.far_blocks(_stream(seed, "far"), road, relief))
    things += [relief.founded(t) for t in rows.houses(_stream(seed, "houses"), road, palette, urban=mood.urban, reach=reach)]
    if road.bridge is not None:
        things.append(relief.level(bridges.make_bridge(_stream(seed, "bridge works"), road)))
    return [*things, *(relief.rolling(thing) for thing in (*moving, *parked)), *standing], lamps


def fitted_rig(rig: Rig, *, height: int, width: int) -> Rig:
    """`rig` with every camera `fitted`."""
    return replace(rig, cameras=tuple(fitted(camera, height=height, width=width) for camera in rig.cameras))


def fitted(camera: Camera, *, height: int, width: int) -> Camera:
    """`camera` scaled evenly to cover `height` x `width`, what is over cut away equally on both sides: pixels keep their aspect.

    A mask that the rig file has is left out: the own vehicle is that of `ego`.
    """
    scale = max(width / camera.width, height / camera.height)
    K = scale_K(camera.K, sx=scale, sy=scale)
    K = crop_K(K, top=(camera.height * scale - height) / 2, left=(camera.width * scale - width) / 2)
    return replace(camera, K=K, height=height, width=width, mask_path=None)


def rig_shots(rig: Rig, world_from_rig: np.ndarray, *, usable: Mapping[str, np.ndarray | None]) -> tuple[Shot, ...]:
    """One shot per frame and camera, frame by frame in ring order."""
    shots = []
    for frame, pose in enumerate(world_from_rig):
        for camera in rig.cameras:
            assert camera.rig_from_cam is not None  # a Rig has derived its ring order from it
            cam_from_world = np.linalg.inv(pose @ camera.rig_from_cam)
            shots.append(Shot(frame, camera, cam_from_world, time_s=frame * FRAME_S, usable=usable[camera.name]))
    return tuple(shots)


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _ego_poses(rng: np.random.Generator, road: Road, driven: np.ndarray, lane: int) -> np.ndarray:
    """world_from_rig (frames, 4, 4): along the lane, drifting a little in it, nodding and rolling on its springs."""
    num = len(driven)
    # A little off the kerb, where cars are parked.
    drift = 0.15 * trajectory.wander(rng, num, period=80.0) - 0.15 * np.sign(road.lane_t(lane))
    x, y, heading = road.at(driven, road.lane_t(lane) + drift)
    nod, roll = (0.004 * trajectory.wander(rng, num, period=15.0) for _ in range(2))
    return trajectory.vehicle_poses(x, y, heading + 0.01 * trajectory.wander(rng, num, period=80.0), pitch=nod, roll=roll)
