"""Haze between the eye and the scene, from the exact distance of every pixel.

An even layer above the ground dims what is seen through it and adds light that it scatters towards the eye
(Koschmieder): seen = radiance * exp(-beta d) + airlight * (1 - exp(-beta d)). The sky is seen through the layer to its top,
so that it vanishes at the horizon and not overhead. Only the path from the eye to the surface of the truth is hazy: what
shows in mirrors and through panes is not dimmed further. A renderer with a medium would scatter light more than once, and
take a hundred times as long.
"""

import numpy as np

from leadline.scenes.render import pixel_rays
from leadline.scenes.world import Haze, Shot


def through_haze(radiance: np.ndarray, haze: Haze, shot: Shot, ray_distance: np.ndarray) -> np.ndarray:
    """Linear `radiance` (h, w, 3) of `shot`, seen through `haze` over `ray_distance` (h, w) [m], inf for the sky."""
    _, rays = pixel_rays(shot)
    rise = (rays[:, 2] / np.linalg.norm(rays, axis=1)).reshape(ray_distance.shape)
    distance = np.where(np.isfinite(ray_distance), ray_distance, haze.depth_m / np.maximum(rise, 1e-6))
    kept = np.exp(-haze.beta_per_m * distance)[..., None]
    return (radiance * kept + haze.airlight * (1.0 - kept)).astype(np.float32)


def make_haze(rng: np.random.Generator, sky: np.ndarray) -> Haze:
    """Haze that leaves a contrast of 2 % at 90 to 700 m, lit like the horizon of `sky` (h, w, 3)."""
    visibility_m = float(np.exp(rng.uniform(np.log(90.0), np.log(700.0))))
    height = sky.shape[0]
    horizon = sky[height // 2 - max(1, height // 16) : height // 2].reshape(-1, 3).mean(axis=0, dtype=np.float64)
    return Haze(beta_per_m=-np.log(0.02) / visibility_m, airlight=horizon, depth_m=float(rng.uniform(60.0, 200.0)))
