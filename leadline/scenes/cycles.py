"""Bicycles of the street, light enough to stand there by the dozen: parked in a row, and ridden.

Convention: x forward, y left, z up; the origin lies on the ground between the wheels, those in the plane y = 0.
"""

import numpy as np

from leadline.scenes import shapes, strands
from leadline.scenes.paint import painted
from leadline.scenes.vehicles import PAINTS, Vehicle
from leadline.scenes.world import Mesh, Surface

Parts = tuple[tuple[Mesh, Surface], ...]
LENGTH_M = 1.75
_RADIUS_M = 0.34
_WHEELBASE_M = 1.05
_BLACK = (0.02, 0.02, 0.02)
_STEEL = (0.35, 0.35, 0.36)


def make_bicycle(rng: np.random.Generator) -> Parts:
    """A bicycle that stands upright."""
    return (painted(_bicycle(rng)),)


def make_rack(rng: np.random.Generator) -> Parts:
    """Three to seven bicycles side by side along y in a low rack, their front wheels ahead."""
    count, pitch = int(rng.integers(3, 8)), 0.55
    pieces: list[tuple[Mesh, tuple[float, float, float]]] = []
    for i in range(count):
        if rng.random() < 0.25:
            continue
        place = shapes.pose(rng.uniform(-0.05, 0.05), (i - (count - 1) / 2) * pitch) @ shapes.rotation("x", rng.uniform(-0.1, 0.1))
        pieces += [(shapes.transform(mesh, place), color) for mesh, color in _bicycle(rng)]
    y = (np.arange(count + 1) - count / 2) * pitch
    hoops = shapes.boxes(np.stack([np.full_like(y, 0.45), y, np.full_like(y, 0.25)], axis=1), (0.5, 0.03, 0.5))
    base = shapes.box((0.06, count * pitch, 0.05), center=(0.25, 0.0, 0.03))
    return (painted([*pieces, (hoops, _STEEL), (base, _STEEL)]),)


def make_cyclist(rng: np.random.Generator) -> Vehicle:
    """A bicycle and who rides it."""
    hip, shoulder = np.array([-0.2, 0.0, 0.98]), np.array([0.12, 0.0, 1.45])
    hand, pedal = np.array([0.42, 0.22, 1.02]), np.array([-0.05, 0.1, 0.28])
    limbs_start, limbs_end, thick = [], [], []
    for side, phase in ((1.0, 0.17), (-1.0, -0.17)):
        mirror = np.array([1.0, side, 1.0])
        foot = pedal * mirror + np.array([phase * 0.6, 0.0, phase])
        knee = (hip + foot) / 2 + np.array([0.24, 0.09 * side, 0.05])
        limbs_start += [hip + np.array([0.0, 0.08 * side, 0.0]), knee]
        limbs_end += [knee, foot]
        thick += [0.075, 0.05]
    legs = shapes.rods(np.array(limbs_start), np.array(limbs_end), np.array(thick), np.array(thick) * 0.75, sides=6)
    arms = [shapes.rods(shoulder + np.array([0, 0.18 * s, 0]), hand * np.array([1, s, 1]), 0.05, 0.035, sides=6) for s in (1.0, -1.0)]
    torso = strands.sweep(
        np.stack([hip, (hip + shoulder) / 2 + np.array([0.0, 0.0, 0.05]), shoulder + np.array([0.03, 0.0, 0.08])]),
        np.array([0.15, 0.17, 0.13]),
        sides=10,
    )
    head = shapes.transform(shapes.sphere(0.11, rings=7, segments=10), shapes.pose(0.2, 0.0, 1.68))
    helmet = shapes.transform(shapes.sphere(0.125, rings=6, segments=10), shapes.pose(0.18, 0.0, 1.72, scale=(1.15, 0.95, 0.8)))
    coat, trousers = rng.uniform(0.02, 0.6, 3), rng.uniform(0.02, 0.2, 3)
    skin = np.array([0.48, 0.28, 0.19]) * rng.uniform(0.25, 1.3)
    pieces = [(legs, trousers), (shapes.merge([torso, *arms]), coat), (head, skin), (helmet, rng.uniform(0.02, 0.7, 3))]
    return Vehicle("bicycle", (painted([*_bicycle(rng), *pieces]),), LENGTH_M, 0.62)


def _bicycle(rng: np.random.Generator) -> list[tuple[Mesh, tuple[float, float, float]]]:
    upright = shapes.rotation("x", np.pi / 2)
    rear, front = np.array([-_WHEELBASE_M / 2, 0.0, _RADIUS_M]), np.array([_WHEELBASE_M / 2, 0.0, _RADIUS_M])
    tyre = shapes.transform(strands.torus(_RADIUS_M - 0.02, 0.02, num=20, sides=5), upright)
    out = 2 * np.pi * np.arange(9) / 9
    rim = np.stack([(_RADIUS_M - 0.03) * np.cos(out), np.zeros(9), (_RADIUS_M - 0.03) * np.sin(out)], axis=1)
    spokes = shapes.rods(np.zeros(3), rim, 0.004, 0.004, sides=3)
    wheels = [shapes.transform(tyre, shapes.pose(*hub)) for hub in (rear, front)]
    wires = [shapes.transform(spokes, shapes.pose(*hub)) for hub in (rear, front)]
    crank, seat, head, low = ((-0.08, 0, 0.28), (-0.24, 0, 0.78), (0.33, 0, 0.9), (0.38, 0, 0.68))
    top = seat if rng.random() < 0.6 else (-0.15, 0, 0.5)
    starts = (seat, head, head, rear, rear, low, head)
    ends = (crank, crank, top, crank, seat, front, low)
    frame = shapes.rods(np.array(starts), np.array(ends), 0.017, 0.017, sides=5)
    bar = [
        shapes.rods((0.36, -0.3, 1.03), (0.36, 0.3, 1.03), 0.014, 0.014, sides=5),
        shapes.rods(head, (0.35, 0, 1.03), 0.014, 0.014, sides=5),
    ]
    post = shapes.rods(seat, (-0.27, 0, 0.92), 0.014, 0.014, sides=5)
    saddle = shapes.box((0.27, 0.14, 0.06), center=(-0.26, 0.0, 0.95))
    guard = shapes.box((0.36, 0.12, 0.02), center=(-0.55, 0.0, 0.76))
    pieces = [saddle, *wheels] + ([guard] if rng.random() < 0.5 else [])
    basket = [shapes.box((0.28, 0.36, 0.24), center=(0.55, 0.0, 0.92))] if rng.random() < 0.35 else []
    r, g, b = (float(c) for c in PAINTS[int(rng.integers(len(PAINTS)))])
    return [
        (frame, (r, g, b)),
        (shapes.merge([*bar, post, *wires]), _STEEL),
        (shapes.merge(pieces), _BLACK),
        *((m, (0.2, 0.12, 0.06)) for m in basket),
    ]
