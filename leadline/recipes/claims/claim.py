"""What a claim is: one table of results, its variants with their whole configs, and the seeds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadline.recipes.worlds import WorldSet
from leadline.training.config import TrainConfig


@dataclass(frozen=True)
class Variant:
    """One row of a table. Without a config it is not trained: it is `model`, or `tempered`, or the row-median baseline."""

    config: TrainConfig | None
    model: str | None = None
    """A published model as it is: hub id, or folder."""
    tempered: str | None = None
    """Variant whose model of the same seed it is, at the temperature that is best on the validation scenes."""
    teachers: Mapping[str, str] = field(default_factory=dict)
    """Option of its method -> variant whose model of the same seed it is."""
    taught: str | None = None
    """Variant of method surround whose answers to every training picture are kept in files: it learns from those, not from the model."""
    features: Mapping[str, str] = field(default_factory=dict)
    """Role (depth, semantic) -> variant whose model has seen every picture beforehand; training reads what it saw from files."""
    mesh_of: str | None = None
    """Variant whose models of all seeds, fused over each sequence, have written the depth that it learns from."""
    once: bool = False
    """Trained with the first seed alone: ablations, and teachers of all seeds."""
    scored: bool = True
    """False for what gives no depth and is there for others."""
    worlds: tuple[str, ...] = ()
    """Names of the sets it trains on; those called -train without any."""
    against: str | None = None
    """The variant it is compared with, where that is not the claim's baseline."""

    @property
    def others(self) -> tuple[str, ...]:
        """Variants whose models, of its own seed, it cannot do without."""
        single = [other for other in (self.taught, self.tempered) if other is not None]
        return tuple(dict.fromkeys((*self.teachers.values(), *self.features.values(), *single)))


@dataclass(frozen=True)
class Claim:
    """One table. Every variant comes behind those that teach it."""

    name: str
    question: str
    worlds: tuple[WorldSet, ...]
    variants: Mapping[str, Variant]
    seeds: tuple[int, ...]
    baseline: str
    protocol: str = "rendered"
    """Evaluation protocol of all test sets."""
    regions: tuple[str, ...] = ("camera", "material")
    """What is scored beside all pixels, as of `evaluate --regions`."""
    shown: tuple[str, ...] = ("all",)
    """Regions in the summary and the printed table, the most important one first."""
    also: tuple[str, ...] = ()
    """Metrics in the summary and the table beside the seven."""
    means: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> test sets whose mean the summary has, too."""
    samples: Mapping[str, str] = field(default_factory=dict)
    """Data sets of real recordings -> protocol, which are shown and not counted, where they are at hand."""
    pictured: tuple[str, ...] = ()
    """Variants whose depth the report shows: where pictures mislead in a claim about reflections, all around in one about rigs, else where
    things are thin."""
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

    def before(self, variant: str, seed: int) -> list[tuple[str, int]]:
        """Variants and seeds of the models that a unit learns from."""
        about = self.variants[variant]
        fused = () if about.mesh_of is None else self.seeds_of(about.mesh_of)
        return [(other, self.teacher_seed(other, seed)) for other in about.others] + [(str(about.mesh_of), each) for each in fused]

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
        wanted.add((variant, seed))
        for other in self.before(variant, seed):
            self._add(*other, wanted)

    def _round(self, variant: str) -> int:
        """How often all seeds of something must be done before: seed follows on seed, but for what learns from all of them."""
        about = self.variants[variant]
        rounds = [self._round(other) for other in about.others]
        return max(rounds, default=0) if about.mesh_of is None else 1 + max([self._round(about.mesh_of), *rounds])


def with_options(config: TrainConfig, **options: Any) -> TrainConfig:
    """`config` with other options of its method."""
    return replace(config, method=replace(config.method, **options))
