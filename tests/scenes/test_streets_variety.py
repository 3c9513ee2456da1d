"""Every word of the promise is in the streets, and everything stands on the ground, slope or not."""

from functools import cache

import numpy as np
import pytest

from leadline.io.rig import read_rig
from leadline.scenes import roads, streets
from leadline.scenes.ego import NAME
from leadline.scenes.render import Renderer
from leadline.scenes.traffic import CAMERA_ROOM_M
from leadline.scenes.world import Thing, World
from leadline.types import Material

FRAMES = 3
FIRST = range(40)


@cache
def street(seed: int) -> World:
    return streets.make_world(seed, frames=FRAMES, height=96, width=160, rig=read_rig("ddad6"))


def seed_with(**conditions: object) -> int:
    """The first seed whose street is like that."""
    return next(s for s in FIRST if all(getattr(streets.draw_mood(s), key) == value for key, value in conditions.items()))


def at(thing: Thing, frame: int) -> np.ndarray:
    return thing.poses if thing.poses.ndim == 2 else thing.poses[frame]


def test_streets__hold_every_word_of_the_promise() -> None:
    seeds = [*range(8), seed_with(bridge=True), seed_with(light="dusk"), seed_with(urban=False, sloping=True), seed_with(light="sun")]
    names = {thing.name for seed in seeds for thing in street(seed).things}
    words = {"house", "moving bicycle", "bicycles", "person", "lamp", "pole", "wires", "sign", "traffic light", "tree", "fence", "hedge"}
    words |= {"moving truck", "parked saloon", "moving van", "moving bus", NAME, "bus stop", "markings", "pavement"}
    assert words <= names
    assert any(name.endswith("bridge") for name in names)
    conditions = [street(seed).conditions for seed in seeds]
    assert {c["light"] for c in conditions} == {"sun", "overcast", "dusk"}
    for key in ("wet", "hazy", "sloping", "urban", "bridge"):
        assert {bool(c[key]) for c in conditions} == {True, False}, key
    wet = next(street(seed) for seed in seeds if street(seed).conditions["wet"])
    assert next(t for t in wet.things if t.name == "road").parts[0][1].material is Material.GLOSSY


def test_streets__run_straight_bend_and_wind_past_junctions() -> None:
    drawn = [roads.make_road(np.random.default_rng(seed), travel=20.0, urban=seed % 2 == 0) for seed in range(200)]
    turning = [np.diff(road.heading) for road in drawn]
    kinds = [(bool((turn > 1e-4).any()), bool((turn < -1e-4).any())) for turn in turning]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert shares[False, False] == pytest.approx(0.4, abs=0.1)
    assert shares[True, True] == pytest.approx(0.25, abs=0.1)
    assert min(shares[True, False], shares[False, True]) > 0.1, "bends to both hands"
    sides = [street.sides for road in drawn for street in road.side_streets]
    assert {(1, -1), (1,), (-1,)} == set(sides), "crossings, and streets that leave to one side"
    assert 0.5 < np.mean([bool(road.side_streets) for road in drawn]) < 0.8


def test_streets__have_shop_fronts_in_towns_alone() -> None:
    def glazed_m2(world: World) -> float:
        """Glass [m2] below 3 m that looks at the street: a shop's panes begin at 0.4 m, windows of homes higher."""
        total = 0.0
        for house in (thing for thing in world.things if thing.name == "house"):
            panes = house.parts[-2][0]
            corners = panes.vertices[panes.faces]
            areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
            total += float(areas[(corners[:, :, 2].min(axis=1) < 0.6) & (corners[:, :, 2].max(axis=1) > 2.0)].sum())
        return total

    town, country = seed_with(urban=True, sloping=False), seed_with(urban=False, sloping=False)
    assert glazed_m2(street(town)) > 50.0
    assert glazed_m2(street(country)) == 0.0


def test_streets__hold_their_shares() -> None:
    moods = [streets.draw_mood(seed) for seed in range(2000)]
    for key, share in (("wet", 0.28), ("hazy", 0.22), ("sloping", 0.45), ("bridge", 0.22)):
        assert np.mean([getattr(mood, key) for mood in moods]) == pytest.approx(share, abs=0.04)
    assert np.mean([mood.light == "dusk" for mood in moods]) == pytest.approx(0.2, abs=0.03)


