"""evaluate_model: streaming over a data set, alignment scopes, regions, reductions, refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.metrics import compute
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import PROTOCOLS
from leadline.types import DepthKind, KindError, UserError

RAW, RENDERED = PROTOCOLS["raw"], PROTOCOLS["rendered"]
MEDIAN = replace(RAW, name="median", align="median")


def test_evaluate_model__ten_percent_too_far(dataset, reader) -> None:
    result = evaluate_model(reader(lambda d: 1.1 * d), dataset, "rendered")
    assert result.metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)
    assert result.metrics["delta1"] == 1
    assert (result.num_images, result.num_pixels) == (8, 8 * 12 * 20)
    assert (result.predictor, result.data, str(result.protocol)) == ("reader", "memory:test", "rendered (version 1)")
    assert [row.camera for row in result.per_image] == ["front", "back"] * 4
    assert result.notes == ()
    assert result.description["resize"].startswith("not needed")


def test_evaluate_model__is_the_mean_over_images_not_pixels(dataset, reader) -> None:
    dataset.depths[0, "front"][:, 1:] = 0
    change = reader(lambda d: d + 1)
    rows = [compute(pred=d[d > 0] + 1, target=d[d > 0]) for d in dataset.depths.values()]
    by_image = evaluate_model(change, dataset, RAW)
    assert by_image.metrics["rmse_log"] == pytest.approx(np.mean([row["rmse_log"] for row in rows]), rel=1e-5)
    pooled_target = np.concatenate([d[d > 0] for d in dataset.depths.values()])
    pooled = evaluate_model(change, dataset, replace(RAW, reduce="pixel_mean"))
    assert pooled.metrics["rmse_log"] == pytest.approx(compute(pred=pooled_target + 1, target=pooled_target)["rmse_log"], rel=1e-5)
    assert pooled.metrics["abs_rel"] != pytest.approx(by_image.metrics["abs_rel"], rel=1e-6)


def test_evaluate_model__camera_mean_weighs_cameras_alike(dataset, reader) -> None:
    """Bug 8 and the surround presets: what one camera lacks must not count as zero."""
    skipping = replace(RAW, reduce="camera_mean", too_few="skip")
    for frame in (0, 1, 2):
        dataset.depths[frame, "back"][:] = 0
    result = evaluate_model(reader(lambda d: d + 1), dataset, skipping, regions=["camera"])
    front, back = (result.regions[f"camera:{name}"] for name in ("front", "back"))
    assert (front.num_images, back.num_images) == (4, 1)
    assert result.metrics["abs_rel"] == pytest.approx((front.metrics["abs_rel"] + back.metrics["abs_rel"]) / 2)


def test_evaluate_model__skipped_images_are_counted_and_do_not_bias(dataset, reader) -> None:
    """Bugs 7 and 8: an empty mask is neither NaN nor a zero in the mean."""
    skipping = replace(RAW, too_few="skip")
    whole = evaluate_model(reader(lambda d: 1.1 * d), dataset, skipping)
    dataset.depths[1, "back"][:] = 0
    result = evaluate_model(reader(lambda d: 1.1 * d), dataset, skipping)
    assert result.num_images == 7
    assert result.skipped == ("/memory/1/back.png",)
    assert any("1 images skipped" in note and "/memory/1/back.png" in note for note in result.notes)
    assert result.metrics["abs_rel"] == pytest.approx(whole.metrics["abs_rel"], rel=1e-6)


def test_evaluate_model__empty_mask_is_an_error_that_names_the_image(dataset, reader) -> None:
    dataset.depths[1, "back"][:] = 0
    with pytest.raises(UserError, match=r"/memory/1/back\.png: no valid pixel"):
        evaluate_model(reader(), dataset, "rendered")
    for depth in dataset.depths.values():
        depth[:] = 0
    with pytest.raises(UserError, match="all 8 images"):
        evaluate_model(reader(), dataset, replace(RAW, too_few="skip"))


@pytest.mark.parametrize("scope", ["image", "rig", "camera", "dataset"])
def test_evaluate_model__does_not_depend_on_batch_size(dataset, batch_reader, scope: str) -> None:
    """Bug 9: medians and means over the batch."""
    protocol = replace(MEDIAN, align_scope=scope)
    results = [evaluate_model(batch_reader(np.sqrt), dataset, protocol, batch_size=size) for size in (1, 2, 3, 8)]
    for other in results[1:]:
        assert other.metrics == results[0].metrics
        assert sorted(row.name for row in other.per_image) == sorted(row.name for row in results[0].per_image)


def test_evaluate_model__alignment_scope_pools_what_it_says(dataset, reader) -> None:
    for frame in range(4):
        dataset.depths[frame, "back"] *= 0.5
    expected = {"image": 8, "rig": 4, "camera": 2, "dataset": 1}
    for scope, num_scales in expected.items():
        result = evaluate_model(reader(np.sqrt), dataset, replace(MEDIAN, align_scope=scope))
        assert len({row.scale for row in result.per_image}) == num_scales
    pooled = np.concatenate([d.ravel() for d in dataset.depths.values()])
    seen = np.sqrt(np.round(pooled * 10) / 10)
    assert result.per_image[0].scale == pytest.approx(np.median(pooled) / np.median(seen), rel=1e-5)


def test_evaluate_model__per_image_median_scale_removes_any_factor(dataset, reader) -> None:
    result = evaluate_model(reader(lambda d: 0.03 * d, DepthKind.SCALE_INVARIANT), dataset, MEDIAN)
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert result.per_image[0].scale == pytest.approx(1 / 0.03, rel=1e-5)
    assert "scales 33.33" in result.description["alignment"]


@pytest.mark.parametrize("kind", list(DepthKind)[1:])
def test_evaluate_model__refuses_a_kind_before_any_prediction(dataset, reader, kind: DepthKind) -> None:
    predictor = reader(kind=kind)
    with pytest.raises(KindError, match=f"reader: {kind.value} predictions cannot be scored under 'raw'"):
        evaluate_model(predictor, dataset, "raw")
    assert predictor.calls == 0


def test_evaluate_model__affine_inverse_is_recovered(dataset, reader) -> None:
    predictor = reader(lambda d: 3.0 / d + 0.2, DepthKind.AFFINE_INVARIANT_INVERSE)
    result = evaluate_model(predictor, dataset, "affine-disp-marigold")
    assert result.metrics["abs_rel"] < 1e-5
    assert (result.per_image[0].scale, result.per_image[0].shift) == pytest.approx((1 / 3, -0.2 / 3), rel=1e-4)


def test_evaluate_model__pixels_without_an_answer(dataset, reader) -> None:
    def holes(depth: np.ndarray) -> np.ndarray:
        out = depth.copy()
        out[0, :3] = (np.nan, np.inf, 0.0)
        return out

    with pytest.raises(UserError, match=r"/memory/0/front\.png: .* no finite, positive answer at 3 of 240 valid pixels"):
        evaluate_model(reader(holes), dataset, "rendered")
    result = evaluate_model(reader(holes), dataset, "raw")
    assert result.num_pixels == 8 * (240 - 3)
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert "24 pixels of 8 images have no finite prediction and were left out" in result.notes
    clamped = evaluate_model(reader(holes), dataset, replace(RAW, unanswered="clamp", clamp=(0.5, 50.0)))
    truth = dataset.depths[0, "front"].astype(np.float64)
    filled = truth.copy()
    filled[0, :3] = (0.5, 50.0, 0.5)
    assert clamped.per_image[0].metrics["abs_rel"] == pytest.approx(compute(pred=filled, target=truth)["abs_rel"], rel=1e-5)


def test_evaluate_model__everything_unanswered_is_an_error_under_raw(dataset, reader) -> None:
    with pytest.raises(UserError, match=r"no valid pixel \(240 without an answer left out\)"):
        evaluate_model(reader(lambda d: np.full_like(d, np.nan)), dataset, "raw")


def test_evaluate_model__usable_mask_and_materials(dataset, reader) -> None:
    dataset.usable = np.ones((12, 20), dtype=bool)
    dataset.usable[6:] = False

    def wrong_mirrors(depth: np.ndarray) -> np.ndarray:
        out = depth.copy()
        out[:, 10:] *= 1.5
        return out

    result = evaluate_model(reader(wrong_mirrors), dataset, "rendered", regions=["material", "camera"])
    assert result.num_pixels == 8 * 6 * 20
    assert set(result.regions) == {"material:diffuse", "material:mirror", "camera:front", "camera:back"}
    assert result.regions["material:mirror"].metrics["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    assert result.regions["material:diffuse"].metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert result.regions["material:mirror"].num_pixels == 8 * 6 * 10
    assert "boundary_f1" not in result.regions["material:mirror"].metrics
    assert "boundary_f1" in result.regions["camera:front"].metrics
    assert evaluate_model(reader(wrong_mirrors), dataset, "raw").num_pixels == 8 * 12 * 20, "raw knows no mask"


def test_evaluate_model__range_is_open(dataset, reader) -> None:
    dataset.depths = {key: np.full((12, 20), 5.0, dtype=np.float32) for key in dataset.depths}
    for depth in dataset.depths.values():
        depth[0, :3] = (0.5, 80.0, 80.1)
    limits = replace(RAW, min_depth=0.5, max_depth=80.0)
    assert evaluate_model(reader(), dataset, limits).num_pixels == 8 * (240 - 3)
    assert evaluate_model(reader(), dataset, replace(limits, bounds="closed")).num_pixels == 8 * (240 - 1)


def test_evaluate_model__flip_is_averaged(dataset, reader) -> None:
    """Bug 5: a flip-equivariant model is unchanged by the flip mean, another is not."""
    flipped = replace(RAW, tta="flip_mean")
    same = reader(lambda d: 1.2 * d)
    assert evaluate_model(same, dataset, flipped).metrics == pytest.approx(evaluate_model(same, dataset, RAW).metrics, rel=1e-6)
    assert same.calls == 24

    def left_is_far(depth: np.ndarray) -> np.ndarray:
        out = depth.copy()
        out[:, :10] *= 1.4
        return out

    assert evaluate_model(reader(left_is_far), dataset, flipped).metrics["abs_rel"] == pytest.approx(0.2, rel=1e-5)
    assert evaluate_model(reader(left_is_far), dataset, flipped).metrics["silog"] == pytest.approx(0, abs=1e-4)


def test_evaluate_model__two_cameras_keep_their_own_K(dataset, reader) -> None:
    """Bug 4: the last image's intrinsics used for all."""
    dataset.depths = {key: d if key[1] == "front" else d[:, :10].copy() for key, d in dataset.depths.items()}
    seen = []

    class Spy(reader):
        def predict(self, image: np.ndarray, K: np.ndarray | None = None):
            seen.append(K[0, 0])
            return super().predict(image, K)

    evaluate_model(Spy(), dataset, "raw", batch_size=4)
    assert seen == [20.0, 10.0] * 4


