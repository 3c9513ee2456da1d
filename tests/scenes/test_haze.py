"""Haze has the closed form of Koschmieder's law on a plane of known distance, and is part of pictures only."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.scenes.haze import make_haze, through_haze
from leadline.scenes.render import Renderer
from leadline.scenes.truth import TruthMaker
from leadline.scenes.world import Haze

HAZE = Haze(beta_per_m=0.02, airlight=np.array([0.5, 0.6, 0.7]), depth_m=100.0)


def test_through_haze__closed_form_on_a_wall(worlds) -> None:
    world = worlds.world_of(worlds.wall(30.0))
    shot = world.shots[0]
    truth = TruthMaker(Renderer(world, samples=1))(shot)
    ray = 30.0 * np.linalg.norm(worlds.pixel_rays(shot.camera), axis=2)
    np.testing.assert_allclose(truth.ray_distance, np.where(truth.depth > 0, ray, np.inf), rtol=1e-5)
    seen = through_haze(np.full((*ray.shape, 3), 0.2, dtype=np.float32), HAZE, shot, truth.ray_distance)
    kept = np.exp(-0.02 * ray)[..., None]
    wall = truth.depth > 0
    np.testing.assert_allclose(seen[wall], (0.2 * kept + HAZE.airlight * (1 - kept))[wall], rtol=1e-5)


def test_through_haze__hides_the_horizon_and_not_the_zenith(worlds) -> None:
    world = worlds.world_of(worlds.wall(-5.0))  # behind the camera: it sees sky alone
    shot = world.shots[0]
    distance = np.full((shot.camera.height, shot.camera.width), np.inf)
    seen = through_haze(np.zeros((*distance.shape, 3), dtype=np.float32), HAZE, shot, distance)
    middle = shot.camera.height // 2
    np.testing.assert_allclose(seen[middle:], np.broadcast_to(HAZE.airlight, seen[middle:].shape), rtol=1e-4)
    rise = -worlds.pixel_rays(shot.camera)[0, 24, 1] / np.linalg.norm(worlds.pixel_rays(shot.camera)[0, 24])
    np.testing.assert_allclose(seen[0, 24], HAZE.airlight * (1 - np.exp(-0.02 * 100.0 / rise)), rtol=1e-5)


def test_truth__does_not_know_haze(worlds) -> None:
    world = worlds.world_of(worlds.wall(30.0))
    clear, hazy = (TruthMaker(Renderer(w, samples=1))(w.shots[0]) for w in (world, replace(world, haze=HAZE)))
    for name, layer in vars(clear).items():
        np.testing.assert_array_equal(layer, getattr(hazy, name))


def test_make_haze__takes_its_light_from_the_horizon() -> None:
    sky = np.zeros((64, 128, 3), dtype=np.float32)
    sky[28:32] = [0.3, 0.4, 0.5]
    for seed in range(20):
        haze = make_haze(np.random.default_rng(seed), sky)
        np.testing.assert_allclose(haze.airlight, [0.3, 0.4, 0.5], rtol=1e-6)
        assert np.exp(-haze.beta_per_m * 90.0) >= 0.0199 and np.exp(-haze.beta_per_m * 700.0) <= 0.0201
    assert haze.beta_per_m == pytest.approx(make_haze(np.random.default_rng(19), sky).beta_per_m)
