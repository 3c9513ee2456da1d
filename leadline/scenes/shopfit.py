"""What shops are fitted with: shelves full of goods, racks of clothes, cases of glass, a counter.

Convention: as `furniture`. Goods are painted in many colours on one mesh, what shines among them is a second one.
"""

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.furniture import Parts, Piece, Shelf, cushion
from leadline.scenes.interior import Palette
from leadline.scenes.paint import painted
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

Painted = list[tuple[Mesh, np.ndarray]]
_BOTTLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.6), (0.35, 0.78), (0.35, 1.0), (0.0, 1.0))
_CAN = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def row_of_goods(rng: np.random.Generator, *, width: float, depth: float, headroom: float) -> tuple[Painted, list[Mesh]]:
    """One board full of goods, front at -y, standing on z = 0 around the origin: matte pieces with colours, and bottles that shine.

    Goods come in facings of one product, side by side and one behind the other, with gaps where something was sold.
    """
    matte: Painted = []
    shiny: list[Mesh] = []
    x = -width / 2 + 0.02
    while x < width / 2 - 0.1:
        kind, tint = int(rng.integers(4)), rng.uniform(0.02, 0.75, 3) * rng.uniform(0.35, 1.0)
        wide, high = float(rng.uniform(0.06, 0.2)), float(rng.uniform(0.35, 0.9)) * headroom
        end = min(x + wide * float(rng.integers(2, 6)), width / 2 - 0.02)
        while x + wide < end:
            if rng.random() < 0.9:
                middle, back = x + wide / 2, float(rng.uniform(0.0, 0.25)) * depth
                deep = depth - back - 0.02
                y = back / 2
                match kind:
                    case 0:
                        matte.append((shapes.box((wide - 0.006, deep, high), center=(middle, y, high / 2)), tint))
                        label = shapes.quad(
                            (middle - wide * 0.35, y - deep / 2 - 0.001, high * 0.2), (wide * 0.7, 0, 0), (0, 0, high * 0.45)
                        )
                        matte.append((label, np.full(3, 0.7) - 0.6 * tint))
                    case 1:
                        matte.append((_folded(wide, deep, high, middle, y), tint))
                    case _:
                        outline = np.array(_BOTTLE if kind == 2 else _CAN) * (wide * 0.46, high if kind == 2 else min(high, 1.4 * wide))
                        ranks = np.linspace(y - deep / 2 + wide / 2, y + deep / 2 - wide / 2, 2)
                        turned = shapes.lathe(outline, segments=10)
                        shiny += [shapes.transform(turned, shapes.pose(middle, r)) for r in ranks]
            x += wide
        x = max(end, x) + float(rng.uniform(0.005, 0.05))
    return matte, shiny


def shelving(rng: np.random.Generator, palette: Palette, *, width: float, height: float, double: bool) -> Piece:
    """Shelves full of goods against a wall, or `double` as an island with goods on both sides."""
    deep, foot = float(rng.uniform(0.36, 0.45)), 0.14
    rows = max(2, round((height - foot) / float(rng.uniform(0.32, 0.42))))
    gap = (height - foot) / rows
    sides = (0.0, np.pi) if double else (0.0,)
    total = deep * len(sides)
    boards, matte, shiny = [], [], []
    for turn in sides:
        face = shapes.pose(yaw=turn) @ shapes.pose(y=-deep / 2 if double else 0.0)
        for i in range(rows):
            z = foot + i * gap
            boards.append(shapes.transform(shapes.box((width, deep, 0.025), center=(0, 0, z - 0.0125)), face))
            some_matte, some_shiny = row_of_goods(rng, width=width - 0.04, depth=deep - 0.05, headroom=gap - 0.04)
            level = face @ shapes.pose(z=z + 0.0005)
            matte += [(shapes.transform(mesh, level), tint) for mesh, tint in some_matte]
            shiny += [shapes.transform(mesh, level) for mesh in some_shiny]
    back = shapes.box((width, 0.02, height), center=(0, 0.0 if double else total / 2 - 0.01, height / 2))
    ends = shapes.boxes([(s * (width / 2 - 0.01), 0, height / 2) for s in (-1, 1)], (0.02, total, height))
    frame = (palette.white, palette.wood, palette.dark)[int(rng.integers(3))]
    parts: Parts = [(shapes.merge([*boards, back, ends]), frame)]
    if matte:
        parts.append(painted(matte))
    if shiny:
        parts.append((shapes.merge(shiny), palette.ceramics[1 + int(rng.integers(2))]))
    return Piece("shelves of goods", parts, (width, total, height))