def test_evaluate_model__resizes_by_the_rule_and_says_so(dataset, reader) -> None:
    dataset.depths = {key: np.tile(np.linspace(2, 9, 20).round(1), (12, 1)).astype(np.float32) for key in dataset.depths}
    half = reader(lambda d: (d.reshape(6, 2, 10, 2)).mean(axis=(1, 3)))
    result = evaluate_model(half, dataset, "raw")
    assert "6x10 to 12x20 (8)" in result.description["resize"]
    assert result.metrics["abs_rel"] < 0.03
    inverse = evaluate_model(half, dataset, replace(RAW, upsample_what="inverse_depth"))
    corners = evaluate_model(half, dataset, replace(RAW, resize="bilinear_align_corners"))
    nearest = evaluate_model(half, dataset, replace(RAW, resize="nearest"))
    assert len({round(r.metrics["abs_rel"], 9) for r in (result, inverse, corners, nearest)}) == 4


def test_evaluate_model__input_crop_moves_image_truth_and_K_together(memory, reader) -> None:
    data = memory(frames=1, cameras=("left",), height=375, width=1242)
    data.depths = {key: depth.round(1) for key, depth in data.depths.items()}
    seen = []

    class Spy(reader):
        def predict(self, image: np.ndarray, K: np.ndarray | None = None):
            seen.append((image.shape, K[0, 2], K[1, 2]))
            return super().predict(image, K)

    result = evaluate_model(Spy(), data, replace(RAW, input_crop="kb", crop="garg"))
    assert seen == [((352, 1216, 3), 621 - 13, 187.5 - 23)]
    assert result.num_pixels == (349 - 143) * (1172 - 43)
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)


