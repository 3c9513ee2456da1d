"""Pictures that an export is tried on: small rendered rooms with exact depth, clouds of all frequencies, and the user's own.

Rooms are cast here, ray by ray, so that every installation can do it: floor, walls, balls and their patterns, no noise of sampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.geometry.camera import Camera, scale_K
from leadline.io.exported import Exported
from leadline.io.image import SUFFIXES, read_image
from leadline.types import UserError

FOV_X_DEG = (60.0, 90.0)
CAMERA_HEIGHT_M = 1.5
NUM_BALLS = 6
SQUARE_M = 0.5
"""Side of the squares of the patterns."""
DARKEST = 8
"""Largest value of a picture that counts as black."""


@dataclass(frozen=True, eq=False)
class Case:
    """Pictures of one rig, or of one camera, and what is known of them."""

    name: str
    images: np.ndarray
    """uint8 (v, h, w, 3) RGB."""
    K: np.ndarray
    """(v, 3, 3) [px], at the size of the pictures."""
    depth: tuple[np.ndarray, ...] | None = None
    """Of each view float32 (y, x) [m], at a size of its own; None where it is not known."""


def rendered(seed: int, *, views: int, height: int, width: int) -> Case:
    """Rooms with exact depth, one for each view."""
    rooms = [_room(np.random.default_rng([seed, view]), height, width) for view in range(views)]
    images, Ks, depths = zip(*rooms, strict=True)
    return Case(f"rendered room {seed}", np.stack(images), np.stack(Ks), depths)


def clouds(seed: int, *, views: int, height: int, width: int) -> Case:
    """Colours whose power falls with frequency as it does in photographs."""
    rng = np.random.default_rng([seed, 1])
    K = Camera.from_fov(float(rng.uniform(*FOV_X_DEG)), width=width, height=height).K
    images = np.stack([_cloud(rng, height, width) for _ in range(views)])
    return Case(f"clouds {seed}", images, np.repeat(K[None], views, axis=0))


def photographs(folder: Path, *, views: int, height: int, width: int, most: int) -> list[Case]:
    """Up to `most` pictures of `folder`, spread over all of them, cut to the shape of `height` x `width` and brought to that size."""
    found = picture_files(folder)
    chosen = found if len(found) <= most else [found[i * len(found) // most] for i in range(most)]
    K = Camera.from_fov(sum(FOV_X_DEG) / 2, width=width, height=height).K
    cases = []
    for path in chosen:
        image = _fitted(read_image(path), height, width)
        cases.append(Case(path.name, np.broadcast_to(image, (views, *image.shape)), np.broadcast_to(K, (views, 3, 3))))
    return cases


def picture_files(folder: Path) -> list[Path]:
    """Pictures below `folder`, by name; of a rendered data set its colours alone. Raises UserError where there is none."""
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "is not a folder"
        raise UserError(folder, state, "give a folder of pictures; archives are unpacked first")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if (folder / "dataset.json").exists():
        found = [path for path in found if path.stem == "rgb"]
    if not found:
        raise UserError(folder, "holds no picture", f"give a folder of pictures ({' '.join(SUFFIXES)})")
    return found


def graph_inputs(about: Exported, cases: Sequence[Case], *, size: tuple[int, int] | None = None) -> dict[str, np.ndarray]:
    """Inputs of the graph for a batch of cases of one size; `size` is that of the network input where it is open."""
    images = np.stack([case.images for case in cases])
    Ks = np.stack([case.K for case in cases])
    height, width = images.shape[2:4]
    target = size or (about.height, about.width)
    if about.preprocess == "outside":
        pictures = np.stack([[resized(image, *target, about.resample) for image in rig] for rig in images]) / np.float32(255)
        images = np.moveaxis((pictures - np.asarray(about.mean, np.float32)) / np.asarray(about.std, np.float32), -1, -3)
    inputs = {"image": np.ascontiguousarray(images if about.preprocess == "inside" else images.astype(np.float32))}
    if about.needs_camera:
        aim = (about.height, about.width) if about.preprocess == "inside" else target
        inputs["K"] = scale_K(Ks, sx=aim[1] / width, sy=aim[0] / height).astype(np.float32)
    return inputs if about.views > 1 else {name: values[:, 0] for name, values in inputs.items()}


def is_black(image: np.ndarray) -> bool:
    """Whether there is nothing to see."""
    return int(image.max()) <= DARKEST


def resized(image: np.ndarray, height: int, width: int, how: str) -> np.ndarray:
    """`image` at another size, by Pillow: antialiased, "bilinear" or "bicubic"."""
    if image.shape[:2] == (height, width):
        return image
    rule = Image.Resampling.BICUBIC if how == "bicubic" else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), rule))


def _fitted(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of `image` in the shape of `height` x `width`, at that size."""
    rows, columns = image.shape[:2]
    kept = min(rows / height, columns / width)
    high, wide = max(1, round(height * kept)), max(1, round(width * kept))
    top, left = (rows - high) // 2, (columns - wide) // 2
    return resized(np.ascontiguousarray(image[top : top + high, left : left + wide]), height, width, "bilinear")


