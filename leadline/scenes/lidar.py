"""A spinning LiDAR in a rendered world: which echoes come back from where, how strong and when.

lidar.npz holds one turn, float32 but for `ring`:
    points     (n, 3) rig frame at the frame's time [m]
    intensity  (n,) in [0, 1]: luminance of the surface's body times the cosine of incidence
    time_s     (n,) when the ray left, counted from the frame's time, within (-turn_s, 0] [s]
    ring       (n,) uint8, index of the beam in the rig's `elevations_deg`

Rules. A turn ends at the frame's time; it starts behind and goes clockwise seen from above. Every ray leaves from where the
LiDAR was at that moment, the world stands as it is at the frame's time, and points are given in the rig frame of the
frame's time: the motion of the rig is compensated, that of others frozen. Nothing comes back from the sky or from beyond
`max_range_m`. Glass, mirrors and smooth metal send most of the light elsewhere: one echo in ten comes back, faint. Of
all other echoes the share `dropout` is lost, at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leadline.geometry.rig import Lidar
from leadline.io.atomic import atomic_write
from leadline.scenes.faces import meet
from leadline.scenes.materials import SMOOTH_BELOW, body_color
from leadline.scenes.world import Surface, World
from leadline.types import Material

if TYPE_CHECKING:
    from leadline.scenes.render import Renderer

SPECULAR_SHARE = 0.1
"""Echoes that come back from glass, mirrors and smooth metal, and their strength against that of a white wall."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, eq=False)
class Echoes:
    """What rays (n) meet: `distance` [m], inf for none; index of the `surface`, -1 for none; cosine `cos` of incidence."""

    distance: np.ndarray
    surface: np.ndarray
    cos: np.ndarray


Cast = Callable[[np.ndarray, np.ndarray], Echoes]
"""Casts rays from origins (n, 3) along unit directions (n, 3), world frame."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One turn, as in lidar.npz."""

    points: np.ndarray
    intensity: np.ndarray
    time_s: np.ndarray
    ring: np.ndarray


def simulate(
    lidar: Lidar, world_from_rig: np.ndarray, *, frame: int, frame_s: float, cast: Cast, surfaces: tuple[Surface, ...], seed: int
) -> Scan:
    """The turn of `lidar` that ends at `frame`, on a rig at `world_from_rig` (frames, 4, 4), one every `frame_s` [s]."""
    num_rings, num_columns = len(lidar.elevations_deg), lidar.num_columns
    turn = (np.arange(num_columns) + 0.5) / num_columns
    time_s = -lidar.turn_s * (1.0 - turn)
    beams = beam_directions(lidar)
    world_from_lidar = poses_at(world_from_rig, frame + time_s / frame_s) @ lidar.rig_from_lidar
    directions = np.einsum("cij,rcj->rci", world_from_lidar[:, :3, :3], beams).reshape(-1, 3)
    origins = np.tile(world_from_lidar[:, :3, 3], (num_rings, 1))
    echoes = cast(origins, directions)

    rng = np.random.default_rng([seed, frame])
    specular = np.array([*(_is_specular(surface) for surface in surfaces), False])[echoes.surface]
    back = rng.random(len(directions)) < np.where(specular, SPECULAR_SHARE, 1.0 - lidar.dropout)
    back &= (echoes.surface >= 0) & (echoes.distance <= lidar.max_range_m)
    body = np.array([*(_luminance(surface) for surface in surfaces), 0.0])[echoes.surface]
    intensity = np.where(specular, SPECULAR_SHARE, body) * echoes.cos
    points = origins[back] + echoes.distance[back, None] * directions[back]
    rig_from_world = np.linalg.inv(world_from_rig[frame])
    return Scan(
        points=(points @ rig_from_world[:3, :3].T + rig_from_world[:3, 3]).astype(np.float32),
        intensity=np.clip(intensity[back], 0.0, 1.0).astype(np.float32),
        time_s=np.tile(time_s, num_rings)[back].astype(np.float32),
        ring=np.repeat(np.arange(num_rings), num_columns)[back].astype(np.uint8),
    )


def beam_directions(lidar: Lidar) -> np.ndarray:
    """Unit directions (rings, columns, 3) in the LiDAR's frame (x forward, y left, z up)."""
    azimuth = np.pi - 2 * np.pi * (np.arange(lidar.num_columns) + 0.5) / lidar.num_columns
    elevation = np.radians(np.asarray(lidar.elevations_deg, dtype=np.float64))[:, None]
    flat = np.cos(elevation)
    return np.stack(
        [flat * np.cos(azimuth), flat * np.sin(azimuth), np.broadcast_to(np.sin(elevation), (len(elevation), len(azimuth)))], axis=2
    )


def poses_at(poses: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Poses (n, 4, 4) at fractional indices `place` (n,) into `poses` (frames, 4, 4); beyond the ends motion goes on evenly.

    Blends neighbours linearly and makes the result a rotation again: exact to second order in the angle between frames.
    """
    if len(poses) == 1:
        return np.repeat(poses, len(place), axis=0)
    low = np.clip(np.floor(place), 0, len(poses) - 2).astype(int)
    part = (place - low)[:, None, None]
    blend = poses[low] * (1 - part) + poses[low + 1] * part
    left, _, right = np.linalg.svd(blend[:, :3, :3])
    blend[:, :3, :3] = left @ right
    return blend


def scan(renderer: "Renderer", frame: int) -> Scan | None:
    """The LiDAR scan of the renderer's world at `frame`, None where its rig has no LiDAR."""
    world = renderer.world
    if world.rig is None or world.rig.lidar is None or world.world_from_rig is None:
        return None

    def cast(origins: np.ndarray, directions: np.ndarray) -> Echoes:
        distance, face = renderer.trace(origins, directions, frame)
        faces, met = renderer.faces(frame), face >= 0
        meeting = meet(faces, face[met], origins[met], directions[met])
        distance, surface, cos = np.full(len(met), np.inf), np.full(len(met), -1), np.zeros(len(met))
        distance[met], surface[met], cos[met] = meeting.distance, faces.part[face[met]], meeting.cos
        return Echoes(distance, surface, cos)

    return simulate(
        world.rig.lidar,
        world.world_from_rig,
        frame=frame,
        frame_s=_frame_s(world),
        cast=cast,
        surfaces=renderer.parts.surfaces,
        seed=world.seed,
    )


def write_scan(path: str | Path, renderer: "Renderer", frame: int) -> None:
    """Scan and write lidar.npz; nothing is written where the rig has no LiDAR. Raises UserError where it cannot be written."""
    found = scan(renderer, frame)
    if found is None:
        return
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, points=found.points, intensity=found.intensity, time_s=found.time_s, ring=found.ring)


def _frame_s(world: World) -> float:
    """Time between frames [s]."""
    times = sorted({shot.time_s for shot in world.shots})
    return times[1] - times[0] if len(times) > 1 else 1.0


def _is_specular(surface: Surface) -> bool:
    smooth = surface.material is Material.METAL and surface.roughness < SMOOTH_BELOW
    return surface.material in (Material.GLASS, Material.MIRROR) or smooth


def _luminance(surface: Surface) -> float:
    return float(body_color(surface) @ _LUMINANCE)
