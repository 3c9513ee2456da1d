"""Streets are the same for the same seed, drivable, and seen by any rig."""

import hashlib
from functools import cache

import numpy as np
import pytest

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.rig import read_rig
from leadline.scenes import buildings, roads, shapes, sky, streets, streetside, vehicles
from leadline.scenes.paint import painted
from leadline.scenes.traffic import EGO_REACH_M, make_fleet
from leadline.scenes.world import Mesh, Thing, World

SEEDS = (2, 3, 6, 9, 13, 24)
FRAMES = 24
HALF_WIDTH_M = 0.95


@cache
def street(seed: int) -> World:
    return streets.make_world(seed, frames=FRAMES, height=96, width=160, rig=read_rig("nuscenes6"))


def digest(world: World) -> str:
    found = hashlib.sha256()
    for thing in world.things:
        found.update(thing.name.encode() + np.ascontiguousarray(thing.poses).tobytes())
        for mesh, surface in thing.parts:
            for array in (mesh.vertices, mesh.faces, mesh.uv, mesh.normals, surface.color):
                found.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    for shot in world.shots:
        found.update(shot.cam_from_world.tobytes() + shot.camera.K.tobytes())
    assert world.sky is not None
    found.update(world.sky.tobytes())
    return found.hexdigest()


def pose_of(thing: Thing, frame: int) -> np.ndarray:
    return thing.poses if thing.poses.ndim == 2 else thing.poses[frame]


def test_make_world__is_deterministic_to_the_byte_and_differs_between_seeds() -> None:
    again = streets.make_world(3, frames=FRAMES, height=96, width=160, rig=read_rig("nuscenes6"))
    assert digest(again) == digest(street(3))
    assert len({digest(street(seed)) for seed in SEEDS}) == len(SEEDS)


def test_make_world__is_varied() -> None:
    names = {thing.name for seed in SEEDS for thing in street(seed).things}
    assert {"house", "tree", "person", "lamp", "sign", "hedge", "fence", "moving bus", "moving truck", "parked saloon"} <= names
    assert len({bool(street(seed).lights) for seed in SEEDS}) == 2  # sun or lamps, and clouds


