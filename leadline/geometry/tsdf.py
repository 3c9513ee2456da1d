"""Many depth maps into one surface, and that surface back into depth: a box of voxels that hold the distance to it.

Curless and Levoy, "A volumetric method for building complex models from range images", SIGGRAPH 1996: every depth map gives each voxel
it sees a signed distance, cut off at a truncation; the volume keeps their weighted mean, whose zero is the surface. A map that stands
alone is outvoted, because the others have seen through its surface or stopped before it.

Convention: depth is z [m], 0 where unknown; distances are along the ray, positive in front of the surface. A voxel that no map has seen,
or that lies farther behind every surface than the truncation, is unknown: its weight is 0.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.geometry.pose import invert, transform
from leadline.geometry.projection import NEAREST_DEPTH_M, project, unproject

VOXEL_M = 0.05
TRUNCATION_M = 0.2
"""Four voxels; both are our defaults, for a room a few metres wide that is seen in pictures of some hundred pixels."""
MOST_VOXELS = 2**23
"""A cube of 10 m at 5 cm; 64 MB."""
_COARSER = 1.1
_STEPS_PER_VOXEL = 2
_AT_ONCE = 2**18
"""Voxels or samples that are looked at together: more only takes memory."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Signed distances on a grid that is parallel to the axes of the world."""

    tsdf: Float[Tensor, "x y z"]
    """Signed distance to the surface [m], at most the truncation; 0 where the weight is."""
    weight: Float[Tensor, "x y z"]
    """Sum of the weights of the depth maps, 0 where unknown."""
    origin: Float[Tensor, "3"]
    """Centre of the first voxel in the world [m]."""
    voxel_m: float
    truncation_m: float

    @property
    def known(self) -> Bool[Tensor, "x y z"]:
        """Voxels that have a distance."""
        return self.weight > 0


@torch.no_grad()
def fuse(
    depth: Float[Tensor, "f h w"],
    K: Float[Tensor, "f 3 3"],
    cam_from_world: Float[Tensor, "f 4 4"],
    *,
    voxel_m: float = VOXEL_M,
    truncation_m: float = TRUNCATION_M,
    weight: Float[Tensor, "f h w"] | None = None,
    most_voxels: int = MOST_VOXELS,
) -> Volume:
    """The volume of f depth maps [m], 0 where unknown, around all their points.

    `weight` says how much each pixel counts, without it all count alike. Where the box would hold more than `most_voxels`, the voxels,
    and the truncation with them, grow by tenths until it does not: look at `Volume.voxel_m`. Raises ValueError when no pixel has a
    depth, or the truncation is less than two voxels.
    """
    if not 0 < 2 * voxel_m <= truncation_m:
        raise ValueError(f"a truncation of {truncation_m} m is less than two voxels of {voxel_m} m")
    K, cam_from_world = K.to(depth), cam_from_world.to(depth)
    points = transform(invert(cam_from_world), unproject(depth, K))[depth > 0]
    if not len(points):
        raise ValueError("no pixel has a depth")
    low, high = points.amin(0), points.amax(0)
    while math.prod(shape := _num_voxels(low, high, voxel_m, truncation_m)) > most_voxels:
        voxel_m, truncation_m = _COARSER * voxel_m, _COARSER * truncation_m
    volume = Volume(depth.new_zeros(shape), depth.new_zeros(shape), low - truncation_m, voxel_m, truncation_m)
    for frame in range(len(depth)):
        _add(volume, depth[frame], K[frame], cam_from_world[frame], None if weight is None else weight[frame])
    volume.tsdf.div_(torch.where(volume.known, volume.weight, 1))
    return volume


@torch.no_grad()
def render(
    volume: Volume, K: Float[Tensor, "3 3"], cam_from_world: Float[Tensor, "4 4"], *, height: int, width: int
) -> Float[Tensor, "h w"]:
    """Depth [m] at which the ray of each pixel first meets the surface, 0 where it meets none or its back.

    Rays are followed in half voxels; the distance between voxels is trilinear over those that are known, and between two samples linear.
    """
    world_from_cam = invert(cam_from_world.to(volume.origin))
    # Rays reach depth 1, so that a place on them is a depth.
    rays = unproject(volume.origin.new_ones(height, width), K.to(volume.origin)).flatten(0, 1)
    length = torch.linalg.vector_norm(rays, dim=-1)
    directions, centre = rays @ world_from_cam[:3, :3].T, world_from_cam[:3, 3]
    start, end = _through_box(volume, centre, directions)
    step = volume.voxel_m / _STEPS_PER_VOXEL / length
    num = max(2, 1 + math.ceil(float(((end - start) / step).max())))
    at_once = max(1, _AT_ONCE // num)
    parts = zip(*(values.split(at_once) for values in (directions, start, step)), strict=True)
    met = [_first_surface(volume, centre, *part, num=num) for part in parts]
    return torch.cat(met).reshape(height, width)


def mesh(volume: Volume) -> tuple[Float[np.ndarray, "n 3"], np.ndarray]:
    """Vertices [m] in the world and faces (m, 3) of the surface, seen counter-clockwise from the front; both empty where there is none.

    Marching cubes of scikit-image, in the cubes whose corners are all known. For looking at: `render` needs no mesh.
    """
    from skimage.measure import marching_cubes  # only users of meshes should pay for it

    known = volume.known.cpu().numpy()
    whole = np.zeros_like(known)
    # scikit-image asks the mask of a cube at its last corner.
    whole[1:, 1:, 1:] = np.lib.stride_tricks.sliding_window_view(known, (2, 2, 2)).all(axis=(-3, -2, -1))
    tsdf = volume.tsdf.float().cpu().numpy()
    inside = tsdf[known]
    if not whole.any() or not inside.min() < 0 < inside.max():
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int64)
    try:
        vertices, faces, _, _ = marching_cubes(tsdf, 0.0, spacing=(volume.voxel_m,) * 3, mask=whole)
    except RuntimeError:  # its way to say that there is no surface
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int64)
    return vertices + volume.origin.float().cpu().numpy(), faces.astype(np.int64)


