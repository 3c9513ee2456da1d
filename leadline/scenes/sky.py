"""Daylight: an analytic sky as an equirectangular radiance map and the sun that fits it.

Convention: row 0 is the zenith, the last row the nadir; the centre column is +x and azimuth grows to the left, which is
the panorama a viewer inside sees. Radiance is relative: the horizon of a clear sky is near 1.
"""

from dataclasses import dataclass

import numpy as np

from leadline.scenes.textures import value_noise
from leadline.scenes.world import Light


@dataclass(frozen=True, eq=False)
class Daylight:
    """A radiance map `sky` (h, w, 3) and its `lights`: one sun, or none under clouds."""

    sky: np.ndarray
    lights: tuple[Light, ...]


def daylight(rng: np.random.Generator, *, overcast: bool, height: int = 128) -> Daylight:
    """A sky with the sun at a drawn place, or closed clouds. Its shadows come from the sun's `Light`."""
    elevation, azimuth = np.radians(rng.uniform(18.0, 62.0)), rng.uniform(-np.pi, np.pi)
    cover = 1.0 if overcast else float(rng.choice([0.0, 0.25, 0.5]))
    clouds = _clouds(rng, height)
    to_sun = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    direction = directions(height)
    up = direction[..., 2]
    angle = np.arccos(np.clip(direction @ to_sun, -1.0, 1.0))
    low = np.clip(1.0 - elevation / np.radians(40.0), 0.0, 1.0)
    warm = (1 - low) * np.array([1.0, 0.96, 0.90]) + low * np.array([1.0, 0.80, 0.58])

    horizon = np.array([0.78, 0.86, 0.96]) * (1 - 0.3 * low) + 0.25 * low * warm
    zenith = np.array([0.16, 0.30, 0.62])
    blend = np.clip(up, 0.0, 1.0)[..., None] ** 0.45
    clear = horizon * (1 - blend) + zenith * blend
    glow = 0.9 * np.exp(-angle / 0.12) + 0.35 * np.exp(-angle / 0.5)
    clear = clear + glow[..., None] * warm

    grey = (0.45 + 0.55 * np.clip(up, 0.0, 1.0))[..., None] * np.array([0.86, 0.89, 0.93]) * rng.uniform(0.7, 1.0)
    veil = 1 - 0.25 * clouds[..., None]
    if overcast:
        sky = grey * veil
    else:
        opacity = (np.clip((clouds - (0.75 - 0.5 * cover)) * 5.0, 0.0, 1.0) * np.clip(up * 6.0, 0.0, 1.0) * (cover > 0))[..., None]
        lit = np.array([0.95, 0.96, 0.98]) * (1.25 - 0.5 * clouds[..., None]) + 0.5 * glow[..., None] * warm
        sky = clear * (1 - opacity) + lit * opacity
    ground = np.array([0.16, 0.15, 0.14]) * (1.0 if overcast else 1.4)
    sky = np.where((up < 0)[..., None], ground, sky).astype(np.float32)
    if overcast:
        return Daylight(sky, ())
    strength = 8.0 * (1 - 0.35 * low)
    return Daylight(sky, (Light("sun", color=strength * warm, direction=-to_sun),))


def dusk(rng: np.random.Generator, *, height: int = 128) -> Daylight:
    """The sky after sunset: deep blue above, a warm band where the sun went down, some clouds lit from below; no sun."""
    azimuth, late = rng.uniform(-np.pi, np.pi), float(rng.uniform(0.0, 1.0))
    clouds, direction = _clouds(rng, height), directions(height)
    up = np.clip(direction[..., 2], 0.0, 1.0)
    toward = (direction[..., 0] * np.cos(azimuth) + direction[..., 1] * np.sin(azimuth)) / np.maximum(np.sqrt(1 - up**2), 1e-3)
    zenith = np.array([0.035, 0.065, 0.17])
    away = np.array([0.10, 0.10, 0.17])
    band = np.array([0.85, 0.38, 0.14]) * np.exp(-up / 0.10)[..., None] + np.array([0.35, 0.22, 0.20]) * np.exp(-up / 0.35)[..., None]
    blend = (up**0.5)[..., None]
    clear = away * (1 - blend) + zenith * blend + band * (np.clip(0.5 + 0.5 * toward, 0.0, 1.0) ** 2.5)[..., None]
    cover = (np.clip((clouds - 0.52) * 4.0, 0.0, 0.8) * np.clip(up * 8.0, 0.0, 1.0))[..., None]
    under = np.array([0.22, 0.12, 0.11]) * np.clip(0.4 + 0.6 * toward, 0.2, 1.0)[..., None]
    sky = (clear * (1 - cover) + under * cover) * (1.0 - 0.55 * late)
    ground = np.array([0.02, 0.02, 0.022])
    return Daylight(np.where((direction[..., 2] < 0)[..., None], ground, sky).astype(np.float32), ())


def directions(height: int) -> np.ndarray:
    """Unit vectors (h, 2h, 3) of the pixel centres of an equirectangular map."""
    theta = (np.arange(height) + 0.5) / height * np.pi
    azimuth = np.pi * (1 - (np.arange(2 * height) + 0.5) / height)
    sin = np.sin(theta)[:, None]
    return np.stack([sin * np.cos(azimuth), sin * np.sin(azimuth), np.broadcast_to(np.cos(theta)[:, None], (height, 2 * height))], axis=2)


def _clouds(rng: np.random.Generator, height: int) -> np.ndarray:
    """Noise on a flat layer high above, so that clouds shrink towards the horizon; in [0, 1]."""
    layer = sum(0.55**i * value_noise(rng, 256, 4 * 2**i) for i in range(5)) / sum(0.55**i for i in range(5))
    direction = directions(height)
    far = 0.35 / np.maximum(direction[..., 2], 0.06)
    x, y = (np.floor((direction[..., i] * far) * 128).astype(int) % 256 for i in range(2))
    return np.asarray(layer)[y, x]
