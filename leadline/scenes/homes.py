"""Furniture of the rooms people live in: living room, bedroom, study, dining room."""

import numpy as np

from leadline.scenes import desk, furniture, hangings, ornaments, shapes
from leadline.scenes.furniture import Piece
from leadline.scenes.stage import Stage


def living_room(stage: Stage) -> None:
    """A sofa and a low table before a television, armchairs, books."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    wall = stage.count(0, 3)
    couch = furniture.sofa(rng, palette, width=stage.between(1.6, min(2.3, plan.wall_length(wall) - 0.6)))
    pose = stage.wall(couch, wall=wall) if stage.chance(0.75) else stage.free(couch)
    if pose is not None:
        low = furniture.table(
            rng, palette, width=rng.uniform(0.7, 1.2), depth=rng.uniform(0.5, 0.7), height=rng.uniform(0.38, 0.48), glass=stage.chance(0.45)
        )
        before = pose @ shapes.pose(y=-couch.size[1] / 2 - low.size[1] / 2 - rng.uniform(0.3, 0.5))
        stage.at(low, before, load=1.0)
        if stage.chance(0.5):
            stage.lay(ornaments.rug(rng, width=rng.uniform(1.6, 2.4), depth=rng.uniform(1.2, 1.7)), before)
        if stage.chance(0.5):
            side = float(rng.choice([-1, 1])) * (couch.size[0] / 2 + 0.3)
            stage.at(ornaments.floor_lamp(rng, palette, lit=stage.shines(0.7)), pose @ shapes.pose(side, couch.size[1] / 2 - 0.25))
    if stage.chance(0.6):
        _television(stage, (wall + 2) % 4)
    elif not stage.plain:
        hangings.screen(stage, wall=(wall + 2) % 4)
    for _ in range(stage.count(0, 2)):
        stage.free(furniture.sofa(rng, palette, width=stage.between(0.8, 0.95)))
    stage.wall(furniture.bookcase(rng, palette, width=stage.between(0.7, 1.4), height=stage.between(1.2, 2.1)))


def bedroom(stage: Stage) -> None:
    """A bed with its nightstands, a wardrobe, often with mirrors for doors, drawers, a tall mirror."""
    rng, palette = stage.rng, stage.palette
    piece = furniture.bed(rng, palette)
    pose = stage.wall(piece)
    if pose is not None:
        for side in (-1, 1):
            stand = furniture.cabinet(rng, palette, width=0.42, depth=0.38, height=0.5, doors=palette.wood)
            place = pose @ shapes.pose(side * (piece.size[0] / 2 + 0.27), piece.size[1] / 2 - 0.22)
            if stage.at(stand, place, load=0.0 if stage.chance(0.6) else 1.2) and not stage.chance(0.4):
                stage.on_top(ornaments.table_lamp(rng, palette, lit=stage.shines(0.7)), place, 0.0, 0.0, 0.5)
        if stage.chance(0.4):
            stage.lay(ornaments.rug(rng, width=2.2, depth=1.5), pose @ shapes.pose(y=-0.5))
    wardrobe(stage, mirrored=0.7)
    stage.wall(
        furniture.cabinet(rng, palette, width=stage.between(0.8, 1.3), depth=0.45, height=stage.between(0.7, 0.95), doors=palette.wood)
    )
    if not stage.plain and stage.chance(0.5):
        stage.wall(furniture.standing_mirror(rng, palette))
    else:
        stage.free(furniture.chair(rng, palette))


def wardrobe(stage: Stage, *, mirrored: float, depth: float = 0.6) -> None:
    """A wardrobe 1.4 to 2.6 m wide, with that probability with mirrors for doors."""
    doors = stage.palette.mirror if not stage.plain and stage.chance(mirrored) else stage.palette.wood
    height = stage.between(1.9, min(2.3, stage.plan.height - 0.1))
    for width in (stage.between(1.4, 2.6), 1.4):
        if stage.wall(furniture.cabinet(stage.rng, stage.palette, width=width, depth=depth, height=height, doors=doors)) is not None:
            return


def study(stage: Stage) -> None:
    """One or two desks with screens, books all around."""
    rng, palette = stage.rng, stage.palette
    for _ in range(stage.count(1, 2)):
        board = furniture.table(
            rng, palette, width=rng.uniform(1.2, 1.7), depth=rng.uniform(0.65, 0.8), height=0.74, glass=stage.chance(0.25)
        )
        board = Piece("desk", board.parts, board.size, ())
        pose = stage.wall(board) if stage.chance(0.6) else stage.free(board, margin=0.5)
        if pose is None:
            continue
        equip_desk(stage, pose, depth=board.size[1], height=board.size[2], screens=stage.count(1, 2))
        stage.at(
            furniture.office_chair(rng, palette),
            pose @ shapes.pose(rng.uniform(-0.2, 0.2), -board.size[1] / 2 - 0.42, yaw=np.pi + rng.uniform(-0.4, 0.4)),
        )
    for _ in range(stage.count(1, 3)):
        stage.wall(furniture.bookcase(rng, palette, width=stage.between(0.7, 1.5), height=stage.between(1.1, 2.1)))
    if stage.chance(0.4):
        stage.free(furniture.glass_panel(rng, palette, width=stage.between(1.0, 1.6)), margin=0.2)


def equip_desk(stage: Stage, pose: np.ndarray, *, depth: float, height: float, screens: int) -> None:
    """Screens, a keyboard, papers, a lamp on a desk at `pose` whose user sits at -y."""
    rng, palette = stage.rng, stage.palette
    for i in range(screens):
        x = (i - (screens - 1) / 2) * 0.6
        stage.on_top(furniture.screen(rng, palette, width=0.56), pose, x, depth * 0.2, height, yaw=stage.between(-0.15, 0.15))
    keys = Piece("keyboard", [(shapes.box((0.42, 0.14, 0.02), center=(0, 0, 0.01)), palette.dark)], (0.42, 0.14, 0.02))
    stage.on_top(keys, pose, stage.between(-0.1, 0.1), -depth * 0.2, height, yaw=stage.between(-0.08, 0.08))
    side = float(rng.choice([-1, 1]))
    if stage.chance(0.4):
        stage.on_top(desk.desk_lamp(rng, palette, lit=stage.shines(0.7)), pose, side * 0.55, depth * 0.22, height, yaw=-side * 0.6)
    if stage.chance(0.6):
        stage.on_top(desk.papers(rng), pose, -side * 0.48, -depth * 0.12, height, yaw=stage.between(-0.3, 0.3))
    if stage.chance(0.4):
        stage.on_top(ornaments.cup(palette.ceramics[stage.count(0, 2)]), pose, side * 0.4, -depth * 0.15, height)


def dining_room(stage: Stage) -> None:
    """A table with chairs around it, a sideboard, a shelf."""
    rng, palette = stage.rng, stage.palette
    piece = furniture.table(
        rng,
        palette,
        width=stage.between(0.9, 1.9),
        depth=stage.between(0.8, 0.95),
        height=stage.between(0.72, 0.77),
        glass=stage.chance(0.35),
    )
    pose = stage.free(piece, load=1.2, margin=0.55)
    if pose is not None:
        stage.chairs_around(piece, pose)
        if stage.chance(0.3):
            stage.lay(ornaments.rug(rng, width=piece.size[0] + 1.2, depth=piece.size[1] + 1.2), pose)
    doors = palette.lacquer if stage.chance(0.6) else palette.wood
    board = furniture.cabinet(rng, palette, width=stage.between(1.2, 1.8), depth=0.42, height=stage.between(0.75, 0.9), doors=doors)
    pose = stage.wall(board, load=1.2)
    if not stage.plain and stage.chance(0.5):
        spot = stage.above(pose, width=stage.between(1.4, 1.8), low=1.15, high=stage.between(1.8, 2.1))
        if spot is not None:
            stage.hang("mirror", spot, palette.mirror, palette.metal, border=0.03)
    stage.wall(furniture.bookcase(rng, palette, width=stage.between(0.7, 1.1), height=stage.between(1.4, 2.0)))


def _television(stage: Stage, wall: int) -> None:
    rng, palette = stage.rng, stage.palette
    bench = furniture.cabinet(
        rng, palette, width=stage.between(1.3, 1.9), depth=0.42, height=stage.between(0.42, 0.55), doors=palette.lacquer
    )
    pose = stage.wall(bench, wall=wall, load=0.0)
    if pose is not None:
        stage.on_top(furniture.screen(rng, palette, width=stage.between(0.9, 1.5)), pose, 0.0, 0.0, bench.size[2])
