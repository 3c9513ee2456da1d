"""Published networks: parameter counts, sizes, gradients, a second branch, bfloat16, export."""

import pytest
import torch
from torch import nn

from leadline.models.encoders import build_encoder
from leadline.models.hrdepth import Attention, HRDepthDecoder
from leadline.models.known import NETWORKS
from leadline.models.mpvit import TransformerBlock
from leadline.models.networks import DepthNetwork, build_decoder, build_network
from leadline.models.unet import Heads
from leadline.types import UserError

SMALL = (("resnet-tiny", "hrdepth"), ("mpvit-micro", "monovit"))
"""The architectures of hrdepth and monovit with small encoders; unet and its encoders are tested in test_unet.py."""


def small(encoder_name: str, decoder_name: str) -> DepthNetwork:
    torch.manual_seed(0)
    encoder = build_encoder(encoder_name)
    decoder = build_decoder(decoder_name, encoder.channels, encoder.strides, width=0.25)
    return DepthNetwork(encoder, decoder, Heads(decoder.channels, 1))


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "encoder", "decoder", "classifier", "never_run", "published"),
    [
        ("monodepth2", 11_176_512, 3_152_724, 512 * 1000 + 1000, 0, 14.84),
        ("hrdepth", 11_176_512, 2_924_132 - 32_336, 512 * 1000 + 1000, 32_336, 14.61),
        ("monovit", 22_603_400, 5_266_708 - 32_336, 0, 32_336, 27.87),
    ],
)
def test_build_network__published_parameter_counts(
    name: str, encoder: int, decoder: int, classifier: int, never_run: int, published: float
) -> None:
    """Counts of the published code, part by part; papers count ResNet's classifier and convolutions that are never run."""
    with torch.device("meta"):
        network = build_network(name)
    assert count(network.encoder) == encoder
    assert count(network.decoder, network.head) == decoder
    assert count(network) == NETWORKS[name].parameters
    assert NETWORKS[name].unused == classifier + never_run
    assert round((count(network) + NETWORKS[name].unused) / 1e6, 2) == NETWORKS[name].published_m == published


def test_hrdepth__convolutions_that_the_published_code_never_runs() -> None:
    """It gives every node a convolution on the way up, also the four of the top row, from which only the last goes up."""
    with torch.device("meta"):
        unused = [nn.Conv2d(64, 32, 3), *(nn.Conv2d(32, 16, 3) for _ in range(3))]
    assert count(*unused) == 32_336


