"""Plants whose leaves overlap, twigs in vases, trailing stems, bare trees and shrubs.

Convention: the origin lies at the middle of the base, z up.
"""

import numpy as np

from leadline.scenes import ornaments, shapes, strands, streetside
from leadline.scenes.furniture import Parts, Piece, fitted
from leadline.scenes.interior import Palette
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

_GREENS = ((0.05, 0.16, 0.03), (0.08, 0.20, 0.05), (0.03, 0.11, 0.05), (0.14, 0.22, 0.04), (0.06, 0.14, 0.10))


def greens(rng: np.random.Generator) -> tuple[Surface, Surface]:
    """Two kinds of leaf of one plant, young and old."""
    base = np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * rng.uniform(0.7, 1.4)
    return Surface(Material.GLOSSY, base, roughness=0.18), Surface(Material.GLOSSY, 0.55 * base, roughness=0.18)


def leafy(rng: np.random.Generator, palette: Palette, *, height: float) -> Piece:
    """A pot plant with broad folded leaves on stalks that overlap each other."""
    pot_h = height * float(rng.uniform(0.22, 0.32))
    pot_r = pot_h * float(rng.uniform(0.48, 0.62))
    leaves: list[list[Mesh]] = [[], []]
    stalks = []
    slender = float(rng.uniform(0.35, 0.75))
    for i in range(int(rng.integers(16, 30))):
        turn, rise = 2.4 * i + float(rng.uniform(-0.3, 0.3)), float(rng.uniform(0.3, 1.0))
        out = (0.12 + 0.3 * (1.1 - rise)) * height * float(rng.uniform(0.7, 1.3))
        top = pot_h + (height - pot_h) * rise
        away = np.array([np.cos(turn), np.sin(turn), 0.0])
        tip = away * out + np.array([0.0, 0.0, top])
        knots = [
            away * pot_r * 0.2 + np.array([0, 0, 0.85 * pot_h]),
            away * out * 0.35 + np.array([0, 0, pot_h + 0.75 * (top - pot_h)]),
            tip,
        ]
        stalks.append(strands.sweep(strands.curved(knots, 7), 0.006 * height**0.5, sides=5))
        length = height * float(rng.uniform(0.16, 0.3))
        leaf = folded_leaf(length, length * slender, droop=float(rng.uniform(0.2, 0.6)))
        place = shapes.pose(*tip, yaw=turn + float(rng.uniform(-0.5, 0.5))) @ shapes.rotation("y", float(rng.uniform(-0.5, 0.4)))
        leaves[int(rng.random() < 0.4)].append(shapes.transform(leaf, place))
    young, old = greens(rng)
    parts: Parts = [(_pot(pot_r, pot_h), palette.ceramics[int(rng.integers(3))])]
    parts += [(shapes.merge(group), surface) for group, surface in zip(leaves, (young, old), strict=True) if group]
    parts.append((shapes.merge(stalks), old))
    return fitted("leafy plant", parts)


def grassy(rng: np.random.Generator, palette: Palette, *, height: float) -> Piece:
    """A pot of long thin arching blades."""
    pot_h = height * 0.35
    pot_r = pot_h * float(rng.uniform(0.5, 0.65))
    blades: list[list[Mesh]] = [[], []]
    for i in range(int(rng.integers(35, 60))):
        turn, reach = 2.4 * i, height * float(rng.uniform(0.25, 0.75))
        away = np.array([np.cos(turn), np.sin(turn), 0.0])
        side = np.array([-np.sin(turn), np.cos(turn), 0.0])
        peak = pot_h + (height - pot_h) * float(rng.uniform(0.5, 1.0))
        knots = [
            away * pot_r * rng.uniform(0.1, 0.7) + np.array([0, 0, pot_h * 0.9]),
            away * reach * 0.45 + np.array([0, 0, peak]),
            away * reach + np.array([0, 0, peak - reach * float(rng.uniform(0.1, 0.8))]),
        ]
        line = strands.curved(knots, 8)
        half = 0.008 * height**0.5 * np.sqrt(np.linspace(1.0, 0.02, 8))[:, None] * side
        blades[int(rng.random() < 0.35)].append(shapes.ribbon(line - half, line + half))
    young, old = greens(rng)
    parts: Parts = [(_pot(pot_r, pot_h), palette.ceramics[int(rng.integers(3))])]
    parts += [(shapes.merge(group), surface) for group, surface in zip(blades, (young, old), strict=True) if group]
    return fitted("grass plant", parts)


