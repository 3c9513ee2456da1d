"""Light that people switch on at dusk: street lamps, windows, head lamps and tail lamps.

Of all these only a few street lamps near the drive are lights that the renderer aims at; the rest just shine, which
costs no samples and adds next to no noise, because each is small or dim.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadline.scenes.exposure import linear_from_srgb, srgb_from_linear
from leadline.scenes.vehicles import LAMP, TAIL
from leadline.scenes.world import Light, Mesh, Surface, Thing
from leadline.types import Material

WARM = np.array([1.0, 0.70, 0.40])
_LAMP_INTENSITY = 8.0
"""Of a street lamp; the sky at dusk has a radiance near 0.1."""
_NUM_LAMPS = 5


def lit_panes(rng: np.random.Generator, panes: Surface, *, rooms: int = 4) -> Surface:
    """Windows of which some shine: `panes` shows rooms x rooms views, each bright or dark as a whole."""
    size = panes.color.shape[0]
    on = (rng.random((rooms, rooms)) < rng.uniform(0.25, 0.6)) * rng.uniform(0.5, 1.0, (rooms, rooms))
    index = np.arange(size) * rooms // size
    glow = np.maximum(on, 0.02)[index][:, index, None] * (0.35 + 0.65 * linear_from_srgb(panes.color)) * (0.4 * WARM + 0.6)
    return replace(panes, material=Material.GLASS, color=srgb_from_linear(glow), emission=np.full(3, 0.6), sampling_weight=0.0)


def shining(thing: Thing) -> Thing:
    """A vehicle with its head and tail lamps on."""
    on = {id(LAMP): (0.9, 0.95, 1.0), id(TAIL): (0.8, 0.03, 0.02)}
    parts: list[tuple[Mesh, Surface]] = []
    for mesh, surface in thing.parts:
        color = on.get(id(surface))
        if color is not None:
            strength = 4.0 if surface is LAMP else 0.8
            surface = replace(surface, material=Material.DIFFUSE, emission=strength * np.array(color), sampling_weight=0.0)
        parts.append((mesh, surface))
    return replace(thing, parts=tuple(parts))


def lit_lamps(things: Sequence[Thing], middle: np.ndarray) -> tuple[list[Thing], tuple[Light, ...]]:
    """Street lamps that shine, and lights at the ones nearest to `middle` (2,) [m]. The head of a lamp is its second part."""
    shine, lights = [], []
    nearest = sorted(things, key=lambda thing: float(np.linalg.norm(thing.poses[:2, 3] - middle)))[:_NUM_LAMPS]
    for thing in things:
        (post, steel), (head, surface) = thing.parts
        shine.append(replace(thing, parts=((post, steel), (head, replace(surface, emission=2.5 * WARM, sampling_weight=0.0)))))
    for thing in nearest:
        head = thing.parts[1][0].vertices
        below = np.append(head.mean(axis=0) - np.array([0.0, 0.0, 0.35]), 1.0)
        lights.append(Light("point", _LAMP_INTENSITY * WARM, position=(thing.poses @ below)[:3], sampling_weight=0.25))
    return shine, tuple(lights)
