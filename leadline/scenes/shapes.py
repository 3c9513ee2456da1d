"""Meshes of simple solids and sheets, outward normals, texture coordinates in metres.

Convention: z up; faces are counter-clockwise seen from outside; u runs to the right and v upwards seen from outside, so
that a texture's bottom row lies at v = 0. Curved shapes carry smooth vertex normals, angular ones are flat.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadline.scenes.world import Mesh

Vector = Sequence[float] | np.ndarray
Vectors = Vector | Sequence[Vector]
"""One point or many."""
_BOX_SIDES = np.array(  # corner, u edge, v edge of each side of the unit cube: front, right, back, left, top, bottom
    [
        [[0, 0, 0], [1, 0, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 1, 0], [-1, 0, 0], [0, 0, 1]],
        [[0, 1, 0], [0, -1, 0], [0, 0, 1]],
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        [[0, 1, 0], [1, 0, 0], [0, -1, 0]],
    ],
    dtype=np.float64,
)


_QUAD_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, *, yaw: float = 0.0, scale: Vector | float = 1.0) -> np.ndarray:
    """The matrix (4, 4) that scales, turns by `yaw` [rad] about z and moves to (x, y, z) [m]."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    matrix = np.array([[cos, -sin, 0.0, x], [sin, cos, 0.0, y], [0.0, 0.0, 1.0, z], [0.0, 0.0, 0.0, 1.0]])
    matrix[:3, :3] *= np.broadcast_to(np.asarray(scale, dtype=np.float64), 3)
    return matrix


def rotation(axis: str, angle: float) -> np.ndarray:
    """The matrix (4, 4) that turns by `angle` [rad] about the axis "x", "y" or "z"."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(4)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[j, i] = np.sin(angle)
    matrix[i, j] = -matrix[j, i]
    return matrix


def transform(mesh: Mesh, matrix: np.ndarray) -> Mesh:
    """`mesh` moved by an affine `matrix` (4, 4); a mirroring one keeps the faces outward. Texture coordinates stay."""
    linear = np.asarray(matrix, dtype=np.float64)[:3, :3]
    vertices = mesh.vertices @ linear.T + matrix[:3, 3]
    mirrored = np.linalg.det(linear) < 0
    faces = mesh.faces[:, ::-1] if mirrored else mesh.faces
    normals = None if mesh.normals is None else _unit(mesh.normals @ np.linalg.inv(linear))
    return replace(mesh, vertices=vertices, faces=faces, normals=normals)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several. Missing texture coordinates become 0; flat meshes stay flat beside smooth ones."""
    if any(mesh.normals is not None for mesh in meshes):
        meshes = [mesh if mesh.normals is not None else flat(mesh) for mesh in meshes]
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    with_uv = any(mesh.uv is not None for mesh in meshes)
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        uv=np.concatenate([np.zeros((len(m.vertices), 2)) if m.uv is None else m.uv for m in meshes]) if with_uv else None,
        normals=np.concatenate([m.normals for m in meshes if m.normals is not None]) if meshes[0].normals is not None else None,
    )


def flat(mesh: Mesh) -> Mesh:
    """`mesh` with three vertices of its own for every face and the normals of the faces."""
    index = mesh.faces.reshape(-1)
    return Mesh(
        vertices=mesh.vertices[index],
        faces=np.arange(len(index)).reshape(-1, 3),
        uv=None if mesh.uv is None else mesh.uv[index],
        normals=np.repeat(face_normals(mesh), 3, axis=0),
    )


