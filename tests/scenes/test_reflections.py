"""A rendered mirror: what the plane sweep is told by the renderer is what the law of reflection says."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.data.dataset import View
from leadline.data.misleading import misleading
from leadline.evaluation.reflections import reflective
from leadline.geometry.planesweep import plane_depths, plane_sweep
from leadline.scenes import shapes
from leadline.scenes.render import Renderer
from leadline.scenes.truth import TruthMaker
from leadline.scenes.world import Shot, Surface, Thing, World
from leadline.types import Material

MIRROR_M, BEHIND_M, WALL_M = 2.0, 2.0, 2.6
STEP_M = 0.3


@pytest.fixture(scope="module")
def views(worlds) -> list[View]:
    """Three frames of a mirror before a luminous pattern, with another such wall behind the camera."""
    rng = np.random.default_rng(5)
    pattern = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    shining = Surface(Material.DIFFUSE, pattern, texture_m=6.0, emission=np.full(3, 0.8))
    mirror = Thing("mirror", ((shapes.quad((MIRROR_M, 0.8, -0.5), (0, -1.6, 0), (0, 0, 1.0)), worlds.MIRROR),), np.eye(4))
    # Lamps shine to one side; turned about z the one behind looks at the mirror.
    behind = Thing("behind", ((worlds.facing(BEHIND_M, 40.0), shining),), np.diag([-1.0, -1.0, 1.0, 1.0]))
    things = mirror, worlds.wall(WALL_M, surface=shining), behind
    shots = []
    for frame in range(3):
        pose = worlds.CAM_FROM_WORLD.copy()
        pose[0, 3] = STEP_M * (frame - 1)
        shots.append(Shot(frame, worlds.camera(), pose, 0.1 * frame))
    world = World("test", 0, things, (), None, tuple(shots))
    renderer = Renderer(world, samples=64)
    truth = TruthMaker(renderer)
    made = []
    for shot in shots:
        layers = truth(shot)
        image, bare = (
            np.clip(np.rint(255 * renderer.radiance([shot], seeds=[3], diffuse=diffuse)[0]), 0, 255).astype(np.uint8)
            for diffuse in (False, True)
        )
        view = View(
            image=image,
            camera=shot.camera,
            path=Path(f"{shot.frame}.png"),
            depth=layers.depth,
            material=layers.material,
            diffuse=bare,
            cam_from_world=shot.cam_from_world,
        )
        made.append(view)
    return made


def test_sweep__finds_the_virtual_image(views):
    """By hand: the wall 2 m behind the camera appears 2 m + 2 m behind a mirror that is 2 m away, at 6 m."""
    images = [torch.from_numpy(view.image).permute(2, 0, 1).float() / 255 for view in views]
    poses = [torch.from_numpy(view.cam_from_world @ np.linalg.inv(views[1].cam_from_world)).float() for view in views]
    K = torch.from_numpy(views[1].camera.K).float()
    depth, _ = plane_sweep(
        images[1], torch.stack([images[0], images[2]]), K, K.expand(2, 3, 3), torch.stack([poses[0], poses[2]]), plane_depths(1.0, 20.0)
    )
    mirror = views[1].material == Material.MIRROR
    inside = np.zeros_like(mirror)
    rows, columns = np.nonzero(mirror)
    inside[rows.min() + 3 : rows.max() - 2, columns.min() + 3 : columns.max() - 2] = True
    virtual = depth.numpy()[inside]
    assert np.median(virtual) == pytest.approx(2 * MIRROR_M + BEHIND_M, rel=0.06)
    around = depth.numpy()[~mirror]
    assert np.median(around) == pytest.approx(WALL_M, rel=0.04)


def test_regions__of_the_mirror(views):
    mirror = views[1].material == Material.MIRROR
    assert 0.2 < mirror.mean() < 0.5
    mask = misleading(views[1], [views[0], views[2]])
    assert not mask[~mirror].any() and mask[mirror].mean() > 0.75
    shows = reflective(views[1].image, views[1].diffuse, views[1].material)
    assert shows[mirror].all() and shows[~mirror].mean() < 0.01
