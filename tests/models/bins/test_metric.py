"""Metric bins against plain twins in float64: seed, attractors, log-binomial; order and range after every level; a hand count."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from leadline.models.bins.binomial import LogBinomial
from leadline.models.bins.levels import Levels
from leadline.models.bins.localbins import LocalBins, seeds_of
from leadline.models.bins.metric import MetricBins, attract, normed_start, pair_points
from leadline.models.bins.widths import ascending

CHANNELS = (6, 10, 12, 14, 16, 20)
LOW, HIGH = 0.1, 200.0


def rand(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def build(*, num_bins: int = 64, centres="normed", as_released: bool = False, embedding: int = 16) -> MetricBins:
    torch.manual_seed(0)
    return MetricBins(
        CHANNELS, num_bins=num_bins, embedding=embedding, min_depth_m=LOW, max_depth_m=HIGH, centres=centres, as_released=as_released
    )


def maps(scale: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [scale * torch.randn(2, c, max(2, 24 >> i), max(3, 40 >> i), generator=generator) for i, c in enumerate(CHANNELS)]


@pytest.mark.parametrize("centres", ["normed", "softplus"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_centres_ascend_and_stay_in_range_after_every_level(centres: str, scale: float):
    head = build(centres=centres)
    with torch.inference_mode():
        states, _ = head.levels(maps(scale))
        levels = [head.depths(state, state.shape[-2:]) for state in states]
    assert len(levels) == 5
    for level, state in zip(levels, states, strict=True):
        assert (state.diff(dim=1) >= 0).all() and (level.diff(dim=1) >= 0).all()
        assert (level > 0).all()
        if centres == "normed":
            assert (level >= torch.tensor(LOW)).all() and (level <= torch.tensor(HIGH)).all()
    assert any(not torch.equal(state, states[0]) for state in states if state.shape == states[0].shape)


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("num_bins", [2, 3, 64])
def test_probabilities_sum_to_one_and_have_one_peak(scale: float, num_bins: int):
    """One peak: the differences change their sign at most once, from rise to fall."""
    with torch.inference_mode():
        probs = build(num_bins=num_bins)(maps(scale)).probs
    torch.testing.assert_close(probs.sum(dim=1), torch.ones_like(probs[:, 0]))
    falls = (probs.diff(dim=1) < -1e-7).int().cummax(dim=1).values
    assert not ((probs.diff(dim=1) > 1e-7) & (falls > 0)).any()


def plain_binomial(numbers: Tensor, num_bins: int) -> Tensor:
    """y / t of (a, b, c, d) by the formulas, bin by bin."""
    a, b, c, d = numbers.unbind(dim=1)
    p, t = a / (a + b), 0.0212 + (50 - 0.0212) * c / (c + d)
    n = num_bins - 1
    logits = []
    for k in range(num_bins):
        choose = sum(sign * m * math.log(m) for sign, m in ((1, n), (-1, k), (-1, n - k)) if m > 0)
        y = choose + k * p.clamp(1e-4, 1).log() + (n - k) * (1 - p).clamp(1e-4, 1).log()
        logits.append(y / t)
    return torch.stack(logits, dim=1)


@pytest.mark.parametrize("num_bins", [2, 5, 64])
def test_binomial__equals_its_formula(num_bins: int):
    numbers = 1e-4 + 10 * rand(2, 4, 5, 6) ** 4
    numbers[0, 0, 0], numbers[0, 1, 1], numbers[0, 2, 2] = 1e-4, 1e-4, 1e-4
    ours = LogBinomial(3, 4, num_bins).logits(numbers.float()).log_softmax(dim=1)
    theirs = plain_binomial(numbers, num_bins).log_softmax(dim=1).float()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


def test_binomial__enlarging_after_the_convolution_changes_nothing():
    """The convolution of finest map and enlarged embedding, side by side."""
    head = LogBinomial(5, 7, 9)
    finest, embedding = rand(2, 5, 11, 13, dtype=torch.float32), rand(2, 7, 4, 5, dtype=torch.float32)
    large = functional.interpolate(embedding, size=(11, 13), mode="bilinear", align_corners=True)
    hidden = functional.gelu(head.mix(torch.cat([finest, large], dim=1)))
    expected = plain_binomial((functional.softplus(head.last(hidden)) + 1e-4).double(), 9).softmax(dim=1).float()
    torch.testing.assert_close(head(finest, embedding).softmax(dim=1), expected, rtol=1e-4, atol=1e-5)


def plain_attract(centres: Tensor, points: Tensor) -> Tensor:
    """All pairs at once, in float64."""
    way = points[:, :, None] - centres[:, None]
    return centres + (way / (1 + 1000 * way**2)).mean(dim=1)


@pytest.mark.parametrize("count", [1, 4, 16])
def test_attract__equals_its_formula_and_keeps_the_order(count: int):
    centres, points = rand(2, 12, 3, 4).sort(dim=1).values, rand(2, count, 3, 4, seed=1)
    moved = attract(centres, points)
    torch.testing.assert_close(moved, plain_attract(centres, points))
    torch.testing.assert_close(attract(centres.float(), points.float()), moved.float(), rtol=0, atol=1e-6)
    assert (moved.diff(dim=1) >= 0).all()
    assert torch.autograd.gradcheck(attract, (centres.requires_grad_(), points.requires_grad_()))


def test_pair_points__released_code_forgets_to_normalise():
    raw = rand(2, 6, 3, 4) * 4 - 1
    first, second = raw[:, [0, 2, 4]].clamp(min=0) + 1e-3, raw[:, [1, 3, 5]].clamp(min=0) + 1e-3
    torch.testing.assert_close(pair_points(raw), first / (first + second))
    torch.testing.assert_close(pair_points(raw, as_released=True), first)


def test_as_released__differs_and_still_ascends_in_range():
    fixed, released = build(), build(as_released=True)
    released.load_state_dict(fixed.state_dict())
    with torch.inference_mode():
        ours, theirs = fixed(maps(5)), released(maps(5))
    assert torch.equal(ours.logits, theirs.logits)
    assert (ours.centres - theirs.centres).abs().max() > 0.1
    assert (theirs.centres.diff(dim=1) >= 0).all()
    assert (theirs.centres >= torch.tensor(LOW)).all() and (theirs.centres <= torch.tensor(HIGH)).all()


def test_normed_seed__equals_its_formula():
    """Widths in metres, edges by cumulative sum from the nearest depth, centres half-way."""
    raw = 3 * rand(2, 7, 3, 4) - 1
    positive = raw.clamp(min=0) + 1e-3
    widths = (HIGH - LOW) * positive / positive.sum(dim=1, keepdim=True)
    edges = LOW + torch.cat([torch.zeros_like(widths[:, :1]), widths.cumsum(dim=1)], dim=1)
    torch.testing.assert_close(LOW + (HIGH - LOW) * normed_start(raw), (edges[:, 1:] + edges[:, :-1]) / 2)


def test_ascending__is_a_running_maximum_that_gradients_do_not_see():
    values = rand(2, 13, 3, 4).requires_grad_()
    lifted = ascending(values)
    torch.testing.assert_close(lifted, values.cummax(dim=1).values)
    (gradient,) = torch.autograd.grad(lifted.sum(), values)
    assert (gradient == 1).all()


def hand_count(channels: tuple[int, ...], num_bins: int, embedding: int, *, pair: int) -> int:
    """Weights and biases of 1x1 convolutions, from the numbers of the paper's code."""

    def mlp(below: int, hidden: int, above: int) -> int:
        return (below + 1) * hidden + (hidden + 1) * above

    bottleneck, finest = channels[-1], channels[0]
    seed = (bottleneck + 1) * bottleneck + mlp(bottleneck, 256, num_bins) + mlp(bottleneck, 128, embedding)
    attractors = dict(zip(channels[-2:0:-1], (16, 8, 4, 1), strict=False))
    levels = sum(mlp(c, 128, embedding) + mlp(embedding, 128, pair * n) for c, n in attractors.items())
    joint = finest + embedding
    return seed + levels + mlp(joint, joint // 2, 4)


@pytest.mark.parametrize("channels", [(16, 32, 64, 128, 256, 512), (64, 128, 256, 512)])
@pytest.mark.parametrize(("centres", "pair"), [("normed", 2), ("softplus", 1)])
def test_parameters__equal_a_hand_count(channels: tuple[int, ...], centres: str, pair: int):
    with torch.device("meta"):
        head = MetricBins(channels, num_bins=64, embedding=128, min_depth_m=LOW, max_depth_m=HIGH, centres=centres)
    assert sum(p.numel() for p in head.parameters()) == hand_count(channels, 64, 128, pair=pair)


def test_levels__attractors_are_counted_from_the_bottleneck():
    def counts(num_maps: int) -> list[int]:
        head = MetricBins((8,) * num_maps, num_bins=4, embedding=8, min_depth_m=LOW, max_depth_m=HIGH)
        return [attractors.mlp.second.out_channels // 2 for attractors in head.refine]

    assert [counts(n) for n in (2, 4, 6, 8)] == [[], [16, 8], [16, 8, 4, 1], [16, 8, 4, 1, 1, 1]]


def test_localbins__splits_keep_the_sum_and_the_order():
    head = LocalBins(CHANNELS, num_bins=32, embedding=16, min_depth_m=LOW, max_depth_m=HIGH)
    with torch.inference_mode():
        states, _ = head.levels(maps())
    assert [state.shape[1] for state in states] == [2, 4, 8, 16, 32]
    for state in states:
        torch.testing.assert_close(state.sum(dim=1), torch.ones_like(state[:, 0]))
    split = head.refine[0](torch.rand(2, 16, 3, 4), torch.full((2, 2, 3, 4), 0.5))
    torch.testing.assert_close(split.unflatten(1, (2, 2)).sum(dim=2), torch.full((2, 2, 3, 4), 0.5))


def test_localbins__seeds():
    """The original's 8 seeds for 128 bins on 4 levels; odd numbers cannot be halved; two are left."""
    assert [seeds_of(*pair) for pair in ((128, 4), (64, 2), (65, 2), (2, 2), (12, 4))] == [8, 16, 65, 2, 3]


def test_levels__a_network_that_ends_early_is_the_same_up_to_there():
    """Fewer fine maps: the levels they share have weights of equal names and shapes."""
    long, short = (Levels(c, seeds=4, embedding=8, start=normed_start, refine=[]) for c in (CHANNELS, CHANNELS[2:]))
    shapes = {name: value.shape for name, value in long.state_dict().items()}
    assert all(shapes[name] == value.shape for name, value in short.state_dict().items())
