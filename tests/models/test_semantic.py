"""Segmentation encoders: their first layer gets what the processors of `transformers` send there, and the map is the right one."""

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from leadline.io.image import read_image
from leadline.models.semantic import SamEncoder, load_semantic
from leadline.types import UserError
from tests.fixtures.tiny_pairs import SIDE, save_depth_anything, save_sam, save_sam2, save_transformer


def picture(height: int, width: int) -> np.ndarray:
    """uint8 RGB, HWC: a smooth ramp in each channel and a bright corner, so that neither order nor range can be mixed up."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([200 * x / width, 120 * y / height, np.full_like(x, 40.0)], axis=-1)
    image[: height // 4, : width // 4] = 250
    return image.astype(np.uint8)


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def processed(image: np.ndarray) -> Tensor:
    processor = SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    return processor(images=image, return_tensors="pt")["pixel_values"]


def reaching(encoder: SamEncoder, image: Tensor) -> Tensor:
    """What the first layer gets."""
    seen: list[Tensor] = []
    hook = cast(Any, encoder.network).patch_embed.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        encoder(image)
    hook.remove()
    return seen[0]


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_sam(tmp_path_factory.mktemp("sam"))


@pytest.mark.parametrize(("height", "width"), [(96, 96), (40, 40), (64, 64)])
@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_5_sam_input__of_a_square_is_the_processors(sam: str, height: int, width: int, fit: Literal["stretch", "pad"]) -> None:
    image = picture(height, width)
    encoder = load_semantic(sam, fit=fit)
    assert isinstance(encoder, SamEncoder)
    got = reaching(encoder, tensor(image))
    assert got.shape == (1, 3, SIDE, SIDE)
    # The processor rounds to bytes in between: half of 1/255, over the smallest deviation.
    assert (got - processed(image)).abs().max() < 1.1 / 255 / 0.224


def test_5_sam_input__padded_is_the_processors(sam: str) -> None:
    for height, width in ((96, 60), (50, 90)):
        image = picture(height, width)
        encoder = load_semantic(sam, fit="pad")
        assert isinstance(encoder, SamEncoder)
        assert (reaching(encoder, tensor(image)) - processed(image)).abs().max() < 1.1 / 255 / 0.224


def test_5_sam_input__stretched_keeps_the_mean_and_fills_the_square(sam: str) -> None:
    """Guards against the authors' evaluation, where a CHW picture was taken for HWC and became 6 pixels high."""
    image = picture(48, 112)
    encoder = load_semantic(sam)
    assert isinstance(encoder, SamEncoder)
    got = reaching(encoder, tensor(image))
    assert got.shape == (1, 3, SIDE, SIDE)
    expected = (tensor(image).mean(dim=(2, 3)).flatten() - encoder.mean.flatten()) / encoder.std.flatten()
    torch.testing.assert_close(got.mean(dim=(0, 2, 3)), expected, atol=0.02, rtol=0)


def test_sam__map_is_the_last_blocks_output_and_not_the_necks(sam: str) -> None:
    encoder = load_semantic(sam)
    image = torch.rand(2, 3, SIDE, SIDE)
    network = cast(Any, encoder.network)
    with torch.inference_mode():
        hidden = network.patch_embed((image - encoder.mean) / encoder.std) + network.pos_embed
        for block in network.layers:
            hidden = block(hidden)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        map_ = encoder(image)
    assert map_.shape == (2, 16, 4, 4)
    torch.testing.assert_close(map_, hidden.permute(0, 3, 1, 2), atol=1e-5, rtol=1e-5)


def test_sam__padding_is_no_part_of_the_map(sam: str) -> None:
    """The map of a picture half as high as wide is the upper half of that of the padded square."""
    encoder = load_semantic(sam, fit="pad")
    image = torch.rand(1, 3, SIDE // 2, SIDE)
    found: list[Tensor] = []
    last = cast(Any, encoder.network).layers[-1]
    hook = last.register_forward_hook(lambda _, __, out: found.append(out[0] if isinstance(out, tuple) else out))
    with torch.inference_mode():
        map_ = encoder(image)
    hook.remove()
    torch.testing.assert_close(map_, found[0].permute(0, 3, 1, 2)[:, :, :2], atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        assert encoder(torch.rand(1, 3, 20, 64)).shape[-2:] == (2, 4)


def test_sam_hq_sam2_and_plain_transformers(tmp_path: Path) -> None:
    image = torch.rand(1, 3, 48, 96)
    for save, width, size in ((lambda f: save_sam(f, hq=True), 16, (4, 4)), (save_sam2, 8, (4, 4)), (save_transformer, 16, (2, 4))):
        encoder = load_semantic(save(tmp_path / str(len(list(tmp_path.iterdir())))))
        with torch.inference_mode():
            assert encoder(image).shape == (1, width, *size)
        assert encoder.width == width


def test_original_layout__is_refused_by_name(sam: str, tmp_path: Path) -> None:
    weights = load_file(Path(sam) / "model.safetensors")
    original = {name.replace("vision_encoder.", "image_encoder."): value for name, value in weights.items()}
    alone = tmp_path / "alone"
    alone.mkdir()
    save_file(original, alone / "weights.safetensors")
    dressed = tmp_path / "dressed"
    dressed.mkdir()
    (dressed / "config.json").write_bytes((Path(sam) / "config.json").read_bytes())
    save_file(original, dressed / "model.safetensors", metadata={"format": "pt"})
    pickle = tmp_path / "pickle"
    pickle.mkdir()
    (pickle / "sam_vit_b_01ec64.pth").write_bytes(b"PK\x03\x04")
    for place in (alone, alone / "weights.safetensors", dressed, pickle, pickle / "sam_vit_b_01ec64.pth"):
        with pytest.raises(UserError, match=r"SAM in the layout of its authors' own code.*; give the same weights in the format of"):
            load_semantic(str(place))


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a depth_anything, not a segmentation encoder leadline knows"):
        load_semantic(save_depth_anything(tmp_path / "da"))


def test_picture__survives_the_way_from_a_file(sam: str, tmp_path: Path) -> None:
    """From a PNG on disk to the first layer, by the way that predictions take."""
    from PIL import Image

    image = picture(64, 64)
    Image.fromarray(image).save(tmp_path / "photo.png")
    encoder = load_semantic(sam)
    assert isinstance(encoder, SamEncoder)
    assert (reaching(encoder, tensor(read_image(tmp_path / "photo.png"))) - processed(image)).abs().max() < 1.1 / 255 / 0.224
