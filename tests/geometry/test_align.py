"""Alignment: golden numbers, peers' bugs, exactness against brute force."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.geometry.align import Alignment, align_lstsq, align_median, align_weighted_l1

G = np.array([1, 2, 4, 8, 16, 2.5])
P = np.array([1.1, 1.8, 5.2, 6, 15, 4])
ALL = np.ones(6, dtype=bool)


def test_align_median__golden():
    assert align_median(pred=P, target=G, valid=ALL).scale == pytest.approx(0.7065217, abs=5e-8)
    assert align_median(pred=P, target=G, valid=ALL, lower=True).scale == pytest.approx(0.625, abs=1e-12)


def test_align_lstsq__golden_depth():
    fit = align_lstsq(pred=P, target=G, valid=ALL)
    assert (fit.scale, fit.shift) == (pytest.approx(1.1017039, abs=5e-8), pytest.approx(-0.4943998, abs=5e-8))


def test_align_lstsq__golden_disparity():
    fit = align_lstsq(pred=1 / P, target=1 / G, valid=ALL)
    assert (fit.scale, fit.shift) == (pytest.approx(1.0453077, abs=5e-8), pytest.approx(0.0167068, abs=5e-8))


def test_align_weighted_l1__golden_scale():
    assert align_weighted_l1(pred=P, target=G, valid=ALL, weights=1 / G, with_shift=False).scale == pytest.approx(0.9090909, abs=5e-8)


def test_align__invalid_pixels_do_not_count():
    pred, target = np.append(P, [np.nan, 1e9]), np.append(G, [7.0, np.inf])
    valid = np.append(ALL, [False, False])
    weights = np.append(1 / G, [np.nan, -1.0])
    for fit in (align_median, align_lstsq):
        assert fit(pred=pred, target=target, valid=valid) == fit(pred=P, target=G, valid=ALL)
    for with_shift in (False, True):
        assert align_weighted_l1(pred=pred, target=target, valid=valid, weights=weights, with_shift=with_shift) == align_weighted_l1(
            pred=P, target=G, valid=ALL, weights=1 / G, with_shift=with_shift
        )


def test_align_lstsq__weights_count_like_repeated_pixels():
    """MoGe's weights miss the column of ones."""
    counts = np.array([1, 3, 2, 1, 4, 2])
    weighted = align_lstsq(pred=P, target=G, valid=ALL, weights=counts)
    repeated = align_lstsq(pred=np.repeat(P, counts), target=np.repeat(G, counts), valid=np.ones(counts.sum(), dtype=bool))
    assert (weighted.scale, weighted.shift) == (pytest.approx(repeated.scale, rel=1e-12), pytest.approx(repeated.shift, rel=1e-12))


def test_align_lstsq__no_cancellation_far_from_zero():
    """Difference of moments would lose all digits here."""
    pred = 1e8 + np.arange(5.0)
    fit = align_lstsq(pred=pred, target=3 * np.arange(5.0) + 2, valid=np.ones(5, dtype=bool))
    assert fit.scale == pytest.approx(3, rel=1e-12)
    np.testing.assert_allclose(fit.apply(pred), 3 * np.arange(5.0) + 2, atol=1e-6)


def test_align__float32_is_reduced_in_float64():
    rng = np.random.default_rng(0)
    pred = rng.uniform(99.9, 100.0, 200_000).astype(np.float32)
    target = pred * np.float32(2)
    fit = align_lstsq(pred=pred, target=target, valid=np.ones(pred.shape, dtype=bool))
    assert fit.scale == pytest.approx(2, rel=1e-10)


@pytest.mark.parametrize("value", [0.0, 5.0, -2.0])
def test_align__constant_prediction_is_refused(value: float):
    constant = np.full(6, value, dtype=np.float32)
    with pytest.raises(ValueError, match="constant"):
        align_lstsq(pred=constant, target=G, valid=ALL)
    with pytest.raises(ValueError, match="constant"):
        align_weighted_l1(pred=constant, target=G, valid=ALL, with_shift=True)


def test_align__zero_prediction_has_no_scale():
    with pytest.raises(ValueError, match="zero"):
        align_median(pred=np.zeros(6), target=G, valid=ALL)
    with pytest.raises(ValueError, match="zero"):
        align_weighted_l1(pred=np.zeros(6), target=G, valid=ALL, with_shift=False)


def test_align__nothing_valid_and_not_finite_are_refused():
    with pytest.raises(ValueError, match="no valid pixel"):
        align_median(pred=P, target=G, valid=~ALL)
    with pytest.raises(ValueError, match="prediction is not finite at 1"):
        align_lstsq(pred=np.append(P[:5], np.nan), target=G, valid=ALL)
    with pytest.raises(ValueError, match="weights"):
        align_lstsq(pred=P, target=G, valid=ALL, weights=-G)
    with pytest.raises(ValueError, match="shapes differ"):
        align_median(pred=P, target=G, valid=ALL[:5])


def l1(fit: Alignment, p: np.ndarray, g: np.ndarray, w: np.ndarray) -> float:
    return float(w @ np.abs(fit.apply(p) - g))


