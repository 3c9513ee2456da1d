"""Baselines of distillation: zero at equality and finite gradients (test 7 of the specification), and each against a plain twin."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.methods.surround.baselines import (
    attention_loss,
    dist_loss,
    dkd_loss,
    hint_loss,
    kd_loss,
    response_loss,
    rkd_loss,
    similarity_loss,
)
from tests.fixtures import plain_distillation as plain


@dataclass(frozen=True)
class Side:
    """What a network says of three pictures: everything that any loss compares."""

    logits: Tensor
    embedding: Tensor
    maps: tuple[Tensor, ...]
    depth: Tensor

    @property
    def probs(self) -> Tensor:
        return self.logits.softmax(dim=1)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        return (self.logits, self.embedding, *self.maps, self.depth)

    def of(self, change: Callable[[Tensor], Tensor]) -> "Side":
        """With every tensor changed."""
        return Side(change(self.logits), change(self.embedding), tuple(map(change, self.maps)), change(self.depth))

    def learning(self) -> "Side":
        return self.of(lambda values: values.detach().clone().requires_grad_())


def side(seed: int, *, dtype: torch.dtype = torch.float64, n: int = 3) -> Side:
    """Odd sizes, and numbers that differ from axis to axis."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(n, *shape, generator=generator, dtype=dtype)

    maps = noise(2, 13, 17), noise(3, 7, 9), noise(4, 3, 5)
    return Side(logits=2 * noise(6, 5, 7), embedding=noise(4, 1, 1) + noise(4, 13, 41), maps=maps, depth=noise(5, 7).exp())


def some(n: int = 3) -> Tensor:
    """Three of four pixels, none of the second picture."""
    keep = torch.rand(n, 5, 7, generator=torch.Generator().manual_seed(9)) < 0.75
    keep[1] = False
    return keep


def targets(keep: Tensor) -> Tensor:
    """A bin for each kept pixel, -1 elsewhere."""
    return torch.where(keep, torch.randint(0, 6, keep.shape, generator=torch.Generator().manual_seed(8)), -1)


Loss = Callable[[Side, Side, Tensor], Tensor]
MASKED: dict[str, Loss] = {
    "response log_l1": lambda s, t, keep: response_loss(depth=s.depth, teacher_depth=t.depth, keep=keep, kind="log_l1"),
    "response l1": lambda s, t, keep: response_loss(depth=s.depth, teacher_depth=t.depth, keep=keep, kind="l1"),
    "response scale_shift": lambda s, t, keep: response_loss(depth=s.depth, teacher_depth=t.depth, keep=keep, kind="scale_shift"),
    "kd": lambda s, t, keep: kd_loss(logits=s.logits, teacher_probs=t.probs, keep=keep),
    "dkd": lambda s, t, keep: dkd_loss(logits=s.logits, teacher_probs=t.probs, target_bin=targets(keep)),
    "dist": lambda s, t, keep: dist_loss(logits=s.logits, teacher_probs=t.probs, keep=keep),
}
WHOLE: dict[str, Loss] = {
    "rkd": lambda s, t, _: rkd_loss(embedding=s.embedding, teacher_embedding=t.embedding),
    "similarity": lambda s, t, _: similarity_loss(embedding=s.embedding, teacher_embedding=t.embedding),
    "attention": lambda s, t, _: attention_loss(maps=s.maps, teacher_maps=t.maps),
    "hint": lambda s, t, _: hint_loss(map_=s.maps[-2], teacher_map=t.maps[-2]),
}
LOSSES = MASKED | WHOLE
every_loss = pytest.mark.parametrize("name", LOSSES)
masked_loss = pytest.mark.parametrize("name", MASKED)


def gradients(student: Side) -> list[Tensor]:
    """Of everything that got one."""
    return [values.grad for values in student.leaves if values.grad is not None]


@every_loss
def test_baseline__is_zero_at_equality(name: str):
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
        student = side(0, dtype=dtype).learning()
        loss = LOSSES[name](student, student, some())
        loss.backward()
        assert abs(loss.item()) < tolerance
        assert gradients(student) and all(torch.isfinite(gradient).all() for gradient in gradients(student))


