"""All triangles of a world in one list, and what is known where a ray meets one of them. NumPy, float64.

The renderer says which triangle a ray meets; where exactly, with which normal and texture coordinate, is computed here.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leadline.scenes.world import World


@dataclass(frozen=True, eq=False)
class Faces:
    """The triangles of one frame, world frame [m]."""

    corners: np.ndarray
    """(n, 3, 3)."""
    normals: np.ndarray
    """(n, 3, 3) shading normals at the corners, not all of unit length."""
    uv: np.ndarray
    """(n, 3, 2) [m of texture]."""
    part: np.ndarray
    """(n,) index into `Parts.index`."""

    @cached_property
    def face_normals(self) -> np.ndarray:
        """(n, 3), right hand rule, length twice the area."""
        return np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])


@dataclass(frozen=True, eq=False)
class Meeting:
    """Where rays (n) met triangles: all arrays (n, ...)."""

    distance: np.ndarray
    """In lengths of the direction."""
    normal: np.ndarray
    """Unit shading normal on the side from which the ray came."""
    uv: np.ndarray
    cos: np.ndarray
    """Cosine between the ray and the normal of the triangle, in (0, 1]."""


class Parts:
    """The parts of all things of a world, flattened; `at` gives their triangles at a frame."""

    def __init__(self, world: World) -> None:
        self.index = tuple((i, j) for i, thing in enumerate(world.things) for j in range(len(thing.parts)))
        """(thing, part of it) of every part."""
        self.surfaces = tuple(world.things[i].parts[j][1] for i, j in self.index)
        self.meshes = tuple(world.things[i].parts[j][0] for i, j in self.index)
        self.poses = tuple(world.things[i].poses for i, _ in self.index)
        self.moving = tuple(p for p, poses in enumerate(self.poses) if poses.ndim == 3)
        self._still: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._uv = np.concatenate([np.zeros((len(m.faces), 3, 2)) if m.uv is None else m.uv[m.faces] for m in self.meshes])
        self._part = np.repeat(np.arange(len(self.meshes)), [len(m.faces) for m in self.meshes])

    def pose(self, part: int, frame: int) -> np.ndarray:
        """world_from_thing (4, 4) of `part` at `frame`."""
        poses = self.poses[part]
        return poses if poses.ndim == 2 else poses[frame]

    def at(self, frame: int) -> Faces:
        """Every triangle at `frame`."""
        placed = [self._placed(p, frame) for p in range(len(self.meshes))]
        return Faces(np.concatenate([c for c, _ in placed]), np.concatenate([n for _, n in placed]), self._uv, self._part)

    def _placed(self, part: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
        if part in self._still:
            return self._still[part]
        mesh, pose = self.meshes[part], self.pose(part, frame)
        corners = (mesh.vertices @ pose[:3, :3].T + pose[:3, 3])[mesh.faces]
        if mesh.normals is None:
            normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
            normals = np.broadcast_to(normal[:, None], corners.shape)
        else:
            normals = (mesh.normals @ np.linalg.inv(pose[:3, :3]))[mesh.faces]
        if self.poses[part].ndim == 2:
            self._still[part] = corners, normals
        return corners, normals


def meet(faces: Faces, face: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> Meeting:
    """Intersect rays (n) with the planes of the triangles `face` (n) that they are known to meet."""
    corners, plane = faces.corners.take(face, axis=0), faces.face_normals.take(face, axis=0)
    first = corners[:, 0]
    slope = _dot(plane, direction)
    # A ray within a triangle's plane has no single point; the renderer cannot have reported one, but rounding can.
    slope = np.where(np.abs(slope) < 1e-30, 1e-30, slope)
    distance = _dot(plane, first - origin) / slope
    offset = origin + distance[:, None] * direction - first
    area = np.maximum(_dot(plane, plane), 1e-60)
    b = _dot(_cross(offset, corners[:, 2] - first), plane) / area
    c = _dot(_cross(corners[:, 1] - first, offset), plane) / area
    weights = np.stack([1.0 - b - c, b, c], axis=1)
    normal = _weighted(weights, faces.normals.take(face, axis=0))
    normal /= np.maximum(np.sqrt(_dot(normal, normal)), 1e-30)[:, None]
    # Smooth normals may point to either side of a face; the side that the ray sees is decided by the face.
    seen_from_behind = slope > 0
    opposite = _dot(plane, normal) < 0
    normal *= np.where(seen_from_behind ^ opposite, -1.0, 1.0)[:, None]
    cos = np.abs(slope) / np.sqrt(area * np.maximum(_dot(direction, direction), 1e-60))
    return Meeting(distance, normal, _weighted(weights, faces.uv.take(face, axis=0)), cos)


def _weighted(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return weights[:, :1] * values[:, 0] + weights[:, 1:2] * values[:, 1] + weights[:, 2:] * values[:, 2]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As np.cross for (n, 3), several times faster."""
    crossed = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        crossed[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return crossed


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nc,nc->n", a, b)