def _num_voxels(low: Tensor, high: Tensor, voxel_m: float, truncation_m: float) -> tuple[int, int, int]:
    """Along each axis, from a truncation before the points to one behind them."""
    x, y, z = (1 + math.ceil((extent + 2 * truncation_m) / voxel_m) for extent in (high - low).tolist())
    return x, y, z


def _add(volume: Volume, depth: Tensor, K: Tensor, cam_from_world: Tensor, weight: Tensor | None) -> None:
    """Add what one depth map says, times its weight, to the sums in `volume`."""
    total, weights = volume.tsdf.flatten(1), volume.weight.flatten(1)
    num_x, num_y, num_z = volume.tsdf.shape
    x, y, z = (volume.origin[i] + volume.voxel_m * torch.arange(n).to(volume.origin) for i, n in enumerate((num_x, num_y, num_z)))
    slab = max(1, _AT_ONCE // (num_y * num_z))
    for first in range(0, num_x, slab):
        points = torch.stack(torch.meshgrid(x[first : first + slab], y, z, indexing="ij"), dim=-1).flatten(0, 2)
        where, distance, counts = _seen(points, depth, K, cam_from_world, volume.truncation_m, weight)
        total[first : first + slab].view(-1)[where] += counts * distance
        weights[first : first + slab].view(-1)[where] += counts


def _seen(
    points: Tensor, depth: Tensor, K: Tensor, cam_from_world: Tensor, truncation_m: float, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Which of the `points` (n, 3) a depth map says something about, their distance to its surface [m], and how much that counts."""
    height, width = depth.shape
    points = transform(cam_from_world, points)
    uv, z = project(points, K)
    inside = (z > NEAREST_DEPTH_M) & (uv >= 0).all(-1) & (uv[:, 0] < width) & (uv[:, 1] < height)
    where = inside.nonzero()[:, 0]
    points, uv, z = points[where], uv[where], z[where]
    surface = _depth_at(depth, uv, truncation_m)
    distance = (surface - z) * torch.linalg.vector_norm(points, dim=-1) / z
    # What lies behind counts less and less, so that the far side of a thin thing is not pushed away by its near side.
    counts = (2 + 2 * distance / truncation_m).clamp(0, 1) * (surface > 0)
    if weight is not None:
        column, row = uv.long().unbind(-1)
        counts = counts * weight[row, column]
    told = counts > 0
    return where[told], distance[told].clamp(max=truncation_m), counts[told]


def _depth_at(depth: Tensor, uv: Tensor, step_m: float) -> Tensor:
    """Depth (n,) at places uv (n, 2) of a map: of the plane between four pixels that differ by less than `step_m`, else of the pixel."""
    padded = functional.pad(depth[None], (1, 1, 1, 1), mode="replicate")[0]
    corners = torch.stack([padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]])
    one_surface = (corners.amin(0) > 0) & (corners.amax(0) - corners.amin(0) < step_m)
    column, row = uv.long().unbind(-1)
    right, down = (uv + 0.5).long().unbind(-1)
    a, b = (uv + 0.5).frac().unbind(-1)
    shares = torch.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b])
    # Inverse depth is what is linear in the image of a plane.
    between = 1 / (shares / corners[:, down, right].clamp(min=NEAREST_DEPTH_M)).sum(0)
    return torch.where(one_surface[down, right], between, depth[row, column])


def _through_box(volume: Volume, centre: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Depths (n,) at which rays enter and leave the box of voxel centres; the second is smaller where they miss it."""
    low = volume.origin
    high = low + volume.voxel_m * (torch.tensor(volume.tsdf.shape).to(low) - 1)
    slope = torch.where(directions.abs() < 1e-9, 1e-9, directions)
    faces = torch.stack([(low - centre) / slope, (high - centre) / slope])
    return faces.amin(0).amax(-1).clamp(min=0), faces.amax(0).amin(-1)


def _first_surface(volume: Volume, centre: Tensor, directions: Tensor, start: Tensor, step: Tensor, *, num: int) -> Tensor:
    """Depth (n,) of the first change of sign along rays, of `num` samples from `start` in steps of `step`."""
    depth = start[:, None] + step[:, None] * torch.arange(num).to(start)
    distance, known = _distance_at(volume, centre + depth[..., None] * directions[:, None])
    before, after = distance[:, :-1], distance[:, 1:]
    changes = known[:, :-1] & known[:, 1:] & ((before > 0) != (after > 0))
    first = changes.int().argmax(dim=1, keepdim=True)
    from_front = (changes & (before > 0)).gather(1, first)
    before, after = before.gather(1, first), after.gather(1, first)
    met = depth.gather(1, first) + step[:, None] * before / (before - after)
    return torch.where(from_front, met, 0)[:, 0]


def _distance_at(volume: Volume, points: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (n, s) at points (n, s, 3), trilinear over the known voxels around them, and whether these make up half of the weight."""
    values = torch.stack([volume.tsdf, volume.known.to(volume.tsdf)])[None]
    place = (points - volume.origin) / volume.voxel_m / (torch.tensor(volume.tsdf.shape).to(points) - 1) * 2 - 1
    # grid_sample counts the axes from the last.
    total, share = functional.grid_sample(values, place.flip(-1)[None, None], padding_mode="zeros", align_corners=True)[0, :, 0]
    return total / share.clamp(min=1e-6), share >= 0.5
