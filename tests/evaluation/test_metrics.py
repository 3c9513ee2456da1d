"""Golden numbers of the synthetic vectors and of a real pair of arrays, by-hand twins, and the bugs of other evaluators."""

import inspect
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.evaluation import metrics
from leadline.evaluation.metrics import METRICS, compute, moments
from leadline.geometry.align import align_lstsq, align_median, align_weighted_l1

G = np.array([1, 2, 4, 8, 16, 2.5])
P = np.array([1.1, 1.8, 5.2, 6, 15, 4])
ALL = np.ones(6, dtype=bool)

# Columns: raw, median, lower median, least squares in depth, least squares in disparity. The second factor turns our unit into the table's.
GOLDEN_VECTORS = {
    "abs_rel": (1, 0.2354167, 0.2677763, 0.3138021, 0.2748738, 0.2343313),
    "sq_rel": (1, 0.30875, 0.6626558, 0.9370117, 0.3055529, 0.4668332),
    "sq_rel:squared": (100, 8.940104, 9.015027, 12.96488, 10.25151, 7.298098),
    "rmse": (1, 1.206924, 2.711712, 3.2501, 1.111394, 2.193704),
    "rmse_log": (1, 0.2571801, 0.3794362, 0.4786049, 0.3006865, 0.2794173),
    "rmse_log:log10": (1, 0.1116919, 0.1647871, 0.2078555, 0.1305865, 0.1213494),
    "log10": (1, 0.09303016, 0.1418345, 0.1773315, 0.1168705, 0.1057407),
    "silog": (1, 24.96734, 24.96734, 24.96734, 29.92348, 27.1758),
    "silog:unbiased100": (1, 27.35035, 27.35035, 27.35035, 32.77953, 29.7696),
    "silog:lambda0.5": (1, 0.2534545, 0.3211765, 0.3817064, 0.2999615, 0.2756142),
    "silog:log10": (1, 0.1084318, 0.1084318, 0.1084318, 0.129956, 0.118023),
    "delta1": (1, 0.5, 0.3333333, 0.3333333, 0.1666667, 0.5),
    "delta2": (1, 0.8333333, 0.6666667, 0.5, 0.8333333, 1),
    "delta3": (1, 1, 1, 0.8333333, 1, 1),
    "irmse": (1, 80.55304, 173.2639, 252.7168, 187.2466, 72.36184),
}


def aligned_five_ways() -> list[np.ndarray]:
    disparity = align_lstsq(pred=1 / P, target=1 / G, valid=ALL)
    return [
        P,
        align_median(pred=P, target=G, valid=ALL).apply(P),
        align_median(pred=P, target=G, valid=ALL, lower=True).apply(P),
        align_lstsq(pred=P, target=G, valid=ALL).apply(P),
        1 / np.maximum(disparity.apply(1 / P), 1e-3),
    ]


@pytest.mark.parametrize("column", range(5), ids=["raw", "median", "lower median", "lstsq depth", "lstsq disparity"])
@pytest.mark.parametrize("name", GOLDEN_VECTORS)
def test_compute__golden_vectors(name: str, column: int) -> None:
    factor, *values = GOLDEN_VECTORS[name]
    assert compute(pred=aligned_five_ways()[column], target=G)[name] * factor == pytest.approx(values[column], rel=1e-5)


def test_alignment__golden_vectors() -> None:
    assert align_median(pred=P, target=G, valid=ALL).scale == pytest.approx(0.7065217, rel=1e-6)
    assert align_median(pred=P, target=G, valid=ALL, lower=True).scale == pytest.approx(0.625)
    depth, disparity = align_lstsq(pred=P, target=G, valid=ALL), align_lstsq(pred=1 / P, target=1 / G, valid=ALL)
    assert (depth.scale, depth.shift) == pytest.approx((1.1017039, -0.4943998), rel=1e-6)
    assert (disparity.scale, disparity.shift) == pytest.approx((1.0453077, 0.0167068), rel=1e-5)
    assert align_weighted_l1(pred=P, target=G, valid=ALL, weights=1 / G, with_shift=False).scale == pytest.approx(0.9090909, rel=1e-6)


IN_GOLDEN_JSON = {
    "abs_rel": "abs_rel",
    "sq_rel": "sq_rel",
    "sq_rel:squared": "sq_rel_gt2",
    "mae": "mae",
    "rmse": "rmse",
    "rmse_log": "rmse_log",
    "rmse_log:log10": "rmse_log10",
    "log10": "log10",
    "silog": "silog_100_biased",
    "silog:unbiased100": "silog_100_unbiased",
    "silog:lambda0.5": "silog_lambda0.5",
    "silog:log10": "silog_log10",
    "delta1": "delta1",
    "delta2": "delta2",
    "delta3": "delta3",
    "delta:1.05": "delta_1.05",
    "delta:1.10": "delta_1.10",
    "tau": "delta_1.03",
    "d_auc": "d_auc",
    "irmse": "inv_rmse_per_km",
}


