"""Parts of a teacher's head in its student: equal, frozen, and only where the heads are alike."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from leadline.models.bins.head import BinKind, build_bin_head
from leadline.models.bins.share import share
from leadline.types import UserError

CHANNELS = (6, 10, 12, 16)


def build(kind: BinKind = "metric", channels: tuple[int, ...] = CHANNELS, **options):
    settings = {"num_bins": 8, "embedding": 16, "min_depth_m": 0.5, "max_depth_m": 40.0} | options
    return build_bin_head(kind, channels, **settings)


def maps() -> list[Tensor]:
    return [torch.rand(1, c, 12 >> i, 16 >> i) for i, c in enumerate(CHANNELS)]


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("kind", get_args(BinKind))
def test_share__prob_head_is_the_teachers_and_frozen(kind: BinKind):
    student, teacher = build(kind), build(kind)
    share(student, teacher, "prob_head", subject="teacher")
    assert equal(student.prob_head, teacher.prob_head)
    frozen = {id(p) for p in student.prob_head.parameters()}
    assert all(p.requires_grad == (id(p) not in frozen) for p in student.parameters())
    assert all(p.requires_grad for p in teacher.parameters())


@pytest.mark.parametrize("kind", ["metric", "adabins", "localbins"])
def test_share__all_after_projector_takes_what_refines_the_bins_too(kind: BinKind):
    student, teacher = build(kind), build(kind)
    share(student, teacher, "all_after_projector", subject="teacher")
    assert equal(student.prob_head, teacher.prob_head) and equal(student.refine, teacher.refine)
    assert not any(p.requires_grad for part in (student.prob_head, student.refine) for p in part.parameters())
    assert any(p.requires_grad for p in student.parameters()), "projectors stay the student's"


def test_share__copies_are_no_longer_tied_and_the_rest_learns():
    student, teacher = build(), build()
    share(student, teacher, "all_after_projector", subject="teacher")
    before = [p.clone() for p in student.parameters()]
    optimizer = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=0.1)
    student(maps()).depth.log().mean().backward()
    optimizer.step()
    changed = [not torch.equal(p, q) for p, q in zip(student.parameters(), before, strict=True)]
    assert changed == [p.requires_grad for p in student.parameters()]
    assert {id(p) for p in student.parameters()}.isdisjoint(id(p) for p in teacher.parameters())


def test_share__teachers_with_another_bottleneck_are_welcome():
    share(build(), build(channels=(*CHANNELS[:-1], 40)), "all_after_projector", subject="teacher")


@pytest.mark.parametrize(
    ("teacher", "line"),
    [
        ({"kind": "adabins"}, "t: has adabins bins, the student metric; give "),
        ({"num_bins": 9}, "t: has 9 bins, the student 8; give "),
        ({"channels": (4, *CHANNELS[1:])}, r"t: prob_head\.last\.weight has shape \(4, 10, 1, 1\), the student's \(4, 11"),
        ({"embedding": 32}, r"t: prob_head\.last\.weight has shape"),
        ({"channels": CHANNELS[1:]}, r"t: prob_head\.last\.weight has shape"),
        ({"centres": "softplus"}, r"t: refine\.0\.mlp\.second\.bias has shape \(16,\), the student's \(32,\)"),
        ({"channels": (6, 12, 16)}, r"t: refine\.1\.mlp\.first\.bias has shape none, the student's \(128,\)"),
    ],
)
def test_share__names_what_differs_and_changes_nothing(teacher: dict, line: str):
    student = build()
    before = [p.clone() for p in student.parameters()]
    with pytest.raises(UserError, match=line):
        share(student, build(**teacher), "all_after_projector", subject="t")
    assert all(torch.equal(p, q) and p.requires_grad for p, q in zip(student.parameters(), before, strict=True))
