"""Exact layers of one view: depth, normals, instance, material, albedo, from one ray through every pixel centre."""

from dataclasses import dataclass

import numpy as np

from leadline.scenes.exposure import linear_from_srgb
from leadline.scenes.faces import Meeting, meet
from leadline.scenes.render import Renderer, pixel_rays
from leadline.scenes.world import Shot, Surface
from leadline.types import Material

_TYPICAL_DISTANCE_M = 3.0
"""From the eye to what a mirror shows: only decides how blurred its texture is shown to the denoiser."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Layers of one view. A mirror and a pane of glass have the depth of their own surface."""

    depth: np.ndarray
    """float32 (h, w) [m] along the optical axis, 0 where there is nothing within the world's depth range or the own vehicle."""
    ray_distance: np.ndarray
    """float32 (h, w) [m] from the eye to what is seen, inf for the sky."""
    normals: np.ndarray
    """float32 (h, w, 3) unit, camera frame, towards the camera; 0 for the sky."""
    instance: np.ndarray
    """uint16 (h, w), 1 + index of the thing, 0 for the sky."""
    material: np.ndarray
    """uint8 (h, w), a `Material`."""
    albedo: np.ndarray
    """float32 (h, w, 3) linear RGB in [0, 1], averaged over a pixel of texture; tint of metal, mirror, glass; 0 for lights, sky."""
    guide_albedo: np.ndarray
    guide_normals: np.ndarray
    """What the denoiser is shown: in mirrors what they show, behind panes what stands there."""


