"""Rotations as networks say them: an axis times an angle, differentiable everywhere."""

import torch
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices of vectors along the axis, as long as the angle [rad] (Rodrigues' formula).

    Near zero the two coefficients are their Taylor series, so that no rotation has an exact value and a finite gradient.
    """
    squared = axis_angle.square().sum(dim=-1)
    small = squared < 1e-4
    angle = torch.where(small, 1, squared).sqrt()
    first = torch.where(small, 1 - squared / 6 + squared.square() / 120, angle.sin() / angle)
    # 1 - cos(angle) = 2 sin(angle / 2)^2, which keeps its digits for small angles.
    second = torch.where(small, 0.5 - squared / 24 + squared.square() / 720, 2 * ((angle / 2).sin() / angle).square())
    x, y, z = axis_angle.unbind(dim=-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    outer = axis_angle[..., :, None] * axis_angle[..., None, :]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    # cross @ cross = outer - squared * identity
    return identity + first[..., None, None] * cross + second[..., None, None] * (outer - squared[..., None, None] * identity)
