"""ONNX files that leadline has not made: run where they can be understood, otherwise named by what is missing."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import leadline.runtime
from leadline.runtime.foreign import IMAGENET_MEAN, IMAGENET_STD, Said
from leadline.types import DepthKind, UserError
from tests.fixtures.tiny_exports import HEIGHT, WIDTH, write_foreign

IMAGE = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
KIND = DepthKind.AFFINE_INVARIANT_INVERSE
PLAIN = Said(mean=(0, 0, 0), std=(1, 1, 1))


@pytest.mark.parametrize("channel", [True, False])
@pytest.mark.parametrize("image", [[1, 3, HEIGHT, WIDTH], ["n", 3, HEIGHT, WIDTH], [1, HEIGHT, WIDTH, 3], ["n", HEIGHT, WIDTH, 3]])
def test_foreign__float_pictures_of_either_layout(tmp_path: Path, image: list[int | str], channel: bool) -> None:
    path = write_foreign(tmp_path / "net.onnx", image, channel=channel)
    model = leadline.runtime.open(path, kind=KIND, said=PLAIN)
    for prediction in model.predict_batch([IMAGE, IMAGE]):
        np.testing.assert_allclose(prediction.values, IMAGE.mean(axis=2) / 255, rtol=1e-4, atol=1e-6)
        assert (prediction.kind, prediction.model) == (KIND, "net")
        assert "was not made by leadline" in prediction.notes[0]


def test_foreign__colours_are_scaled_as_those_of_imagenet_unless_said_otherwise(tmp_path: Path) -> None:
    model = leadline.runtime.open(write_foreign(tmp_path / "net.onnx", [1, 3, HEIGHT, WIDTH]), kind=KIND)
    prediction = model.predict(IMAGE)
    np.testing.assert_allclose(prediction.values, ((IMAGE / 255 - IMAGENET_MEAN) / IMAGENET_STD).mean(axis=2), rtol=1e-3, atol=1e-4)
    assert "which was assumed" in prediction.notes[1]


def test_foreign__bytes_and_half_floats(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "bytes.onnx", [1, HEIGHT, WIDTH, 3], dtype=TensorProto.UINT8)
    prediction = leadline.runtime.open(path, kind=KIND).predict(IMAGE)
    np.testing.assert_allclose(prediction.values, IMAGE.mean(axis=2), rtol=1e-5)
    assert len(prediction.notes) == 1
    half = write_foreign(tmp_path / "half.onnx", [1, 3, HEIGHT, WIDTH], dtype=TensorProto.FLOAT16)
    prediction = leadline.runtime.open(half, kind=KIND, said=PLAIN).predict(IMAGE)
    np.testing.assert_allclose(prediction.values, IMAGE.mean(axis=2) / 255, rtol=2e-3, atol=1e-3)


def test_foreign__a_picture_of_another_shape_is_stretched_and_that_is_said(tmp_path: Path) -> None:
    model = leadline.runtime.open(write_foreign(tmp_path / "net.onnx", [1, 3, HEIGHT, WIDTH]), kind=KIND, said=PLAIN)
    prediction = model.predict(np.full((100, 300, 3), 51, dtype=np.uint8))
    np.testing.assert_allclose(prediction.values, np.full((100, 300), 0.2), rtol=1e-4)
    assert "stretched to 96x64 px" in prediction.notes[0]


def test_foreign__a_size_that_may_vary_has_to_be_said(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "net.onnx", [1, 3, "h", "w"])
    with pytest.raises(UserError, match=r"several sizes.*say which it was made for: --option size=HEIGHTxWIDTH"):
        leadline.runtime.open(path, kind=KIND)
    model = leadline.runtime.open(path, kind=KIND, said=Said(size=(32, 64)))
    assert model.predict(IMAGE).values.shape == (HEIGHT, WIDTH)
    assert model.prepare(leadline.runtime.model.Photo(IMAGE)).inputs.shape == (3, 32, 64)
    with pytest.raises(UserError, match="not of 32x64 px; leave the size out"):
        leadline.runtime.open(write_foreign(path, [1, 3, HEIGHT, WIDTH]), kind=KIND, said=Said(size=(32, 64)))


def test_foreign__its_kind_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"net\.onnx: was not made by leadline and does not say what its values are; say --kind"):
        leadline.runtime.open(write_foreign(tmp_path / "net.onnx", [1, 3, HEIGHT, WIDTH]))


@pytest.mark.parametrize(
    ("image", "options", "named"),
    [
        ([1, 3, HEIGHT, WIDTH], {"inputs": 2}, "has 2 inputs: picture .1, 3, 64, 96. float32, other"),
        ([1, 3, HEIGHT, WIDTH], {"outputs": 2}, "2 of its outputs can be a depth map: depth0 .*, depth1"),
        ([1, 3, HEIGHT, WIDTH], {"dtype": TensorProto.INT64}, "its input is picture .1, 3, 64, 96. int64"),
        ([1, 4, HEIGHT, WIDTH], {}, "its input is picture .1, 4, 64, 96."),
        ([1, 3, HEIGHT, 3], {}, "its input is picture .1, 3, 64, 3."),
        ([1, 3, 4, 4], {}, "0 of its outputs can be a depth map"),
    ],
)
def test_foreign__what_cannot_be_understood_is_named(tmp_path: Path, image: list[int | str], options: dict[str, int], named: str) -> None:
    path = write_foreign(tmp_path / "net.onnx", image, **options)
    with pytest.raises(UserError, match=named):
        leadline.runtime.open(path, kind=KIND)
