"""L_p and how gradients of CKD are routed (tests 2 and 3 of the specification)."""

from functools import partial

import pytest
import torch
from torch import Tensor

from leadline.losses.silog import silog_loss
from leadline.methods.surround.ckd import probability_loss, tempered
from leadline.models.bins.answer import Bins, mean_depth
from tests.fixtures import plain_distillation as plain

temperatures = pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])


def answers(seed: int, *, n: int = 3, k: int = 6, dtype: torch.dtype = torch.float64, sharpness: float = 3.0) -> Tensor:
    """Logits of bins on an odd number of pixels."""
    return sharpness * torch.randn(n, k, 5, 7, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some(n: int = 3) -> Tensor:
    """Four of five pixels, none of the second picture."""
    keep = torch.rand(n, 5, 7, generator=torch.Generator().manual_seed(9)) < 0.8
    keep[1] = False
    return keep


def student_and_teacher() -> tuple[Bins, Tensor, Tensor]:
    """A student with everything that may learn, the logits of a teacher, and its probabilities, asked without gradient."""
    centres = torch.rand(3, 6, 5, 7).cumsum(dim=1)
    bins = Bins(answers(0, dtype=torch.float32).requires_grad_(), centres.requires_grad_(), torch.zeros(3, 1, 5, 7))
    logits = answers(1, dtype=torch.float32).requires_grad_()
    with torch.no_grad():
        probs = logits.softmax(dim=1)
    return bins, logits, probs


def test_gradient_routing__probability_loss_gives_none_to_centres():
    bins, teacher_logits, _ = student_and_teacher()
    # even from a teacher whose answer carries a gradient
    probability_loss(logits=bins.logits, teacher_probs=teacher_logits.softmax(dim=1), keep=some()).backward()
    assert bins.logits.grad is not None and (bins.logits.grad[0] != 0).any()
    assert bins.centres.grad is None and teacher_logits.grad is None


@pytest.mark.parametrize("pair", ["cross", "opposite"])
def test_gradient_routing__cross_loss_gives_none_to_probabilities(pair: str):
    """L_x teaches the student's centres alone, the opposite pair its probabilities alone; as distillation.py puts them together."""
    bins, teacher_logits, probs = student_and_teacher()
    depth = mean_depth(probs, bins.centres) if pair == "cross" else mean_depth(bins.probs, bins.centres.detach() + 1)
    silog_loss(pred=depth, target=torch.full_like(depth, 4.0), valid=some()).backward()
    learns, rests = (bins.centres, bins.logits) if pair == "cross" else (bins.logits, bins.centres)
    assert learns.grad is not None and (learns.grad[0] != 0).any()
    assert rests.grad is None and teacher_logits.grad is None


@temperatures
def test_probability_loss__is_zero_at_equality(temperature: float):
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        logits = answers(0, dtype=dtype, sharpness=6).requires_grad_()
        loss = probability_loss(logits=logits, teacher_probs=logits.softmax(dim=1), keep=some(), temperature=temperature)
        loss.backward()
        assert abs(loss.item()) < tolerance * temperature**2
        assert logits.grad is not None and logits.grad.abs().max() < tolerance * temperature**2


@temperatures
def test_probability_loss__by_a_plain_twin(temperature: float):
    logits, probs, keep = answers(0), answers(1).softmax(dim=1), some()
    loss = probability_loss(logits=logits, teacher_probs=probs, keep=keep, temperature=temperature)
    assert loss.item() == pytest.approx(plain.kd(logits.numpy(), probs.numpy(), keep.numpy(), temperature), rel=1e-9)
    loss32 = probability_loss(logits=logits.float(), teacher_probs=probs.float(), keep=keep, temperature=temperature)
    assert loss32.item() == pytest.approx(loss.item(), rel=1e-5)


@temperatures
def test_probability_loss__gradcheck(temperature: float):
    logits, probs, keep = answers(0)[..., :2, :3], answers(1).softmax(dim=1)[..., :2, :3], some()[..., :2, :3]
    loss = partial(probability_loss, teacher_probs=probs, keep=keep, temperature=temperature)
    assert torch.autograd.gradcheck(lambda z: loss(logits=z), logits.requires_grad_())


@pytest.mark.parametrize("content", [0.0, -1e9, torch.nan, torch.inf])
def test_probability_loss__pixels_that_are_not_kept_do_not_exist(content: float):
    logits, probs, keep = answers(0), answers(1).softmax(dim=1), some()
    expected = probability_loss(logits=logits, teacher_probs=probs, keep=keep)
    logits = torch.where(keep[:, None], logits, content).requires_grad_()
    loss = probability_loss(logits=logits, teacher_probs=torch.where(keep[:, None], probs, content), keep=keep)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    assert logits.grad is not None and torch.isfinite(logits.grad).all() and (logits.grad.movedim(1, -1)[~keep] == 0).all()
    nothing = probability_loss(logits=logits, teacher_probs=probs, keep=torch.zeros_like(keep))
    (gradient,) = torch.autograd.grad(nothing, logits)
    assert nothing.item() == 0 and (gradient == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_probability_loss__half_precision_is_lifted(dtype: torch.dtype):
    logits, probs, keep = answers(0).to(dtype), answers(1).softmax(dim=1).to(dtype), some()
    loss = probability_loss(logits=logits, teacher_probs=probs, keep=keep)
    assert loss.dtype == torch.float32
    assert loss.item() == probability_loss(logits=logits.float(), teacher_probs=probs.float(), keep=keep).item()


@temperatures
def test_probability_loss__certain_teacher_and_certain_student_that_disagree_stay_finite(temperature: float):
    """What log-binomial heads say at their lowest temperature: probabilities of exactly 0, and logits of thousands."""
    logits = torch.zeros(1, 64, 1, 1)
    logits[:, 5] = 27000
    logits.requires_grad_()
    probs = torch.zeros(1, 64, 1, 1)
    probs[:, 40] = 1
    loss = probability_loss(logits=logits, teacher_probs=probs, keep=torch.ones(1, 1, 1, dtype=torch.bool), temperature=temperature)
    loss.backward()
    assert loss.item() == pytest.approx(27000 * temperature, rel=1e-5)
    assert logits.grad is not None
    assert logits.grad[0, [5, 40, 0], 0, 0].tolist() == pytest.approx([temperature, -temperature, 0], abs=1e-6)


def test_tempered__keeps_the_tail_of_a_sharp_teacher():
    """A floor of 1e-6 under the probabilities would make its bins more likely than they are at temperature 4."""
    logits = -0.4 * (torch.arange(64.0) - 20).square()[None, :, None, None]
    softened = tempered(logits.softmax(dim=1), 4.0).exp()
    torch.testing.assert_close(softened, (logits / 4).softmax(dim=1), rtol=1e-4, atol=1e-7)
    assert softened[0, 21:, 0, 0].sum() < 0.5 and softened[0, 40:, 0, 0].sum() < 1e-6
