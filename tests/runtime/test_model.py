"""RuntimeModel: sizes, cameras, batches, rigs, and pictures that an exported network cannot be shown. The right answer is known by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import leadline.runtime
from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.exported import Exported
from leadline.io.image import write_image
from leadline.runtime.model import RuntimeModel
from leadline.types import DepthKind, ScaleSource, UserError
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_onnx


def opened(folder: Path, about: Exported) -> RuntimeModel:
    return leadline.runtime.open(write_onnx(folder / "net.onnx", about), threads=1)


def grey(height: int, width: int, level: int = 51) -> np.ndarray:
    """A picture of one grey, a fifth of white."""
    return np.full((height, width, 3), level, dtype=np.uint8)


def K_of(height: int, width: int, focal_px: float = 80.0) -> np.ndarray:
    return np.array([[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1.0]])


def ring(num: int = 4, width: int = WIDTH) -> Rig:
    cameras = []
    for i in range(num):
        yaw = 2 * np.pi * i / num
        pose = np.eye(4)
        pose[:3, :3] = [[np.sin(yaw), 0, np.cos(yaw)], [-np.cos(yaw), 0, np.sin(yaw)], [0, -1, 0]]
        cameras.append(Camera(K_of(HEIGHT, width, 80.0 + 10 * i), width=width, height=HEIGHT, name=f"cam{i}", rig_from_cam=pose))
    return Rig(tuple(cameras))


def test_predict__says_what_the_file_says(tmp_path: Path) -> None:
    model = opened(tmp_path, PLAIN)
    prediction = model.predict(grey(HEIGHT, WIDTH), K_of(HEIGHT, WIDTH))
    assert (model.name, model.kind, model.licence, model.rig) == ("hand", DepthKind.METRIC, "Apache-2.0", False)
    assert (prediction.model, prediction.scale_source, prediction.unit, prediction.notes) == ("hand", ScaleSource.TRAINING, "m", ())
    np.testing.assert_allclose(prediction.values, 1.2, rtol=1e-6)
    relative = opened(tmp_path, replace(PLAIN, kind=DepthKind.AFFINE_INVARIANT_INVERSE)).predict(grey(HEIGHT, WIDTH))
    assert (relative.scale_source, relative.K) == (ScaleSource.NONE, None)


@pytest.mark.parametrize("preprocess", ["inside", "outside"])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (128, 192), (60, 96), (480, 720)])
def test_predict__fixed_size_K_and_size_follow(tmp_path: Path, preprocess: str, height: int, width: int) -> None:
    """The graph sees the focal length at its own size, and the answer has the size of the picture."""
    model = opened(tmp_path, with_camera(preprocess=preprocess))
    prediction = model.predict(grey(height, width), K_of(height, width, 300.0))
    assert prediction.values.shape == (height, width)
    np.testing.assert_allclose(prediction.values, 1.2 * 300 * WIDTH / width / 100, rtol=1e-5)
    assert prediction.K is not None
    np.testing.assert_array_equal(prediction.K, K_of(height, width, 300.0))


@pytest.mark.parametrize(("height", "width"), [(64, 96), (375, 1242), (300, 200), (33, 33)])
def test_predict__dynamic_size_keeps_the_width_of_training(tmp_path: Path, height: int, width: int) -> None:
    model = opened(tmp_path, with_camera(dynamic=("batch", "size")))
    prediction = model.predict(grey(height, width), K_of(height, width, 100.0))
    assert prediction.values.shape == (height, width)
    np.testing.assert_allclose(prediction.values, 1.2 * WIDTH / width, rtol=1e-5)


def test_predict__dynamic_and_inside_takes_pictures_as_they_are(tmp_path: Path) -> None:
    """The graph answers at the size of the picture; K is that of the network's size all the same."""
    model = opened(tmp_path, with_camera(dynamic=("size",), preprocess="inside"))
    image = np.random.default_rng(0).integers(0, 255, (120, 192, 3), dtype=np.uint8)
    prediction = model.predict(image, K_of(120, 192, 100.0))
    np.testing.assert_allclose(prediction.values, (1 + image.mean(axis=2) / 255) / 2, rtol=1e-5)


def test_predict__letterbox_shows_the_whole_picture_and_no_border_comes_back(tmp_path: Path) -> None:
    model = opened(tmp_path, with_camera(fit="letterbox"))
    prediction = model.predict(grey(100, 400), K_of(100, 400, 200.0))
    np.testing.assert_allclose(prediction.values, 1.2 * 200 * 96 / 400 / 100, rtol=1e-5)
    assert prediction.usable.all()


def test_predict__another_shape_than_a_fixed_size_is_refused(tmp_path: Path) -> None:
    for about in (PLAIN, replace(PLAIN, preprocess="inside", dynamic=("size",))):
        with pytest.raises(UserError, match="image 0: is 200x100 px, and hand was exported for 96x64: another shape; crop it, or export"):
            opened(tmp_path, about).predict(grey(100, 200))


def test_predict__normalisation_and_letterbox_black(tmp_path: Path) -> None:
    mean, std = (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)
    model = opened(tmp_path, replace(PLAIN, mean=mean, std=std, kind=DepthKind.AFFINE_INVARIANT))
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    expected = 1 + ((image / 255 - mean) / std).mean(axis=2)
    np.testing.assert_allclose(model.predict(image).values, expected, rtol=1e-4, atol=1e-5)
    boxed = opened(tmp_path, replace(PLAIN, mean=mean, std=std, fit="letterbox"))
    job = boxed.prepare(leadline.runtime.model.Photo(grey(64, 64, 0)))
    np.testing.assert_allclose(job.inputs[:, 0, 0], job.inputs[:, 32, 48], rtol=1e-6)


