"""Every supported family, on tiny random checkpoints made here: same numbers as `transformers` called directly, right kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    DepthAnythingForDepthEstimation,
    DepthProForDepthEstimation,
    DPTConfig,
    DPTForDepthEstimation,
    GLPNForDepthEstimation,
    ResNetConfig,
    ResNetForImageClassification,
    ZoeDepthForDepthEstimation,
)
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.glpn.image_processing_pil_glpn import GLPNImageProcessorPil
from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

from leadline.models.pretrained import checkpoint_kind, load_pretrained
from leadline.types import DepthKind, UserError
from tests.fixtures.tiny_checkpoints import FAMILIES, depth_anything, depth_pro, dpt_dinov2, dpt_midas

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folders = {name: tmp_path_factory.mktemp(name) for name in FAMILIES}
    for name, (make, _) in FAMILIES.items():
        make(folders[name])
    return folders


def answer(folder: Path, image: np.ndarray, K: torch.Tensor | None = None) -> np.ndarray:
    reader, _ = load_pretrained(str(folder))
    with torch.inference_mode():
        values = reader.run(reader.prepare(image)[None, None], K).values[0, 0]
        return reader.restore(values, height=image.shape[0], width=image.shape[1]).numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_load_pretrained__kind_and_size(checkpoints: dict[str, Path], family: str) -> None:
    reader, network = load_pretrained(str(checkpoints[family]))
    assert reader.kind is FAMILIES[family][1]
    assert next(network.parameters()).dtype is torch.float32
    values = answer(checkpoints[family], IMAGE)
    assert values.shape == IMAGE.shape[:2]
    assert np.isfinite(values).all()
    assert values.std() > 0


@pytest.mark.parametrize("family", ["depth_anything", "depth_anything_metric", "dpt_midas"])
def test_plain_reader__equals_transformers(checkpoints: dict[str, Path], family: str) -> None:
    folder = checkpoints[family]
    processor = DPTImageProcessorPil.from_pretrained(folder)
    kind = DPTForDepthEstimation if family == "dpt_midas" else DepthAnythingForDepthEstimation
    with torch.inference_mode():
        output = kind.from_pretrained(folder).eval()(**processor(images=IMAGE, return_tensors="pt"))
    direct = processor.post_process_depth_estimation(output, target_sizes=[IMAGE.shape[:2]])[0]["predicted_depth"]
    np.testing.assert_allclose(answer(folder, IMAGE), direct.numpy(), rtol=1e-5, atol=1e-7)


def test_plain_reader__glpn_equals_transformers(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["glpn"]
    processor = GLPNImageProcessorPil.from_pretrained(folder)
    with torch.inference_mode():
        output = GLPNForDepthEstimation.from_pretrained(folder).eval()(**processor(images=IMAGE, return_tensors="pt"))
    direct = processor.post_process_depth_estimation(output, target_sizes=[IMAGE.shape[:2]])[0]["predicted_depth"]
    np.testing.assert_allclose(answer(folder, IMAGE), direct.numpy(), rtol=1e-5, atol=1e-7)


def test_plain_reader__padding_is_cut_off(checkpoints: dict[str, Path]) -> None:
    """The image 60x90 becomes 70x98 by 5 rows and 4 columns on each side; `transformers` would squeeze them back in."""
    reader, _ = load_pretrained(str(checkpoints["dpt_dinov2"]))
    assert reader.prepare(IMAGE).shape == (3, 70, 98)
    ramp = torch.arange(98.0).expand(70, 98)
    np.testing.assert_allclose(reader.restore(ramp, height=60, width=90)[0].numpy(), np.arange(4.0, 94.0), atol=1e-4)


@pytest.mark.parametrize("family", ["zoedepth", "zoedepth_two_domains"])
def test_zoedepth_reader__equals_transformers(checkpoints: dict[str, Path], family: str) -> None:
    folder = checkpoints[family]
    processor = ZoeDepthImageProcessorPil.from_pretrained(folder)
    with torch.inference_mode():
        output = ZoeDepthForDepthEstimation.from_pretrained(folder).eval()(**processor(images=IMAGE, return_tensors="pt"))
    # `post_process_depth_estimation` needs torchvision; this is what it does, in the words of its source.
    top, left = int(np.sqrt(60 / 2) * 3), int(np.sqrt(90 / 2) * 3)
    padded = functional.interpolate(output.predicted_depth[None], size=(60 + 2 * top, 90 + 2 * left), mode="bicubic")
    direct = padded[0, 0, top:-top, left:-left].numpy()
    np.testing.assert_allclose(answer(folder, IMAGE), direct, rtol=1e-5)
    assert (answer(folder, IMAGE) > 0).all()


def test_zoedepth_reader__two_domains_run_one_by_one(checkpoints: dict[str, Path]) -> None:
    assert load_pretrained(str(checkpoints["zoedepth_two_domains"]))[0].max_together == 1
    assert load_pretrained(str(checkpoints["zoedepth"]))[0].max_together > 1


def test_depth_pro_reader__equals_the_rule_of_transformers(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["depth_pro"]
    pixels = (torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.5
    pixels = functional.interpolate(pixels, size=(64, 64), mode="bilinear")
    with torch.inference_mode():
        output = DepthProForDepthEstimation.from_pretrained(folder).eval()(pixel_values=pixels)
    fov = float(output.field_of_view)
    assert 20 < fov < 90
    focal_px = 0.5 * 90 / np.tan(0.5 * np.radians(fov))
    inverse = functional.interpolate(output.predicted_depth[None] * 90 / focal_px, size=(60, 90), mode="bilinear")[0, 0]
    np.testing.assert_allclose(answer(folder, IMAGE), 1 / inverse.clamp(1e-4, 1e4).numpy(), rtol=1e-4)


def test_depth_pro_reader__known_focal_length_scales_depth(checkpoints: dict[str, Path]) -> None:
    K = torch.eye(3).expand(1, 1, 3, 3).clone()
    K[..., 0, 0] = 40.0
    near = answer(checkpoints["depth_pro"], IMAGE, K)
    K[..., 0, 0] = 80.0
    np.testing.assert_allclose(answer(checkpoints["depth_pro"], IMAGE, K), 2 * near, rtol=1e-5)


def test_depth_pro_reader__needs_camera_without_field_of_view(tmp_path: Path) -> None:
    depth_pro(tmp_path, use_fov_model=False)
    reader, _ = load_pretrained(str(tmp_path))
    assert reader.needs_camera


@pytest.mark.parametrize("make", [dpt_midas, dpt_dinov2])
def test_load_pretrained__a_dpt_that_does_not_say_what_it_returns(make: Callable[[Path], None], tmp_path: Path) -> None:
    """The same head learns metres and relative inverse depth: nothing in config.json tells, and a guess would be off in silence."""
    make(tmp_path)
    with pytest.raises(UserError, match=r"is a DPT, and neither .* says whether it gives metres; say --kind metric"):
        load_pretrained(str(tmp_path))
    for kind in (DepthKind.METRIC, DepthKind.AFFINE_INVARIANT_INVERSE):
        assert load_pretrained(str(tmp_path), kind)[0].kind is kind


def test_load_pretrained__what_the_checkpoint_says_is_not_overruled(checkpoints: dict[str, Path]) -> None:
    for family, said in (("depth_anything_metric", "metric"), ("dpt_dinov2", "metric"), ("zoedepth", "metric")):
        with pytest.raises(UserError, match=f"gives {said} values, not affine_invariant_inverse; leave the kind out"):
            load_pretrained(str(checkpoints[family]), DepthKind.AFFINE_INVARIANT_INVERSE)
        assert load_pretrained(str(checkpoints[family]), DepthKind.METRIC)[0].kind is DepthKind.METRIC


@pytest.mark.parametrize(
    ("hub_id", "kind"),
    [
        ("Intel/dpt-large", DepthKind.AFFINE_INVARIANT_INVERSE),
        ("Intel/dpt-beit-large-512", DepthKind.AFFINE_INVARIANT_INVERSE),
        ("facebook/dpt-dinov2-small-nyu", DepthKind.METRIC),
        ("facebook/dpt-dinov2-giant-kitti", DepthKind.METRIC),
    ],
)
def test_checkpoint_kind__published_dpts_are_known_by_name(hub_id: str, kind: DepthKind) -> None:
    """The backbone decides nothing: the config here is the same for all."""
    assert checkpoint_kind(DPTConfig(), source=hub_id) is kind
    with pytest.raises(UserError, match=f"gives {kind.value} values"):
        checkpoint_kind(DPTConfig(), source=hub_id, stated=DepthKind.SCALE_INVARIANT)


def test_load_pretrained__another_kind_of_model(tmp_path: Path) -> None:
    ResNetForImageClassification(ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is a resnet, not a depth model"):
        load_pretrained(str(tmp_path))


def test_load_pretrained__weights_of_another_architecture(tmp_path: Path) -> None:
    depth_anything(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    dpt_midas(tmp_path, depth_estimation_type="relative")
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(UserError, match=r"its weights (lack|have another shape for) \w+\."):
        load_pretrained(str(tmp_path))


def test_load_pretrained__pickle_only(tmp_path: Path) -> None:
    depth_anything(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin: is a pickle.*safetensors"):
        load_pretrained(str(tmp_path))


def test_load_pretrained__no_image_processor(tmp_path: Path) -> None:
    depth_anything(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        load_pretrained(str(tmp_path))
