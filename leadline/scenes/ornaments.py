"""Small things that stand on furniture or on the floor, and things that hang on walls and ceilings.

Convention: standing things have their origin at the middle of their base, z up; hanging things as `furniture.framed`.
"""

import numpy as np

from leadline.scenes import shapes, textures
from leadline.scenes.furniture import Parts, Piece, cushion, fitted, framed
from leadline.scenes.interior import Palette
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

_PROFILES = (  # radius and height, as shares of the largest radius and of the height
    ((0.5, 0), (0.9, 0.15), (1.0, 0.4), (0.7, 0.7), (0.35, 0.88), (0.5, 1.0)),
    ((0.7, 0), (0.8, 0.3), (1.0, 0.75), (0.9, 0.92), (0.75, 1.0)),
    ((0.95, 0), (1.0, 0.08), (1.0, 0.55), (0.4, 0.75), (0.3, 1.0)),
    ((0.4, 0), (0.95, 0.3), (1.0, 0.45), (0.8, 0.75), (0.9, 1.0)),
)


def vessel(rng: np.random.Generator, surface: Surface, *, radius: float, height: float) -> Piece:
    """A vase, a bottle or a jar: turned, open at the top."""
    knots = np.array(_PROFILES[int(rng.integers(len(_PROFILES)))])
    share = np.linspace(0, 1, 14)
    outline = np.stack([np.interp(share, knots[:, 1], knots[:, 0]), share], axis=1)
    outline[1:-1, 0] = (outline[:-2, 0] + 2 * outline[1:-1, 0] + outline[2:, 0]) / 4
    outline = outline * (radius, height)
    inner = outline[::-1] - np.array([min(0.006, 0.3 * radius), 0.0])
    profile = np.concatenate([[(0.0, 0.0)], outline, inner[: -len(inner) // 3], [(0.0, inner[-len(inner) // 3, 1])]])
    return Piece("vessel", [(shapes.lathe(profile, segments=24), surface)], (2 * radius, 2 * radius, height))


def bowl(surface: Surface, *, radius: float) -> Piece:
    """A bowl or a plate."""
    angle = np.linspace(0.0, 1.25, 8)
    outer = np.stack([radius * np.sin(angle) / np.sin(1.25), 0.55 * radius * (1 - np.cos(angle)) / (1 - np.cos(1.25))], axis=1)
    profile = np.concatenate([outer, outer[::-1] * 0.94 + np.array([0.0, 0.06 * radius * 0.55])])
    return Piece("bowl", [(shapes.lathe(profile, segments=24), surface)], (2 * radius, 2 * radius, 0.55 * radius))


def ball(surface: Surface, *, radius: float) -> Piece:
    """A sphere on a small ring."""
    sphere = shapes.transform(shapes.sphere(radius, rings=16, segments=28), shapes.pose(z=radius))
    return Piece("ball", [(sphere, surface)], (2 * radius, 2 * radius, 2 * radius))


def cup(surface: Surface) -> Piece:
    """A mug without a handle."""
    profile = [(0.0, 0.0), (0.036, 0.0), (0.042, 0.05), (0.042, 0.095), (0.038, 0.095), (0.036, 0.012), (0.0, 0.012)]
    return Piece("cup", [(shapes.lathe(profile, segments=20), surface)], (0.085, 0.085, 0.095))


def stack_of_books(rng: np.random.Generator, palette: Palette) -> Piece:
    """Two to five lying books."""
    parts: Parts = []
    z = 0.0
    for _ in range(int(rng.integers(2, 6))):
        size = (float(rng.uniform(0.15, 0.21)), float(rng.uniform(0.2, 0.27)), float(rng.uniform(0.015, 0.045)))
        block = shapes.transform(shapes.box(size, center=(0, 0, z + size[2] / 2)), shapes.pose(yaw=rng.uniform(-0.3, 0.3)))
        parts.append((block, palette.covers[int(rng.integers(3))]))
        z += size[2] + 0.0005
    return Piece("books", parts, (0.3, 0.3, z))


def table_lamp(rng: np.random.Generator, palette: Palette, *, lit: bool = False) -> Piece:
    """A lamp with a pale shade."""
    height = float(rng.uniform(0.35, 0.55))
    foot = shapes.lathe([(0.0, 0.0), (0.08, 0.0), (0.075, 0.012), (0.012, 0.03), (0.012, height * 0.7)], segments=20)
    shade = shapes.transform(shapes.frustum(0.15, 0.10, height * 0.4, caps=False, segments=24), shapes.pose(z=height * 0.6))
    return Piece("table lamp", [(foot, palette.metal), (shade, _glowing(rng) if lit else palette.white)], (0.3, 0.3, height))


def picture_stand(rng: np.random.Generator, palette: Palette) -> Piece:
    """A small framed picture that leans backwards."""
    width, height = float(rng.uniform(0.12, 0.2)), float(rng.uniform(0.15, 0.25))
    image = Surface(Material.DIFFUSE, textures.picture(rng, 64), texture_m=0.25)
    lean = shapes.rotation("x", -0.2) @ shapes.pose(z=height / 2)
    parts: Parts = [(shapes.transform(mesh, lean), surface) for mesh, surface in framed(image, palette.metal, width, height, border=0.012)]
    return Piece("picture stand", parts, (width, 0.1, height))


def small_thing(rng: np.random.Generator, palette: Palette, *, headroom: float, lit: bool = False) -> Piece:
    """Anything that fits under `headroom` [m]; a lamp among them is `lit`."""
    shiny = (*palette.ceramics, palette.metal, palette.glass, palette.brushed)
    surface = shiny[int(rng.integers(len(shiny)))]
    kinds = ["vessel", "bowl", "ball", "cup", "books", "lamp", "picture", "plant"]
    match str(rng.choice(kinds, p=[0.24, 0.14, 0.1, 0.14, 0.14, 0.08, 0.08, 0.08])):
        case "lamp" if headroom > 0.6:
            return table_lamp(rng, palette, lit=lit)
        case "picture" if headroom > 0.28:
            return picture_stand(rng, palette)
        case "plant" if headroom > 0.45:
            return plant(rng, palette, height=float(rng.uniform(0.25, 0.4)))
        case "bowl":
            return bowl(surface, radius=float(rng.uniform(0.07, 0.14)))
        case "ball":
            return ball(surface, radius=float(rng.uniform(0.03, min(0.1, headroom / 2.2))))
        case "cup":
            return cup(surface)
        case "books":
            return stack_of_books(rng, palette)
        case _:
            height = float(rng.uniform(0.12, max(0.13, min(0.38, headroom - 0.03))))
            return vessel(rng, surface, radius=float(rng.uniform(0.3, 0.5)) * height * 0.7, height=height)


def plant(rng: np.random.Generator, palette: Palette, *, height: float) -> Piece:
    """A pot with broad leaves or with upright blades."""
    pot_h = height * float(rng.uniform(0.22, 0.32))
    pot_r = pot_h * float(rng.uniform(0.45, 0.6))
    pot = shapes.lathe(
        [(0.0, 0.0), (pot_r * 0.75, 0.0), (pot_r, pot_h), (pot_r * 0.9, pot_h), (pot_r * 0.85, pot_h * 0.85), (0.0, pot_h * 0.85)]
    )
    blades = rng.random() < 0.4
    leaves, stems = [], []
    for i in range(int(rng.integers(14, 26))):
        yaw, rise = 2.4 * i + rng.uniform(-0.3, 0.3), float(rng.uniform(0.35, 1.0))
        length = height * float(rng.uniform(0.35, 0.6)) if blades else height * float(rng.uniform(0.16, 0.28))
        reach = 0.1 * height if blades else height * float(rng.uniform(0.05, 0.28))
        root = pot_h if blades else pot_h + (height - pot_h - length * 0.3) * rise
        tilt = float(rng.uniform(0.9, 1.4)) if blades else float(rng.uniform(-0.2, 0.7))
        leaf = _leaf(length, length * (0.09 if blades else 0.5), droop=0.5 if blades else 0.35)
        place = shapes.pose(z=root, yaw=yaw) @ shapes.pose(x=reach) @ shapes.rotation("y", -tilt)
        leaves.append(shapes.transform(leaf, place))
        if not blades:
            foot, tip = np.array([0.0, 0.0, pot_h * 0.8]), place[:3, 3]
            stems.append(_rod(foot, tip, thickness=0.008))
    parts: Parts = [(pot, palette.ceramics[int(rng.integers(3))]), (shapes.merge([*leaves, *stems]), palette.leaves)]
    return fitted("plant", parts)


def floor_lamp(rng: np.random.Generator, palette: Palette, *, lit: bool) -> Piece:
    """A lamp on a pole."""
    height, radius = float(rng.uniform(1.4, 1.75)), float(rng.uniform(0.16, 0.24))
    pole = shapes.lathe([(0.0, 0.0), (0.15, 0.0), (0.15, 0.02), (0.013, 0.03), (0.013, height - 0.2)], segments=24)
    shade = shapes.transform(shapes.frustum(radius, radius * 0.75, 0.28, caps=False, segments=20), shapes.pose(z=height - 0.28))
    surface = _glowing(rng)
    return Piece(
        "floor lamp",
        [(pole, palette.metal), (shade, surface if lit else Surface(Material.DIFFUSE, surface.color))],
        (2 * radius, 2 * radius, height),
    )


def _glowing(rng: np.random.Generator) -> Surface:
    """The shade of a lamp that is lit."""
    return Surface(Material.DIFFUSE, np.full(3, 0.7), emission=np.array([1.0, 0.72, 0.45]) * rng.uniform(4.0, 7.0))


def carton(rng: np.random.Generator, palette: Palette) -> Piece:
    """One to three cardboard boxes on each other."""
    parts, z, widest = [], 0.0, 0.0
    size = rng.uniform((0.35, 0.3, 0.2), (0.6, 0.5, 0.4))
    for _ in range(int(rng.integers(1, 4))):
        block = shapes.transform(shapes.box(size, center=(0, 0, z + size[2] / 2)), shapes.pose(yaw=rng.uniform(-0.25, 0.25)))
        parts.append(block)
        widest = max(widest, float(np.hypot(size[0], size[1])))
        z += float(size[2]) + 0.001
        size = size * rng.uniform(0.7, 0.95, 3)
    return Piece("cartons", [(shapes.merge(parts), palette.cardboard)], (widest, widest, z))


def pedestal(rng: np.random.Generator, palette: Palette) -> Piece:
    """A plinth with a large vessel or ball on it."""
    side, height = float(rng.uniform(0.28, 0.4)), float(rng.uniform(0.6, 1.0))
    body = shapes.box((side, side, height), center=(0, 0, height / 2))
    shiny = (*palette.ceramics, palette.metal, palette.brushed, palette.glass)
    surface = shiny[int(rng.integers(len(shiny)))]
    radius = side * 0.42
    top = ball(surface, radius=radius) if rng.random() < 0.5 else vessel(rng, surface, radius=radius, height=float(rng.uniform(0.3, 0.5)))
    raised: Parts = [(shapes.transform(mesh, shapes.pose(z=height)), made_of) for mesh, made_of in top.parts]
    return Piece("pedestal", [(body, palette.white if rng.random() < 0.5 else palette.stone), *raised], (side, side, height + top.size[2]))


def rug(rng: np.random.Generator, *, width: float, depth: float) -> Piece:
    """A carpet on the floor, rectangular or round."""
    surface = Surface(
        Material.DIFFUSE, textures.carpet(rng) if rng.random() < 0.7 else textures.fabric(rng), texture_m=float(rng.uniform(0.8, 2.0))
    )
    if rng.random() < 0.25:
        width = depth = min(width, depth)
        return Piece("rug", [(shapes.cylinder(width / 2, 0.012, segments=40), surface)], (width, depth, 0.012))
    return Piece("rug", [(shapes.box((width, depth, 0.012), center=(0, 0, 0.006)), surface)], (width, depth, 0.012))


def curtain(rng: np.random.Generator, surface: Surface, *, width: float, height: float) -> Piece:
    """A sheet in folds that hangs from z = `height` down to z = 0, its back at y = 0."""
    x = np.linspace(-width / 2, width / 2, max(12, int(width * 60)))
    fold = 0.035 * np.sin(2 * np.pi * (x * rng.uniform(7.0, 10.0) + 0.02 * np.sin(9 * x))) - 0.05
    num = len(x)
    vertices = np.concatenate([np.stack([x, fold, np.full(num, z)], axis=1) for z in (0.0, height)])
    slope = np.gradient(fold, x)
    normal = np.stack([slope, -np.ones(num), np.zeros(num)], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    uv = vertices[:, [0, 2]]
    mesh = Mesh(vertices, shapes.grid_faces(2, num), uv=uv, normals=np.concatenate([normal, normal]))
    return Piece("curtain", [(mesh, surface)], (width, 0.09, height))


def radiator(palette: Palette, *, width: float) -> Piece:
    """White ribs below a window."""
    count = max(4, int(width / 0.06))
    ribs = shapes.boxes([((i + 0.5) * width / count - width / 2, 0, 0.38) for i in range(count)], (width / count * 0.7, 0.08, 0.5))
    bars = shapes.boxes([(0, 0, 0.18), (0, 0, 0.58)], (width, 0.05, 0.04))
    return Piece("radiator", [(shapes.merge([ribs, bars]), palette.white)], (width, 0.1, 0.63))


def pillow_seat(rng: np.random.Generator, palette: Palette) -> Piece:
    """A pouf."""
    size = (float(rng.uniform(0.45, 0.6)), float(rng.uniform(0.45, 0.6)), float(rng.uniform(0.32, 0.42)))
    return Piece("pouf", [(cushion(size, center=(0, 0, size[2] / 2), softness=0.4), palette.fabrics[2])], size)


def _leaf(length: float, width: float, *, droop: float) -> Mesh:
    """A leaf along +x, bent downwards."""
    share = np.linspace(0.0, 1.0, 5)
    half = width / 2 * np.sin(np.pi * np.clip(share * 0.9 + 0.08, 0, 1))
    x, z = length * share, -droop * length * share**2
    right = np.stack([x, -half, z], axis=1)
    left = np.stack([x, half, z], axis=1)
    return shapes.ribbon(right, left)


def _rod(start: np.ndarray, end: np.ndarray, *, thickness: float) -> Mesh:
    side = np.array([thickness / 2, thickness / 2, 0.0])
    across = np.array([thickness / 2, -thickness / 2, 0.0])
    return shapes.merge([shapes.ribbon(np.stack([start - s, end - s]), np.stack([start + s, end + s])) for s in (side, across)])
