"""The surfaces of one room, drawn together so that its furniture matches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leadline.scenes import textures
from leadline.scenes.materials import METALS
from leadline.scenes.world import Surface
from leadline.types import Material

_TILE_M: dict[Callable[..., np.ndarray], float] = {
    textures.plaster: 3.0,
    textures.brick: 1.5,
    textures.concrete: 4.0,
    textures.tiles: 1.2,
    textures.planks: 1.6,
    textures.wood: 1.0,
    textures.marble: 2.0,
    textures.terrazzo: 1.0,
    textures.carpet: 2.0,
    textures.fabric: 0.5,
}
_PAINTS = (
    (0.82, 0.80, 0.76),
    (0.74, 0.72, 0.66),
    (0.55, 0.62, 0.66),
    (0.62, 0.68, 0.58),
    (0.70, 0.52, 0.42),
    (0.36, 0.42, 0.50),
    (0.80, 0.72, 0.50),
)
_CLOTHS = (
    (0.10, 0.14, 0.24),
    (0.30, 0.07, 0.07),
    (0.36, 0.32, 0.26),
    (0.10, 0.18, 0.11),
    (0.45, 0.36, 0.14),
    (0.05, 0.05, 0.06),
    (0.42, 0.40, 0.38),
    (0.20, 0.10, 0.20),
)


@dataclass(frozen=True, eq=False)
class Palette:
    """The surfaces that the things of one room share."""

    wood: Surface
    lacquer: Surface
    stone: Surface
    chair: Surface
    dark: Surface
    white: Surface
    fabrics: tuple[Surface, Surface, Surface]
    covers: tuple[Surface, Surface, Surface]
    metal: Surface
    brushed: Surface
    mirror: Surface
    glass: Surface
    screen_off: Surface
    screen_on: Surface
    ceramics: tuple[Surface, Surface, Surface]
    leaves: Surface
    cardboard: Surface

    def draw_top(self, rng: np.random.Generator) -> Surface:
        """What the top of a table is made of."""
        return (self.wood, self.wood, self.lacquer, self.stone)[int(rng.integers(4))]


def make_palette(rng: np.random.Generator) -> Palette:
    """Draw the surfaces of one room."""
    polished = rng.random() < 0.5
    grain = textures.wood(rng)
    wood = Surface(Material.GLOSSY, grain, roughness=float(rng.choice([0.0, 0.06, 0.12]))) if polished else Surface(Material.DIFFUSE, grain)
    metal = METALS[str(rng.choice(["chrome", "steel", "brass", "aluminium", "copper"]))]
    tint = np.array(_PAINTS[int(rng.integers(len(_PAINTS)))]) ** 1.6
    return Palette(
        wood=wood,
        lacquer=Surface(Material.GLOSSY, tint if rng.random() < 0.6 else np.full(3, rng.choice([0.03, 0.75])), roughness=0.0),
        stone=Surface(Material.GLOSSY, textures.marble(rng), texture_m=2.0, roughness=0.04),
        chair=wood if rng.random() < 0.5 else Surface(Material.GLOSSY, rng.uniform(0.02, 0.7, 3), roughness=0.15),
        dark=Surface(Material.DIFFUSE, np.full(3, 0.02)),
        white=Surface(Material.DIFFUSE, np.full(3, rng.uniform(0.65, 0.8))),
        fabrics=(cloth(rng), cloth(rng), cloth(rng)),
        covers=(
            Surface(Material.DIFFUSE, faded(textures.picture(rng, 128), 0.6), texture_m=0.5),
            Surface(Material.DIFFUSE, rng.uniform(0.02, 0.5, 3)),
            Surface(Material.DIFFUSE, rng.uniform(0.02, 0.6, 3)),
        ),
        metal=Surface(Material.METAL, np.array(metal), roughness=float(rng.choice([0.0, 0.08, 0.15]))),
        brushed=Surface(Material.METAL, np.array(METALS["steel"]), roughness=float(rng.uniform(0.12, 0.25))),
        mirror=Surface(Material.MIRROR, np.full(3, rng.uniform(0.85, 0.95))),
        glass=Surface(Material.GLASS, np.array([0.92, 0.97, 0.95])),
        screen_off=Surface(Material.GLOSSY, np.full(3, 0.004), roughness=0.0, ior=1.7),
        screen_on=Surface(Material.GLASS, textures.picture(rng), texture_m=0.9, emission=np.full(3, 1.2)),
        ceramics=(
            Surface(Material.GLOSSY, np.full(3, 0.75), roughness=0.0),
            Surface(Material.GLOSSY, rng.uniform(0.03, 0.6, 3), roughness=0.05),
            Surface(Material.GLOSSY, rng.uniform(0.01, 0.3, 3), roughness=0.1),
        ),
        leaves=Surface(Material.DIFFUSE, np.array([0.05, 0.16, 0.03]) * rng.uniform(0.6, 1.8)),
        cardboard=Surface(Material.DIFFUSE, np.array([0.36, 0.24, 0.13])),
    )


def faded(image: np.ndarray, share: float) -> np.ndarray:
    """uint8 `image` with `share` of its colour gone: print and dye are rarely pure."""
    grey = image.mean(axis=2, keepdims=True)
    return (image * (1 - share) + grey * share).astype(np.uint8)


def cloth(rng: np.random.Generator) -> Surface:
    """Upholstery: plain colour in one case of three, else woven."""
    color = np.array(_CLOTHS[int(rng.integers(len(_CLOTHS)))]) * rng.uniform(0.7, 1.3)
    if rng.random() < 0.33:
        return Surface(Material.DIFFUSE, color.clip(0, 0.8))
    return Surface(Material.DIFFUSE, textures.fabric(rng), texture_m=0.5)


def wall(rng: np.random.Generator, *, wet: bool = False) -> Surface:
    """Paint without any texture, plaster, brick, concrete or boards; glazed tiles in wet rooms."""
    if wet and rng.random() < 0.8:
        return Surface(Material.GLOSSY, textures.tiles(rng), texture_m=1.2, roughness=0.04)
    if rng.random() < 0.5:
        return Surface(Material.DIFFUSE, np.array(_PAINTS[int(rng.integers(len(_PAINTS)))]) ** 1.5)
    make = (textures.plaster, textures.plaster, textures.brick, textures.concrete, textures.planks)[int(rng.integers(5))]
    return _matte(rng, make)


def floor(rng: np.random.Generator, *, polished: bool, dark: float = 0.55) -> Surface:
    """Boards, carpet, concrete; when `polished` boards, tiles, marble or terrazzo under a clear coat, `dark` with that probability."""
    if not polished:
        return _matte(rng, (textures.planks, textures.carpet, textures.concrete, textures.planks)[int(rng.integers(4))])
    make = (textures.planks, textures.tiles, textures.marble, textures.terrazzo)[int(rng.integers(4))]
    image = make(rng)
    if rng.random() < dark:
        image = (image * rng.uniform(0.2, 0.55)).astype(np.uint8)
    return Surface(
        Material.GLOSSY, image, texture_m=_TILE_M[make], roughness=float(rng.choice([0.0, 0.0, 0.06])), ior=float(rng.uniform(1.5, 2.0))
    )


def _matte(rng: np.random.Generator, make: Callable[..., np.ndarray]) -> Surface:
    return Surface(Material.DIFFUSE, make(rng), texture_m=_TILE_M[make])
