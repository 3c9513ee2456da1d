"""The rig's own vehicle: a dark body under the cameras, and the pixels in which they see it instead of the scene.

Its shape follows from the rig, so that any rig has one: a roof a hand below the lowest camera, a bonnet before and a boot
behind. Wide cameras see its roof, bonnet or boot at their lower border, narrow ones see nothing of it.
"""

from functools import lru_cache

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.scenes import shapes
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

NAME = "own vehicle"
_BODY = Surface(Material.DIFFUSE, np.full(3, 0.025))
_UNDER_CAMERAS_M = 0.10


def make_body(rig: Rig) -> tuple[tuple[Mesh, Surface], ...]:
    """The own vehicle in the frame of `rig`."""
    seats = np.array([camera.rig_from_cam[:3, 3] for camera in rig.cameras if camera.rig_from_cam is not None])
    back, front = float(seats[:, 0].min()) - 0.2, float(seats[:, 0].max()) + 0.12
    roof = float(seats[:, 2].min()) - _UNDER_CAMERAS_M
    half = float(np.abs(seats[:, 1]).max()) + 0.22
    profile = [  # x, z from the rear bumper over the roof to the front one
        (back - 0.95, roof - 1.1),
        (back - 0.95, roof - 0.38),
        (back - 0.40, roof - 0.34),
        (back, roof),
        (front, roof),
        (front + 0.75, roof - 0.42),
        (front + 1.72, roof - 0.50),
        (front + 1.80, roof - 0.62),
        (front + 1.80, roof - 1.1),
    ]
    side = [(x, z) for x, z in profile[::-1]]  # counter-clockwise seen from -y
    body = shapes.extrude(side, 2 * half)
    return ((shapes.transform(body, shapes.pose(y=half) @ shapes.rotation("x", np.pi / 2)), _BODY),)


def usable(camera: Camera, body: Mesh) -> np.ndarray | None:
    """Pixels (h, w) in which `camera` sees the scene: neither its own vehicle nor a border shared with it; None where that is all."""
    assert camera.rig_from_cam is not None
    shape = (camera.height, camera.width)
    hidden = _hidden(camera.K.tobytes(), camera.rig_from_cam.tobytes(), shape, body.vertices[body.faces].tobytes())
    return None if not hidden.any() else ~hidden


@lru_cache(maxsize=64)
def _hidden(K: bytes, rig_from_cam: bytes, shape: tuple[int, int], corners: bytes) -> np.ndarray:
    """Pixels (h, w) whose ray, or that of a neighbour, meets one of the triangles; cached, as all scenes share one rig."""
    matrix, pose = np.frombuffer(K).reshape(3, 3), np.frombuffer(rig_from_cam).reshape(4, 4)
    u, v = np.meshgrid((np.arange(shape[1]) + 0.5 - matrix[0, 2]) / matrix[0, 0], (np.arange(shape[0]) + 0.5 - matrix[1, 2]) / matrix[1, 1])
    rays = np.stack([u, v, np.ones_like(u)], axis=2) @ pose[:3, :3].T
    hit = np.zeros(shape, dtype=bool)
    for a, b, c in np.frombuffer(corners).reshape(-1, 3, 3) - pose[:3, 3]:
        # The ray is inside the cone of the triangle where all three sides turn it the same way, and ahead of the eye.
        sides = np.stack([rays @ np.cross(a, b), rays @ np.cross(b, c), rays @ np.cross(c, a)])
        normal = np.cross(b - a, c - a)
        slope = rays @ normal
        with np.errstate(divide="ignore", invalid="ignore"):
            ahead = (normal @ a) / slope > 0
        hit |= ((sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)) & ahead
    padded = np.pad(hit, 1)
    return np.any([padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)], axis=0)
