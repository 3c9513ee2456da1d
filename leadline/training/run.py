"""A training run from its config to its model folder: fit, resume, refuse, finish."""

import logging
import pickle
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from leadline.data.catalog import bare_name
from leadline.data.labels import LABELS
from leadline.data.source import Replaced
from leadline.data.taught import TAUGHT
from leadline.evaluation.protocols import check_kind, find_protocol
from leadline.io.atomic import atomic_write, writable_folder
from leadline.io.jsonfile import read_json, write_json
from leadline.methods.base import Learner, Method
from leadline.methods.catalog import build_learner, method_name
from leadline.methods.loading import save_learner
from leadline.methods.predictor import ModelInfo
from leadline.training.callbacks import Checkpoints, Ema, Rows, SignOfLife
from leadline.training.config import TrainConfig, check_same_run, config_dict
from leadline.training.data import Batches, open_datasets, training_source
from leadline.training.heap import kept_heap
from leadline.training.journal import Journal, read_history
from leadline.training.module import FitModule
from leadline.training.panels import Panels
from leadline.training.provenance import git_commit, record_replaced, record_start, replaced_in_all
from leadline.training.validation import Validation, validate
from leadline.types import UserError

LIGHTNING_PRECISION: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class Trained:
    """What a finished run leaves: its model folder, its last metrics, every row of its metrics.csv, and what broken files have cost."""

    model: Path
    metrics: dict[str, float]
    history: list[dict[str, float]]
    replaced: Replaced


def train(config: TrainConfig, run_dir: str | Path) -> Trained:
    """Train in `run_dir`, going on where an earlier run with the same config stopped; a finished run returns at once.

    Raises UserError for a folder with another run in it, for data and options that do not fit, and for a loss that is
    not finite; KeyboardInterrupt after Ctrl-C, when the step at hand is done and its checkpoint is written.
    """
    run_dir = writable_folder(run_dir)
    check_same_run(run_dir, config)
    finished = run_dir / "metrics.json"
    if finished.exists():
        return _trained(run_dir, read_json(finished))
    run = Run(config, run_dir)
    run.fit()
    if not run.trainer.is_global_zero:
        sys.exit(0)  # The other processes of DDP run the same command, and what follows is the first one's work.
    return run.finish()


