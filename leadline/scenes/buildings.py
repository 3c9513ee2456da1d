"""Houses along a street: walls with real window openings, shop fronts, doors, balconies, roofs.

Window panes are glossy pictures of the rooms behind them: light that had to find its way into a room through glass
would cost many times the samples, and is dim.

Convention of a house's own frame: the front wall lies in y = 0 and faces -y, x runs along it from 0 to the width, z up.
"""

from dataclasses import dataclass

import numpy as np

from leadline.scenes import shapes, textures
from leadline.scenes.paint import painted
from leadline.scenes.world import Mesh, Surface, Thing
from leadline.types import Material

REVEAL_M = 0.18
"""How deep windows sit in the wall."""


Color = tuple[float, float, float]
Part = tuple[Mesh, Surface]
Parts = tuple[Part, ...]


@dataclass(frozen=True, eq=False)
class Palette:
    """What the houses of one world choose from: surfaces, and linear RGB of what is painted."""

    walls: tuple[Surface, ...]
    bases: tuple[Surface, ...]
    roofs: tuple[Surface, ...]
    signs: tuple[Surface, ...]
    panes: Surface
    trims: tuple[Color, ...]
    colors: tuple[Color, ...]


@dataclass(frozen=True, eq=False)
class Openings:
    """A grid of equal windows in a wall: `x` (n,) left edges, `z` (m,) lower edges, `width` and `height` [m]."""

    x: np.ndarray
    z: np.ndarray
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class _Wall:
    """The pieces of one wall: masonry, panes, frames with sills."""

    wall: Mesh
    panes: Mesh | None = None
    frames: Mesh | None = None


def make_palette(rng: np.random.Generator, *, size: int = 192) -> Palette:
    """Four walls, two plinths, two roofs and what is seen through windows."""
    makers = (textures.plaster, textures.brick, textures.plaster, textures.concrete)
    tile_m = {textures.plaster: 3.0, textures.brick: 1.5, textures.concrete: 4.0}
    walls = tuple(Surface(Material.DIFFUSE, make(rng, size), texture_m=tile_m[make]) for make in makers)
    plain = [tuple(float(c) for c in color) for color in rng.uniform(0.03, 0.5, (6, 3)) * rng.uniform(0.2, 1.0, (6, 1))]
    return Palette(
        walls=walls,
        bases=(
            Surface(Material.DIFFUSE, textures.marble(rng, size), texture_m=2.0),
            walls[3],
            Surface(Material.DIFFUSE, rng.uniform(0.1, 0.5, 3)),
        ),
        roofs=(
            Surface(Material.DIFFUSE, textures.roof_tiles(rng, size), texture_m=3.0),
            Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.12, 0.3))),
        ),
        signs=(
            Surface(Material.DIFFUSE, textures.picture(rng, 128), texture_m=1.3),
            Surface(Material.DIFFUSE, textures.picture(rng, 128), texture_m=2.6),
            Surface(Material.DIFFUSE, rng.uniform(0.02, 0.7, 3)),
        ),
        panes=Surface(Material.GLOSSY, textures.rooms_behind_glass(rng, size), roughness=0.02, texture_m=16.0),
        trims=((0.75, 0.75, 0.74), (0.75, 0.75, 0.74), (0.16, 0.10, 0.06), (0.06, 0.06, 0.06)),
        colors=tuple((r, g, b) for r, g, b in plain),
    )


