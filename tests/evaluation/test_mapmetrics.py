"""Metrics of whole maps: point clouds by hand, edges whose distance is known, sharing of what several need."""

import numpy as np
import pytest

from leadline.evaluation.edges import depth_edges, edge_distances
from leadline.evaluation.mapmetrics import MAP_METRICS, compute_maps
from leadline.evaluation.points import Distances, cloud, distances

K = np.array([[10.0, 0, 10], [0, 10.0, 10], [0, 0, 1]])


def test_cloud__pixel_centres_are_at_halves() -> None:
    valid = np.zeros((20, 20), dtype=bool)
    valid[9, 14] = True
    assert cloud(np.full((20, 20), 2.0), K, valid).tolist() == [[2.0 * 4.5 / 10, 2.0 * -0.5 / 10, 2.0]]


def test_distances__by_brute_force() -> None:
    rng = np.random.default_rng(0)
    target, pred = rng.uniform(2, 3, (2, 20, 20))
    valid = rng.random((20, 20)) > 0.3
    p, g = cloud(pred, K, valid), cloud(target, K, valid)
    all_pairs = np.linalg.norm(p[:, None] - g[None], axis=2)
    got = distances(pred=pred, target=target, valid=valid, K=K)
    assert got.of_pred == pytest.approx(all_pairs.min(axis=1)[::2])
    assert got.of_target == pytest.approx(all_pairs.min(axis=0)[::2])
    assert got.chamfer == pytest.approx(all_pairs.min(axis=1)[::2].mean() + all_pairs.min(axis=0)[::2].mean())


def test_f_score_and_iou__by_hand() -> None:
    """Precision 3/4, recall 1/2: F = .75 / 1.25 = .6, IoU = .375 / .875."""
    d = Distances(of_pred=np.array([0.0, 0.04, 0.049, 1.0]), of_target=np.array([0.01, 0.2]))
    assert d.precision_recall(0.05) == (0.75, 0.5)
    assert d.f_score(0.05) == pytest.approx(0.6, rel=2e-5)
    assert d.iou(0.05) == pytest.approx(0.375 / 0.875, rel=2e-5)
    assert Distances(np.ones(4), np.ones(4)).f_score(0.05) == 0


def test_points__a_plane_that_is_moved_by_ten_centimetres() -> None:
    target = np.full((20, 20), 2.0)
    numbers = compute_maps(
        ["chamfer", "f_score:0.05", "f_score:0.20", "iou:0.20"],
        pred=target + 0.1,
        target=target,
        valid=target > 0,
        K=np.diag([100.0, 100.0, 1.0]) + np.array([[0, 0, 10], [0, 0, 10], [0, 0, 0]]),
    )
    assert 0.2 <= numbers["chamfer"] < 0.22
    assert (numbers["f_score:0.05"], numbers["f_score:0.20"], numbers["iou:0.20"]) == pytest.approx((0, 1, 1), rel=1e-4)


def step(column: int) -> np.ndarray:
    depth = np.full((40, 60), 6.0)
    depth[:, :column] = 2.0
    return depth


def test_edges__a_step_that_is_four_pixels_off() -> None:
    assert edge_distances(pred=step(30), target=step(30)) == (0.0, 0.0)
    assert edge_distances(pred=step(34), target=step(30)) == pytest.approx((4.0, 4.0), abs=0.25), (
        "Canny moves the ends of a line by a pixel"
    )
    accuracy, completeness = edge_distances(pred=step(30) * 7, target=step(30)) or (9, 9)
    assert max(accuracy, completeness) < 1, "log depth: scale does not move edges, but the two sides of a step are a tie"


def test_edges__predicted_edges_far_from_any_true_one_are_left_out() -> None:
    pred = step(30)
    pred[:, 55:] = 20.0
    accuracy, completeness = edge_distances(pred=pred, target=step(30)) or (-1, -1)
    assert (accuracy, completeness) == (0.0, 0.0)
    assert edge_distances(pred=np.full((40, 60), 2.0), target=step(30)) == (10.0, 10.0)
    assert edge_distances(pred=step(30), target=np.full((40, 60), 2.0)) is None


def test_edges__given_by_the_data_set() -> None:
    own = np.zeros((40, 60), dtype=bool)
    own[:, 20] = True
    found = np.flatnonzero(depth_edges(step(25))[20])
    assert edge_distances(pred=step(25), target=step(30), target_edges=own) == pytest.approx((found[0] - 20, found[0] - 20), abs=0.2)


def test_compute_maps__without_K_says_so_and_an_edgeless_truth_has_no_number() -> None:
    flat = np.full((40, 60), 2.0)
    with pytest.raises(ValueError, match="chamfer needs the camera's intrinsics"):
        compute_maps(["chamfer"], pred=flat, target=flat, valid=flat > 0, K=None)
    assert compute_maps(["edge_accuracy"], pred=flat, target=flat, valid=flat > 0, K=None) == {}


def test_map_metrics__names_of_the_three_definitions() -> None:
    assert {"boundary_f1", "boundary_f1:moge1", "boundary_f1:moge2", "boundary_f1:moge3", "edge_accuracy", "edge_completeness"} <= set(
        MAP_METRICS
    )
    assert {f"{name}:{t}" for name in ("f_score", "iou") for t in ("0.05", "0.10", "0.20")} < set(MAP_METRICS)
