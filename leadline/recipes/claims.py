"""What `leadline reproduce` runs: for each claim and size the worlds, the variants with their whole configs, and the seeds."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from leadline.recipes.supervised import supervised_worlds
from leadline.recipes.worlds import SUPERVISED_FULL, SUPERVISED_SMALL, WorldSet
from leadline.training.config import TrainConfig
from leadline.types import UserError


@dataclass(frozen=True)
class Claim:
    """One table. A variant without a config is not trained: it is the row-median baseline."""

    name: str
    question: str
    worlds: tuple[WorldSet, ...]
    variants: Mapping[str, TrainConfig | None]
    seeds: tuple[int, ...]
    baseline: str


def supervised(size: str) -> Claim:
    """How far dense supervision on rendered worlds carries a small network, beside the best guess without looking."""
    small = size == "small"
    config = _long(supervised_worlds()) if small else _full(supervised_worlds())
    return Claim(
        name="supervised",
        question="Metric depth on rendered scenes never seen in training, from scratch, beside the median of each image row and camera.",
        worlds=SUPERVISED_SMALL if small else SUPERVISED_FULL,
        variants={"row-median": None, "supervised": config},
        seeds=(0,) if small else (0, 1, 2),
        baseline="row-median",
    )


def _long(config: TrainConfig) -> TrainConfig:
    """About fifteen minutes on two cores; crops keep a network from learning that many rounds by heart."""
    augment = replace(config.data.augment, smallest_crop=0.85)
    return replace(config, steps=9_000, data=replace(config.data, augment=augment))


def _full(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, batch_size=32, workers=8))


CLAIMS: Mapping[str, Callable[[str], Claim]] = MappingProxyType({"supervised": supervised})


def claim(name: str, size: str) -> Claim:
    """The claim `name` at `size`. Raises UserError for an unknown name."""
    if name not in CLAIMS:
        near = difflib.get_close_matches(name, CLAIMS, n=1)
        raise UserError(name, "is not a table of results", f"did you mean {near[0]}?" if near else f"choose {', '.join(CLAIMS)}")
    return CLAIMS[name](size)
