"""A spinning LiDAR in a rendered world: which echoes come back from where, how strong and when.

lidar.npz holds one turn, float32 but for `ring`, `sweep_time_s` and `world_from_rig`:
    points          (n, 3) rig frame at the sweep's time [m]
    intensity       (n,) in [0, 1]: luminance of the surface's body times the cosine of incidence, twice through its clear coat
    time_s          (n,) when the ray left, counted from the sweep's time, within (-turn_s, 0] [s]
    ring            (n,) uint8, index of the beam in the rig's `elevations_deg`
    sweep_time_s    () float64, when the turn ended, on the clock of the cameras' `time_s`: `offset_s` of the rig after them [s]
    world_from_rig  (4, 4) float64, the rig at the sweep's time

Rules. A turn starts behind and goes clockwise seen from above. Every ray leaves from where the LiDAR was at that moment,
and points are given in the rig frame of the sweep's time, not of the cameras': the motion of the rig is compensated. The
world stands as it is at the frame's time: what moves is frozen there. Nothing comes back from the sky, from the own vehicle
or from beyond `max_range_m`. Glass, mirrors and smooth metal send most of the light elsewhere: one echo in ten comes back,
faint. Of all other echoes the share `dropout` is lost, at random, and those that are weak: a surface of 10 % reflectance
that faces the LiDAR at `max_range_m` gives two echoes in three, and an echo weakens with the square of the distance, the
cosine of incidence, the reflectance, the coat (wet roads and glossy paint send slanting light on) and the haze.
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
    sweep_time_s: float
    world_from_rig: np.ndarray


def simulate(
    lidar: Lidar,
    world_from_rig: np.ndarray,
    *,
    frame: int,
    frame_s: float,
    cast: Cast,
    surfaces: tuple[Surface, ...],
    seed: int,
    beta_per_m: float = 0.0,
) -> Scan:
    """The turn of `lidar` that belongs to `frame`, on a rig at `world_from_rig` (frames, 4, 4), one every `frame_s` [s].

    `beta_per_m` is the extinction of haze. What `cast` meets of the own vehicle it gives no surface.
    """
    num_rings, num_columns = len(lidar.elevations_deg), lidar.num_columns
    turn = (np.arange(num_columns) + 0.5) / num_columns
    time_s = -lidar.turn_s * (1.0 - turn)
    beams = beam_directions(lidar)
    sweep = frame + lidar.offset_s / frame_s
    world_from_lidar = poses_at(world_from_rig, sweep + time_s / frame_s) @ lidar.rig_from_lidar
    sweep_pose = poses_at(world_from_rig, np.array([sweep]))[0]
    directions = np.einsum("cij,rcj->rci", world_from_lidar[:, :3, :3], beams).reshape(-1, 3)
    origins = np.tile(world_from_lidar[:, :3, 3], (num_rings, 1))
    echoes = cast(origins, directions)

    rng = np.random.default_rng([seed, frame])
    specular = np.array([*(_is_specular(surface) for surface in surfaces), False])[echoes.surface]
    coated = np.array([*(surface.material is Material.GLOSSY for surface in surfaces), False])[echoes.surface]
    body = np.array([*(_luminance(surface) for surface in surfaces), 0.0])[echoes.surface]
    intensity = np.where(specular, SPECULAR_SHARE, body * np.where(coated, _through_coat(echoes.cos), 1.0)) * echoes.cos
    with np.errstate(invalid="ignore", over="ignore"):
        strength = intensity * np.exp(-2.0 * beta_per_m * echoes.distance) / (0.1 * (echoes.distance / lidar.max_range_m) ** 2)
    seen = np.where(specular, SPECULAR_SHARE, (1.0 - lidar.dropout) * -np.expm1(-strength))
    back = (rng.random(len(directions)) < seen) & (echoes.surface >= 0) & (echoes.distance <= lidar.max_range_m)
    points = origins[back] + echoes.distance[back, None] * directions[back]
    rig_from_world = np.linalg.inv(sweep_pose)
    return Scan(
        points=(points @ rig_from_world[:3, :3].T + rig_from_world[:3, 3]).astype(np.float32),
        intensity=np.clip(intensity[back], 0.0, 1.0).astype(np.float32),
        time_s=np.tile(time_s, num_rings)[back].astype(np.float32),
        ring=np.repeat(np.arange(num_rings), num_columns)[back].astype(np.uint8),
        sweep_time_s=frame * frame_s + lidar.offset_s,
        world_from_rig=sweep_pose,
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

    own = np.array([i == world.own for i, _ in renderer.parts.index])

    def cast(origins: np.ndarray, directions: np.ndarray) -> Echoes:
        distance, face = renderer.trace(origins, directions, frame)
        faces, met = renderer.faces(frame), face >= 0
        meeting = meet(faces, face[met], origins[met], directions[met])
        distance, surface, cos = np.full(len(met), np.inf), np.full(len(met), -1), np.zeros(len(met))
        part = faces.part[face[met]]
        distance[met], surface[met], cos[met] = meeting.distance, np.where(own[part], -1, part), meeting.cos
        return Echoes(distance, surface, cos)

    return simulate(
        world.rig.lidar,
        world.world_from_rig,
        frame=frame,
        frame_s=_frame_s(world),
        cast=cast,
        surfaces=renderer.parts.surfaces,
        seed=world.seed,
        beta_per_m=0.0 if world.haze is None else world.haze.beta_per_m,
    )


def write_scan(path: str | Path, renderer: "Renderer", frame: int) -> None:
    """Scan and write lidar.npz; nothing is written where the rig has no LiDAR. Raises UserError where it cannot be written."""
    found = scan(renderer, frame)
    if found is None:
        return
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(found))


def _frame_s(world: World) -> float:
    """Time between frames [s]."""
    times = sorted({shot.time_s for shot in world.shots})
    return times[1] - times[0] if len(times) > 1 else 1.0


def _through_coat(cos: np.ndarray) -> np.ndarray:
    """Share of the light that passes a clear coat twice (Schlick's approximation, refractive index 1.5)."""
    return (1.0 - (0.04 + 0.96 * (1.0 - np.clip(cos, 0.0, 1.0)) ** 5)) ** 2


def _is_specular(surface: Surface) -> bool:
    smooth = surface.material is Material.METAL and surface.roughness < SMOOTH_BELOW
    return surface.material in (Material.GLASS, Material.MIRROR) or smooth


def _luminance(surface: Surface) -> float:
    return float(body_color(surface) @ _LUMINANCE)
