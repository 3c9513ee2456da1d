"""Furniture of offices, corridors, shops and galleries."""

import numpy as np

from leadline.scenes import furniture, hangings, homes, lights, officefit, ornaments, shapes, shell, shopfit
from leadline.scenes.furniture import Piece
from leadline.scenes.stage import Stage


def office(stage: Stage) -> None:
    """Groups of desks, screens of cloth or glass between them, a meeting room of glass, lockers, boards, files."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    if min(plan.width, plan.depth) > 5.5 and stage.chance(0.6):
        _meeting_room(stage)
    rows = 2 if stage.chance(0.6) else 1
    for _ in range(stage.count(2, 4)):
        width, depth = stage.between(1.3, 1.6), stage.between(0.7, 0.8)
        group = officefit.desks(rng, palette, columns=stage.count(1, 2 if rows == 2 else 3), rows=rows, width=width, depth=depth)
        pose = stage.wall(group) if rows == 1 and stage.chance(0.6) else stage.free(group, margin=0.75)
        if pose is not None:
            _man_the_desks(stage, group, pose, rows=rows, width=width, depth=depth)
    for _ in range(stage.count(0, 2)):
        stage.free(officefit.partition(rng, palette, width=stage.between(1.2, 1.8)), margin=0.3)
    for _ in range(stage.count(1, 3)):
        if stage.chance(0.35):
            stage.wall(officefit.lockers(rng, palette, columns=stage.count(2, 5)))
        else:
            stage.wall(furniture.bookcase(rng, palette, width=stage.between(0.8, 1.6), height=stage.between(1.0, 2.0)))
    hangings.board(stage)
    if not stage.plain and stage.chance(0.6):
        hangings.screen(stage)


def _man_the_desks(stage: Stage, group: Piece, pose: np.ndarray, *, rows: int, width: float, depth: float) -> None:
    """Screens on each desk of a group, and a chair before it."""
    for row in range(rows):
        for column in range(round(group.size[0] / width)):
            x = (column + 0.5) * width - group.size[0] / 2
            seat = pose @ shapes.pose(x, (row + 0.5) * depth - group.size[1] / 2, yaw=np.pi * row)
            homes.equip_desk(stage, seat, depth=depth, height=officefit.DESK_M, screens=stage.count(1, 2))
            if stage.chance(0.85):
                turn = np.pi + stage.between(-0.4, 0.4)
                chair = furniture.office_chair(stage.rng, stage.palette)
                stage.at(chair, seat @ shapes.pose(stage.between(-0.15, 0.15), -depth / 2 - 0.42, yaw=turn))


def _meeting_room(stage: Stage) -> None:
    """A corner parted off by two walls of glass, a door of glass open in one; a table with chairs and a screen in it."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    wide, deep = stage.between(2.3, 2.9), stage.between(2.3, 2.9)
    right, far = stage.chance(0.5), stage.chance(0.5)
    x0, y0 = (plan.width - wide if right else 0.0), (plan.depth - deep if far else 0.0)
    middle = shapes.pose(x0 + wide / 2, y0 + deep / 2)
    room = Piece("meeting room", [], (wide, deep, 2.3))
    if not plan.is_free(room, middle, gap=0.0):
        return
    table = furniture.table(rng, palette, width=stage.between(1.0, 1.3), depth=0.8, height=0.74, glass=stage.chance(0.3))
    stage.at(table, middle, load=1.0)
    stage.chairs_around(table, middle)
    across = officefit.glass_wall(rng, palette, width=wide - 0.06, door=stage.between(-0.4, 0.4))
    along = officefit.glass_wall(rng, palette, width=deep - 0.06, door=None)
    plan.put(across, shapes.pose(x0 + wide / 2, y0 if far else y0 + deep, yaw=0.0 if far else np.pi), solid=False)
    plan.put(along, shapes.pose(x0 if right else x0 + wide, y0 + deep / 2, yaw=np.pi / 2), solid=False)
    plan.blocked.append((x0, y0 - 0.9 * far, x0 + wide, y0 + deep + 0.9 * (not far), 2.3))