@every_loss
def test_baseline__teaches_the_student_alone_with_finite_gradients_in_float32(name: str):
    student, teacher = side(0, dtype=torch.float32).learning(), side(1, dtype=torch.float32).learning()
    loss = LOSSES[name](student, teacher, some())
    loss.backward()
    assert loss.dtype == torch.float32 and loss > 1e-3
    assert all(torch.isfinite(gradient).all() for gradient in gradients(student))
    assert any((gradient != 0).any() for gradient in gradients(student))
    assert not gradients(teacher)


@every_loss
def test_baseline__half_precision_is_lifted(name: str):
    student, teacher = (side(seed).of(Tensor.half) for seed in (0, 1))
    loss = LOSSES[name](student, teacher, some())
    # the softmax of the teacher is part of this test's wiring and stays in half precision on both sides
    expected = LOSSES[name](student.of(Tensor.float), replace(teacher.of(Tensor.float), logits=teacher.probs.float().log()), some())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-6)


@every_loss
def test_baseline__of_the_flipped_rig_is_that_of_the_original(name: str):
    """Test 4 of the specification, for pictures in reverse order and mirrored."""
    order, keep = [0, 2, 1], some()
    if name == "dkd":  # its targets are drawn by position
        keep = torch.zeros_like(keep)
        keep[..., 3] = True
        keep = keep & (torch.arange(3) == 0)[:, None, None]
    student, teacher = side(0), side(1)
    ours, theirs = (one.of(lambda values: values[order].flip(-1)) for one in (student, teacher))
    torch.testing.assert_close(LOSSES[name](ours, theirs, keep[order].flip(-1)), LOSSES[name](student, teacher, keep))


@masked_loss
@pytest.mark.parametrize("content", [0.0, -1e9, torch.nan, torch.inf])
def test_baseline__pixels_that_are_not_kept_do_not_exist(name: str, content: float):
    student, teacher, keep = side(0), side(1), some()
    expected = MASKED[name](student, teacher, keep)

    def dirty(one: Side) -> Side:
        logits = one.logits.where(keep[:, None], torch.tensor(content, dtype=torch.float64))
        return replace(one, logits=logits, depth=one.depth.where(keep, torch.tensor(content, dtype=torch.float64)))

    student, teacher = dirty(student).learning(), dirty(teacher)
    loss = MASKED[name](student, teacher, keep)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    for gradient in gradients(student):
        assert torch.isfinite(gradient).all()
        channels_last = gradient.movedim(1, -1) if gradient.ndim == 4 else gradient
        assert (channels_last[~keep] == 0).all() and (channels_last[keep] != 0).any()


@masked_loss
def test_baseline__nothing_kept_is_exactly_zero(name: str):
    student = side(0, dtype=torch.float32).learning()
    loss = MASKED[name](student, side(1, dtype=torch.float32), torch.zeros_like(some()))
    loss.backward()
    assert loss.item() == 0
    assert gradients(student) and all((gradient == 0).all() for gradient in gradients(student))