def make_house(rng: np.random.Generator, palette: Palette, *, width: float, depth: float, floors: int, shop: bool, gabled: bool) -> Parts:
    """The parts of one house. Its back is blank: nobody sees it."""
    ground_m = float(rng.uniform(3.4, 4.4)) if shop else 0.0
    floor_m, bays = float(rng.uniform(2.8, 3.3)), max(1, round(width / rng.uniform(2.4, 3.6)))
    height = ground_m + floors * floor_m + 0.3
    window = (float(rng.uniform(0.40, 0.62)) * width / bays, float(rng.uniform(1.2, 1.9)))
    front = _openings(width, bays, window, np.arange(floors) * floor_m + ground_m + floor_m - window[1] - 0.45)
    walls, panes, trims = [], [], []
    trim = palette.trims[int(rng.integers(len(palette.trims)))]
    for side in range(4):
        matrix, length = _side(side, width, depth)
        openings = front if side == 0 else None
        if side % 2 and rng.random() < 0.4:
            openings = _openings(depth, int(depth / 4.5), window, front.z)
        built = _wall(rng, length, height, openings, base=ground_m if side == 0 else 0.0)
        walls.append(shapes.transform(built.wall, matrix))
        if built.panes is not None and built.frames is not None:
            panes.append(shapes.transform(built.panes, matrix))
            trims.append((shapes.transform(built.frames, matrix), trim))
    roof, gables = _gabled_roof(width, depth, height) if gabled else _flat_roof(rng, width, depth, height)
    parts = [
        (shapes.merge([*walls, *gables]), palette.walls[int(rng.integers(len(palette.walls)))]),
        (roof, palette.roofs[0 if gabled else 1]),
    ]
    if shop:
        front_parts, display, pieces = _shop_front(rng, palette, width, ground_m)
        parts += front_parts
        panes.append(display)
        trims += pieces
    else:
        trims += _door(rng, palette, front, int(rng.integers(bays)), trim)
    if floors > 1 and rng.random() < 0.4:
        slabs, rails = _balconies(rng, front, floor_m, ground_m)
        trims += [(slabs, (0.5, 0.5, 0.48)), (rails, (0.04, 0.04, 0.04) if rng.random() < 0.6 else trim)]
    return (*parts, (shapes.merge(panes), palette.panes), painted(trims))


def make_shed(rng: np.random.Generator, *, width: float, depth: float) -> Parts:
    """A long low hall of sheet metal with a roller gate."""
    height = float(rng.uniform(5.0, 9.0))
    sheet = Surface(Material.DIFFUSE, textures.metal_sheet(rng, 128), texture_m=1.5)
    gate = Surface(Material.DIFFUSE, rng.uniform(0.05, 0.6, 3))
    x = rng.uniform(2.5, width - 2.5)
    return (
        (shapes.box((width, depth, height), center=(width / 2, depth / 2, height / 2)), sheet),
        (
            shapes.merge(
                [
                    shapes.box((4.0, 0.1, 4.0), center=(x, 0.0, 2.0)),
                    shapes.box((width + 0.3, 0.2, 0.6), center=(width / 2, 0.0, height - 0.3)),
                ]
            ),
            gate,
        ),
    )


def backdrop(rng: np.random.Generator, poses: list[np.ndarray], *, width: float) -> Thing:
    """Blocks with painted windows far behind the street, all one thing; each stands on one of `poses`."""
    image = Surface(Material.DIFFUSE, textures.facade(rng), texture_m=12.0)
    blocks = []
    for matrix in poses:
        height = rng.uniform(2, 7) * 3.0
        blocks.append(
            # They reach 6 m into the ground, which may fall behind the street.
            shapes.transform(
                shapes.box((width * rng.uniform(0.6, 1.0), 12.0, height + 6.0), center=(width / 2, 6.0, height / 2 - 3.0)), matrix
            )
        )
    return Thing("backdrop", ((shapes.merge(blocks), image),), np.eye(4))


def _side(side: int, width: float, depth: float) -> tuple[np.ndarray, float]:
    """Where the wall of side 0 front, 1 right, 2 back, 3 left stands, and its length [m]."""
    corner = ((0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth))[side]
    return shapes.pose(*corner, yaw=side * np.pi / 2), depth if side % 2 else width


def _openings(length: float, bays: int, window: tuple[float, float], z: np.ndarray) -> Openings:
    bay = length / bays
    width = min(window[0], bay - 0.3)
    return Openings(x=(np.arange(bays) + 0.5) * bay - width / 2, z=z, width=width, height=window[1])


def _wall(rng: np.random.Generator, length: float, height: float, openings: Openings | None, *, base: float) -> _Wall:
    """A wall from z = `base` up with its openings."""
    if openings is None:
        return _Wall(_rectangles([(0.0, base, length, height - base)]))
    x, z, w, h = openings.x, openings.z, openings.width, openings.height
    floors_low, floors_high = np.append(base, z + h), np.append(z, height)
    pieces = [(0.0, low, length, high - low) for low, high in zip(floors_low, floors_high, strict=True)]
    piers_low, piers_high = np.append(0.0, x + w), np.append(x, length)
    pieces += [(low, floor, high - low, h) for floor in z for low, high in zip(piers_low, piers_high, strict=True)]
    num = len(x) * len(z)
    corner = np.stack([np.tile(x, len(z)), np.zeros(num), np.repeat(z, len(x))], axis=1)
    along, up, inward = np.array([w, 0, 0]), np.array([0, 0, h]), np.array([0, REVEAL_M, 0])
    reveals = shapes.quads(
        np.concatenate([corner, corner + along, corner, corner + up]),
        np.repeat([inward, up, along, inward], num, axis=0),
        np.repeat([up, inward, inward, along], num, axis=0),
    )
    panes = shapes.quads(corner + 0.6 * inward, along, up, uv_origin=4.0 * rng.integers(0, 4, (num, 2)) + 0.5)
    return _Wall(shapes.merge([_rectangles(pieces), reveals]), panes, _frames(corner + 0.5 * inward, w, h))