@pytest.mark.parametrize("seed", SEEDS)
def test_make_world__moves_the_rig_at_city_speed(seed: int) -> None:
    world = street(seed)
    assert world.world_from_rig is not None and world.world_from_rig.shape == (FRAMES, 4, 4)
    step = np.linalg.norm(np.diff(world.world_from_rig[:, :3, 3], axis=0), axis=1)
    assert step.min() >= 0.5 and step.max() <= 1.2
    forward = world.world_from_rig[:-1, :3, 0]
    along = np.einsum("nc,nc->n", np.diff(world.world_from_rig[:, :3, 3], axis=0), forward) / step
    assert along.min() > np.cos(np.radians(5.0))
    if not world.conditions["sloping"]:
        np.testing.assert_allclose(world.world_from_rig[:, 2, 3], 0.0, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_make_world__lets_nothing_touch_the_own_vehicle(seed: int) -> None:
    """No vertex of anything above the road comes into the box of the own vehicle, and no vehicle's outline crosses it."""
    world = street(seed)
    assert world.world_from_rig is not None
    low, high = np.array([EGO_REACH_M[0], -HALF_WIDTH_M, 0.2]), np.array([EGO_REACH_M[1], HALF_WIDTH_M, 1.9])
    for frame in range(0, FRAMES, 4):
        rig_from_world = np.linalg.inv(world.world_from_rig[frame])
        for thing in world.things[:-1]:
            rig_from_thing = rig_from_world @ pose_of(thing, frame)
            corners = np.concatenate([mesh.vertices for mesh, _ in thing.parts])
            if thing.name.startswith(("moving", "parked")):  # fill the sides of boxes with points
                x, y = np.meshgrid(
                    np.linspace(*np.quantile(corners[:, 0], [0, 1]), 25), np.linspace(*np.quantile(corners[:, 1], [0, 1]), 9)
                )
                corners = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
            seen = corners @ rig_from_thing[:3, :3].T + rig_from_thing[:3, 3]
            assert not ((seen > low) & (seen < high)).all(axis=1).any(), f"{thing.name} at frame {frame}"


@pytest.mark.parametrize("seed", SEEDS)
def test_make_world__keeps_moving_vehicles_apart(seed: int) -> None:
    """Discs along the middle of each vehicle never meet those of another."""
    movers = [thing for thing in street(seed).things if thing.name.startswith("moving")]
    for frame in (0, FRAMES - 1):
        rows = []
        for thing in movers:
            x = np.concatenate([mesh.vertices[:, 0] for mesh, _ in thing.parts])
            along = np.linspace(x.min(), x.max(), 12)
            points = np.stack([along, np.zeros(12), np.zeros(12), np.ones(12)], axis=1)
            rows.append((points @ pose_of(thing, frame).T)[:, :2])
        for i, a in enumerate(rows):
            for b in rows[:i]:
                assert np.linalg.norm(a[:, None] - b[None], axis=2).min() > 1.9


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_make_world__shoots_every_frame_in_ring_order(seed: int) -> None:
    world = street(seed)
    assert world.rig is not None and world.world_from_rig is not None
    assert [shot.camera.name for shot in world.shots] == list(world.rig.names) * FRAMES
    assert [shot.frame for shot in world.shots] == list(np.repeat(np.arange(FRAMES), 6))
    assert world.rig.names == read_rig("nuscenes6").names
    for shot in world.shots[::7]:
        assert shot.camera.rig_from_cam is not None
        expected = world.world_from_rig[shot.frame] @ shot.camera.rig_from_cam
        np.testing.assert_allclose(np.linalg.inv(shot.cam_from_world), expected, atol=1e-9)
        assert shot.time_s == pytest.approx(shot.frame * 0.1)
        assert (shot.camera.height, shot.camera.width) == (96, 160)


@pytest.mark.parametrize("seed", SEEDS)
def test_make_world__is_light_and_complete(seed: int) -> None:
    world = street(seed)
    assert sum(len(mesh.faces) for thing in world.things for mesh, _ in thing.parts) < 170_000
    for thing in world.things:
        assert thing.poses.shape in ((4, 4), (FRAMES, 4, 4))
        for mesh, surface in thing.parts:
            assert np.isfinite(mesh.vertices).all() and mesh.faces.max() < len(mesh.vertices) and mesh.faces.min() >= 0
            assert surface.color.ndim == 1 or mesh.uv is not None, thing.name
            assert surface.color.dtype == np.uint8 or (surface.color.min() >= 0 and surface.color.max() <= 1)


def test_make_world__takes_one_frame_and_one_camera() -> None:
    camera = read_rig("ddad6").cameras[2]
    world = streets.make_world(5, frames=1, height=50, width=50, rig=Rig((camera,)))
    assert len(world.shots) == 1 and world.shots[0].camera.name == camera.name


def test_make_world__keeps_the_street_when_the_rig_changes() -> None:
    other = streets.make_world(3, frames=FRAMES, height=32, width=64, rig=read_rig("ddad6"))
    assert len(other.things) == len(street(3).things)
    np.testing.assert_array_equal(other.world_from_rig, street(3).world_from_rig)


@pytest.mark.parametrize(("height", "width"), [(192, 320), (96, 96), (40, 200)])
def test_fitted__crops_the_centre_and_keeps_pixels_square(height: int, width: int) -> None:
    camera = Camera(K=np.array([[1200.0, 0, 810.0], [0, 1250.0, 440.0], [0, 0, 1]]), width=1600, height=900)
    fitted = streets.fitted(camera, height=height, width=width)
    assert (fitted.height, fitted.width) == (height, width)
    assert fitted.K[1, 1] / fitted.K[0, 0] == pytest.approx(1250 / 1200)
    scale = fitted.K[0, 0] / 1200.0
    middle = np.linalg.inv(fitted.K) @ [width / 2, height / 2, 1.0]
    np.testing.assert_allclose(camera.K @ middle, [800.0, 450.0, 1.0], atol=1e-9)
    assert scale == pytest.approx(max(height / 900, width / 1600))


def test_road__places_and_directions_agree() -> None:
    road = roads.make_road(np.random.default_rng(2), travel=20.0, urban=True)
    np.testing.assert_allclose(road.xy[np.flatnonzero(road.s == 0.0)[0]], 0.0, atol=1e-9)
    s = np.linspace(-50, 80, 14)
    x, y, heading = road.at(s, np.zeros(14))
    left_x, left_y, _ = road.at(s, np.full(14, 2.0))
    np.testing.assert_allclose(
        np.stack([left_x - x, left_y - y], axis=1), 2 * np.stack([-np.sin(heading), np.cos(heading)], axis=1), atol=1e-9
    )
    assert road.outer(1) > road.edge(1) >= road.lanes * road.lane
    assert (road.lane_t(0) < 0) != road.drives_left
    assert road.lane_t(0) == -road.lane_t(0, oncoming=True)


def test_stretches__leave_side_streets_open() -> None:
    road = next(r for r in (roads.make_road(np.random.default_rng(seed), travel=9.0, urban=True) for seed in range(50)) if r.side_streets)
    for street_ in road.side_streets:
        for side in (-1, 1):
            covered = any(low <= street_.s <= high for low, high in road.stretches(side))
            assert covered == (side not in street_.sides)
            assert road.free(street_.s, side) == (side not in street_.sides)


@pytest.mark.parametrize("kind", vehicles.BUILDS)
def test_make_car__has_its_measures(kind: str) -> None:
    car = vehicles.make_car(np.random.default_rng(0), kind)
    corners = np.concatenate([mesh.vertices for mesh, _ in car.parts])
    low, high = corners.min(axis=0), corners.max(axis=0)
    assert high[0] - low[0] == pytest.approx(car.length, abs=0.1)
    assert high[1] - low[1] <= car.width + 0.05
    assert abs(low[2]) < 0.02 and 1.2 < high[2] < 2.3
    body = car.parts[0][0]
    assert body.normals is not None
    outward = np.einsum("fc,fkc->fk", shapes.face_normals(body), body.normals[body.faces])
    assert np.quantile(outward, 0.02) > 0.0


def test_fleet__repaints_without_copying() -> None:
    rng = np.random.default_rng(1)
    fleet = make_fleet(rng)
    meshes = {id(car.parts[0][0]) for car in fleet.cars}
    drawn = [fleet.car(rng) for _ in range(10)]
    assert {id(car.parts[0][0]) for car in drawn} <= meshes
    assert len({car.parts[0][1].color.tobytes() for car in drawn}) > 3


def test_make_house__stands_behind_its_front_line() -> None:
    rng = np.random.default_rng(3)
    palette = buildings.make_palette(rng, size=64)
    for shop in (True, False):
        for gabled in (True, False):
            parts = buildings.make_house(rng, palette, width=12.0, depth=9.0, floors=3, shop=shop, gabled=gabled)
            wall = parts[0][0]
            assert wall.vertices[:, 1].min() == pytest.approx(0.0) and wall.vertices[:, 1].max() == pytest.approx(9.0)
            assert wall.vertices[:, 0].min() == pytest.approx(0.0) and wall.vertices[:, 0].max() == pytest.approx(12.0)
            front = shapes.face_normals(wall)[(np.abs(wall.vertices[wall.faces][:, :, 1]) < 1e-9).all(axis=1)]
            assert (front[:, 1] < -0.99).all()


def test_street_trees__leave_room_for_traffic() -> None:
    leaves = painted([(shapes.box((1, 1, 1)), (0.1, 0.3, 0.1))])[1]
    for seed in range(12):
        parts = streetside.make_tree(np.random.default_rng(seed), leaves, leaves)
        assert parts[1][0].vertices[:, 2].min() > 1.9


def test_painted__finds_each_pieces_color() -> None:
    mesh, surface = painted(
        [(shapes.box((1, 1, 1)), (0.9, 0.0, 0.0)), (shapes.sphere(1.0), (0.0, 0.0, 0.9)), (shapes.box((2, 2, 2)), (0.9, 0.0, 0.0))]
    )
    assert mesh.uv is not None and surface.color.shape == (2, 4, 3)
    swatch = surface.color[0, np.floor(mesh.uv[mesh.faces[:, 0], 0] * 4).astype(int)]
    assert (swatch[:12, 0] > 200).all() and (swatch[12:-12, 2] > 200).all() and (swatch[-12:, 0] > 200).all()
    assert isinstance(mesh, Mesh)


def test_daylight__glows_where_the_sun_is() -> None:
    for seed in range(4):
        day = sky.daylight(np.random.default_rng(seed), overcast=False, height=64)
        (sun,) = day.lights
        assert sun.direction is not None and sun.direction[2] < -0.2
        brightest = np.unravel_index(day.sky.sum(axis=2).argmax(), (64, 128))
        assert sky.directions(64)[brightest] @ -sun.direction > np.cos(np.radians(5.0))
    assert sky.daylight(np.random.default_rng(0), overcast=True).lights == ()


def test_directions__are_a_panorama_seen_from_inside() -> None:
    direction = sky.directions(8)
    assert direction.shape == (8, 16, 3)
    assert (direction[0, :, 2] > 0.9).all() and (direction[-1, :, 2] < -0.9).all()
    centre = direction[3:5, 7:9].mean(axis=(0, 1))
    assert centre[0] > 0.9
    assert direction[4, 4, 1] > 0.8  # left of the centre is +y