def corridor(stage: Stage) -> None:
    """Doors along both sides, one of glass at an end, and what stands and hangs between them: of a home, an office or a hotel."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    sides = (0, 2) if plan.width > plan.depth else (1, 3)
    ends = tuple(wall for wall in range(4) if wall not in sides)
    length = plan.wall_length(sides[0])
    style = str(rng.choice(["home", "office", "hotel"]))
    shell.glass_entrance(rng, plan, palette, wall=ends[stage.count(0, 1)]) if stage.chance(0.6) else None
    if not stage.plain:
        _mirrors_of_a_corridor(stage, sides, style)
    for _ in range(max(2, round(length * stage.between(0.35, 0.6)))):
        shell.door(rng, plan, palette, wall=sides[stage.count(0, 1)], glazed=0.35 if style == "office" else 0.15)
    if style != "office" or stage.chance(0.5):
        lights.wall_lamps(rng, plan, wall=sides[stage.count(0, 1)], count=max(2, round(length / 2.2)))
    for _ in range(round(length / 2.0)):
        _along_a_corridor(stage, sides[stage.count(0, 1)], style)
    if style != "office" and stage.chance(0.6):
        runner = ornaments.rug(rng, width=length * stage.between(0.6, 0.9), depth=min(plan.width, plan.depth) * 0.45)
        stage.lay(runner, shapes.pose(plan.width / 2, plan.depth / 2, yaw=0.0 if plan.width > plan.depth else np.pi / 2))
    hangings.pictures(stage, stage.count(2, 5))


def _mirrors_of_a_corridor(stage: Stage, sides: tuple[int, int], style: str) -> None:
    side = sides[stage.count(0, 1)]
    if style == "home" and stage.chance(0.6):
        homes.wardrobe(stage, mirrored=1.0, depth=0.42)
    elif stage.chance(0.5):
        hangings.mirror_wall(stage, wall=side)
    else:
        hangings.mirror(stage, wall=side)
    if stage.chance(0.3):
        hangings.mirror(stage)


def _along_a_corridor(stage: Stage, side: int, style: str) -> None:
    rng, palette = stage.rng, stage.palette
    match stage.count(0, 5):
        case 0:
            stage.wall(ornaments.plant(rng, palette, height=stage.between(0.8, 1.6)), wall=side)
        case 1 if style == "home":
            spot = stage.plan.hang(rng, width=1.1, low=0.85, high=1.95, wall=side)
            if spot is not None:
                stage.fix(officefit.coats(rng, palette, width=1.0), spot)
        case 1 if style == "office":
            stage.wall(officefit.lockers(rng, palette, columns=stage.count(2, 6)), wall=side)
        case 2:
            stage.wall(officefit.bench(rng, palette, width=stage.between(0.9, 1.6)), wall=side)
        case 3 if style != "home":
            stage.wall(officefit.extinguisher(palette), wall=side)
        case 4 if style == "office":
            hangings.board(stage, wall=side)
        case _:
            doors = palette.lacquer if stage.chance(0.6) else palette.wood
            low = furniture.cabinet(rng, palette, width=stage.between(0.7, 1.3), depth=0.34, height=stage.between(0.7, 0.9), doors=doors)
            stage.wall(low, wall=side, load=1.2)


def shop(stage: Stage) -> None:
    """A counter, islands and walls of shelves with goods, racks of clothes or cases of glass; one wall lets in the street."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    front = stage.count(0, 3)
    shell.glass_entrance(rng, plan, palette, wall=front)
    shell.show_windows(rng, plan, palette, wall=front)
    style = str(rng.choice(["groceries", "clothes", "showroom"]))
    if not stage.plain:
        hangings.mirror(stage, wall=(front + stage.count(1, 3)) % 4)
        if style == "clothes":
            hangings.mirror(stage, wall=(front + stage.count(1, 3)) % 4)
    stage.free(shopfit.checkout(rng, palette, width=stage.between(1.4, 2.0)), margin=0.6)
    spot = plan.hang(rng, width=1.8, low=2.2, high=2.62, wall=(front + 2) % 4)
    if spot is not None:
        stage.fix(shopfit.price_board(rng, palette, width=1.7), spot)
    for _ in range(stage.count(2, 4) if style != "showroom" else 1):
        stage.wall(shopfit.shelving(rng, palette, width=stage.between(1.2, 2.6), height=stage.between(1.7, 2.1), double=False))
    for _ in range(stage.count(2, 4)):
        match style:
            case "groceries":
                island = shopfit.shelving(rng, palette, width=stage.between(1.4, 2.4), height=stage.between(1.15, 1.45), double=True)
                stage.free(island, margin=0.75)
            case "clothes":
                stage.free(shopfit.clothes_rack(rng, palette, width=stage.between(1.0, 1.7)), margin=0.6)
                stage.free(shopfit.bust(rng, palette), margin=0.3)
            case _:
                stage.free(shopfit.glass_case(rng, palette, width=stage.between(1.0, 1.7)), load=2.0, margin=0.6)
    for _ in range(stage.count(1, 3) if style == "showroom" else stage.count(0, 1)):
        stage.wall(shopfit.vitrine(rng, palette), load=1.5)
    if style == "showroom" and stage.chance(0.6):
        stage.free(ornaments.pedestal(rng, palette), margin=0.3)


def gallery(stage: Stage) -> None:
    """Plinths with vessels, panes, a bench, many pictures."""
    rng, palette = stage.rng, stage.palette
    for _ in range(stage.count(2, 4)):
        stage.free(ornaments.pedestal(rng, palette), margin=0.4)
    for _ in range(stage.count(0, 2)):
        stage.free(furniture.glass_panel(rng, palette, width=stage.between(1.0, 1.8)), margin=0.3)
    if stage.chance(0.5):
        stage.free(shopfit.vitrine(rng, palette), margin=0.4)
    stage.free(officefit.bench(rng, palette, width=stage.between(1.0, 1.5)), margin=0.4)
    hangings.pictures(stage, stage.count(2, 5))
