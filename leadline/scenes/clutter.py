"""What is on a crowded table or floor, and over it on the wall: the large things first, the cables last."""

import numpy as np

from leadline.scenes import bicycles, desk, furniture, greenery, ornaments, shapes, tableware, textures
from leadline.scenes.floorplan import Opening, Plan
from leadline.scenes.furniture import Piece
from leadline.scenes.interior import Palette, faded
from leadline.scenes.spread import Area, Spread
from leadline.scenes.world import Surface, Thing
from leadline.types import Material

GAP_M = 0.006
_OVERHANG = 0.62
"""Share of a plant's spread that keeps others away: leaves may hang over what is beside them."""


def fill(rng: np.random.Generator, plan: Plan, palette: Palette, kind: str, spread: Spread, area: Area) -> None:
    """Put what belongs to a place of that `kind` on it."""
    covers = book_covers(rng)
    match kind:
        case "desk":
            pieces = _desk(rng, palette, covers)
        case "kitchen":
            pieces = _kitchen(rng, palette, covers)
        case "workbench":
            pieces = _workbench(rng, palette)
        case "plants":
            pieces = _plants(rng, palette)
        case _:
            _bicycle(rng, plan, spread, area)
            pieces = _hall(rng, palette, covers)
    lamps = []
    for piece in pieces:
        upright = piece.name in ("desk lamp", "screen", "row of books", "dish rack", "chair")
        turn = (-0.7, 0.7) if upright else (-np.pi, np.pi)
        share = _OVERHANG if "plant" in piece.name else 1.0
        pose = spread.find(rng, (share * piece.size[0], share * piece.size[1]), _behind(area, piece), gap=GAP_M, yaw=turn)
        if pose is not None:
            plan.things.append(Thing(piece.name, tuple(piece.parts), pose))
            if piece.name in ("desk lamp", "screen", "floor lamp"):
                lamps.append(pose @ np.array([0.0, piece.size[1] / 2, 0.0, 1.0]))
    starts = [lamp[:2] for lamp in lamps]
    for start in starts:
        _lay(plan, desk.cable(rng, spread, area, start=start, hangs_m=0.4 if kind != "hall" and rng.random() < 0.5 else 0.0))
    for _ in range(int(rng.integers(1, 4)) if kind in ("desk", "workbench", "hall") else 0):
        _lay(plan, desk.cable(rng, spread, area, hangs_m=0.4 if kind != "hall" and rng.random() < 0.4 else 0.0))


def book_covers(rng: np.random.Generator) -> tuple[Surface, ...]:
    """Six bindings."""
    plain = [Surface(Material.DIFFUSE, rng.uniform(0.02, 0.6, 3) * rng.uniform(0.2, 1.0)) for _ in range(4)]
    printed = [Surface(Material.DIFFUSE, faded(textures.picture(rng, 64), 0.5), texture_m=0.4) for _ in range(2)]
    return (*plain, *printed)


def wall_shelf(rng: np.random.Generator, plan: Plan, palette: Palette, *, along: float, z: float, width: float) -> None:
    """A board on brackets on the north wall, with books, plants that hang down and small things on it."""
    half = width / 2
    if not half + 0.05 < along < plan.width - half - 0.05:
        return
    deep = 0.24
    board = shapes.box((width, deep, 0.025), center=(0, 0, -0.0125))
    brackets = shapes.boxes([(s * half * 0.75, 0.03, -0.06) for s in (-1, 1)], (0.012, deep * 0.7, 0.07))
    pose = plan.on_wall(2, along, out=deep / 2 + 0.005, z=z)
    plan.things.append(Thing("shelf", ((board, palette.wood), (brackets, palette.dark)), pose))
    plan.openings.append(Opening(2, along, width + 0.2, z - 0.5, z + 0.4))
    covers = book_covers(rng)
    spread = Spread(0.0005)
    for _ in range(int(rng.integers(4, 8))):
        match int(rng.integers(5)):
            case 0:
                piece, turn = desk.row_of_books(rng, covers), 0.0
            case 1:
                piece, turn = greenery.trailing(rng, palette, fall=float(rng.uniform(0.15, 0.4))), 0.0
            case 2:
                piece, turn = desk.books(rng, covers), 0.3
            case 3:
                piece, turn = tableware.mug(rng, palette), 3.0
            case _:
                piece, turn = (
                    ornaments.vessel(rng, palette.ceramics[int(rng.integers(3))], radius=0.05, height=float(rng.uniform(0.14, 0.26))),
                    0.0,
                )
        size = (piece.size[0], min(piece.size[1], deep - 0.02))
        place = spread.find(rng, size, (-half, -0.02, half, 0.02), gap=GAP_M, yaw=(-turn, turn + 1e-9), inside=False)
        if place is not None and abs(place[0, 3]) + size[0] / 2 < half:
            plan.things.append(Thing(piece.name, tuple(piece.parts), pose @ place))