def face_normals(mesh: Mesh) -> np.ndarray:
    """Unit normals (m, 3) of the faces, by the right hand rule."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return _unit(np.cross(b - a, c - a))


def quads(origin: Vectors, u_edge: Vectors, v_edge: Vectors, *, uv_origin: Vectors = (0.0, 0.0)) -> Mesh:
    """Many parallelograms at once: arguments (n, 3) [m], or (3,) for all; `uv_origin` (n, 2) [m]. Normals are u_edge x v_edge."""
    start, u_edge, v_edge = _rows(origin, u_edge, v_edge)
    num = len(start)
    vertices = np.empty((num, 4, 3))
    vertices[:, 0] = start
    vertices[:, 1] = start + u_edge
    vertices[:, 2] = vertices[:, 1] + v_edge
    vertices[:, 3] = start + v_edge
    uv = np.empty((num, 4, 2))
    uv[:] = np.asarray(uv_origin, dtype=np.float64).reshape(-1, 1, 2)
    uv[:, 1:3, 0] += np.sqrt((u_edge * u_edge).sum(axis=1))[:, None]
    uv[:, 2:, 1] += np.sqrt((v_edge * v_edge).sum(axis=1))[:, None]
    faces = 4 * np.arange(num)[:, None, None] + _QUAD_FACES
    return Mesh(vertices.reshape(-1, 3), faces.reshape(-1, 3), uv.reshape(-1, 2))


def quad(origin: Vector, u_edge: Vector, v_edge: Vector) -> Mesh:
    """The parallelogram from `origin` along two edges [m]; its normal is u_edge x v_edge."""
    return quads(origin, u_edge, v_edge)


def plane(size_x: float, size_y: float, *, center: Vector = (0.0, 0.0, 0.0)) -> Mesh:
    """A horizontal rectangle [m] that faces up."""
    x, y, z = center
    return quad((x - size_x / 2, y - size_y / 2, z), (size_x, 0, 0), (0, size_y, 0))


def box(size: Vector, *, center: Vector = (0.0, 0.0, 0.0)) -> Mesh:
    """A box of `size` (x, y, z) [m] around `center`; six sides with texture coordinates of their own."""
    return boxes(center, size)


def boxes(center: Vectors, size: Vectors) -> Mesh:
    """Many boxes at once: `center` and `size` (n, 3) [m], or (3,) for all."""
    middle, extent = _rows(center, size)
    low = middle - extent / 2
    origin = low[:, None] + extent[:, None] * _BOX_SIDES[None, :, 0]
    return quads(*(v.reshape(-1, 3) for v in (origin, extent[:, None] * _BOX_SIDES[None, :, 1], extent[:, None] * _BOX_SIDES[None, :, 2])))


def bars(start: Vectors, end: Vectors, thickness: float) -> Mesh:
    """Slanted posts between points (n, 3) [m], without ends, their square cross sections level; not for level bars."""
    low, high = _rows(start, end)
    square = 0.5 * thickness * np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]])
    edges = np.roll(square, -1, axis=0) - square
    num, up = len(low), high - low
    return quads((low[:, None] + square).reshape(-1, 3), np.tile(edges, (num, 1)), np.repeat(up, 4, axis=0))


def rods(start: Vectors, end: Vectors, start_radius: Vector | float, end_radius: Vector | float, *, sides: int = 7) -> Mesh:
    """Round tapered bars between points (n, 3) [m] with radii (n,) [m], smooth and without ends: limbs, branches, rails."""
    low, high = _rows(start, end)
    num = len(low)
    axis = _unit(high - low)
    across = _unit(np.cross(axis, np.where(np.abs(axis[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])))
    turn = 2 * np.pi * np.arange(sides + 1) / sides
    ring = np.cos(turn)[:, None] * across[:, None] + np.sin(turn)[:, None] * np.cross(axis, across)[:, None]
    radii = np.stack([np.broadcast_to(start_radius, num), np.broadcast_to(end_radius, num)], axis=1)
    vertices = np.stack([low, high], axis=1)[:, :, None] + radii[:, :, None, None] * ring[:, None]
    u = radii.max(axis=1)[:, None, None] * np.broadcast_to(turn, (num, 2, sides + 1))
    v = np.linalg.norm(high - low, axis=1)[:, None, None] * np.broadcast_to(np.array([[0.0], [1.0]]), (num, 2, sides + 1))
    faces = 2 * (sides + 1) * np.arange(num)[:, None, None] + grid_faces(2, sides + 1)
    normals = np.repeat(ring[:, None], 2, axis=1).reshape(-1, 3)
    return Mesh(vertices.reshape(-1, 3), faces.reshape(-1, 3), np.stack([u, v], axis=3).reshape(-1, 2), normals)


def disc(radius: float, *, segments: int = 16) -> Mesh:
    """A flat disc [m] in z = 0 that faces up."""
    return _disc(radius, 0.0, up=True, segments=segments)


def cylinder(radius: float, height: float, *, segments: int = 16, caps: bool = True) -> Mesh:
    """A cylinder [m] that stands on z = 0."""
    return frustum(radius, radius, height, segments=segments, caps=caps)


def cone(radius: float, height: float, *, segments: int = 16, caps: bool = True) -> Mesh:
    """A cone [m] that stands on z = 0."""
    return frustum(radius, 0.0, height, segments=segments, caps=caps)


def frustum(bottom_radius: float, top_radius: float, height: float, *, segments: int = 16, caps: bool = True) -> Mesh:
    """A cone without its tip [m] that stands on z = 0."""
    side = lathe([(bottom_radius, 0.0), (top_radius, height)], segments=segments)
    if not caps:
        return side
    ends = [(bottom_radius, 0.0, False), (top_radius, height, True)]
    return merge([side] + [_disc(radius, z, up=up, segments=segments) for radius, z, up in ends if radius > 0])


def sphere(radius: float, *, rings: int = 10, segments: int = 16) -> Mesh:
    """A sphere [m] around the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    ball = lathe(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), segments=segments)
    return replace(ball, normals=ball.vertices / radius)


