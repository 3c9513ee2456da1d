"""Real recordings: LiDAR depth, poses and calibrations, as training gets them, bring the pictures of other times and cameras together."""

from pathlib import Path

import pytest
import torch

from leadline.data.augment import Augment
from leadline.data.catalog import open_dataset
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.losses.reprojection import reproject, source_errors
from leadline.methods.neighbours import find_neighbours

NEEDS = Needs(layers=frozenset({"depth", "cam_from_world", "usable"}), frames=(0, -1, 1), rig=True)


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize(("kind", "size", "num_sources"), [("kitti", (188, 621), 3), ("ddad", (304, 484), 4)])
def test_true_depth_brings_every_source_closest(samples: Path, kind: str, size: tuple[int, int], num_sources: int, flip: float) -> None:
    """Differences of colours at the LiDAR's points, for each source by itself; windows would hold pixels of unknown depth."""
    root = samples / kind
    if not root.is_dir():
        pytest.skip(f"no {kind} sample at {root}")
    source = SampleSource(open_dataset(f"{kind}:{root}"), NEEDS, Transform(*size, Augment(flip=flip)))
    sample = collate([source[0, 0]])
    assert sample.depth is not None
    depth, near = sample.depth[:, 0].flatten(0, 1)[:, None], find_neighbours(sample, rig=True)
    assert len(near.across) == num_sources

    def errors(factor: float) -> torch.Tensor:
        seen = reproject(near, torch.where(depth > 0, factor * depth, 1.0))
        differences = source_errors(near, seen, ssim_share=0.0)
        seen_well = (depth > 0) & seen.counts & seen.inside
        assert (seen_well.sum(dim=(1, 2, 3, 4)) > 500).all()
        return torch.stack([one[there].mean() for one, there in zip(differences, seen_well, strict=True)])

    true = errors(1.0)
    assert all((errors(factor) > true).all() for factor in (0.6, 0.8, 1.25, 1.6)), true
