"""Gates, temperature, alignment and losses of `briges`, against plain formulas. Sections of the specification's list are in the names."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from leadline.losses.gradient import gradient_matching_loss
from leadline.methods.briges.align import aligned
from leadline.methods.briges.gate import Attention, Gate, Gates
from leadline.methods.briges.loss import disparity_target, gradient_loss, least_squares, normalised, ssi_loss
from leadline.types import UserError

GENERATOR = torch.Generator().manual_seed(0)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR)


def plain_attention(attention: Attention, x: Tensor, y: Tensor, temperature: float) -> Tensor:
    """softmax(Q K^T / (tau sqrt(d_head))) V, head by head."""
    d = x.shape[-1] // attention.heads
    q, (k, v) = attention.q(x), attention.kv(y).chunk(2, dim=-1)
    heads = []
    for h in range(attention.heads):
        part = slice(h * d, (h + 1) * d)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / (temperature * math.sqrt(d)), dim=-1)
        heads.append(weights @ v[..., part])
    return attention.proj(torch.cat(heads, dim=-1))


@pytest.mark.parametrize(("width", "million"), [(768, 56_709_120), (1024, 100_777_984)])
def test_1_gate__parameter_count_is_24_d2_plus_28_d(width: int, million: int) -> None:
    with torch.device("meta"):
        gates = Gates(4, width, 16)
    counts = [sum(p.numel() for p in gate.parameters()) for gate in gates.gates]
    assert counts == [24 * width**2 + 28 * width] * 4
    assert sum(p.numel() for p in gates.parameters()) == million


def test_gate__blocks_are_pre_norm_with_queries_from_depth() -> None:
    """G(f, g) written out, and neither block mixes up who asks whom."""
    gate = Gate(16, 4)
    f, g = random(2, 5, 16), random(2, 7, 16)
    x = f + plain_attention(gate.cross, gate.norm_x(f), gate.norm_y(g), 1.0)
    x = x + gate.cross_mlp(gate.norm_cross_mlp(x))
    own = gate.norm_self(x)
    x = x + plain_attention(gate.self_attention, own, own, 1.0)
    x = x + gate.self_mlp(gate.norm_self_mlp(x))
    torch.testing.assert_close(gate(f, g), x, atol=1e-5, rtol=1e-5)
    assert gate.norm_x.eps == 1e-6


def test_gate__silent_ones_hand_on_what_they_get() -> None:
    f = random(1, 6, 16)
    gates = Gates(2, 16, 4, zero_init=True)
    assert torch.equal(gates([f, 2 * f], random(1, 6, 16), rows=2, columns=3)[1], 2 * f)
    assert not torch.equal(Gates(1, 16, 4)([f], random(1, 6, 16), rows=2, columns=3)[0], f)


def test_gates__with_positions_look_at_their_own_place_first() -> None:
    """Whatever tokens of the two encoders hold; without, nothing tells a gate which semantic token is that of its own place."""
    torch.manual_seed(0)
    gates = Gates(1, 64, 2, positions=True)
    gate = gates.gates[0]
    assert isinstance(gate, Gate)
    f, g = random(16, 15, 64), random(16, 15, 64)
    found: list[Tensor] = []
    gate.cross.proj.register_forward_hook(lambda _, seen, __: found.append(seen[0]))
    gates([f], g, rows=3, columns=5)
    gates.positions = False
    gates([f], g, rows=3, columns=5)
    own = gate.cross.kv(gate.norm_y(g)).chunk(2, dim=2)[1]
    placed, lost = ((seen - own).abs().mean() for seen in found)
    assert placed < 0.6 * lost


def test_gates__share_nothing_and_refuse_heads_that_do_not_divide() -> None:
    gates = Gates(4, 16, 4)
    f, g = random(1, 6, 16), random(1, 6, 16)
    assert not torch.equal(*gates([f] * 4, g, rows=2, columns=3)[:2])
    with pytest.raises(UserError, match="5 heads do not divide tokens of 16 channels"):
        Gates(4, 16, 5)


def test_3_ats__tau_1_is_plain_attention_and_any_tau_the_formula() -> None:
    attention = Attention(32, 4)
    x, y = random(2, 9, 32), random(2, 11, 32)
    unscaled = attention.proj(
        functional.scaled_dot_product_attention(
            *(part.unflatten(2, (4, -1)).transpose(1, 2) for part in (attention.q(x), *attention.kv(y).chunk(2, dim=2)))
        )
        .transpose(1, 2)
        .flatten(2)
    )
    torch.testing.assert_close(attention(x, y), unscaled, atol=1e-6, rtol=1e-6)
    for temperature in (0.5, 1.0, 3.0, 5.0):
        expected = plain_attention(attention, x, y, temperature)
        torch.testing.assert_close(attention(x, y, temperature=temperature), expected, atol=1e-5, rtol=1e-5)


def test_3_ats__large_tau_gives_the_mean_of_values() -> None:
    attention = Attention(32, 4)
    x, y = random(2, 9, 32), random(2, 11, 32)
    mean = attention.proj(attention.kv(y)[..., 32:].mean(dim=1, keepdim=True)).expand(-1, 9, -1)
    torch.testing.assert_close(attention(x, y, temperature=1e8), mean, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(37, 37), (37, 128), (6, 2), (1, 1)])
def test_4_alignment__one_token_for_each_of_depth(rows: int, columns: int) -> None:
    constant = torch.full((2, 8, 64, 64), 3.0)
    tokens = aligned(constant, rows=rows, columns=columns)
    assert tokens.shape == (2, rows * columns, 8)
    assert torch.equal(tokens, torch.full_like(tokens, 3.0))


def test_4_alignment__row_by_row_and_the_largest_of_four() -> None:
    map_ = random(1, 3, 8, 12)
    tokens = aligned(map_, rows=4, columns=6)
    expected = map_.unflatten(2, (4, 2)).unflatten(4, (6, 2)).amax(dim=(3, 5)).flatten(2).transpose(1, 2)
    assert torch.equal(tokens, expected)


def test_target__nearest_is_nearly_one_and_the_farthest_is_not_valid() -> None:
    z = torch.tensor([[[1.0, 2.0, 4.0, 0.0]]])
    target, valid = disparity_target(1 / (z + 1e-3), z > 0)
    i = [1 / 1.001, 1 / 2.001, 1 / 4.001]
    expected = [(x - i[2]) / (i[0] - i[2] + 1e-3) for x in i]
    torch.testing.assert_close(target[0, 0, :3], torch.tensor(expected))
    assert valid.tolist() == [[[True, True, False, False]]]
    nothing, known = disparity_target(z, z < 0)
    assert not known.any() and torch.isfinite(nothing).all()


def test_prediction__fills_zero_to_one() -> None:
    p = normalised(random(3, 5, 7))
    torch.testing.assert_close(p.amax(dim=(1, 2)), torch.ones(3), atol=1e-5, rtol=0)
    assert (p.amin(dim=(1, 2)) == 0).all()


def test_least_squares__is_that_of_lstsq() -> None:
    p, d, valid = random(2, 6, 7), random(2, 6, 7), random(2, 6, 7) > 0
    fitted = least_squares(pred=p, target=d, valid=valid)
    for image in range(2):
        columns = torch.stack([p[image][valid[image]], torch.ones(int(valid[image].sum()))], dim=1)
        s, t = torch.linalg.lstsq(columns, d[image][valid[image]][:, None]).solution.flatten()
        torch.testing.assert_close(fitted.values[image], s * p[image] + t, atol=1e-3, rtol=1e-3)


def test_8_ssi__does_not_see_a_positive_scale_or_a_shift() -> None:
    p, d, valid = torch.rand(2, 40, 50, generator=GENERATOR), torch.rand(2, 40, 50, generator=GENERATOR), random(2, 40, 50) > -1
    plain = ssi_loss(pred=p, target=d, valid=valid)
    for scale, shift in ((2.0, 0.0), (0.5, 3.0), (1.0, -1.0)):
        moved = ssi_loss(pred=scale * p + shift, target=d, valid=valid)
        assert moved.item() == pytest.approx(plain.item(), rel=1e-5)
    assert ssi_loss(pred=3 * d + 1, target=d, valid=valid).item() < 1e-5


def test_ssi__scale_and_shift_carry_gradient() -> None:
    """The answer depends on p through them: with both detached the gradient would be another one. Checked in float64."""
    p = torch.rand(1, 4, 5, generator=GENERATOR, dtype=torch.float64, requires_grad=True)
    d, valid = torch.rand(1, 4, 5, generator=GENERATOR, dtype=torch.float64), torch.ones(1, 4, 5, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x: ssi_loss(pred=x, target=d, valid=valid), (p,))


def test_ssi__an_image_without_an_answer_is_left_out() -> None:
    p = torch.stack([torch.full((4, 5), 0.5), torch.rand(4, 5, generator=GENERATOR)])
    d, valid = torch.rand(2, 4, 5, generator=GENERATOR), torch.ones(2, 4, 5, dtype=torch.bool)
    alone = ssi_loss(pred=p[1:], target=d[1:], valid=valid[1:])
    assert ssi_loss(pred=p, target=d, valid=valid).item() == pytest.approx(alone.item(), rel=1e-6)


def test_gradient_loss__by_hand() -> None:
    """One corner: dx = 1 and dy = 2 against dx = 2 and dy = 2; the pixels at the right and below have no corner of their own."""
    pred, target = torch.tensor([[[0.0, 1.0], [2.0, 9.0]]]), torch.tensor([[[0.0, 2.0], [2.0, 7.0]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    expected = abs(5 - 8) + abs(math.atan(2) - math.atan(1))
    assert gradient_loss(pred=pred, target=target, valid=valid).item() == pytest.approx(expected, rel=1e-6)
    assert gradient_loss(pred=pred, target=target, valid=valid & False).item() == 0


def test_gradient_loss__flat_places_send_no_gradient_of_ten_to_the_ten() -> None:
    pred = torch.full((1, 4, 4), 0.5, requires_grad=True)
    loss = gradient_loss(pred=pred, target=torch.rand(1, 4, 4, generator=GENERATOR), valid=torch.ones(1, 4, 4, dtype=torch.bool))
    loss.backward()
    assert pred.grad is not None and torch.isfinite(pred.grad).all() and pred.grad.abs().max() < 10


@pytest.mark.parametrize("axis", [1, 2])
def test_7_gradient_matching__reacts_to_a_horizontal_and_to_a_vertical_error(axis: int) -> None:
    target = torch.zeros(1, 16, 16)
    ramp = torch.linspace(0, 1, 16).view([1, 16, 1] if axis == 1 else [1, 1, 16]).expand(1, 16, 16)
    valid = torch.ones(1, 16, 16, dtype=torch.bool)
    assert gradient_matching_loss(pred=ramp, target=target, valid=valid).item() > 0.05
