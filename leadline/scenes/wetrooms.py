"""Furniture of kitchens and bathrooms."""

import numpy as np

from leadline.scenes import appliances, furniture, ornaments, shapes
from leadline.scenes.furniture import Piece, Shelf
from leadline.scenes.stage import Stage


def kitchen(stage: Stage) -> None:
    """A run of units with a stove and a hood, wall cupboards, a fridge or a tower of ovens, a table or an island."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    wall = stage.count(0, 3)
    for attempt in range(4):
        side = (wall + attempt) % 4
        run = furniture.counter(rng, palette, width=stage.between(1.4, max(1.6, min(2.8, plan.wall_length(side) - 1.6))))
        pose = stage.wall(run, wall=side, load=1.5)
        if pose is not None:
            _beside_the_counter(stage, run, pose)
            break
    stage.wall(furniture.fridge(rng, palette))
    if stage.chance(0.5):
        stage.wall(appliances.oven_tower(palette))
    else:
        tall = furniture.cabinet(
            rng, palette, width=stage.between(0.5, 0.65), depth=0.6, height=stage.between(1.9, 2.1), doors=palette.lacquer
        )
        stage.wall(tall)
    if stage.chance(0.35):
        island = furniture.cabinet(rng, palette, width=stage.between(1.2, 1.8), depth=0.7, height=0.87, doors=palette.lacquer)
        top = shapes.box((island.size[0] + 0.1, 0.86, 0.04), center=(0, 0, 0.891))
        shelf = Shelf(0, 0, 0.9115, island.size[0] * 0.85, 0.6)
        whole = Piece("island", [*island.parts, (top, palette.stone)], (island.size[0] + 0.1, 0.86, 0.911), (shelf,))
        stage.free(whole, load=1.2, margin=0.5)
        return
    piece = furniture.table(rng, palette, width=rng.uniform(0.75, 1.2), depth=rng.uniform(0.7, 0.8), height=0.75, glass=stage.chance(0.3))
    pose = stage.free(piece, load=1.2, margin=0.5)
    if pose is not None:
        stage.chairs_around(piece, pose)


def _beside_the_counter(stage: Stage, run: Piece, pose: np.ndarray) -> None:
    """A stove at one end with its hood, cupboards on the wall above the counter."""
    rng, palette = stage.rng, stage.palette
    stove = appliances.stove(palette)
    for end in (-1, 1):
        place = pose @ shapes.pose(end * (run.size[0] + stove.size[0] + 0.01) / 2, 0.01)
        if stage.at(stove, place):
            spot = stage.above(place, width=0.62, low=1.5, high=2.2)
            if spot is not None:
                stage.fix(appliances.hood(palette), spot)
            break
    spot = stage.above(pose, width=run.size[0], low=1.42, high=2.14)
    if spot is not None:
        doors = palette.lacquer if stage.chance(0.7) else palette.glass
        stage.fix(furniture.cabinet(rng, palette, width=run.size[0], depth=0.34, height=0.72, doors=doors), spot)


def bathroom(stage: Stage) -> None:
    """A basin under a mirror or a mirror cabinet, a tub or a shower, a toilet, towels, sometimes a washing machine."""
    rng, palette = stage.rng, stage.palette
    stand = furniture.cabinet(rng, palette, width=stage.between(0.7, 1.4), depth=0.46, height=0.82, doors=palette.lacquer)
    pose = stage.wall(stand, load=0.0)
    if pose is not None:
        for x in (-0.32, 0.32) if stand.size[0] > 1.2 else (0.0,):
            stage.on_top(appliances.basin(rng, palette), pose, x, -0.02, stand.size[2])
        if not stage.plain:
            _above_the_basin(stage, pose, stand.size[0])
    stage.wall(appliances.toilet(palette))
    if stage.chance(0.5):
        stage.wall(appliances.bath(palette))
    else:
        stage.wall(appliances.shower(rng, palette))
    for _ in range(stage.count(1, 2)):
        spot = stage.plan.hang(rng, width=0.8, low=0.75, high=1.4)
        if spot is not None:
            stage.fix(appliances.towels(rng, palette), spot)
    if stage.chance(0.35):
        stage.wall(appliances.washing_machine(palette))
    else:
        doors = palette.mirror if not stage.plain and stage.chance(0.4) else palette.lacquer
        stage.wall(furniture.cabinet(rng, palette, width=0.45, depth=0.35, height=stage.between(1.4, 1.8), doors=doors))
    if stage.chance(0.4):
        stage.wall(ornaments.plant(rng, palette, height=stage.between(0.5, 0.9)))


def _above_the_basin(stage: Stage, pose: np.ndarray, width: float) -> None:
    wide = max(0.7, width - 0.05)
    spot = stage.above(pose, width=wide, low=1.15, high=2.05) if stage.chance(0.55) else None
    if spot is not None:
        stage.fix(appliances.mirror_cabinet(stage.rng, stage.palette, width=wide), spot)
        return
    for wide in (stage.between(1.4, 2.2), width):
        spot = stage.above(pose, width=wide, low=1.12, high=stage.between(1.9, 2.2))
        if spot is not None:
            stage.hang("mirror", spot, stage.palette.mirror, stage.palette.metal, border=0.012)
            return
