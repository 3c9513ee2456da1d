"""Sloping ground: how high the land lies, and how what was laid out on the level comes to lie and stand on it.

A street is laid out flat; then everything follows the land. Sheets are bent, what stands is sheared so that it stays
upright on a slanting foot, vehicles tilt with the ground, houses keep level on foundations. Heights are small against
their wavelengths (curvature below 1 / 300 m), so that meshes with cells of a few metres follow within a centimetre.
"""

from dataclasses import dataclass, replace

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material

FOUNDATION_M = 3.5
"""How far the foundation of a house reaches below its floor."""
_HILL_M = 30.0
"""From the street to where a hillside has half its steepness."""


@dataclass(frozen=True)
class Relief:
    """Heights over the plane: along the street a grade and a wave, across it hillsides. 0 with slope 0 everywhere is the plane.

    `grade` and `steep` (left, right) are slopes, `wave` is the largest slope of the wave, `length` its wavelength [m].
    """

    grade: float = 0.0
    wave: float = 0.0
    length: float = 400.0
    phase: float = 0.0
    steep: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0
    """Direction [rad] along which grade and wave run."""

    @property
    def is_flat(self) -> bool:
        """Whether there is nothing to follow."""
        return self == Relief(heading=self.heading)

    def height(self, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        """Height [m] above the world's plane at x, y [m]; 0 at the origin."""
        along, across = self._along_across(x, y)
        turn = 2 * np.pi / self.length
        wave = self.wave / turn * (np.sin(turn * along + self.phase) - np.sin(self.phase))
        away = np.hypot(across, _HILL_M) - _HILL_M
        return self.grade * along + wave + np.where(across > 0, self.steep[0], self.steep[1]) * away

    def gradient(self, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        """Slope (..., 2) along world x and y."""
        along, across = self._along_across(x, y)
        up = self.grade + self.wave * np.cos(2 * np.pi / self.length * along + self.phase)
        side = np.where(across > 0, self.steep[0], self.steep[1]) * across / np.hypot(across, _HILL_M)
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        return np.stack([up * cos - side * sin, up * sin + side * cos], axis=-1)

    def bent(self, thing: Thing) -> Thing:
        """A sheet such as a road, all of whose vertices are moved up or down."""
        assert thing.poses.ndim == 2
        parts = tuple((self._bent(shapes.transform(mesh, thing.poses)), surface) for mesh, surface in thing.parts)
        return replace(thing, parts=parts, poses=np.eye(4))

    def upright(self, thing: Thing) -> Thing:
        """Something that stands: its uprights stay upright, its foot follows the ground."""
        return replace(thing, poses=self._placed(thing.poses, sheared=True))

    def tilted(self, poses: np.ndarray) -> np.ndarray:
        """Rigid poses (..., 4, 4) of vehicles: raised, and turned the shortest way from level to the slope."""
        poses = self._placed(poses, sheared=False)
        slope = self.gradient(poses[..., 0, 3], poses[..., 1, 3])
        up = np.stack([-slope[..., 0], -slope[..., 1], np.ones(slope.shape[:-1])], axis=-1)
        up /= np.linalg.norm(up, axis=-1, keepdims=True)
        # Rodrigues for the turn that takes z to `up`: I + [v] + [v]^2 / (1 + up_z), v = z x up.
        cross = np.zeros((*up.shape[:-1], 3, 3))
        cross[..., 0, 2], cross[..., 2, 0] = up[..., 0], -up[..., 0]
        cross[..., 1, 2], cross[..., 2, 1] = up[..., 1], -up[..., 1]
        turn = np.eye(3) + cross + cross @ cross / (1 + up[..., 2])[..., None, None]
        poses[..., :3, :3] = turn @ poses[..., :3, :3]
        return poses

    def rolling(self, thing: Thing) -> Thing:
        """A vehicle."""
        return replace(thing, poses=self.tilted(thing.poses))

    def level(self, thing: Thing) -> Thing:
        """Something rigid that stays level, at the height of the ground at its origin."""
        poses = thing.poses.copy()
        poses[..., 2, 3] += self.height(poses[..., 0, 3], poses[..., 1, 3])
        return replace(thing, poses=poses)

    def founded(self, thing: Thing) -> Thing:
        """A house: level, its floor at the height of the ground before the middle of its front, on a foundation of concrete."""
        low, high = _extent(thing)
        middle = thing.poses @ np.array([(low[0] + high[0]) / 2, 0.0, 0.0, 1.0])
        poses = thing.poses.copy()
        poses[2, 3] += float(self.height(middle[0], middle[1]))
        if self.is_flat:
            return replace(thing, poses=poses)
        (wall, _), *_ = thing.parts
        low, high = wall.vertices.min(axis=0), wall.vertices.max(axis=0)
        size = np.array([high[0] - low[0], high[1] - low[1], FOUNDATION_M])
        block = shapes.box(size, center=((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, -FOUNDATION_M / 2))
        return replace(thing, parts=(*thing.parts, (block, _CONCRETE)), poses=poses)

    def _along_across(self, x: np.ndarray | float, y: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        return x * cos + y * sin, y * cos - x * sin

    def _bent(self, mesh: Mesh) -> Mesh:
        vertices = mesh.vertices.copy()
        vertices[:, 2] += self.height(vertices[:, 0], vertices[:, 1])
        return replace(mesh, vertices=vertices)

    def _placed(self, poses: np.ndarray, *, sheared: bool) -> np.ndarray:
        poses = poses.copy()
        x, y = poses[..., 0, 3], poses[..., 1, 3]
        poses[..., 2, 3] += self.height(x, y)
        if sheared:
            poses[..., 2, :3] += np.einsum("...c,...cj->...j", self.gradient(x, y), poses[..., :2, :3])
        return poses


_CONCRETE = Surface(Material.DIFFUSE, np.full(3, 0.28))


def make_relief(rng: np.random.Generator, *, sloping: bool, heading: float) -> Relief:
    """Level ground, or slopes of up to 9 % along a street of mean direction `heading` [rad], with hillsides beside it."""
    grade, wave = rng.uniform(-0.05, 0.05), rng.uniform(0.015, 0.04)
    steep = rng.uniform(-0.05, 0.05, 2)
    found = Relief(grade, wave, float(rng.uniform(300.0, 500.0)), float(rng.uniform(0, 2 * np.pi)), (steep[0], steep[1]), heading)
    return found if sloping else Relief(heading=heading)


def _extent(thing: Thing) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([mesh.vertices for mesh, _ in thing.parts])
    return points.min(axis=0), points.max(axis=0)
