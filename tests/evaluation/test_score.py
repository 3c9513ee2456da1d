"""One image at a time: what the alignment sees, where clamping happens, what a region is."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.evaluation.metrics import compute
from leadline.evaluation.protocol import Align, Protocol
from leadline.evaluation.protocols import PROTOCOLS
from leadline.evaluation.score import Item, prepare, score
from leadline.types import DepthKind, UserError


def item(values: np.ndarray, target: np.ndarray, *, kind: DepthKind = DepthKind.METRIC, **more: object) -> Item:
    values, target = np.atleast_2d(values), np.atleast_2d(target)
    return Item(name="image.png", values=values, answered=np.isfinite(values), kind=kind, target=target, **more)  # pyright: ignore[reportArgumentType]


def metrics_of(one: Item, protocol: Protocol) -> dict[str, float]:
    pair = prepare(one, protocol)
    assert pair is not None
    return score([pair], protocol)[0][0].metrics


G = np.array([1, 2, 4, 8, 16, 2.5])
P = np.array([1.1, 1.8, 5.2, 6, 15, 4])


@pytest.mark.parametrize(
    ("align", "abs_rel"),
    [("none", 0.2354167), ("median", 0.2677763), ("median_lower", 0.3138021), ("lstsq", 0.2748738), ("lstsq_inverse", 0.2343313)],
)
def test_score__golden_vectors_through_the_protocol(align: Align, abs_rel: float) -> None:
    protocol = Protocol("x", "", "", align=align)
    assert metrics_of(item(P, G), protocol)["abs_rel"] == pytest.approx(abs_rel, rel=1e-5)


def test_score__weighted_l1_and_factor() -> None:
    pair = prepare(item(P, G), Protocol("x", "", "", align="weighted_l1"))
    assert pair is not None
    row, _ = score([pair], Protocol("x", "", "", align="weighted_l1"))[0]
    assert row.scale == pytest.approx(0.9090909, rel=1e-6)
    both = metrics_of(item(2 * G + 3, G), Protocol("x", "", "", align="weighted_l1_shift"))
    assert both["abs_rel"] == pytest.approx(0, abs=1e-9)
    assert metrics_of(item(G / 5.4, G), Protocol("x", "", "", align="factor", align_factor=5.4))["abs_rel"] == pytest.approx(0, abs=1e-12)


def test_score__negative_aligned_disparity_is_far_not_near() -> None:
    """Bug 15: a negative disparity became a negative depth, which was clipped to the nearest."""
    target = np.array([1.0, 2.0, 4.0, 5.0, 8.0, 40.0])
    inverse = 1 / target + 0.5
    inverse[-1] = 0.2
    protocol = replace(PROTOCOLS["affine-disp-marigold"], clamp=(1e-3, 80.0))
    one = item(inverse, target, kind=DepthKind.AFFINE_INVARIANT_INVERSE, classes={"last": np.atleast_2d(target == 40)})
    pair = prepare(one, protocol)
    assert pair is not None
    row, regions = score([pair], protocol)[0]
    assert row.scale * 0.2 + row.shift < 0
    assert regions["last"].metrics["abs_rel"] == pytest.approx((80 - 40) / 40)


def test_score__clamp_before_and_after() -> None:
    target, pred = np.array([1.0, 2.0, 50.0]), np.array([2.0, 4.0, 300.0])
    after = Protocol("x", "", "", align="median", clamp=(0.1, 80.0))
    both = replace(after, clamp_at=("before_align", "after_align"))
    assert metrics_of(item(pred, target), after) == pytest.approx(compute(pred=np.array([1, 2, 80]), target=target, names=after.metrics))
    assert metrics_of(item(pred, target), both) == pytest.approx(compute(pred=np.array([1, 2, 40]), target=target, names=after.metrics))


def test_score__alignment_ignores_what_is_not_valid() -> None:
    target, pred = np.array([1.0, 2.0, 4.0, 0.0, 90.0]), np.array([2.0, 4.0, 8.0, 1e6, 1e-6])
    protocol = Protocol("x", "", "", align="median", max_depth=80.0)
    assert metrics_of(item(pred, target), protocol)["abs_rel"] == pytest.approx(0, abs=1e-12)


def test_prepare__target_holes_nan_and_infinity_are_not_valid() -> None:
    target = np.array([1.0, 0.0, -1.0, np.nan, np.inf, 3.0])
    pair = prepare(item(np.ones(6), target), PROTOCOLS["raw"])
    assert pair is not None
    assert pair.target.tolist() == [1.0, 3.0]


def test_prepare__crop_applies_to_the_target_size() -> None:
    kitti = replace(PROTOCOLS["kitti-eigen-monodepth2"], num_images=None)
    pair = prepare(item(np.full((192, 640), 3.0), np.full((375, 1242), 7.0)), kitti)
    assert pair is not None
    assert pair.target.size == (371 - 153) * (1197 - 44)
    assert pair.valid[153, 44] and not pair.valid[152, 44] and not pair.valid[371, 44]
    with pytest.raises(UserError, match=r"image\.png: crop garg: was not made for 480x640"):
        prepare(item(np.ones((480, 640)), np.ones((480, 640))), kitti)


def test_prepare__disparity_is_resized_before_it_is_inverted() -> None:
    """monodepth2 resizes disparity: halfway between 1 m and 3 m lies 1.5 m, not 2 m."""
    pred, target = np.array([[1.0, 3.0]]), np.ones((1, 3))
    inverse = prepare(item(pred, target), Protocol("x", "", "", upsample_what="inverse_depth"))
    depth = prepare(item(pred, target), Protocol("x", "", ""))
    assert inverse is not None and depth is not None
    assert (inverse.pred[1], depth.pred[1]) == pytest.approx((1.5, 2.0))


def test_prepare__too_few_pixels() -> None:
    target = np.array([1.0, 2.0, 0.0])
    strict = Protocol("x", "", "", min_valid=3)
    with pytest.raises(UserError, match=r"image\.png: 2 valid pixels, and 'x' needs 3"):
        prepare(item(np.ones(3), target), strict)
    assert prepare(item(np.ones(3), target), replace(strict, too_few="skip")) is None
    assert prepare(item(np.ones(3), target), replace(strict, min_valid=2)) is not None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (8, 8), (37, 31)])
@pytest.mark.parametrize("share", [0.0, 0.04, 0.5, 1.0])
@pytest.mark.parametrize("order", ["C", "F"])
def test_prepare__finds_every_valid_pixel_of_sparse_and_dense_truth(height, width, share, order):
    rng = np.random.default_rng(height)
    known = rng.random((height, width)) < share
    known[-1, -1] = True
    target = np.asarray(np.where(known, 5.0, 0.0), dtype=np.float32, order=order)
    pair = prepare(item(np.arange(1.0, height * width + 1).reshape(height, width), target), PROTOCOLS["raw"])
    assert pair is not None
    assert pair.pixels.tolist() == np.flatnonzero(known).tolist()
    assert pair.pred.tolist() == (pair.pixels + 1.0).tolist()
