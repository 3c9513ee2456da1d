"""What is seen through a surface that surrounds it: a mirror shows a room behind its wall, a polished floor one below itself.

No surface can be seen through another. So where depth lies behind a plane, and the rim of that part of the picture lies on the plane,
either the plane has a hole there (a doorway, a window) or the depth is that of a mirror image. Our own rule; windows and
constants are our defaults, chosen on training rooms for depth that was found without a network (stereo.py, docs/LOG.md).

Convention: a plane is m (3,) with m . X = 1 for its points X [m] in the camera frame. Along a ray (x, y, 1) its inverse depth
is m . ray, which is linear in the image: planes are fitted to inverse depth without leaving it.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import binary_dilation, binary_opening, correlate1d, uniform_filter1d
from skimage.measure import label

NUM_PLANES = 8
"""Largest planes of a picture that are looked at."""
SHARE = 0.03
"""Of the picture that a plane must hold."""
TOLERANCE = 0.04
"""Relative distance at which a point still belongs to a plane."""
SAME_NORMAL = 0.8
"""Least cosine between the normals of a plane and of a point that belongs to it."""
BEHIND = 0.15
"""Relative distance behind a plane from which a point counts as seen through it."""
RIM_TOLERANCE = 0.05
RIM_SHARE = 0.55
"""Of the rim of an opening that must lie on its plane."""
MOST_BORDERS = 2
"""Of the four borders of the picture, that an opening may reach: what is seen beside a wardrobe is not seen through it."""
LEAST_PX, LARGEST_SHARE = 25, 0.6
"""Size of an opening, in pixels and as a share of the picture."""

_WINDOW_PX = 15
_RIM_PX = (1, 5)
_NUM_SEEDS = 128
_NUM_POINTS = 1600
"""Pixels on which planes are fitted and counted, in round figures."""
_AROUND = np.ones((3, 3), dtype=bool)


def closed_openings(depth: Float[np.ndarray, "h w"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "h w"]:
    """Depth [m] of the plane that each opening of `depth` is an opening of, the nearest of several; 0 where there is none.

    `depth` is positive everywhere. Needs about 50 ms for an image of 96x160 on one core.
    """
    inverse, closed = 1 / depth, np.zeros_like(depth)
    for plane in _largest_planes(inverse, K):
        of_plane = (_rays(K, depth.shape) @ plane).reshape(depth.shape).astype(depth.dtype)
        behind = binary_opening((of_plane > 0) & (inverse < (1 - BEHIND) * of_plane), _AROUND)
        surface = np.abs(inverse - of_plane) < RIM_TOLERANCE * inverse
        parts = np.asarray(label(behind, connectivity=1))
        for part in (parts == i for i in range(1, parts.max() + 1)):
            if LEAST_PX <= part.sum() <= LARGEST_SHARE * part.size and _surrounds(surface, part):
                closed[part] = np.maximum(closed[part], of_plane[part])
    return np.divide(1, closed, out=np.zeros_like(closed), where=closed > 0)


def local_planes(inverse_depth: Float[np.ndarray, "h w"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "h w 3"]:
    """The plane m around each pixel: least squares on `inverse_depth` [1/m] in a square window, repeated beyond the border."""
    offset = np.arange(_WINDOW_PX) - _WINDOW_PX // 2
    du, dv = (_smoothed(correlate1d(inverse_depth, offset / np.square(offset).sum(), axis, mode="nearest"), 1 - axis) for axis in (1, 0))
    value = _smoothed(_smoothed(inverse_depth, 0), 1)
    v, u = (np.arange(size) + 0.5 for size in inverse_depth.shape)
    # value + du (u' - u) + dv (v' - v) at every pixel u', v' is m . ((u' - cx) / fx, (v' - cy) / fy, 1).
    return np.stack([du * K[0, 0], dv * K[1, 1], value + du * (K[0, 2] - u) + dv * (K[1, 2] - v[:, None])], axis=-1)


def _surrounds(surface: np.ndarray, part: np.ndarray) -> bool:
    """Whether the rim of `part`, as far as the picture goes, is mostly `surface`."""
    borders = part[0], part[-1], part[:, 0], part[:, -1]
    if sum(bool(border.any()) for border in borders) > MOST_BORDERS:
        return False
    inner, outer = (np.asarray(binary_dilation(part, _AROUND, iterations=reach), dtype=bool) for reach in _RIM_PX)
    rim = outer & ~inner
    return bool(rim.any() and surface[rim].mean() >= RIM_SHARE)


def _largest_planes(inverse: np.ndarray, K: np.ndarray) -> list[np.ndarray]:
    """Planes (3,) that hold SHARE of the picture, the largest first.

    Of the planes around evenly spread pixels that with the most pixels is refined by least squares; its pixels then count no more.
    """
    local, rays = local_planes(inverse, K).reshape(-1, 3), _rays(K, inverse.shape)
    points = _spread(inverse.shape, _NUM_POINTS)
    value, around, ray = inverse.reshape(-1)[points], _unit(local[points]), rays[points]
    seeds = local[_spread(inverse.shape, _NUM_SEEDS)]
    near = _belongs(value, seeds @ ray.T, _unit(seeds) @ around.T)
    free, found = np.ones(len(value), dtype=bool), []
    for _ in range(NUM_PLANES):
        best = (near & free).sum(axis=1).argmax()
        plane, mine = seeds[best], near[best] & free
        for _ in range(2):
            plane = _fit(value, ray, mine)
            mine = _belongs(value, ray @ plane, around @ _unit(plane)) & free
        if mine.mean() >= SHARE:
            found.append(plane)
        free &= ~mine
    return found


def _belongs(inverse: np.ndarray, of_plane: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Whether pixels lie on a plane, given its inverse depth there and the cosine between its normal and theirs."""
    return (np.abs(of_plane - inverse) < TOLERANCE * inverse) & (np.abs(cosine) > SAME_NORMAL)


def _fit(value: np.ndarray, ray: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """(3,) least squares over the pixels that are `mine`, in relative inverse depth."""
    weighted = ray * (mine / np.square(value).clip(1e-12))[:, None]
    return np.linalg.solve(weighted.T @ ray + 1e-6 * np.eye(3), weighted.T @ value)


def _rays(K: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h * w, 3) of depth 1."""
    v, u = np.meshgrid(*(np.arange(size) + 0.5 for size in shape), indexing="ij")
    return np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3) @ np.linalg.inv(K).T


def _spread(shape: tuple[int, ...], num: int) -> np.ndarray:
    """Indices of about `num` pixels on an even grid."""
    stride = max(1, round((shape[0] * shape[1] / num) ** 0.5))
    rows, columns = (np.arange(stride // 2, size, stride) for size in shape)
    return (rows[:, None] * shape[1] + columns).reshape(-1)


def _unit(planes: np.ndarray) -> np.ndarray:
    return planes / np.linalg.norm(planes, axis=-1, keepdims=True).clip(1e-12)


def _smoothed(values: np.ndarray, axis: int) -> np.ndarray:
    return uniform_filter1d(values, _WINDOW_PX, axis, mode="nearest")
