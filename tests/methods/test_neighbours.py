"""Which pictures become whose sources, and with which poses."""

import torch

from leadline.data.sample import Sample
from leadline.methods.neighbours import find_neighbours


def numbered(*, frames: int, views: int, batch: int = 2) -> Sample:
    """Pictures whose colour says frame and view; poses that are translations by their number."""
    image = torch.zeros(batch, frames, views, 3, 4, 6)
    cam_from_world = torch.eye(4).repeat(batch, frames, views, 1, 1)
    K = torch.eye(3).repeat(batch, frames, views, 1, 1)
    for t in range(frames):
        for v in range(views):
            image[:, t, v] = t + v / 10
            K[:, t, v, 0, 0] = 1 + t + v / 10
            cam_from_world[:, t, v, 0, 3] = -(t + v / 10)
    return Sample(image=image, K=K, cam_from_world=cam_from_world, cam_from_rig=cam_from_world[:, :1].repeat(1, frames, 1, 1, 1))


def test_find_neighbours__other_frames_of_the_same_camera():
    near = find_neighbours(numbered(frames=3, views=2), rig=False)
    assert near.across == (False, False)
    torch.testing.assert_close(near.image[:, 0, 0, 0], torch.tensor([0.0, 0.1, 0.0, 0.1]))
    torch.testing.assert_close(near.sources[:, :, 0, 0, 0], torch.tensor([[1.0, 1.1, 1.0, 1.1], [2.0, 2.1, 2.0, 2.1]]))
    torch.testing.assert_close(near.K_src[:, :, 0, 0], 1 + near.sources[:, :, 0, 0, 0])
    torch.testing.assert_close(near.source_from_ref[:, :, 0, 3], torch.tensor([[-1.0] * 4, [-2.0] * 4]))
    assert near.usable is None and near.usable_src is None


def test_find_neighbours__both_cameras_beside_each_camera_of_a_ring():
    near = find_neighbours(numbered(frames=2, views=4, batch=1), rig=True)
    assert near.across == (False, True, True)
    torch.testing.assert_close(near.sources[1, :, 0, 0, 0], torch.tensor([0.1, 0.2, 0.3, 0.0]))
    torch.testing.assert_close(near.sources[2, :, 0, 0, 0], torch.tensor([0.3, 0.0, 0.1, 0.2]))
    torch.testing.assert_close(near.source_from_ref[1, :, 0, 3], torch.tensor([-0.1, -0.1, -0.1, 0.3]))


def test_find_neighbours__a_stereo_pair_has_one_other_camera_and_a_single_camera_none():
    assert find_neighbours(numbered(frames=1, views=2), rig=True).across == (True,)
    assert find_neighbours(numbered(frames=2, views=1), rig=True).across == (False,)


def test_find_neighbours__motion_that_a_network_says_takes_the_place_of_the_worlds():
    motion = 5 * torch.eye(4).repeat(1, 4, 1, 1)
    near = find_neighbours(numbered(frames=2, views=2), rig=True, motion=motion)
    assert torch.equal(near.source_from_ref[0], motion[0])
    torch.testing.assert_close(near.source_from_ref[1, :, 0, 3], torch.tensor([-0.1, 0.1, -0.1, 0.1]))


def test_find_neighbours__far_from_the_origin_of_the_world():
    """Kilometres away float32 holds millimetres: the step is computed before it is rounded again."""
    sample = numbered(frames=2, views=1)
    assert sample.cam_from_world is not None
    sample.cam_from_world[..., :3, 3] += torch.tensor([2000.0, -3000.0, 10.0])
    step = find_neighbours(sample, rig=False).source_from_ref[0, 0, :3, 3]
    torch.testing.assert_close(step, torch.tensor([-1.0, 0.0, 0.0]), atol=5e-4, rtol=0)
