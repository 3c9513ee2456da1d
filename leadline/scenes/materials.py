"""What surfaces do to light: Mitsuba descriptions of a `Surface` as plain dictionaries, and the colours of their bodies.

The `diffuse` layer shows the same world with specular lobes removed: clear coats lose their reflection, metals and
mirrors become matte boards of their reflectance, glass keeps its transmission and loses its reflection.
"""

from typing import Any

import numpy as np

from leadline.scenes.exposure import linear_from_srgb
from leadline.scenes.world import Surface
from leadline.types import Material

SMOOTH_BELOW = 0.03
"""Roughness under which a perfect specular lobe is used: indistinguishable, and several times faster."""

METALS = {  # linear RGB reflectance at normal incidence
    "aluminium": (0.91, 0.92, 0.92),
    "chrome": (0.55, 0.55, 0.56),
    "steel": (0.62, 0.60, 0.57),
    "brass": (0.89, 0.74, 0.42),
    "copper": (0.93, 0.62, 0.52),
    "gold": (1.00, 0.77, 0.34),
}


SHINE: dict[str, Any] = {"type": "shine"}
"""Factor on the specular lobes of coats and panes. `render` makes one texture of it for a whole scene and turns it off for the layer
without lobes: cheaper than a second set of materials, of which each rough coat tabulates its transmittance for 10 ms."""


def is_dressed_anew(surface: Surface) -> bool:
    """Whether the body without lobes needs a description of its own; for the others it is enough to turn `SHINE` off."""
    if surface.emission is not None:
        return surface.material is Material.GLASS
    return surface.material in (Material.METAL, Material.MIRROR)


def describe_bsdf(surface: Surface, *, diffuse: bool) -> dict[str, Any]:
    """The Mitsuba dictionary of `surface`, or with `diffuse` that of its body without specular lobes where that `is_dressed_anew`."""
    if surface.emission is not None:
        body = {"type": "diffuse", "reflectance": rgb(np.zeros(3))}
        if surface.material is not Material.GLASS or diffuse:
            return body
        return {"type": "plastic", "diffuse_reflectance": rgb(np.zeros(3)), "int_ior": surface.ior}
    color = texture(surface)
    match surface.material:
        case Material.DIFFUSE:
            return _twosided({"type": "diffuse", "reflectance": color})
        case Material.GLOSSY:
            lobes: dict[str, Any] = {"type": "plastic"}
            if surface.roughness >= SMOOTH_BELOW:
                lobes = {"type": "roughplastic", "distribution": "ggx", "alpha": surface.roughness}
            return _twosided(lobes | {"diffuse_reflectance": color, "int_ior": surface.ior, "specular_reflectance": SHINE})
        case Material.METAL | Material.MIRROR if diffuse:
            return _twosided({"type": "diffuse", "reflectance": color})
        case Material.METAL if surface.roughness >= SMOOTH_BELOW:
            rough = {"type": "roughconductor", "distribution": "ggx", "alpha": surface.roughness}
            return _twosided(rough | {"material": "none", "specular_reflectance": color})
        case Material.METAL | Material.MIRROR:
            return _twosided({"type": "conductor", "material": "none", "specular_reflectance": color})
        case Material.GLASS:
            return {"type": "thindielectric", "int_ior": surface.ior, "specular_transmittance": color, "specular_reflectance": SHINE}
    raise ValueError(f"nothing is made of {surface.material!r}")


def describe_emitter(surface: Surface) -> dict[str, Any] | None:
    """The Mitsuba dictionary of the light that a luminous `surface` gives off, else None."""
    if surface.emission is None:
        return None
    if surface.color.ndim == 1:
        return {"type": "area", "radiance": rgb(surface.emission), "sampling_weight": surface.sampling_weight}
    radiance = linear_from_srgb(surface.color) * surface.emission
    return {"type": "area", "radiance": _bitmap(radiance.astype(np.float32), surface.texture_m), "sampling_weight": surface.sampling_weight}


def texture(surface: Surface) -> dict[str, Any]:
    """The colour of `surface` as a Mitsuba texture."""
    return rgb(surface.color) if surface.color.ndim == 1 else _bitmap(surface.color, surface.texture_m)


def rgb(color: np.ndarray) -> dict[str, Any]:
    """A constant colour (3,), linear RGB, as a Mitsuba texture."""
    return {"type": "rgb", "value": [float(c) for c in color]}


def body_color(surface: Surface) -> np.ndarray:
    """Mean colour (3,), linear RGB."""
    if surface.color.ndim == 1:
        return np.asarray(surface.color, dtype=np.float64)
    return linear_from_srgb(surface.color).reshape(-1, 3).mean(axis=0)


def _bitmap(image: np.ndarray, size_m: float) -> dict[str, Any]:
    """`image`, uint8 sRGB or linear floats, repeated every `size_m`, its bottom row at v = 0. `render` makes the texture of it."""
    return {"type": "bitmap", "image": image, "scale_uv": 1.0 / size_m}


def _twosided(bsdf: dict[str, Any]) -> dict[str, Any]:
    return {"type": "twosided", "inside": bsdf}
