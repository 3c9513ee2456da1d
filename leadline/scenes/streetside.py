"""What stands and walks beside a street: trees, hedges, fences, lamps, signs, lights, benches, bus stops, people.

Convention: each thing's own frame has z up and its foot at the origin; its front faces -y unless said otherwise.
"""

import numpy as np

from leadline.scenes import shapes, textures
from leadline.scenes.paint import painted
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material

Parts = tuple[tuple[Mesh, Surface], ...]
_STEEL = Surface(Material.METAL, np.full(3, 0.55), roughness=0.3)
_LEG = np.array([[0.05, 0.065], [0.05, 0.065], [0.065, 0.09], [0.065, 0.09]])
_ARM = np.array([[0.055, 0.045], [0.055, 0.045], [0.045, 0.035], [0.045, 0.035]])
_DARK = Surface(Material.DIFFUSE, np.full(3, 0.03))
_GREY = Surface(Material.DIFFUSE, np.full(3, 0.25))


def make_tree(rng: np.random.Generator, leaves: Surface, bark: Surface) -> Parts:
    """A tree of 5 to 9 m: a trunk with branches, a crown of clumps with leaves around them, clear of traffic below."""
    height = float(rng.uniform(5.0, 9.0))
    trunk_m = max(2.5, height * rng.uniform(0.30, 0.42))
    radius = 0.03 * height * rng.uniform(0.5, 0.9)
    trunk = [shapes.frustum(radius * 1.25, radius * 0.7, trunk_m * 1.35, segments=8, caps=False)]
    clumps, points, middles = [], [], []
    spread = height * rng.uniform(0.16, 0.26)
    for i in range(int(rng.integers(5, 9))):
        turn, out = 2.4 * i + rng.uniform(-0.4, 0.4), spread * rng.uniform(0.4, 1.0) * (i > 0)
        z = trunk_m + (height - trunk_m) * rng.uniform(0.25, 0.78)
        middle = np.array([out * np.cos(turn), out * np.sin(turn), z if i else trunk_m + (height - trunk_m) * 0.6])
        size = (height - trunk_m) * rng.uniform(0.20, 0.32) * np.array([1.0, 1.0, 0.85])
        clumps.append(shapes.transform(_clump(rng), shapes.pose(*middle, scale=size)))
        points.append(_on_sphere(rng, 36) * size * rng.uniform(0.9, 1.25, (36, 1)) + middle)
        middles.append(middle)
    trunk.append(shapes.rods((0.0, 0.0, trunk_m * 0.85), np.array(middles), radius * 0.5, radius * 0.2, sides=5))
    crown = shapes.merge([*clumps, leaf_cards(rng, np.concatenate(points), size_m=0.42)])
    return ((shapes.merge(trunk), bark), (crown, leaves))


def make_conifer(rng: np.random.Generator, leaves: Surface, bark: Surface) -> Parts:
    """A fir of 5 to 10 m: tiers of ragged cones."""
    height = float(rng.uniform(5.0, 10.0))
    tiers, wide = int(rng.integers(4, 7)), height * rng.uniform(0.16, 0.24)
    cones = []
    for i in range(tiers):
        share = i / tiers
        tier = shapes.frustum(wide * (1 - share) * rng.uniform(0.9, 1.1), 0.05, height / tiers * 1.5, segments=11, caps=False)
        ragged = tier.vertices * (1 + 0.18 * (rng.random((len(tier.vertices), 1)) - 0.5) * np.array([1.0, 1.0, 0.0]))
        cones.append(shapes.transform(shapes.flat(Mesh(ragged, tier.faces, tier.uv)), shapes.pose(0, 0, 0.6 + height * share * 0.88)))
    return ((shapes.cylinder(0.14, 1.2, segments=8, caps=False), bark), (shapes.merge(cones), leaves))


