"""Predictions: every kind allows what it knows and refuses the rest with a sentence that says what to do."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.geometry.projection import unproject
from leadline.io.depth import read_depth
from leadline.io.pointcloud import read_points
from leadline.prediction import Prediction
from leadline.types import DepthKind, KindError, ScaleSource, UserError

K = np.array([[4.0, 0.2, 1.4], [0, 5, 1.1], [0, 0, 1]])
VALUES = np.array([[1, 2, 4], [0.5, 8, 16]], dtype=np.float32)
RELATIVE = [DepthKind.SCALE_INVARIANT, DepthKind.AFFINE_INVARIANT, DepthKind.AFFINE_INVARIANT_INVERSE]
AFFINE = RELATIVE[1:]


def prediction(kind: DepthKind = DepthKind.METRIC, **fields: object) -> Prediction:
    return Prediction(**({"values": VALUES, "kind": kind, "K": K, "model": "net"} | fields))  # pyright: ignore[reportArgumentType]


def test_prediction__unit():
    assert prediction().unit == "m"
    assert {prediction(kind).unit for kind in RELATIVE} == {""}


def test_prediction__words_may_be_plain_strings():
    given = Prediction(values=VALUES, kind="metric", scale_source="median")  # pyright: ignore[reportArgumentType]
    assert (given.kind, given.scale_source) == (DepthKind.METRIC, ScaleSource.MEDIAN)


@pytest.mark.parametrize("kind", DepthKind)
def test_prediction__valid_is_never_true_where_the_value_is_none(kind: DepthKind):
    values = np.array([[np.nan, np.inf, -np.inf], [0, -2, 3]])
    positive_only = kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT)
    expected = [[False, False, False], [not positive_only, not positive_only, True]]
    np.testing.assert_array_equal(prediction(kind, values=values).usable, expected)
    withheld = np.ones((2, 3), dtype=bool)
    withheld[1, 2] = False
    assert not prediction(kind, values=values, valid=withheld).usable[1, 2]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"values": np.ones((1, 2, 3))}, "values have shape"),
        ({"valid": np.ones((3, 2), dtype=bool)}, "valid has shape"),
        ({"K": np.eye(4)}, "K has shape"),
    ],
)
def test_prediction__refuses_arrays_that_do_not_fit(fields: dict[str, np.ndarray], says: str):
    with pytest.raises(UserError, match=says):
        prediction(**fields)


def test_depth_m__metres_with_zero_for_no_answer():
    valid = np.array([[True, True, True], [True, True, False]])
    np.testing.assert_array_equal(prediction(valid=valid).depth_m(), np.where(valid, VALUES, 0))
    assert prediction().depth_m().dtype == np.float32


@pytest.mark.parametrize("kind", RELATIVE)
def test_depth_m__refuses_relative_kinds_and_says_what_to_do(kind: DepthKind):
    with pytest.raises(KindError, match=r"net: .* are not metres; .*\.aligned\(scale"):
        prediction(kind).depth_m()


def test_inverse_depth__by_kind():
    holes = np.array([[True, False, True], [True, True, True]])
    for kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
        np.testing.assert_allclose(prediction(kind, valid=holes).inverse_depth(), [[1, 0, 0.25], [2, 0.125, 0.0625]])
    np.testing.assert_array_equal(prediction(DepthKind.AFFINE_INVARIANT_INVERSE, valid=holes).inverse_depth(), np.where(holes, VALUES, 0))
    with pytest.raises(KindError, match="cannot be inverted"):
        prediction(DepthKind.AFFINE_INVARIANT).inverse_depth()


@pytest.mark.parametrize("kind", [DepthKind.METRIC, DepthKind.SCALE_INVARIANT])
def test_points__are_those_of_unproject(kind: DepthKind):
    valid = np.array([[True, False, True], [True, True, True]])
    expected = unproject(torch.from_numpy(VALUES), torch.from_numpy(K)).numpy()[valid]
    np.testing.assert_allclose(prediction(kind, valid=valid).points(), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", AFFINE)
def test_points__refuses_affine_kinds(kind: DepthKind):
    with pytest.raises(KindError, match="bent point cloud"):
        prediction(kind).points()


def test_points__refuses_without_intrinsics():
    with pytest.raises(UserError, match="--fov-x-deg"):
        prediction(K=None).points()


def test_aligned__depth_and_inverse_depth():
    metric = prediction(DepthKind.AFFINE_INVARIANT).aligned(2, 1)
    assert (metric.kind, metric.scale_source, metric.unit) == (DepthKind.METRIC, ScaleSource.POINTS, "m")
    np.testing.assert_allclose(metric.depth_m(), 2 * VALUES + 1)
    inverse = prediction(DepthKind.AFFINE_INVARIANT_INVERSE).aligned(0.5, 0.25, source=ScaleSource.TRUTH)
    np.testing.assert_allclose(inverse.depth_m(), 1 / (0.5 * VALUES + 0.25))
    assert inverse.scale_source is ScaleSource.TRUTH
    np.testing.assert_allclose(prediction(DepthKind.SCALE_INVARIANT).aligned(3).points()[:, 2], 3 * VALUES.ravel())


@pytest.mark.parametrize("kind", AFFINE)
def test_aligned__not_positive_is_no_answer_and_never_the_nearest(kind: DepthKind):
    """A negative aligned inverse depth means farther than infinity; Depth4ToM clips it to 1 mm."""
    metric = prediction(kind).aligned(1, -2)
    np.testing.assert_array_equal(metric.usable, VALUES > 2)
    np.testing.assert_array_equal(metric.depth_m() > 0, VALUES > 2)


@pytest.mark.parametrize("kind", DepthKind)
@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_save__what_is_known_survives(tmp_path: Path, kind: DepthKind, suffix: str):
    valid = np.array([[True, False, True], [True, True, True]])
    path = tmp_path / f"depth{suffix}"
    prediction(kind, valid=valid, scale_source=ScaleSource.FOCAL).save(path)
    back = read_depth(path)
    assert (back.kind, back.model, back.scale_source) == (kind, "net", ScaleSource.FOCAL)
    assert back.K is not None
    np.testing.assert_allclose(back.K, K)
    np.testing.assert_array_equal(back.usable, valid)
    np.testing.assert_allclose(back.values[valid], VALUES[valid], atol=1 / 512 if suffix == ".png" else 0)


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_save__points_with_colours(tmp_path: Path, suffix: str):
    path = tmp_path / f"cloud{suffix}"
    valid = np.array([[True, False, True], [True, True, True]])
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    given = prediction(valid=valid)
    given.save(path, image=image)
    points, colors = read_points(path)
    np.testing.assert_allclose(points, given.points(), atol=1e-5)
    np.testing.assert_array_equal(colors, image[valid])


def test_save__points_of_an_affine_kind_are_refused_before_a_file_appears(tmp_path: Path):
    with pytest.raises(KindError):
        prediction(DepthKind.AFFINE_INVARIANT).save(tmp_path / "cloud.ply")
    assert not list(tmp_path.iterdir())