@pytest.fixture(scope="module")
def golden(samples):
    folder = samples / "golden_metrics"
    return np.load(folder / "depth.npy"), np.load(folder / "pred.npy")[0, 0], json.loads((folder / "golden.json").read_text())


def test_compute__golden_arrays(golden) -> None:
    target, pred, expected = golden
    got = compute(pred=pred, target=target)
    for name, key in IN_GOLDEN_JSON.items():
        assert got[name] == pytest.approx(expected["metrics"][key]["value"], rel=1e-9), name


@pytest.mark.parametrize("way", ["median_scale", "lower_median_scale", "lstsq_depth", "lstsq_disparity"])
def test_compute__golden_arrays_aligned(golden, way: str) -> None:
    target, pred, expected = golden
    everywhere = np.ones(target.shape, dtype=bool)
    if way == "lstsq_disparity":
        fit = align_lstsq(pred=1 / pred.astype(np.float64), target=1 / target.astype(np.float64), valid=everywhere)
        depth = 1 / np.maximum(fit.apply(1 / pred.astype(np.float64)), 1e-3)
    elif way == "lstsq_depth":
        fit = align_lstsq(pred=pred, target=target, valid=everywhere)
        depth = fit.apply(pred.astype(np.float64))
    else:
        fit = align_median(pred=pred, target=target, valid=everywhere, lower=way == "lower_median_scale")
        depth = fit.apply(pred.astype(np.float64))
    row = expected["aligned_own_computation"][way]
    assert fit.scale == pytest.approx(row["scale"], rel=1e-6)
    got = compute(pred=np.clip(depth, 1e-3, 10), target=target)
    for key in ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "delta1", "delta2", "delta3"):
        assert got[key] == pytest.approx(row[key], rel=1e-6), key
    assert got["silog"] == pytest.approx(row["silog_100_biased"], rel=1e-6)


def test_compute__by_hand_twin() -> None:
    """Every formula once more, written plainly, on numbers that span several blocks."""
    rng = np.random.default_rng(0)
    g = rng.uniform(0.5, 90, 3 * metrics.BLOCK + 17)
    p = g * np.exp(rng.normal(0, 0.4, g.size))
    d, ratio = np.log(p) - np.log(g), np.maximum(p / g, g / p)
    exponents = np.linspace(0.01, 5, 100)
    expected = {
        "abs_rel": np.mean(np.abs(p - g) / g),
        "sq_rel": np.mean((p - g) ** 2 / g),
        "sq_rel:squared": np.mean((p - g) ** 2 / g**2),
        "mae": np.mean(np.abs(p - g)),
        "rmse": np.sqrt(np.mean((p - g) ** 2)),
        "rmse_log": np.sqrt(np.mean(d**2)),
        "rmse_log:log10": np.sqrt(np.mean((np.log10(p) - np.log10(g)) ** 2)),
        "log10": np.mean(np.abs(np.log10(p) - np.log10(g))),
        "silog": 100 * np.std(d),
        "silog:unbiased100": 100 * np.std(d, ddof=1),
        "silog:lambda0.5": np.sqrt(np.mean(d**2) - 0.5 * np.mean(d) ** 2),
        "silog:log10": np.std(d / np.log(10)),
        "delta1": np.mean(ratio < 1.25),
        "delta2": np.mean(ratio < 1.25**2),
        "delta3": np.mean(ratio < 1.25**3),
        "delta:1.05": np.mean(ratio < 1.05),
        "delta:1.10": np.mean(ratio < 1.10),
        "delta:1.15": np.mean(ratio < 1.15),
        "delta:1.20": np.mean(ratio < 1.20),
        "tau": np.mean(ratio < 1.03),
        "d_auc": np.trapezoid([np.mean(ratio < 1.25**x) for x in exponents], exponents) / 5,
        "irmse": 1000 * np.sqrt(np.mean((1 / p - 1 / g) ** 2)),
    }
    assert expected.keys() == METRICS.keys()
    assert compute(pred=p, target=g) == pytest.approx(expected, rel=1e-11)


def test_functions__are_keyword_only_and_equal_compute() -> None:
    everything = compute(pred=P, target=G)
    for name in ("abs_rel", "sq_rel", "mae", "rmse", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3", "tau", "d_auc", "irmse"):
        function = getattr(metrics, name)
        assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(function).parameters.values())
        assert function(pred=P, target=G) == everything[name]
    assert metrics.sq_rel(pred=P, target=G, variant="squared") == everything["sq_rel:squared"]
    assert metrics.rmse_log(pred=P, target=G, variant="log10") == everything["rmse_log:log10"]
    for variant in ("unbiased100", "lambda0.5", "log10"):
        assert metrics.silog(pred=P, target=G, variant=variant) == everything[f"silog:{variant}"]


