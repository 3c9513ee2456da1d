"""What the engine costs: its step beside a bare PyTorch loop's, step by step in turns, and how long it waits for data."""

import copy
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from benchmarks.loading import write_worlds
from leadline.data.sample import Sample
from leadline.methods.base import Learner
from leadline.recipes import recipe
from leadline.training.config import TrainConfig
from leadline.training.data import Batches
from leadline.training.optimizer import build_optimizer
from leadline.training.run import Run, train

STEPS = 40
WARM_UP = 4
NUM_FRAMES = 240


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rows for the network and batch of the demo's recipe."""
    with tempfile.TemporaryDirectory() as folder:
        write_worlds(Path(folder) / "worlds", height=96, width=160, frames=NUM_FRAMES)
        # Every step at the full size: the bare loop knows no other.
        config = replace(recipe("supervised-worlds"), steps=STEPS, checkpoint_every=STEPS, coarse_share=0.0)
        config = replace(config, data=replace(config.data, root=(str(Path(folder) / "worlds"),)), log=replace(config.log, every=1))
        engine, bare = _in_turns(config, Path(folder) / "turns")
        yield "bare loop, one step", 1000 * bare, "ms", ""
        yield "engine, one step", 1000 * engine, "ms", ""
        yield "engine's share of the bare loop's speed", 100 * bare / engine, "%", ">= 90"
        for source, cache_gb in (("files", 0.0), ("memory", 1.0)):
            data = replace(config.data, cache_gb=cache_gb)
            history = train(replace(config, data=data, log=replace(config.log, every=STEPS)), Path(folder) / source).history
            yield f"waiting for data from {source}", 100 * history[-1]["data_wait_share"], "%", "< 10"


def _in_turns(config: TrainConfig, run_dir: Path) -> tuple[float, float]:
    """Median seconds of the engine's step and of the bare loop's, on the same batch, each taking its turn."""
    run = Run(config, run_dir)
    batch = next(iter(Batches(run.source, replace(config.data, workers=0), num_batches=1, seed=0, pin_memory=False)))
    turns = _Turns(batch, copy.deepcopy(run.method), config, bf16=run.precision == "bf16")
    run.batches = turns
    run.rows.batches = turns
    run.fit()
    return statistics.median(turns.engine[WARM_UP:]), statistics.median(turns.bare[WARM_UP:])


class _Turns(Batches):
    """Hands one batch out again and again. Before it does, it takes a step of its own with that batch and a twin of the network."""

    def __init__(self, batch: Sample, method: Learner, config: TrainConfig, *, bf16: bool) -> None:
        self.batch, self.method, self.config = batch, method.train(), config
        self.optimizer, self.schedule = build_optimizer(method, config.optim, steps=config.steps, fused=True)
        self.bf16 = bf16
        self.engine: list[float] = []
        self.bare: list[float] = []
        self.wait_s = 0.0

    def __len__(self) -> int:
        return self.config.steps

    def __iter__(self) -> Iterator[Sample]:
        for _ in range(len(self)):
            began = time.perf_counter()
            with torch.enable_grad():
                self._step()
            self.bare.append(time.perf_counter() - began)
            handed_out = time.perf_counter()
            yield self.batch
            self.engine.append(time.perf_counter() - handed_out)

    def state_dict(self) -> dict[str, int]:
        return {}

    def _step(self) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            total = self.method.loss(self.batch).total
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.method.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.schedule.step()
