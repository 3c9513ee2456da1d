"""Boundary F1 against plain twins of the published definitions and hand counts."""

import json

import numpy as np
import pytest

from leadline.evaluation.boundary import moge_boundary_f1, moge_edge_counts, si_boundary_f1, si_boundary_recall
from leadline.evaluation.mapmetrics import MAP_METRICS


def step_map(*, height: int = 8, width: int = 10, column: int = 5, near: float = 1.0, far: float = 3.0) -> np.ndarray:
    depth = np.full((height, width), far)
    depth[:, :column] = near
    return depth


def plain_si_f1(pred: np.ndarray, target: np.ndarray) -> float:
    """The definition, four boolean maps per threshold."""

    def relations(depth: np.ndarray, t: float) -> list[np.ndarray]:
        near = 1 / np.maximum(depth, 1e-6)
        sideways, down = near[:, 1:] / near[:, :-1], near[1:] / near[:-1]
        return [sideways > t, 1 / sideways > t, down > t, 1 / down > t]

    thresholds = np.linspace(1.05, 1.25, 10)
    scores = []
    for t in thresholds:
        pairs = list(zip(relations(pred, t), relations(target, t), strict=True))
        precision = np.mean([(p & g).sum() / max(p.sum(), 1) for p, g in pairs])
        recall = np.mean([(p & g).sum() / max(g.sum(), 1) for p, g in pairs])
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return float(np.sum(scores * thresholds) / thresholds.sum())


def test_si_boundary_f1__equals_the_plain_definition() -> None:
    rng = np.random.default_rng(0)
    target = np.repeat(np.repeat(rng.uniform(1, 9, (7, 9)), 5, 0), 6, 1)
    pred = target * rng.uniform(0.9, 1.1, target.shape)
    assert si_boundary_f1(pred=pred, target=target) == pytest.approx(plain_si_f1(pred, target), rel=1e-12)


def test_si_boundary_f1__golden_arrays(samples) -> None:
    folder = samples / "golden_metrics"
    expected = json.loads((folder / "golden.json").read_text())["metrics"]["si_boundary_f1"]["value"]
    got = si_boundary_f1(pred=np.load(folder / "pred.npy")[0, 0], target=np.load(folder / "depth.npy"))
    assert got == pytest.approx(expected, rel=1e-9)


def test_si_boundary_f1__ignores_scale_and_is_quarter_for_one_of_four_directions() -> None:
    """One vertical edge: only one of four directions has edges, and the other three count as zero in Depth Pro."""
    target = step_map()
    assert si_boundary_f1(pred=7 * target, target=target) == pytest.approx(0.25)
    assert si_boundary_f1(pred=np.full_like(target, 2.0), target=target) == 0


def test_si_boundary_f1__pairs_with_an_invalid_pixel_do_not_count() -> None:
    target = step_map()
    valid = np.ones(target.shape, dtype=bool)
    valid[:, 5] = False
    assert si_boundary_f1(pred=target, target=target, valid=valid) == 0


def test_si_boundary_recall__thins_and_counts_the_outline() -> None:
    matte = np.zeros((6, 8))
    matte[2:4, 3:6] = 1
    sharp = np.where(matte > 0, 1.0, 4.0)
    assert si_boundary_recall(pred=sharp, matte=matte) == pytest.approx(1.0)
    # A ramp three pixels wide has its steepest step one pixel off: thinning keeps that one only, and the outline is missed.
    ramp = np.tile(np.array([1.0, 1.0, 1.3, 2.0, 2.6, 2.6]), (4, 1))
    side = np.zeros((4, 6))
    side[:, :2] = 1
    assert si_boundary_recall(pred=ramp, matte=side) == 0


def test_moge_boundary_f1__perfect_is_one_and_flat_is_zero() -> None:
    target = step_map()
    for radius in (1, 2, 3):
        assert moge_boundary_f1(pred=target, target=target, radius=radius) == pytest.approx(1.0)
        assert moge_boundary_f1(pred=np.ones_like(target), target=target, radius=radius) == 0


def test_moge_edge_counts__by_hand() -> None:
    """Bug 11: the prediction has edges that the target lacks, so precision and recall differ."""
    target, pred = step_map(), step_map()
    pred[:, 8:] = 9.0
    in_pred, in_target, in_both = moge_edge_counts(pred=pred, target=target, radius=1)
    # Six inner rows; near pixels left of column 5 see one farther neighbour each, and again left of column 8.
    assert in_target.tolist() == [6] * 10
    assert in_pred.tolist() == [12] * 10
    assert in_both.tolist() == [6] * 10
    assert moge_boundary_f1(pred=pred, target=target, radius=1) == pytest.approx(2 * 0.5 * 1.0 / 1.5)


def test_moge_edge_counts__equals_windows_in_full() -> None:
    rng = np.random.default_rng(3)
    target, pred = rng.uniform(1, 2, (2, 9, 11))
    valid = rng.random((9, 11)) > 0.2
    for radius in (1, 2, 3):
        expected = np.zeros((3, 10), dtype=int)
        for i, t in enumerate(1 + np.linspace(0.05, 0.25, 10)):
            for y in range(radius, 9 - radius):
                for x in range(radius, 11 - radius):
                    for v in range(y - radius, y + radius + 1):
                        for u in range(x - radius, x + radius + 1):
                            if (v - y) ** 2 + (u - x) ** 2 <= radius**2 and valid[y, x] and valid[v, u]:
                                p, g = pred[v, u] / pred[y, x] > t, target[v, u] / target[y, x] > t
                                expected[:, i] += (p, g, p and g)
        assert np.array_equal(moge_edge_counts(pred=pred, target=target, valid=valid, radius=radius), expected)


def test_boundary_metrics__take_maps_smaller_than_their_disc() -> None:
    maps = {"pred": np.ones((2, 2)), "target": np.ones((2, 2)), "valid": np.ones((2, 2), dtype=bool)}
    for name in [name for name in MAP_METRICS if name.startswith("boundary")]:
        assert MAP_METRICS[name].compute(**maps) == 0