def test_silog__constant_ratio_is_zero_not_nan() -> None:
    """Bug 6: the difference of moments is negative for some of these, and its root NaN."""
    rng = np.random.default_rng(1)
    for factor in (2.0, 1 / 3, 1.7):
        g = rng.uniform(0.1, 80, 1000)
        assert metrics.silog(pred=factor * g, target=g) == pytest.approx(0, abs=1e-12)
        assert metrics.silog(pred=factor * g, target=g, variant="unbiased100") == pytest.approx(0, abs=1e-12)
    assert metrics.silog(pred=2 * G, target=G) == 0


def test_delta__strict_at_the_threshold() -> None:
    assert metrics.delta1(pred=np.array([1.25, 0.8]), target=np.ones(2)) == 0
    assert metrics.delta1(pred=np.array([1.2499, 0.8001]), target=np.ones(2)) == 1


def test_delta2__is_a_square_not_a_double() -> None:
    """Bug 20: 1.25 * 2 would call a ratio of 2 an inlier."""
    assert metrics.delta2(pred=np.array([2.0]), target=np.ones(1)) == 0
    assert metrics.delta2(pred=np.array([1.55]), target=np.ones(1)) == 1
    assert metrics.delta3(pred=np.array([1.95]), target=np.ones(1)) == 1


def test_delta__rises_with_the_threshold() -> None:
    """Bug 3: one field written into another."""
    p = np.array([1.1, 1.4, 1.8, 3.0])
    row = compute(pred=p, target=np.ones(4))
    assert (row["delta1"], row["delta2"], row["delta3"]) == (0.25, 0.5, 0.75)
    assert row["rmse_log"] != row["rmse"] != row["log10"]


def test_valid__zeroed_pixels_outside_are_no_inliers() -> None:
    """Bug 2: a wrong map, half of it masked and zeroed, must stay wrong."""
    g, p = np.full((4, 6), 10.0), np.full((4, 6), 100.0)
    valid = np.zeros((4, 6), dtype=bool)
    valid[:, :3] = True
    p[~valid] = 0
    assert metrics.delta1(pred=p, target=g, valid=valid) == 0


def test_moments__errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="no valid pixel"):
        moments(pred=P, target=G, valid=~ALL)
    with pytest.raises(ValueError, match="2 values that are not finite"):
        moments(pred=np.array([np.nan, np.inf, 1]), target=np.ones(3))
    with pytest.raises(ValueError, match="1 that are not positive"):
        moments(pred=np.array([0.0, 1.0]), target=np.ones(2))
    with pytest.raises(ValueError, match="shape"):
        moments(pred=P, target=G[:5])
    with pytest.raises(ValueError, match="bool"):
        moments(pred=P, target=G, valid=np.ones(6))


def test_moments__of_parts_add_up() -> None:
    rng = np.random.default_rng(2)
    g = rng.uniform(1, 50, 1000)
    p = g * np.exp(rng.normal(0.3, 0.2, 1000))
    halves = moments(pred=p[:123], target=g[:123]) + moments(pred=p[123:], target=g[123:])
    assert {n: m.of(halves) for n, m in METRICS.items()} == pytest.approx(compute(pred=p, target=g), rel=1e-12)


def test_moments__float32_input_is_reduced_in_float64() -> None:
    g = np.full(2_000_000, 80.0, dtype=np.float32)
    p = np.full(2_000_000, 80.1, dtype=np.float32)
    assert metrics.rmse(pred=p, target=g) == pytest.approx(float(p[0]) - float(g[0]), rel=1e-12)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.floats(0.01, 200), st.floats(0.01, 200)), min_size=1, max_size=50), st.floats(0.1, 10))
def test_compute__invariances(pairs: list[tuple[float, float]], factor: float) -> None:
    p, g = np.array(pairs).T
    row, scaled = compute(pred=p, target=g), compute(pred=factor * p, target=factor * g)
    assert all(math.isfinite(v) for v in row.values())
    assert scaled["abs_rel"] == pytest.approx(row["abs_rel"], rel=1e-9)
    assert scaled["rmse"] == pytest.approx(factor * row["rmse"], rel=1e-9)
    assert compute(pred=factor * p, target=g)["silog"] == pytest.approx(row["silog"], rel=1e-6, abs=1e-9)
    swapped = compute(pred=g, target=p)
    assert swapped["delta1"] == row["delta1"]
    assert swapped["silog"] == pytest.approx(row["silog"], rel=1e-6, abs=1e-9)
