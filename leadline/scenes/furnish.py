"""Which furniture a room gets and in what order: large pieces first, then what hangs, then small things on top."""

import numpy as np

from leadline.scenes import furniture, ornaments, shapes, textures
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Piece
from leadline.scenes.interior import Palette, faded
from leadline.scenes.world import Surface, Thing
from leadline.types import Material

KINDS = ("living room", "bedroom", "study", "dining room", "kitchen", "bathroom", "gallery")


def furnish(rng: np.random.Generator, plan: Plan, palette: Palette, kind: str, *, crowd: float = 1.0) -> None:
    """Fill `plan` as a room of one of KINDS; `crowd` in [0, 1] thins out what is not against a wall or typical of the kind."""
    stage = _Stage(rng, plan, palette)
    if stage.chance(0.2):
        _mirror_wall(stage)
    if crowd == 0.0:
        _hangings(stage, kind)
        return
    match kind:
        case "living room":
            _living(stage)
        case "bedroom":
            _bedroom(stage)
        case "study":
            _study(stage)
        case "dining room":
            _dining(stage)
        case "kitchen":
            _kitchen(stage)
        case "bathroom":
            _bathroom(stage)
        case _:
            _gallery(stage)
    _extras(stage, kind, crowd)
    _hangings(stage, kind)


def hang_curtains(rng: np.random.Generator, plan: Plan, cloth: Surface, opening: Opening) -> None:
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


class _Stage:
    """A room while it is furnished: places pieces and puts small things on their shelves."""

    def __init__(self, rng: np.random.Generator, plan: Plan, palette: Palette) -> None:
        self.rng, self.plan, self.palette = rng, plan, palette

    def wall(self, piece: Piece, *, load: float = 0.7, wall: int | None = None) -> np.ndarray | None:
        """Put `piece` against a wall and load it."""
        pose = self.plan.against_wall(self.rng, piece, wall=wall)
        if pose is not None:
            self.load(piece, pose, load)
        return pose

    def free(self, piece: Piece, *, load: float = 0.7, margin: float = 0.1) -> np.ndarray | None:
        """Put `piece` somewhere on the floor and load it."""
        pose = self.plan.anywhere(self.rng, piece, margin=margin)
        if pose is not None:
            self.load(piece, pose, load)
        return pose

    def at(self, piece: Piece, pose: np.ndarray, *, load: float = 0.7) -> bool:
        """Put `piece` at `pose` if it is free there."""
        if not self.plan.is_free(piece, pose, gap=0.0):
            return False
        self.plan.put(piece, pose)
        self.load(piece, pose, load)
        return True

    def load(self, piece: Piece, pose: np.ndarray, density: float) -> None:
        """Small things on the shelves of `piece`, beside each other."""
        rng = self.rng
        for shelf in piece.shelves:
            taken: list[tuple[float, float, float]] = []
            for _ in range(int(rng.poisson(density * (1.0 + 2.5 * shelf.width)))):
                thing = ornaments.small_thing(rng, self.palette, headroom=shelf.headroom)
                radius = max(thing.size[0], thing.size[1]) / 2
                room_x, room_y = shelf.width / 2 - radius, shelf.depth / 2 - radius
                if thing.size[2] > shelf.headroom or room_x <= 0 or room_y < -0.03:
                    continue
                x, y = shelf.x + rng.uniform(-room_x, room_x), shelf.y + rng.uniform(-1, 1) * max(room_y, 0.0)
                if all(np.hypot(x - tx, y - ty) > radius + tr + 0.01 for tx, ty, tr in taken):
                    taken.append((x, y, radius))
                    place = pose @ shapes.pose(x, y, shelf.z + 0.0005, yaw=rng.uniform(-0.6, 0.6))
                    self.plan.put(thing, place, solid=False)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)


