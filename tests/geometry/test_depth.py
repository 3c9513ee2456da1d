"""Ray distance, inverse depth and disparity."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.geometry.depth import depth_to_ray_distance, disparity_to_depth, inverse_depth, ray_distance_to_depth

K = torch.tensor([[3.0, 0, 2], [0, 4, 2.5], [0, 0, 1]], dtype=torch.float64)


def test_depth_to_ray_distance__by_hand():
    """Pixel (0, 0) looks along (-1.5 / 3, -2 / 4, 1): a point at depth 2 is sqrt(6) away."""
    distance = depth_to_ray_distance(torch.full((5, 4), 2.0, dtype=torch.float64), K)
    assert distance[0, 0].item() == pytest.approx(6**0.5)
    assert distance[2, 2].item() == pytest.approx(2 * (1 + (0.5 / 3) ** 2) ** 0.5)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31))
def test_ray_distance_to_depth__undoes(seed: int):
    depth = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 50
    depth[0, 0, 0, 0] = 0
    Ks = K.expand(2, 3, 3, 3)
    torch.testing.assert_close(ray_distance_to_depth(depth_to_ray_distance(depth, Ks), Ks), depth)


def test_inverse_depth__unknown_stays_zero_without_gradient():
    depth = torch.tensor([4.0, 0.0, -1.0, torch.nan, torch.inf], requires_grad=True)
    inverse = inverse_depth(depth)
    torch.testing.assert_close(inverse, torch.tensor([0.25, 0, 0, 0, 0]))
    inverse.sum().backward()
    assert depth.grad is not None
    torch.testing.assert_close(depth.grad, torch.tensor([-1 / 16, 0, 0, 0, 0]))


def test_disparity_to_depth__by_hand():
    depth = disparity_to_depth(torch.tensor([10.0, 0.0, -3.0]), fx=500, baseline=0.2)
    torch.testing.assert_close(depth, torch.tensor([10.0, 0, 0]))


def test_disparity_to_depth__middlebury(samples: Path):
    """The offset of the principal points is not optional: without it depth is about twice too large."""
    lines = (samples / "middlebury" / "Motorcycle" / "calib.txt").read_text().splitlines()
    calib = dict(line.split("=", 1) for line in lines if "=" in line)
    fx, baseline = float(calib["cam0"].strip("[").split()[0]), float(calib["baseline"]) / 1000
    depth = disparity_to_depth(torch.tensor([9.18, 62.88]), fx=fx, baseline=baseline, offset_px=float(calib["doffs"]))
    assert depth[1].item() == pytest.approx(2.02, abs=0.01)
    assert depth[0].item() == pytest.approx(4.60, abs=0.01)
