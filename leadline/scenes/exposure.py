"""From light to picture: metering, white balance and sRGB. One exposure for a whole sequence, as a locked camera has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_MIDDLE_GREY = 0.22
_HIGHLIGHT = 0.90
"""Where the 95th percentile of luminance may lie: bright scenes are exposed for it, others for the middle."""
_ADAPTATION = 0.7
"""Share of the colour of the light that the white balance removes; eyes and cameras leave some."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """Factors (3,) that turn linear radiance into linear RGB of the picture, before sRGB encoding and clipping at 1."""

    gain: np.ndarray


def meter(images: Sequence[np.ndarray], albedos: Sequence[np.ndarray], *, key: float = 1.0) -> Exposure:
    """Exposure and white balance for a sequence from a few of its linear `images` (h, w, 3) and their body colours.

    The light is what is left of the image after division by the albedo (grey-world on irradiance, not on paint). `key` makes
    the pictures darker or brighter on purpose.
    """
    color = np.concatenate([image.reshape(-1, 3) for image in images]).astype(np.float64)
    albedo = np.concatenate([image.reshape(-1, 3) for image in albedos]).astype(np.float64)
    matte = (albedo.min(axis=1) > 0.02) & (color.max(axis=1) > 0)
    light = (
        (color[matte] / albedo[matte]).clip(0, np.percentile(color[matte] / albedo[matte], 95)).mean(axis=0) if matte.any() else np.ones(3)
    )
    balance = (light @ _LUMINANCE / np.maximum(light, 1e-6)) ** _ADAPTATION
    balance /= balance @ _LUMINANCE
    # Lamps, windows and the sky may be overexposed, as in photographs.
    luminance = color[matte] * balance @ _LUMINANCE if matte.any() else color * balance @ _LUMINANCE
    middle, high = np.percentile(luminance, 50), np.percentile(luminance, 95)
    return Exposure(key * balance * min(_MIDDLE_GREY / max(middle, 1e-6), _HIGHLIGHT / max(high, 1e-6)))


def develop(image: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Linear radiance (h, w, 3) as uint8 sRGB."""
    return srgb_from_linear(image * exposure.gain)


def srgb_from_linear(image: np.ndarray) -> np.ndarray:
    """Linear RGB in [0, 1] (clipped to it) as uint8 sRGB (IEC 61966-2-1)."""
    linear = np.clip(image, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255.0).astype(np.uint8)


def linear_from_srgb(image: np.ndarray) -> np.ndarray:
    """uint8 sRGB as linear RGB in [0, 1]."""
    encoded = np.arange(256) / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)[image]