def _living(stage: _Stage) -> None:
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    wall = int(rng.integers(4))
    couch = furniture.sofa(rng, palette, width=float(rng.uniform(1.6, min(2.3, plan.wall_length(wall) - 0.6))))
    pose = stage.wall(couch, wall=wall) if stage.chance(0.75) else stage.free(couch)
    if pose is not None:
        low = furniture.table(
            rng, palette, width=rng.uniform(0.7, 1.2), depth=rng.uniform(0.5, 0.7), height=rng.uniform(0.38, 0.48), glass=stage.chance(0.45)
        )
        before = pose @ shapes.pose(y=-couch.size[1] / 2 - low.size[1] / 2 - rng.uniform(0.3, 0.5))
        stage.at(low, before, load=1.0)
        carpet = ornaments.rug(rng, width=rng.uniform(1.6, 2.4), depth=rng.uniform(1.2, 1.7))
        if stage.chance(0.6):
            _lay(plan, carpet, before)
    _television(stage, (wall + 2) % 4)
    for _ in range(int(rng.integers(0, 3))):
        stage.free(furniture.sofa(rng, palette, width=float(rng.uniform(0.8, 0.95))))
    stage.wall(furniture.bookcase(rng, palette, width=float(rng.uniform(0.7, 1.4)), height=float(rng.uniform(1.2, 2.1))))


def _television(stage: _Stage, wall: int) -> None:
    rng, palette = stage.rng, stage.palette
    bench = furniture.cabinet(
        rng, palette, width=float(rng.uniform(1.3, 1.9)), depth=0.42, height=float(rng.uniform(0.42, 0.55)), doors=palette.lacquer
    )
    pose = stage.wall(bench, wall=wall, load=0.0)
    if pose is not None:
        screen = furniture.screen(rng, palette, width=float(rng.uniform(0.9, 1.3)))
        stage.plan.put(screen, pose @ shapes.pose(z=bench.size[2] + 0.0005), solid=False)


def _bedroom(stage: _Stage) -> None:
    rng, palette = stage.rng, stage.palette
    piece = furniture.bed(rng, palette)
    pose = stage.wall(piece)
    if pose is not None:
        for side in (-1, 1):
            stand = furniture.cabinet(rng, palette, width=0.42, depth=0.38, height=0.5, doors=palette.wood)
            stage.at(stand, pose @ shapes.pose(side * (piece.size[0] / 2 + 0.27), piece.size[1] / 2 - 0.22), load=1.2)
        if stage.chance(0.5):
            _lay(stage.plan, ornaments.rug(rng, width=2.2, depth=1.5), pose @ shapes.pose(y=-0.5))
    doors = palette.mirror if stage.chance(0.6) else (palette.lacquer if stage.chance(0.5) else palette.wood)
    stage.wall(
        furniture.cabinet(rng, palette, width=float(rng.uniform(1.1, 2.2)), depth=0.6, height=float(rng.uniform(1.9, 2.2)), doors=doors)
    )
    stage.wall(
        furniture.cabinet(
            rng, palette, width=float(rng.uniform(0.8, 1.3)), depth=0.45, height=float(rng.uniform(0.7, 0.95)), doors=palette.wood
        )
    )
    stage.wall(furniture.standing_mirror(rng, palette)) if stage.chance(0.5) else stage.free(furniture.chair(rng, palette))


def _study(stage: _Stage) -> None:
    rng, palette = stage.rng, stage.palette
    for _ in range(int(rng.integers(1, 3))):
        desk = furniture.table(
            rng, palette, width=rng.uniform(1.2, 1.7), depth=rng.uniform(0.65, 0.8), height=0.74, glass=stage.chance(0.25)
        )
        desk = Piece("desk", desk.parts, desk.size, ())
        pose = stage.wall(desk) if stage.chance(0.6) else stage.free(desk, margin=0.5)
        if pose is None:
            continue
        for i in range(int(rng.integers(1, 3))):
            screen = furniture.screen(rng, palette, width=0.56)
            place = pose @ shapes.pose((i - 0.3) * 0.62 - 0.1, desk.size[1] * 0.22, desk.size[2] + 0.0005, yaw=rng.uniform(-0.2, 0.2))
            stage.plan.put(screen, place, solid=False)
        stage.at(
            furniture.office_chair(rng, palette),
            pose @ shapes.pose(rng.uniform(-0.2, 0.2), -desk.size[1] / 2 - 0.36, yaw=np.pi + rng.uniform(-0.5, 0.5)),
        )
    for _ in range(int(rng.integers(1, 4))):
        stage.wall(furniture.bookcase(rng, palette, width=float(rng.uniform(0.7, 1.5)), height=float(rng.uniform(1.1, 2.1))))
    if stage.chance(0.5):
        stage.free(furniture.glass_panel(rng, palette, width=float(rng.uniform(1.0, 1.6))), margin=0.2)


