"""Which furniture a room gets and in what order: large mirrors and pieces first, then what hangs, then what fills corners."""

import numpy as np

from leadline.scenes import furniture, hangings, homes, lights, ornaments, publicrooms, wetrooms
from leadline.scenes.floorplan import Plan
from leadline.scenes.interior import Palette
from leadline.scenes.stage import Stage

KINDS = {
    "living room": homes.living_room,
    "bedroom": homes.bedroom,
    "study": homes.study,
    "dining room": homes.dining_room,
    "kitchen": wetrooms.kitchen,
    "bathroom": wetrooms.bathroom,
    "office": publicrooms.office,
    "corridor": publicrooms.corridor,
    "shop": publicrooms.shop,
    "gallery": publicrooms.gallery,
}
"""What furnishes each kind of room."""
_HOMES = ("living room", "bedroom", "study", "dining room")
_MIRRORED = {
    "living room": 0.75,
    "bedroom": 0.5,
    "study": 0.7,
    "dining room": 0.7,
    "kitchen": 0.35,
    "bathroom": 0.3,
    "office": 0.55,
    "gallery": 0.9,
}
"""Probability of a wall mirror 1.4 to 2.6 m wide, or of a wall of mirrors; corridors and shops hang their own."""


def furnish(rng: np.random.Generator, plan: Plan, palette: Palette, kind: str, *, plain: bool, crowd: float = 1.0) -> None:
    """Fill `plan` as a room of one of KINDS; `crowd` in [0, 1] thins out what is not typical of the kind, at 0 walls stay bare.

    In a `plain` room there is nothing to be fooled by: no mirrors, no black screens, no pictures behind glass.
    """
    stage = Stage(rng, plan, palette, plain=plain)
    if not plain and stage.chance(_MIRRORED.get(kind, 0.0)):
        if stage.chance(0.3):
            hangings.mirror_wall(stage)
        else:
            hangings.mirror(stage)
    if crowd > 0.0:
        KINDS[kind](stage)
        _extras(stage, kind, crowd)
    _hangings(stage, kind)
    _lamps(stage, kind)


def _extras(stage: Stage, kind: str, crowd: float) -> None:
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    for opening in [o for o in plan.openings if 0.8 < o.low < 1.0 and o.high > 1.9]:
        if stage.chance(0.6):
            heater = ornaments.radiator(palette, width=min(1.2, opening.width * 0.8))
            stage.at(heater, plan.on_wall(opening.wall, opening.along, out=0.075))
    if kind in ("bathroom", "corridor"):
        return
    if kind in _HOMES and stage.chance(0.2):
        stage.free(furniture.glass_panel(rng, palette, width=stage.between(0.8, 1.5)), margin=0.2)
    for _ in range(int(rng.poisson(crowd * min(plan.width * plan.depth, 35.0) / (4.5 if kind in _HOMES else 9.0)))):
        match stage.count(0, 8):
            case 0 | 1:
                stage.wall(ornaments.plant(rng, palette, height=stage.between(0.7, 1.6)))
            case 2:
                stage.wall(ornaments.floor_lamp(rng, palette, lit=stage.shines(0.6)))
            case 3:
                stage.wall(ornaments.carton(rng, palette))
            case 4:
                doors = palette.lacquer if stage.chance(0.7) else palette.wood
                width, height = stage.between(0.6, 1.4), stage.between(0.6, 0.95)
                stage.wall(furniture.cabinet(rng, palette, width=width, depth=0.42, height=height, doors=doors), load=1.2)
            case 5:
                stage.wall(furniture.chair(rng, palette))
            case 6 if kind != "kitchen":
                stage.wall(furniture.bookcase(rng, palette, width=stage.between(0.5, 1.2), height=stage.between(0.9, 2.0)))
            case 7 if not stage.plain and kind in _HOMES:
                stage.wall(furniture.standing_mirror(rng, palette))
            case _:
                stage.free(ornaments.pillow_seat(rng, palette) if stage.chance(0.5) else furniture.chair(rng, palette))


def _hangings(stage: Stage, kind: str) -> None:
    """Mirrors and pictures where the walls are free."""
    if not stage.plain and stage.chance(0.5 if kind in _HOMES else 0.2):
        hangings.small_mirror(stage)
    if kind not in ("bathroom", "shop"):
        hangings.pictures(stage, stage.count(1, 4))


def _lamps(stage: Stage, kind: str) -> None:
    """Light from above, of one kind in a room; over a table sometimes lamps on cords besides."""
    rng, plan = stage.rng, stage.plan
    if kind in ("shop", "gallery") and stage.chance(0.6):
        lights.spots(rng, plan)
    else:
        lights.flat_lamps(rng, plan, spaced=kind in ("office", "corridor", "shop"))
    tables = [thing for thing in plan.things if thing.name in ("table", "island", "checkout")]
    if tables and kind in ("dining room", "kitchen", "shop") and stage.chance(0.6):
        table = tables[stage.count(0, len(tables) - 1)].poses
        apart = stage.between(0.3, 0.45)
        over = [table @ np.array([x, 0.0, 0.0, 1.0]) for x in ((0.0,), (-apart, apart))[stage.count(0, 1)]]
        lights.pendants(rng, plan, over=[place[:2] for place in over])
