"""Fused depth maps are the surface they were made of: planes, a sphere, a room, with outliers and holes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.geometry.pose import compose, invert
from leadline.geometry.projection import unproject
from leadline.geometry.tsdf import TRUNCATION_M, VOXEL_M, Volume, fuse, mesh, render

HEIGHT, WIDTH = 48, 64
VOXEL, TRUNCATION = 0.08, 0.24  # coarser than the defaults, for speed
K = torch.tensor([[50.0, 0.3, 31], [0, 52, 25], [0, 0, 1]], dtype=torch.float64)
Ray = Callable[[Tensor, Tensor], Tensor]
"""Depth at which rays from a point (3,) in directions (h, w, 3), of the world, meet a surface; 0 where they do not."""


def plane(normal: tuple[float, float, float]) -> Ray:
    """The plane normal . X = 1."""
    n = torch.tensor(normal, dtype=torch.float64)
    return lambda centre, directions: (1 - n @ centre) / (directions @ n)


def sphere(centre_of: tuple[float, float, float], radius: float) -> Ray:
    middle = torch.tensor(centre_of, dtype=torch.float64)

    def meet(centre: Tensor, directions: Tensor) -> Tensor:
        a, b, c = directions.square().sum(-1), directions @ (centre - middle), (centre - middle).square().sum() - radius**2
        root = b.square() - a * c
        return torch.where(root > 0, (-b - root.clamp(min=0).sqrt()) / a, 0)

    return meet


def seen(surface: Ray, cam_from_world: Tensor) -> Tensor:
    world_from_cam = invert(cam_from_world)
    rays = unproject(torch.ones(HEIGHT, WIDTH, dtype=torch.float64), K)
    return surface(world_from_cam[:3, 3], rays @ world_from_cam[:3, :3].T)


def pose(x: float = 0, y: float = 0, z: float = 0, *, yaw: float = 0) -> Tensor:
    """cam_from_world of a camera at (x, y, z) that is turned by `yaw` [rad] about its y axis."""
    world_from_cam = torch.eye(4, dtype=torch.float64)
    world_from_cam[0, 0] = world_from_cam[2, 2] = math.cos(yaw)
    world_from_cam[0, 2], world_from_cam[2, 0] = math.sin(yaw), -math.sin(yaw)
    world_from_cam[:3, 3] = torch.tensor([x, y, z])
    return invert(world_from_cam)


WALK = torch.stack([pose(0.15 * i - 0.3, 0.02 * i, 0.05 * i, yaw=0.03 * i) for i in range(5)])
SLANTED = plane((0.12, 0.06, 0.35))


def of(depth: Tensor, poses: Tensor, **options: float | Tensor) -> Volume:
    options = {"voxel_m": VOXEL, "truncation_m": TRUNCATION} | options
    return fuse(depth, K.expand(len(depth), 3, 3), poses, **options)  # pyright: ignore[reportArgumentType]


def back(volume: Volume, cam_from_world: Tensor) -> Tensor:
    return render(volume, K, cam_from_world, height=HEIGHT, width=WIDTH)


def inner(values: Tensor, border: int = 3) -> Tensor:
    return values[..., border:-border, border:-border]


@pytest.mark.parametrize("surface", [plane((0, 0, 0.4)), SLANTED, plane((0, 0.6, 0.1))])
def test_fuse__plane_comes_back_in_every_view(surface: Ray) -> None:
    maps = torch.stack([seen(surface, one) for one in WALK])
    maps = torch.where((maps > 0) & (maps < 4), maps, 0)  # of a floor, what is not too far
    volume = of(maps, WALK)
    for truth, cam_from_world in zip(maps, WALK, strict=True):
        depth, near = inner(back(volume, cam_from_world)), (inner(truth) > 0) & (inner(truth) < 3.6)
        assert (depth[near] > 0).float().mean() > 0.98
        error = (depth - inner(truth))[near & (depth > 0)].abs()
        assert error.mean() < 0.05 * VOXEL and error.quantile(0.99) < 0.5 * VOXEL


def test_fuse__first_pixels_centre_is_half_a_pixel_in() -> None:
    """A slanted plane, seen as the convention says: with centres at whole numbers the same map would be off by ten times as much."""
    truth = seen(SLANTED, pose())
    error = (back(of(truth[None], pose()[None]), pose()) - truth).abs()
    shifted = K.clone()
    shifted[:2, 2] -= 0.5
    volume = of(truth[None], pose()[None])
    wrong = (render(volume, shifted, pose(), height=HEIGHT, width=WIDTH) - truth).abs()
    assert inner(error).mean() < 0.02 * VOXEL
    assert inner(wrong).mean() > 10 * inner(error).mean()
    flat = torch.full((1, HEIGHT, WIDTH), 2.0, dtype=torch.float64)
    assert (inner(back(of(flat, pose()[None]), pose())) - 2).abs().max() < 0.1 * VOXEL


def test_fuse__sphere_seen_from_two_sides() -> None:
    ball = sphere((0.1, 0.05, 2.5), 0.7)
    poses = torch.stack([pose(-0.6, yaw=0.2), pose(0.7, 0.1, yaw=-0.25)])
    maps = torch.stack([seen(ball, one) for one in poses])
    volume = of(maps, poses)
    for truth, cam_from_world in zip(maps, poses, strict=True):
        depth = back(volume, cam_from_world)
        both = (depth > 0) & (truth > 0)
        assert both.sum() > 0.95 * (truth > 0).sum()
        error = (depth - truth)[both].abs()
        assert error.median() < 0.1 * VOXEL and error.mean() < 0.3 * VOXEL
    vertices, faces = mesh(volume)
    out = vertices - [0.1, 0.05, 2.5]
    assert len(faces) > 300 and np.abs(np.median(np.linalg.norm(out, axis=1)) - 0.7) < 0.1 * VOXEL
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * out[faces[:, 0]]).sum(1) >= -1e-9).mean() > 0.99, "triangles look out of the ball"


@pytest.mark.parametrize(("factor", "off"), [(0.6, 0.005), (0.95, 0.04), (1.05, 0.04), (1.5, TRUNCATION / 4 + 0.005)])
def test_fuse__outlier_is_outvoted(factor: float, off: float) -> None:
    """What stands before the surface is carved away; what lies behind pulls it by a truncation over the number of the others."""
    maps = torch.stack([seen(SLANTED, one) for one in WALK])
    truth = maps[2].clone()
    maps[2] *= factor
    error = (back(of(maps, WALK), WALK[2]) - truth).abs()
    assert inner(error).median() < off and inner(error, 8).quantile(0.95) < 2 * off
    weight = torch.ones_like(maps)
    weight[2] = 0
    assert (inner(back(of(maps, WALK, weight=weight), WALK[2])) - inner(truth)).abs().median() < 0.02 * VOXEL


def test_fuse__what_no_map_knows_stays_unknown() -> None:
    maps = torch.full((2, HEIGHT, WIDTH), 2.0, dtype=torch.float64)
    maps[:, 10:30, 20:45] = 0
    still = torch.stack([pose(), pose()])
    depth = back(of(maps, still), pose())
    assert (depth[12:28, 22:43] == 0).all()
    around = inner(torch.nn.functional.max_pool2d((maps[:1] == 0).double(), 5, 1, 2)[0] == 0)
    assert (inner(depth)[around] > 0).all()
    maps[1] = 2.0
    assert (inner(back(of(maps, still), pose())) > 0).all(), "one map that knows is enough"


def test_fuse__nothing_is_seen_in_front_of_a_surface_and_behind_the_camera() -> None:
    volume = of(torch.full((1, HEIGHT, WIDTH), 2.0, dtype=torch.float64), pose()[None])
    assert (back(volume, pose(yaw=math.pi)) == 0).all()
    assert (back(volume, pose(z=4.0, yaw=math.pi)) == 0).all(), "the back of a surface is none"
    aside = back(volume, pose(x=3.0))
    assert (aside == 0).any() and ((aside == 0) | ((aside - 2).abs() < VOXEL)).all()


def test_fuse__edge_stays_an_edge() -> None:
    """Between a box and the wall behind it there is nothing: no pixel has a depth in between."""
    maps = torch.full((1, HEIGHT, WIDTH), 3.0, dtype=torch.float64)
    maps[0, 15:35, 20:40] = 1.5
    depth = back(of(maps, pose()[None], voxel_m=0.02, truncation_m=0.08), pose())
    between = (depth > 1.56) & (depth < 2.9)
    assert not between.any()
    assert ((depth - maps[0]).abs() < 0.01).float().mean() > 0.9


def test_fuse__does_not_depend_on_where_the_world_begins() -> None:
    maps = torch.stack([seen(SLANTED, one) for one in WALK])
    turned = torch.linalg.matrix_exp(torch.tensor([[0, -0.7, 0.3], [0.7, 0, 0.5], [-0.3, -0.5, 0]], dtype=torch.float64))
    world_from_other = torch.eye(4, dtype=torch.float64)
    world_from_other[:3, :3], world_from_other[:3, 3] = turned, torch.tensor([3.0, -7.0, 2.0])
    poses = torch.stack([compose(one, world_from_other) for one in WALK])
    depth, moved = (back(of(maps, those), those[3]) for those in (WALK, poses))
    assert (inner(depth) - inner(moved)).abs().mean() < 0.05 * VOXEL


def test_fuse__grows_its_voxels_rather_than_its_memory() -> None:
    maps = torch.full((1, HEIGHT, WIDTH), 2.0)
    fine = fuse(maps, K[None], pose()[None])
    coarse = fuse(maps, K[None], pose()[None], most_voxels=fine.tsdf.numel() // 4)
    assert (fine.voxel_m, fine.truncation_m, fine.tsdf.dtype) == (VOXEL_M, TRUNCATION_M, torch.float32)
    assert coarse.tsdf.numel() <= fine.tsdf.numel() // 4 and 1.3 < coarse.voxel_m / VOXEL_M < 3
    assert coarse.truncation_m / coarse.voxel_m == pytest.approx(fine.truncation_m / fine.voxel_m)
    assert (inner(back(coarse, pose())) - 2).abs().max() < 0.1 * coarse.voxel_m


def test_fuse__refuses_what_it_cannot_fuse() -> None:
    with pytest.raises(ValueError, match="no pixel has a depth"):
        of(torch.zeros(1, HEIGHT, WIDTH), pose()[None])
    with pytest.raises(ValueError, match="less than two voxels"):
        of(torch.ones(1, HEIGHT, WIDTH), pose()[None], truncation_m=0.05)


def test_mesh__without_a_surface_is_empty() -> None:
    flat = of(torch.full((1, HEIGHT, WIDTH), 2.0), pose()[None])
    for volume in (
        Volume(flat.tsdf, torch.zeros_like(flat.weight), flat.origin, VOXEL, TRUNCATION),
        Volume(flat.tsdf.abs() + 0.01, flat.weight, flat.origin, VOXEL, TRUNCATION),
    ):
        vertices, faces = mesh(volume)
        assert vertices.shape == (0, 3) and faces.shape == (0, 3)
    assert len(mesh(flat)[1]) > 100
