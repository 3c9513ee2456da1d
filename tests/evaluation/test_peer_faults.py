"""Faults of published evaluators, numbered as in the table they were collected in: one test each, which leadline must pass.

Faults 1, 6, 16, 20, 21 and the others are also tested where the code is; this file is the list.
"""

import inspect
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.dataset import PointPair, Record, View
from leadline.evaluation.boundary import moge_edge_counts
from leadline.evaluation.crops import crop_window
from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.metrics import compute, delta1, delta2, silog
from leadline.evaluation.pairs import evaluate_pairs
from leadline.evaluation.protocols import PROTOCOLS
from leadline.evaluation.score import Item, prepare, score
from leadline.geometry.align import align_lstsq
from leadline.geometry.camera import Camera
from leadline.geometry.raster import splat_depth
from leadline.io.color import colorize
from leadline.prediction import Prediction
from leadline.types import DepthKind, UserError

RAW = PROTOCOLS["raw"]


def test_fault_01__crops_are_not_exchanged() -> None:
    assert PROTOCOLS["kitti-slowtv"].crop == "garg" and PROTOCOLS["nyu-slowtv"].crop == "nyu_eigen"
    assert crop_window("garg", height=375, width=1242).slices == (slice(153, 371), slice(44, 1197))
    assert crop_window("nyu_eigen", height=480, width=640).slices == (slice(45, 471), slice(41, 601))


def test_fault_02__zeroed_pixels_outside_the_mask_are_no_inliers() -> None:
    target, pred = np.full((4, 6), 10.0), np.full((4, 6), 100.0)
    valid = np.zeros((4, 6), dtype=bool)
    valid[:, :3] = True
    pred[~valid] = 0
    assert delta1(pred=pred, target=target, valid=valid) == 0


def test_fault_03__each_metric_has_its_own_field() -> None:
    row = compute(pred=np.array([1.1, 1.4, 1.8, 3.0]), target=np.ones(4))
    assert row["delta1"] < row["delta2"] < row["delta3"]
    assert len({row["rmse"], row["rmse_log"], row["log10"]}) == 3


def test_fault_04__every_image_of_a_batch_keeps_its_intrinsics(dataset, batch_reader) -> None:
    dataset.depths = {key: d if key[1] == "front" else d[:, :10].copy() for key, d in dataset.depths.items()}
    seen: list[float] = []

    class Spy(batch_reader):
        def predict_batch(self, images, K=None):
            seen.extend(matrix[0, 0] for matrix in K)
            return super().predict_batch(images, K)

    evaluate_model(Spy(), dataset, "raw", batch_size=8)
    assert seen == [20.0, 10.0] * 4


@pytest.mark.parametrize("tta", ["flip_mean", "flip_blend"])
def test_fault_05__both_passes_of_a_flip_have_one_unit(dataset, reader, tta: str) -> None:
    flipped = replace(RAW, tta=tta)
    plain = evaluate_model(reader(lambda d: 1.2 * d), dataset, RAW).metrics
    assert evaluate_model(reader(lambda d: 1.2 * d), dataset, flipped).metrics == pytest.approx(plain, rel=1e-6)
    lopsided = reader(lambda d: d * np.linspace(1, 1.4, 20))
    assert evaluate_model(lopsided, dataset, flipped).metrics["silog"] < 0.7 * evaluate_model(lopsided, dataset, RAW).metrics["silog"]


def test_fault_06__silog_of_a_constant_ratio_is_zero() -> None:
    target = np.random.default_rng(1).uniform(0.1, 80, 1000)
    assert silog(pred=2 * target, target=target) == pytest.approx(0, abs=1e-12)


def test_fault_07__an_empty_mask_is_counted_not_nan(dataset, reader) -> None:
    dataset.depths[1, "back"][:] = 0
    result = evaluate_model(reader(lambda d: 1.1 * d), dataset, replace(RAW, too_few="skip"))
    assert result.skipped == ("/memory/1/back.png",) and result.num_images == 7
    assert all(np.isfinite(v) for v in result.metrics.values())
    with pytest.raises(UserError, match="no valid pixel"):
        evaluate_model(reader(), dataset, RAW)


def test_fault_08__skipped_images_do_not_divide(dataset, reader) -> None:
    dataset.depths[1, "back"][:] = 0
    result = evaluate_model(reader(lambda d: 1.1 * d), dataset, replace(PROTOCOLS["median"], align="none", too_few="skip"), batch_size=4)
    assert result.metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("name", ["median", "ddad-fsm-shared", "ddad-vfdepth", "ddad-cvcdepth", "ddad-surrounddepth"])
