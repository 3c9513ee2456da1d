"""Learning rates rise and fall as named; parameters get the group they belong to."""

from dataclasses import replace
from itertools import pairwise

import pytest

from leadline.methods.catalog import build_method, default_config
from leadline.training.config import OptimConfig, Schedule
from leadline.training.optimizer import build_optimizer, parameter_groups, schedule_factor

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
