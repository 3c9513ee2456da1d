"""Normals: exact on planes of every slant, towards the camera, zero where nothing is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.geometry.normals import normals_from_depth
from leadline.geometry.projection import pixel_grid

K = torch.tensor([[20.0, 0.5, 6], [0, 18, 5], [0, 0, 1]], dtype=torch.float64)


def plane_depth(normal: torch.Tensor, distance: float, height: int = 10, width: int = 12) -> torch.Tensor:
    """Depth of the plane normal . p = -distance, with the normal towards the camera at the origin; negative where not seen."""
    uv = pixel_grid(height, width, dtype=torch.float64)
    rays = torch.cat([uv, torch.ones_like(uv[..., :1])], dim=-1) @ torch.linalg.inv(K).T
    return -distance / (rays @ normal)


@settings(deadline=None)
@given(x=st.floats(-1, 1), y=st.floats(-1, 1), distance=st.floats(0.1, 100))
def test_normals_from_depth__exact_on_planes(x: float, y: float, distance: float):
    normal = torch.nn.functional.normalize(torch.tensor([x, y, -1.0], dtype=torch.float64), dim=0)
    depth = plane_depth(normal, distance)
    assert (depth > 0).all()
    torch.testing.assert_close(normals_from_depth(depth, K), normal.expand(10, 12, 3), atol=1e-8, rtol=0)


def test_normals_from_depth__grazing_floor_looks_up():
    """The floor 1.5 m below the camera: up is -y."""
    depth = plane_depth(torch.tensor([0.0, -1, 0], dtype=torch.float64), 1.5)[6:]
    below_horizon = K.clone()
    below_horizon[1, 2] -= 6
    normals = normals_from_depth(depth.float(), below_horizon.float())
    torch.testing.assert_close(normals, torch.tensor([0.0, -1, 0]).expand_as(normals), atol=1e-3, rtol=0)


def test_normals_from_depth__holes_and_batches():
    normal = torch.nn.functional.normalize(torch.tensor([0.3, 0.2, -1.0], dtype=torch.float64), dim=0)
    depth = plane_depth(normal, 4).expand(2, 3, 10, 12).clone()
    depth[0, 1, 4, 5] = 0
    depth[1, 2, :, :] = 0
    depth[1, 2, 3, 3] = 2
    normals = normals_from_depth(depth, K.expand(2, 3, 3, 3))
    known = torch.ones(2, 3, 10, 12, dtype=torch.bool)
    known[0, 1, 4, 5] = False
    known[1, 2] = False
    torch.testing.assert_close(normals[known], normal.expand(int(known.sum()), 3), atol=1e-8, rtol=0)
    assert (normals[~known] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1)])
def test_normals_from_depth__too_thin_for_a_normal(shape: tuple[int, int]):
    assert (normals_from_depth(torch.ones(shape), torch.eye(3)) == 0).all()


def test_normals_from_depth__gradients_are_finite_at_holes():
    depth = (2 + torch.rand(5, 6, dtype=torch.float64)).requires_grad_()
    holes = torch.ones(5, 6)
    holes[1:4, 2:5] = 0
    normals_from_depth(depth * holes, K).square().sum(-1).mul(torch.arange(6.0)).sum().backward()
    assert depth.grad is not None
    assert torch.isfinite(depth.grad).all()
    full = (2 + torch.rand(3, 4, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: normals_from_depth(d, K), full)
