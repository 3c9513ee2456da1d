"""Procedural textures: each function draws one square tile, uint8 sRGB (size, size, 3), whose edges meet when repeated.

Each docstring names the natural size of its tile [m]. A `color` is sRGB in [0, 1]; without one it is drawn. Row 0 is the top of the tile.
The noise is value noise on periodic lattices: plain arithmetic, so the same generator gives the same bytes.
"""

from collections.abc import Sequence

import numpy as np

Color = Sequence[float]
_WALLS = (
    (0.88, 0.86, 0.82),
    (0.83, 0.76, 0.64),
    (0.78, 0.68, 0.58),
    (0.72, 0.75, 0.76),
    (0.80, 0.62, 0.52),
    (0.66, 0.70, 0.62),
    (0.90, 0.84, 0.70),
)
_WOODS = ((0.55, 0.38, 0.22), (0.68, 0.50, 0.32), (0.40, 0.26, 0.16), (0.76, 0.62, 0.44), (0.48, 0.36, 0.28))
_BRICKS = ((0.56, 0.28, 0.20), (0.64, 0.38, 0.28), (0.50, 0.34, 0.28), (0.70, 0.56, 0.42), (0.42, 0.24, 0.20))
_CLOTHS = (
    (0.25, 0.33, 0.45),
    (0.55, 0.25, 0.24),
    (0.60, 0.56, 0.48),
    (0.28, 0.38, 0.30),
    (0.42, 0.36, 0.44),
    (0.72, 0.62, 0.38),
    (0.22, 0.22, 0.24),
)


