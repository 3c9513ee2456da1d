"""What encloses a room: floor, walls, ceiling, a door, windows with a view, lamps under the ceiling."""

import numpy as np

from leadline.scenes import furnish, interior, shapes, textures
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Parts, framed
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material


def walls(rng: np.random.Generator, plan: Plan, *, wet: bool) -> None:
    """Floor, ceiling, walls and skirting."""
    w, d, h = plan.width, plan.depth, plan.height
    ground = interior.floor(rng, polished=bool(rng.random() < 0.75))
    plan.things.append(Thing("floor", ((shapes.quad((0, 0, 0), (w, 0, 0), (0, d, 0)), ground),), np.eye(4)))
    white = Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.7, 0.85)))
    plan.things.append(Thing("ceiling", ((shapes.quad((0, d, h), (w, 0, 0), (0, -d, 0)), white),), np.eye(4)))
    common = interior.wall(rng, wet=wet)
    skirting = white if rng.random() < 0.6 else Surface(Material.DIFFUSE, np.array([0.12, 0.07, 0.04]))
    for side in range(4):
        surface = interior.wall(rng, wet=wet) if rng.random() < 0.25 else common
        length = plan.wall_length(side)
        sheet = shapes.quad((-length / 2, 0, 0), (length, 0, 0), (0, 0, h))
        parts: Parts = [(sheet, surface)]
        if not wet:
            parts.append((shapes.box((length, 0.012, 0.08), center=(0, -0.006, 0.04)), skirting))
        plan.things.append(Thing("wall", tuple(parts), plan.on_wall(side, length / 2)))


def door(rng: np.random.Generator, plan: Plan, palette: interior.Palette) -> None:
    """A door with its frame, and free floor before it."""
    opening = plan.hang(rng, width=1.0, low=0.0, high=2.1)
    if opening is None:
        return
    white = Surface(Material.GLOSSY, np.full(3, 0.7), roughness=0.15)
    leaf = white if rng.random() < 0.5 else palette.wood
    boxes = shapes.boxes(
        [(-0.46, -0.02, 1.03), (0.46, -0.02, 1.03), (0, -0.02, 2.06)], [(0.08, 0.04, 2.06), (0.08, 0.04, 2.06), (1.0, 0.04, 0.08)]
    )
    panel = shapes.box((0.84, 0.02, 2.02), center=(0, -0.01, 1.01))
    fields = shapes.boxes([(0, -0.025, 0.5), (0, -0.025, 1.45)], [(0.6, 0.012, 0.7), (0.6, 0.012, 0.8)])
    handle = shapes.merge(
        [shapes.box((0.012, 0.05, 0.012), center=(0.34, -0.04, 1.02)), shapes.box((0.12, 0.014, 0.018), center=(0.29, -0.066, 1.02))]
    )
    parts: Parts = [(boxes, white), (shapes.merge([panel, fields]), leaf), (handle, palette.metal)]
    plan.things.append(Thing("door", tuple(parts), plan.on_wall(opening.wall, opening.along)))
    # The way in stays free.
    x, y = plan.on_wall(opening.wall, opening.along, out=0.45)[:2, 3]
    plan.blocked.append((x - 0.45, y - 0.45, x + 0.45, y + 0.45, 0.0))


def windows(rng: np.random.Generator, plan: Plan, palette: interior.Palette) -> None:
    """Bright panes with a view, frames, sills, sometimes curtains."""
    side = int(rng.integers(4))
    light = float(rng.uniform(0.9, 2.4)) * np.array([1.0, 1.02, 1.06])
    low = float(rng.choice([0.9, 0.9, 0.35]))
    cloth = interior.cloth(rng) if rng.random() < 0.5 else None
    for i in range(int(rng.choice([0, 1, 1, 2, 2, 3]))):
        width, high = float(rng.uniform(0.8, 1.8)), float(rng.uniform(2.0, min(2.3, plan.height - 0.2)))
        opening = plan.hang(rng, width=width + 0.1, low=low, high=high, wall=side if i < 2 else (side + 1) % 4)
        if opening is not None:
            _window(rng, plan, palette, opening, light)
            if cloth is not None:
                furnish.hang_curtains(rng, plan, cloth, opening)


