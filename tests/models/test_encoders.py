"""Encoders: strides, channels, parameter counts, pretrained weights and hubs that do not answer."""

from pathlib import Path

import pytest
import torch
from transformers import Dinov2Config, Dinov2Model, ResNetConfig, ResNetForImageClassification

from leadline.models.encoders import ENCODERS, IMAGENET_MEAN, IMAGENET_STD, build_encoder
from leadline.models.mimetic import begin_mimetic
from leadline.types import UserError

SMALL = ("resnet-tiny", "resnet18-half", "resnet18", "dinov2-tiny", "convnextv2-atto")


@pytest.mark.parametrize("name", SMALL)
def test_build_encoder__channels_and_strides_are_true(name: str) -> None:
    encoder = build_encoder(name).eval()
    side = 2 * encoder.size_multiple
    with torch.inference_mode():
        features = encoder(torch.rand(1, 3, side, 2 * side))
    assert [f.shape[1] for f in features] == list(encoder.channels)
    assert [(side // s, 2 * side // s) for s in encoder.strides] == [tuple(f.shape[-2:]) for f in features]


@pytest.mark.parametrize("name", [n for n in ENCODERS if n not in SMALL])
def test_build_encoder__every_architecture_can_be_built(name: str) -> None:
    with torch.device("meta"):
        encoder = build_encoder(name)
    assert len(encoder.channels) == len(encoder.strides)


@pytest.mark.parametrize(
    ("name", "parameters"), [("resnet18", 11_176_512), ("resnet34", 21_284_672), ("resnet50", 23_508_032), ("dinov2-small", 22_056_576)]
)
def test_build_encoder__published_parameter_counts(name: str, parameters: int) -> None:
    """ResNets without the classifier, as torchvision counts them; DINOv2 small at 518 px, 22.06 M as published."""
    with torch.device("meta"):
        encoder = build_encoder(name)
    assert sum(p.numel() for p in encoder.parameters()) == parameters


def test_build_encoder__normalises_inside() -> None:
    encoder = build_encoder("resnet-tiny").eval()
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    seen: list[torch.Tensor] = []
    encoder.backbone.embedder.embedder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    encoder(mean)
    encoder(mean + torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 64, 64))
    torch.testing.assert_close(seen[1], torch.ones(1, 3, 64, 64))


def test_build_encoder__same_seed_same_weights() -> None:
    torch.manual_seed(5)
    first = build_encoder("resnet-tiny").state_dict()
    torch.manual_seed(5)
    second = build_encoder("resnet-tiny").state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_build_encoder__unknown_name_suggests_near_ones() -> None:
    with pytest.raises(UserError, match="resnet18"):
        build_encoder("resnet-18")


def test_build_encoder__no_public_weights() -> None:
    with pytest.raises(UserError, match="has no public weights"):
        build_encoder("resnet-tiny", "hub")


def save_resnet(folder: Path, widths: list[int]) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    classifier = ResNetForImageClassification(ResNetConfig(embedding_size=16, hidden_sizes=widths, depths=[1, 1, 1, 1], layer_type="basic"))
    classifier.save_pretrained(folder)
    return classifier.resnet.state_dict()


def test_build_encoder__weights_from_a_local_folder(tmp_path: Path) -> None:
    saved = save_resnet(tmp_path, [16, 32, 64, 128])
    loaded = build_encoder("resnet-tiny", str(tmp_path)).backbone.state_dict()
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_build_encoder__weights_from_the_run_that_left_them(tmp_path: Path) -> None:
    saved = save_resnet(tmp_path / "model", [16, 32, 64, 128])
    (tmp_path / "config.json").write_text('{"steps": 1}')
    encoder = build_encoder("resnet-tiny", str(tmp_path))
    loaded = encoder.backbone.state_dict()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    assert encoder.weights_from == str(tmp_path / "model")


def test_build_encoder__folder_of_another_width(tmp_path: Path) -> None:
    save_resnet(tmp_path, [8, 8, 8, 8])
    with pytest.raises(UserError, match="its hidden_sizes is"):
        build_encoder("resnet-tiny", str(tmp_path))


def test_build_encoder__folder_of_another_family(tmp_path: Path) -> None:
    save_resnet(tmp_path, [16, 32, 64, 128])
    with pytest.raises(UserError, match="holds a resnet, not the dinov2"):
        build_encoder("dinov2-tiny", str(tmp_path))


def test_build_encoder__positions_of_another_grid_are_resampled(tmp_path: Path) -> None:
    """Weights that were trained on small pictures, as those of `leadline train segments` are; what is built from them can be kept."""
    torch.manual_seed(0)
    small = Dinov2Model(Dinov2Config(hidden_size=64, num_hidden_layers=4, num_attention_heads=4, image_size=70, patch_size=14)).eval()
    begin_mimetic(small, width=64)
    small.save_pretrained(tmp_path)
    encoder = build_encoder("dinov2-tiny", str(tmp_path)).eval()
    assert encoder.state_dict().keys() == build_encoder("dinov2-tiny").state_dict().keys()
    shapes = {name: value.shape for name, value in build_encoder("dinov2-tiny").state_dict().items()}
    assert {name: value.shape for name, value in encoder.state_dict().items()} == shapes
    image = torch.rand(1, 3, 70, 70)
    with torch.inference_mode():
        last = encoder(image)[-1].flatten(2).transpose(1, 2)
        whole = small((image - encoder.mean) / encoder.std).last_hidden_state[:, 1:]
        other = build_encoder("dinov2-tiny").eval()(image)[-1].flatten(2).transpose(1, 2)
    assert (last - whole).abs().mean() < 0.1 * (other - whole).abs().mean()


def test_build_encoder__missing_folder() -> None:
    with pytest.raises(UserError, match="no such folder"):
        build_encoder("resnet18", "./nowhere")


def test_build_encoder__hub_out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line names the cure, and comes at once."""
    monkeypatch.setattr("leadline.models.hub.hub_is_reachable", lambda: False)
    with pytest.raises(UserError, match="model hub cannot be reached; check the network"):
        build_encoder("resnet18", "microsoft/no-such-resnet")
