"""The layers that stereo makes: of what, for which frames, and what happens without motion or poses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.dataset import View
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.stereo import CLOSED, STEREO, WithStereo, stereo_depth, stereo_step
from leadline.data.transforms import Transform
from leadline.scenes.produce import produce
from leadline.types import UserError


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stereo") / "rooms"
    produce("rooms", root, scenes=1, frames=5, height=64, width=96, seed=0, layers=(), variant="scalar", workers=1)
    return root


def middle(dataset: WithStereo, layers: frozenset[str]) -> View:
    record = dataset.records[2]
    return dataset.view(record, record.cameras[0], layers)


def test_with_stereo__most_of_a_room_has_its_depth(rooms: Path) -> None:
    view = middle(WithStereo(open_dataset(f"rendered:{rooms}")), frozenset({STEREO, CLOSED, "depth"}))
    assert view.stereo is not None and view.closed is not None and view.depth is not None
    assert view.stereo.shape == view.closed.shape == view.depth.shape and view.stereo.min() > 0
    error = np.abs(view.stereo / np.where(view.depth > 0, view.depth, np.nan) - 1)
    assert np.nanmedian(error) < 0.12
    assert (view.closed[view.closed > 0] < view.stereo[view.closed > 0]).all()
    assert view.cam_from_world is None  # nobody asked for it


def test_with_stereo__samples_have_it_for_the_reference_alone(rooms: Path) -> None:
    needs = Needs(layers=frozenset({CLOSED, "cam_from_world"}), frames=(0, -1, 1))
    source = SampleSource(WithStereo(open_dataset(f"rendered:{rooms}")), needs, Transform(32, 48))
    sample = source[(0, 1)]
    assert sample.closed is not None and sample.closed.shape == (1, 1, 32, 48) and sample.image.shape[0] == 3


def test_with_stereo__no_poses_no_depth(rooms: Path) -> None:
    dataset = open_dataset(f"rendered:{rooms}")
    dataset.layers = dataset.layers - {"cam_from_world"}
    with pytest.raises(UserError, match="give known poses"):
        WithStereo(dataset)


def test_stereo_depth__of_a_camera_that_stood_still_is_unknown(rooms: Path) -> None:
    dataset = open_dataset(f"rendered:{rooms}")
    view = dataset.view(dataset.records[0], dataset.records[0].cameras[0], frozenset({"cam_from_world"}))
    assert not stereo_depth(view, [replace(view), replace(view)]).any()
    assert not stereo_depth(view, []).any()


@pytest.mark.parametrize(("frames", "step"), [((0, -1, 1), 1), ((0, -2, 2), 1), ((0, -10, 10), 5), ((0,), 1)])
def test_stereo_step__follows_the_frames(frames: tuple[int, ...], step: int) -> None:
    assert stereo_step(frames) == step
