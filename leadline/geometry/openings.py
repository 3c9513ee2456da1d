"""What is seen through a surface that surrounds it: a mirror shows a room behind its wall, a polished floor one below itself.

No surface can be seen through another. So where depth lies behind a plane, and the picture shows surface of that plane all
around, either the plane has a hole there (a doorway, a window) or the depth is that of a mirror image. Our own rule; windows
and constants are our defaults, chosen on validation rooms (docs/LOG.md).

Convention: a plane is m (3,) with m . X = 1 for its points X [m] in the camera frame. Along a ray (x, y, 1) its inverse depth
is m . ray, which is linear in the image: planes are fitted to inverse depth without leaving it.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

NUM_PLANES = 6
"""Largest planes of a picture that are looked at."""
SHARE = 0.02
"""Of the picture that a plane must hold."""
TOLERANCE = 0.02
"""Relative distance at which a point still belongs to a plane."""
SAME_NORMAL = 0.93
"""Least cosine between the normals of a plane and of a point that belongs to it."""
BEHIND = 0.2
"""Relative distance behind a plane from which a point counts as seen through it."""
DIRECTIONS = 4
"""Of the 8 directions of the image in which surface of the plane must be met."""

_WINDOW_PX = 7
_NUM_SEEDS = 128
_NUM_POINTS = 1600
"""Pixels on which planes are fitted and counted, in round figures."""


@torch.no_grad()
def seen_through(
    depth: Float[Tensor, "b h w"], K: Float[Tensor, "b 3 3"], *, behind: float = BEHIND, directions: int = DIRECTIONS
) -> tuple[Bool[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """Pixels that lie behind a plane whose surface surrounds them, and the depth [m] with the planes closed over them.

    `depth` is positive everywhere. Needs about 12 ms for an image of 96x160 on one core.
    """
    inverse = 1 / depth
    local, rays = local_planes(inverse, K), _rays(K, *depth.shape[-2:])
    normals = _unit(local.flatten(1, 2))
    through, closed = torch.zeros_like(depth, dtype=torch.bool), inverse
    for plane, large in _largest_planes(inverse, local, rays):
        of_plane = (rays @ plane[:, :, None]).unflatten(1, depth.shape[-2:])[..., 0]
        cosine = (normals @ _unit(plane)[:, :, None]).unflatten(1, depth.shape[-2:])[..., 0]
        surface = _belongs(inverse, of_plane, cosine) & large[:, None, None]
        hole = (of_plane > 0) & (inverse < (1 - behind) * of_plane) & (surrounded(surface) >= directions)
        through, closed = through | hole, torch.where(hole, torch.maximum(closed, of_plane), closed)
    return through, 1 / closed


def local_planes(inverse_depth: Float[Tensor, "b h w"], K: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b h w 3"]:
    """The plane m around each pixel: least squares on `inverse_depth` [1/m] in a square window, repeated beyond the border."""
    radius = _WINDOW_PX // 2
    offset = torch.arange(-radius, radius + 1, dtype=inverse_depth.dtype, device=inverse_depth.device)
    slope = offset.expand(_WINDOW_PX, _WINDOW_PX) / (offset.square().sum() * _WINDOW_PX)
    kernels = torch.stack([slope, slope.T, torch.full_like(slope, 1 / _WINDOW_PX**2)])[:, None]
    padded = functional.pad(inverse_depth[:, None], (radius,) * 4, mode="replicate")
    du, dv, value = functional.conv2d(padded, kernels).unbind(1)
    height, width = inverse_depth.shape[-2:]
    u, v = (torch.arange(size, dtype=offset.dtype, device=offset.device) + 0.5 for size in (width, height))
    fx, fy, cx, cy = (K[:, i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    # value + du (u' - u) + dv (v' - v) at every pixel u', v' is m . ((u' - cx) / fx, (v' - cy) / fy, 1).
    return torch.stack([du * fx, dv * fy, value + du * (cx - u) + dv * (cy - v[:, None])], dim=-1)


def surrounded(surface: Bool[Tensor, "b h w"]) -> Int[Tensor, "b h w"]:
    """In how many of the 8 directions of the image a pixel of `surface` is met, the pixel itself included."""
    marks = surface.to(torch.uint8)
    count = _both_ways(marks, 2).to(torch.int64) + _both_ways(marks, 1)
    height, width = surface.shape[-2:]
    row, column = torch.arange(height, device=surface.device), torch.arange(width, device=surface.device)
    for start in (row, height - 1 - row):  # rows shifted against each other, diagonals become columns
        place = (start[:, None] + column).expand_as(surface)
        slanted = marks.new_zeros(len(surface), height, height + width).scatter(2, place, marks)
        count = count + _both_ways(slanted, 1).gather(2, place)
    return count


def _both_ways(marks: Tensor, axis: int) -> Tensor:
    """How many of the two directions along `axis` meet a mark."""
    return marks.cummax(axis).values + marks.flip(axis).cummax(axis).values.flip(axis)


def _rays(K: Tensor, height: int, width: int) -> Tensor:
    """(b, h * w, 3) of depth 1."""
    v, u = torch.meshgrid(*(torch.arange(size, dtype=K.dtype, device=K.device) + 0.5 for size in (height, width)), indexing="ij")
    return torch.stack([u, v, torch.ones_like(u)], dim=-1).flatten(0, 1) @ torch.linalg.inv(K).mT


def _largest_planes(inverse: Tensor, local: Tensor, rays: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Planes (b, 3) of each image, the largest first, and whether they hold SHARE of it (b,).

    Of the planes around evenly spread pixels that with the most pixels is refined by least squares; its pixels then count no more.
    """
    batch, height, width = inverse.shape
    points = _spread(height, width, _NUM_POINTS, device=inverse.device)
    value, around, ray = inverse.flatten(1)[:, points], local.flatten(1, 2)[:, points], rays[:, points]
    seeds = local.flatten(1, 2)[:, _spread(height, width, _NUM_SEEDS, device=inverse.device)]
    near = _belongs(value[:, None], seeds @ ray.mT, _unit(seeds) @ _unit(around).mT)
    free, found = torch.ones_like(value, dtype=torch.bool), []
    for _ in range(NUM_PLANES):
        best = (near & free[:, None]).sum(2).argmax(1)
        plane, mine = seeds[torch.arange(batch), best], near[torch.arange(batch), best] & free
        for _ in range(2):
            plane = _fit(value, ray, mine)
            mine = _belongs(value, (ray @ plane[:, :, None])[..., 0], (_unit(around) @ _unit(plane)[:, :, None])[..., 0]) & free
        found.append((plane, mine.float().mean(1) >= SHARE))
        free = free & ~mine
    return found