def lathe(profile: Sequence[Vector] | np.ndarray, *, segments: int = 16) -> Mesh:
    """The smooth surface of revolution of `profile` (n, 2), pairs (radius, z) [m] listed upwards: bottles, lamps, domes.

    Listed downwards it faces inwards. Not closed at its ends unless the radius is 0 there.
    """
    profile = np.asarray(profile, dtype=np.float64)
    profile = np.stack([np.where(np.abs(profile[:, 0]) < 1e-9, 0.0, profile[:, 0]), profile[:, 1]], axis=1)
    num, turn = len(profile), 2 * np.pi * np.arange(segments + 1) / segments
    around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    around[-1] = around[0]
    vertices = np.concatenate([profile[:, None, :1] * around[None], np.broadcast_to(profile[:, None, 1:], (num, segments + 1, 1))], axis=2)
    slope = _unit(np.diff(profile, axis=0))
    slope = _unit(np.concatenate([slope[:1], slope]) + np.concatenate([slope, slope[-1:]]))
    normals = np.concatenate([slope[:, None, 1:] * around[None], np.broadcast_to(-slope[:, None, :1], (num, segments + 1, 1))], axis=2)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    girth = 2 * np.pi * profile[:, 0].max()
    u, v = np.meshgrid(girth * turn / (2 * np.pi), length)
    faces = grid_faces(num, segments + 1)
    a, b, c = (vertices.reshape(-1, 3)[faces[:, i]] for i in range(3))
    full = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-12 * max(girth, 1e-6)
    return Mesh(vertices.reshape(-1, 3), faces[full], np.stack([u, v], axis=2).reshape(-1, 2), _unit(normals.reshape(-1, 3)))


def heightfield(heights: np.ndarray, *, cell_m: float) -> Mesh:
    """A smooth surface over a grid: `heights` (ny, nx) [m], `cell_m` apart, centred on the origin."""
    num_y, num_x = heights.shape
    x, y = np.meshgrid((np.arange(num_x) - (num_x - 1) / 2) * cell_m, (np.arange(num_y) - (num_y - 1) / 2) * cell_m)
    dy, dx = np.gradient(heights, cell_m)
    normals = _unit(np.stack([-dx, -dy, np.ones_like(dx)], axis=2).reshape(-1, 3))
    return Mesh(
        vertices=np.stack([x, y, heights], axis=2).reshape(-1, 3),
        faces=grid_faces(num_y, num_x),
        uv=np.stack([x, y], axis=2).reshape(-1, 2),
        normals=normals,
    )


def ribbon(right: np.ndarray, left: np.ndarray) -> Mesh:
    """The strip between two polylines (n, 3) [m] of one direction; faces up where `left` lies left of `right`.

    u runs from right to left across, v along: distances measured on the right line and on each cross section.
    """
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(right, axis=0), axis=1))])
    across = np.linalg.norm(left - right, axis=1)
    num = len(right)
    uv = np.stack([np.stack([along, np.zeros(num)], axis=1), np.stack([along, across], axis=1)])
    return Mesh(np.concatenate([right, left]), grid_faces(2, num), uv.reshape(-1, 2))