def test_predict__valid_of_the_graph(tmp_path: Path) -> None:
    model = opened(tmp_path, replace(PLAIN, outputs=("values", "valid")))
    image = grey(128, 192)
    image[:, 96:] = 255
    prediction = model.predict(image)
    assert prediction.usable[:, :95].all() and not prediction.usable[:, 97:].any()


@pytest.mark.parametrize("dynamic", [("batch", "size"), ("size",)])
def test_predict_batch__equals_one_by_one(tmp_path: Path, dynamic: tuple[str, ...]) -> None:
    model = opened(tmp_path, with_camera(dynamic=dynamic))
    rng = np.random.default_rng(0)
    sizes = [(64, 96), (240, 320), (64, 96), (200, 100)]
    images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]
    Ks = [K_of(*size, 70.0 + i) for i, size in enumerate(sizes)]
    for image, K, prediction in zip(images, Ks, model.predict_batch(images, Ks), strict=True):
        np.testing.assert_array_equal(prediction.values, model.predict(image, K).values)
    assert model.predict_batch([]) == []


def test_predict__cameras_as_they_are_known(tmp_path: Path) -> None:
    model = opened(tmp_path, with_camera())
    assumed = model.predict(grey(HEIGHT, WIDTH))
    assert "60 degrees" in assumed.notes[0]
    np.testing.assert_array_equal(assumed.values, model.predict(grey(HEIGHT, WIDTH), fov_x_deg=60).values)
    with pytest.raises(UserError, match="both given"):
        model.predict(grey(HEIGHT, WIDTH), K_of(HEIGHT, WIDTH), fov_x_deg=60)
    with pytest.raises(UserError, match="principal point"):
        model.predict(grey(HEIGHT, WIDTH), K_of(2 * HEIGHT, 2 * WIDTH))
    with pytest.raises(UserError, match="images need at least 32 px"):
        model.predict(grey(8, 8))


def test_predict__path(tmp_path: Path) -> None:
    model = opened(tmp_path, PLAIN)
    write_image(tmp_path / "a.png", grey(HEIGHT, WIDTH))
    np.testing.assert_array_equal(model.predict(tmp_path / "a.png").values, model.predict(grey(HEIGHT, WIDTH)).values)


@pytest.mark.parametrize("dynamic", [(), ("batch",)])
def test_predict_rig__every_camera_with_its_own_K(tmp_path: Path, dynamic: tuple[str, ...]) -> None:
    model, rig = opened(tmp_path, with_camera(dynamic=dynamic)), ring()
    images = {name: grey(HEIGHT, WIDTH, 51 * i) for i, name in enumerate(rig.names)}
    predictions = model.predict_rig(images, rig)
    assert tuple(predictions) == rig.names
    for i, camera in enumerate(rig.cameras):
        np.testing.assert_allclose(predictions[camera.name].values, (1 + 0.2 * i) * camera.K[0, 0] / 100, rtol=1e-5)
    with pytest.raises(UserError, match="no image for camera cam1, cam2"):
        model.predict_rig({name: images[name] for name in ("cam0", "cam3")}, rig)


@pytest.mark.parametrize("about", [with_camera(views=4), with_camera(views=4, dynamic=("views", "batch"))])
def test_predict_rig__a_joint_network_sees_all_cameras(tmp_path: Path, about: Exported) -> None:
    model, rig = opened(tmp_path, about), ring()
    images = {name: grey(HEIGHT, WIDTH, 51 * i) for i, name in enumerate(rig.names)}
    assert model.rig
    for there in (rig.names, ("cam0", "cam3")):
        predictions = model.predict_rig({name: images[name] for name in there}, rig, partial=True)
        assert tuple(predictions) == there, "black pictures in the place of missing cameras are not answered for"
        for name in there:
            i = rig.names.index(name)
            np.testing.assert_allclose(predictions[name].values, (1 + 0.2 * i) * rig.cameras[i].K[0, 0] / 100, rtol=1e-5)


def test_predict_rig__a_joint_network_of_a_fixed_number(tmp_path: Path) -> None:
    model, rig = opened(tmp_path, with_camera(views=4)), ring(3)
    with pytest.raises(UserError, match="has 3 cameras, and hand looks at 4 together; export it for this rig"):
        model.predict_rig({name: grey(HEIGHT, WIDTH) for name in rig.names}, rig)
    with pytest.raises(UserError, match="looks at 4 cameras together; predict with a rig"):
        model.predict(grey(HEIGHT, WIDTH))
    wide = ring(4, width=2 * WIDTH)
    with pytest.raises(UserError, match="another shape"):
        model.predict_rig({name: grey(HEIGHT, WIDTH) for name in wide.names}, wide)


@pytest.mark.parametrize("about", [PLAIN, with_camera(views=4), with_camera(preprocess="inside", dynamic=("size",))])
def test_warm_up__runs_whatever_the_graph_takes(tmp_path: Path, about: Exported) -> None:
    opened(tmp_path, about).warm_up()


def test_open__says_no_to_what_the_file_contradicts(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "net.onnx", PLAIN)
    with pytest.raises(UserError, match="gives metric values, not affine_invariant"):
        leadline.runtime.open(path, kind=DepthKind.AFFINE_INVARIANT)
    with pytest.raises(UserError, match="says itself how it wants its pictures"):
        leadline.runtime.open(path, said=leadline.runtime.model.Said(size=(64, 96)))
