"""The family of rooms: where the camera goes, and that things do not stand in each other."""

import numpy as np
import pytest

from leadline.scenes.rooms import make_world
from leadline.scenes.stroll import CLEARANCE_M
from leadline.scenes.world import World


def boxes_of(world: World, *names: str) -> np.ndarray:
    boxes = []
    for thing in world.things:
        if names and thing.name not in names:
            continue
        points = np.concatenate([mesh.vertices for mesh, _ in thing.parts]) @ thing.poses[:3, :3].T + thing.poses[:3, 3]
        boxes.append([points.min(axis=0), points.max(axis=0)])
    return np.array(boxes)


@pytest.fixture(scope="module")
def some() -> list[World]:
    return [make_world(seed, frames=12, height=32, width=48) for seed in range(12)]


def test_make_world__same_seed_same_world(some):
    again = make_world(5, frames=12, height=32, width=48)
    assert [t.name for t in again.things] == [t.name for t in some[5].things]
    for a, b in zip(again.things, some[5].things, strict=True):
        np.testing.assert_array_equal(a.poses, b.poses)
        for (mesh_a, surface_a), (mesh_b, surface_b) in zip(a.parts, b.parts, strict=True):
            np.testing.assert_array_equal(mesh_a.vertices, mesh_b.vertices)
            np.testing.assert_array_equal(surface_a.color, surface_b.color)
    for a, b in zip(again.shots, some[5].shots, strict=True):
        np.testing.assert_array_equal(a.cam_from_world, b.cam_from_world)


def test_make_world__everything_is_finite_and_inside(some):
    for world in some:
        low, high = (
            boxes_of(world, "floor", "ceiling", "wall").reshape(-1, 3).min(axis=0),
            boxes_of(world, "wall").reshape(-1, 3).max(axis=0),
        )
        boxes = boxes_of(world)
        assert np.isfinite(boxes).all()
        assert (boxes[:, 0] > low - 0.01).all() and (boxes[:, 1] < high + 0.01).all()


def test_shots__keep_away_from_things_and_move_sideways(some):
    fovs = set()
    for world in some:
        things = boxes_of(world, *({t.name for t in world.things} - {"floor", "ceiling", "wall", "rug"}))
        poses = [np.linalg.inv(shot.cam_from_world) for shot in world.shots]
        eyes = np.array([pose[:3, 3] for pose in poses])
        outside = np.maximum(np.maximum(things[None, :, 0] - eyes[:, None], eyes[:, None] - things[None, :, 1]), 0)
        assert np.linalg.norm(outside, axis=2).min() > CLEARANCE_M
        steps = np.diff(eyes, axis=0)
        length = np.linalg.norm(steps, axis=1)
        assert (length > 0.05).all() and (length < 0.22).all()
        assert 1.0 < eyes[:, 2].min() and eyes[:, 2].max() < 1.85
        for pose in poses:
            np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
            assert pose[2, 1] < -0.8, "y points down"
        fovs.add(round(world.shots[0].camera.fov_x_deg, 1))
    assert len(fovs) > 8 and min(fovs) >= 55 and max(fovs) <= 75


def test_make_world__large_furniture_does_not_interpenetrate(some):
    large = ("sofa", "bed", "wardrobe", "cabinet", "bookcase", "fridge", "counter", "bath", "pedestal", "desk", "table")
    for world in some:
        boxes = [b for thing in world.things if thing.name in large for b in boxes_of(World("", 0, (thing,), (), None, ()))]
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                overlap = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
                assert overlap.min() < 0.03


def test_make_world__rooms_reflect(some):
    shiny = [{surface.material.name for thing in world.things for _, surface in thing.parts} for world in some]
    assert sum("MIRROR" in names for names in shiny) >= 6
    assert all("GLOSSY" in names for names in shiny)