def twigs(rng: np.random.Generator, palette: Palette) -> Piece:
    """Forked twigs in a vase, bare, budding or in leaf."""
    tall = float(rng.uniform(0.18, 0.28))
    vase = ornaments.vessel(rng, palette.ceramics[int(rng.integers(3))], radius=0.25 * tall, height=tall)
    limbs: list[Mesh] = []
    tips = []
    for i in range(int(rng.integers(3, 6))):
        lean = float(rng.uniform(0.1, 0.45))
        direction = np.array([lean * np.cos(2.4 * i), lean * np.sin(2.4 * i), 1.0])
        more, ends = strands.branching(
            rng,
            root=np.array([0.0, 0.0, 0.5 * tall]),
            direction=direction,
            length=float(rng.uniform(0.18, 0.3)),
            radius=0.0045,
            depth=3,
            spread_rad=0.5,
        )
        limbs += more
        tips.append(ends)
    bark = Surface(Material.DIFFUSE, np.array([0.12, 0.07, 0.04]) * rng.uniform(0.6, 1.5))
    parts: Parts = [*vase.parts, (shapes.merge(limbs), bark)]
    points = np.concatenate(tips)
    dress = rng.random()
    if dress < 0.4:
        buds = [shapes.transform(shapes.sphere(0.007, rings=5, segments=7), shapes.pose(*point)) for point in points]
        color = np.array([[0.65, 0.35, 0.40], [0.7, 0.68, 0.6], [0.5, 0.03, 0.02]][int(rng.integers(3))])
        parts.append((shapes.merge(buds), Surface(Material.DIFFUSE, color)))
    elif dress < 0.75:
        parts.append((streetside.leaf_cards(rng, np.repeat(points, 2, axis=0), size_m=0.04), greens(rng)[0]))
    return Piece("twigs", parts, (0.5 * tall, 0.5 * tall, tall + 0.5))


def trailing(rng: np.random.Generator, palette: Palette, *, fall: float) -> Piece:
    """A pot whose stems hang over its front, -y, and fall `fall` [m] below its foot."""
    pot_h, pot_r = float(rng.uniform(0.1, 0.14)), float(rng.uniform(0.06, 0.08))
    stems, leaves = [], []
    for _ in range(int(rng.integers(6, 11))):
        x = float(rng.uniform(-1.2, 1.2)) * pot_r
        low = pot_h - (fall + pot_h) * float(rng.uniform(0.3, 1.0))
        knots = [
            (0.3 * x, 0, pot_h),
            (x, -pot_r * 1.1, pot_h + 0.02),
            (1.3 * x, -pot_r * 1.5, 0.5 * pot_h),
            (1.6 * x + rng.uniform(-0.04, 0.04), -pot_r * 1.6, low),
        ]
        line = strands.curved(knots, 14)
        stems.append(strands.sweep(line, 0.0018, sides=4))
        for point in line[3:]:
            leaf = folded_leaf(float(rng.uniform(0.03, 0.05)), 0.032, droop=0.3)
            place = shapes.pose(*point, yaw=-np.pi / 2 + float(rng.uniform(-1.2, 1.2))) @ shapes.rotation("y", float(rng.uniform(0.1, 1.0)))
            leaves.append(shapes.transform(leaf, place))
    young, old = greens(rng)
    parts: Parts = [(_pot(pot_r, pot_h), palette.ceramics[int(rng.integers(3))]), (shapes.merge(leaves), young), (shapes.merge(stems), old)]
    return Piece("trailing plant", parts, (2.4 * pot_r, 2.4 * pot_r, pot_h + 0.05))


