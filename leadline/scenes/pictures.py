"""A user's own pictures as textures: what the procedural ones of a world are exchanged for."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.io.image import SUFFIXES, read_image
from leadline.scenes.world import Mesh, Surface, Thing, World
from leadline.types import Material, UserError

SHARE = 0.5
"""Of the textures of a world that are exchanged."""
SIZE_PX = 256
"""Of a picture that has become a texture: as large as the procedural ones."""


@dataclass(frozen=True)
class Pictures:
    """The image files of a folder, in the order of their names."""

    paths: tuple[Path, ...]
    fingerprint: str
    """Of names and sizes: what dataset.json keeps, so that a run resumed with other pictures is refused."""


def find_pictures(folder: str | Path) -> Pictures:
    """The pictures in `folder` and below. Raises UserError when there are none."""
    root = Path(folder)
    if not root.is_dir():
        raise UserError(root, "is no folder", "give the folder that holds your pictures")
    paths = tuple(sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()))
    if not paths:
        raise UserError(root, "holds no pictures", f"give a folder with {', '.join(SUFFIXES)}")
    listing = "\n".join(f"{path.relative_to(root).as_posix()} {path.stat().st_size}" for path in paths)
    return Pictures(paths, hashlib.sha256(listing.encode()).hexdigest()[:16])


def papered(world: World, pictures: Pictures) -> World:
    """`world` with SHARE of the textures of its opaque bodies exchanged for pictures; which is a function of its seed.

    A picture is cut square and repeats as the texture did. Metal, mirrors, glass and lights keep what they show. Raises
    UserError naming a picture that cannot be read.
    """
    rng = np.random.default_rng([7, world.seed])
    exchanged: dict[int, Surface] = {}

    def dressed(mesh: Mesh, surface: Surface) -> tuple[Mesh, Surface]:
        if id(surface) not in exchanged:
            exchanged[id(surface)] = surface
            if surface.color.ndim == 3 and surface.emission is None and surface.material in (Material.DIFFUSE, Material.GLOSSY):
                chosen = pictures.paths[int(rng.integers(len(pictures.paths)))]
                if rng.random() < SHARE:
                    exchanged[id(surface)] = replace(surface, color=_square(read_image(chosen)))
        return mesh, exchanged[id(surface)]

    things = tuple(Thing(t.name, tuple(dressed(mesh, surface) for mesh, surface in t.parts), t.poses) for t in world.things)
    return replace(world, things=things)


def _square(image: np.ndarray) -> np.ndarray:
    """The middle of uint8 `image` (h, w, 3) as (SIZE_PX, SIZE_PX, 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
    return np.asarray(Image.fromarray(image).resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX, box=box))