def make_bush(rng: np.random.Generator, leaves: Surface) -> Parts:
    """A round bush of about a metre."""
    clumps, points = [], []
    for _ in range(int(rng.integers(2, 5))):
        middle = np.array([*rng.uniform(-0.4, 0.4, 2), rng.uniform(0.3, 0.6)])
        size = rng.uniform(0.4, 0.7)
        clumps.append(shapes.transform(_clump(rng), shapes.pose(*middle, scale=size)))
        points.append(_on_sphere(rng, 20) * size * 1.05 + middle)
    return ((shapes.merge([*clumps, leaf_cards(rng, np.concatenate(points), size_m=0.22)]), leaves),)


def make_hedge(rng: np.random.Generator, leaves: Surface, *, length: float) -> Parts:
    """A clipped hedge along x from 0 to `length` [m]."""
    height, deep = rng.uniform(0.8, 1.9), rng.uniform(0.5, 0.9)
    points = rng.uniform((0.0, -deep / 2, 0.0), (length, deep / 2, height), (int(22 * length), 3))
    nearest = rng.integers(0, 3, len(points))
    points[nearest == 0, 1] = -deep / 2
    points[nearest == 1, 1] = deep / 2
    points[nearest == 2, 2] = height
    body = shapes.box((length, deep * 0.96, height * 0.98), center=(length / 2, 0.0, height * 0.49))
    return ((shapes.merge([body, leaf_cards(rng, points, size_m=0.20)]), leaves),)


def make_fence(rng: np.random.Generator, *, length: float) -> Parts:
    """A fence along x from 0 to `length` [m]: wooden pales, iron bars or a low wall."""
    height = float(rng.uniform(0.9, 1.6))
    kind = rng.choice(["pales", "bars", "wall"])
    if kind == "wall":
        brick = Surface(Material.DIFFUSE, textures.brick(rng, 128), texture_m=1.5)
        coping = shapes.box((length, 0.34, 0.08), center=(length / 2, 0.0, height))
        return ((shapes.box((length, 0.26, height), center=(length / 2, 0.0, height / 2)), brick), (coping, _GREY))
    pitch, wide = (0.16, 0.10) if kind == "pales" else (0.14, 0.022)
    x = np.arange(pitch / 2, length, pitch)
    thick = 0.025 if kind == "pales" else 0.022
    upright = shapes.boxes(np.stack([x, np.zeros_like(x), np.full_like(x, height / 2)], axis=1), (wide, thick, height))
    rails = shapes.boxes(np.array([[length / 2, 0.03, height * share] for share in (0.2, 0.85)]), (length, 0.04, 0.06))
    posts = np.arange(0.0, length + 0.1, 2.0)
    posts = shapes.boxes(
        np.stack([posts, np.full_like(posts, 0.05), np.full_like(posts, height * 0.52)], axis=1), (0.09, 0.09, height * 1.04)
    )
    color = rng.choice([[0.62, 0.61, 0.58], [0.22, 0.13, 0.07], [0.30, 0.25, 0.20]]) if kind == "pales" else np.full(3, 0.03)
    return ((shapes.merge([upright, rails, posts]), Surface(Material.DIFFUSE, color)),)


def make_lamp(rng: np.random.Generator) -> Parts:
    """A street lamp of 5 to 8 m whose arm reaches towards -y."""
    height, reach = float(rng.uniform(5.0, 8.0)), float(rng.uniform(0.8, 2.2))
    top = np.array([0.0, 0.0, height])
    arm = shapes.rods(top - np.array([0, 0, 0.1]), top + np.array([0, -reach, 0.25]), 0.04, 0.035)
    head = shapes.box((0.26, 0.6, 0.12), center=(0.0, -reach - 0.2, height + 0.24))
    post = shapes.merge([shapes.frustum(0.10, 0.055, height, segments=10), shapes.cylinder(0.13, 0.9, segments=10), arm])
    surface = (
        _STEEL
        if rng.random() < 0.4
        else Surface(Material.DIFFUSE, rng.choice([[0.03, 0.05, 0.04], [0.30, 0.30, 0.31], [0.10, 0.10, 0.10]]))
    )
    return ((post, surface), (head, _GREY))


