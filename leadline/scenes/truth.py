"""Exact layers of one view: depth, normals, instance, material, albedo, from one ray through every pixel centre."""

from dataclasses import dataclass

import numpy as np

from leadline.scenes.exposure import linear_from_srgb
from leadline.scenes.faces import Meeting, meet
from leadline.scenes.render import Renderer, pixel_rays
from leadline.scenes.world import Shot, Surface
from leadline.types import Material

_BOUNCES = 4
"""So many mirrors and panes after each other are seen through, for the denoiser."""
_SMOOTH = 0.08
"""Roughness of a coat below which what it reflects has edges."""
_VISIBLE, _DOMINANT = 0.85, 0.95
"""Shares of the light at which what a coat reflects begins to be shown to the denoiser, and from which on it alone is shown."""


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
    """What the denoiser is shown: in mirrors what they show, behind panes what stands there, in coats a mixture as the light is."""


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
        self._coat = np.array([*(s.ior if _is_smooth_coat(s) else 0.0 for s in surfaces), 0.0])
        """Index of refraction, 0 for what has no smooth coat."""
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
        share = self._share_of_what_is_behind(part, rays, normals, albedo)
        sharp = np.flatnonzero(share > 0)
        points = center + depth[sharp, None] * rays[sharp]
        shown = self._behind(part[sharp], rays[sharp], points, normals[sharp], shot)
        for guide, behind in zip((guide_albedo, guide_normals), shown, strict=True):
            guide[sharp] += share[sharp, None] * (behind - guide[sharp])
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

    def _share_of_what_is_behind(self, part: np.ndarray, rays: np.ndarray, normals: np.ndarray, albedo: np.ndarray) -> np.ndarray:
        """How far (n,) from 0 to 1 the denoiser is shown what is reflected or seen through in place of the surface itself.

        All of it in mirrors and panes; in coats as its share of the light demands, were all bodies lit alike.
        """
        share = self._sharp[part].astype(np.float64)
        coated = np.flatnonzero(self._coat[part] > 0)
        cos = -np.einsum("nc,nc->n", rays[coated], normals[coated]) / np.linalg.norm(rays[coated], axis=1)
        mirrored = _fresnel(cos.clip(0.0, 1.0), self._coat[part[coated]])
        of_light = mirrored / (mirrored + (1.0 - mirrored) * albedo[coated].mean(axis=1))
        share[coated] = ((of_light - _VISIBLE) / (_DOMINANT - _VISIBLE)).clip(0.0, 1.0)
        return share

    def _behind(
        self, part: np.ndarray, direction: np.ndarray, point: np.ndarray, normal: np.ndarray, shot: Shot
    ) -> tuple[np.ndarray, np.ndarray]:
        """Albedo and normal (n, 3) of what mirrors, coats and panes show, through a few of them one after the other."""
        albedo, normals = np.ones((len(part), 3)), normal.copy()
        focal_px = np.sqrt(shot.camera.K[0, 0] * shot.camera.K[1, 1])
        travelled = np.linalg.norm(point - np.linalg.inv(shot.cam_from_world)[:3, 3], axis=1)
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        faces, left = self._renderer.faces(shot.frame), np.arange(len(part))
        for _ in range(_BOUNCES):
            if len(left) == 0:
                break
            through = (self._material[part] == int(Material.GLASS))[:, None]
            reflected = direction - 2 * np.einsum("nc,nc->n", direction, normal)[:, None] * normal
            direction = np.where(through, direction, reflected)
            origin = point + 1e-4 * np.where(through, -normal, normal)
            _, face = self._renderer.trace(origin, direction, shot.frame)
            found = face >= 0
            left, face, origin, direction = left[found], face[found], origin[found], direction[found]
            meeting = meet(faces, face, origin, direction)
            part, normal = faces.part[face], meeting.normal
            travelled = travelled[found] + meeting.distance
            again = self._sharp[part]
            seen = self._albedo(part, meeting, travelled / focal_px)
            seen[self._luminous[part] | again] = 1.0
            albedo[left], normals[left] = seen, normal
            point = origin + meeting.distance[:, None] * direction
            left, part, normal, direction = left[again], part[again], normal[again], direction[again]
            point, travelled = point[again], travelled[again]
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


def _is_smooth_coat(surface: Surface) -> bool:
    return surface.material is Material.GLOSSY and surface.emission is None and surface.roughness < _SMOOTH


def _fresnel(cos: np.ndarray, ior: np.ndarray) -> np.ndarray:
    """Share (n,) of unpolarised light that a dielectric of index `ior` (n,) reflects at an angle of incidence with that cosine."""
    within = np.sqrt(1.0 - (1.0 - cos**2) / ior**2)
    across, along = (cos - ior * within) / (cos + ior * within), (ior * cos - within) / (ior * cos + within)
    return (across**2 + along**2) / 2


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
