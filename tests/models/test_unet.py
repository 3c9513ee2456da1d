"""Decoders: sizes, and the parameter count of the published depth network."""

import pytest
import torch

from leadline.models.dpt import DPTDecoder
from leadline.models.encoders import build_encoder
from leadline.models.unet import Heads, UNetDecoder
from leadline.types import UserError


def count(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_unet_decoder__parameters_of_monodepth2() -> None:
    """ResNet-18 without classifier 11,176,512 and decoder with heads at four scales 3,152,724, counted on the published depth network."""
    with torch.device("meta"):
        encoder = build_encoder("resnet18")
        decoder = UNetDecoder(encoder.channels, encoder.strides)
        heads = Heads(decoder.channels, 1)
    assert count(decoder, heads) == 3_152_724
    assert count(encoder, decoder, heads) == 14_329_236


@pytest.mark.parametrize("name", ["resnet-tiny", "convnextv2-atto"])
def test_unet_decoder__maps_have_their_strides(name: str) -> None:
    encoder = build_encoder(name).eval()
    decoder = UNetDecoder(encoder.channels, encoder.strides, width=0.5)
    heads = Heads(decoder.channels, 2)
    with torch.inference_mode():
        maps = decoder(encoder(torch.rand(1, 3, 64, 96)))
        outputs = heads(maps)
    assert [tuple(m.shape[1:]) for m in maps] == [(c, 64 // s, 96 // s) for c, s in zip(decoder.channels, decoder.strides, strict=True)]
    assert [tuple(o.shape[1:]) for o in outputs] == [(2, 64 // 2**s, 96 // 2**s) for s in heads.scales]


def test_unet_decoder__may_end_at_a_coarser_map() -> None:
    """Up to where it ends it is the same decoder: fewer stages, equal maps."""
    channels, strides = (4, 4, 4, 4, 4), (2, 4, 8, 16, 32)
    whole, short = UNetDecoder(channels, strides, width=0.1), UNetDecoder(channels, strides, width=0.1, finest=4)
    names = dict(whole.named_parameters())
    short.load_state_dict({name: names[name] for name, _ in short.named_parameters()})
    features = [torch.rand(1, 4, 64 // s, 64 // s) for s in strides]
    assert short.strides == (4, 8, 16) and short.channels == whole.channels[2:]
    with torch.inference_mode():
        for coarse, fine in zip(short(features), whole(features)[2:], strict=True):
            torch.testing.assert_close(coarse, fine)


def test_unet_decoder__norm_follows_every_convolution() -> None:
    decoder = UNetDecoder((4, 4, 4, 4, 4), (2, 4, 8, 16, 32), width=0.1, norm="batch")
    assert sum(isinstance(part, torch.nn.BatchNorm2d) for part in decoder.modules()) == 10
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in UNetDecoder((4,) * 5, (2, 4, 8, 16, 32)).modules())


def test_unet_decoder__transformers_have_no_pyramid() -> None:
    with pytest.raises(UserError, match="use decoder dpt"):
        UNetDecoder((64,) * 4, (14,) * 4)


def test_heads__answer_in_float32_under_autocast() -> None:
    heads = Heads((8, 8), 1, scales=(0,))
    with torch.autocast("cpu", torch.bfloat16):
        assert heads([torch.rand(1, 8, 4, 4).bfloat16()])[0].dtype is torch.float32


def test_unet_decoder__border_reflects() -> None:
    """A constant image gives a constant map: nothing leaks in from outside."""
    decoder = UNetDecoder((4, 4, 4, 4, 4), (2, 4, 8, 16, 32), width=0.1)
    features = [torch.ones(1, 4, 64 // s, 64 // s) for s in (2, 4, 8, 16, 32)]
    with torch.inference_mode():
        finest = decoder(features)[0]
    torch.testing.assert_close(finest, finest[..., :1, :1].expand_as(finest))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 96), (96, 32)])
def test_unet_decoder__image_of_one_coarse_pixel(height: int, width: int) -> None:
    """A stride-32 map that is one pixel high cannot be reflected; a constant image still gives a constant map."""
    decoder = UNetDecoder((4, 4, 4, 4, 4), (2, 4, 8, 16, 32), width=0.1)
    with torch.inference_mode():
        finest = decoder([torch.ones(1, 4, height // s, width // s) for s in (2, 4, 8, 16, 32)])[0]
    assert finest.shape[-2:] == (height, width)
    torch.testing.assert_close(finest, finest[..., :1, :1].expand_as(finest))


@pytest.mark.parametrize("name", ["resnet-tiny", "dinov2-tiny"])
def test_dpt_decoder__image_of_one_coarse_row(name: str) -> None:
    encoder = build_encoder(name).eval()
    decoder = DPTDecoder(encoder.channels, encoder.strides, width=0.25)
    side = encoder.size_multiple
    with torch.inference_mode():
        assert decoder(encoder(torch.rand(1, 3, side, 3 * side)))[0].shape[-2:] == (side, 3 * side)


@pytest.mark.parametrize("name", ["resnet-tiny", "convnextv2-atto", "dinov2-tiny"])
def test_dpt_decoder__one_map_at_full_resolution(name: str) -> None:
    encoder = build_encoder(name).eval()
    decoder = DPTDecoder(encoder.channels, encoder.strides, width=0.25)
    side = 2 * encoder.size_multiple
    with torch.inference_mode():
        maps = decoder(encoder(torch.rand(1, 3, side, 2 * side)))
    assert [tuple(m.shape) for m in maps] == [(1, decoder.channels[0], side, 2 * side)]


@pytest.mark.parametrize("name", ["resnet-tiny", "dinov2-tiny"])
def test_dpt_decoder__every_weight_learns(name: str) -> None:
    encoder = build_encoder(name)
    decoder = DPTDecoder(encoder.channels, encoder.strides, width=0.25)
    side = 2 * encoder.size_multiple
    decoder(encoder(torch.rand(1, 3, side, side)))[0].square().sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())