def pictures(rng: np.random.Generator, plan: Plan, palette: Palette) -> None:
    """Framed pictures and sometimes a wheel on free walls."""
    for _ in range(int(rng.integers(1, 4))):
        spot = plan.hang(
            rng, width=float(rng.uniform(0.3, 0.8)), low=(low := float(rng.uniform(1.1, 1.4))), high=low + float(rng.uniform(0.3, 0.7))
        )
        if spot is not None:
            image = Surface(
                Material.DIFFUSE, faded(textures.picture(rng), float(rng.uniform(0.2, 0.7))), texture_m=float(rng.uniform(0.4, 1.0))
            )
            parts = furniture.framed(image, palette.wood, spot.width, spot.high - spot.low, border=0.025)
            plan.things.append(Thing("picture", tuple(parts), plan.on_wall(spot.wall, spot.along, out=0.001, z=(spot.low + spot.high) / 2)))
    if rng.random() < 0.4:
        piece = bicycles.wheel(rng)
        spot = plan.hang(rng, width=piece.size[0], low=1.1, high=1.1 + piece.size[0], wall=2)
        if spot is not None:
            pose = plan.on_wall(2, spot.along, out=0.003, z=1.1 + piece.size[0] / 2) @ shapes.rotation("x", np.pi / 2)
            plan.things.append(Thing("wheel", tuple(piece.parts), pose))


def _desk(rng: np.random.Generator, palette: Palette, covers: tuple[Surface, ...]) -> list[Piece]:
    pieces = [desk.desk_lamp(rng, palette)]
    if rng.random() < 0.5:
        pieces.append(furniture.screen(rng, palette, width=float(rng.uniform(0.42, 0.55))))
    pieces += [desk.row_of_books(rng, covers)] if rng.random() < 0.7 else []
    pieces += [desk.books(rng, covers) for _ in range(int(rng.integers(1, 4)))]
    pieces += (
        [greenery.leafy(rng, palette, height=float(rng.uniform(0.28, 0.45)))] if rng.random() < 0.7 else [greenery.twigs(rng, palette)]
    )
    pieces += [desk.boxes(rng, size=float(rng.uniform(0.15, 0.22)))] if rng.random() < 0.5 else []
    pieces += [desk.pens(rng, palette), *(tableware.mug(rng, palette) for _ in range(int(rng.integers(1, 3))))]
    pieces += [desk.wire_coil(rng) for _ in range(int(rng.integers(1, 3)))]
    pieces += [desk.spectacles(rng, palette), desk.scissors(rng, palette), desk.papers(rng), desk.papers(rng)]
    return pieces + [desk.pen(rng) for _ in range(int(rng.integers(3, 7)))]


def _kitchen(rng: np.random.Generator, palette: Palette, covers: tuple[Surface, ...]) -> list[Piece]:
    pieces: list[Piece] = []
    pieces += [tableware.dish_rack(rng, palette)] if rng.random() < 0.5 else []
    pieces += [tableware.place_setting(rng, palette) for _ in range(int(rng.integers(1, 4)))]
    pieces += [tableware.wire_basket(rng, palette)] if rng.random() < 0.7 else []
    if rng.random() < 0.6:
        pieces.append(tableware.wicker_basket(rng, radius=float(rng.uniform(0.09, 0.14)), height=float(rng.uniform(0.07, 0.12))))
    pieces += [tableware.utensils(rng, palette)] if rng.random() < 0.75 else []
    pieces += [greenery.grassy(rng, palette, height=0.25) if rng.random() < 0.5 else greenery.leafy(rng, palette, height=0.3)]
    pieces += [greenery.twigs(rng, palette)] if rng.random() < 0.5 else []
    pieces += [
        ornaments.vessel(rng, palette.glass, radius=0.04, height=float(rng.uniform(0.2, 0.3))) for _ in range(int(rng.integers(0, 3)))
    ]
    pieces += [ornaments.bowl(palette.ceramics[int(rng.integers(3))], radius=float(rng.uniform(0.08, 0.13)))]
    pieces += [tableware.mug(rng, palette) for _ in range(int(rng.integers(2, 6)))]
    pieces += [tableware.wine_glass(palette) for _ in range(int(rng.integers(0, 4)))]
    pieces += [desk.books(rng, covers)] if rng.random() < 0.3 else []
    return pieces + [tableware.cutlery(rng, palette) for _ in range(int(rng.integers(4, 9)))]