def _cloud(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    total = np.zeros((height, width, 3))
    for level in range(1, 7):
        grain = rng.normal(size=(2**level, 2**level, 3)) / 2**level
        for channel in range(3):
            layer = Image.fromarray(grain[..., channel].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
            total[..., channel] += np.asarray(layer)
    total = (total - total.mean()) / total.std()
    return np.clip(128 + 60 * total, 0, 255).astype(np.uint8)


def _room(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, K and depth of one room. Directions have z = 1, so that the length of a ray in them is depth."""
    K = Camera.from_fov(float(rng.uniform(*FOV_X_DEG)), width=width, height=height).K
    x = (np.arange(width) + 0.5 - K[0, 2]) / K[0, 0]
    y = (np.arange(height) + 0.5 - K[1, 2]) / K[1, 1]
    direction = np.stack([*np.meshgrid(x, y), np.ones((height, width))], axis=-1)
    side, back = rng.uniform(2.0, 4.0), rng.uniform(6.0, 12.0)
    depth = np.full((height, width), back)
    normal = np.broadcast_to([0.0, 0.0, -1.0], direction.shape).copy()
    surface = np.zeros((height, width), dtype=int)
    walls = ((1, CAMERA_HEIGHT_M), (1, -CAMERA_HEIGHT_M), (0, side), (0, -side))
    for number, (axis, place) in enumerate(walls, start=1):
        with np.errstate(divide="ignore"):
            hit = np.where(direction[..., axis] * place > 0, place / direction[..., axis], np.inf)
        facing = -np.sign(place) * np.eye(3)[axis]
        _cover(hit, facing, number, depth, normal, surface)
    for number in range(NUM_BALLS):
        centre = np.array([rng.uniform(-side, side) * 0.7, rng.uniform(-0.7, 1.0), rng.uniform(2.0, back - 1)])
        hit, facing = _ball(direction, centre, rng.uniform(0.3, 0.8))
        _cover(hit, facing, len(walls) + 1 + number, depth, normal, surface)
    return _painted(rng, direction * depth[..., None], normal, surface), K, depth.astype(np.float32)


def _ball(direction: np.ndarray, centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    a, b = (direction**2).sum(axis=-1), direction @ centre
    inside = b**2 - a * (centre @ centre - radius**2)
    hit = np.where(inside > 0, (b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
    reached = direction * np.where(np.isfinite(hit), hit, 0)[..., None]
    return hit, (reached - centre) / radius


def _cover(hit: np.ndarray, facing: np.ndarray, number: int, depth: np.ndarray, normal: np.ndarray, surface: np.ndarray) -> None:
    nearer = (hit > 0) & (hit < depth)
    depth[nearer], surface[nearer] = hit[nearer], number
    normal[nearer] = np.broadcast_to(facing, normal.shape)[nearer]


def _painted(rng: np.random.Generator, points: np.ndarray, normal: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Squares of two shades on every surface, lit from above and behind the camera."""
    colours = rng.uniform(40, 220, size=(int(surface.max()) + 1, 3))
    light = np.array([0.3, -0.8, -0.5]) / np.linalg.norm([0.3, -0.8, -0.5])
    squares = np.floor(points / SQUARE_M + 0.01).sum(axis=-1) % 2
    shade = (0.4 + 0.6 * np.maximum(normal @ light, 0)) * (0.7 + 0.3 * squares)
    return np.clip(colours[surface] * shade[..., None], 0, 255).astype(np.uint8)
