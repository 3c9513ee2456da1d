"""Holes in surfaces: a wall with a mirror image in it, what only stands in front or beside, doorless rooms."""

import numpy as np
import pytest
from scipy.ndimage import zoom

from leadline.geometry.openings import closed_openings, local_planes

H, W = 60, 90
K = np.array([[70.0, 0, 45], [0, 70.0, 30], [0, 0, 1]])
V, U = np.meshgrid(np.arange(H) + 0.5, np.arange(W) + 0.5, indexing="ij")
RAYS = np.stack([(U - 45) / 70, (V - 30) / 70, np.ones_like(U)], axis=-1)
MIRROR = (U > 50) & (U < 75) & (V > 10) & (V < 30)


def plane(*m: float) -> np.ndarray:
    """Depth (h, w) [m] of m . X = 1, far away where the plane is behind the camera."""
    return 1 / (RAYS @ np.array(m)).clip(1e-2)


def room() -> np.ndarray:
    """A wall 3 m ahead, a floor 0.6 m below and a wall 1.8 m to the left."""
    return np.minimum.reduce([plane(0, 0, 1 / 3), plane(0, 1 / 0.6, 0), plane(-1 / 1.8, 0, 0)])


def test_openings__a_mirror_image_in_a_wall_is_found_and_closed() -> None:
    truth = room()
    closed = closed_openings(np.where(MIRROR, 4.8 + 0.02 * U, truth), K)
    found = closed > 0
    assert (found & MIRROR).sum() > 0.95 * MIRROR.sum() and not (found & ~MIRROR).any()
    np.testing.assert_allclose(closed[found], truth[found], rtol=0.01)


def test_openings__a_mirror_that_leaves_the_picture_is_found_too() -> None:
    truth, hole = room(), (U > 60) & (V > 8) & (V < 28)
    closed = closed_openings(np.where(hole, 5.0, truth), K)
    assert ((closed > 0) & hole).sum() > 0.9 * hole.sum()
    np.testing.assert_allclose(closed[closed > 0], truth[closed > 0], rtol=0.01)


def test_openings__things_of_many_depths_in_a_mirror_are_one_opening() -> None:
    shown = np.where(U > 62, 4.0, 6.5)
    found = closed_openings(np.where(MIRROR, shown, room()), K) > 0
    assert (found & MIRROR).sum() > 0.95 * MIRROR.sum()


def test_openings__a_reflection_below_a_polished_floor_is_found() -> None:
    floor = plane(0, 1 / 0.6, 0)
    hole = (U > 30) & (U < 60) & (V > 46) & (V < 57)
    closed = closed_openings(np.where(hole, 1.6 * floor, np.minimum(room(), floor)), K)
    found = closed > 0
    assert (found & hole).sum() > 0.9 * hole.sum() and not (found & ~hole).any()
    np.testing.assert_allclose(closed[found], floor[found], rtol=0.02)


def test_openings__a_room_and_what_stands_in_it_hide_nothing() -> None:
    assert not closed_openings(room(), K).any()
    box = (U > 40) & (U < 60) & (V > 25) & (V < 45)
    assert not closed_openings(np.where(box, 1.5, room()), K).any()


def test_openings__what_is_seen_beside_a_wardrobe_is_not_seen_through_it() -> None:
    assert not closed_openings(np.where(U < 40, 2.0, 3.0), K).any()


def test_openings__specks_are_no_openings() -> None:
    speck = (U > 50) & (U < 54) & (V > 10) & (V < 14)
    assert not closed_openings(np.where(speck, 6.0, room()), K).any()


def test_openings__does_not_depend_on_the_unit() -> None:
    depth = np.where(MIRROR, 5.0, room())
    np.testing.assert_allclose(closed_openings(depth * 10, K), closed_openings(depth, K) * 10, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_openings__is_deaf_to_noise_of_a_percent(seed: int) -> None:
    noise = 1 + 0.01 * zoom(np.random.default_rng(seed).standard_normal((8, 12)), (H / 8, W / 12), order=3)
    found = closed_openings(np.where(MIRROR, 5.0, room()) * noise, K) > 0
    assert (found & MIRROR).sum() > 0.9 * MIRROR.sum() and (found & ~MIRROR).sum() < 20


def test_local_planes__are_exact_on_a_plane() -> None:
    m = np.array([0.1, -0.2, 0.3])
    found = local_planes(RAYS @ m, K)[8:-8, 8:-8]
    np.testing.assert_allclose(found, np.broadcast_to(m, found.shape), rtol=1e-6, atol=1e-9)
