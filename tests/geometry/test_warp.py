"""View synthesis: nothing moves without motion, a plane shifts by whole pixels, a known scene is reproduced."""

import pytest
import torch

from leadline.geometry.pose import invert
from leadline.geometry.warp import warp

HEIGHT, WIDTH, FX = 8, 12, 16.0


def intrinsics(fx: float = FX, fy: float = FX, cx: float = WIDTH / 2, cy: float = HEIGHT / 2) -> torch.Tensor:
    return torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)[None]


def noise(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def translation(x: float = 0, y: float = 0, z: float = 0) -> torch.Tensor:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([x, y, z])
    return pose[None]


def test_warp__identity():
    depth = 1 + 9 * noise(1)[:, 0]
    image, in_view = warp(noise(), depth, intrinsics(), intrinsics(), translation())
    torch.testing.assert_close(image, noise(), atol=1e-12, rtol=0)
    assert in_view.all()


@pytest.mark.parametrize(("columns", "rows"), [(3, 0), (-2, 1), (0, -3)])
def test_warp__plane_shifts_by_whole_pixels(columns: int, rows: int):
    """A source camera that stands t to the left sees points fx t / z further right."""
    z = 4.0
    pose = translation(x=columns * z / FX, y=rows * z / FX)
    image, in_view = warp(noise(), torch.full((1, HEIGHT, WIDTH), z, dtype=torch.float64), intrinsics(), intrinsics(), pose)
    row, column = torch.meshgrid(torch.arange(HEIGHT) + rows, torch.arange(WIDTH) + columns, indexing="ij")
    inside = (row >= 0) & (row < HEIGHT) & (column >= 0) & (column < WIDTH)
    torch.testing.assert_close(in_view[0], inside)
    expected = noise()[0][:, row.clamp(0, HEIGHT - 1), column.clamp(0, WIDTH - 1)]
    torch.testing.assert_close(image[0][:, inside], expected[:, inside], atol=1e-12, rtol=0)


def test_warp__half_pixel_is_the_mean_of_two():
    z = 4.0
    image, _ = warp(
        noise(), torch.full((1, HEIGHT, WIDTH), z, dtype=torch.float64), intrinsics(), intrinsics(), translation(x=0.5 * z / FX)
    )
    torch.testing.assert_close(image[..., :-1], (noise()[..., :-1] + noise()[..., 1:]) / 2, atol=1e-12, rtol=0)


def test_warp__other_size_and_focal_length():
    """A source image of twice the resolution, made by repeating pixels, is seen at the corners of its 2x2 blocks."""
    doubled = noise().repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    image, in_view = warp(
        doubled, torch.ones(1, HEIGHT, WIDTH, dtype=torch.float64), intrinsics(), intrinsics(2 * FX, 2 * FX, WIDTH, HEIGHT), translation()
    )
    torch.testing.assert_close(image, noise(), atol=1e-12, rtol=0)
    assert in_view.all()


def test_warp__forward_motion_magnifies():
    """Half-way to a plane, the image is twice as large: the source shows every second pixel's neighbourhood of ours."""
    u = torch.arange(WIDTH, dtype=torch.float64) + 0.5
    ramp = u.expand(1, 1, HEIGHT, WIDTH)
    image, in_view = warp(ramp, torch.full((1, HEIGHT, WIDTH), 2.0, dtype=torch.float64), intrinsics(), intrinsics(), translation(z=-1))
    expected = WIDTH / 2 + 2 * (u - WIDTH / 2)
    torch.testing.assert_close(in_view[0, 3], (expected >= 0) & (expected <= WIDTH))
    inside = (expected >= 0.5) & (expected <= WIDTH - 0.5)
    torch.testing.assert_close(image[0, 0, 3, inside], expected[inside])


def test_warp__slanted_plane_seen_from_a_turned_camera():
    """Colours are a smooth function of the place in the world, so both views of a tilted plane can be computed."""
    height, width = 40, 60
    K = intrinsics(70, 70, width / 2, height / 2)
    turn = torch.tensor(0.1, dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 0], pose[0, 2], pose[2, 0], pose[2, 2] = turn.cos(), turn.sin(), -turn.sin(), turn.cos()
    pose[:3, 3] = torch.tensor([0.3, -0.1, 0.2])
    source_from_ref = pose[None]
    normal, offset = torch.tensor([0.2, 0.3, -1.0], dtype=torch.float64), -5.0

    def view(ref_from_cam: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Depth and colours (1 channel) of the plane normal . p = offset, by intersecting rays in the reference frame."""
        v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        rays = torch.stack([(u - width / 2) / 70, (v - height / 2) / 70, torch.ones_like(u)], dim=-1).double()
        rays_ref = rays @ ref_from_cam[:3, :3].T
        depth = (offset - ref_from_cam[:3, 3] @ normal) / (rays_ref @ normal)
        place = rays_ref * depth[..., None] + ref_from_cam[:3, 3]
        return depth[None], torch.sin(place.sum(-1))[None, None]

    depth_ref, image_ref = view(torch.eye(4, dtype=torch.float64))
    _, image_source = view(invert(pose))
    image, in_view = warp(image_source, depth_ref, K, K, source_from_ref)
    assert in_view.float().mean() > 0.5
    error = (image - image_ref)[0, 0][in_view[0]].abs()
    assert error.mean() < 2e-3  # interpolation of a sine with a period of about 50 pixels
    assert error.max() < 5e-2  # the outermost half pixel repeats the border


def test_warp__unknown_depth_and_points_behind_are_not_in_view():
    depth = torch.full((1, HEIGHT, WIDTH), 2.0, dtype=torch.float64)
    depth[0, 0, 0] = 0
    image, in_view = warp(noise(), depth, intrinsics(), intrinsics(), translation())
    assert not in_view[0, 0, 0]
    assert in_view.sum() == HEIGHT * WIDTH - 1
    for z in (-2.0, -5.0):
        image, in_view = warp(noise(), depth, intrinsics(), intrinsics(), translation(z=z))
        assert not in_view[:, 1:].any()
        assert torch.isfinite(image).all()


def test_warp__gradcheck_depth_and_pose():
    smooth = torch.nn.functional.interpolate(noise(), size=(4, 5), mode="bilinear")
    depth = (2 + noise(1, 4, 5)[:, 0]).requires_grad_()
    pose = translation(x=0.037, y=-0.021, z=0.05).requires_grad_()
    K = intrinsics(7, 7, 2.53, 2.07)
    assert torch.autograd.gradcheck(lambda d, p: warp(smooth, d, K, K, p)[0], (depth, pose))


def test_warp__autocast_keeps_coordinates():
    depth, image = 1 + 9 * noise(1, 32, 640)[:, 0].float(), noise(2, 32, 640).float()
    K = intrinsics(500, 500, 320, 16).float()
    pose = translation(x=0.1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed, _ = warp(image, depth, K, K, pose)
    torch.testing.assert_close(mixed, warp(image, depth, K, K, pose)[0])