def test_kd_loss__by_a_plain_twin():
    s, t, keep = side(0), side(1), some()
    assert MASKED["kd"](s, t, keep).item() == pytest.approx(plain.kd(s.logits.numpy(), t.probs.numpy(), keep.numpy(), 4.0), rel=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_dkd_loss__by_a_plain_twin(temperature: float):
    s, t = side(0), side(1)
    target = targets(some())
    for alpha, beta in ((1.0, 8.0), (1.0, 0.0), (0.0, 1.0)):
        options = {"temperature": temperature, "alpha": alpha, "beta": beta}
        loss = dkd_loss(logits=s.logits, teacher_probs=t.probs, target_bin=target, **options)
        assert loss.item() == pytest.approx(plain.dkd(s.logits.numpy(), t.probs.numpy(), target.numpy(), **options), rel=1e-9)
    plain_default = plain.dkd(s.logits.numpy(), t.probs.numpy(), target.numpy(), 4.0, alpha=1, beta=8)
    assert dkd_loss(logits=s.logits, teacher_probs=t.probs, target_bin=target).item() == pytest.approx(plain_default)


def test_dkd_loss__weighs_the_two_parts_of_hintons_divergence():
    """KD = TCKD + (1 - p_target of the teacher) NCKD, the identity that the paper starts from (its equation 5)."""
    s, t = side(0, n=1), side(1, n=1)
    keep = torch.zeros(1, 5, 7, dtype=torch.bool)
    keep[0, 2, 3] = True
    answers = {"logits": s.logits, "teacher_probs": t.probs}
    target = torch.where(keep, 4, -1)
    parts = [dkd_loss(**answers, target_bin=target, temperature=1.0, alpha=a, beta=b) for a, b in ((1.0, 0.0), (0.0, 1.0))]
    rest = 1 - t.probs[0, 4, 2, 3]
    torch.testing.assert_close(parts[0] + rest * parts[1], kd_loss(**answers, keep=keep, temperature=1.0))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_dkd_loss__certain_answers_stay_finite(temperature: float):
    """Probabilities of exactly 0 and 1 in the teacher, logits of thousands in the student, on the target and off it."""
    logits = torch.zeros(1, 64, 1, 4)
    logits[:, [5, 40, 5, 5], 0, range(4)] = 27000
    logits.requires_grad_()
    probs = torch.zeros(1, 64, 1, 4)
    probs[:, [40, 40, 5, 40], 0, range(4)] = 1
    loss = dkd_loss(logits=logits, teacher_probs=probs, target_bin=torch.tensor([[[40, 40, 40, 5]]]), temperature=temperature)
    loss.backward()
    assert torch.isfinite(loss) and loss > 0
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


def test_dist_loss__by_a_plain_twin():
    s, t, keep = side(0), side(1), some()
    for beta, gamma in ((1.0, 0.0), (0.0, 1.0), (2.0, 3.0)):
        loss = dist_loss(logits=s.logits, teacher_probs=t.probs, keep=keep, beta=beta, gamma=gamma)
        expected = plain.dist(s.logits.numpy(), t.probs.numpy(), keep.numpy(), beta=beta, gamma=gamma)
        assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_dist_loss__what_does_not_vary_in_the_teacher_is_not_counted():
    """Bins that the teacher never uses are most of 64; a student that says the same everywhere learns all the same."""
    teacher = torch.full((1, 64, 4, 5), -100.0)
    teacher[:, :6] = side(1, dtype=torch.float32).logits[:1, :, :4, :5]
    keep = torch.ones(1, 4, 5, dtype=torch.bool)
    assert dist_loss(logits=teacher, teacher_probs=teacher.softmax(dim=1), keep=keep).item() == pytest.approx(0, abs=1e-5)
    student = torch.zeros(1, 64, 4, 5, requires_grad=True)
    loss = dist_loss(logits=student, teacher_probs=teacher.softmax(dim=1), keep=keep)
    loss.backward()
    assert loss.item() == pytest.approx(2, abs=1e-3)
    assert student.grad is not None and torch.isfinite(student.grad).all()
    after = dist_loss(logits=student - 1e-3 * student.grad / student.grad.abs().max(), teacher_probs=teacher.softmax(dim=1), keep=keep)
    assert after < loss


def test_rkd_loss__by_a_plain_twin():
    s, t = side(0, n=4), side(1, n=4)
    points, teacher = (np.stack([plain.cells(one).ravel() for one in embedding.numpy()]) for embedding in (s.embedding, t.embedding))
    loss = rkd_loss(embedding=s.embedding, teacher_embedding=t.embedding)
    assert loss.item() == pytest.approx(plain.rkd(points, teacher), rel=1e-9)


def test_rkd_loss__knows_no_scale_and_no_place_and_one_picture_has_no_relation():
    s, t = side(0), side(1)
    expected = rkd_loss(embedding=s.embedding, teacher_embedding=t.embedding)
    torch.testing.assert_close(rkd_loss(embedding=7 * s.embedding + 3, teacher_embedding=t.embedding.flip(1)), expected)
    for n in (1, 2):  # two points have one distance, which is its own unit, and no angle
        embedding = s.embedding[:n].clone().requires_grad_()
        loss = rkd_loss(embedding=embedding, teacher_embedding=t.embedding[:n])
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-12)
        assert embedding.grad is not None and embedding.grad.abs().max() < 1e-12