def plaster(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Painted plaster, faintly uneven; 3 m."""
    tone = fractal(rng, size, 3, octaves=5) - 0.5
    return _shade(_pick(rng, _WALLS, color), 1 + 0.16 * tone + 0.05 * _grain(rng, size))


def concrete(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Cast concrete in panels with stains and tie holes; 4 m."""
    base = _pick(rng, ((0.60, 0.59, 0.57), (0.52, 0.52, 0.50), (0.66, 0.64, 0.60)), color)
    tone = 1 + 0.35 * (fractal(rng, size, 4, octaves=5) - 0.5) + 0.07 * _grain(rng, size)
    panel = _tile_index(size, 2, 2)
    tone *= 1 + 0.08 * (rng.random((2, 2)) - 0.5)[panel]
    tone *= np.where(_joint(size, 2, 2, width=0.012), 0.72, 1.0)
    return _shade(base, tone)


def asphalt(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Road surface with stones, worn patches and cracks; 6 m."""
    base = _pick(rng, ((0.34, 0.34, 0.35), (0.28, 0.28, 0.29), (0.42, 0.41, 0.40)), color)
    tone = 1 + 0.30 * (fractal(rng, size, 3, octaves=4) - 0.5) + 0.22 * _grain(rng, size)
    crack = np.abs(fractal(rng, size, 3, octaves=4) - 0.5) < 0.006
    tone = np.where(crack & (value_noise(rng, size, 2) > 0.55), 0.55, tone)
    return _shade(base, tone)


def paving(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Pavement slabs in running bond; 2.4 m."""
    base = _pick(rng, ((0.60, 0.58, 0.55), (0.52, 0.51, 0.50), (0.64, 0.58, 0.50)), color)
    return _masonry(rng, size, base, rows=6, columns=4, joint=0.012, spread=0.16, joint_tone=0.62)


def brick(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Brick wall in running bond; 1.5 m."""
    return _masonry(rng, size, _pick(rng, _BRICKS, color), rows=20, columns=6, joint=0.010, spread=0.40, joint_tone=1.35)


def roof_tiles(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Overlapping roof tiles; 3 m."""
    base = _pick(rng, ((0.55, 0.28, 0.20), (0.30, 0.28, 0.28), (0.42, 0.30, 0.24)), color)
    y = (np.arange(size) + 0.5)[:, None] / size * 10 % 1
    return _scale(_masonry(rng, size, base, rows=10, columns=12, joint=0.006, spread=0.30, joint_tone=0.5), 0.65 + 0.45 * y)


def tiles(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Ceramic tiles with grout, one tint or a checkerboard; 1.2 m."""
    base = _pick(rng, ((0.86, 0.86, 0.84), (0.62, 0.70, 0.74), (0.74, 0.68, 0.58), (0.40, 0.44, 0.46), (0.55, 0.66, 0.58)), color)
    count = int(rng.choice([2, 4, 6, 8]))
    tone = 1 + 0.10 * (rng.random((count, count)) - 0.5)
    if rng.random() < 0.4:
        tone *= np.where(np.add.outer(np.arange(count), np.arange(count)) % 2 == 0, 1.0, 0.45)
    image = tone[_tile_index(size, count, count)] * (1 + 0.10 * (fractal(rng, size, 6) - 0.5))
    return _shade(base, np.where(_joint(size, count, count, width=0.008), 0.70, image))


def wood(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Grain of one board, running along the rows; 1 m."""
    return _shade(_pick(rng, _WOODS, color), _wood_tone(rng, size))


def planks(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """A floor of wooden planks along the rows; 1.6 m."""
    rows, columns = int(rng.choice([6, 8, 12])), 2
    shift = rng.integers(0, size, rows)
    grain = _wood_tone(rng, size)
    row = np.arange(size) * rows // size
    x = (np.arange(size)[None, :] + shift[row][:, None]) % size
    board = (row[:, None], x * columns // size)
    tone = grain[np.arange(size)[:, None], (x + shift[row][:, None] * 3) % size]
    tone = tone * (1 + 0.30 * (rng.random((rows, columns)) - 0.5))[board]
    edge = (x * columns % size) < 1.2 * columns
    seam = ((np.arange(size) * rows % size) < 1.5 * rows)[:, None]
    return _shade(_pick(rng, _WOODS, color), np.where(edge | seam, 0.45, tone))


def fabric(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Woven cloth, plain or striped; 0.5 m."""
    threads = 2 * np.pi * 32 * (np.arange(size) + 0.5) / size
    weave = 0.5 + 0.25 * (np.sin(threads)[:, None] + np.sin(threads)[None, :])
    tone = 0.85 + 0.30 * weave * (0.6 + 0.8 * fractal(rng, size, 16, octaves=2))
    if rng.random() < 0.4:
        stripe = rng.choice([0.6, 1.3]) * np.ones(size)
        period = size // int(rng.choice([4, 8]))
        tone = np.where((np.arange(size) % period < period * 0.4)[None, :], stripe[None, :] * tone, tone)
    return _shade(_pick(rng, _CLOTHS, color), tone)


def carpet(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Deep pile, sometimes with a pattern of diamonds; 2 m."""
    base = np.broadcast_to(_pick(rng, _CLOTHS, color), (size, size, 3))
    if rng.random() < 0.6:
        other = _pick(rng, _CLOTHS, None)
        count, t = int(rng.choice([2, 4])), (np.arange(size) + 0.5) / size
        wave = np.abs((t * count) % 1 - 0.5)
        diamond = wave[:, None] + wave[None, :]
        base = np.where(((diamond * int(rng.choice([2, 4, 6]))) % 1 < 0.5)[..., None], other, base)
    tone = 1 + 0.45 * _grain(rng, size) + 0.30 * (fractal(rng, size, 8) - 0.5)
    return _encode(base * tone[..., None])


def marble(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Polished stone with veins; 2 m."""
    base = _pick(rng, ((0.90, 0.89, 0.87), (0.20, 0.20, 0.22), (0.62, 0.50, 0.42), (0.45, 0.52, 0.48)), color)
    cloud = fractal(rng, size, 3, octaves=5)
    vein = np.clip(1 - 14 * np.abs(fractal(rng, size, 3, octaves=5) - 0.5), 0, 1) ** 2
    contrast = -0.45 if base.mean() > 0.4 else 1.6
    return _shade(base, 1 + 0.25 * (cloud - 0.5) + contrast * vein * cloud)


def terrazzo(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Stone chips in cement; 1 m."""
    base = _pick(rng, ((0.80, 0.78, 0.74), (0.62, 0.62, 0.62), (0.36, 0.36, 0.38)), color)
    index, edge = voronoi(rng, size, 18)
    chips = base * (0.4 + 1.0 * rng.random((18 * 18, 1)) + 0.15 * rng.random((18 * 18, 3)))
    image = np.where((edge < 0.18)[..., None] | (rng.random(18 * 18) < 0.35)[index][..., None], base, chips[index])
    return _encode(image * (1 + 0.05 * _grain(rng, size))[..., None])


def cobbles(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Rounded paving stones; 1.5 m."""
    base = _pick(rng, ((0.50, 0.48, 0.46), (0.44, 0.42, 0.42), (0.56, 0.50, 0.44)), color)
    index, edge = voronoi(rng, size, 14)
    tone = (0.75 + 0.5 * rng.random(14 * 14))[index] * np.clip(0.35 + 2.2 * edge, 0.35, 1.0)
    return _shade(base, tone * (1 + 0.15 * _grain(rng, size)))


def grass(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """A lawn; 3 m."""
    base = _pick(rng, ((0.30, 0.42, 0.16), (0.38, 0.44, 0.20), (0.26, 0.38, 0.18)), color)
    dry = fractal(rng, size, 4, octaves=4)[..., None]
    blades = 0.6 + 0.8 * value_noise(rng, size, (size // 6, size // 2))
    mix = base * (1 - 0.35 * dry) + np.array([0.50, 0.46, 0.24]) * 0.35 * dry
    return _encode(mix * (blades * (1 + 0.25 * _grain(rng, size)))[..., None])


def foliage(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Leaves of a bush or a tree crown; 1.5 m."""
    base = _pick(rng, ((0.22, 0.36, 0.14), (0.32, 0.42, 0.16), (0.18, 0.30, 0.16), (0.46, 0.40, 0.14), (0.50, 0.30, 0.12)), color)
    count = 26
    index, edge = voronoi(rng, size, count)
    leaf = 0.45 + 0.9 * rng.random(count * count)
    tone = leaf[index] * np.clip(0.4 + 1.6 * edge, 0.4, 1.05) * (0.55 + 0.9 * fractal(rng, size, 4, octaves=3))
    return _shade(base, tone)


def bark(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Bark with upright furrows; 0.8 m."""
    base = _pick(rng, ((0.34, 0.26, 0.20), (0.42, 0.38, 0.34), (0.28, 0.22, 0.18)), color)
    furrow = np.abs(value_noise(rng, size, (6, 24)) + 0.5 * value_noise(rng, size, (12, 48)) - 0.75)
    return _shade(base, 0.55 + 1.3 * furrow + 0.2 * _grain(rng, size))


def facade(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """A house wall with 4 floors of 4 windows for houses far away; 12 m."""
    wall = _pick(rng, _WALLS, color) * (1 + 0.12 * (fractal(rng, size, 5, octaves=4) - 0.5))[..., None]
    t = (np.arange(size) + 0.5) / size * 4 % 1
    x, y = t[None, :], t[:, None]
    low, high = rng.uniform(0.18, 0.25), rng.uniform(0.68, 0.78)
    margin = rng.uniform(0.20, 0.32)
    frame = (x > margin) & (x < 1 - margin) & (y > low) & (y < high)
    pane = (x > margin + 0.03) & (x < 1 - margin - 0.03) & (y > low + 0.03) & (y < high - 0.03) & (np.abs(x - 0.5) > 0.012)
    sill = (x > margin - 0.04) & (x < 1 - margin + 0.04) & (y > high) & (y < high + 0.03)
    glass = np.array([0.16, 0.20, 0.25]) * (0.5 + 1.2 * rng.random((4, 4)))[_tile_index(size, 4, 4)][..., None]
    image = np.where(frame[..., None] | sill[..., None], rng.choice([0.92, 0.35]), wall)
    return _encode(np.where(pane[..., None], glass * (1.4 - 0.6 * y)[..., None], image))


def rooms_behind_glass(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """4 x 4 views of 4 m each into dim rooms: curtains, lamps, furniture, blinds; 16 m."""
    cell = size // 4
    x, y = np.meshgrid((np.arange(cell) + 0.5) / cell, (np.arange(cell) + 0.5) / cell)
    image = np.zeros((4 * cell, 4 * cell, 3))
    for row in range(4):
        for column in range(4):
            view = np.broadcast_to(rng.uniform(0.05, 0.22) * np.array([1.0, 0.94, 0.85]), (cell, cell, 3)) * (1.3 - 0.5 * y)[..., None]
            for _ in range(8):
                left, top = rng.uniform(0.0, 0.9), rng.uniform(0.25, 0.9)
                inside = (x > left) & (x < left + rng.uniform(0.05, 0.25)) & (y > top) & (y < top + rng.uniform(0.05, 0.5))
                view = np.where(inside[..., None], rng.uniform(0.05, 0.45) * rng.uniform(0.6, 1.0, 3), view)
            if rng.random() < 0.4:
                shelf = (np.abs((y * 5) % 1 - 0.5) > 0.46) & (y > 0.3)
                view = np.where(shelf[..., None], rng.uniform(0.1, 0.4), view)
            cloth, reach = rng.uniform(0.45, 0.9) * np.array([1.0, 0.97, 0.9]), rng.uniform(0.0, 0.45)
            folds = (0.85 + 0.15 * np.sin(x * 80))[..., None] * cloth
            view = np.where((np.abs((x * 2) % 1 - 0.5) > 0.5 - reach / 2)[..., None], folds, view)
            image[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = view
    index = np.arange(size) * 4 * cell // size
    return _encode(image[index][:, index])


def metal_sheet(rng: np.random.Generator, size: int = 256, *, color: Color | None = None) -> np.ndarray:
    """Corrugated sheet or a roller shutter, ribs along the rows; 1.5 m."""
    base = _pick(rng, ((0.55, 0.57, 0.60), (0.32, 0.40, 0.46), (0.50, 0.44, 0.38), (0.70, 0.70, 0.68)), color)
    rib = 0.8 + 0.25 * np.sin(2 * np.pi * 16 * (np.arange(size) + 0.5) / size)
    return _shade(base, rib[:, None] * (1 + 0.2 * (fractal(rng, size, 4) - 0.5)))


def picture(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """Abstract colours for posters, paintings, screens and book covers; any size."""
    low, mid, high = _muted(rng, 3)
    a, b = fractal(rng, size, int(rng.integers(1, 5)), octaves=4)[..., None], value_noise(rng, size, int(rng.integers(2, 7)))[..., None]
    image = low * (1 - a) + high * a
    image = np.where(b > rng.uniform(0.45, 0.7), mid, image)
    t = (np.arange(size) + 0.5) / size
    for _ in range(int(rng.integers(1, 6))):
        cx, cy, rx, ry = rng.uniform((0, 0, 0.04, 0.04), (1, 1, 0.3, 0.3))
        x, y = (((t - cx + 0.5) % 1 - 0.5) / rx)[None, :], (((t - cy + 0.5) % 1 - 0.5) / ry)[:, None]
        inside = np.maximum(np.abs(x), np.abs(y)) < 1 if rng.random() < 0.5 else np.hypot(x, y) < 1
        image = np.where(inside[..., None], _muted(rng, 1), image)
    return _encode(image)


def value_noise(rng: np.random.Generator, size: int, cells: int | tuple[int, int]) -> np.ndarray:
    """Smooth periodic noise (size, size) in [0, 1] with `cells` lattice cells, or (down, across)."""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    lattice = rng.random((rows, columns))
    return _upsample(_upsample(lattice, size).T, size).T


def fractal(rng: np.random.Generator, size: int, cells: int, *, octaves: int = 3, gain: float = 0.5) -> np.ndarray:
    """Sum of octaves of value noise (size, size), in [0, 1], mean near 0.5."""
    image, total = np.zeros((size, size)), 0.0
    for i in range(octaves):
        image += gain**i * value_noise(rng, size, min(cells * 2**i, size))
        total += gain**i
    return image / total


def voronoi(rng: np.random.Generator, size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Periodic cells of count x count jittered points: index (size, size), and distance to the second minus to the first point [cells]."""
    jitter = rng.random((count, count, 2))
    t = (np.arange(size) + 0.5) / size * count
    cell = t.astype(int)
    first = np.full((size, size), np.inf)
    second, index = first.copy(), np.zeros((size, size), dtype=int)
    for dy in (-1, 0, 1):
        row = cell + dy
        for dx in (-1, 0, 1):
            column = cell + dx
            point = jitter[(row % count)[:, None], (column % count)[None, :]]
            distance = np.hypot(row[:, None] + point[..., 0] - t[:, None], column[None, :] + point[..., 1] - t[None, :])
            second = np.minimum(second, np.maximum(first, distance))
            near = distance < first
            index = np.where(near, (row % count)[:, None] * count + (column % count)[None, :], index)
            first = np.where(near, distance, first)
    return index, second - first


def _upsample(lattice: np.ndarray, size: int) -> np.ndarray:
    """Rows of `lattice` interpolated smoothly and periodically to `size` rows."""
    count = len(lattice)
    t = (np.arange(size) + 0.5) / size * count
    low = t.astype(int)
    part = t - low
    part = (part * part * (3 - 2 * part))[:, None]
    return lattice[low % count] * (1 - part) + lattice[(low + 1) % count] * part


def _wood_tone(rng: np.random.Generator, size: int) -> np.ndarray:
    bands = value_noise(rng, size, (12, 2)) + 0.5 * value_noise(rng, size, (48, 3)) + 0.3 * value_noise(rng, size, (size // 2, 6))
    return 0.72 + 0.32 * bands


def _masonry(
    rng: np.random.Generator, size: int, base: np.ndarray, *, rows: int, columns: int, joint: float, spread: float, joint_tone: float
) -> np.ndarray:
    """Stones in running bond; `joint` is a share of the tile, `rows` even so that the bond repeats."""
    t = (np.arange(size) + 0.5) / size
    row = (t * rows).astype(int)
    x = (t[None, :] * columns + 0.5 * (row % 2)[:, None]) % columns
    tint = 1 + spread * (rng.random((rows, columns, 1)) - 0.5) + 0.3 * spread * (rng.random((rows, columns, 3)) - 0.5)
    image = base * tint[row[:, None], x.astype(int)]
    image = image * (1 + 0.22 * (fractal(rng, size, 6, octaves=4) - 0.5) + 0.08 * _grain(rng, size))[..., None]
    gap = ((t * rows % 1) < joint * rows)[:, None] | ((x % 1) < joint * columns)
    return _encode(np.where(gap[..., None], np.clip(base.mean() * joint_tone, 0, 0.8), image))


def _tile_index(size: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(size) * rows // size)[:, None], (np.arange(size) * columns // size)[None, :]


def _joint(size: int, rows: int, columns: int, *, width: float) -> np.ndarray:
    t = (np.arange(size) + 0.5) / size
    return ((t * rows % 1) < width * rows)[:, None] | ((t * columns % 1) < width * columns)[None, :]


def _grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise of single pixels in [-0.5, 0.5]."""
    return rng.random((size, size)) - 0.5


def _muted(rng: np.random.Generator, num: int) -> np.ndarray:
    """Colours (num, 3) as printed matter has them, seldom fully saturated."""
    grey = rng.random((num, 1))
    return grey + rng.uniform(0.2, 0.8, (num, 1)) * (rng.random((num, 3)) - grey)


def _pick(rng: np.random.Generator, palette: Sequence[Color], color: Color | None) -> np.ndarray:
    """`color`, or one of the palette, slightly varied. Draws the same numbers either way."""
    drawn = np.array(palette[int(rng.integers(len(palette)))]) + rng.uniform(-0.04, 0.04) + rng.uniform(-0.015, 0.015, 3)
    return np.clip(drawn if color is None else np.asarray(color, dtype=np.float64), 0.0, 1.0)


def _shade(base: np.ndarray, tone: np.ndarray) -> np.ndarray:
    return _encode(base * tone[..., None])


def _scale(image: np.ndarray, tone: np.ndarray) -> np.ndarray:
    return _encode(image / 255.0 * tone[..., None])


def _encode(image: np.ndarray) -> np.ndarray:
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