def brute_force(p: np.ndarray, g: np.ndarray, w: np.ndarray) -> float:
    """Least L1 error over all lines through two points: one of them is optimal."""
    lines = []
    for i, j in itertools.combinations(range(len(p)), 2):
        if p[i] != p[j]:
            scale = (g[i] - g[j]) / (p[i] - p[j])
            lines.append(Alignment(scale, g[i] - scale * p[i]))
    return min(l1(line, p, g, w) for line in lines)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num=st.integers(3, 14), coarse=st.booleans(), outliers=st.booleans())
def test_align_weighted_l1__exact_against_brute_force(seed: int, num: int, coarse: bool, outliers: bool):
    rng = np.random.default_rng(seed)
    p, g, w = rng.normal(size=num), rng.uniform(1, 9, num), rng.uniform(0.1, 2, num)
    if coarse:  # many equal values and collinear points
        p, g, w = np.round(2 * p), np.round(g), np.round(w) + 1
        p[0], p[1] = -7, 7
    if outliers:
        g[0] = 1e4
    fit = align_weighted_l1(pred=p, target=g, valid=np.ones(num, dtype=bool), weights=w, with_shift=True)
    assert l1(fit, p, g, w) == pytest.approx(brute_force(p, g, w), rel=1e-9, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num=st.integers(1, 12))
def test_align_weighted_l1__scale_exact_against_brute_force(seed: int, num: int):
    rng = np.random.default_rng(seed)
    p, g, w = rng.normal(size=num), rng.uniform(1, 9, num), rng.uniform(0.1, 2, num)
    fit = align_weighted_l1(pred=p, target=g, valid=np.ones(num, dtype=bool), weights=w, with_shift=False)
    assert l1(fit, p, g, w) == pytest.approx(min(l1(Alignment(s), p, g, w) for s in g / p), rel=1e-12)


def test_align_weighted_l1__recovers_line_despite_outliers():
    rng = np.random.default_rng(3)
    pred = rng.uniform(0.1, 1, (64, 64))
    target = 2.5 * pred + 0.5
    target[rng.random(target.shape) < 0.3] += 40
    fit = align_weighted_l1(pred=pred, target=target, valid=np.ones(pred.shape, dtype=bool), weights=1 / target, with_shift=True)
    assert (fit.scale, fit.shift) == (pytest.approx(2.5, rel=1e-9), pytest.approx(0.5, rel=1e-9))


def test_align__golden_real_arrays(samples: Path):
    """An even number of pixels, so the two medians differ."""
    target = np.load(samples / "golden_metrics" / "depth.npy")
    pred = np.load(samples / "golden_metrics" / "pred.npy")[0, 0]
    valid = np.ones(target.shape, dtype=bool)
    assert align_median(pred=pred, target=target, valid=valid).scale == pytest.approx(1.1141458, abs=5e-8)
    assert align_median(pred=pred, target=target, valid=valid, lower=True).scale == pytest.approx(1.1142277, abs=5e-8)
    depth = align_lstsq(pred=pred, target=target, valid=valid)
    assert (depth.scale, depth.shift) == (pytest.approx(1.290896, abs=5e-7), pytest.approx(-0.5614397, abs=5e-8))
    disparity = align_lstsq(pred=1 / pred.astype(np.float64), target=1 / target.astype(np.float64), valid=valid)
    assert (disparity.scale, disparity.shift) == (pytest.approx(1.382134, abs=5e-7), pytest.approx(-0.1460029, abs=5e-8))


@pytest.mark.parametrize("num", [1, 2, 999, 1000, 1001, 4096, 4097])
def test_align_median__by_bins_is_exactly_the_median(num: int) -> None:
    """Long vectors are searched by bins: spread evenly, tied, nearly constant, over 16 decades, constant, and of both signs."""
    rng = np.random.default_rng(num)
    every = np.ones(num, dtype=bool)
    for values in (
        rng.uniform(1, 80, num),
        np.round(rng.exponential(5, num), 1) + 0.1,
        3 + 1e-8 * rng.normal(size=num),
        np.exp(rng.normal(0, 9, num)),
        np.full(num, 2.0),
        rng.normal(0.5, 3, num),
    ):
        ones = np.ones(num)
        assert align_median(pred=ones, target=values, valid=every).scale == np.median(values)
        assert align_median(pred=ones, target=values, valid=every, lower=True).scale == np.sort(values)[(num - 1) // 2]


def test_align_median__leaves_its_input_alone() -> None:
    pred, target = np.random.default_rng(0).uniform(1, 9, (2, 2000))
    before = pred.copy(), target.copy()
    align_median(pred=pred, target=target, valid=np.ones(2000, dtype=bool))
    align_lstsq(pred=pred, target=target, valid=np.ones(2000, dtype=bool))
    align_weighted_l1(pred=pred, target=target, valid=np.ones(2000, dtype=bool), with_shift=True)
    assert np.array_equal(pred, before[0]) and np.array_equal(target, before[1])
