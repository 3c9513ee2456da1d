"""The claim of `supervised`."""

from dataclasses import replace

from leadline.recipes.claims.claim import Claim, Variant
from leadline.recipes.supervised import supervised_worlds
from leadline.recipes.worlds import SUPERVISED_FULL, SUPERVISED_SMALL
from leadline.training.config import TrainConfig


def supervised(size: str) -> Claim:
    """How far dense supervision on rendered worlds carries a small network, beside the best guess without looking."""
    small = size == "small"
    config = _long(supervised_worlds()) if small else _full(supervised_worlds())
    return Claim(
        name="supervised",
        question="Metric depth on rendered scenes never seen in training, from scratch, beside the median of each image row and camera.",
        worlds=SUPERVISED_SMALL if small else SUPERVISED_FULL,
        variants={"row-median": Variant(None), "supervised": Variant(config)},
        seeds=(0,) if small else (0, 1, 2),
        baseline="row-median",
    )


def _long(config: TrainConfig) -> TrainConfig:
    """About fifteen minutes on two cores; crops keep a network from learning that many rounds by heart."""
    augment = replace(config.data.augment, smallest_crop=0.85)
    return replace(config, steps=9_000, data=replace(config.data, augment=augment))


def _full(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, batch_size=32, workers=8))
