"""Mitsuba renders a `World`: radiance, the same with specular lobes removed, and the triangle that any ray meets.

The only file that imports Mitsuba. Two passes: many box-filtered samples for radiance, one ray through every pixel
centre for truth, which only says which triangle it meets; `faces` and `truth` compute the rest in float64.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from leadline.scenes.exposure import linear_from_srgb
from leadline.scenes.faces import Faces, Parts
from leadline.scenes.materials import SHINE, describe_bsdf, describe_emitter, is_dressed_anew, rgb
from leadline.scenes.world import Light, Mesh, Shot, World
from leadline.types import UserError

try:
    import drjit
    import mitsuba
except ImportError as error:
    raise UserError("leadline.scenes", f"Mitsuba cannot be imported ({error})", "pip install 'leadline[scenes]'") from error

VARIANTS = {"scalar": "scalar_rgb", "llvm": "llvm_ad_rgb"}
VERSION = mitsuba.__version__

_MITSUBA_FROM_CAM = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Mitsuba's cameras look along z with x to the left and y up."""
_WORLD_FROM_SKY = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""Mitsuba's environment maps have y up and the centre column at +z; ours have z up and it at +x."""
_ASPECT_STEPS = 4096
"""Pixels of the sensor's nominal film for one of the image: how finely fx / fy is resolved."""


_FILM = {"type": "hdrfilm", "rfilter": {"type": "box"}, "pixel_format": "rgb", "component_format": "float32"}
_SAMPLER = {"type": "independent"}


def start(variant: str, *, threads: int | None = None) -> None:
    """Choose "scalar" or "llvm" for this process. Scalar rendering is faster with one thread than with two: use processes."""
    mitsuba.set_variant(VARIANTS[variant])
    if threads is not None:
        drjit.set_thread_count(threads)