class Run:
    """Everything of one run, built and not yet started."""

    def __init__(self, config: TrainConfig, run_dir: Path) -> None:
        self.config = config
        self.run_dir = run_dir
        self.last_checkpoint = run_dir / "checkpoints" / "last.ckpt"
        self.on_gpu = config.accelerator == "cuda" or (config.accelerator == "auto" and torch.cuda.is_available())
        self.precision = _chosen_precision(config, on_gpu=self.on_gpu)
        self.start_step = _step_of(self.last_checkpoint)
        self.method = _build_method(config)
        self.source = training_source(config.data, self.method.needs, seed=config.seed)
        self.val_datasets = open_datasets(config.data, config.data.val_root, config.data.val_split)
        if self.val_datasets:
            if not isinstance(self.method, Method):
                raise UserError("--data.val-root", "what learns here gives no depth to validate", "leave it out")
            check_kind(find_protocol(config.protocol), self.method.kind, subject="--protocol")
        self.batches = Batches(
            self.source, config.data, num_batches=config.steps * config.accumulate, seed=config.seed, pin_memory=self.on_gpu
        )
        self.ema = Ema(self.method, config.ema_decay) if config.ema_decay else None
        self.checkpoints = Checkpoints(config, self.last_checkpoint.parent)
        self.rows = Rows(config, self.batches)
        validation = Validation(config, self.val_datasets, self.rows, self.ema, run_dir)
        # In this order: what a step wrote and averaged is in the checkpoint of that step.
        callbacks = [
            self.rows,
            self.ema,
            Panels(config.log, self.rows, run_dir),
            validation,
            self.checkpoints,
            SignOfLife(config, self.rows),
        ]
        with _quiet_lightning():
            self.trainer = self._trainer([callback for callback in callbacks if callback is not None])
        self.batches.rank, self.batches.world_size = self.trainer.global_rank, self.trainer.world_size

    def _trainer(self, callbacks: list[pl.Callback]) -> pl.Trainer:
        config = self.config
        return pl.Trainer(
            accelerator="cuda" if self.on_gpu else "cpu",
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            precision=LIGHTNING_PRECISION[self.precision],
            max_steps=config.steps,
            max_epochs=1,  # one walk through all batches, however often that goes through the data
            accumulate_grad_batches=config.accumulate,
            callbacks=callbacks,
            plugins=[SafeCheckpointIO()],
            default_root_dir=self.run_dir,
            benchmark=self.on_gpu,
            # Logs, checkpoints, progress and validation are ours: Lightning's cost time in every step.
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
            use_distributed_sampler=False,
        )

    def fit(self) -> None:
        """Train from the last checkpoint, or from the beginning, to the last step."""
        config, main = self.config, self.trainer.is_global_zero
        if main:
            write_json(self.run_dir / "config.json", config_dict(config))
            record_start(self.run_dir / "provenance.json", seed=config.seed, step=self.start_step)
            self.rows.journal = Journal(self.run_dir / "logs", start_step=self.start_step, tensorboard=config.log.tensorboard)
        module = FitModule(self.method.train(), config, fused=self.precision != "fp16")
        checkpoint = self.last_checkpoint if self.last_checkpoint.exists() else None
        try:
            with self.checkpoints.stopping_on_signals(), _quiet_lightning(), nullcontext() if self.on_gpu else kept_heap():
                self.trainer.fit(module, train_dataloaders=self.batches, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as exit_:
            # Lightning leaves the process after a second Ctrl-C or a SIGTERM; here the caller decides.
            raise KeyboardInterrupt from exit_
        finally:
            if self.rows.journal is not None:
                self.rows.journal.close()
            if main:
                record_replaced(self.run_dir / "provenance.json", self.source.replaced)
        if self.checkpoints.stop:
            raise KeyboardInterrupt

    def finish(self) -> Trained:
        """Score the averaged weights on all validation images and write the model folder."""
        config, model = self.config, self.run_dir / "model"
        with self.ema.swapped_in(self.method) if self.ema else nullcontext():
            metrics = validate(self.method, config, self.val_datasets, num_images=0) if isinstance(self.method, Method) else {}
            self.method.eval()
            save_learner(model, method_name(config.method), self.method, self._info(metrics))
        write_json(self.run_dir / "metrics.json", metrics)
        return _trained(self.run_dir, metrics)

    def _info(self, metrics: dict[str, float]) -> ModelInfo:
        config, data = self.config, self.config.data
        details: dict[str, Any] = {"steps": config.steps, "seed": config.seed, "commit": git_commit()}
        details |= {"protocol": config.protocol, "metrics": metrics, **self.method.details}
        replaced = replaced_in_all(self.run_dir / "provenance.json")
        if replaced != Replaced():
            details["broken_files"] = asdict(replaced)
        if data.labels:
            details["labels"] = [LABELS.read(Path(folder)) for folder in data.labels]
        if data.taught:
            details["taught"] = [TAUGHT.read(Path(folder)) for folder in data.taught]
        name = self.run_dir.resolve().name
        trained_on = tuple(bare_name(spec) for spec in data.specs(data.root))
        return ModelInfo(name=name, height=data.height, width=data.width, data=trained_on, details=details)


def _trained(run_dir: Path, metrics: dict[str, float]) -> Trained:
    history = read_history(run_dir / "logs" / "metrics.csv")
    return Trained(run_dir / "model", metrics, history, replaced_in_all(run_dir / "provenance.json"))


class SafeCheckpointIO(TorchCheckpointIO):
    """Checkpoints are written whole or not at all, and read as tensors and plain values only."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write beside `path` and move it there. Raises UserError for a full disk."""
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            torch.save(checkpoint, file)

    def load_checkpoint(self, path: str | Path, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Read a checkpoint to the CPU. Raises UserError for a file that is not one of ours, unopened if it holds code."""
        return _load_checkpoint(Path(path))


def dry_run(config: TrainConfig) -> dict[str, str]:
    """Build everything, run two steps in a temporary folder, and say what a run would be."""
    with tempfile.TemporaryDirectory() as folder:
        short = replace(config, steps=2, val_every=0, keep_every=0, log=replace(config.log, every=1, tensorboard=False))
        run = Run(short, Path(folder))
        run.fit()
        seconds = 1 / run.rows.last["steps_per_s"]
    items, per_step = len(run.source), config.data.batch_size * config.accumulate * config.devices
    images = sum(len(r.cameras) for d in run.val_datasets for r in d.records)
    millions = sum(p.numel() for p in run.method.trained_parameters()) / 1e6
    return {
        "method": f"{method_name(config.method)}, {_answer(run.method)}, {millions:.2f} M trained parameters",
        "samples": f"{items} of {config.data.width}x{config.data.height} px from {', '.join(config.data.specs(config.data.root))}",
        "steps": f"{config.steps} of {per_step} samples: {config.steps * per_step / items:.1f} epochs",
        "validation": f"{images} images, protocol {config.protocol}, every {config.val_every or config.steps} steps" if images else "none",
        "device": f"{'cuda' if run.on_gpu else 'cpu'} x {config.devices}, {run.precision}",
        "loss": f"{run.rows.last['loss']:.4f} at step 2",
        "time": f"about {config.steps * seconds / 60:.1f} minutes at {seconds:.2f} s per step",
    }


def _answer(learner: Learner) -> str:
    return learner.kind.value if isinstance(learner, Method) else "an encoder"


def _build_method(config: TrainConfig) -> Learner:
    torch.manual_seed(config.seed)
    method = build_learner(config.method)
    for option, size in (("--data.height", config.data.height), ("--data.width", config.data.width)):
        if size % method.size_multiple:
            nearest = max(1, round(size / method.size_multiple)) * method.size_multiple
            raise UserError(option, f"{size} px do not fit the network, which needs multiples of {method.size_multiple}", f"give {nearest}")
    return method.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _chosen_precision(config: TrainConfig, *, on_gpu: bool) -> str:
    if config.accelerator == "cuda" and not torch.cuda.is_available():
        raise UserError("--accelerator", "there is no CUDA device", "give cpu, or install a CUDA build of torch")
    if config.precision == "fp16" and not on_gpu:
        raise UserError("--precision", "fp16 needs a GPU", "give bf16 or fp32")
    if config.precision != "auto":
        return config.precision
    # A CPU without bf16 instructions computes bf16 more slowly than fp32.
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else torch.cpu._is_avx512_bf16_supported()
    return "bf16" if fast else "fp32"


def _step_of(checkpoint: Path) -> int:
    return int(_load_checkpoint(checkpoint, mmap=True)["global_step"]) if checkpoint.exists() else 0


def _load_checkpoint(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(path, "is not a checkpoint of leadline", "remove it, or start a new run with another --run") from error


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's banners, tips and warnings out of the user's terminal; its errors come through."""
    names = ("lightning.pytorch", "lightning.fabric")
    before = [logging.getLogger(name).level for name in names]
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            # DDP wonders about the strides of 1x1 convolutions, which are channels-last and contiguous at once.
            warnings.filterwarnings("ignore", message="Grad strides do not match")
            yield
    finally:
        for name, level in zip(names, before, strict=True):
            logging.getLogger(name).setLevel(level)