def bare_tree(rng: np.random.Generator, bark: Surface, leaves: Surface | None, *, height: float) -> Parts:
    """A tree of forking limbs; with `leaves` a loose crown of them around its twigs."""
    limbs, tips = strands.branching(
        rng,
        root=np.zeros(3),
        direction=np.array([*rng.uniform(-0.1, 0.1, 2), 1.0]),
        length=0.34 * height,
        radius=0.022 * height,
        depth=4,
        spread_rad=0.62,
        upwards=0.25,
    )
    parts: Parts = [(shapes.merge(limbs), bark)]
    if leaves is not None:
        points = np.repeat(tips, 7, axis=0) + 0.16 * rng.standard_normal((7 * len(tips), 3))
        parts.append((streetside.leaf_cards(rng, points, size_m=0.17), leaves))
    return parts


def shrub(rng: np.random.Generator, bark: Surface, leaves: Surface | None, *, height: float) -> Parts:
    """Several forking stems from one root, some with leaves."""
    limbs: list[Mesh] = []
    tips = []
    for i in range(int(rng.integers(4, 8))):
        lean = float(rng.uniform(0.2, 0.7))
        direction = np.array([lean * np.cos(2.4 * i), lean * np.sin(2.4 * i), 1.0])
        more, ends = strands.branching(
            rng,
            root=np.array([*rng.uniform(-0.08, 0.08, 2), 0.0]),
            direction=direction,
            length=0.42 * height,
            radius=0.018,
            depth=2,
            spread_rad=0.5,
        )
        limbs += more
        tips.append(ends)
    parts: Parts = [(shapes.merge(limbs), bark)]
    if leaves is not None:
        points = np.concatenate(tips)
        points = np.repeat(points, 6, axis=0) + 0.1 * height * rng.standard_normal((6 * len(points), 3)) * np.array([1, 1, 0.8])
        points[:, 2] = np.maximum(points[:, 2], 0.08)
        parts.append((streetside.leaf_cards(rng, points, size_m=0.11), leaves))
    return parts


def tufts(rng: np.random.Generator, points: np.ndarray, *, height: float) -> Mesh:
    """Long grass in tufts that stand on `points` (n, 3)."""
    count = 9
    root = np.repeat(points, count, axis=0)
    num = len(root)
    turn, lean = rng.uniform(0, 2 * np.pi, num), rng.uniform(0.05, 0.6, num)
    tall = height * rng.uniform(0.4, 1.0, num)
    away = np.stack([np.cos(turn), np.sin(turn), np.zeros(num)], axis=1)
    side = np.stack([-np.sin(turn), np.cos(turn), np.zeros(num)], axis=1)
    root = root + away * 0.05 * rng.random((num, 1))
    tip = root + (lean * tall)[:, None] * away + tall[:, None] * np.array([0.0, 0.0, 1.0])
    corners = np.stack([root - 0.008 * side, root + 0.008 * side, tip], axis=1)
    return Mesh(corners.reshape(-1, 3), np.arange(3 * num).reshape(-1, 3))


def folded_leaf(length: float, width: float, *, droop: float) -> Mesh:
    """A pointed leaf along +x, folded a little along its middle, bent downwards."""
    share = np.array([0.0, 0.12, 0.35, 0.6, 0.82, 1.0])
    half = width / 2 * np.array([0.02, 0.62, 1.0, 0.85, 0.45, 0.01])
    x, z = length * share, -droop * length * share**2
    rows = [np.stack([x, s * half, z + 0.25 * abs(s) * half], axis=1) for s in (-1.0, 0.0, 1.0)]
    vertices = np.concatenate(rows)
    return Mesh(vertices, shapes.grid_faces(3, len(share)), uv=vertices[:, :2])


def _pot(radius: float, height: float) -> Mesh:
    profile = [
        (0.0, 0.0),
        (radius * 0.75, 0.0),
        (radius, height),
        (radius * 1.06, height),
        (radius * 0.9, height * 0.9),
        (0.0, height * 0.88),
    ]
    return shapes.lathe(profile, segments=18)