def _window(rng: np.random.Generator, plan: Plan, palette: interior.Palette, opening: Opening, light: np.ndarray) -> None:
    width, height = opening.width - 0.1, opening.high - opening.low
    white = Surface(Material.DIFFUSE, np.full(3, 0.75))
    view = Surface(Material.GLASS, _view(rng), texture_m=2.6, emission=light)
    (pane, _), (frame, _) = framed(view, white, width, height, border=0.06)
    offset = np.array([rng.uniform(0.0, 2.6), 0.0])
    pane = Mesh(pane.vertices, pane.faces, uv=pane.uv + offset)
    bars = [
        shapes.box((0.05, 0.035, height - 0.12), center=(x, -0.0195, 0))
        for x in np.linspace(-width / 2, width / 2, 1 + max(1, round(width / 0.7)))[1:-1]
    ]
    sill = shapes.box((width + 0.1, 0.14, 0.03), center=(0, -0.07, -height / 2 - 0.015))
    parts: Parts = [(pane, view), (shapes.merge([frame, *bars, sill]), white)]
    middle = (opening.low + opening.high) / 2
    plan.things.append(Thing("window", tuple(parts), plan.on_wall(opening.wall, opening.along, z=middle)))


def _view(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """What is seen through a window, out of focus: sky above, trees or houses, ground. uint8 sRGB, repeats sideways."""
    rows = np.linspace(1.0, 0.0, size)[:, None]
    sky = np.array([0.75, 0.86, 1.0]) * (0.75 + 0.25 * rows[..., None]) + 0.15 * (1 - rows[..., None])
    skyline = 0.30 + 0.35 * textures.value_noise(rng, size, 5)[:1]
    if rng.random() < 0.5:
        skyline = np.round(skyline * 9) / 9
        tone = np.array([0.52, 0.47, 0.42]) * (0.7 + 0.5 * textures.value_noise(rng, size, 9)[..., None])
    else:
        skyline = skyline + 0.06 * (textures.fractal(rng, size, 12)[:1] - 0.5)
        tone = np.array([0.26, 0.40, 0.18]) * (0.4 + 1.0 * textures.fractal(rng, size, 12)[..., None])
    ground = np.array([0.42, 0.46, 0.34]) * (0.8 + 0.2 * textures.value_noise(rng, size, 8)[..., None])
    picture = np.where((rows < skyline)[..., None], tone, sky)
    picture = np.where((rows < 0.16)[..., None], ground, picture)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def lamps(rng: np.random.Generator, plan: Plan) -> None:
    """One to four flat lamps under the ceiling."""
    warm = np.array([1.0, rng.uniform(0.72, 0.95), rng.uniform(0.45, 0.9)])
    round_lamps = rng.random() < 0.4
    columns = 1 if plan.width < 4.2 else int(rng.integers(1, 3))
    rows = 1 if plan.depth < 4.2 else int(rng.integers(1, 3))
    bodies: list[Mesh] = []
    panes: list[Mesh] = []
    for x in (np.arange(columns) + 0.5) * plan.width / columns:
        for y in (np.arange(rows) + 0.5) * plan.depth / rows:
            # Only the lower side shines: rays towards lamps are not wasted on sides that light nothing.
            if round_lamps:
                bodies.append(shapes.transform(shapes.cylinder(0.24, 0.05, segments=20), shapes.pose(x, y, plan.height - 0.0505)))
                panes.append(
                    shapes.transform(
                        shapes.disc(0.23, segments=20), shapes.pose(x, y, plan.height - 0.052) @ np.diag([1.0, -1.0, -1.0, 1.0])
                    )
                )
            else:
                bodies.append(shapes.box((0.92, 0.32, 0.035), center=(x, y, plan.height - 0.018)))
                panes.append(shapes.quad((x - 0.44, y + 0.14, plan.height - 0.0365), (0.88, 0, 0), (0, -0.28, 0)))
    area = len(panes) * (np.pi * 0.23**2 if round_lamps else 0.88 * 0.28)
    light = Surface(Material.DIFFUSE, np.ones(3), emission=warm * float(rng.uniform(0.5, 1.3)) * plan.width * plan.depth / 10.0 / area)
    body = Surface(Material.DIFFUSE, np.full(3, 0.75))
    plan.things.append(Thing("ceiling lamps", ((shapes.merge(bodies), body), (shapes.merge(panes), light)), np.eye(4)))
