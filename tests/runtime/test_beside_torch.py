"""The runtime beside networks in torch: .pt2 files, and the same pictures, cameras and sizes as `DepthModel` makes of them."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

import leadline.runtime
from leadline.data.sample import Needs, Sample
from leadline.io.exported import EXTRA_FILE, Exported
from leadline.methods.base import Loss, Method
from leadline.methods.loading import method_model
from leadline.methods.predictor import DepthModel, ModelInfo
from leadline.runtime.session import open_session
from leadline.types import DepthKind, UserError
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_onnx

IMAGE = np.random.default_rng(0).random((1, 3, HEIGHT, WIDTH), dtype=np.float32)
K = np.diag([50.0, 50.0, 1.0])[None].astype(np.float32)


class Hand(nn.Module):
    """The network of tiny_exports: (1 + mean) * fx / 100, and where the mean is below a half."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.01))

    def forward(self, image: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
        mean = image.mean(dim=-3)
        return (1 + mean) * K[..., 0, 0, None, None] * self.scale, mean < 0.5


def write_pt2(path: Path, about: Exported | None, module: nn.Module | None = None) -> Path:
    program = torch.export.export((module or Hand()).eval(), (torch.from_numpy(IMAGE), torch.from_numpy(K)))
    torch.export.save(program, path, extra_files={} if about is None else {EXTRA_FILE: about.as_json()})
    return path


@pytest.fixture(scope="module")
def pt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pt2(tmp_path_factory.mktemp("pt2") / "net.pt2", with_camera(outputs=("values", "valid")))


def test_torch__says_what_the_others_say(pt2: Path) -> None:
    session = open_session(pt2)
    assert session.about == with_camera(outputs=("values", "valid"))
    assert session.runtime == "torch"
    answer = session.run(image=IMAGE, K=K)
    np.testing.assert_allclose(answer["values"], (1 + IMAGE.mean(axis=1)) / 2, rtol=1e-5)
    np.testing.assert_array_equal(answer["valid"], IMAGE.mean(axis=1) < 0.5)
    with pytest.raises(UserError, match="was given image"):
        session.run(image=IMAGE[..., :32], K=K)
    prediction = leadline.runtime.open(pt2).predict(np.full((HEIGHT, WIDTH, 3), 51, dtype=np.uint8), fov_x_deg=90)
    np.testing.assert_allclose(prediction.values, 1.2 * 0.48, rtol=1e-5)


def test_torch__runs_in_bf16_and_not_in_int8(pt2: Path) -> None:
    session = open_session(pt2, precision="bf16")
    assert session.precision == "bf16"
    np.testing.assert_allclose(session.run(image=IMAGE, K=K)["values"], (1 + IMAGE.mean(axis=1)) / 2, rtol=2e-2)
    with pytest.raises(UserError, match="is fp32, which cannot be run in int8"):
        open_session(pt2, precision="int8")
    with pytest.raises(UserError, match="no device 'abacus'"):
        open_session(pt2, device="abacus")


def test_torch__a_file_with_code_in_it_is_not_opened(pt2: Path, tmp_path: Path) -> None:
    """Sample inputs are a pickle, which torch would open in full if it cannot be read as tensors."""

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "exploded",)

    armed = tmp_path / "armed.pt2"
    with zipfile.ZipFile(pt2) as source, zipfile.ZipFile(armed, "w") as target:
        for name in source.namelist():
            is_sample = "/sample_inputs/" in name and name.endswith(".pt")
            target.writestr(name, pickle.dumps(Bomb()) if is_sample else source.read(name))
    with pytest.raises(UserError, match="brings code along that runs when it is opened"):
        open_session(armed)
    assert not (tmp_path / "exploded").exists()
    with zipfile.ZipFile(tmp_path / "other.pt2", "w") as other:
        other.writestr("archive/readme.txt", "a zip file of something else")
    with pytest.raises(UserError, match=r"is not a torch\.export program"):
        open_session(tmp_path / "other.pt2")


@final
class Eager(Method):
    """The same as a method, asked as every network in torch is."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand()

    @property
    def kind(self) -> DepthKind:
        return DepthKind.METRIC

    @property
    def needs(self) -> Needs:
        return Needs()

    @property
    def needs_camera(self) -> bool:
        return True

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        return self.hand(image, K)[0]

    def loss(self, sample: Sample) -> Loss:
        raise NotImplementedError


@pytest.fixture(scope="module")
def eager() -> DepthModel:
    return method_model(Eager(), ModelInfo(name="hand", height=HEIGHT, width=WIDTH))


@pytest.mark.parametrize(("height", "width"), [(64, 96), (128, 192), (375, 1242), (300, 200), (40, 61), (131, 97)])
def test_predict__equals_the_network_in_torch(eager: DepthModel, tmp_path: Path, height: int, width: int) -> None:
    """But for pixels that Pillow rounds to 8 bits: 1/255 of white at most, on average a quarter. The answer is that times fx / 100."""
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    camera = np.array([[1.1 * width, 0, width / 2], [0, 1.1 * width, height / 2], [0, 0, 1.0]])
    model = leadline.runtime.open(write_onnx(tmp_path / "net.onnx", with_camera(dynamic=("size",))))
    ours, theirs = model.predict(image, camera), eager.predict(image, camera)
    assert ours.values.shape == theirs.values.shape and ours.notes == theirs.notes
    difference = np.abs(ours.values - theirs.values) / (1.1 * WIDTH / 100)
    assert difference.max() < 1 / 255
    assert difference.mean() < 0.25 / 255


def test_prepare__equals_the_image_processor_of_depth_anything(tmp_path: Path) -> None:
    """Which is Pillow with bicubic resampling too: equal to float rounding."""
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    rules = {"size": {"height": 70, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    about = replace(
        PLAIN,
        kind=DepthKind.AFFINE_INVARIANT_INVERSE,
        height=70,
        width=70,
        size_multiple=14,
        dynamic=("size",),
        sizing="nearest",
        resample="bicubic",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    processor = DPTImageProcessorPil(image_mean=list(about.mean), image_std=list(about.std), **rules)
    model = leadline.runtime.open(write_onnx(tmp_path / "net.onnx", about))
    for height, width in ((60, 90), (480, 640), (200, 90)):
        image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
        theirs = processor(images=image, input_data_format="channels_last", return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(model.prepare(leadline.runtime.model.Photo(image)).inputs, theirs, atol=2e-6)
