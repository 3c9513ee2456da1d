"""The loss on a rendered room, read as training reads it: with its true depth and poses the diffuse pictures explain each other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from leadline.data.augment import Augment
from leadline.data.catalog import open_dataset
from leadline.data.sample import Needs, Sample
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.losses.reprojection import reproject, source_errors, still_error
from leadline.methods.neighbours import find_neighbours

pytest.importorskip("mitsuba", reason="rendering needs the extra leadline[scenes]")
from leadline.scenes.produce import produce

NEEDS = Needs(layers=frozenset({"depth", "diffuse", "cam_from_world"}), frames=(0, -1, 1))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One room, three frames."""
    root = tmp_path_factory.mktemp("room")
    produce("rooms", root, scenes=1, frames=3, height=48, width=64, seed=3, spp=32, workers=1, variant="scalar")
    return root


def triplet(room: Path, augment: Augment) -> Sample:
    sample = SampleSource(open_dataset(f"rendered:{room}"), NEEDS, Transform(48, 64, augment))[0, 0]
    assert sample.diffuse is not None
    fields = {name: value[None] for name, value in vars(sample).items() if isinstance(value, torch.Tensor)}
    return replace(sample, **(fields | {"image": sample.diffuse[None]}))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_true_depth_explains_the_diffuse_pictures_of_a_room(room: Path, flip: float) -> None:
    sample = triplet(room, Augment(flip=flip, brightness=0.2, hue=0.05))
    assert sample.depth is not None
    depth, near = sample.depth[:, 0], find_neighbours(sample, rig=False)
    known = depth[:, 0] > 0

    def error(factor: float) -> float:
        errors = source_errors(near, reproject(near, factor * depth)).amin(0)[:, 0]
        return float(errors[known].mean())

    still = still_error(near)
    assert still is not None
    true = error(1.0)
    assert all(error(factor) > true for factor in (0.7, 0.85, 1.2, 1.5))
    assert error(0.5) > 2 * true and still[known].mean() > 2 * true


def test_a_flipped_and_recoloured_triplet_is_explained_as_well(room: Path) -> None:
    """Poses, K and colours move with the pictures: the error at true depth does not depend on the flip."""
    errors = []
    for flip in (0.0, 1.0):
        sample = triplet(room, Augment(flip=flip))
        assert sample.depth is not None
        near = find_neighbours(sample, rig=False)
        errors.append(source_errors(near, reproject(near, sample.depth[:, 0])))
    torch.testing.assert_close(errors[1], errors[0].flip(-1), atol=2e-3, rtol=0)
