"""What hangs on walls: mirrors of all sizes, pictures, curtains, black screens."""

import numpy as np

from leadline.scenes import furniture, ornaments, shapes, textures
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.interior import faded
from leadline.scenes.stage import Stage
from leadline.scenes.world import Surface, Thing
from leadline.types import Material


def curtains(rng: np.random.Generator, plan: Plan, cloth: Surface, opening: Opening) -> None:
    """A curtain on each side of a window."""
    for side in (-1, 1):
        along = opening.along + side * (opening.width / 2 + 0.02)
        half = 0.2
        if not half < along < plan.wall_length(opening.wall) - half:
            continue
        top = min(opening.high + 0.12, plan.height - 0.03)
        foot = 0.04 if rng.random() < 0.6 else opening.low - 0.1
        piece = ornaments.curtain(rng, cloth, width=2 * half, height=top - foot)
        plan.things.append(Thing(piece.name, tuple(piece.parts), plan.on_wall(opening.wall, along, out=0.08, z=foot)))


def mirror_wall(stage: Stage, *, wall: int | None = None) -> Opening | None:
    """Large panes of mirror side by side over most of one wall."""
    plan = stage.plan
    side = stage.count(0, 3) if wall is None else wall
    low, high = float(stage.rng.choice([0.1, 0.1, 0.8])), stage.between(1.9, 2.2)
    spot = plan.hang(stage.rng, width=min(4.0, plan.wall_length(side) * stage.between(0.45, 0.8)), low=low, high=high, wall=side)
    if spot is None:
        return None
    count = max(2, round(spot.width / 0.8))
    pane = spot.width / count
    x = (np.arange(count) + 0.5) * pane - spot.width / 2
    sheets = shapes.merge([shapes.quad((c - pane / 2 + 0.003, -0.012, 0.0), (pane - 0.006, 0, 0), (0, 0, high - low)) for c in x])
    back = shapes.box((spot.width, 0.008, high - low), center=(0, -0.005, (high - low) / 2))
    pose = plan.on_wall(side, spot.along, z=low)
    plan.things.append(Thing("mirror", ((sheets, stage.palette.mirror), (back, stage.palette.dark)), pose))
    return spot


def mirror(stage: Stage, *, wall: int | None = None) -> bool:
    """A large framed mirror, 1.4 to 2.6 m wide where a wall has room for it. Says whether it hangs."""
    longest = max(stage.plan.width, stage.plan.depth) if wall is None else stage.plan.wall_length(wall)
    for wide in (stage.between(1.4, max(1.5, min(2.6, longest - 0.5))), 1.4):
        low = stage.between(0.35, 0.95)
        spot = stage.plan.hang(stage.rng, width=wide, low=low, high=min(low + stage.between(1.0, 1.5), stage.plan.height - 0.15), wall=wall)
        if spot is not None:
            stage.hang("mirror", spot, stage.palette.mirror, _frame(stage), border=float(stage.rng.choice([0.012, 0.04, 0.07])))
            return True
    return False


def small_mirror(stage: Stage) -> None:
    """A mirror of 0.5 to 1 m."""
    low = stage.between(1.0, 1.2)
    spot = stage.plan.hang(stage.rng, width=stage.between(0.5, 1.0), low=low, high=low + stage.between(0.6, 0.9))
    if spot is not None:
        stage.hang("mirror", spot, stage.palette.mirror, _frame(stage), border=float(stage.rng.choice([0.012, 0.04, 0.07])))


def screen(stage: Stage, *, wall: int | None = None) -> None:
    """A flat black screen."""
    wide, low = stage.between(1.1, 1.9), stage.between(0.85, 1.15)
    spot = stage.plan.hang(stage.rng, width=wide, low=low, high=low + 0.56 * wide, wall=wall)
    if spot is not None:
        stage.fix(furniture.screen(stage.rng, stage.palette, width=wide, stand=False), spot)


def pictures(stage: Stage, count: int) -> None:
    """Framed pictures, most of them behind glass."""
    frame = _frame(stage)
    for _ in range(count):
        low = stage.between(1.2, 1.5)
        spot = stage.plan.hang(
            stage.rng, width=stage.between(0.35, 1.1), low=low, high=min(low + stage.between(0.35, 0.8), stage.plan.height - 0.1)
        )
        if spot is not None:
            stage.hang("picture", spot, _image(stage, behind_glass=not stage.plain and stage.chance(0.7)), frame, border=0.03)


def board(stage: Stage, *, wall: int | None = None) -> None:
    """A white board or a pin board with sheets on it."""
    low = stage.between(0.85, 1.0)
    spot = stage.plan.hang(stage.rng, width=stage.between(1.0, 2.0), low=low, high=low + stage.between(0.9, 1.1), wall=wall)
    if spot is None:
        return
    white = stage.chance(0.5)
    sheet = Surface(Material.GLOSSY, np.full(3, 0.72), roughness=0.06) if white else Surface(Material.DIFFUSE, np.array([0.32, 0.20, 0.11]))
    stage.hang("board", spot, sheet, stage.palette.metal if white else stage.palette.wood, border=0.02)
    pose = stage.plan.on_wall(spot.wall, spot.along, out=0.022, z=(spot.low + spot.high) / 2)
    pages = [
        shapes.quad((stage.between(-0.45, 0.35) * spot.width, -0.001 * i, stage.between(-0.4, 0.1)), (0.21, 0, 0), (0, 0, 0.297))
        for i in range(stage.count(1, 7))
    ]
    stage.plan.things.append(Thing("papers", ((shapes.merge(pages), stage.palette.white),), pose))


def _image(stage: Stage, *, behind_glass: bool) -> Surface:
    return Surface(
        Material.GLOSSY if behind_glass else Material.DIFFUSE,
        faded(textures.picture(stage.rng), stage.between(0.2, 0.7)),
        roughness=0.0,
        texture_m=stage.between(0.5, 1.3),
    )


def _frame(stage: Stage) -> Surface:
    palette = stage.palette
    return (palette.metal, palette.metal, palette.wood, palette.dark, palette.white)[stage.count(0, 4)]