def _frames(corner: np.ndarray, width: float, height: float) -> Mesh:
    """Bars around and in the middle of panes whose lower left corners are given (n, 3), and sills before them."""
    bar = 0.06
    offsets = ((0, 0), (0, height - bar), (0, bar), (width - bar, bar), (width / 2 - bar / 2, bar))
    sizes = ((width, bar), (width, bar), (bar, height - 2 * bar), (bar, height - 2 * bar), (bar, height - 2 * bar))
    origin = np.concatenate([corner + np.array([x, 0.0, z]) for x, z in offsets])
    u_edge = np.repeat([[w, 0.0, 0.0] for w, _ in sizes], len(corner), axis=0)
    v_edge = np.repeat([[0.0, 0.0, h] for _, h in sizes], len(corner), axis=0)
    sill = corner + np.array([-0.12, -0.5 * REVEAL_M - 0.14, 0.0])
    along, inward = np.array([width + 0.24, 0, 0]), np.array([0, 0.3, 0])
    return shapes.quads(
        np.concatenate([origin, sill + np.array([0, 0, -0.08]), sill]),
        np.concatenate([u_edge, np.tile(along, (2 * len(corner), 1))]),
        np.concatenate([v_edge, np.tile([0.0, 0.0, 0.08], (len(corner), 1)), np.tile(inward, (len(corner), 1))]),
    )


def _rectangles(pieces: list[tuple[float, float, float, float]]) -> Mesh:
    """Parts (x, z, width, height) of a front wall, their texture continuous."""
    x, z, width, height = np.array(pieces).T
    zero = np.zeros_like(x)
    return shapes.quads(
        np.stack([x, zero, z], axis=1),
        np.stack([width, zero, zero], axis=1),
        np.stack([zero, zero, height], axis=1),
        uv_origin=np.stack([x, z], axis=1),
    )


def _door(rng: np.random.Generator, palette: Palette, front: Openings, bay: int, trim: Color) -> list[tuple[Mesh, Color]]:
    """A door in place of one window, with steps and a canopy."""
    top = float(front.z[0]) + front.height
    x = float(front.x[bay]) + front.width / 2
    return [
        (shapes.box((front.width + 0.04, 0.10, top), center=(x, 0.0, top / 2)), palette.colors[int(rng.integers(len(palette.colors)))]),
        (shapes.box((front.width + 0.5, 0.7, 0.12), center=(x, -0.3, top + 0.1)), trim),
        (shapes.box((front.width + 0.3, 0.8, 0.30), center=(x, -0.4, 0.15)), (0.35, 0.34, 0.33)),
    ]


def _shop_front(
    rng: np.random.Generator, palette: Palette, width: float, height: float
) -> tuple[list[Part], Mesh, list[tuple[Mesh, Color]]]:
    """A ground floor of piers and large panes with a door, a sign above and sometimes an awning: parts, panes, painted pieces."""
    count = max(1, round(width / rng.uniform(3.0, 4.5)))
    bay, head = width / count, height - 0.9
    x = np.arange(count + 1) * bay
    pier = float(rng.uniform(0.3, 0.6))
    masonry = [
        shapes.boxes(np.stack([x, np.full_like(x, 0.14), np.full_like(x, head / 2)], axis=1), (pier, 0.30, head)),
        shapes.box((width, 0.30, height - head), center=(width / 2, 0.14, (height + head) / 2)),
        shapes.box((width, 0.26, 0.4), center=(width / 2, 0.14, 0.2)),
    ]
    left = np.stack([x[:-1], np.full(count, 0.12), np.full(count, 0.4)], axis=1)
    panes = shapes.quads(left, (bay, 0, 0), (0, 0, head - 0.4), uv_origin=4.0 * rng.integers(0, 4, (count, 2)))
    sign = shapes.box((width * rng.uniform(0.4, 0.9), 0.12, rng.uniform(0.45, 0.7)), center=(width / 2, -0.08, height - 0.45))
    door = (float(rng.integers(count)) + 0.5) * bay
    pieces = [(shapes.box((1.0, 0.12, 2.2), center=(door, 0.08, 1.1)), palette.colors[int(rng.integers(len(palette.colors)))])]
    if rng.random() < 0.35:
        cloth = shapes.quad((0.3, -1.4, height - 1.5), (width - 0.6, 0, 0), (0, 1.4, 0.65))
        under = shapes.quad((0.3, -1.4, height - 1.52), (0, 1.4, 0.65), (width - 0.6, 0, 0))
        pieces.append((shapes.merge([cloth, under]), palette.colors[int(rng.integers(len(palette.colors)))]))
    parts = [
        (shapes.merge(masonry), palette.bases[int(rng.integers(len(palette.bases)))]),
        (sign, palette.signs[int(rng.integers(len(palette.signs)))]),
    ]
    return parts, panes, pieces


