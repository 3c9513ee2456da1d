"""Scores during a run, by the same evaluation and the same named protocol as the final table, and pictures beside them."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.protocols import find_protocol
from leadline.io.image import write_image
from leadline.methods.base import Method
from leadline.methods.loading import method_model
from leadline.methods.predictor import ModelInfo
from leadline.prediction import Predictor
from leadline.training.callbacks import AfterStep, Ema, Rows
from leadline.training.config import TrainConfig
from leadline.training.module import FitModule
from leadline.training.panels import view_row

log = logging.getLogger(__name__)

BATCH = 8


@dataclass(frozen=True)
class Subset:
    """A data set with fewer records."""

    whole: Dataset
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """Of the whole."""
        return self.whole.name

    @property
    def layers(self) -> frozenset[str]:
        """Of the whole."""
        return self.whole.layers

    @property
    def moments(self) -> Sequence[Record]:
        """Of the whole."""
        return self.whole.moments

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """As the whole reads it."""
        return self.whole.view(record, camera, layers)


class Validation(AfterStep):
    """Scores the averaged weights on some validation images every few steps, and draws some of them."""

    def __init__(self, config: TrainConfig, datasets: Sequence[Dataset], rows: Rows, ema: Ema | None, run_dir: Path) -> None:
        super().__init__()
        self.config = config
        self.datasets = datasets
        self.rows = rows
        self.ema = ema
        self.folder = run_dir / "panels"

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Validate when it is time, in the first process while the others wait."""
        config = self.config
        if not self.datasets or not config.val_every or step % config.val_every:
            return
        method = module.method
        assert isinstance(method, Method), "a run refuses validation data for learners that give no depth"
        if trainer.is_global_zero and self.rows.journal is not None:
            with self.ema.swapped_in(method) if self.ema else nullcontext():
                scores = validate(method, config, self.datasets, num_images=config.val_images)
                self.rows.journal.write(step, {f"val/{name}": value for name, value in scores.items()})
                if config.log.panels:
                    sheet = draw_views(method, config, self.datasets, num_images=config.log.panels)
                    write_image(self.folder / f"val-{step:06d}.png", sheet)
                    self.rows.journal.write_picture("val", step, sheet)
        trainer.strategy.barrier("validation")


def spread(dataset: Dataset, num_images: int) -> Dataset:
    """About `num_images` single images of `dataset`, spread evenly over its sequences and cameras; 0 is all of it."""
    images = [Record(r.sequence, r.frame, (camera,)) for r in dataset.records for camera in r.cameras]
    if not 0 < num_images < len(images):
        return dataset
    chosen = np.linspace(0, len(images) - 1, num_images).round().astype(int)
    return Subset(dataset, tuple(images[i] for i in chosen))


def validate(method: Method, config: TrainConfig, datasets: Sequence[Dataset], *, num_images: int) -> dict[str, float]:
    """Metrics of `method` as it is, named DATASET/METRIC when there are several data sets. Leaves the method in training mode."""
    predictor = _predictor(method, config)
    protocol = find_protocol(config.protocol)
    scores: dict[str, float] = {}
    for dataset in datasets:
        # The whole set was opened on purpose; a subset of it is partial by design.
        on_corrupt = "raise" if config.data.on_corrupt == "raise" else "skip"
        done = evaluate_model(predictor, spread(dataset, num_images), protocol, partial=True, batch_size=BATCH, on_corrupt=on_corrupt)
        for line in done.unreadable:
            log.warning("left out of the validation: %s", line)
        prefix = f"{Path(dataset.name).name}/" if len(datasets) > 1 else ""
        scores |= {f"{prefix}{name}": float(value) for name, value in done.metrics.items()}
    method.train()
    return scores


def draw_views(method: Method, config: TrainConfig, datasets: Sequence[Dataset], *, num_images: int) -> np.ndarray:
    """A sheet uint8 (h, w, 3): a row per image, beside its target and its prediction. Leaves the method in training mode."""
    predictor = _predictor(method, config)
    rows: list[np.ndarray] = []
    for dataset in datasets:
        for record in spread(dataset, max(1, num_images // len(datasets))).records:
            view = dataset.view(record, record.cameras[0], dataset.layers & {"depth", "inverse_depth"})
            rows.append(view_row(view, predictor.predict(view.image, view.camera.K)))
    method.train()
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _predictor(method: Method, config: TrainConfig) -> Predictor:
    device = next(method.parameters()).device
    info = ModelInfo(name="in training", height=config.data.height, width=config.data.width)
    return method_model(method, info, device=str(device))
