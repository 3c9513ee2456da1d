"""Promises of every head of bins: what it answers, in which order and precision, and that it learns."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from leadline.models.bins.answer import mean_depth
from leadline.models.bins.head import BinKind, build_bin_head
from leadline.types import UserError

KINDS: tuple[BinKind, ...] = ("metric", "adabins", "localbins", "uniform", "log-uniform")
LOW, HIGH = 0.5, 40.0
CHANNELS = (6, 10, 12, 16)
SIZES = ((13, 18), (7, 9), (4, 5), (2, 3))
every_head = pytest.mark.parametrize(
    ("kind", "centres"), [(kind, "normed") for kind in KINDS] + [("metric", "softplus")], ids=[*KINDS, "softplus"]
)


def build(kind: BinKind, centres="normed", *, channels: Sequence[int] = CHANNELS, num_bins: int = 8):
    torch.manual_seed(0)
    return build_bin_head(kind, channels, num_bins=num_bins, embedding=16, min_depth_m=LOW, max_depth_m=HIGH, centres=centres)


def maps(channels: Sequence[int] = CHANNELS, sizes: Sequence[tuple[int, int]] = SIZES, *, scale: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [scale * torch.randn(2, c, *size, generator=generator) for c, size in zip(channels, sizes, strict=True)]


def check_answer(bins, *, size: tuple[int, int], num_bins: int, bounded: bool) -> None:
    assert bins.logits.shape == (2, num_bins, *size)
    assert bins.centres.shape in ((2, num_bins, *size), (2, num_bins, 1, 1))
    assert bins.embedding.shape[:2] == (2, 16) and bins.depth.shape == (2, *size)
    assert {x.dtype for x in (bins.logits, bins.centres, bins.embedding, bins.depth)} == {torch.float32}
    assert torch.isfinite(bins.logits).all() and torch.isfinite(bins.embedding).all()
    torch.testing.assert_close(bins.probs.sum(dim=1), torch.ones(2, *size))
    assert (bins.centres.diff(dim=1) >= 0).all() and (bins.centres > 0).all()
    if bounded:
        limits = torch.tensor([LOW, HIGH])
        assert (bins.centres >= limits[0]).all() and (bins.centres <= limits[1]).all()


@every_head
@pytest.mark.parametrize("num_bins", [2, 3, 8])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_head__answers_with_ascending_centres_and_probabilities(kind: BinKind, centres: str, num_bins: int, scale: float):
    head = build(kind, centres, num_bins=num_bins)
    with torch.inference_mode():
        bins = head(maps(scale=scale))
    check_answer(bins, size=SIZES[0], num_bins=num_bins, bounded=centres == "normed")


@every_head
@pytest.mark.parametrize("num_maps", [1, 2, 3, 4, 6])
def test_head__reads_any_number_of_maps(kind: BinKind, centres: str, num_maps: int):
    """One map is finest and bottleneck at once; maps of one size, as of transformers, are no special case."""
    channels = tuple(range(6, 6 + 2 * num_maps, 2))
    sizes = [(max(1, 17 >> i), 9) for i in range(num_maps)]
    head = build(kind, centres, channels=channels)
    bins = head(maps(channels, sizes))
    check_answer(bins, size=sizes[0], num_bins=8, bounded=centres == "normed")
    bins.depth.sum().backward()
    assert all(p.grad is not None for p in head.prob_head.parameters())


@every_head
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_head__gradients_are_finite_and_reach_every_weight(kind: BinKind, centres: str, precision: str):
    head = build(kind, centres)
    inputs = [map_.requires_grad_() for map_ in maps(scale=5)]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        bins = head(inputs)
        depth = bins.depth
    check_answer(bins, size=SIZES[0], num_bins=8, bounded=centres == "normed")
    (depth.log().square().mean() + bins.embedding.square().mean()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    assert inputs[0].grad is not None and torch.isfinite(inputs[0].grad).all()


@every_head
def test_head__bfloat16_of_its_convolutions_hardly_moves_the_depth(kind: BinKind, centres: str):
    head = build(kind, centres)
    with torch.inference_mode():
        exact = head(maps()).depth
        with torch.autocast("cpu", torch.bfloat16):
            close = head(maps()).depth
    assert (close / exact - 1).abs().mean() < 0.02


@every_head
def test_head__learns_a_small_map(kind: BinKind, centres: str):
    """A random map of depths, from random features that tell its pixels apart."""
    channels, sizes = (64, 10, 12, 16), ((6, 8), (3, 4), (2, 2), (1, 1))
    head = build(kind, centres, channels=channels, num_bins=16)
    inputs = maps(channels, sizes)
    target = 1 + 29 * torch.rand(2, *sizes[0], generator=torch.Generator().manual_seed(2))
    # A transformer that normalises behind its layers falls to a constant at the step that suits the others.
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3 if kind == "adabins" else 4e-3)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = (head(inputs).depth.log() - target.log()).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < 0.5 * losses[0], (losses[0], losses[-1])


@every_head
def test_scale_and_shift_of_centres_are_those_of_depth(kind: BinKind, centres: str):
    """sum p (s c + t) = s D + t."""
    with torch.inference_mode():
        bins = build(kind, centres)(maps())
    torch.testing.assert_close(mean_depth(bins.probs, 3.0 * bins.centres + 7.0), 3.0 * bins.depth + 7.0, rtol=1e-5, atol=1e-4)


@every_head
def test_head__pictures_of_a_batch_do_not_know_each_other(kind: BinKind, centres: str):
    head = build(kind, centres)
    with torch.inference_mode():
        both, first = head(maps()), head([map_[:1] for map_ in maps()])
    torch.testing.assert_close(both.depth[:1], first.depth, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both.centres[:1], first.centres, rtol=1e-4, atol=1e-4)


@every_head
def test_head__weights_come_back_from_a_dictionary(kind: BinKind, centres: str):
    """What is no weight, such as fixed centres, follows from the options."""
    head, other = build(kind, centres), build(kind, centres)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(head.state_dict())
    with torch.inference_mode():
        assert torch.equal(head(maps()).depth, other(maps()).depth)


def test_fixed__centres_by_hand():
    uniform, log_uniform = (build(kind, num_bins=2)(maps()).centres[0, :, 0, 0] for kind in ("uniform", "log-uniform"))
    torch.testing.assert_close(uniform, torch.tensor([0.5 + 39.5 / 4, 0.5 + 39.5 * 3 / 4]))
    torch.testing.assert_close(log_uniform, torch.tensor([0.5 * 80**0.25, 0.5 * 80**0.75]))


def test_adabins__one_set_of_centres_and_heads_that_fit():
    bins = build("adabins")(maps())
    assert bins.centres.shape[-2:] == (1, 1) and not torch.equal(bins.centres[0], bins.centres[1])
    with pytest.raises(UserError, match="embedding 30 is not divisible by its 4 heads"):
        build_bin_head("adabins", CHANNELS, num_bins=8, embedding=30, min_depth_m=LOW, max_depth_m=HIGH)


@every_head
def test_head__compiles_to_a_graph(kind: BinKind, centres: str):
    """torch.export: no branch depends on values."""
    head = build(kind, centres).eval()
    inputs = maps()
    exported = torch.export.export(Depth(head), (inputs,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(inputs), head(inputs).depth, rtol=1e-4, atol=1e-4)


class Depth(torch.nn.Module):
    """Depth alone, because exports know no dataclass."""

    def __init__(self, head) -> None:
        super().__init__()
        self.head = head

    def forward(self, inputs: list[Tensor]) -> Tensor:
        return self.head(inputs).depth
