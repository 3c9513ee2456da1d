"""Radiance of worlds that can be computed by hand, and the denoiser."""

import numpy as np
import pytest

from leadline.scenes.denoise import Denoiser
from leadline.scenes.render import Renderer
from leadline.scenes.world import Light, Surface, Thing, World
from leadline.types import Material


def radiance_of(world: World, *, diffuse: bool = False, samples: int = 16) -> np.ndarray:
    return Renderer(world, samples=samples).radiance([world.shots[0]], seeds=[3], diffuse=diffuse)[0]


def test_radiance__white_furnace(worlds):
    # Under an even sky of radiance 1 a diffuse wall sends back its albedo.
    world = worlds.world_of(worlds.wall(5.0))
    world = World(world.family, 0, world.things, (), world.sky, world.shots)
    assert radiance_of(world).mean() == pytest.approx(0.5, abs=0.01)


def test_radiance__sun_is_irradiance(worlds):
    sun = Light("sun", np.full(3, 2.0), direction=np.array([1.0, 0.0, 0.0]))
    base = worlds.world_of(worlds.wall(5.0))
    world = World(base.family, 0, base.things, (sun,), None, base.shots)
    np.testing.assert_allclose(radiance_of(world, samples=1), 2.0 * 0.5 / np.pi, rtol=1e-4)


def test_radiance__sky_map_is_oriented(worlds):
    sky = np.zeros((32, 64, 3), dtype=np.float32)
    sky[:, :, 0] = np.linspace(1, 0, 32)[:, None]  # red grows upwards
    sky[:, :, 1] = (np.arange(64) < 32)[None]  # green left of +x, which is +y
    base = worlds.world_of(worlds.wall(-1.0))
    image = radiance_of(World(base.family, 0, base.things, (), sky, base.shots), samples=4)
    assert image[:8, :, 0].mean() > image[-8:, :, 0].mean() + 0.1
    assert image[:, :20, 1].mean() > 0.95 and image[:, 28:, 1].mean() < 0.05


def test_diffuse__removes_the_reflection_and_keeps_the_rest(worlds):
    black_coat = Surface(Material.GLOSSY, np.zeros(3), roughness=0.0)
    coated = worlds.world_of(worlds.wall(5.0, surface=black_coat))
    assert radiance_of(coated).mean() > 0.03
    assert radiance_of(coated, diffuse=True).max() == 0.0
    mirror = worlds.world_of(worlds.wall(5.0, surface=worlds.MIRROR))
    board = worlds.world_of(worlds.wall(5.0, surface=Surface(Material.DIFFUSE, np.full(3, 0.9))))
    np.testing.assert_allclose(radiance_of(mirror, diffuse=True), radiance_of(board), rtol=1e-5)


def test_diffuse__leaves_the_world_as_it_was(worlds):
    world = worlds.world_of(worlds.wall(5.0, surface=worlds.MIRROR), worlds.wall(-4.0, name="behind"))
    renderer = Renderer(world, samples=2)
    before = renderer.radiance([world.shots[0]], seeds=[3])[0]
    renderer.radiance([world.shots[0]], seeds=[3], diffuse=True)
    np.testing.assert_array_equal(renderer.radiance([world.shots[0]], seeds=[3])[0], before)


def test_diffuse__panes_and_rough_coats_lose_their_reflection_too(worlds):
    """They keep one material and turn its reflection off: black under a coat stays black, a pane only transmits."""
    rough = worlds.world_of(worlds.wall(5.0, surface=Surface(Material.GLOSSY, np.zeros(3), roughness=0.1)))
    assert radiance_of(rough).mean() > 0.02
    assert radiance_of(rough, diffuse=True).max() == 0.0
    pane = worlds.world_of(worlds.wall(5.0, surface=Surface(Material.GLASS, np.ones(3))))  # nothing but an even sky behind it
    assert radiance_of(pane).mean() == pytest.approx(1.0, abs=0.01)
    assert 0.85 < radiance_of(pane, diffuse=True).mean() < 0.95


def test_radiance__mirror_shows_what_is_behind_the_camera(worlds):
    shots = worlds.world_of(worlds.wall(3.0)).shots
    mirror = worlds.wall(3.0, surface=worlds.MIRROR)
    # A lamp shines to the side of its normal only: turned about z it lights the mirror, otherwise it does not.
    away = Thing("lamp", ((worlds.facing(-2.0, 60.0), worlds.LAMP),), np.eye(4))
    towards = Thing("lamp", ((worlds.facing(2.0, 60.0), worlds.LAMP),), np.diag([-1.0, -1.0, 1.0, 1.0]))
    dark, bright = (radiance_of(World("test", 0, (mirror, lamp), (), None, shots)) for lamp in (away, towards))
    assert dark.max() == 0.0
    assert bright.mean() == pytest.approx(0.9 * 5.0, rel=0.01)  # paths end at random, so only the mean is exact


def test_radiance__lit_glass_shines_and_reflects(worlds):
    off = Surface(Material.GLASS, np.ones(3), emission=np.full(3, 0.5))
    image = radiance_of(worlds.world_of(worlds.wall(3.0, surface=off)))
    assert 0.52 < image.mean() < 0.7


def test_denoiser__takes_noise_away_and_keeps_the_mean():
    rng = np.random.default_rng(0)
    noisy = (0.5 + 0.2 * rng.standard_normal((32, 48, 3))).clip(0).astype(np.float32)
    flat = np.full((32, 48, 3), 0.5, dtype=np.float32)
    normals = np.broadcast_to(np.array([0, 0, -1], dtype=np.float32), flat.shape)
    clean = Denoiser(32, 48)(noisy, albedo=flat, normals=normals)
    assert clean.std() < 0.3 * noisy.std()
    assert clean.mean() == pytest.approx(noisy.mean(), rel=0.05)
