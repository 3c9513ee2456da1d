"""Tubes along curves, hanging lines, and things spread over a plane."""

import numpy as np
import pytest

from leadline.scenes import fences, strands
from leadline.scenes.spread import Spread, discs
from leadline.scenes.world import Surface
from leadline.types import Material


def area_of(mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_sweep__keeps_its_radius_and_faces_outwards():
    turn = np.linspace(0.0, 4.0, 60)
    curve = np.stack([np.cos(turn), np.sin(turn), 0.3 * turn], axis=1)
    tube = strands.sweep(curve, 0.05, sides=8)
    around = tube.vertices.reshape(60, 9, 3) - curve[:, None]
    np.testing.assert_allclose(np.linalg.norm(around, axis=2), 0.05, rtol=1e-9)
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    np.testing.assert_allclose(np.einsum("nkc,nc->nk", around, tangent), 0.0, atol=1e-12)
    a, b, c = (tube.vertices[tube.faces[:, i]] for i in range(3))
    assert tube.normals is not None
    outwards = np.einsum("nc,nc->n", np.cross(b - a, c - a), tube.normals[tube.faces].mean(axis=1))
    assert (outwards > 0).all()
    # It does not twist: the side of a cross section hardly turns about the curve from one point to the next.
    side = around[:, 0] / 0.05
    assert np.einsum("nc,nc->n", side[1:], side[:-1]).min() > 0.99


def test_torus__has_the_area_that_pappus_says():
    assert area_of(strands.torus(0.3, 0.02, num=120, sides=24)) == pytest.approx(4 * np.pi**2 * 0.3 * 0.02, rel=0.01)


def test_curved__goes_through_its_knots_and_straight_ones_stay_straight():
    knots = np.array([[0.0, 0, 0], [1, 2, 0], [3, 2, 1], [4, 0, 0]])
    line = strands.curved(knots, 400)
    assert max(np.linalg.norm(line - knot, axis=1).min() for knot in knots) < 0.02
    np.testing.assert_allclose(strands.curved([(0, 0, 0), (1, 0, 0), (3, 0, 0)], 7)[:, 0], np.linspace(0, 3, 7), atol=1e-12)


def test_sagging__hangs_as_deep_as_it_is_told():
    line = strands.sagging((0, 0, 2.0), (4, 0, 2.0), 0.25, num=5)
    np.testing.assert_allclose(line[:, 2], [2.0, 1.8125, 1.75, 1.8125, 2.0])
    np.testing.assert_allclose(line[:, 0], [0, 1, 2, 3, 4])


def test_discs__cover_a_long_thing_by_several():
    pose = np.eye(4)
    pose[:2, 3] = 1.0, 2.0
    found = discs(pose, (0.3, 0.1))
    np.testing.assert_allclose(found, [[0.9, 2.0, 0.055], [1.0, 2.0, 0.055], [1.1, 2.0, 0.055]])
    np.testing.assert_allclose(discs(pose, (0.2, 0.2)), [[1.0, 2.0, 0.1]])


def test_discs__leave_no_large_corner_out():
    found = discs(np.eye(4), (9.0, 8.0))
    corner = np.linalg.norm(found[:, :2] - (4.5, 4.0), axis=1) - found[:, 2]
    assert len(found) == 72 and corner.min() < 0.2


def test_spread__finds_free_places_until_it_is_full():
    rng, spread = np.random.default_rng(0), Spread(0.7)
    placed = [spread.find(rng, (0.2, 0.2), (0.0, 0.0, 1.0, 0.6), gap=0.02) for _ in range(60)]
    poses = [pose for pose in placed if pose is not None]
    assert 4 <= len(poses) <= 15 and placed[-1] is None  # 3 x 5 is the most that a grid could hold
    places = np.array([pose[:3, 3] for pose in poses])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(len(places))
    assert apart.min() > 0.22 and (places[:, 2] == 0.7).all()
    assert (places[:, 0] > 0.1).all() and (places[:, 0] < 0.9).all() and (places[:, 1] < 0.5).all()


def test_spread__a_path_gives_way():
    spread = Spread(taken=[(0.5, 0.01, 0.1)])
    path = np.stack([np.linspace(0, 1, 40), np.zeros(40)], axis=1)
    bent = spread.pushed_out(path, 0.02)
    assert np.linalg.norm(bent - (0.5, 0.01), axis=1).min() > 0.11
    np.testing.assert_array_equal(bent[[0, -1]], path[[0, -1]])


@pytest.mark.parametrize("kind", fences.KINDS)
def test_fence__stands_on_its_line(kind: str):
    leaves = Surface(Material.DIFFUSE, np.array([0.1, 0.3, 0.1]))
    parts = fences.fence(np.random.default_rng(4), kind, leaves, length=3.0)
    points = np.concatenate([mesh.vertices for mesh, _ in parts])
    assert np.isfinite(points).all() and -0.3 < points[:, 0].min() and points[:, 0].max() < 3.3
    assert np.abs(points[:, 1]).max() < 0.7 and 0.7 < points[:, 2].max() < 2.2


def test_fence__of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no fence 'moat'"):
        fences.fence(np.random.default_rng(0), "moat", Surface(Material.DIFFUSE, np.ones(3)), length=1.0)
