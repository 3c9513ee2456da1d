"""Encoders: strides, channels, parameter counts, pretrained weights and hubs that do not answer."""

from pathlib import Path

import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification

from leadline.models.encoders import ENCODERS, IMAGENET_MEAN, IMAGENET_STD, build_encoder
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


def test_build_encoder__folder_of_another_width(tmp_path: Path) -> None:
    save_resnet(tmp_path, [8, 8, 8, 8])
    with pytest.raises(UserError, match="its hidden_sizes is"):
        build_encoder("resnet-tiny", str(tmp_path))


def test_build_encoder__folder_of_another_family(tmp_path: Path) -> None:
    save_resnet(tmp_path, [16, 32, 64, 128])
    with pytest.raises(UserError, match="holds a resnet, not the dinov2"):
        build_encoder("dinov2-tiny", str(tmp_path))


def test_build_encoder__missing_folder() -> None:
    with pytest.raises(UserError, match="no such folder"):
        build_encoder("resnet18", "./nowhere")


def test_build_encoder__hub_out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line names the cure, and comes at once."""
    monkeypatch.setattr("leadline.models.hub.hub_is_reachable", lambda: False)
    with pytest.raises(UserError, match="model hub cannot be reached; check the network"):
        build_encoder("resnet18", "microsoft/no-such-resnet")
