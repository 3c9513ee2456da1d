"""Real rigs: how far the numbers of one and the same predictions spread over protocols, on the DDAD sample and the nuScenes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.dataset import Dataset, View
from leadline.evaluation.evaluate import evaluate_many, evaluate_model
from leadline.evaluation.protocols import PROTOCOLS, every_scope
from leadline.prediction import Prediction
from leadline.types import DepthKind


@dataclass
class FlatRoad:
    """Depth of a flat road below the horizon and of a wall above it, wrong by another factor for each camera and moment."""

    name: str = "flat road"
    kind: DepthKind = DepthKind.METRIC
    height_m: float = 1.5

    def predict_views(self, views: Sequence[View]) -> list[Prediction]:
        return [self._one(view) for view in views]

    def _one(self, view: View) -> Prediction:
        camera = view.camera.resized(height=48, width=76)
        below = (np.arange(48) + 0.5 - camera.K[1, 2]) / camera.K[1, 1]
        depth = np.clip(self.height_m / np.maximum(below, 1e-3), 1.0, 40.0)
        wrong = 0.5 + 0.25 * (sum(map(ord, view.camera.name + view.path.name)) % 5)
        return Prediction(values=np.tile((wrong * depth)[:, None], (1, 76)), kind=self.kind, K=camera.K, model=self.name)


@pytest.fixture(scope="module")
def ddad(samples: Path) -> Dataset:
    return open_dataset(f"ddad:{samples / 'ddad'}")


def test_ddad__pixels_of_the_sample_are_those_counted_when_it_was_chosen(ddad: Dataset) -> None:
    raw, rig = evaluate_many(FlatRoad(), ddad, ["raw", "ddad-surrounddepth"], partial=True, batch_size=6)
    assert (raw.num_images, raw.num_pixels) == (18, 180309)
    assert rig.num_pixels == 180309 - 27 - 28 - 26, "CAMERA_09 sees a few pixels beyond 200 m"
    assert "partial: 3 of 3950 moments, not comparable with published numbers" in rig.notes


def test_ddad__the_protocol_alone_moves_the_numbers(ddad: Dataset) -> None:
    """The largest effect is what shares a scale, then the cap; batches of this run change nothing."""
    protocols = [*every_scope(PROTOCOLS["ddad-surrounddepth"]), PROTOCOLS["ddad-vfdepth"], PROTOCOLS["ddad-packnet"]]
    results = {r.protocol.name: r for r in evaluate_many(FlatRoad(), ddad, protocols, partial=True, batch_size=5)}
    scopes = [r.metrics["abs_rel"] for name, r in results.items() if name.startswith("ddad-surrounddepth")]
    assert max(scopes) > 1.1 * min(scopes)
    assert min(scopes) == results["ddad-surrounddepth"].metrics["abs_rel"]
    assert results["ddad-vfdepth"].num_pixels < results["ddad-surrounddepth"].num_pixels, "inside the self-occlusion mask"
    assert results["ddad-packnet"].num_images == 3
    again = evaluate_model(FlatRoad(), ddad, "ddad-vfdepth", partial=True, batch_size=2)
    assert again.metrics == results["ddad-vfdepth"].metrics


def test_ddad__neighbours_and_frames_are_compared(ddad: Dataset) -> None:
    result = evaluate_model(FlatRoad(), ddad, "raw", surround=True, temporal=True, regions=["camera"])
    assert result.surround is not None and result.surround.overall is not None and result.temporal is not None
    assert len(result.surround.pairs) >= 4 and result.surround.num_moments == 3
    assert result.surround.scale_spread is not None and result.surround.scale_spread > 0.1
    assert result.temporal.num_pairs == 12
    assert len([name for name in result.regions if name.startswith("camera:")]) == 6


def test_nuscenes__vfdepth_preset_runs(samples: Path) -> None:
    nuscenes = open_dataset(f"nuscenes:{samples / 'nuscenes'}")
    result = evaluate_model(FlatRoad(), nuscenes, "nuscenes-vfdepth-5417", partial=True)
    assert result.num_images == 6
    assert 20000 < result.num_pixels < 23000