@pytest.mark.parametrize("name", ["rkd", "similarity", "attention"])
def test_baseline__pictures_that_look_alike_send_finite_gradients(name: str):
    """Black pictures of dead cameras have embeddings that are equal, or 0."""
    for change in (torch.zeros_like, torch.ones_like):
        student = side(0, dtype=torch.float32).of(change).learning()
        LOSSES[name](student, side(1, dtype=torch.float32), some()).backward()
        assert all(torch.isfinite(gradient).all() for gradient in gradients(student))


def test_similarity_loss__by_a_plain_twin():
    s, t = side(0), side(1)
    loss = similarity_loss(embedding=s.embedding, teacher_embedding=t.embedding[:, :3, :7])
    assert loss.item() == pytest.approx(plain.similarity(s.embedding.numpy(), t.embedding[:, :3, :7].numpy()), rel=1e-9)


def test_attention_loss__by_a_plain_twin():
    """The finest maps stay out, the larger of a pair is averaged, and pairs are made from the coarsest on."""
    s, t = side(0), side(1)
    ours, theirs = s.maps, (t.maps[0], t.maps[0], t.maps[0][..., :9], t.maps[1])  # one more than the student has
    expected = sum(plain.attention(a.numpy(), b.numpy()) for a, b in ((ours[2], theirs[3]), (ours[1], theirs[2])))
    assert attention_loss(maps=ours, teacher_maps=theirs).item() == pytest.approx(expected, rel=1e-9)
    swapped = attention_loss(maps=theirs, teacher_maps=ours)
    assert swapped.item() == pytest.approx(expected, rel=1e-9)


def test_attention_loss__a_network_of_one_map_compares_it():
    s, t = side(0), side(1)
    expected = plain.attention(s.maps[2].numpy(), t.maps[1].numpy())
    assert attention_loss(maps=s.maps[2:], teacher_maps=t.maps[1:2]).item() == pytest.approx(expected, rel=1e-9)


def test_hint_loss__by_hand_and_a_larger_teacher_is_resampled():
    s, t = side(0), side(1)
    mean = ((s.maps[1].numpy() - t.maps[1].numpy()) ** 2).mean()
    assert hint_loss(map_=s.maps[1], teacher_map=t.maps[1]).item() == pytest.approx(mean, rel=1e-12)
    flat = hint_loss(map_=torch.full((2, 3, 5, 7), 2.0), teacher_map=torch.full((2, 3, 11, 4), 5.0))
    assert flat.item() == pytest.approx(9, rel=1e-5)


def test_hint_loss__is_zero_behind_an_adapter_that_undoes_the_difference():
    """The adapter of distillation.py is a 1x1 convolution; as the identity it leaves nothing to learn."""
    adapter = torch.nn.Conv2d(3, 3, kernel_size=1)
    torch.nn.init.dirac_(adapter.weight)
    torch.nn.init.zeros_(adapter.bias)  # type: ignore[arg-type]
    features = side(0, dtype=torch.float32).maps[1]
    assert hint_loss(map_=adapter(features), teacher_map=features).item() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize(("kind", "expected"), [("log_l1", "0.6931"), ("l1", "6"), ("scale_shift", "0")])
def test_response_loss__by_hand(kind, expected: str):
    """A student that says twice the teacher's depth everywhere."""
    teacher = torch.tensor([[[4.0, 6.0, 8.0, 50.0]]])
    keep = torch.tensor([[[True, True, True, False]]])
    loss = response_loss(depth=2 * teacher, teacher_depth=teacher, keep=keep, kind=kind)
    assert loss.item() == pytest.approx(float(expected), abs=1e-4)