@pytest.mark.parametrize("name", NETWORKS)
def test_build_network__outputs_at_four_strides(name: str) -> None:
    network = build_network(name).eval()
    for height, width in ((32, 32), (64, 96), (96, 160)):
        with torch.inference_mode():
            outputs = network(torch.rand(2, 3, height, width))
        assert [tuple(o.shape) for o in outputs] == [(2, 1, height // s, width // s) for s in (1, 2, 4, 8)]
    with pytest.raises(UserError, match="image of 96x80 px: does not fit the encoder; give sides that are multiples of 32 px"):
        network(torch.rand(1, 3, 80, 96))


def test_build_network__unknown_name_suggests_a_near_one() -> None:
    with pytest.raises(UserError, match="choose monodepth2"):
        build_network("monodepth")


def test_build_network__no_weights_on_the_hub() -> None:
    with pytest.raises(UserError, match=r"mpvit-small: has no public weights on the model hub"):
        build_network("monovit", pretrained="hub")


@pytest.mark.parametrize("name", ["hrdepth", "monovit"])
def test_build_decoder__needs_a_pyramid(name: str) -> None:
    with pytest.raises(UserError, match=r"needs maps at strides \[2, 4, 8, 16, 32\], this encoder has \[4, 8, 16, 32\]"):
        build_decoder(name, (40, 80, 160, 320), (4, 8, 16, 32))


def test_build_decoder__options_of_unet_alone() -> None:
    with pytest.raises(UserError, match="leave output_stride at 1"):
        build_decoder("hrdepth", (16, 16, 32, 64, 128), (2, 4, 8, 16, 32), finest=2)
    with pytest.raises(UserError, match="leave decoder_norm at none"):
        build_decoder("monovit", (16, 16, 32, 64, 128), (2, 4, 8, 16, 32), norm="batch")
    with pytest.raises(UserError, match="choose unet, dpt, hrdepth, monovit"):
        build_decoder("fpn", (16, 16, 32, 64, 128), (2, 4, 8, 16, 32))


@pytest.mark.parametrize(("encoder", "decoder"), SMALL)
def test_depth_network__gradient_reaches_every_parameter(encoder: str, decoder: str) -> None:
    network = small(encoder, decoder).train()
    for module in network.modules():
        if isinstance(module, TransformerBlock):
            module.drop = 0.0
    torch.stack([o.square().mean() for o in network(torch.rand(2, 3, 64, 96))]).sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.isfinite().all() or not g.any()] == []


@pytest.mark.parametrize(("encoder", "decoder"), SMALL)
def test_depth_network__runs_in_bfloat16_and_channels_last(encoder: str, decoder: str) -> None:
    network = small(encoder, decoder).train().to(memory_format=torch.channels_last)
    image = torch.rand(2, 3, 64, 96).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(image)
    assert all(o.dtype is torch.float32 and o.isfinite().all() for o in outputs)
    torch.stack([o.mean() for o in outputs]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("encoder", "decoder"), SMALL)
def test_depth_network__same_seed_same_outputs(encoder: str, decoder: str) -> None:
    """Also in training, where branches are dropped at random."""
    image = torch.rand(2, 3, 64, 64)
    outputs = []
    for _ in range(2):
        network = small(encoder, decoder).train()
        torch.manual_seed(1)
        outputs.append(network(image))
    for first, second in zip(*outputs, strict=True):
        assert torch.equal(first, second)


def test_depth_network__second_branch_on_the_same_features() -> None:
    """Intrinsic images: a replica of the decoder, six outputs at full resolution."""
    network = small("resnet-tiny", "hrdepth").eval()
    decoder = build_decoder("hrdepth", network.encoder.channels, network.encoder.strides)
    head = Heads(decoder.channels, 6, scales=(0,))
    with torch.inference_mode():
        (images,) = head(decoder(network.encoder(torch.rand(1, 3, 64, 96))))
    assert images.shape == (1, 6, 64, 96)


@pytest.mark.parametrize(("encoder", "decoder"), [SMALL[0], pytest.param(*SMALL[1], marks=pytest.mark.slow)])
def test_depth_network__can_be_exported(encoder: str, decoder: str) -> None:
    """No Python branch depends on pixels, and one program serves all sizes that are multiples of 32."""
    network = small(encoder, decoder).eval()
    rows, columns = torch.export.Dim("rows", min=2, max=64), torch.export.Dim("columns", min=2, max=64)
    program = torch.export.export(network, (torch.rand(1, 3, 64, 96),), dynamic_shapes=({2: 32 * rows, 3: 32 * columns},)).module()
    for height, width in ((64, 96), (96, 128)):
        image = torch.rand(1, 3, height, width)
        with torch.inference_mode():
            for exported, eager in zip(program(image), network(image), strict=True):
                torch.testing.assert_close(exported, eager)


def test_hrdepth__border_reflects() -> None:
    """A constant image gives constant maps: nothing leaks in from outside."""
    decoder = HRDepthDecoder((16,) * 5, (2, 4, 8, 16, 32))
    with torch.inference_mode():
        maps = decoder([torch.ones(1, 16, 64 // s, 64 // s) for s in (2, 4, 8, 16, 32)])
    for map_ in maps:
        torch.testing.assert_close(map_, map_[..., :1, :1].expand_as(map_))


def test_hrdepth__a_map_sees_its_row_and_what_is_coarser() -> None:
    """The node X(i, j) gathers encoder maps i to i + j, so all last nodes end at the coarsest and none looks at a finer one."""
    decoder = HRDepthDecoder((16,) * 5, (2, 4, 8, 16, 32))
    features = [torch.rand(1, 16, 64 // s, 64 // s, requires_grad=True) for s in (2, 4, 8, 16, 32)]
    for finest, map_ in zip((0, 0, 1, 2, 3), decoder(features), strict=True):
        gradients = torch.autograd.grad(map_.sum(), features, retain_graph=True, allow_unused=True)
        assert [g is not None for g in gradients] == [level >= finest for level in range(5)]


def test_attention__weighs_whole_channels() -> None:
    """By hand: squeeze to one unit, weights sigmoid(1 * relu(mean sum)) and sigmoid(-1 * ...), identity projection."""
    attention = Attention(2, 2, kernel_size=1)
    with torch.no_grad():
        attention.squeeze.weight.fill_(1.0)
        attention.excite.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        attention.project.weight.copy_(torch.eye(2)[..., None, None])
        assert attention.project.bias is not None
        attention.project.bias.zero_()
        map_ = torch.tensor([[1.0, 3.0], [2.0, -2.0]]).view(1, 2, 1, 2)  # means 2 and 0: their sum is 2
        up, down = torch.sigmoid(torch.tensor([2.0, -2.0]))
        expected = torch.tensor([[up, 3 * up], [2 * down, 0.0]]).view(1, 2, 1, 2)
        torch.testing.assert_close(attention(map_), expected)
