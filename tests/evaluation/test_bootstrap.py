"""Intervals against resampling written as a loop, and what they must not depend on."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.evaluation.bootstrap import Bootstrap, intervals
from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import PROTOCOLS
from leadline.evaluation.reduce import reduce_rows
from leadline.evaluation.result import Evaluation

RAW = PROTOCOLS["raw"]


def evaluated(dataset, reader, protocol: Protocol) -> Evaluation:
    return evaluate_model(reader(lambda d: d + 1), dataset, protocol)


@pytest.mark.parametrize("reduce", ["image_mean", "camera_mean", "pixel_mean"])
def test_intervals__equal_a_loop_over_resamples(dataset, reader, reduce: str) -> None:
    dataset.depths[0, "front"][:, 3:] = 0
    protocol = replace(RAW, reduce=reduce)
    rows = evaluated(dataset, reader, protocol).per_image
    how = Bootstrap(resamples=50, seed=3)
    rng = np.random.default_rng(3)
    counts = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=50)
    drawn = [reduce_rows([row for row, n in zip(rows, count, strict=True) for _ in range(n)], protocol) for count in counts]
    got = intervals(rows, protocol, how)
    for name in ("abs_rel", "rmse", "silog", "delta1"):
        assert got[name] == pytest.approx(np.percentile([d[name] for d in drawn], [2.5, 97.5]), rel=1e-9)


def test_intervals__batches_are_drawn_whole(dataset, reader) -> None:
    protocol = replace(RAW, reduce="camera_batch_mean", scope_batch=4)
    dataset.cameras = ("front",)
    rows = evaluate_model(reader(lambda d: d + 1), dataset, protocol).per_image
    assert intervals(rows, protocol, Bootstrap()) == {}, "one batch of four images is one number"


def test_intervals__are_seeded_and_hold_the_mean(dataset, reader) -> None:
    protocol = RAW
    rows = evaluated(dataset, reader, protocol).per_image
    first, again, other = (intervals(rows, protocol, Bootstrap(seed=seed)) for seed in (0, 0, 1))
    assert first == again != other
    mean = reduce_rows(rows, protocol)
    assert all(low <= mean[name] <= high for name, (low, high) in first.items())
    narrow = intervals(rows, protocol, Bootstrap(level=0.5))
    assert narrow["abs_rel"][1] - narrow["abs_rel"][0] < first["abs_rel"][1] - first["abs_rel"][0]


def test_intervals__known_spread_of_a_mean(dataset, reader) -> None:
    """Of n independent images with spread s the mean has spread s / sqrt(n)."""
    rows = evaluated(dataset, reader, RAW).per_image
    values = np.random.default_rng(0).normal(5, 1, 400)
    many = [replace(rows[0], metrics={"abs_rel": float(v)}) for v in values]
    low, high = intervals(many, RAW, Bootstrap(resamples=2000))["abs_rel"]
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.08)


def test_intervals__recordings_are_drawn_whole(dataset, reader) -> None:
    row = evaluated(dataset, reader, RAW).per_image[0]
    rows = [replace(row, sequence=s, metrics={"abs_rel": v}) for s, v in (("a", 0.0), ("a", 0.0), ("b", 1.0), ("b", 1.0))]
    drawn = intervals(rows, RAW, Bootstrap(unit="sequence", resamples=500))
    assert drawn["abs_rel"] == (0.0, 1.0)
    assert intervals(rows[:2], RAW, Bootstrap(unit="sequence")) == {}, "one recording has no spread"


def test_evaluation__reports_them(dataset, reader) -> None:
    result = evaluate_model(reader(lambda d: d + 1), dataset, RAW, bootstrap=Bootstrap(resamples=100))
    record = result.to_record()["intervals"]
    assert (record["resamples"], record["unit"], record["level"], record["seed"]) == (100, "image", 0.95, 0)
    low, high = record["metrics"]["abs_rel"]
    assert low < result.metrics["abs_rel"] < high
    assert evaluate_model(reader(), dataset, RAW).to_record()["intervals"] is None