def _dining(stage: _Stage) -> None:
    rng, palette = stage.rng, stage.palette
    long = float(rng.uniform(0.9, 1.9))
    piece = furniture.table(
        rng, palette, width=long, depth=float(rng.uniform(0.8, 0.95)), height=float(rng.uniform(0.72, 0.77)), glass=stage.chance(0.35)
    )
    pose = stage.free(piece, load=1.2, margin=0.55)
    if pose is not None:
        _chairs_around(stage, piece, pose)
        if stage.chance(0.4):
            _lay(stage.plan, ornaments.rug(rng, width=piece.size[0] + 1.2, depth=piece.size[1] + 1.2), pose)
    doors = palette.lacquer if stage.chance(0.6) else palette.wood
    stage.wall(
        furniture.cabinet(rng, palette, width=float(rng.uniform(1.2, 1.8)), depth=0.42, height=float(rng.uniform(0.75, 0.9)), doors=doors),
        load=1.2,
    )
    stage.wall(furniture.bookcase(rng, palette, width=float(rng.uniform(0.7, 1.1)), height=float(rng.uniform(1.4, 2.0))))


def _chairs_around(stage: _Stage, piece: Piece, pose: np.ndarray) -> None:
    rng = stage.rng
    model = furniture.chair(rng, stage.palette)
    seats = [(x, side) for side in (-1, 1) for x in (np.linspace(-0.25, 0.25, 2) * piece.size[0] if piece.size[0] > 1.2 else (0.0,))]
    for x, side in seats:
        if stage.chance(0.85):
            turn = (np.pi if side < 0 else 0.0) + rng.uniform(-0.2, 0.2)
            stage.at(model, pose @ shapes.pose(x, side * (piece.size[1] / 2 + rng.uniform(0.26, 0.42)), yaw=turn))


def _kitchen(stage: _Stage) -> None:
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    wall = int(rng.integers(4))
    for attempt in range(4):
        side = (wall + attempt) % 4
        run = furniture.counter(rng, palette, width=float(rng.uniform(1.4, max(1.6, min(2.8, plan.wall_length(side) - 1.0)))))
        pose = stage.wall(run, wall=side, load=1.5)
        if pose is None:
            continue
        if not any(o.wall == side and o.high > 1.4 for o in plan.openings):
            upper = furniture.cabinet(
                rng, palette, width=run.size[0], depth=0.34, height=0.72, doors=palette.lacquer if stage.chance(0.7) else palette.glass
            )
            plan.put(upper, pose @ shapes.pose(y=run.size[1] / 2 - 0.18, z=1.42), solid=False)
        break
    stage.wall(furniture.fridge(rng, palette))
    stage.wall(
        furniture.cabinet(
            rng, palette, width=float(rng.uniform(0.5, 0.65)), depth=0.6, height=float(rng.uniform(1.9, 2.1)), doors=palette.lacquer
        )
    )
    piece = furniture.table(rng, palette, width=rng.uniform(0.75, 1.2), depth=rng.uniform(0.7, 0.8), height=0.75, glass=stage.chance(0.3))
    pose = stage.free(piece, load=1.2, margin=0.5)
    if pose is not None:
        _chairs_around(stage, piece, pose)