def clothes_rack(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """Clothes on a rail between two posts."""
    height, depth = float(rng.uniform(1.35, 1.6)), 0.5
    posts = [shapes.boxes([(s * width / 2, 0, height / 2) for s in (-1, 1)], (0.03, 0.03, height))]
    posts.append(shapes.boxes([(s * width / 2, 0, 0.015) for s in (-1, 1)], (0.04, depth, 0.03)))
    posts.append(shapes.box((width, 0.025, 0.025), center=(0, 0, height)))
    tints = rng.uniform(0.02, 0.6, (3, 3)) * rng.uniform(0.3, 1.0, (3, 1))
    clothes: Painted = []
    x = -width / 2 + 0.08
    while x < width / 2 - 0.08:
        long, broad = float(rng.uniform(0.65, 0.95)), float(rng.uniform(0.38, 0.46))
        garment = cushion(
            (float(rng.uniform(0.03, 0.06)), broad, long), center=(x, rng.uniform(-0.02, 0.02), height - 0.07 - long / 2), softness=0.3
        )
        clothes.append((garment, tints[int(rng.integers(3))] * rng.uniform(0.8, 1.2)))
        x += float(rng.uniform(0.05, 0.11))
    return Piece("clothes rack", [(shapes.merge(posts), palette.metal), painted(clothes)], (width + 0.04, depth, height + 0.02))


def glass_case(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A low cabinet under a case of glass; things lie in it."""
    depth, base, top = 0.55, float(rng.uniform(0.55, 0.75)), float(rng.uniform(1.0, 1.15))
    body = shapes.box((width, depth, base), center=(0, 0, base / 2))
    parts: Parts = [(body, palette.wood if rng.random() < 0.5 else palette.lacquer)]
    parts += _case(palette, width, depth, base + 0.001, top)
    return Piece("glass case", parts, (width, depth, top), (Shelf(0, 0, base + 0.001, width * 0.9, depth * 0.8, top - base - 0.03),))


def vitrine(rng: np.random.Generator, palette: Palette) -> Piece:
    """A tall case of glass with panes for shelves."""
    width, depth, height = float(rng.uniform(0.5, 1.0)), 0.42, float(rng.uniform(1.6, 1.95))
    foot = shapes.box((width, depth, 0.12), center=(0, 0, 0.06))
    parts: Parts = [(foot, palette.wood if rng.random() < 0.5 else palette.dark)]
    parts += _case(palette, width, depth, 0.121, height)
    levels = np.linspace(0.121, height, 5)[:-1]
    parts.append((shapes.merge([shapes.plane(width - 0.03, depth - 0.03, center=(0, 0, z)) for z in levels[1:]]), palette.glass))
    gap = float(levels[1] - levels[0])
    shelves = tuple(Shelf(0, 0, float(z), width * 0.85, depth * 0.8, gap - 0.03) for z in levels)
    return Piece("glass case", parts, (width, depth, height), shelves)


def checkout(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A counter with a till: a front of wood or lacquer under a top of stone or wood."""
    depth, height = float(rng.uniform(0.6, 0.75)), float(rng.uniform(0.92, 1.05))
    body = shapes.box((width - 0.06, depth - 0.06, height - 0.04), center=(0, 0, (height - 0.04) / 2))
    top = shapes.box((width, depth, 0.04), center=(0, 0, height - 0.02))
    x = float(rng.choice([-1, 1])) * width * 0.3
    till = shapes.box((0.36, 0.4, 0.1), center=(x, 0.05, height + 0.05))
    post = shapes.box((0.03, 0.03, 0.22), center=(x, 0.1, height + 0.2))
    tilted = shapes.pose(x, 0.08, height + 0.34) @ shapes.rotation("z", np.pi) @ shapes.rotation("x", -0.35)
    case = shapes.transform(shapes.box((0.34, 0.02, 0.24), center=(0, 0.012, 0)), tilted)
    glass = shapes.transform(shapes.quad((-0.16, -0.0005, -0.11), (0.32, 0, 0), (0, 0, 0.22)), tilted)
    front = palette.wood if rng.random() < 0.5 else palette.lacquer
    parts: Parts = [(body, front), (top, palette.stone if rng.random() < 0.5 else palette.wood)]
    parts += [(shapes.merge([till, post, case]), palette.dark), (glass, palette.screen_off)]
    return Piece("checkout", parts, (width, depth, height + 0.5), (Shelf(-x * 0.6, 0, height, width * 0.4, depth * 0.7),))


def bust(rng: np.random.Generator, palette: Palette) -> Piece:
    """A tailor's dummy that wears something."""
    height = float(rng.uniform(1.4, 1.65))
    outline = np.array([(0.15, 0.0), (0.19, 0.08), (0.13, 0.28), (0.18, 0.48), (0.19, 0.56), (0.06, 0.66), (0.06, 0.74), (0.0, 0.76)])
    torso = shapes.transform(shapes.lathe(outline, segments=24), shapes.pose(z=height - 0.76, scale=(1.0, 0.62, 1.0)))
    pole = shapes.lathe([(0.0, 0.0), (0.17, 0.0), (0.17, 0.015), (0.014, 0.03), (0.014, height - 0.74)], segments=20)
    cloth = palette.fabrics[int(rng.integers(3))] if rng.random() < 0.7 else palette.white
    return Piece("dummy", [(torso, cloth), (pole, palette.metal)], (0.4, 0.36, height))


def price_board(rng: np.random.Generator, palette: Palette, *, width: float) -> Piece:
    """A board with a lit face, hung on a wall: the name of the shop without letters."""
    tint = rng.uniform(0.1, 1.0, 3)
    shine = Surface(Material.DIFFUSE, np.ones(3), emission=tint / tint.max() * float(rng.uniform(1.0, 2.0)))
    body = shapes.box((width, 0.06, 0.4), center=(0, 0.0, 0.2))
    bars, x = [], -width * 0.35
    while x < width * 0.3:
        wide = float(rng.uniform(0.04, 0.14))
        bars.append(shapes.quad((x, -0.032, 0.1), (wide, 0, 0), (0, 0, float(rng.uniform(0.08, 0.2)))))
        x += wide + 0.03
    return Piece("sign", [(body, palette.dark), (shapes.merge(bars), shine)], (width, 0.064, 0.4))


def _case(palette: Palette, width: float, depth: float, low: float, high: float) -> Parts:
    """Four panes and a top of glass with metal along the edges."""
    x, y, up = width / 2 - 0.006, depth / 2 - 0.006, high - low
    panes = [
        shapes.quad((-x, -y, low), (2 * x, 0, 0), (0, 0, up)),
        shapes.quad((x, -y, low), (0, 2 * y, 0), (0, 0, up)),
        shapes.quad((x, y, low), (-2 * x, 0, 0), (0, 0, up)),
        shapes.quad((-x, y, low), (0, -2 * y, 0), (0, 0, up)),
        shapes.plane(2 * x, 2 * y, center=(0, 0, high - 0.003)),
    ]
    posts = shapes.boxes([(sx * x, sy * y, (low + high) / 2) for sx in (-1, 1) for sy in (-1, 1)], (0.014, 0.014, up))
    rails = shapes.boxes(
        [(0, -y, high), (0, y, high), (-x, 0, high), (x, 0, high)],
        [(width, 0.014, 0.014), (width, 0.014, 0.014), (0.014, depth, 0.014), (0.014, depth, 0.014)],
    )
    return [(shapes.merge(panes), palette.glass), (shapes.merge([posts, rails]), palette.metal)]


def _folded(wide: float, deep: float, high: float, x: float, y: float) -> Mesh:
    """A pile of folded cloth."""
    count = max(1, round(high / 0.05))
    sheets = [((x, y, (i + 0.5) * 0.05), (wide - 0.01, deep * (0.9 + 0.05 * (i % 2)), 0.044)) for i in range(count)]
    return shapes.boxes([center for center, _ in sheets], [size for _, size in sheets])
