"""How much of the step between two things is kept: hand counts, blur against merging, layers that are asked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.evaluation.baseline import RowMedian
from leadline.evaluation.borders import DISTANCES_PX, separations
from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.mapmetrics import compute_maps
from leadline.evaluation.protocols import PROTOCOLS
from tests.fixtures.tiny_data import write_rendered

NEAR, FAR = 2.0, 4.0
NAMES = [f"separation:{distance}" for distance in DISTANCES_PX]


def things(height: int = 12, width: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A near thing left of a far one: depth [m] and numbers."""
    instance = np.ones((height, width), dtype=np.uint16)
    instance[:, width // 2 :] = 2
    return np.where(instance == 1, NEAR, FAR), instance


def separated(pred: np.ndarray, target: np.ndarray, instance: np.ndarray) -> dict[int, float]:
    return separations(pred=pred, target=target, instance=instance, valid=target > 0)


def test_separations__truth_keeps_all_and_a_merged_pair_nothing() -> None:
    target, instance = things()
    assert separated(5 * target, target, instance) == pytest.approx({1: 1.0, 3: 1.0, 7: 1.0})
    assert separated(np.full_like(target, 3.0), target, instance) == {1: 0.0, 3: 0.0, 7: 0.0}
    assert separated(1 / target, target, instance) == {1: 0.0, 3: 0.0, 7: 0.0}, "the wrong way round is no separation"


def test_separations__a_blurred_border_recovers_with_distance() -> None:
    """Log depth climbs in four equal steps over the four pixels around the border."""
    target, instance = things()
    step = np.clip((np.arange(24) - 9.0) / 4, 0, 1)
    pred = np.broadcast_to(NEAR * (FAR / NEAR) ** step, target.shape)
    assert separated(pred, target, instance) == pytest.approx({1: 0.25, 3: 0.75, 7: 1.0})


def test_separations__count_borders_of_depth_between_two_things_alone() -> None:
    target, instance = things()
    assert separated(target, np.full_like(target, 3.0), instance) == {}, "side by side at one depth"
    assert separated(target, target, np.ones_like(instance)) == {}, "a step inside a thing is no border"
    instance[:, 14:] = 3
    assert set(separated(target, target, instance)) == {1, 3}, "seven pixels reach into a third thing"
    target[:, 12:14] = 0
    assert separated(np.ones_like(target), target, instance) == {}, "nothing is known right behind the border"


def test_separations__look_down_as_well_as_across() -> None:
    target, instance = things(24, 12)
    assert separated(target, target, instance) == separated(target.T.copy(), target.T.copy(), instance.T.copy())
    half = target.copy()
    half[:3] = 3.0
    assert separated(half, target, instance)[1] == pytest.approx(21 / 24), "three of 24 rows are merged"


def test_separation__needs_instances() -> None:
    target, instance = things()
    given = {"pred": target, "target": target, "valid": target > 0, "K": None}
    assert compute_maps(NAMES, **given, instance=instance) == dict.fromkeys(NAMES, 1.0)
    with pytest.raises(ValueError, match="separation:1 needs a number for each thing"):
        compute_maps(NAMES, **given)


def test_evaluate__reads_instances_where_the_protocol_measures_borders(tmp_path: Path) -> None:
    write_rendered(tmp_path / "rooms", scenes=(20_000,), frames=1)
    dataset = open_dataset(f"rendered:{tmp_path / 'rooms'}")
    protocol = replace(PROTOCOLS["rendered"], metrics=("abs_rel", *NAMES))
    metrics = evaluate_model(RowMedian.fit(dataset), dataset, protocol).metrics
    assert "abs_rel" in metrics and all(0 <= metrics[name] <= 1 for name in NAMES if name in metrics)