def _bathroom(stage: _Stage) -> None:
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    stand = furniture.cabinet(rng, palette, width=float(rng.uniform(0.7, 1.2)), depth=0.46, height=0.82, doors=palette.lacquer)
    basin = ornaments.bowl(palette.ceramics[0], radius=0.19)
    pose = stage.wall(stand, load=0.0)
    if pose is not None:
        plan.put(basin, pose @ shapes.pose(z=stand.size[2] + 0.0005), solid=False)
        tap = shapes.merge(
            [shapes.transform(shapes.cylinder(0.013, 0.26), shapes.pose(y=0.2)), shapes.box((0.02, 0.14, 0.016), center=(0, 0.13, 0.25))]
        )
        plan.put(Piece("tap", [(tap, palette.metal)], (0.03, 0.2, 0.26)), pose @ shapes.pose(z=stand.size[2] + 0.0005), solid=False)
    tub = [
        furniture.cushion((1.6, 0.75, 0.56), center=(0, 0, 0.28), softness=0.2),
        shapes.transform(shapes.cylinder(0.33, 0.004, segments=32), shapes.pose(z=0.5605, scale=(2.0, 0.85, 1.0))),
    ]
    bath = Piece("bath", [(tub[0], palette.ceramics[0]), (tub[1], palette.ceramics[0])], (1.6, 0.75, 0.57))
    if stage.wall(bath) is None or stage.chance(0.5):
        stage.free(furniture.glass_panel(rng, palette, width=float(rng.uniform(0.8, 1.1))), margin=0.15)
    stage.wall(
        furniture.cabinet(
            rng,
            palette,
            width=0.45,
            depth=0.35,
            height=float(rng.uniform(1.4, 1.8)),
            doors=palette.mirror if stage.chance(0.4) else palette.lacquer,
        )
    )


def _gallery(stage: _Stage) -> None:
    rng, palette = stage.rng, stage.palette
    for _ in range(int(rng.integers(2, 5))):
        stage.free(ornaments.pedestal(rng, palette), margin=0.4)
    for _ in range(int(rng.integers(1, 3))):
        stage.free(furniture.glass_panel(rng, palette, width=float(rng.uniform(1.0, 1.8))), margin=0.3)
    stage.wall(furniture.standing_mirror(rng, palette))
    bench = furniture.table(rng, palette, width=float(rng.uniform(1.0, 1.5)), depth=0.42, height=0.44)
    stage.free(Piece("bench", bench.parts, bench.size, ()), margin=0.4)


def _extras(stage: _Stage, kind: str, crowd: float) -> None:
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    for opening in [o for o in plan.openings if 0.8 < o.low < 1.0 and o.high > 1.9]:
        if stage.chance(0.6):
            heater = ornaments.radiator(palette, width=min(1.2, opening.width * 0.8))
            stage.at(heater, plan.on_wall(opening.wall, opening.along, out=0.075))
    if kind == "bathroom":
        if stage.chance(0.6):
            stage.wall(ornaments.plant(rng, palette, height=float(rng.uniform(0.5, 0.9))))
        return
    if kind not in ("gallery", "study") and stage.chance(0.3):
        stage.free(furniture.glass_panel(rng, palette, width=float(rng.uniform(0.8, 1.5))), margin=0.2)
    floor_area = plan.width * plan.depth
    for _ in range(int(rng.poisson(crowd * floor_area / 4.5))):
        match int(rng.integers(9)):
            case 0 | 1:
                stage.wall(ornaments.plant(rng, palette, height=float(rng.uniform(0.7, 1.6))))
            case 2:
                stage.wall(ornaments.floor_lamp(rng, palette, lit=stage.chance(0.5)))
            case 3:
                stage.wall(ornaments.carton(rng, palette))
            case 4:
                doors = palette.lacquer if stage.chance(0.7) else palette.wood
                width, height = float(rng.uniform(0.6, 1.4)), float(rng.uniform(0.6, 0.95))
                stage.wall(furniture.cabinet(rng, palette, width=width, depth=0.42, height=height, doors=doors), load=1.2)
            case 5:
                stage.wall(furniture.chair(rng, palette))
            case 6:
                stage.wall(furniture.bookcase(rng, palette, width=float(rng.uniform(0.5, 1.2)), height=float(rng.uniform(0.9, 2.0))))
            case 7:
                stage.wall(furniture.standing_mirror(rng, palette))
            case _:
                stage.free(ornaments.pillow_seat(rng, palette) if stage.chance(0.5) else furniture.chair(rng, palette))


