"""What encloses a room: floor, walls, ceiling, doors of wood and of glass, windows with a view."""

import numpy as np

from leadline.scenes import hangings, interior, shapes, textures
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Parts, framed
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material


def walls(rng: np.random.Generator, plan: Plan, *, wet: bool, polished: float = 0.75, dark: float = 0.55) -> None:
    """Floor, ceiling, walls and skirting; `polished` is the probability of a floor that reflects, `dark` that such a one is dark."""
    w, d, h = plan.width, plan.depth, plan.height
    ground = interior.floor(rng, polished=bool(rng.random() < polished), dark=dark)
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


def door(rng: np.random.Generator, plan: Plan, palette: interior.Palette, *, wall: int | None = None, glazed: float = 0.2) -> None:
    """A door with its frame and free floor before it, of wood or lacquer, or `glazed`: a frame around what is lit behind it."""
    opening = plan.hang(rng, width=1.0, low=0.0, high=2.1, wall=wall)
    if opening is None:
        return
    white = Surface(Material.GLOSSY, np.full(3, 0.7), roughness=0.15)
    boxes = shapes.boxes(
        [(-0.46, -0.02, 1.03), (0.46, -0.02, 1.03), (0, -0.02, 2.06)], [(0.08, 0.04, 2.06), (0.08, 0.04, 2.06), (1.0, 0.04, 0.08)]
    )
    handle = shapes.merge(
        [shapes.box((0.012, 0.05, 0.012), center=(0.34, -0.04, 1.02)), shapes.box((0.12, 0.014, 0.018), center=(0.29, -0.066, 1.02))]
    )
    parts: Parts = [(boxes, white), (handle, palette.metal)]
    if rng.random() < glazed:
        parts += _glazed_leaf(rng, palette)
    else:
        panel = shapes.box((0.84, 0.02, 2.02), center=(0, -0.01, 1.01))
        fields = shapes.boxes([(0, -0.025, 0.5), (0, -0.025, 1.45)], [(0.6, 0.012, 0.7), (0.6, 0.012, 0.8)])
        parts.append((shapes.merge([panel, fields]), white if rng.random() < 0.5 else palette.wood))
    plan.things.append(Thing("door", tuple(parts), plan.on_wall(opening.wall, opening.along)))
    _keep_free(plan, opening)


def glass_entrance(rng: np.random.Generator, plan: Plan, palette: interior.Palette, *, wall: int) -> None:
    """Two wings of glass in a metal frame, daylight and the street behind them, in the middle of a wall."""
    opening = plan.hang_at(wall, plan.wall_length(wall) / 2, width=2.0, low=0.0, high=2.35)
    if opening is None:
        return
    metal = palette.metal if rng.random() < 0.5 else palette.dark
    view = Surface(Material.GLASS, _view(rng), texture_m=2.6, emission=float(rng.uniform(0.9, 2.0)) * np.array([1.0, 1.02, 1.06]))
    pane = shapes.quads((-0.92, -0.02, 0.06), (1.84, 0, 0), (0, 0, 2.2), uv_origin=(rng.uniform(0.0, 2.6), 0.0))
    frame = shapes.boxes(
        [(-0.96, -0.025, 1.15), (0.96, -0.025, 1.15), (0, -0.025, 1.15), (0, -0.025, 2.28), (0, -0.025, 0.03)],
        [(0.08, 0.05, 2.3), (0.08, 0.05, 2.3), (0.07, 0.05, 2.3), (2.0, 0.05, 0.08), (2.0, 0.05, 0.06)],
    )
    bars = shapes.boxes([(s * 0.12, -0.08, 1.1) for s in (-1, 1)], (0.025, 0.06, 0.7))
    parts: Parts = [(pane, view), (shapes.merge([frame, bars]), metal)]
    plan.things.append(Thing("glass door", tuple(parts), plan.on_wall(wall, opening.along)))
    _keep_free(plan, opening)


def _glazed_leaf(rng: np.random.Generator, palette: interior.Palette) -> Parts:
    """A door wing that is mostly a pane, with the dim or the lit room behind it."""
    light = np.array([1.0, 0.93, 0.8]) * float(rng.uniform(0.4, 1.6))
    view = Surface(Material.GLASS, textures.rooms_behind_glass(rng, 256), texture_m=9.6, emission=light)
    rim = shapes.boxes(
        [(-0.36, -0.015, 1.01), (0.36, -0.015, 1.01), (0, -0.015, 1.93), (0, -0.015, 0.14)],
        [(0.12, 0.03, 2.02), (0.12, 0.03, 2.02), (0.6, 0.03, 0.18), (0.6, 0.03, 0.28)],
    )
    corner = (2.4 * float(rng.integers(4)) + rng.uniform(0.0, 1.7), 2.4 * float(rng.integers(4)) + 0.1)  # within one of the 4 x 4 rooms
    pane = shapes.quads((-0.3, -0.012, 0.28), (0.6, 0, 0), (0, 0, 1.56), uv_origin=corner)
    return [(rim, palette.wood if rng.random() < 0.5 else palette.white), (pane, view)]


def _keep_free(plan: Plan, opening: Opening) -> None:
    """The way in stays free."""
    x, y = plan.on_wall(opening.wall, opening.along, out=0.45)[:2, 3]
    half = np.array([opening.width / 2, 0.45]) if opening.wall % 2 == 0 else np.array([0.45, opening.width / 2])
    plan.blocked.append((x - half[0], y - half[1], x + half[0], y + half[1], 0.0))


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
                hangings.curtains(rng, plan, cloth, opening)


def show_windows(rng: np.random.Generator, plan: Plan, palette: interior.Palette, *, wall: int) -> None:
    """Panes from near the floor to above the head along one wall, as shops have them."""
    light = float(rng.uniform(0.9, 2.0)) * np.array([1.0, 1.02, 1.06])
    for _ in range(int(rng.integers(1, 4))):
        opening = plan.hang(rng, width=float(rng.uniform(1.4, 2.4)), low=float(rng.uniform(0.2, 0.5)), high=2.35, wall=wall)
        if opening is not None:
            _window(rng, plan, palette, opening, light)


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
