"""Sources as the reference would see them: true depth explains a scene, mirrored worlds give mirrored answers, some pixels do not count."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from leadline.data.sample import Sample
from leadline.losses.reprojection import Neighbours, reproject, source_errors, still_error
from leadline.methods.neighbours import find_neighbours
from tests.fixtures.moving_scene import moving_scene

FRAMES = (0, -1, 1)


def true_depth(sample: Sample) -> Tensor:
    """(n 1 h w) of frame 0."""
    assert sample.depth is not None
    return sample.depth[:, 0].flatten(0, 1)[:, None]


def mirrored(near: Neighbours) -> Neighbours:
    """The same world seen in a mirror: columns reversed, poses conjugated, principal points moved."""
    width = near.image.shape[-1]
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=near.K.dtype))

    def turned(K: Tensor) -> Tensor:
        K = K.clone()
        K[..., 0, 2] = width - K[..., 0, 2]
        K[..., 0, 1] = -K[..., 0, 1]
        return K

    return replace(
        near,
        image=near.image.flip(-1),
        sources=near.sources.flip(-1),
        K=turned(near.K),
        K_src=turned(near.K_src),
        source_from_ref=mirror @ near.source_from_ref @ mirror,
        usable=None if near.usable is None else near.usable.flip(-1),
        usable_src=None if near.usable_src is None else near.usable_src.flip(-1),
    )


@pytest.mark.parametrize("rig", [False, True])
def test_reproject__true_depth_and_poses_explain_a_scene(rig: bool):
    sample = moving_scene(frames=FRAMES, views=2, rectangle=False, dtype=torch.float64)
    near = find_neighbours(sample, rig=rig)
    seen = reproject(near, true_depth(sample))
    errors = source_errors(near, seen)
    assert len(errors) == 2 + rig
    assert seen.inside.float().mean() > 0.7
    assert errors[seen.inside & seen.counts].mean() < 2e-3  # what interpolation between pixels costs
    off = source_errors(near, reproject(near, 1.3 * true_depth(sample)))
    assert off[seen.inside].mean() > 4 * errors[seen.inside].mean()


def test_reproject__a_plane_before_a_moving_camera_is_exact():
    """Colours that follow x and y on a wall: bilinear sampling of them is exact, so the error is zero in view."""
    height, width, z = 12, 20, 4.0
    v, u = torch.meshgrid(torch.arange(height).double() + 0.5, torch.arange(width).double() + 0.5, indexing="ij")
    K = torch.tensor([[20.0, 0, 9.0], [0, 20.0, 7.0], [0, 0, 1]], dtype=torch.float64)[None]
    pose = torch.eye(4, dtype=torch.float64)[None].clone()
    pose[:, :3, 3] = torch.tensor([0.33, -0.21, 0.5], dtype=torch.float64)

    def wall(place: Tensor, distance: float) -> Tensor:
        x, y = (u - 9) / 20 * distance + place[0], (v - 7) / 20 * distance + place[1]
        return torch.stack([0.5 + 0.1 * x, 0.5 + 0.1 * y, 0.5 + 0.05 * (x - y)])[None].double()

    near = Neighbours(
        image=wall(torch.zeros(2), z),
        K=K,
        sources=wall(-pose[0, :2, 3], z + 0.5)[None],
        K_src=K[None],
        source_from_ref=pose[None],
        across=(False,),
    )
    seen = reproject(near, torch.full((1, 1, height, width), z, dtype=torch.float64))
    grid_px = (seen.grid + 1) / 2 * torch.tensor([width, height])
    inner = ((grid_px >= 0.5) & (grid_px <= torch.tensor([width - 0.5, height - 0.5]))).all(dim=-1)  # between the outermost centres
    difference = (seen.image - near.image[:, None]).abs().amax(dim=3)
    assert inner.float().mean() > 0.6
    assert difference[inner].max() < 1e-12


@pytest.mark.parametrize("rig", [False, True])
def test_flip__warp_of_the_flipped_triplet_is_the_flipped_warp(rig: bool):
    sample = moving_scene(frames=FRAMES, views=2, dtype=torch.float64)
    assert sample.usable is not None
    sample.usable[..., 50:, 60:] = False
    sample = replace(sample, K=sample.K + torch.tensor([[0, 0.4, 3.7], [0, 0, -2.1], [0, 0, 0]], dtype=torch.float64))
    near = find_neighbours(sample, rig=rig)
    depth = true_depth(sample) * torch.rand(true_depth(sample).shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, flipped = reproject(near, depth), reproject(mirrored(near), depth.flip(-1))
    torch.testing.assert_close(flipped.image, plain.image.flip(-1))
    assert torch.equal(flipped.counts, plain.counts.flip(-1))
    torch.testing.assert_close(source_errors(mirrored(near), flipped), source_errors(near, plain).flip(-1))
    still, mirrored_still = still_error(near), still_error(mirrored(near))
    assert still is not None and mirrored_still is not None
    torch.testing.assert_close(mirrored_still, still.flip(-1))


def test_reproject__hidden_pixels_leave_with_every_window_that_touches_them():
    """Garbage on the own vehicle, in the reference and in the sources, changes no error that counts."""
    sample = moving_scene(frames=FRAMES, dtype=torch.float64)
    assert sample.usable is not None
    sample.usable[..., 50:, :] = False
    garbage = torch.where(sample.usable.unsqueeze(3), sample.image, torch.rand_like(sample.image))
    first, second = (find_neighbours(replace(sample, image=image), rig=False) for image in (sample.image, garbage))
    seen, other = (reproject(near, true_depth(sample)) for near in (first, second))
    assert torch.equal(seen.counts, other.counts) and 0.5 < seen.counts.float().mean() < 50 / 64
    torch.testing.assert_close(source_errors(first, seen), source_errors(second, other))
    still, other_still = still_error(first), still_error(second)
    assert still is not None and other_still is not None
    torch.testing.assert_close(still[..., :49, :], other_still[..., :49, :])


def test_reproject__points_behind_a_source_do_not_count_and_borders_count_for_moving_cameras_only():
    sample = moving_scene(frames=(0, 1), views=2)
    near = find_neighbours(sample, rig=True)
    assert near.across == (False, True)
    behind = near.source_from_ref.clone()
    behind[:, :, 2, 3] -= 100.0
    assert not reproject(replace(near, source_from_ref=behind), true_depth(sample)).counts.any()
    aside = near.source_from_ref.clone()
    aside[:, :, 0, 3] += 100.0
    seen = reproject(replace(near, source_from_ref=aside), true_depth(sample))
    assert not seen.inside.any() and seen.counts[0].all() and not seen.counts[1].any()


def test_still_error__asks_the_same_camera_only():
    sample = moving_scene(frames=(0,), views=2)
    assert still_error(find_neighbours(sample, rig=True)) is None
    sample = moving_scene(frames=FRAMES, views=2)
    with_rig, without = still_error(find_neighbours(sample, rig=True)), still_error(find_neighbours(sample, rig=False))
    assert with_rig is not None and without is not None and torch.equal(with_rig, without)


def test_reproject__many_maps_at_once_are_the_maps_one_by_one():
    sample = moving_scene(frames=FRAMES)
    near = find_neighbours(sample, rig=False)
    depths = true_depth(sample) * torch.tensor([0.8, 1.0, 1.3])[:, None, None]
    together = reproject(near, depths)
    for k in range(3):
        one = reproject(near, depths[:, k : k + 1])
        torch.testing.assert_close(together.image[:, :, k], one.image[:, :, 0])
        assert torch.equal(together.counts[:, :, k], one.counts[:, :, 0])
