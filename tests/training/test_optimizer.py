"""Learning rates rise and fall as named; parameters get the group they belong to."""

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.optim import AdamW, Optimizer

from leadline.methods.base import Learner
from leadline.methods.catalog import build_method, default_config
from leadline.training.config import OptimConfig, Schedule
from leadline.training.optimizer import MuonAndAdamW, build_optimizer, parameter_groups, schedule_factor

STEPS = 200


def factors(schedule: Schedule, **changes: object) -> list[float]:
    optim = replace(OptimConfig(schedule=schedule, warmup=0.1), **changes)  # pyright: ignore[reportArgumentType]
    return [schedule_factor(step, steps=STEPS, optim=optim) for step in range(STEPS)]


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant", "step"])
def test_schedule_factor__rises_to_one_at_the_end_of_the_warmup(schedule: Schedule) -> None:
    values = factors(schedule)
    assert values[19] == pytest.approx(1.0)
    assert all(low < high for low, high in pairwise(values[:20]))
    assert values[0] > 0
    assert max(values) <= 1.0 + 1e-12


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_schedule_factor__falls_to_the_final_factor(schedule: Schedule) -> None:
    values = factors(schedule, final_factor=0.02)
    assert values[-1] == pytest.approx(0.02)
    assert all(low >= high for low, high in pairwise(values[20:]))


def test_schedule_factor__step_drops_where_it_says() -> None:
    values = factors("step", drops=(0.5, 0.75), drop_factor=0.1)
    assert (values[99], values[100], values[149], values[150]) == pytest.approx((1.0, 0.1, 0.1, 0.01))


def test_schedule_factor__constant_stays() -> None:
    assert set(factors("constant")[20:]) == {1.0}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_schedule_factor__very_short_runs_have_a_positive_rate(steps: int) -> None:
    assert all(0 < schedule_factor(step, steps=steps, optim=OptimConfig()) <= 1 for step in range(steps))


def test_parameter_groups__encoder_and_vectors_apart() -> None:
    method = build_method("supervised", replace(default_config("supervised"), encoder="resnet-tiny", decoder_width=0.25))
    for parameter in list(method.network.decoder.parameters())[:2]:  # pyright: ignore[reportAttributeAccessIssue]
        parameter.requires_grad_(False)
    groups = parameter_groups(method, OptimConfig(lr=1e-3, encoder_lr_factor=0.1, weight_decay=0.05))
    grouped = {id(p): group for group in groups for p in group["params"]}  # pyright: ignore[reportGeneralTypeIssues]
    trained = {name: p for name, p in method.named_parameters() if p.requires_grad}
    assert set(grouped) == {id(p) for p in trained.values()}
    for name, parameter in trained.items():
        assert grouped[id(parameter)]["lr"] == pytest.approx(1e-4 if ".encoder." in name else 1e-3)
        assert grouped[id(parameter)]["weight_decay"] == (0.05 if parameter.ndim > 1 else 0.0)


def test_build_optimizer__schedule_scales_every_group() -> None:
    method = build_method("supervised", replace(default_config("supervised"), encoder="resnet-tiny", decoder_width=0.25))
    optim = OptimConfig(lr=1e-2, encoder_lr_factor=0.5, warmup=0.5, schedule="cosine")
    optimizer, schedule = build_optimizer(method, optim, steps=4, fused=True)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([2.5e-3, 5e-3])
    optimizer.step()
    schedule.step()
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([5e-3, 1e-2])


MUON = OptimConfig(lr=1e-3, muon_lr=4e-3, encoder_lr_factor=0.5, weight_decay=0.05, warmup=0.5, schedule="cosine")


def plain() -> Learner:
    """A transformer and a DPT decoder, with the same weights each time."""
    torch.manual_seed(0)
    return build_method("supervised", replace(default_config("supervised"), encoder="dinov2-tiny", decoder="dpt", decoder_width=0.25))


def step_down(method: Learner, optimizer: Optimizer, number: int) -> None:
    """One step down a slope of its own `number`."""
    optimizer.zero_grad()
    generator = torch.Generator().manual_seed(number)
    for parameter in method.trained_parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def test_build_optimizer__muon_moves_matrices_and_nothing_else() -> None:
    method = plain()
    optimizer, schedule = build_optimizer(method, MUON, steps=4, fused=True)
    assert isinstance(optimizer, MuonAndAdamW)
    muon, adamw = optimizer.parts
    matrices = {id(p) for group in muon.param_groups for p in group["params"]}
    others = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert matrices == {id(p) for p in method.trained_parameters() if p.ndim == 2}
    assert matrices | others == {id(p) for p in method.trained_parameters()} and not matrices & others
    assert [group["lr"] for group in muon.param_groups] == pytest.approx([1e-3])  # half way up the warm-up, half for the encoder
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    step_down(method, optimizer, 0)
    schedule.step()
    assert [group["lr"] for group in muon.param_groups] == pytest.approx([2e-3])
    assert all(not torch.equal(before[name], p) for name, p in method.named_parameters() if id(p) in matrices | others)


def test_build_optimizer__without_matrices_there_is_no_muon() -> None:
    method = build_method("supervised", replace(default_config("supervised"), encoder="resnet-tiny", decoder_width=0.25))
    assert isinstance(build_optimizer(method, MUON, steps=4, fused=True)[0], AdamW)


def test_muon_and_adamw__a_run_that_stops_goes_on_as_if_it_had_not() -> None:
    whole, half = plain(), plain()
    for method, stops in ((whole, False), (half, True)):
        optimizer, schedule = build_optimizer(method, MUON, steps=4, fused=True)
        for number in range(4):
            if stops and number == 2:
                states = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
                optimizer, schedule = build_optimizer(method, MUON, steps=4, fused=True)
                optimizer.load_state_dict(states[0])
                schedule.load_state_dict(states[1])
            step_down(method, optimizer, number)
            schedule.step()
    for a, b in zip(whole.parameters(), half.parameters(), strict=True):
        assert torch.equal(a, b)


def test_muon_and_adamw__the_closure_leaves_gradients() -> None:
    method = plain()
    optimizer, _ = build_optimizer(method, MUON, steps=4, fused=True)
    before = [p.detach().clone() for p in method.trained_parameters()]

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = torch.stack([p.square().sum() for p in method.trained_parameters()]).sum()
        total.backward()
        return total.detach()

    assert optimizer.step(loss) == pytest.approx(float(sum(p.double().square().sum() for p in before)), rel=1e-4)
    assert all(not torch.equal(a, p) for a, p in zip(before, method.trained_parameters(), strict=True) if bool(a.any()))