def loft(sections: np.ndarray) -> Mesh:
    """The smooth skin over closed `sections` (n, k, 3) [m], its two ends closed by flat covers: car bodies, hulls, limbs.

    Points run counter-clockwise in each section seen against the direction in which the sections follow each other.
    """
    sections = np.asarray(sections, dtype=np.float64)
    num, k = sections.shape[:2]
    ring = np.concatenate([sections, sections[:, :1]], axis=1)
    normals = np.zeros((num * k, 3))
    index = np.arange(num * k).reshape(num, k)
    wrapped = grid_faces(num, k + 1)
    wrapped = np.concatenate([index, index[:, :1]], axis=1).reshape(-1)[wrapped]
    a, b, c = (sections.reshape(-1, 3)[wrapped[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)
    for i in range(3):
        np.add.at(normals, wrapped[:, i], area)
    normals = _unit(normals).reshape(num, k, 3)
    girth = np.concatenate([np.zeros((num, 1)), np.cumsum(np.linalg.norm(np.diff(ring, axis=1), axis=2), axis=1)], axis=1)
    centre = sections.mean(axis=1)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
    uv = np.stack([girth, np.broadcast_to(along[:, None], girth.shape)], axis=2)
    skin = Mesh(
        ring.reshape(-1, 3), grid_faces(num, k + 1), uv.reshape(-1, 2), np.concatenate([normals, normals[:, :1]], axis=1).reshape(-1, 3)
    )
    return merge([skin, flat(_fan(sections[0][::-1])), flat(_fan(sections[-1]))])


def extrude(polygon: Sequence[Vector] | np.ndarray, height: float) -> Mesh:
    """The prism over a simple `polygon` (n, 2) [m], concave allowed, from z = 0 to `height` [m]."""
    outline = np.asarray(polygon, dtype=np.float64)
    if _area(outline) < 0:
        outline = outline[::-1]
    cover = triangulate(outline)
    num = len(outline)
    top = Mesh(np.concatenate([outline, np.full((num, 1), height)], axis=1), cover, outline)
    bottom = Mesh(np.concatenate([outline, np.zeros((num, 1))], axis=1), cover[:, ::-1], outline)
    sides = []
    run = 0.0
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        side = quad((*start, 0.0), (*(end - start), 0.0), (0.0, 0.0, height))
        sides.append(replace(side, uv=side.uv + np.array([run, 0.0])))
        run += float(np.linalg.norm(end - start))
    return merge([top, bottom, *sides])


def triangulate(outline: np.ndarray) -> np.ndarray:
    """Triangles (n - 2, 3) of a simple counter-clockwise polygon (n, 2), by cutting ears."""
    left = list(range(len(outline)))
    faces = []
    while len(left) > 3:
        for i in range(len(left)):
            a, b, c = left[i - 1], left[i], left[(i + 1) % len(left)]
            others = outline[[j for j in left if j not in (a, b, c)]]
            if _area(outline[[a, b, c]]) > 1e-12 and not _inside(others, outline[[a, b, c]]).any():
                faces.append((a, b, c))
                left.pop(i)
                break
        else:
            raise ValueError("the outline crosses itself or runs clockwise")
    return np.array([*faces, left])


def grid_faces(num_rows: int, num_columns: int) -> np.ndarray:
    """Triangles of a grid of vertices stored row by row; columns run right and rows up seen from outside."""
    index = np.arange(num_rows * num_columns).reshape(num_rows, num_columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=2).reshape(-1, 3)


def _disc(radius: float, z: float, *, up: bool, segments: int) -> Mesh:
    turn = 2 * np.pi * np.arange(segments) / segments
    rim = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    uv = np.concatenate([np.zeros((1, 2)), rim])
    i = np.arange(segments)
    faces = np.stack([np.zeros(segments, dtype=i.dtype), 1 + i, 1 + (i + 1) % segments], axis=1)
    normal = np.array([0.0, 0.0, 1.0 if up else -1.0])
    vertices = np.concatenate([uv, np.full((segments + 1, 1), z)], axis=1)
    return Mesh(vertices, faces if up else faces[:, ::-1], uv, np.broadcast_to(normal, vertices.shape).copy())


def _fan(outline: np.ndarray) -> Mesh:
    i = np.arange(len(outline))
    faces = np.stack([np.full_like(i, len(i)), i, (i + 1) % len(i)], axis=1)
    return Mesh(np.concatenate([outline, outline.mean(axis=0, keepdims=True)]), faces, np.zeros((len(i) + 1, 2)))


def _rows(*vectors: Vectors) -> list[np.ndarray]:
    """Arguments (n, 3) or (3,) as (n, 3), all of one length."""
    tables = [np.asarray(vector, dtype=np.float64).reshape(-1, 3) for vector in vectors]
    num = max(len(table) for table in tables)
    return [table if len(table) == num else np.repeat(table, num, axis=0) for table in tables]


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _inside(points: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    edge = np.roll(triangle, -1, axis=0) - triangle
    to_point = points[:, None] - triangle[None]
    return np.all(edge[None, :, 0] * to_point[..., 1] - edge[None, :, 1] * to_point[..., 0] >= -1e-12, axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norm == 0, 1.0, norm)