class Renderer:
    """Renders the shots of one world. Geometry that does not move is built once.

    Two scenes hold the same triangles: one with materials and lights for radiance, and one in which everything is a
    single mesh, for rays that only ask which triangle they meet (Mitsuba's AOVs cost time for every mesh of a scene).
    """

    def __init__(self, world: World, *, samples: int, max_depth: int = 6) -> None:
        self.world = world
        self.parts = Parts(world)
        self._samples = samples
        # Ending paths at random from the first bounce on costs no visible quality after denoising and saves a quarter.
        self._path = mitsuba.load_dict({"type": "path", "max_depth": max_depth, "rr_depth": 1})
        self._which = mitsuba.load_dict({"type": "aov", "aovs": "depth:depth,face:prim_index"})
        self._materials: dict[tuple[int, bool], Any] = {}
        self._textures: dict[tuple[int, float], tuple[np.ndarray, Any]] = {}
        self._shine = mitsuba.load_dict({"type": "uniform", "value": 1.0})
        self._still = {p: self._mesh(p, 0) for p in range(len(self.parts.index)) if p not in self.parts.moving}
        self._lights = {f"light{i}": _light(light) for i, light in enumerate(world.lights)}
        if world.sky is not None:
            self._lights["sky"] = _sky(world.sky)
        self._frame = -1
        self._scene: Any = None
        self._tracer: Any = None
        self._faces: Faces

    def radiance(
        self, shots: Sequence[Shot], *, seeds: Sequence[int], diffuse: bool = False, samples: int | None = None
    ) -> list[np.ndarray]:
        """Noisy linear radiance (h, w, 3) float32 of shots of one frame; with `diffuse`, of the world without specular lobes.

        LLVM renders shots of one size as one wide picture, because tracing its kernel costs as much as a small picture;
        of the `seeds` it then takes the first.
        """
        self._enter(shots[0].frame)
        if diffuse:
            self._dress(diffuse=True)
        try:
            together = len(shots) > 1 and drjit.is_jit_v(mitsuba.Float)
            if together and len({(shot.camera.height, shot.camera.width) for shot in shots}) == 1:
                return np.split(self._sample(_side_by_side(shots), seeds[0], samples), len(shots), axis=1)
            return [self._sample(_sensor(shot), seed, samples) for shot, seed in zip(shots, seeds, strict=True)]
        finally:
            if diffuse:
                self._dress(diffuse=False)

    def _sample(self, sensor: Any, seed: int, samples: int | None) -> np.ndarray:
        image = self._path.render(self._scene, sensor, seed=seed, spp=samples or self._samples)
        return np.nan_to_num(np.array(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)

    def faces(self, frame: int) -> Faces:
        """The triangles that `see` and `trace` number."""
        self._enter(frame)
        return self._faces

    def see(self, shot: Shot) -> np.ndarray:
        """Index (h, w) of the triangle that the ray through each pixel centre meets, -1 for none."""
        self._enter(shot.frame)
        if drjit.is_jit_v(mitsuba.Float):  # much less to trace than an integrator with a sensor
            center, rays = pixel_rays(shot)
            _, face = self.trace(np.broadcast_to(center, rays.shape), rays, shot.frame)
            return face.reshape(shot.camera.height, shot.camera.width)
        sensor = _sensor(shot, {"type": "stratified", "sample_count": 1, "jitter": False})
        image = np.array(self._which.render(self._tracer, sensor, seed=0, spp=1), dtype=np.float64)
        return np.where(image[..., 0] > 0, np.rint(image[..., 1]), -1).astype(np.int64)

    def cast(self, origins: np.ndarray, directions: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Distance (n,) [m] along unit `directions` (n, 3) from `origins` (n, 3), inf for none, and the instance (n,) met, 0 for none."""
        distance, face = self.trace(origins, directions, frame)
        thing = np.array([*(i for i, _ in self.parts.index), -1])
        return distance, 1 + thing[np.where(face >= 0, self._faces.part[face], -1)]

    def trace(self, origins: np.ndarray, directions: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """As `cast`, but with the index (n,) of the triangle met in `faces(frame)`, -1 for none.

        `directions` may have any length; the distance counts in it.
        """
        self._enter(frame)
        if drjit.is_jit_v(mitsuba.Float):
            ray = mitsuba.Ray3f(mitsuba.Point3f(origins.T.astype(np.float32)), mitsuba.Vector3f(directions.T.astype(np.float32)))
            found = self._tracer.ray_intersect_preliminary(ray, coherent=False)
            distance = np.array(found.t, dtype=np.float64)
            return distance, np.where(np.isfinite(distance), np.array(found.prim_index).astype(np.int64), -1)
        distance, face = np.full(len(origins), np.inf), np.full(len(origins), -1)
        for i, (origin, direction) in enumerate(zip(origins.tolist(), directions.tolist(), strict=True)):
            found = self._tracer.ray_intersect_preliminary(mitsuba.Ray3f(origin, direction))
            if math.isfinite(found.t):
                distance[i], face[i] = found.t, found.prim_index
        return distance, face

    def _enter(self, frame: int) -> None:
        """Put everything where it is at `frame`. Moved things are new meshes: updating one in place recomputes its normals."""
        if self._scene is not None and (frame == self._frame or not self.parts.moving):
            return
        self._faces = self.parts.at(frame)
        # What goes leaves its number in Dr.Jit's register to what comes: with other numbers LLVM would compile anew.
        self._scene = self._tracer = None
        meshes = self._still | {p: self._mesh(p, frame) for p in self.parts.moving}
        # optimize=False: otherwise meshes of equal surface may be merged, and `_dress` could not tell them apart.
        self._scene = mitsuba.load_dict({"type": "scene", **{str(p): mesh for p, mesh in meshes.items()}, **self._lights}, optimize=False)
        # What was changed once is a variable of LLVM's kernels, what never was a constant: all kernels of a scene shall be one.
        for diffuse in (True, False):
            self._dress(diffuse=diffuse)
        corners = self._faces.corners.reshape(-1, 3)
        everything = _mesh("all", Mesh(corners, np.arange(len(corners)).reshape(-1, 3)), np.eye(4), self._plain, None)
        # Merged with a triangle without area: Mitsuba then owns the mesh, otherwise its AOVs ask for the GIL at every sample.
        point = _mesh("point", Mesh(corners[[0, 0, 0]], np.array([[0, 1, 2]])), np.eye(4), self._plain, None)
        self._tracer = mitsuba.load_dict({"type": "scene", "all": {"type": "merge", "all": everything, "point": point}}, optimize=False)
        self._frame = frame

    @cached_property
    def _plain(self) -> Any:
        return mitsuba.load_dict({"type": "diffuse"})

    def _dress(self, *, diffuse: bool) -> None:
        shine = mitsuba.traverse(self._shine)
        shine["value"] = 0.0 if diffuse else 1.0
        shine.update()
        for shape in self._scene.shapes():
            part = int(shape.id())
            if is_dressed_anew(self.parts.surfaces[part]):
                shape.set_bsdf(self._material(part, diffuse=diffuse))

    def _material(self, part: int, *, diffuse: bool) -> Any:
        surface = self.parts.surfaces[part]
        key = (id(surface), diffuse)
        if key not in self._materials:
            self._materials[key] = mitsuba.load_dict(self._resolved(describe_bsdf(surface, diffuse=diffuse)))
        return self._materials[key]

    def _resolved(self, description: dict[str, Any]) -> Any:
        """`description` with its images turned into Mitsuba's textures."""
        if description is SHINE:
            return self._shine
        if description["type"] == "bitmap":
            return self._texture(description["image"], description["scale_uv"])
        return {key: self._resolved(value) if isinstance(value, dict) else value for key, value in description.items()}

    def _texture(self, image: np.ndarray, scale_uv: float) -> Any:
        """One texture for all surfaces, lights and passes that show `image`."""
        key = (id(image), scale_uv)
        if key not in self._textures:
            # Given as linear floats: Mitsuba takes four times as long to decode sRGB.
            linear = linear_from_srgb(image).astype(np.float32) if image.dtype == np.uint8 else image
            built = {
                "type": "bitmap",
                "bitmap": _bitmap(linear[::-1]),
                "raw": True,
                "to_uv": _transform(np.diag([scale_uv, scale_uv, 1.0, 1.0])),
            }
            # Half floats, the default, and interpolation are slow on a CPU; a pixel averages several texels anyway.
            texture = mitsuba.load_dict(built | {"format": "variant", "filter_type": "nearest"})
            self._textures[key] = (image, texture)  # the image is kept so that its id stays its own
        return self._textures[key][1]

    def _mesh(self, part: int, frame: int) -> Any:
        emitter = describe_emitter(self.parts.surfaces[part])
        light = None if emitter is None else mitsuba.load_dict(self._resolved(emitter))
        return _mesh(str(part), self.parts.meshes[part], self.parts.pose(part, frame), self._material(part, diffuse=False), light)


def _mesh(name: str, mesh: Mesh, world_from_thing: np.ndarray, bsdf: Any, emitter: Any) -> Any:
    properties = mitsuba.Properties()
    properties["bsdf"] = bsdf
    if emitter is not None:
        properties["emitter"] = emitter
    built = mitsuba.Mesh(
        name,
        vertex_count=len(mesh.vertices),
        face_count=len(mesh.faces),
        has_vertex_normals=mesh.normals is not None,
        has_vertex_texcoords=mesh.uv is not None,
        props=properties,
    )
    values = mitsuba.traverse(built)
    linear = world_from_thing[:3, :3]
    values["vertex_positions"] = np.ravel(mesh.vertices @ linear.T + world_from_thing[:3, 3]).astype(np.float32)
    values["faces"] = np.ravel(mesh.faces).astype(np.uint32)
    if mesh.normals is not None:
        values["vertex_normals"] = np.ravel(mesh.normals @ np.linalg.inv(linear)).astype(np.float32)
    if mesh.uv is not None:
        values["vertex_texcoords"] = np.ravel(mesh.uv).astype(np.float32)
    values.update()
    return built


def pixel_rays(shot: Shot) -> tuple[np.ndarray, np.ndarray]:
    """The eye (3,) and, for each pixel centre, a direction (h * w, 3) in the world of length 1 along the optical axis."""
    camera, world_from_cam = shot.camera, np.linalg.inv(shot.cam_from_world)
    K = camera.K
    u, v = np.meshgrid((np.arange(camera.width) + 0.5 - K[0, 2]) / K[0, 0], (np.arange(camera.height) + 0.5 - K[1, 2]) / K[1, 1])
    return world_from_cam[:3, 3], np.stack([u.ravel(), v.ravel(), np.ones(u.size)], axis=1) @ world_from_cam[:3, :3].T


def _side_by_side(shots: Sequence[Shot]) -> Any:
    """One sensor whose picture is those of `shots`, all of one size, from left to right."""
    camera = shots[0].camera
    film = _FILM | {"width": camera.width * len(shots), "height": camera.height}
    sensors = {str(i): _sensor(shot) for i, shot in enumerate(shots)}
    return mitsuba.load_dict({"type": "batch", **sensors, "film": film, "sampler": _SAMPLER})


def _sensor(shot: Shot, sampler: Mapping[str, Any] = _SAMPLER) -> Any:
    """A pinhole with the K of `shot`, exactly.

    Mitsuba knows square pixels only, but takes the aspect ratio of the film when the sensor is built: a film that is
    stretched by fx / fy then, and given its true size afterwards, makes fx and fy independent.
    """
    K, width, height = shot.camera.K, shot.camera.width, shot.camera.height
    if K[0, 1] != 0.0:
        raise UserError(shot.camera.name, "K has a skew, which cannot be rendered", "give a K whose second entry is 0")
    sensor = mitsuba.load_dict(
        {
            "type": "perspective",
            "fov_axis": "x",
            "fov": 2.0 * math.degrees(math.atan(0.5 * width / K[0, 0])),
            "principal_point_offset_x": 0.5 - K[0, 2] / width,
            "principal_point_offset_y": 0.5 - K[1, 2] / height,
            "near_clip": 1e-3,
            "far_clip": 1e5,
            "to_world": _transform(np.linalg.inv(shot.cam_from_world) @ _MITSUBA_FROM_CAM),
            "film": _FILM | {"width": width * _ASPECT_STEPS, "height": round(height * _ASPECT_STEPS * K[0, 0] / K[1, 1])},
            "sampler": dict(sampler),
        }
    )
    values = mitsuba.traverse(sensor.film())
    values["size"] = values["crop_size"] = [width, height]
    values.update()
    return sensor


def _light(light: Light) -> Any:
    weight = {"sampling_weight": light.sampling_weight}
    if light.kind == "point":
        return mitsuba.load_dict({"type": "point", "position": _floats(light.position), "intensity": rgb(light.color)} | weight)
    return mitsuba.load_dict({"type": "directional", "direction": _floats(light.direction), "irradiance": rgb(light.color)} | weight)


def _sky(sky: np.ndarray) -> Any:
    return mitsuba.load_dict({"type": "envmap", "bitmap": _bitmap(sky.astype(np.float32)), "to_world": _transform(_WORLD_FROM_SKY)})


def _floats(vector: np.ndarray | Sequence[float] | None) -> list[float]:
    return [float(v) for v in np.asarray(vector)]


def _transform(matrix: np.ndarray) -> Any:
    return mitsuba.ScalarTransform4f(matrix)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _bitmap(image: np.ndarray) -> Any:
    return mitsuba.Bitmap(np.ascontiguousarray(image))  # pyright: ignore[reportCallIssue, reportArgumentType]
