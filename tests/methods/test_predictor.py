"""DepthModel: cameras, sizes, batches, rigs, and images no network should see."""

from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import pytest
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.image import write_image
from leadline.io.photo import DEFAULT_FOV_X_DEG
from leadline.methods.base import Loss, Method
from leadline.methods.catalog import build_method
from leadline.methods.loading import method_model
from leadline.methods.predictor import DepthModel, ModelInfo
from leadline.types import DepthKind, ScaleSource, UserError

INFO = ModelInfo(name="test", height=64, width=96, licence="Apache-2.0")


@pytest.fixture(scope="module")
def metric() -> DepthModel:
    torch.manual_seed(0)
    return method_model(build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5}), INFO)


@pytest.fixture(scope="module")
def relative() -> DepthModel:
    torch.manual_seed(0)
    config = {"encoder": "resnet-tiny", "decoder_width": 0.5, "kind": "affine_invariant_inverse"}
    return method_model(build_method("supervised", config), INFO)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def K_of(height: int, width: int, *, focal_px: float = 80.0) -> np.ndarray:
    return np.array([[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1.0]])


@final
class Coordinates(Method):
    """Answers with the x coordinate in the image plane at depth 1, (u - cx) / fx + 10: shows which K reaches the network."""

    def __init__(self, *, rig: bool = False, multiple: int = 32) -> None:
        super().__init__()
        self.rig = rig
        self.multiple = multiple
        self.seen: list[tuple[int, ...]] = []

    @property
    def kind(self) -> DepthKind:
        return DepthKind.METRIC

    @property
    def needs(self) -> Needs:
        return Needs(rig=self.rig)

    @property
    def needs_camera(self) -> bool:
        return True

    @property
    def size_multiple(self) -> int:
        return self.multiple

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        self.seen.append(tuple(image.shape))
        u = torch.arange(image.shape[-1]) + 0.5
        x = (u - K[..., 0, 2, None]) / K[..., 0, 0, None]
        return (x + 10)[:, :, None, :].expand(*image.shape[:2], *image.shape[-2:])

    def loss(self, sample: Sample) -> Loss:
        raise NotImplementedError


@pytest.mark.parametrize(("height", "width"), [(64, 96), (240, 320), (375, 1242), (300, 200), (33, 33), (131, 97)])
def test_predict__has_the_size_of_the_image(metric: DepthModel, height: int, width: int) -> None:
    prediction = metric.predict(picture(height, width), K_of(height, width))
    assert prediction.values.shape == (height, width)
    assert prediction.kind is DepthKind.METRIC
    assert prediction.unit == "m"
    assert prediction.scale_source is ScaleSource.TRAINING
    assert prediction.model == "test"
    assert prediction.notes == ()


def test_predict__relative_kinds_have_no_scale(relative: DepthModel) -> None:
    prediction = relative.predict(picture(64, 96))
    assert prediction.scale_source is ScaleSource.NONE
    assert prediction.K is None
    assert prediction.notes == ()