class TruthMaker:
    """Makes the truth of the shots of one world; keeps its textures at several scales."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        surfaces = renderer.parts.surfaces
        # The last row of each table stands for the sky, which part -1 addresses.
        self._material = np.array([*(int(s.material) for s in surfaces), int(Material.SKY)], dtype=np.uint8)
        self._instance = np.array([*(i + 1 for i, _ in renderer.parts.index), 0], dtype=np.uint16)
        self._luminous = np.array([*(s.emission is not None for s in surfaces), False])
        self._sharp = np.array([*(_is_see_through_or_mirror(s) for s in surfaces), False])
        self._scales: dict[int, list[np.ndarray]] = {}

    def __call__(self, shot: Shot) -> Truth:
        """The exact layers of `shot`."""
        renderer = self._renderer
        faces = renderer.faces(shot.frame)
        face = renderer.see(shot).ravel()
        height, width = shot.camera.height, shot.camera.width
        rotation, K = shot.cam_from_world[:3, :3].T, shot.camera.K
        center, rays = pixel_rays(shot)
        known = face >= 0
        part = np.where(known, np.append(faces.part, -1)[face], -1)
        origin = np.broadcast_to(center, rays.shape)

        meeting = meet(faces, face[known], origin[known], rays[known])
        depth, normals, albedo = np.zeros(face.size), np.zeros((face.size, 3)), np.zeros((face.size, 3))
        depth[known], normals[known] = meeting.distance, meeting.normal
        pixel_m = meeting.distance / np.sqrt(K[0, 0] * K[1, 1])
        albedo[known] = self._albedo(part[known], meeting, pixel_m)

        guide_albedo, guide_normals = albedo.copy(), normals.copy()
        guide_albedo[self._luminous[part]] = 1.0
        sharp = np.flatnonzero(self._sharp[part])
        points = center + depth[sharp, None] * rays[sharp]
        guide_albedo[sharp], guide_normals[sharp] = self._behind(part[sharp], rays[sharp], points, normals[sharp], shot)
        ray_distance = np.where(known, depth * np.linalg.norm(rays, axis=1), np.inf)
        depth[depth > renderer.world.depth_range_m] = 0.0
        if shot.usable is not None:
            depth[~shot.usable.ravel()] = 0.0
        return Truth(
            depth=depth.astype(np.float32).reshape(height, width),
            ray_distance=ray_distance.astype(np.float32).reshape(height, width),
            normals=(normals @ rotation).astype(np.float32).reshape(height, width, 3),
            instance=self._instance[part].reshape(height, width),
            material=self._material[part].reshape(height, width),
            albedo=albedo.astype(np.float32).reshape(height, width, 3),
            guide_albedo=guide_albedo.astype(np.float32).reshape(height, width, 3),
            guide_normals=guide_normals.astype(np.float32).reshape(height, width, 3),
        )

    def _behind(
        self, part: np.ndarray, direction: np.ndarray, point: np.ndarray, normal: np.ndarray, shot: Shot
    ) -> tuple[np.ndarray, np.ndarray]:
        """Albedo and normal (n, 3) of what smooth mirrors and panes show, one step further along the rays."""
        if len(part) == 0:
            return np.zeros((0, 3)), np.zeros((0, 3))
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        through = (self._material[part] == int(Material.GLASS))[:, None]
        reflected = direction - 2 * np.einsum("nc,nc->n", direction, normal)[:, None] * normal
        direction = np.where(through, direction, reflected)
        origin = point + 1e-4 * np.where(through, -normal, normal)
        _, face = self._renderer.trace(origin, direction, shot.frame)
        found = face >= 0
        faces = self._renderer.faces(shot.frame)
        meeting = meet(faces, face[found], origin[found], direction[found])
        beyond = faces.part[face[found]]
        seen = self._albedo(beyond, meeting, np.full(found.sum(), _TYPICAL_DISTANCE_M / shot.camera.K[0, 0]))
        seen[self._luminous[beyond] | self._sharp[beyond]] = 1.0
        albedo, normals = np.ones((len(part), 3)), normal.copy()
        albedo[found], normals[found] = seen, meeting.normal
        return albedo, normals

    def _albedo(self, part: np.ndarray, meeting: Meeting, pixel_m: np.ndarray) -> np.ndarray:
        """Body colour (n, 3) averaged over about a pixel of size `pixel_m` (n) [m]."""
        albedo = np.zeros((len(part), 3))
        surfaces = self._renderer.parts.surfaces
        for index in np.unique(part):
            surface, here = surfaces[index], part == index
            if surface.emission is not None:
                continue
            if surface.color.ndim == 1:
                albedo[here] = surface.color
                continue
            if id(surface) not in self._scales:
                self._scales[id(surface)] = _scales(surface)
            scales = self._scales[id(surface)]
            texels = pixel_m[here] / np.sqrt(meeting.cos[here]) * scales[0].shape[0] / surface.texture_m
            level = np.rint(np.log2(np.maximum(texels, 1.0))).astype(np.int64).clip(0, len(scales) - 1)
            colors = np.empty((len(level), 3))
            for k in np.unique(level):
                colors[level == k] = _sample(scales[k], meeting.uv[here][level == k] / surface.texture_m)
            albedo[here] = colors
        return albedo.clip(0.0, 1.0)


def _is_see_through_or_mirror(surface: Surface) -> bool:
    if surface.emission is not None:
        return False
    return surface.material in (Material.MIRROR, Material.GLASS) or (surface.material is Material.METAL and surface.roughness < 0.1)


def _scales(surface: Surface) -> list[np.ndarray]:
    """The linear texture of `surface` at full, half, quarter ... size."""
    if surface.color.ndim == 1:
        return []
    scales = [linear_from_srgb(surface.color)]
    while min(scales[-1].shape[:2]) >= 2:
        image = scales[-1][: scales[-1].shape[0] // 2 * 2, : scales[-1].shape[1] // 2 * 2]
        scales.append((image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4)
    return scales


def _sample(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear, repeating; v = 0 is the bottom row's lower edge."""
    height, width = image.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1.0 - uv[:, 1]) * height - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = image[y0 % height, x0 % width] * (1 - fx) + image[y0 % height, (x0 + 1) % width] * fx
    low = image[(y0 + 1) % height, x0 % width] * (1 - fx) + image[(y0 + 1) % height, (x0 + 1) % width] * fx
    return top * (1 - fy) + low * fy