def make_sign(rng: np.random.Generator) -> Parts:
    """A traffic sign on a post; it faces -y."""
    z, kind = float(rng.uniform(2.0, 2.6)), rng.choice(["round", "triangle", "square", "octagon"])
    sides, turn = {"round": (20, 0.0), "triangle": (3, np.pi / 2), "square": (4, np.pi / 4), "octagon": (8, np.pi / 8)}[str(kind)]
    red, blue, white, yellow = (0.45, 0.01, 0.01), (0.01, 0.06, 0.30), (0.75, 0.75, 0.75), (0.70, 0.45, 0.02)
    rim, inner = {
        "round": ((red, white), (blue, white), (red, blue)),
        "triangle": ((red, white), (red, yellow)),
        "square": ((blue, white), (blue, blue), (yellow, yellow)),
        "octagon": ((red, red),),
    }[str(kind)][0 if kind == "octagon" else int(rng.integers(2))]
    plates = []
    for radius, thick, color in ((0.36, 0.02, rim), (0.28, 0.026, inner)):
        angle = turn + 2 * np.pi * np.arange(sides) / sides
        plate = shapes.extrude(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), thick)
        plate = shapes.transform(plate, shapes.pose(0, -0.04, z) @ shapes.rotation("x", np.pi / 2))
        plates.append((plate, Surface(Material.DIFFUSE, np.array(color))))
    bar = shapes.box((0.30, 0.01, 0.08), center=(0.0, -0.07, z))
    back = shapes.box((0.06, 0.03, 0.5), center=(0.0, -0.025, z))
    mark = Surface(Material.DIFFUSE, np.array(white) if inner != white else np.full(3, 0.02))
    return ((shapes.merge([shapes.cylinder(0.03, z + 0.3, segments=8), back]), _STEEL), *plates, (bar, mark))


def make_traffic_light(rng: np.random.Generator) -> Parts:
    """A traffic light on a post; it faces -y with one of three lamps lit."""
    z, lit = 2.9, int(rng.integers(3))
    colors = (np.array([0.9, 0.05, 0.03]), np.array([0.9, 0.5, 0.03]), np.array([0.05, 0.8, 0.35]))
    lamps = []
    for i, color in enumerate(colors):
        disc = shapes.transform(
            shapes.cylinder(0.11, 0.03, segments=12), shapes.pose(0, -0.14, z + 0.3 * (1 - i)) @ shapes.rotation("x", np.pi / 2)
        )
        surface = (
            Surface(Material.DIFFUSE, color, emission=3.0 * color, sampling_weight=0.0)
            if i == lit
            else Surface(Material.GLOSSY, 0.12 * color, roughness=0.1)
        )
        lamps.append((disc, surface))
    case = shapes.box((0.34, 0.26, 1.0), center=(0.0, 0.0, z))
    return ((shapes.cylinder(0.055, z - 0.5, segments=10), _GREY), (case, _DARK), *lamps)