def test_fault_09__the_batch_size_of_a_run_changes_nothing(dataset, batch_reader, name: str) -> None:
    dataset.usable = np.ones((12, 20), dtype=bool)
    protocol = replace(PROTOCOLS[name], num_images=None, scope_batch=3)
    results = [evaluate_model(batch_reader(np.sqrt), dataset, protocol, batch_size=size).metrics for size in (1, 2, 4)]
    assert results[0] == results[1] == results[2]


def test_fault_10__weights_multiply_the_column_of_ones_too() -> None:
    p, g, w = np.array([1.0, 2, 4, 7]), np.array([2.0, 3, 9, 11]), np.array([1, 3, 2, 1])
    weighted = align_lstsq(pred=p, target=g, valid=np.ones(4, dtype=bool), weights=w)
    repeated = align_lstsq(pred=np.repeat(p, w), target=np.repeat(g, w), valid=np.ones(7, dtype=bool))
    assert (weighted.scale, weighted.shift) == pytest.approx((repeated.scale, repeated.shift))


def test_fault_11__precision_belongs_to_the_prediction() -> None:
    target = np.full((8, 10), 3.0)
    target[:, :5] = 1.0
    pred = target.copy()
    pred[:, 8:] = 9.0
    in_pred, in_target, in_both = moge_edge_counts(pred=pred, target=target, radius=1)
    assert (in_both[0] / in_pred[0], in_both[0] / in_target[0]) == (0.5, 1.0)


class _Pairs:
    """Two pictures of which each has two pairs; the prediction is the row number."""

    name, layers = "memory:pairs", frozenset({"pairs"})
    records = (Record("indoor", 0, ("picture",)), Record("outdoor", 0, ("picture",)))
    moments = records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        seen = Camera.from_fov(60, width=40, height=40, name=camera)
        wrong = PointPair((30, 5), (2, 5)) if record.sequence == "indoor" else PointPair((3, 1), (4, 1))
        pairs = wrong, PointPair((1, 5), (20, 5))
        return View(image=np.zeros((40, 40, 3), dtype=np.uint8), camera=seen, path=Path("a.png"), pairs=pairs)


class _Rows:
    name = "rows"

    def __init__(self, kind: DepthKind) -> None:
        self.kind = kind

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        rows = np.tile(np.arange(1.0, 41.0)[:, None], (1, 40))
        return Prediction(values=-rows if self.kind is DepthKind.AFFINE_INVARIANT_INVERSE else rows, kind=self.kind)


@pytest.mark.parametrize("kind", [DepthKind.METRIC, DepthKind.AFFINE_INVARIANT_INVERSE])
def test_fault_12__every_pair_of_an_image_counts(kind: DepthKind) -> None:
    result = evaluate_pairs(_Rows(kind), _Pairs(), PROTOCOLS["da2k"])
    assert {name: part.accuracy for name, part in result.by_type.items()} == {"indoor": 0.5, "outdoor": 1.0}
    assert (result.overall.accuracy, result.overall.num_pairs) == (0.75, 4)
    assert result.to_record()["metrics"] == {"pair_accuracy": 0.75}


def test_fault_13__the_predictor_gets_rows_columns_channels_as_uint8(dataset, reader) -> None:
    seen = []

    class Spy(reader):
        def predict(self, image, K=None):
            seen.append((image.shape, image.dtype))
            return super().predict(image, K)

    evaluate_model(Spy(), dataset, "raw", limit=1)
    evaluate_model(Spy(), dataset, replace(RAW, tta="flip_mean", input_size=(12, 20)), limit=1)
    assert set(seen) == {((12, 20, 3), np.dtype(np.uint8))}


def test_fault_14__a_result_is_one_predictors_row(dataset, reader) -> None:
    """No evaluation mixes the best numbers of several: every metric is the mean over the same images of the same predictor."""
    for change in (lambda d: 1.1 * d, lambda d: d + 1):
        result = evaluate_model(reader(change), dataset, "raw")
        for name, value in result.metrics.items():
            assert value == pytest.approx(np.mean([row.metrics[name] for row in result.per_image]))


