"""What a claim is: one table of results, its variants with their whole configs, and the seeds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadline.recipes.worlds import WorldSet
from leadline.training.config import TrainConfig


@dataclass(frozen=True)
class Variant:
    """One row of a table. Without a config it is not trained: it is the row-median baseline."""

    config: TrainConfig | None
    teachers: Mapping[str, str] = field(default_factory=dict)
    """Option of its method -> variant whose model of the same seed it is."""
    mesh_of: str | None = None
    """Variant whose models of all seeds, fused over each sequence, have written the depth that it learns from."""
    once: bool = False
    """Trained with the first seed alone: ablations, and teachers of all seeds."""
    worlds: tuple[str, ...] = ()
    """Names of the sets it trains on; those called -train without any."""
    against: str | None = None
    """The variant it is compared with, where that is not the claim's baseline."""


@dataclass(frozen=True)
class Claim:
    """One table. Every variant comes behind those that teach it."""

    name: str
    question: str
    worlds: tuple[WorldSet, ...]
    variants: Mapping[str, Variant]
    seeds: tuple[int, ...]
    baseline: str
    regions: tuple[str, ...] = ("camera", "material")
    """What is scored beside all pixels, as of `evaluate --regions`."""
    shown: tuple[str, ...] = ("all",)
    """Regions in the summary and the printed table, the most important one first."""
    pictured: tuple[str, ...] = ()
    """Variants whose depth the report shows, in a claim about reflections."""
    oracle: str | None = None
    """The variant whose gain over the baseline is all that can be hoped for."""
    rigs: bool = False
    """Whether rows also say how far neighbouring cameras disagree."""
    searched: Mapping[str, Variant] = field(default_factory=dict)
    """Short runs that chose the weights of variants, on validation scenes: for each the same factors on the weights it began with."""

    def seeds_of(self, variant: str) -> tuple[int, ...]:
        """Seeds that `variant` is trained with."""
        return self.seeds[:1] if self.variants[variant].once else self.seeds

    def teacher_seed(self, teacher: str, seed: int) -> int:
        """Seed of the model of `teacher` that teaches a variant of this seed."""
        return self.seeds[0] if self.variants[teacher].once else seed

    def units(self, variants: Iterable[str], seeds: Iterable[int] | None = None) -> list[tuple[str, int]]:
        """Variant and seed of all that `variants` take, with what teaches them, in an order in which they can be trained.

        `seeds` stand in for those of the claim, but not for those of models that are fused: all of them are.
        """
        seeds = None if seeds is None else tuple(seeds)
        wanted: set[tuple[str, int]] = set()
        for variant in variants:
            for seed in self.seeds_of(variant) if seeds is None else seeds:
                self._add(variant, seed, wanted)
        order = list(self.variants)
        return sorted(wanted, key=lambda unit: (self._round(unit[0]), unit[1], order.index(unit[0])))

    def _add(self, variant: str, seed: int, wanted: set[tuple[str, int]]) -> None:
        about = self.variants[variant]
        wanted.add((variant, seed))
        for teacher in about.teachers.values():
            self._add(teacher, self.teacher_seed(teacher, seed), wanted)
        if about.mesh_of is not None:
            for each in self.seeds_of(about.mesh_of):
                self._add(about.mesh_of, each, wanted)

    def _round(self, variant: str) -> int:
        """How often all seeds of something must be done before: seed follows on seed, but for what learns from all of them."""
        about = self.variants[variant]
        rounds = [self._round(teacher) for teacher in about.teachers.values()]
        return max(rounds, default=0) if about.mesh_of is None else 1 + max([self._round(about.mesh_of), *rounds])


def with_options(config: TrainConfig, **options: Any) -> TrainConfig:
    """`config` with other options of its method."""
    return replace(config, method=replace(config.method, **options))