def make_small(rng: np.random.Generator) -> Parts:
    """A bench, a litter bin, a row of bollards, a switch cabinet, a planter or cones around road works."""
    kind = rng.choice(["bench", "bin", "bollards", "cabinet", "planter", "cones"])
    color = Surface(
        Material.DIFFUSE, rng.choice([[0.05, 0.12, 0.07], [0.20, 0.20, 0.21], [0.45, 0.06, 0.03], [0.55, 0.40, 0.03], [0.03, 0.06, 0.2]])
    )
    if kind == "bench":
        wood = Surface(Material.DIFFUSE, np.array([0.25, 0.14, 0.07]))
        slats = [shapes.box((1.7, 0.11, 0.04), center=(0.0, -0.22 + 0.14 * i, 0.46)) for i in range(4)]
        slats += [shapes.box((1.7, 0.04, 0.11), center=(0.0, 0.26, 0.60 + 0.15 * i)) for i in range(2)]
        legs = shapes.boxes(np.array([[x, 0.0, 0.23] for x in (-0.7, 0.7)]), (0.07, 0.45, 0.46))
        backs = shapes.boxes(np.array([[x, 0.28, 0.6] for x in (-0.7, 0.7)]), (0.06, 0.05, 0.5))
        return ((shapes.merge(slats), wood), (shapes.merge([legs, backs]), _DARK))
    if kind == "bin":
        return (
            (shapes.frustum(0.22, 0.26, 0.9, segments=12), color),
            (shapes.transform(shapes.cylinder(0.28, 0.05, segments=12), shapes.pose(z=0.9)), _DARK),
        )
    if kind == "bollards":
        return (
            (shapes.merge([shapes.transform(shapes.cylinder(0.06, 0.9, segments=10), shapes.pose(1.4 * i)) for i in range(-2, 3)]), color),
        )
    if kind == "cones":
        feet = [shapes.box((0.4, 0.4, 0.04), center=(0.9 * i, 0.0, 0.02)) for i in range(-2, 3)]
        cones = [shapes.transform(shapes.cone(0.15, 0.7, segments=12, caps=False), shapes.pose(0.9 * i)) for i in range(-2, 3)]
        return ((shapes.merge(cones), Surface(Material.DIFFUSE, np.array([0.75, 0.14, 0.02]))), (shapes.merge(feet), _DARK))
    if kind == "planter":
        return (
            (shapes.frustum(0.35, 0.5, 0.55, segments=12), _GREY),
            *_lifted(make_bush(rng, Surface(Material.DIFFUSE, textures.foliage(rng, 64), texture_m=1.0)), 0.45, scale=0.6),
        )
    return ((shapes.box((0.9, 0.4, 1.2), center=(0.0, 0.0, 0.6)), color), (shapes.box((0.96, 0.46, 0.05), center=(0.0, 0.0, 1.22)), _GREY))


def make_bus_stop(rng: np.random.Generator) -> Parts:
    """A shelter of glass with a roof, a bench and a poster; it opens towards -y."""
    wide, deep, high = 3.6, 1.4, 2.4
    posts = shapes.boxes(np.array([[x, y, high / 2] for x in (-wide / 2, 0.0, wide / 2) for y in (0.0, deep)]), (0.07, 0.07, high))
    roof = shapes.box((wide + 0.4, deep + 0.4, 0.12), center=(0.0, deep / 2, high))
    panes = shapes.merge(
        [
            shapes.quad((-wide / 2, deep, 0.25), (wide, 0, 0), (0, 0, high - 0.5)),
            shapes.quad((-wide / 2, deep, 0.25), (0, -deep, 0), (0, 0, high - 0.5)),
        ]
    )
    poster = shapes.box((0.12, 1.2, 1.8), center=(wide / 2, deep / 2, 1.2))
    bench = shapes.box((2.0, 0.4, 0.06), center=(-0.3, deep - 0.3, 0.5))
    image = Surface(Material.GLOSSY, textures.picture(rng, 128), roughness=0.05, texture_m=1.8)
    return (
        (shapes.merge([posts, roof]), _DARK),
        (panes, Surface(Material.GLASS, np.array([0.9, 0.95, 0.93]))),
        (poster, image),
        (bench, _GREY),
    )