def test_evaluate_model__counts_images_against_the_protocol(dataset, reader) -> None:
    counted = replace(RAW, name="counted", num_images=100, split="Eigen test")
    with pytest.raises(UserError, match="gives 8 images, and 'counted' is defined on 100"):
        evaluate_model(reader(), dataset, counted)
    assert "8 of 100 images" in evaluate_model(reader(), dataset, counted, partial=True).notes[0]
    limited = evaluate_model(reader(), dataset, counted, limit=3)
    assert limited.num_images == 3
    assert limited.notes[0] == "partial: the first 3 of 8 images"
    assert evaluate_model(reader(), dataset, replace(counted, num_images=8)).notes == ()


def test_evaluate_model__says_what_the_data_lacks(dataset, reader) -> None:
    dataset.layers = frozenset({"usable"})
    with pytest.raises(UserError, match="has no depth"):
        evaluate_model(reader(), dataset, "raw")
    dataset.layers = frozenset({"depth"})
    with pytest.raises(UserError, match="has no material"):
        evaluate_model(reader(), dataset, "raw", regions=["material"])
    dataset.frames = 0
    with pytest.raises(UserError, match="holds no image"):
        evaluate_model(reader(), dataset, "raw")


def test_evaluate_model__constant_prediction_cannot_be_fitted(dataset, reader) -> None:
    constant = reader(lambda d: np.full_like(d, 0.5), DepthKind.AFFINE_INVARIANT_INVERSE)
    with pytest.raises(UserError, match=r"/memory/0/front\.png: cannot be aligned: the prediction is constant"):
        evaluate_model(constant, dataset, "affine-disp-marigold")


def test_evaluate_model__aligned_depth_must_stay_positive(dataset, reader) -> None:
    fit = Protocol("fit", "", "", align="lstsq", align_positive_only=True)
    behind = reader(lambda d: np.where(d > 20, d, -300.0), DepthKind.AFFINE_INVARIANT)
    with pytest.raises(UserError, match="predicted depths are not positive; use a protocol that clamps"):
        evaluate_model(behind, dataset, fit)
    assert evaluate_model(behind, dataset, replace(fit, clamp=(0.1, 80.0))).num_images == 8


def test_evaluate_model__reports_progress(dataset, reader) -> None:
    done: list[int] = []
    evaluate_model(reader(), dataset, "raw", progress=done.append)
    assert sum(done) == 8


def test_to_record__is_plain_json(dataset, reader) -> None:
    record = evaluate_model(reader(), dataset, "rendered", regions=["material"]).to_record()
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text)["protocol"]["name"] == "rendered"
    assert len(record["per_image"]) == 8
    assert record["num_skipped"] == 0