@pytest.mark.parametrize(("height", "width"), [(64, 96), (480, 640), (100, 300), (200, 90)])
def test_predict__K_follows_the_resize(height: int, width: int) -> None:
    """Back at the image's resolution, every pixel has the ray of the image's own K."""
    K = np.array([[0.9 * width, 0, 0.45 * width], [0, 0.9 * width, 0.55 * height], [0, 0, 1]])
    values = method_model(Coordinates(), INFO).predict(picture(height, width), K).values
    rays = (np.arange(width) + 0.5 - K[0, 2]) / K[0, 0] + 10
    middle = slice(width // 8, -width // 8)
    np.testing.assert_allclose(values[:, middle], np.broadcast_to(rays[middle], values[:, middle].shape), atol=2e-3)


def test_predict__network_input_keeps_the_training_width() -> None:
    method = Coordinates()
    model = method_model(method, INFO)
    for size in ((64, 96), (128, 192), (480, 640), (375, 1242), (200, 100)):
        model.predict(picture(*size), K_of(*size))
    assert [shape[-2:] for shape in method.seen] == [(64, 96), (64, 96), (64, 96), (64, 96), (192, 96)]


def test_predict_batch__equals_one_by_one(metric: DepthModel) -> None:
    sizes = [(64, 96), (240, 320), (64, 96), (200, 100), (480, 640)]
    images = [picture(*size, seed=i) for i, size in enumerate(sizes)]
    Ks = [K_of(*size, focal_px=70.0 + i) for i, size in enumerate(sizes)]
    together = metric.predict_batch(images, Ks)
    for image, K, prediction in zip(images, Ks, together, strict=True):
        np.testing.assert_allclose(prediction.values, metric.predict(image, K).values, rtol=1e-4)
        assert prediction.values.shape == image.shape[:2]


def test_predict_batch__one_size_runs_together_without_padding() -> None:
    method = Coordinates()
    sizes = [(64, 96), (200, 100), (128, 192), (200, 100)]
    method_model(method, INFO).predict_batch([picture(*size) for size in sizes], [K_of(*size) for size in sizes])
    assert sorted(method.seen) == [(2, 1, 3, 64, 96), (2, 1, 3, 192, 96)]


def test_predict__without_a_camera_says_what_was_assumed(metric: DepthModel) -> None:
    image = picture(64, 96)
    prediction = metric.predict(image)
    assert "60 degrees" in prediction.notes[0]
    expected = metric.predict(image, fov_x_deg=DEFAULT_FOV_X_DEG)
    np.testing.assert_array_equal(prediction.values, expected.values)
    assert expected.notes == ()
    assert prediction.K is not None
    assert prediction.points().shape == (64 * 96, 3)


def test_predict__exif_focal_length_is_used_and_noted(metric: DepthModel, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 27  # focal length of a 35 mm camera: 27 mm on 36 mm, thus 0.75 widths
    Image.fromarray(picture(64, 96)).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    prediction = metric.predict(tmp_path / "phone.jpg")
    assert prediction.K is not None
    assert "EXIF" in prediction.notes[0]
    assert prediction.K[0, 0] == pytest.approx(0.75 * 96, rel=0.05)
    given = metric.predict(tmp_path / "phone.jpg", K_of(64, 96))
    assert given.notes == ()


def test_predict__path_equals_array(metric: DepthModel, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture(64, 96))
    np.testing.assert_array_equal(metric.predict(str(tmp_path / "a.png")).values, metric.predict(picture(64, 96)).values)


@pytest.mark.parametrize(
    ("image", "line"),
    [
        (picture(1, 1), "is 1x1 px; images need at least 32 px"),
        (picture(10, 20000), "is 20000x10 px; images need at least 32 px"),
        (picture(40, 800), "thinner than 1:16"),
        (picture(64, 96).astype(np.float32), "is float32"),
        (picture(64, 96)[..., 0], "not uint8 RGB"),
    ],
)
def test_predict__images_no_network_can_use(metric: DepthModel, image: np.ndarray, line: str) -> None:
    with pytest.raises(UserError, match=line):
        metric.predict(image)


@pytest.mark.parametrize("scale", [0.5, 2.0, 0.25])
def test_predict__K_of_another_resolution(metric: DepthModel, scale: float) -> None:
    K = K_of(240, 320) * np.array([[scale], [scale], [1.0]])
    with pytest.raises(UserError, match=f"but of {320 * scale:.0f}x{240 * scale:.0f} px"):
        metric.predict(picture(240, 320), K)


def test_predict__K_and_field_of_view_together(metric: DepthModel) -> None:
    with pytest.raises(UserError, match="both given"):
        metric.predict(picture(64, 96), K_of(64, 96), fov_x_deg=60)


def test_predict__unreadable_file_is_named(metric: DepthModel, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(UserError, match=r"text\.jpg"):
        metric.predict(tmp_path / "text.jpg")


def test_predict_batch__names_the_bad_image(metric: DepthModel, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture(64, 96))
    with pytest.raises(UserError, match=r"b\.png: is 8x8 px"):
        metric.predict_batch([picture(64, 96), picture(8, 8)], paths=[tmp_path / "a.png", tmp_path / "b.png"])


def test_predict_batch__wrong_number_of_cameras(metric: DepthModel) -> None:
    with pytest.raises(UserError, match="1 matrices for 2 images"):
        metric.predict_batch([picture(64, 96)] * 2, [K_of(64, 96)])


def test_predict_batch__nothing_is_nothing(metric: DepthModel) -> None:
    assert metric.predict_batch([]) == []


def ring(*, width: int = 96, focal_px: float = 80.0) -> Rig:
    """Front, left, rear, right."""
    cameras = []
    for name, yaw_deg in (("right", -90.0), ("front", 0.0), ("rear", 180.0), ("left", 90.0)):
        yaw = np.radians(yaw_deg)
        pose = np.eye(4)
        pose[:3, :3] = [[np.sin(yaw), 0, np.cos(yaw)], [-np.cos(yaw), 0, np.sin(yaw)], [0, -1, 0]]
        K = K_of(64, width, focal_px=focal_px * (2 if name == "front" else 1))
        cameras.append(Camera(K=K, width=width, height=64, name=name, rig_from_cam=pose))
    return Rig(cameras=tuple(cameras))


def test_predict_rig__every_camera_with_its_own_K(metric: DepthModel) -> None:
    rig = ring()
    images = {camera.name: picture(64, 96, seed=i) for i, camera in enumerate(rig.cameras)}
    predictions = metric.predict_rig(images, rig)
    assert tuple(predictions) == rig.names == ("front", "left", "rear", "right")
    for camera in rig.cameras:
        alone = metric.predict(images[camera.name], camera.K)
        np.testing.assert_allclose(predictions[camera.name].values, alone.values, rtol=1e-4)
        np.testing.assert_array_equal(predictions[camera.name].K, camera.K)


def test_predict_rig__images_of_another_size_than_the_rig_file(metric: DepthModel) -> None:
    rig = ring()
    predictions = metric.predict_rig({name: picture(128, 192) for name in rig.names}, rig)
    assert predictions["left"].K is not None
    np.testing.assert_allclose(predictions["left"].K, rig.resized(height=128, width=192).cameras[1].K)


def test_predict_rig__networks_of_rigs_see_all_cameras_at_once() -> None:
    method = Coordinates(rig=True)
    rig = ring()
    method_model(method, INFO).predict_rig({name: picture(64, 96) for name in rig.names}, rig)
    assert method.seen == [(1, 4, 3, 64, 96)]


def test_predict_rig__missing_camera_is_named(metric: DepthModel) -> None:
    with pytest.raises(UserError, match="no image for camera left, rear"):
        metric.predict_rig({"front": picture(64, 96), "right": picture(64, 96)}, ring())


def test_predict_rig__a_part_of_the_cameras(metric: DepthModel) -> None:
    rig, images = ring(), {name: picture(64, 96, seed=i) for i, name in enumerate(("right", "front", "left"))}
    predictions = metric.predict_rig(images, rig, partial=True)
    assert tuple(predictions) == ("front", "left", "right")
    alone = metric.predict(images["left"], rig.cameras[1].K)
    np.testing.assert_allclose(predictions["left"].values, alone.values, rtol=1e-4)
    method = Coordinates(rig=True)
    assert tuple(method_model(method, INFO).predict_rig(images, rig, partial=True)) == ("front", "left", "right")
    assert method.seen == [(1, 3, 3, 64, 96)], "a network of rigs sees the cameras that are there"
    with pytest.raises(UserError, match="no image for camera front, left, rear, right"):
        metric.predict_rig({}, rig, partial=True)


def test_predict_rig__pictures_of_another_shape_or_K_of_another_size_are_refused(metric: DepthModel) -> None:
    rig = ring()
    images = {name: picture(64, 96) for name in rig.names}
    with pytest.raises(UserError, match="left: is 110x64 px, the rig has it as 96x64: another shape"):
        metric.predict_rig(images | {"left": picture(64, 110)}, rig)
    metric.predict_rig(images | {"left": picture(64, 100)}, rig)
    halved = replace(rig.cameras[0], K=rig.cameras[0].K * np.array([[0.5], [0.5], [1.0]]))
    for model in (metric, method_model(Coordinates(rig=True), INFO)):
        with pytest.raises(UserError, match="front: K has its principal point"):
            model.predict_rig(images, Rig((halved, *rig.cameras[1:])))


def test_fingerprint__follows_the_weights(metric: DepthModel) -> None:
    torch.manual_seed(1)
    other = method_model(build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5}), INFO)
    torch.manual_seed(0)
    same = method_model(build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5}), INFO)
    assert metric.fingerprint == same.fingerprint != other.fingerprint
