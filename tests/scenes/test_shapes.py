"""Meshes are closed, face outwards, carry texture coordinates in metres."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.scenes import shapes
from leadline.scenes.world import Mesh

L_SHAPE = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
TURN = 2 * np.pi * np.arange(8) / 8
SOLIDS = {
    "box": (shapes.box((1, 2, 3), center=(4, 5, 6)), 6.0),
    "boxes": (shapes.boxes([(0, 0, 0), (5, 0, 0)], (1, 1, 2)), 4.0),
    "cylinder": (shapes.cylinder(0.5, 2.0, segments=64), np.pi * 0.25 * 2.0),
    "cone": (shapes.cone(0.5, 3.0, segments=64), np.pi * 0.25),
    "frustum": (shapes.frustum(2.0, 1.0, 3.0, segments=64), np.pi * 7.0),
    "sphere": (shapes.sphere(1.0, rings=48, segments=64), 4 / 3 * np.pi),
    "extruded L": (shapes.extrude(L_SHAPE, 1.5), 4.5),
    "extruded L, clockwise": (shapes.extrude(L_SHAPE[::-1], 1.5), 4.5),
    "loft": (
        shapes.loft(np.stack([[np.full(8, x), np.cos(TURN), np.sin(TURN)] for x in (0.0, 1.0, 3.0)]).transpose(0, 2, 1)),
        3 * np.sqrt(8),
    ),
    "mirrored box": (shapes.transform(shapes.box((1, 1, 1)), np.diag([-1.0, 2.0, 3.0, 1.0])), 6.0),
    "flat and smooth": (
        shapes.merge([shapes.box((1, 1, 1)), shapes.transform(shapes.cylinder(0.5, 1.0, segments=64), shapes.pose(9))]),
        1 + np.pi / 4,
    ),
}


def solid(mesh: Mesh) -> trimesh.Trimesh:
    found = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    found.merge_vertices(merge_tex=True, merge_norm=True)
    return found


@pytest.mark.parametrize("name", SOLIDS)
def test_solids__are_closed_and_face_outwards(name: str) -> None:
    mesh, volume = SOLIDS[name]
    found = solid(mesh)
    assert found.is_watertight and found.is_winding_consistent
    assert found.volume == pytest.approx(volume, rel=0.01)
    assert mesh.uv is not None and mesh.uv.shape == (len(mesh.vertices), 2) and np.isfinite(mesh.uv).all()
    if mesh.normals is not None:
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-9)
        along = np.einsum("fc,fkc->fk", shapes.face_normals(mesh), mesh.normals[mesh.faces])
        assert along.min() > 0.3


@pytest.mark.parametrize(
    ("mesh", "normal"),
    [
        (shapes.quad((0, 0, 0), (2, 0, 0), (0, 0, 3)), (0, -1, 0)),
        (shapes.plane(2.0, 3.0), (0, 0, 1)),
        (shapes.disc(1.0), (0, 0, 1)),
        (shapes.ribbon(np.array([[0, 0, 0], [5, 0, 0]]), np.array([[0, 1, 0], [5, 1, 0]])), (0, 0, 1)),
        (shapes.heightfield(np.zeros((3, 4)), cell_m=0.5), (0, 0, 1)),
    ],
)
def test_sheets__face_where_they_should(mesh: Mesh, normal: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(shapes.face_normals(mesh), np.tile(normal, (len(mesh.faces), 1)), atol=1e-12)


@pytest.mark.parametrize(
    "mesh", [SOLIDS["box"][0], SOLIDS["extruded L"][0], shapes.cylinder(0.5, 2.0, segments=64, caps=False), shapes.plane(7.0, 2.0)]
)
def test_uv__is_in_metres(mesh: Mesh) -> None:
    assert mesh.uv is not None
    texture, space = mesh.uv[mesh.faces], mesh.vertices[mesh.faces]
    for i in range(3):
        in_texture = np.linalg.norm(texture[:, i] - texture[:, i - 1], axis=1)
        in_space = np.linalg.norm(space[:, i] - space[:, i - 1], axis=1)
        np.testing.assert_allclose(in_texture, in_space, rtol=2e-3)


def test_quad__puts_the_bottom_row_at_v_0() -> None:
    mesh = shapes.quad((0, 0, 1), (2, 0, 0), (0, 0, 3))
    assert mesh.uv is not None
    assert mesh.uv[mesh.vertices[:, 2].argmin()][1] == 0.0
    assert mesh.uv[mesh.vertices[:, 2].argmax()][1] == 3.0


def test_bars_and_rods__face_outwards() -> None:
    start, end = np.array([[0.0, 0, 0], [3, 0, 0]]), np.array([[0.3, 0.2, 1.0], [3, 1, 2]])
    for mesh in (shapes.bars(start, end, 0.1), shapes.rods(start, end, 0.1, [0.05, 0.02])):
        middle = mesh.vertices[mesh.faces].mean(axis=1)
        which = (middle[:, 0] > 1.5).astype(int)
        along = (end - start)[which] / np.linalg.norm(end - start, axis=1)[which, None]
        out = middle - start[which]
        out = out - np.einsum("nc,nc->n", out, along)[:, None] * along
        assert (np.einsum("nc,nc->n", out, shapes.face_normals(mesh)) > 0).all()


def test_heightfield__has_the_normals_of_a_slope() -> None:
    x = np.arange(5) * 0.5
    mesh = shapes.heightfield(np.tile(0.75 * x, (4, 1)), cell_m=0.5)
    assert mesh.normals is not None
    np.testing.assert_allclose(mesh.normals, np.tile(np.array([-0.6, 0.0, 0.8]), (20, 1)), atol=1e-12)


def test_triangulate__refuses_a_clockwise_outline() -> None:
    with pytest.raises(ValueError, match="clockwise"):
        shapes.triangulate(np.array(L_SHAPE[::-1], dtype=float))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.3, 2.0), min_size=4, max_size=12))
def test_triangulate__covers_star_shaped_outlines(radii: list[float]) -> None:
    turn = 2 * np.pi * np.arange(len(radii)) / len(radii)
    outline = np.array(radii)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    faces = shapes.triangulate(outline)
    a, b, c = (outline[faces[:, i]] for i in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    x, y = outline.T
    assert (areas > 0).all() and len(faces) == len(outline) - 2
    assert areas.sum() == pytest.approx(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def test_transform__turns_normals_under_uneven_scale() -> None:
    mesh = shapes.transform(shapes.sphere(1.0), np.diag([3.0, 1.0, 1.0, 1.0]))
    assert mesh.normals is not None
    expected = mesh.vertices / np.array([9.0, 1.0, 1.0])
    np.testing.assert_allclose(mesh.normals, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-9)


def test_rotation_and_pose__are_right_handed() -> None:
    np.testing.assert_allclose(shapes.rotation("z", np.pi / 2)[:3, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(shapes.rotation("x", np.pi / 2)[:3, 1], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(shapes.rotation("y", np.pi / 2)[:3, 2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(shapes.pose(1, 2, 3, yaw=np.pi / 2, scale=2.0) @ [1, 0, 0, 1], [1, 4, 3, 1], atol=1e-12)
