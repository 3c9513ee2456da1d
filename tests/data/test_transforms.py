"""Every transform keeps image, depth, K and poses consistent; checked on a rig that moves and turns."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data import transforms
from leadline.data.augment import Augment
from leadline.data.transforms import (
    Transform,
    Window,
    change_colors,
    color_matrix,
    crop_view,
    flip_view,
    flip_views,
    resize_sample,
    resize_view,
)
from leadline.geometry.pose import invert
from leadline.geometry.rig import ring_order

ALL = frozenset({"depth", "cam_from_world", "cam_from_rig", "time_s", "usable", "material", "diffuse"})
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


def grid(dataset, frames=(0, 1, 2)):
    return [[dataset.view(dataset.records[f], camera.name, dataset.layers) for camera in dataset.cameras] for f in frames]


def seen_point(view, row, column):
    """World point at the centre of a pixel."""
    ray = np.linalg.solve(view.camera.K, [column + 0.5, row + 0.5, 1.0])
    return (invert(view.cam_from_world) @ np.append(ray * view.depth[row, column], 1.0))[:3]


def pixel_of(view, point):
    in_camera = (view.cam_from_world @ np.append(point, 1.0))[:3]
    return (view.camera.K @ in_camera)[:2] / in_camera[2], in_camera[2]


def assert_consistent(before, after, *, mirrored):
    """Each new pixel names the old one it shows (`instance`); the point seen there must project into it, at its depth."""
    new_height, new_width = after.depth.shape
    width = before.depth.shape[1]
    offsets = []
    for row in range(0, new_height, 3):
        for column in range(0, new_width, 3):
            old_row, old_column = divmod(int(after.instance[row, column]), width)
            point = seen_point(before, old_row, old_column)
            if mirrored:
                point = (MIRROR @ np.append(point, 1.0))[:3]
            uv, depth = pixel_of(after, point)
            assert depth == pytest.approx(after.depth[row, column], rel=1e-6)
            offsets.append(uv - [column + 0.5, row + 0.5])
    # Half an old pixel is the most that picking the nearest may be off.
    half = 0.5 * np.array([after.camera.K[0, 0] / before.camera.K[0, 0], after.camera.K[1, 1] / before.camera.K[1, 1]])
    assert (np.abs(offsets) <= half + 1e-6).all()
    return np.array(offsets)


@pytest.mark.parametrize("mirrored", [False, True])
@given(
    crop=st.tuples(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.5, 0.6), st.floats(0.5, 0.6)),
    size=st.tuples(st.integers(9, 60), st.integers(9, 80)),
)
@settings(max_examples=15, deadline=None)
def test_crop_resize_flip__points_stay_on_their_pixels_in_every_frame_and_view(make_ring, mirrored, crop, size):
    views = grid(make_ring(), frames=(0, 2))
    window = Window(top=crop[0], left=crop[1], height=crop[2], width=crop[3])
    moved = [[resize_view(crop_view(view, window), height=size[0], width=size[1]) for view in frame] for frame in views]
    after = flip_views(moved) if mirrored else moved
    for frame_before, frame_after in zip(views, after, strict=True):
        by_name = {view.camera.name: view for view in frame_before}
        for view in frame_after:
            assert_consistent(by_name[view.camera.name], view, mirrored=mirrored)


def test_resize_view__odd_ratios_pick_the_exact_centre(ring):
    view = grid(ring, frames=(0,))[0][1]
    offsets = assert_consistent(view, resize_view(view, height=10, width=10), mirrored=False)
    np.testing.assert_allclose(offsets, 0.0, atol=1e-5)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_transform__tensors_of_all_views_keep_relative_geometry(ring, flip):
    """A point seen by the reference is found again by every other frame and view that the sample holds."""
    views = grid(ring)
    augment = Augment(flip=flip, smallest_crop=0.6, brightness=0.2, hue=0.1)
    sample = Transform(24, 36, augment)(views, ALL, np.random.default_rng(3))
    assert sample.cam_from_world is not None and sample.cam_from_rig is not None
    world_from_rig = torch.linalg.inv(sample.cam_from_world) @ sample.cam_from_rig
    # All cameras of one time agree on where the rig is, and it is a rotation: nothing is left mirrored.
    torch.testing.assert_close(world_from_rig, world_from_rig[:, :1].expand_as(world_from_rig), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(sample.cam_from_world[..., :3, :3]), torch.ones(3, 6))
    # The rig drives ahead; mirrored, it turns the other way but still drives ahead.
    step = torch.linalg.inv(world_from_rig[0, 0]) @ world_from_rig[1, 0]
    assert step[0, 3] == pytest.approx(0.9, abs=1e-4)
    assert torch.sign(step[1, 0]) == (-1 if flip else 1)


def test_flip_views__ring_order_and_neighbours_are_kept(ring):
    views = grid(ring, frames=(0,))
    flipped = flip_views(views)[0]
    yaw = np.array([view.camera.yaw_deg for view in flipped])
    assert ring_order(yaw) == list(range(6))
    assert [view.camera.name for view in flipped] == ["cam0", "cam5", "cam4", "cam3", "cam2", "cam1"]
    for view in flipped:
        original = next(v for v in views[0] if v.camera.name == view.camera.name)
        np.testing.assert_array_equal(view.image, original.image[:, ::-1])


def test_flip_views__twice_is_identity(ring):
    views = grid(ring)
    again = flip_views(flip_views(views))
    for frame, frame_again in zip(views, again, strict=True):
        for view, same in zip(frame, frame_again, strict=True):
            assert view.camera.name == same.camera.name
            np.testing.assert_allclose(view.camera.K, same.camera.K)
            np.testing.assert_allclose(view.camera.rig_from_cam, same.camera.rig_from_cam, atol=1e-12)
            np.testing.assert_allclose(view.cam_from_world, same.cam_from_world, atol=1e-12)
            for layer in ("image", "depth", "usable", "material", "diffuse"):
                np.testing.assert_array_equal(getattr(view, layer), getattr(same, layer))


def test_flip_view__normals_turn_with_the_image(ring):
    from dataclasses import replace

    view = grid(ring, frames=(0,))[0][0]
    normals = np.zeros((*view.depth.shape, 3), dtype=np.float32)
    normals[:, 0] = [0.6, 0.0, -0.8]
    flipped = flip_view(replace(view, normals=normals))
    np.testing.assert_allclose(flipped.normals[5, -1], [-0.6, 0.0, -0.8], atol=1e-7)


def test_crop_then_resize__indexes_the_right_pixels(ring):
    view = grid(ring, frames=(0,))[0][0]
    cut = crop_view(view, Window(top=0.2, left=0.4, height=0.4, width=0.4))
    np.testing.assert_array_equal(cut.image, view.image[6:18, 20:40])
    np.testing.assert_array_equal(cut.depth, view.depth[6:18, 20:40])
    assert (cut.camera.height, cut.camera.width) == (12, 20)
    half = resize_view(cut, height=4, width=4)
    np.testing.assert_array_equal(half.depth, view.depth[6:18, 20:40][1::3, 2::5])
    np.testing.assert_allclose(half.camera.K[0], (view.camera.K[0] - [0, 0, 20]) * 0.2)


def test_resize_view__pictures_follow_k(ring):
    """On a ramp the filter is exact away from the border: the colour says which column the new K puts there."""
    view = grid(ring, frames=(0,))[0][0]
    small = resize_view(view, height=12, width=23)
    columns = ((np.arange(23) + 0.5 - small.camera.K[0, 2]) / small.camera.K[0, 0] * view.camera.K[0, 0] + view.camera.K[0, 2]) - 0.5
    np.testing.assert_allclose(small.image[5, 2:-2, 0], 4 * columns[2:-2], atol=1.0)


def test_resize_view__antialiases(ring):
    from dataclasses import replace

    view = grid(ring, frames=(0,))[0][0]
    stripes = np.zeros_like(view.image)
    stripes[:, ::2] = 254
    small = resize_view(replace(view, image=stripes), height=15, width=10)
    assert np.abs(small.image[:, 1:-1].astype(int) - 127).max() < 20


def test_resize_view__depth_takes_only_values_that_were_there(ring):
    view = grid(ring, frames=(0,))[0][0]
    view.depth[:, ::2] = 0
    small = resize_view(view, height=13, width=21)
    assert set(np.unique(small.depth)) <= set(np.unique(view.depth))


def test_resize_view__sparse_depth_keeps_its_points_and_the_nearer_wins(ring):
    from dataclasses import replace

    view = grid(ring, frames=(0,))[0][0]
    depth = np.zeros_like(view.depth)
    depth[0, 0], depth[29, 49], depth[10, 20], depth[11, 21] = 7.0, 8.0, 9.0, 3.0
    small = resize_view(replace(view, depth=depth, sparse=True), height=6, width=10)
    assert {(r, c): small.depth[r, c] for r, c in zip(*np.nonzero(small.depth), strict=True)} == {(0, 0): 7.0, (5, 9): 8.0, (2, 4): 3.0}
    large = resize_view(replace(view, depth=depth, sparse=True), height=60, width=100)
    assert (large.depth > 0).sum() == 4


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (700, 3)])
def test_transform__extreme_shapes_survive(make_ring, size):
    dataset = make_ring(cameras=1, height=size[0], width=size[1])
    sample = Transform(32, 64, Augment(smallest_crop=0.3))(grid(dataset, frames=(0,)), frozenset({"depth"}), np.random.default_rng(0))
    assert sample.image.shape == (1, 1, 3, 32, 64)
    assert sample.valid.all()


def test_transform__centre_crop_keeps_square_pixels_and_stretch_does_not(make_ring):
    dataset = make_ring(cameras=1, height=40, width=100)
    views = grid(dataset, frames=(0,))
    cut = Transform(20, 20)(views, frozenset(), np.random.default_rng(0))
    squeezed = Transform(20, 20, stretch=True)(views, frozenset(), np.random.default_rng(0))
    K = dataset.cameras[0].K
    np.testing.assert_allclose(cut.K[0, 0, :2].numpy(), [[K[0, 0] / 2, 0, (K[0, 2] - 30) / 2], [0, K[1, 1] / 2, K[1, 2] / 2]], rtol=1e-6)
    np.testing.assert_allclose(squeezed.K[0, 0, 0].numpy(), K[0] / 5, rtol=1e-6)


def test_transform__is_a_function_of_the_generator(ring):
    views = grid(ring)
    transform = Transform(16, 24, Augment(smallest_crop=0.5, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1))
    first, again, other = (transform(views, ALL, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.image, again.image) and torch.equal(first.K, again.K)
    assert not torch.equal(first.image, other.image)


def test_transform__without_augmentation_at_native_size_is_the_file(ring):
    views = grid(ring, frames=(0,))
    sample = Transform(30, 50)(views, ALL, np.random.default_rng(0))
    np.testing.assert_array_equal((sample.image[0, 2] * 255).round().byte().permute(1, 2, 0).numpy(), views[0][2].image)
    np.testing.assert_array_equal(sample.depth[0, 2].numpy(), views[0][2].depth)
    np.testing.assert_array_equal(sample.valid[0, 2].numpy(), views[0][2].usable)
    assert sample.name == ("/drive0/0/cam0.jpg",)


def test_color__same_for_all_frames_and_views_and_the_diffuse_layer(ring):
    """Two pixels of one colour stay equal whatever the frame, view or layer; else photometric losses see a difference."""
    views = grid(ring)
    plain = Transform(30, 50)(views, ALL, np.random.default_rng(0))
    augment = Augment(flip=0.0, brightness=0.3, contrast=0.3, saturation=0.4, hue=0.2)
    changed = Transform(30, 50, augment)(views, ALL, np.random.default_rng(5))
    before = torch.cat([plain.image, plain.diffuse]).permute(0, 1, 3, 4, 2).reshape(-1, 3)
    after = torch.cat([changed.image, changed.diffuse]).permute(0, 1, 3, 4, 2).reshape(-1, 3)
    inside = ((after > 0) & (after < 1)).all(dim=1)
    ones = torch.ones(int(inside.sum()), 1)
    fit = torch.linalg.lstsq(torch.cat([before[inside], ones], dim=1).double(), after[inside].double())
    residual = torch.cat([before[inside], ones], dim=1).double() @ fit.solution - after[inside].double()
    assert residual.abs().max() < 1e-5
    assert not torch.allclose(before, after, atol=0.05)
    assert after.min() >= 0 and after.max() <= 1


def test_color_matrix__parts():
    red = np.array([1.0, 0.0, 0.0])
    grey = np.full(3, 0.5)
    np.testing.assert_allclose(color_matrix(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(color_matrix(saturation=0.0) @ red, np.full(3, 0.299), atol=1e-5)
    np.testing.assert_allclose(color_matrix(hue=0.3) @ grey, grey, atol=1e-5)
    np.testing.assert_allclose(color_matrix(brightness=1.2) @ grey, 1.2 * grey, atol=1e-5)
    third = color_matrix(hue=1 / 3)
    np.testing.assert_allclose(third @ third @ third, np.eye(3), atol=1e-9)


def test_change_colors__contrast_zero_leaves_the_mean_grey(ring):
    sample = Transform(30, 50)(grid(ring, frames=(0,)), frozenset(), np.random.default_rng(0))
    flat = change_colors(sample, np.eye(3), contrast=0.0)
    expected = float((sample.image.mean(dim=(0, 1, 3, 4)) * torch.tensor(transforms.GREY)).sum())
    torch.testing.assert_close(flat.image, torch.full_like(flat.image, expected), atol=1e-5, rtol=0)


def test_to_sample__unknown_layer_is_a_programming_error(ring):
    with pytest.raises(ValueError, match="normals"):
        Transform(8, 8)(grid(ring, frames=(0,)), frozenset({"normals"}), np.random.default_rng(0))


def test_resize_sample__is_resize_view_for_batches(ring):
    """Whole ratios: measured layers take the same pixels, pictures the same means, K is the same camera's."""
    (view,) = [views[0] for views in grid(ring, frames=(0,))]
    height, width = view.image.shape[0] // 2, view.image.shape[1] // 2
    layers = frozenset({"depth", "material", "diffuse", "usable"})
    whole = transforms.to_sample([[view]], layers)
    small = transforms.to_sample([[resize_view(view, height=height, width=width)]], layers)
    resized = resize_sample(whole, height=height, width=width)
    torch.testing.assert_close(resized.K, small.K)
    torch.testing.assert_close(resized.image, small.image, atol=1 / 255, rtol=0)  # views hold whole numbers
    for layer in ("depth", "material", "usable"):
        torch.testing.assert_close(getattr(resized, layer), getattr(small, layer))
    assert resized.diffuse is not None and resized.diffuse.shape == resized.image.shape
    assert resized.inverse_depth is None and resized.name == whole.name
