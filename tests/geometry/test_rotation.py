"""Rotations from vectors: against the matrix exponential, at zero, and their gradient."""

import pytest
import torch

from leadline.geometry.rotation import axis_angle_to_matrix


@pytest.mark.parametrize("length", [1e-6, 1e-3, 9e-3, 1.1e-2, 0.5, 3.0])
def test_axis_angle_to_matrix__is_the_matrix_exponential(length: float):
    vectors = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    vectors = length * vectors / vectors.norm(dim=1, keepdim=True)
    x, y, z = vectors.T
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    torch.testing.assert_close(axis_angle_to_matrix(vectors), torch.linalg.matrix_exp(cross), atol=1e-12, rtol=0)
    torch.testing.assert_close(axis_angle_to_matrix(vectors.float()).double(), torch.linalg.matrix_exp(cross), atol=1e-6, rtol=0)


def test_axis_angle_to_matrix__zero_is_the_identity_with_a_finite_gradient():
    vector = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.equal(axis_angle_to_matrix(vector), torch.eye(3, dtype=torch.float64)[None])
    assert torch.autograd.gradcheck(axis_angle_to_matrix, vector)


def test_axis_angle_to_matrix__gradcheck():
    vectors = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, vectors)
