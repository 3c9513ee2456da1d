"""The new readers feed training: neighbours in time with poses, relative inverse depth, one shape for all."""

import numpy as np
import pytest
import torch

from leadline.data.augment import Augment
from leadline.data.catalog import open_dataset
from leadline.data.order import Address
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform

POSES = frozenset({"depth", "cam_from_world"})


def test_source__frames_and_poses_of_several_data_sets_in_one_batch(write_tiny, tmp_path):
    kinds = ("scannet", "7scenes", "hypersim", "vkitti2", "tartanair", "eth3d")
    datasets = [open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}") for kind in kinds]
    source = SampleSource(datasets, Needs(layers=POSES, frames=(0, 1)), Transform(24, 32, Augment(smallest_crop=0.8)))
    assert source.sizes == (1, 1, 1, 2, 2, 1)  # two cameras each in Virtual KITTI 2 and TartanAir
    batch = collate([source[0, index] for index in range(len(source))])
    assert batch.depth is not None and batch.depth.shape == (8, 2, 1, 24, 32)
    assert batch.cam_from_world is not None and batch.cam_from_world.shape == (8, 2, 1, 4, 4)
    for one in range(8):  # the same motion in all of them, whatever its world: 0.2, 0.1 and 0.4 m
        first, second = batch.cam_from_world[one, :, 0].double().numpy()
        step = second @ np.linalg.inv(first)
        assert np.linalg.norm(step[:3, 3]) == pytest.approx((0.2**2 + 0.1**2 + 0.4**2) ** 0.5, rel=0.02) or one in (4, 6)


@pytest.mark.parametrize("kind", ["hrwsi", "blendedmvs"])
def test_source__relative_inverse_depth(kind, write_tiny, tmp_path):
    source = SampleSource(
        open_dataset(f"{kind}:{write_tiny(kind, tmp_path / kind)}"), Needs(layers=frozenset({"inverse_depth"})), Transform(16, 24)
    )
    address: Address = (0, 0)
    inverse = source[address].inverse_depth
    assert inverse is not None and inverse.shape == (1, 1, 16, 24) and torch.isfinite(inverse).all() and (inverse > 0).any()
