"""The pose network: rigid, nearly still at first, and started from an encoder of one image."""

import pytest
import torch

from leadline.models.encoders import build_encoder
from leadline.models.pose import PoseNetwork, rigid_transform
from leadline.types import UserError


def test_pose_network__is_rigid_and_hardly_moves_at_first():
    torch.manual_seed(0)
    network = PoseNetwork("resnet-tiny").eval()
    poses = network(torch.rand(3, 3, 32, 64), torch.rand(3, 3, 32, 64))
    assert poses.shape == (3, 4, 4) and poses.dtype is torch.float32
    torch.testing.assert_close(poses[:, :3, :3] @ poses[:, :3, :3].mT, torch.eye(3).expand(3, 3, 3))
    assert (poses - torch.eye(4)).abs().max() < 0.05
    poses.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_pose_network__has_the_size_of_the_published_one():
    """Of monodepth2's separate_resnet: encoder 11.19 M, decoder 1.31 M; it answers for two frames at once (12 numbers, not 6)."""
    network = PoseNetwork("resnet18")
    assert sum(p.numel() for p in network.decoder.parameters()) == 512 * 256 + 256 + 2 * (256 * 256 * 9 + 256) + 256 * 6 + 6


def test_build_encoder__of_two_equal_images_starts_as_that_of_one():
    torch.manual_seed(0)
    one = build_encoder("resnet-tiny").eval()
    torch.manual_seed(0)
    two = build_encoder("resnet-tiny", num_images=2).eval()
    image = torch.rand(1, 3, 32, 64)
    for single, double in zip(one(image), two(torch.cat([image, image], dim=1)), strict=True):
        torch.testing.assert_close(double, single)


def test_build_encoder__transformers_take_one_image():
    with pytest.raises(UserError, match="one image at a time"):
        build_encoder("dinov2-tiny", num_images=2)


def test_rigid_transform__by_hand():
    pose = rigid_transform(torch.tensor([[0.0, 0.0, torch.pi / 2]]), torch.tensor([[1.0, 2.0, 3.0]]))
    expected = torch.tensor([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    torch.testing.assert_close(pose[0], expected, atol=1e-6, rtol=0)
