"""What the relational losses stand on: maps averaged to cells, directions, and the shape of a set of points (RKD).

Everything is computed in float32 and outside autocast.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.losses.masked import full_precision, masked_mean, mean_over_images

CELLS = (12, 20)
"""Rows and columns of the cells that relations are taken between."""
SHORTEST = 1e-12
"""Length below which a vector has no direction."""
DISTANCE_WEIGHT = 25.0
ANGLE_WEIGHT = 50.0


def to_cells(maps: Float[Tensor, "n c _y _x"]) -> Float[Tensor, "n c 12 20"]:
    """Maps averaged over 12 x 20 cells. Cells stay as they are, so maps that were kept as cells meet maps that were not.

    Where the pixels do not divide evenly, neighbouring cells share some; a map with fewer pixels than cells repeats them.
    """
    return functional.adaptive_avg_pool2d(full_precision(maps), CELLS)


def unit(vectors: Float[Tensor, "*shape"], *, dim: int) -> Float[Tensor, "*shape"]:
    """Vectors along `dim` with length 1. A vector without a direction becomes 0 and gets no gradient."""
    length = vectors.norm(dim=dim, keepdim=True)
    has_direction = length > SHORTEST
    return torch.where(has_direction, vectors / torch.where(has_direction, length, 1), 0)


def structure_loss(
    *, points: Float[Tensor, "s p _e"], teacher_points: Float[Tensor, "s p _f"], alive: Bool[Tensor, "s p"]
) -> Float[Tensor, ""]:
    """How far the shape of each of s sets of p points is from the teacher's: 25 times distances plus 50 times angles.

    Park et al., "Relational Knowledge Distillation", CVPR 2019, arXiv 1904.05068, section 3.2: distances between all pairs in units
    of their mean and cosines at all triplets, compared by the Huber loss, with the authors' weights. Ours: means are over pairs and
    triplets of different points (published code counts zeros of a point with itself as well), and points that are not `alive` are
    in none.
    The differences of all pairs are held in memory, s * p * p * e numbers.
    """
    ours, theirs = _offsets(points, alive), _offsets(teacher_points.detach(), alive)
    apart = ~torch.eye(alive.shape[1], dtype=torch.bool, device=alive.device)
    pair = alive[:, :, None] & alive[:, None] & apart
    triplet = (pair[:, :, :, None] & pair[:, :, None] & pair[:, None]).flatten(2)
    distance = functional.smooth_l1_loss(_distances(ours, pair), _distances(theirs, pair), reduction="none")
    angle = functional.smooth_l1_loss(_cosines(ours), _cosines(theirs), reduction="none")
    terms = (DISTANCE_WEIGHT, distance, pair), (ANGLE_WEIGHT, angle, triplet)
    return torch.stack([weight * mean_over_images(masked_mean(error, counts), counts) for weight, error, counts in terms]).sum()


def _offsets(points: Float[Tensor, "s p e"], alive: Bool[Tensor, "s p"]) -> Float[Tensor, "s p p e"]:
    """From the first point to the second."""
    points = torch.where(alive[:, :, None], full_precision(points), 0)
    return points[:, None] - points[:, :, None]


def _distances(offsets: Float[Tensor, "s p p e"], pair: Bool[Tensor, "s p p"]) -> Float[Tensor, "s p p"]:
    """Lengths in units of the mean of those that are not 0."""
    lengths = offsets.norm(dim=-1)
    mean = masked_mean(lengths, pair & (lengths > 0))[:, None, None]
    return lengths / torch.where(mean > 0, mean, 1)


def _cosines(offsets: Float[Tensor, "s p p e"]) -> Float[Tensor, "s p q"]:
    """Cosine of the angle at the first point between the second and the third, these two flattened."""
    towards = unit(offsets, dim=-1)
    return (towards @ towards.mT).flatten(2)
