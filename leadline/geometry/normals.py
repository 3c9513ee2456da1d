"""Surface normals from a depth map.

Convention: camera frame x right, y down, z forward; normals point towards the camera (kornia's point away). Exact on
planes, whatever their slant; across a depth edge the two surfaces are joined.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.geometry.projection import unproject


def normals_from_depth(depth: Float[Tensor, "*b h w"], K: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b h w 3"]:
    """Unit normals, camera frame, from central differences of the points [m].

    One-sided where only one neighbour is known (borders, holes); zero where the pixel's own depth is unknown (0) or
    an axis has no known neighbour.
    """
    points, known = unproject(depth, K), depth > 0
    along_x = _tangent(points, known, axis=-1)
    along_y = _tangent(points, known, axis=-2)
    # In this order the product looks at the camera for every slant: the map from pixels to points keeps its handedness.
    normals = torch.linalg.cross(along_y, along_x)
    length = torch.linalg.vector_norm(normals, dim=-1, keepdim=True)
    return normals / torch.where(length > 0, length, 1)


def _tangent(points: Tensor, known: Tensor, *, axis: int) -> Tensor:
    """Sum of the differences to the known neighbours on both sides along `axis` of (*b, h, w)."""
    num = known.shape[axis]
    if num < 2:
        return torch.zeros_like(points)
    both = known.narrow(axis, 1, num - 1) & known.narrow(axis, 0, num - 1)
    step = torch.where(both[..., None], points.narrow(axis - 1, 1, num - 1) - points.narrow(axis - 1, 0, num - 1), 0)
    nothing = torch.zeros_like(points.narrow(axis - 1, 0, 1))
    return torch.cat([nothing, step], dim=axis - 1) + torch.cat([step, nothing], dim=axis - 1)