def _workbench(rng: np.random.Generator, palette: Palette) -> list[Piece]:
    pieces = [bicycles.wheel(rng)] if rng.random() < 0.6 else []
    pieces += [desk.desk_lamp(rng, palette)] if rng.random() < 0.7 else []
    pieces += [desk.boxes(rng, size=float(rng.uniform(0.16, 0.26))) for _ in range(int(rng.integers(1, 4)))]
    pieces += [tableware.wicker_basket(rng, radius=0.11, height=0.1)] if rng.random() < 0.4 else []
    pieces += [
        ornaments.vessel(rng, palette.brushed, radius=0.05, height=float(rng.uniform(0.1, 0.2))) for _ in range(int(rng.integers(1, 4)))
    ]
    pieces += [desk.wire_coil(rng) for _ in range(int(rng.integers(2, 5)))]
    pieces += [desk.pens(rng, palette), tableware.mug(rng, palette)]
    return pieces + [desk.tool(rng, palette) for _ in range(int(rng.integers(5, 10)))]


def _plants(rng: np.random.Generator, palette: Palette) -> list[Piece]:
    pieces = [greenery.leafy(rng, palette, height=float(rng.uniform(0.25, 0.5))) for _ in range(int(rng.integers(3, 7)))]
    pieces += [greenery.grassy(rng, palette, height=float(rng.uniform(0.2, 0.35))) for _ in range(int(rng.integers(2, 5)))]
    pieces += [greenery.twigs(rng, palette) for _ in range(int(rng.integers(1, 3)))]
    pieces += [tableware.wicker_basket(rng, radius=float(rng.uniform(0.1, 0.14)), height=float(rng.uniform(0.09, 0.16)))]
    pieces += [ornaments.vessel(rng, palette.ceramics[int(rng.integers(3))], radius=0.05, height=0.2), tableware.mug(rng, palette)]
    pieces += [tableware.wicker_basket(rng, radius=0.08, height=0.07), tableware.wire_basket(rng, palette)]
    return [*pieces, desk.scissors(rng, palette), desk.wire_coil(rng), desk.tool(rng, palette), desk.tool(rng, palette)]


def _hall(rng: np.random.Generator, palette: Palette, covers: tuple[Surface, ...]) -> list[Piece]:
    pieces: list[Piece] = [desk.boxes(rng, size=float(rng.uniform(0.35, 0.5))) for _ in range(int(rng.integers(1, 3)))]
    pieces += [furniture.chair(rng, palette)] if rng.random() < 0.6 else []
    pieces += [ornaments.floor_lamp(rng, palette, lit=False)] if rng.random() < 0.5 else []
    pieces += [greenery.leafy(rng, palette, height=float(rng.uniform(0.6, 1.0)))] if rng.random() < 0.7 else []
    pieces += [greenery.grassy(rng, palette, height=float(rng.uniform(0.5, 0.8)))] if rng.random() < 0.5 else []
    for _ in range(int(rng.integers(2, 5))):
        pieces.append(tableware.wicker_basket(rng, radius=float(rng.uniform(0.15, 0.24)), height=float(rng.uniform(0.16, 0.3))))
    pieces += [bicycles.wheel(rng)] if rng.random() < 0.3 else []
    return [
        *pieces,
        desk.books(rng, covers),
        desk.books(rng, covers),
        desk.wire_coil(rng),
        desk.wire_coil(rng),
        *(desk.tool(rng, palette) for _ in range(3)),
    ]


def _bicycle(rng: np.random.Generator, plan: Plan, spread: Spread, area: Area) -> None:
    """A bicycle that leans against the north wall, either way round."""
    lean, half = 0.13, bicycles.HANDLEBAR_M / 2
    # The handlebar, a metre high, touches the wall.
    foot = plan.depth - half - 1.05 * np.sin(lean) - 0.02
    x = float(rng.uniform(area[0] + 0.9, area[2] - 0.9))
    turned = bool(rng.random() < 0.5)
    parts = bicycles.leaning(bicycles.bicycle(rng), angle_rad=-lean if turned else lean)
    pose = shapes.pose(x, foot, spread.z, yaw=np.pi if turned else 0.0)
    plan.things.append(Thing("bicycle", tuple(parts), pose))
    spread.take(shapes.pose(x, foot + 0.08), (bicycles.LENGTH_M, 0.42))


def _behind(area: Area, piece: Piece) -> Area:
    """What is tall stands in the back two thirds, so that it hides less of the rest."""
    x0, y0, x1, y1 = area
    return (x0, y0 + 0.35 * (y1 - y0), x1, y1) if piece.size[2] > 0.25 and piece.size[1] < 0.6 * (y1 - y0) else area


def _lay(plan: Plan, piece: Piece) -> None:
    plan.things.append(Thing(piece.name, tuple(piece.parts), np.eye(4)))
