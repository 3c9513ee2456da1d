"""The adapter between a method and the engine: it learns, it stops at nonsense, and its random numbers belong to the step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import final

import pytest
import torch
from torch import Tensor, nn

import leadline.training.run as run_module
from leadline.data.augment import Augment
from leadline.data.sample import Needs, Sample
from leadline.methods.base import Loss, Method
from leadline.training.config import TrainConfig
from leadline.training.journal import read_history
from leadline.training.module import step_seed
from leadline.training.run import Run, train
from leadline.types import DepthKind, UserError


@final
class Noisy(Method):
    """One weight and dropout; `spoil` changes what its loss returns."""

    def __init__(self, config: object, spoil: Callable[[Tensor, Sample], Tensor] | None = None) -> None:
        super().__init__()
        self.config = config
        self.bias = nn.Parameter(torch.ones(3))
        self.teacher = nn.Parameter(torch.ones(1), requires_grad=False)
        self.dropout = nn.Dropout(0.5)
        self.spoil = spoil

    kind = DepthKind.METRIC  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    needs = Needs()  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def forward(self, image: Tensor, K: Tensor) -> Tensor:
        return self.bias.sum() * image.mean(dim=2)

    def loss(self, sample: Sample) -> Loss:
        depth = self.bias.sum() * self.dropout(sample.image).mean(dim=3)
        assert sample.depth is not None
        error = (depth - sample.depth).abs().mean()
        return Loss(terms={"l1": error if self.spoil is None else self.spoil(error, sample)})


@pytest.fixture
def noisy(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """A config whose method is `Noisy`."""
    monkeypatch.setattr(run_module, "_build_method", lambda config: Noisy(config.method))
    return config


def spoiled(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Tensor, Sample], Tensor]) -> None:
    monkeypatch.setattr(run_module, "_build_method", lambda config: Noisy(config.method, spoil))


def test_train__overfits_one_batch(config: TrainConfig, tmp_path: Path) -> None:
    data = replace(config.data, batch_size=12, augment=Augment(flip=0))
    history = train(replace(config, data=data, steps=60, ema_decay=0.0, checkpoint_every=100), tmp_path).history
    assert history[-1]["loss"] < 0.25 * history[0]["loss"]


def test_train__logs_terms_that_sum_to_the_loss(config: TrainConfig, tmp_path: Path) -> None:
    for row in train(replace(config, steps=3, accumulate=2), tmp_path).history:
        assert row["loss"] == pytest.approx(sum(value for name, value in row.items() if name.startswith("loss/")), rel=1e-5)
        assert row["grad_norm"] > 0
        assert 0 <= row["data_wait_share"] < 1


def test_train__begins_with_smaller_images(noisy: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of twelve steps: three at half the sides, nine at the whole ones, their cameras with them."""
    seen: list[tuple[int, ...]] = []

    def look(error: Tensor, sample: Sample) -> Tensor:
        seen.append((*sample.image.shape[-2:], round(float(2 * sample.K[0, 0, 0, 0, 2]))))
        return error

    spoiled(monkeypatch, look)
    train(replace(noisy, coarse_share=0.25, coarse_scale=0.5), tmp_path)
    height, width = noisy.data.height, noisy.data.width
    assert seen == [(height // 2, width // 2, width // 2)] * 3 + [(height, width, width)] * 9


def test_train__dropout_after_a_resume_is_what_it_would_have_been(noisy: TrainConfig, tmp_path: Path) -> None:
    whole = train(replace(noisy, checkpoint_every=1000), tmp_path / "whole").history
    # A run cut off by an error after its last checkpoint is the in-process twin of a kill.
    part = Run(noisy, tmp_path / "part")
    part.batches.num_batches = 9
    part.fit()
    assert read_history(tmp_path / "part" / "logs" / "metrics.csv")[-1]["step"] == 9
    torch.rand(1000)
    resumed = train(noisy, tmp_path / "part").history
    assert [row["loss"] for row in resumed] == [row["loss"] for row in whole]
    assert len({row["loss"] for row in whole}) == 12


def test_train__frozen_parameters_stay(noisy: TrainConfig, tmp_path: Path) -> None:
    run = Run(noisy, tmp_path)
    run.fit()
    assert isinstance(run.method, Noisy)
    assert run.method.teacher.item() == 1.0
    assert run.method.bias[0].item() != 1.0


def test_train__loss_that_is_not_finite_names_step_and_samples(
    config: TrainConfig, planes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = str(planes / "003.png")
    spoiled(monkeypatch, lambda error, sample: error * float("nan") if bad in sample.name else error)
    with pytest.raises(UserError, match=rf"step \d+: the loss is not finite \(l1 = nan\) on samples .*{bad}.*leadline data check"):
        train(config, tmp_path)
    assert not (tmp_path / "model").exists()


def test_train__gradient_that_is_not_finite_stops_before_the_weights_are_spoiled(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The square root of zero: a finite value, an infinite slope.
    spoiled(monkeypatch, lambda error, sample: error + (error * 0).sqrt())
    with pytest.raises(UserError, match="step 0: the gradient is not finite"):
        train(config, tmp_path)


def test_step_seed__neighbours_share_nothing() -> None:
    seeds = {step_seed(seed, batch, rank) for seed in range(4) for batch in range(200) for rank in range(4)}
    assert len(seeds) == 4 * 200 * 4
    assert all(0 <= seed < 2**63 for seed in seeds)
