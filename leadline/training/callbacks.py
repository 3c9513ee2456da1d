"""What happens between steps: averaged weights, rows of losses, checkpoints, stopping on a signal, a sign of life."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from leadline.methods.base import Learner
from leadline.training.config import TrainConfig
from leadline.training.data import Batches
from leadline.training.journal import Journal
from leadline.training.module import FitModule

PLAIN_LINE_EVERY_S = 10.0


class AfterStep(pl.Callback):
    """A callback that acts once after every optimizer step, not after every accumulated batch."""

    def __init__(self) -> None:
        self._seen = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting where a resumed run continues; before this hook the counters are not restored."""
        self._seen = trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell an optimizer step from an accumulated batch."""
        if trainer.global_step != self._seen:
            self._seen = trainer.global_step
            assert isinstance(pl_module, FitModule)
            self.after_step(trainer, pl_module, trainer.global_step)

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Act; `step` steps are done."""
        raise NotImplementedError


class Ema(AfterStep):
    """Exponential moving average of the trained weights and of the statistics of normalisation layers.

    The decay starts low and grows to `decay`, min(decay, (1 + n) / (10 + n)), so that random initial weights are soon forgotten.
    """

    def __init__(self, method: Learner, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self._mean = {name: value.clone() for name, value in _averaged(method).items()}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Follow the weights to their device."""
        assert isinstance(pl_module, FitModule)
        self._mean = {name: value.to(pl_module.device) for name, value in self._mean.items()}

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Move the mean a little towards the weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._mean.values()), list(_averaged(module.method).values()), 1 - decay)

    @contextmanager
    def swapped_in(self, method: Learner) -> Iterator[None]:
        """Inside, the method has the averaged weights."""
        self._swap(method)
        try:
            yield
        finally:
            self._swap(method)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged weights, for the checkpoint."""
        return self._mean

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Continue from a checkpoint's averaged weights."""
        for name, value in state_dict.items():
            self._mean[name].copy_(value)

    @torch.no_grad()
    def _swap(self, method: Learner) -> None:
        for name, live in _averaged(method).items():
            kept = live.clone()
            live.copy_(self._mean[name])
            self._mean[name].copy_(kept)


class Rows(AfterStep):
    """Writes a row of the losses, averaged over the batches of a step and over processes, every few steps."""

    def __init__(self, config: TrainConfig, batches: Batches) -> None:
        super().__init__()
        self.config = config
        self.batches = batches
        self.journal: Journal | None = None
        """Where rows go; only the first process has one."""
        self.last: dict[str, float] = {}
        self._since = (0, 0.0, 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clocks."""
        super().on_train_start(trainer, pl_module)
        self._since = (trainer.global_step, time.monotonic(), self.batches.wait_s)

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Collect the step's means, and write them when it is time."""
        values = module.measured()
        if step % self.config.log.every and step not in (1, self.config.steps):
            return
        if trainer.world_size > 1:
            values = {name: trainer.strategy.reduce(value, reduce_op="mean") for name, value in values.items()}
        begin_step, begin, waited = self._since
        now = time.monotonic()
        self.last = {name: float(value) for name, value in values.items()}
        self.last["lr"] = module.lr
        self.last["steps_per_s"] = (step - begin_step) / (now - begin)
        self.last["data_wait_share"] = (self.batches.wait_s - waited) / (now - begin)
        self._since = (step, now, self.batches.wait_s)
        if self.journal is not None:
            self.journal.write(step, self.last)


class Checkpoints(AfterStep):
    """Writes checkpoints/last.ckpt every few steps, at the end, and when the run is asked to stop.

    `stop` is set by a signal: the step at hand is finished first, because half a step cannot be resumed exactly.
    """

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        super().__init__()
        self.config = config
        self.folder = folder
        self.stop = False

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Write what is due. All processes must agree to stop, or the others would wait for ever."""
        if trainer.world_size > 1:
            self.stop = trainer.strategy.reduce_boolean_decision(self.stop, all=False)
        if self.stop or step == self.config.steps or step % self.config.checkpoint_every == 0:
            trainer.save_checkpoint(self.folder / "last.ckpt", weights_only=False)
        if self.config.keep_every and step % self.config.keep_every == 0:
            trainer.save_checkpoint(self.folder / f"step-{step:06d}.ckpt", weights_only=False)
        if self.stop:
            trainer.should_stop = True

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Inside, the first SIGINT or SIGTERM asks the run to stop after its step; a second one stops at once."""

        def ask(signum: int, frame: object) -> None:
            if self.stop:
                raise KeyboardInterrupt
            self.stop = True
            print("stopping after this step; press Ctrl-C again to stop at once", file=sys.stderr, flush=True)

        try:
            before = {signum: signal.signal(signum, ask) for signum in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread, where signals do not arrive anyway
            yield
            return
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


class SignOfLife(AfterStep):
    """A progress bar on a terminal, a line every ten seconds otherwise."""

    def __init__(self, config: TrainConfig, rows: Rows) -> None:
        super().__init__()
        self.steps = config.steps
        self.rows = rows
        self._bar: Any = None
        self._spoken = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar."""
        super().on_train_start(trainer, pl_module)
        self._spoken = time.monotonic()
        if trainer.is_global_zero and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
            self._bar.add_task("", total=self.steps, completed=trainer.global_step)
            self._bar.start()

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Move the bar, or say a line."""
        words = f"loss {self.rows.last.get('loss', float('nan')):.4f}"
        if self._bar is not None:
            self._bar.update(0, completed=step, description=words)
        elif trainer.is_global_zero and self._is_time(step):
            print(f"training: {step}/{self.steps}, {words}", file=sys.stderr, flush=True)

    def _is_time(self, step: int) -> bool:
        if time.monotonic() - self._spoken < PLAIN_LINE_EVERY_S and step != self.steps:
            return False
        self._spoken = time.monotonic()
        return True

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar, whatever happened."""
        if self._bar is not None:
            self._bar.stop()


def _averaged(method: Learner) -> dict[str, Tensor]:
    trained = {id(p) for p in method.trained_parameters()}
    weights = {name: p.data for name, p in method.named_parameters() if id(p) in trained}
    statistics = {name: b for name, b in method.named_buffers() if b.is_floating_point()}
    return {**weights, **statistics}
