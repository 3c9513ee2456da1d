"""A world in words: things with surfaces, lights, a sky, and the cameras that pass through it. No renderer here.

Convention: world x, y on the ground, z up, metres; a thing's `poses` are world_from_thing, one for all frames or one
per frame. Families (`rooms`, `streets`, `objects`, `yard`) return a `World`; `render` turns it into images and truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.types import Material


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles: `vertices` (n, 3) [m], `faces` (m, 3), and `uv` (n, 2) in metres of texture where a texture is used.

    Without `normals` (n, 3) the faces are flat.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray | None = None
    normals: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Surface:
    """What a thing is made of.

    `color` is linear RGB (3,) or a texture (h, w, 3) of uint8 sRGB that repeats every `texture_m` [m]: the diffuse body of
    DIFFUSE and GLOSSY, the reflectance of METAL and MIRROR, the transmission of GLASS (a thin pane). `roughness` is read for
    GLOSSY and METAL, below 0.03 it counts as perfectly smooth. `ior` is that of GLASS and of the clear coat of GLOSSY.
    `emission` (3,) is the radiance of a luminous surface, times `color` where that is a texture; it excludes everything
    else, except that luminous GLASS also reflects the room (a bright window, a screen that is on).
    """

    material: Material
    color: np.ndarray
    roughness: float = 0.1
    texture_m: float = 1.0
    emission: np.ndarray | None = None
    ior: float = 1.5
    sampling_weight: float = 1.0
    """How often the renderer aims at a luminous surface; at 0 never: right for what is seen, but lights up next to nothing."""


@dataclass(frozen=True, eq=False)
class Thing:
    """One object: parts with a surface each, sharing one instance id and one motion."""

    name: str
    parts: tuple[tuple[Mesh, Surface], ...]
    poses: np.ndarray
    """world_from_thing, (4, 4) or (frames, 4, 4)."""


@dataclass(frozen=True, eq=False)
class Light:
    """A light without a body: a "point" at `position` with intensity `color`, or the "sun", whose light travels along
    `direction` and whose `color` is the irradiance of a surface that faces it.
    """

    kind: str
    color: np.ndarray
    position: np.ndarray | None = None
    direction: np.ndarray | None = None
    sampling_weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Haze:
    """Even haze in a layer of `depth_m` above the ground: `beta_per_m` is its extinction, `airlight` (3,) what it scatters to the eye."""

    beta_per_m: float
    airlight: np.ndarray
    depth_m: float = 150.0


@dataclass(frozen=True, eq=False)
class Shot:
    """One camera at one frame. `cam_from_world` (4, 4), `time_s` [s].

    `usable` (h, w) is False where the vehicle hides the scene from its own camera, None where it does so nowhere.
    """

    frame: int
    camera: Camera
    cam_from_world: np.ndarray
    time_s: float
    usable: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class World:
    """Everything that is rendered for one scene.

    `sky` is an equirectangular radiance map (h, w, 3) float32 linear RGB, row 0 the zenith, column centre +x, or None for a
    closed room. `rig` and `world_from_rig` (frames, 4, 4) are given where the shots come from a rig.
    """

    family: str
    seed: int
    things: tuple[Thing, ...]
    lights: tuple[Light, ...]
    sky: np.ndarray | None
    shots: tuple[Shot, ...]
    rig: Rig | None = None
    world_from_rig: np.ndarray | None = None
    depth_range_m: float = 200.0
    """Beyond this the truth says "no measurement"."""
    key: float = 1.0
    """Brightness of the pictures against well exposed ones: what is dusky looks so."""
    haze: Haze | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """What was drawn for the whole scene, for statistics: plain values."""
    own: int | None = None
    """Index of the thing that is the rig's own vehicle."""