def _balconies(rng: np.random.Generator, upper: Openings, floor_m: float, ground_m: float) -> tuple[Mesh, Mesh]:
    """Slabs and railings in front of some columns of windows from the first floor up."""
    columns = upper.x[rng.random(len(upper.x)) < 0.6] if len(upper.x) > 1 else upper.x
    columns = upper.x[:1] if len(columns) == 0 else columns
    floors = ground_m + floor_m * np.arange(0 if ground_m else 1, len(upper.z))
    wide, deep = upper.width + 0.7, 1.1
    foot = np.stack(
        [np.tile(columns + upper.width / 2, len(floors)), np.full(len(columns) * len(floors), -deep / 2), np.repeat(floors, len(columns))],
        axis=1,
    )
    slabs = shapes.boxes(foot, (wide, deep, 0.14))
    rails = [shapes.boxes(foot + np.array([0, -deep / 2 + 0.03, 0.98]), (wide, 0.05, 0.05))]
    for x in np.linspace(-wide / 2 + 0.02, wide / 2 - 0.05, 9):
        rails.append(shapes.quads(foot + np.array([x, -deep / 2 + 0.03, 0.07]), (0.03, 0, 0), (0, 0, 0.9)))
    for x in (-wide / 2 + 0.02, wide / 2 - 0.02):
        rails.append(shapes.boxes(foot + np.array([x, 0.0, 0.98]), (0.05, deep, 0.05)))
    return slabs, shapes.merge(rails)


def _flat_roof(rng: np.random.Generator, width: float, depth: float, height: float) -> tuple[Mesh, list[Mesh]]:
    ledge = shapes.box((width + 0.3, depth + 0.3, 0.35), center=(width / 2, depth / 2, height + 0.1))
    boxes = [
        shapes.box(
            rng.uniform((1.0, 1.0, 0.8), (3.0, 3.0, 2.4)),
            center=(rng.uniform(2.0, width - 2.0), rng.uniform(2.0, depth - 1.0), height + 1.0),
        )
        for _ in range(int(rng.integers(0, 3)))
    ]
    return shapes.merge([ledge, *boxes]), []


def _gabled_roof(width: float, depth: float, height: float) -> tuple[Mesh, list[Mesh]]:
    """Two slopes with their ridge along x, and the gables under them."""
    rise, over = depth * 0.38, 0.4
    slope = np.array([0.0, depth / 2 + over, rise * (1 + 2 * over / depth)])
    eave = height - rise * 2 * over / depth
    front = shapes.quad((-over, -over, eave), (width + 2 * over, 0, 0), slope)
    back = shapes.quad((width + over, depth + over, eave), (-width - 2 * over, 0, 0), slope * np.array([1, -1, 1]))
    under = [shapes.transform(shapes.Mesh(m.vertices, m.faces[:, ::-1], m.uv), shapes.pose(0, 0, -0.12)) for m in (front, back)]
    chimney = shapes.box((0.6, 0.6, 1.6), center=(width * 0.3, depth * 0.42, height + rise + 0.2))
    gables = []
    for x, faces in ((0.0, [[0, 2, 1]]), (width, [[0, 1, 2]])):
        points = np.array([[x, 0.0, height], [x, depth, height], [x, depth / 2, height + rise]])
        gables.append(Mesh(points, np.array(faces), points[:, 1:]))
    return shapes.merge([front, back, *under, chimney]), gables