def _belongs(inverse: Tensor, of_plane: Tensor, cosine: Tensor) -> Tensor:
    """Whether pixels lie on a plane, given its inverse depth there and the cosine between its normal and theirs."""
    return ((of_plane - inverse).abs() < TOLERANCE * inverse) & (cosine.abs() > SAME_NORMAL)


def _unit(planes: Tensor) -> Tensor:
    return functional.normalize(planes, dim=-1)


def _fit(value: Tensor, ray: Tensor, mine: Tensor) -> Tensor:
    """(b, 3) least squares over the pixels that are `mine`, in relative inverse depth."""
    weight = mine / value.square().clamp(min=1e-12)
    normal = torch.einsum("bp,bpi,bpj->bij", weight, ray, ray)
    ridge = 1e-6 * torch.eye(3, dtype=value.dtype, device=value.device)
    return torch.linalg.solve(normal + ridge, torch.einsum("bp,bpi,bp->bi", weight, ray, value))


def _spread(height: int, width: int, num: int, *, device: torch.device) -> Tensor:
    """Indices of about `num` pixels on an even grid."""
    stride = max(1, round((height * width / num) ** 0.5))
    rows, columns = (torch.arange(stride // 2, size, stride, device=device) for size in (height, width))
    return (rows[:, None] * width + columns).flatten()
