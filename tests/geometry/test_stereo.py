"""Depth of a picture from pictures beside it: planes of known depth, a room without texture, a mirror that shows another room."""

import torch

from leadline.geometry.stereo import multi_view_depth

H, W = 48, 64
K = torch.tensor([[50.0, 0, 32], [0, 50.0, 24], [0, 0, 1]])
DEPTHS = torch.logspace(1.2, -0.2, 48)
STEPS_M = (-0.3, -0.15, 0.15, 0.3)


def seen_from(x_m: float, depth: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """A picture of fronto-parallel strips: each pixel of the reference, at its depth, from a camera `x_m` to the right; nearest last."""
    picture = torch.zeros(3, H, W)
    v, u = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    order = depth.flatten().argsort(descending=True)
    to = (u - 50 * x_m / depth).round().long().flatten()[order]
    keep = (to >= 0) & (to < W)
    picture[:, v.flatten()[order][keep], to[keep]] = colour.flatten(1)[:, order[keep]]
    return picture


def found(depth: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    pose = torch.eye(4).repeat(len(STEPS_M), 1, 1)
    pose[:, 0, 3] = -torch.tensor(STEPS_M)
    sources = torch.stack([seen_from(x, depth, colour) for x in STEPS_M])
    return torch.from_numpy(multi_view_depth(colour, sources, K, K.expand(len(pose), 3, 3), pose, DEPTHS))


def texture(seed: int = 0) -> torch.Tensor:
    return torch.rand(3, H, W, generator=torch.Generator().manual_seed(seed))


def test_multi_view_depth__finds_a_plane() -> None:
    depth = torch.full((H, W), 2.5)  # 15 cm are 3 px
    inner = found(depth, texture())[4:-4, 8:-8]
    assert ((inner - 2.5).abs() < 0.1).float().mean() > 0.98


def test_multi_view_depth__fills_a_blank_wall_from_its_border() -> None:
    colour = texture()
    colour[:, 16:32, 20:44] = 0.5
    inner = found(torch.full((H, W), 2.5), colour)[16:32, 20:44]
    assert ((inner - 2.5).abs() < 0.2).float().mean() > 0.95


def test_multi_view_depth__believes_a_mirror() -> None:
    """A window of farther depth in a wall comes out whole, as what is behind it."""
    depth = torch.full((H, W), 2.5)
    depth[12:36, 16:48] = 7.5
    result = found(depth, texture())
    assert ((result[16:32, 22:42] - 7.5).abs() < 1.0).float().mean() > 0.9
    assert ((result[:10, 8:-8] - 2.5).abs() < 0.2).float().mean() > 0.9