def make_person(rng: np.random.Generator) -> Parts:
    """A standing or walking person who faces +x."""
    height = float(rng.uniform(1.5, 1.9))
    stride = float(rng.choice([0.0, 1.0])) * rng.uniform(0.15, 0.32)
    hip, shoulder = 0.50 * height, 0.80 * height
    wide = rng.uniform(0.17, 0.22)
    turn = np.linspace(0, 2 * np.pi, 13)[:-1]
    levels = (
        (hip - 0.08, 0.80, 0.12),
        (hip + 0.05, 0.95, 0.14),
        (0.62 * height, 0.85, 0.13),
        (0.75 * height, 1.10, 0.14),
        (shoulder + 0.02, 1.05, 0.11),
        (shoulder + 0.07, 0.35, 0.07),
    )
    torso = shapes.loft(
        np.stack([np.stack([deep * np.cos(turn), share * wide * np.sin(turn), np.full(12, z)], axis=1) for z, share, deep in levels])
    )
    side = np.array([[-1.0], [1.0]])
    foot = side * np.array([stride, 0.10, 0.0]) + np.array([0.0, 0.0, 0.08])
    knee = side * np.array([0.5 * stride, 0.10, 0.0]) + np.array([0.05 * (stride > 0), 0.0, 0.28 * height])
    legs = shapes.rods(
        np.concatenate([foot, knee]), np.concatenate([knee, side * [0.0, 0.09, 0.0] + [0.0, 0.0, hip]]), _LEG[:, 0], _LEG[:, 1], sides=6
    )
    hand = side * np.array([-0.8 * stride, wide + 0.07, 0.0]) + np.array([0.04, 0.0, hip - 0.02])
    elbow = side * np.array([-0.3 * stride, wide + 0.06, 0.0]) + np.array([-0.03, 0.0, 0.63 * height])
    arms = shapes.rods(
        np.concatenate([side * [0.0, wide, 0.0] + [0.0, 0.0, shoulder], elbow]),
        np.concatenate([elbow, hand]),
        _ARM[:, 0],
        _ARM[:, 1],
        sides=6,
    )
    shoes = shapes.boxes(foot + np.array([0.05, 0.0, -0.035]), (0.27, 0.10, 0.09))
    hands = shapes.boxes(hand + np.array([0.0, 0.0, -0.05]), (0.06, 0.05, 0.12))
    head = shapes.transform(shapes.sphere(0.105, rings=8, segments=10), shapes.pose(0.01, 0.0, 0.925 * height, scale=(1.0, 0.85, 1.2)))
    neck = shapes.transform(shapes.cylinder(0.05, 0.12, segments=8, caps=False), shapes.pose(z=shoulder + 0.03))
    hair = shapes.transform(shapes.sphere(0.115, rings=6, segments=10), shapes.pose(-0.025, 0.0, 0.945 * height, scale=(0.95, 0.9, 1.1)))
    skin = np.array([0.48, 0.28, 0.19]) * rng.uniform(0.25, 1.3)
    hair_color = np.array([0.08, 0.05, 0.03]) * rng.uniform(0.3, 2.0)
    coat, trousers = rng.uniform(0.02, 0.5, 3), rng.uniform(0.02, 0.2, 3)
    pieces = [
        (torso, coat),
        (arms, coat),
        (legs, trousers),
        (head, skin),
        (neck, skin),
        (hands, skin),
        (hair, hair_color),
        (shoes, hair_color),
    ]
    return (painted(pieces),)


def leaf_cards(rng: np.random.Generator, points: np.ndarray, *, size_m: float) -> Mesh:
    """Small triangles at `points` (n, 3) [m], turned at random: leaves or twigs full of leaves."""
    num = len(points)
    u, v = _on_sphere(rng, num), _on_sphere(rng, num)
    size = size_m * rng.uniform(0.6, 1.3, (num, 1))
    corners = np.stack([points - 0.5 * size * u, points + 0.5 * size * u, points + size * v], axis=1)
    uv = rng.uniform(0.0, 1.5, (num, 1, 2)) + size[:, None] * np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9]])
    return Mesh(corners.reshape(-1, 3), np.arange(3 * num).reshape(-1, 3), uv.reshape(-1, 2))


def _clump(rng: np.random.Generator) -> Mesh:
    """A lumpy ball of radius 1."""
    ball = shapes.sphere(1.0, rings=6, segments=9)
    direction = ball.vertices
    lumps = sum(0.13 * np.sin(direction @ (4.5 * _on_sphere(rng, 1)[0]) + rng.uniform(0, 6)) for _ in range(3))
    return shapes.flat(Mesh(direction * (1 + np.asarray(lumps))[:, None], ball.faces, ball.uv))


def _on_sphere(rng: np.random.Generator, num: int) -> np.ndarray:
    vectors = rng.standard_normal((num, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _lifted(parts: Parts, z: float, *, scale: float) -> Parts:
    return tuple((shapes.transform(mesh, shapes.pose(z=z, scale=scale)), surface) for mesh, surface in parts)