def test_streets__all_three_bridges_clear_the_traffic() -> None:
    kinds = set()
    for seed in range(80):
        if not streets.draw_mood(seed).bridge:
            continue
        world = street(seed)
        for thing in world.things:
            if thing.name.endswith("bridge"):
                kinds.add(thing.name)
                assert world.world_from_rig is not None
                faces = np.concatenate([mesh.vertices[mesh.faces] for mesh, _ in thing.parts])
                over = (faces[..., 0].min(axis=1) < 3.5) & (faces[..., 0].max(axis=1) > -3.5)  # above the lanes in the middle
                assert faces[over][..., 2].min() > 4.4
        if len(kinds) == 3:
            return
    raise AssertionError(f"only {kinds}")


@pytest.mark.parametrize("seed", [0, 13, 25])
def test_streets__everything_stands_on_the_slope(seed: int) -> None:
    """Rays down from the feet of what stands and rolls meet the ground there: within a hand for wheels, trees and people."""
    world = street(seed)
    assert world.conditions["sloping"]
    ground = ("ground", "road", "pavement", "verge", "markings", "covers")
    feet, owners = [], []
    for thing in world.things:
        rolls = thing.name.startswith(("moving", "parked"))
        if rolls or thing.name in ("tree", "person", "lamp", "sign", "traffic light", "pole"):
            pose = at(thing, 1)
            x = np.concatenate([mesh.vertices[:, 0] for mesh, _ in thing.parts])
            for along in (0.6 * x.min(), 0.6 * x.max()) if rolls else (0.0,):
                feet.append((pose @ [along, 0.0, 0.0, 1.0])[:3])
                owners.append(thing.name)
    assert world.world_from_rig is not None
    reach = np.linalg.norm(np.array(feet)[:, :2] - world.world_from_rig[1, :2, 3], axis=1) < 110.0
    bare = Renderer(World("t", 0, tuple(t for t in world.things if t.name in ground), (), world.sky, world.shots), samples=1)
    origin = np.array(feet)[reach] + np.array([0.0, 0.0, 1.0])
    distance, _ = bare.cast(origin, np.tile([0.0, 0.0, -1.0], (len(origin), 1)), 1)
    off = np.abs(distance - 1.0)
    named = np.array(owners)[reach]
    assert len(off) > 40
    assert off.max() < 0.15, named[off.argmax()]  # wheels of a car across a kerb, at most its height and a little
    assert np.quantile(off, 0.9) < 0.05
    wheels = (world.world_from_rig[1] @ np.array([[x, y, 0, 1.0] for x in (0.0, 2.7) for y in (-0.8, 0.8)]).T).T[:, :3]
    distance, _ = bare.cast(wheels + np.array([0.0, 0.0, 1.0]), np.tile([0.0, 0.0, -1.0], (4, 1)), 1)
    np.testing.assert_allclose(distance, 1.0, atol=0.04)


def test_streets__the_rig_climbs_as_steeply_as_its_road() -> None:
    for seed in (0, 13):
        poses = street(seed).world_from_rig
        assert poses is not None
        step = np.diff(poses[:, :3, 3], axis=0)
        climb = np.arctan2(step[:, 2], np.hypot(step[:, 0], step[:, 1]))
        pitch = np.arcsin(poses[:-1, 2, 0])
        np.testing.assert_allclose(pitch, climb, atol=0.01)


@pytest.mark.parametrize("rig", ["nuscenes6", "ddad6"])
def test_streets__nothing_comes_within_a_metre_of_a_camera(rig: str) -> None:
    """Least distance of rays all around each side camera; the own vehicle aside."""
    for seed in range(0, 16, 4):
        world = streets.make_world(seed, frames=4, height=48, width=80, rig=read_rig(rig))
        world = World("t", 0, tuple(t for t in world.things if t.name != NAME), (), world.sky, world.shots, world.rig, world.world_from_rig)
        renderer = Renderer(world, samples=1)
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        rays = np.concatenate([np.stack([np.cos(turn), np.sin(turn), np.full(48, tilt)], axis=1) for tilt in (-0.6, -0.2, 0.2)])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        for shot in (s for s in world.shots if s.frame in (0, 3)):
            eye = np.linalg.inv(shot.cam_from_world)[:3, 3]
            distance, _ = renderer.cast(np.tile(eye, (len(rays), 1)), rays, shot.frame)
            assert distance.min() > CAMERA_ROOM_M - 0.1, (seed, shot.camera.name)


def test_side_streets__have_traffic_that_crosses() -> None:
    across = 0
    for seed in range(12):
        world = street(seed)
        for thing in world.things:
            if thing.name.startswith("moving") and world.world_from_rig is not None:
                heading = abs(float(thing.poses[0, :2, 0] @ world.world_from_rig[0, :2, 0]))
                across += heading < 0.5
    assert across >= 3
    assert roads.SIDE_STREET_M > 50
