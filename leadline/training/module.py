"""The one LightningModule: it fits any Learner. It sums and reports the named terms, and knows no mathematics of its own."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from leadline.data.sample import Sample
from leadline.data.transforms import resize_sample
from leadline.methods.base import Learner, Loss
from leadline.training.config import TrainConfig
from leadline.training.optimizer import build_optimizer
from leadline.types import UserError


class FitModule(pl.LightningModule):
    """Fits a method: loss, optimizer, clipping, and one seed per step.

    Every step seeds the generators from (seed, step, rank), so that dropout after a resume is what it would have been.
    """

    def __init__(self, method: Learner, config: TrainConfig, *, fused: bool) -> None:
        super().__init__()
        self.method = method
        self.config = config
        self.fused = fused
        self.panels: dict[str, Tensor] = {}
        self.lr = 0.0
        self._measured: dict[str, Tensor] = {}
        self._num_measured = 0
        self._grad_norm: Tensor | None = None

    def on_train_batch_start(self, batch: Sample, batch_idx: int) -> None:
        """Seed the step."""
        torch.manual_seed(step_seed(self.config.seed, batch_idx, self.global_rank))

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """Loss of a batch. Raises UserError naming the step and the samples when it is not finite."""
        if self.global_step < self.config.coarse_share * self.config.steps:
            batch = resize_sample(batch, **self._coarse_size)
        loss = self.method.loss(batch)
        total = loss.total
        if not torch.isfinite(total):
            raise _not_finite(loss, batch, step=self.global_step)
        self._measure(loss, total)
        return total

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with its schedule, which moves once per optimizer step."""
        optimizer, schedule = build_optimizer(self.method, self.config.optim, steps=self.config.steps, fused=self.fused)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
        """Clip to `clip_norm`. Raises UserError for a gradient that is not finite, before it can spoil the weights.

        With fp16 such gradients are part of finding the loss scale: the scaler skips their step.
        """
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.clip_norm or float("inf"))
        if self.config.precision != "fp16" and not torch.isfinite(norm):
            raise UserError(f"step {self.global_step}", "the gradient is not finite", _CALMER)
        self._grad_norm = norm
        self.lr = optimizer.param_groups[-1]["lr"]

    def measured(self) -> dict[str, Tensor]:
        """Means over the batches of the optimizer step that just ended; forgets them."""
        values = {name: value / self._num_measured for name, value in self._measured.items()}
        self._measured, self._num_measured = {}, 0
        return values if self._grad_norm is None else {**values, "grad_norm": self._grad_norm}

    @property
    def _coarse_size(self) -> dict[str, int]:
        multiple, scale = self.method.size_multiple, self.config.coarse_scale
        full = {"height": self.config.data.height, "width": self.config.data.width}
        return {side: max(1, round(scale * size / multiple)) * multiple for side, size in full.items()}

    def _measure(self, loss: Loss, total: Tensor) -> None:
        values = {"loss": total, **{f"loss/{k}": v for k, v in loss.terms.items()}, **loss.logs}
        for name, value in values.items():
            value = value.detach()
            self._measured[name] = self._measured[name] + value if name in self._measured else value
        self._num_measured += 1
        self.panels = loss.panels


def step_seed(seed: int, batch: int, rank: int) -> int:
    """A seed of its own for every batch and rank of a run: neighbouring steps and seeds share no stream.

    Mixes with the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + batch * 0xD1B54A32D192ED03 + rank + 1) & _MASK_64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return (mixed ^ (mixed >> 31)) >> 1


_MASK_64 = (1 << 64) - 1
_CALMER = "lower --optim.lr or --clip-norm, or look for broken samples with `leadline data check`"


def _not_finite(loss: Loss, batch: Sample, *, step: int) -> UserError:
    terms = ", ".join(f"{name} = {value.item():.4g}" for name, value in loss.terms.items())
    return UserError(f"step {step}", f"the loss is not finite ({terms}) on samples {', '.join(batch.name)}", _CALMER)
