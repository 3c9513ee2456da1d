"""Several protocols over the same predictions, and the scale scope as an axis of its own."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.evaluation.evaluate import evaluate_many, evaluate_model
from leadline.evaluation.metrics import compute
from leadline.evaluation.protocols import PROTOCOLS, every_scope, matching_protocols, with_metrics, with_scope
from leadline.types import UserError

MEDIAN = PROTOCOLS["median"]


def test_evaluate_many__equals_one_by_one_and_predicts_once(dataset, reader) -> None:
    protocols = ["raw", "median", "rendered", with_scope(MEDIAN, "rig"), PROTOCOLS["ddad-surrounddepth"]]
    predictor = reader(np.sqrt)
    together = evaluate_many(predictor, dataset, protocols, partial=True, batch_size=3)
    assert predictor.calls == 8 + 2 * 8, "the four without flip share their predictions"
    for protocol, result in zip(protocols, together, strict=True):
        alone = evaluate_model(reader(np.sqrt), dataset, protocol, partial=True)
        assert result.metrics == alone.metrics
        assert result.per_image == alone.per_image


def test_evaluate_many__hands_over_what_cannot_be_scored(dataset, reader) -> None:
    refused = []
    results = evaluate_many(
        reader(),
        dataset,
        ["raw", "nyu-eigen", "kitti-zoe", "kitti-benchmark-submission", "da2k"],
        partial=True,
        on_error=lambda protocol, error: refused.append((protocol.name, str(error))),
    )
    assert [r.protocol.name for r in results] == ["raw"]
    assert {name for name, _ in refused} == {"nyu-eigen", "kitti-zoe", "kitti-benchmark-submission", "da2k"}
    assert any("was not made for 12x20" in text for _, text in refused)
    with pytest.raises(UserError, match="was not made for"):
        evaluate_many(reader(), dataset, ["raw", "nyu-eigen"], partial=True)
    with pytest.raises(UserError, match="no protocol could score"):
        evaluate_many(reader(), dataset, ["nyu-eigen"], partial=True, on_error=lambda *_: None)


def test_every_scope__one_scale_for_what_it_says(dataset, reader) -> None:
    results = evaluate_many(reader(np.sqrt), dataset, every_scope(MEDIAN))
    num_scales = {r.protocol.name: len({row.scale for row in r.per_image}) for r in results}
    assert num_scales == {"median": 8, "median+camera-batch": 2, "median+rig": 4, "median+camera": 2, "median+dataset": 1}
    assert len({round(r.metrics["abs_rel"], 9) for r in results}) == 4, "4 frames are one batch of 4: camera and camera-batch agree"
    for result in results[1:]:
        assert any("scale scope" in change for change in result.protocol.differs)
        assert [row.name for row in result.per_image] == [row.name for row in results[0].per_image]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_camera_batch__is_torchs_lower_median_over_neighbours_in_time(dataset, reader, batch: int) -> None:
    """VFDepth's way, by hand: pool `batch` images of a camera, lower medians, metrics of the pool, mean over pools, mean over cameras."""
    dataset.usable = np.ones((12, 20), dtype=bool)
    protocol = replace(PROTOCOLS["ddad-vfdepth"], num_images=None, scope_batch=batch)
    means = []
    for camera in ("front", "back"):
        pools = []
        for start in range(0, 4, batch):
            frames = range(start, min(start + batch, 4))
            g = np.concatenate([dataset.depths[f, camera].ravel().astype(np.float64) for f in frames])
            p = np.sqrt(g)
            lower = [np.sort(v)[(v.size - 1) // 2] for v in (g, p)]
            pools.append(compute(pred=np.clip(p * lower[0] / lower[1], 0, 200), target=g, names=protocol.metrics))
        means.append({name: np.mean([pool[name] for pool in pools]) for name in protocol.metrics})
    expected = {name: np.mean([m[name] for m in means]) for name in protocol.metrics}
    assert evaluate_model(reader(np.sqrt), dataset, protocol, batch_size=3).metrics == pytest.approx(expected, rel=1e-5)


def test_required_mask__must_be_there(dataset, reader) -> None:
    dataset.layers = frozenset({"depth"})
    with pytest.raises(UserError, match="has no usable"):
        evaluate_model(reader(), dataset, "ddad-vfdepth", partial=True)


def test_cameras__only_those_of_the_protocol_are_scored_and_predicted(dataset, reader) -> None:
    protocol = replace(PROTOCOLS["raw"], cameras=("back",))
    predictor = reader()
    result = evaluate_model(predictor, dataset, protocol)
    assert (result.num_images, predictor.calls) == (4, 4)
    with pytest.raises(UserError, match=r"has no camera CAMERA_01 .* its cameras are front, back"):
        evaluate_model(reader(), dataset, "ddad-packnet", partial=True)


def test_counts__moments_of_a_rig(dataset, reader) -> None:
    protocol = replace(PROTOCOLS["ddad-surrounddepth"], num_images=4)
    assert evaluate_model(reader(), dataset, protocol).notes == ()
    with pytest.raises(UserError, match="gives 4 moments, and 'ddad-surrounddepth' is defined on 3950"):
        evaluate_model(reader(), dataset, "ddad-surrounddepth")


def test_with_scope__nothing_to_fit_is_refused() -> None:
    with pytest.raises(UserError, match="'raw' fits nothing"):
        with_scope(PROTOCOLS["raw"], "rig")
    assert with_scope(MEDIAN, "image") is MEDIAN
    assert "camera-batch of 7" in with_scope(MEDIAN, "camera_batch", batch=7).differs[-1]


def test_matching_protocols__patterns() -> None:
    assert {p.name for p in matching_protocols("ddad-unidepth*")} == {"ddad-unidepth-120", "ddad-unidepth-120-si", "ddad-unidepth-120-ssi"}
    assert matching_protocols("raw") == [PROTOCOLS["raw"]]
    with pytest.raises(UserError, match="no protocol is called 'x-"):
        matching_protocols("x-*")


def test_with_metrics__adds_and_refuses(dataset, reader) -> None:
    more = with_metrics(PROTOCOLS["raw"], ("chamfer", "tau"))
    result = evaluate_model(reader(), dataset, more)
    assert {"chamfer", "tau", "abs_rel"} <= result.metrics.keys()
    plain = evaluate_model(reader(), dataset, "raw").metrics
    assert {name: result.metrics[name] for name in plain} == plain
    with pytest.raises(UserError, match="did you mean chamfer"):
        with_metrics(PROTOCOLS["raw"], ("chamfre",))
    with pytest.raises(UserError, match="no pooled form"):
        with_metrics(PROTOCOLS["ddad-vfdepth"], ("chamfer",))


def test_inputs__resized_blanked_and_with_a_fixed_camera(dataset, reader) -> None:
    seen = []

    class Spy(reader):
        def predict(self, image, K=None):
            seen.append((image.copy(), K))
            return super().predict(image, K)

    protocol = replace(PROTOCOLS["raw"], blank_border=2, input_camera=(5.0, 6.0, 7.0, 8.0), unanswered="exclude")
    evaluate_model(Spy(), dataset, protocol, limit=1)
    image, K = seen[0]
    assert not image[:2].any() and not image[:, -2:].any() and image[2:-2, 2:-2].any()
    assert K.tolist() == [[5, 0, 7], [0, 6, 8], [0, 0, 1]]
    evaluate_model(Spy(), dataset, replace(PROTOCOLS["raw"], input_size=(24, 60)), limit=1)
    image, K = seen[1]
    assert image.shape == (24, 60, 3) and (K[0, 0], K[1, 1]) == (60.0, 40.0)