def _mirror_wall(stage: _Stage) -> None:
    """Large panes of mirror side by side over most of one wall."""
    rng, plan = stage.rng, stage.plan
    side = int(rng.integers(4))
    low, high = float(rng.choice([0.1, 0.1, 0.8])), float(rng.uniform(1.9, 2.2))
    spot = plan.hang(rng, width=plan.wall_length(side) * float(rng.uniform(0.45, 0.8)), low=low, high=high, wall=side)
    if spot is None:
        return
    count = max(2, round(spot.width / 0.8))
    pane = spot.width / count
    x = (np.arange(count) + 0.5) * pane - spot.width / 2
    sheets = shapes.merge([shapes.quad((c - pane / 2 + 0.003, -0.012, 0.0), (pane - 0.006, 0, 0), (0, 0, high - low)) for c in x])
    back = shapes.box((spot.width, 0.008, high - low), center=(0, -0.005, (high - low) / 2))
    pose = plan.on_wall(side, spot.along, z=low)
    plan.things.append(Thing("mirror", ((sheets, stage.palette.mirror), (back, stage.palette.dark)), pose))


def _hangings(stage: _Stage, kind: str) -> None:
    """Mirrors and pictures where the walls are free."""
    rng, palette, plan = stage.rng, stage.palette, stage.plan
    frame = palette.metal if stage.chance(0.4) else (palette.wood if stage.chance(0.5) else palette.dark)
    for _ in range(1 + stage.chance(0.6) if kind in ("bathroom", "gallery") else int(stage.chance(0.8)) + int(stage.chance(0.35))):
        width, height = float(rng.uniform(0.7, 2.0)), float(rng.uniform(0.7, 1.3))
        low = float(rng.uniform(0.6, 1.05))
        spot = plan.hang(rng, width=width, low=low, high=min(low + height, plan.height - 0.1))
        if spot is not None:
            _hang(plan, "mirror", spot, palette.mirror, frame, border=float(rng.choice([0.012, 0.04, 0.07])))
    for _ in range(int(rng.integers(1, 5)) if kind != "bathroom" else 0):
        width, height = float(rng.uniform(0.35, 1.1)), float(rng.uniform(0.35, 0.8))
        low = float(rng.uniform(1.2, 1.5))
        spot = plan.hang(rng, width=width, low=low, high=min(low + height, plan.height - 0.1))
        if spot is not None:
            behind_glass = stage.chance(0.7)
            body = Material.GLOSSY if behind_glass else Material.DIFFUSE
            image = Surface(
                body, faded(textures.picture(rng), rng.uniform(0.2, 0.7)), roughness=0.0, texture_m=float(rng.uniform(0.5, 1.3))
            )
            _hang(plan, "picture", spot, image, frame, border=0.03)


def _hang(plan: Plan, name: str, spot: Opening, inside: Surface, frame: Surface, *, border: float) -> None:
    parts = furniture.framed(inside, frame, spot.width, spot.high - spot.low, border=border)
    pose = plan.on_wall(spot.wall, spot.along, out=0.001, z=(spot.low + spot.high) / 2)
    plan.things.append(Thing(name, tuple(parts), pose))


def _lay(plan: Plan, piece: Piece, pose: np.ndarray) -> None:
    """Put a rug under things, as far as it lies within the room."""
    x0, y0, x1, y1 = plan.footprint(piece, pose)
    shift = np.array([max(0.02 - x0, 0) - max(x1 - plan.width + 0.02, 0), max(0.02 - y0, 0) - max(y1 - plan.depth + 0.02, 0)])
    if x1 - x0 < plan.width - 0.1 and y1 - y0 < plan.depth - 0.1:
        place = pose.copy()
        place[:2, 3] += shift
        plan.put(piece, place, solid=False)
