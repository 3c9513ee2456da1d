"""Textures repeat without seams, are the same for the same generator, and are not blank."""

import inspect

import numpy as np
import pytest

from leadline.scenes import textures

NOISES = ("value_noise", "fractal", "voronoi")
TILES = [
    name
    for name, function in inspect.getmembers(textures, inspect.isfunction)
    if function.__module__ == textures.__name__ and not name.startswith("_") and name not in NOISES
]


@pytest.mark.parametrize("name", TILES)
def test_texture__is_a_deterministic_tile(name: str) -> None:
    draw = getattr(textures, name)
    image = draw(np.random.default_rng(5), 96)
    assert image.shape == (96, 96, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, draw(np.random.default_rng(5), 96))
    assert (image != draw(np.random.default_rng(6), 96)).any()
    assert image.std() > 1.0
    assert 8 < image.mean() < 247


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize("axis", [0, 1])
def test_texture__meets_itself_at_its_edges(name: str, axis: int) -> None:
    """The step across the seam is no larger than the largest inside, at a joint or an edge of a pattern."""
    image = np.concatenate([getattr(textures, name)(np.random.default_rng(seed), 128) for seed in (1, 2)], axis=1 - axis).astype(float)
    steps = np.abs(np.diff(np.concatenate([image, image.take([0], axis=axis)], axis=axis), axis=axis)).mean(axis=(1 - axis, 2))
    assert steps[-1] <= 1.1 * steps[:-1].max() + 0.5


@pytest.mark.parametrize("name", [name for name in TILES if "color" in inspect.signature(getattr(textures, name)).parameters])
def test_texture__takes_a_color(name: str) -> None:
    image = getattr(textures, name)(np.random.default_rng(3), 64, color=(0.1, 0.2, 0.7))
    red, green, blue = image.mean(axis=(0, 1))
    if name not in ("carpet", "facade", "grass"):  # of two colours, of windows, of dry grass
        assert blue > green > red


@pytest.mark.parametrize("size", [100, 37])
def test_value_noise__is_periodic_and_in_range(size: int) -> None:
    noise = textures.value_noise(np.random.default_rng(0), size, (3, 5))
    assert noise.shape == (size, size) and noise.min() >= 0.0 and noise.max() <= 1.0
    wrapped = np.concatenate([noise, noise[:1]])
    assert np.abs(np.diff(wrapped, axis=0)[-1]).max() <= np.abs(np.diff(noise, axis=0)).max() + 0.05


def test_voronoi__is_the_nearest_of_all_points() -> None:
    """Against all nine copies of all points, by brute force."""
    size, count = 48, 5
    index, edge = textures.voronoi(np.random.default_rng(4), size, count)
    jitter = np.random.default_rng(4).random((count, count, 2))
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count), indexing="ij"), axis=2) + jitter
    copies = np.concatenate([grid.reshape(-1, 2) + np.array([dy * count, dx * count]) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    t = (np.arange(size) + 0.5) / size * count
    pixels = np.stack(np.meshgrid(t, t, indexing="ij"), axis=2).reshape(-1, 1, 2)
    distance = np.linalg.norm(pixels - copies, axis=2)
    np.testing.assert_array_equal(index.ravel(), distance.argmin(axis=1) % count**2)
    nearest = np.sort(distance, axis=1)
    np.testing.assert_allclose(edge.ravel(), nearest[:, 1] - nearest[:, 0], atol=0.35)
    assert np.abs(edge.ravel() - (nearest[:, 1] - nearest[:, 0])).mean() < 0.01