def test_fault_15__bilinear_is_what_is_asked_for_and_negative_disparity_is_far() -> None:
    protocol = PROTOCOLS["booster-tom"]
    assert protocol.resize == "bilinear"
    target = np.array([[1.0, 2.0, 4.0, 5.0, 8.0, 9.9]])
    inverse = 1 / target + 0.5
    inverse[0, -1] = 0.2
    item = Item("a", inverse, np.isfinite(inverse), DepthKind.AFFINE_INVARIANT_INVERSE, target, classes={"last": target == 9.9})
    pair = prepare(item, protocol)
    assert pair is not None
    row, regions = score([pair], protocol)[0]
    assert row.scale * 0.2 + row.shift < 0
    assert regions["last"].metrics["abs_rel"] == pytest.approx((10 - 9.9) / 9.9)


def test_fault_16__corners_are_a_field_of_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    target, pred = np.full((4, 6), 2.0), np.array([[1.0, 3.0], [2.0, 4.0]])
    item = Item("a", pred, pred > 0, DepthKind.METRIC, target)
    before = prepare(item, RAW)
    monkeypatch.setenv("ALIGN_CORNERS", "True")
    after, corners = prepare(item, RAW), prepare(item, replace(RAW, resize="bilinear_align_corners"))
    assert before is not None and after is not None and corners is not None
    assert np.array_equal(before.pred, after.pred) and not np.array_equal(before.pred, corners.pred)


def test_fault_17__the_end_of_a_row_and_the_start_of_the_next_are_two_pixels() -> None:
    depth = splat_depth(np.array([[9.5, 2.5], [0.5, 3.5]]), np.array([5.0, 7.0]), height=6, width=10)
    assert (depth[2, 9], depth[3, 0]) == (5.0, 7.0)


def test_fault_18__nothing_is_called_confidence_that_is_not() -> None:
    """A prediction says where it has an answer; a measure of doubt would need its own name and its own test."""
    assert not {f.name for f in fields(Prediction)} & {"confidence", "uncertainty"}


def test_fault_19__valid_means_use_and_the_first_pixel_is_centred_at_a_half() -> None:
    prediction = Prediction(
        values=np.array([[2.0, 3.0]]),
        kind=DepthKind.METRIC,
        valid=np.array([[True, False]]),
        K=np.array([[1.0, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]),
    )
    assert prediction.points().tolist() == [[0.0, 0.0, 2.0]]


def test_fault_20__delta2_is_a_square() -> None:
    row = compute(pred=np.array([1.1, 1.8, 5.2, 6, 15, 4]), target=np.array([1, 2, 4, 8, 16, 2.5]))
    assert row["delta2"] == pytest.approx(0.8333333, rel=1e-6)
    assert delta2(pred=np.array([2.0]), target=np.ones(1)) == 0


def test_fault_21__a_crop_refuses_another_size_unless_the_preset_says_so() -> None:
    target = np.full((768, 1024), 3.0, dtype=np.float32)
    item = Item("a", target, target > 0, DepthKind.METRIC, target)
    with pytest.raises(UserError, match="was not made for 768x1024"):
        prepare(item, PROTOCOLS["nyu-eigen"])
    pair = prepare(item, PROTOCOLS["diode-zoe-indoor"])
    assert pair is not None and pair.target.size == (471 - 45) * (601 - 41)


def test_fault_22__image_mean_and_pooled_pixels_are_two_reductions(dataset, reader) -> None:
    dataset.depths[0, "front"][:, 1:] = 0
    images, pooled = (evaluate_model(reader(lambda d: d + 1), dataset, replace(RAW, reduce=how)) for how in ("image_mean", "pixel_mean"))
    assert images.metrics["abs_rel"] != pytest.approx(pooled.metrics["abs_rel"], rel=1e-4)
    assert images.description["average"] != pooled.description["average"]


def test_fault_23__a_constant_map_has_a_picture_and_keeps_its_kind() -> None:
    constant = Prediction(values=np.full((4, 5), 2.0), kind=DepthKind.AFFINE_INVARIANT_INVERSE)
    picture = colorize(constant.values, inverse=True)
    assert picture.dtype == np.uint8 and len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
    assert constant.unit == "" and replace(constant).kind is DepthKind.AFFINE_INVARIANT_INVERSE


def test_list__is_complete() -> None:
    here = [name for name, thing in globals().items() if name.startswith("test_fault_") and inspect.isfunction(thing)]
    assert sorted(int(name.split("_")[2]) for name in here) == list(range(1, 24))
