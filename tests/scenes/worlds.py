"""Small worlds whose truth is known without a renderer."""

import numpy as np

from leadline.geometry.camera import Camera
from leadline.scenes import shapes
from leadline.scenes.world import Light, Mesh, Shot, Surface, Thing, World
from leadline.types import Material

GREY = Surface(Material.DIFFUSE, np.full(3, 0.5))
MIRROR = Surface(Material.MIRROR, np.full(3, 0.9))
GLASS = Surface(Material.GLASS, np.full(3, 0.95))
LAMP = Surface(Material.DIFFUSE, np.ones(3), emission=np.full(3, 5.0))
HEIGHT, WIDTH = 32, 48

# The camera stands at the world's origin and looks along world x: x right = -y, y down = -z, z forward = x.
CAM_FROM_WORLD = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def camera(*, fx: float = 40.0, fy: float = 40.0, cx: float = 24.0, cy: float = 16.0) -> Camera:
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return Camera(K=K, width=WIDTH, height=HEIGHT, name="cam")


def world_of(*things: Thing, seen_by: Camera | None = None, frames: int = 1, sky: bool = True) -> World:
    """`things` under an even sky, seen from the origin along +x."""
    shots = tuple(Shot(i, seen_by or camera(), CAM_FROM_WORLD, 0.1 * i) for i in range(frames))
    even = np.ones((4, 8, 3), dtype=np.float32) if sky else None
    return World("test", 0, things, (Light("sun", np.ones(3), direction=np.array([1.0, 0.2, -0.3])),), even, shots)


def wall(x: float, *, size: float = 40.0, surface: Surface = GREY, name: str = "wall") -> Thing:
    """A square of side `size` [m] across the view at depth `x` [m], facing the camera."""
    return Thing(name, ((facing(x, size), surface),), np.eye(4))


def facing(x: float, size: float) -> Mesh:
    return shapes.quad((x, size / 2, -size / 2), (0, -size, 0), (0, 0, size))


def pixel_rays(seen_by: Camera) -> np.ndarray:
    """Directions (h, w, 3) in the camera frame through pixel centres, length 1 along the axis."""
    u = (np.arange(seen_by.width) + 0.5 - seen_by.K[0, 2]) / seen_by.K[0, 0]
    v = (np.arange(seen_by.height) + 0.5 - seen_by.K[1, 2]) / seen_by.K[1, 1]
    x, y = np.meshgrid(u, v)
    return np.stack([x, y, np.ones_like(x)], axis=-1)
