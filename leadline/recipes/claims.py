"""What `leadline reproduce` runs: for each claim and size the worlds, the variants with their whole configs, and the seeds."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from leadline.recipes.distil import distil_rooms
from leadline.recipes.intrinsic import intrinsic_rooms
from leadline.recipes.selfsup import ROOMS_FRAMES, selfsup_rooms
from leadline.recipes.supervised import supervised_worlds
from leadline.recipes.surround import surround_streets, surround_teacher_streets
from leadline.recipes.worlds import (
    INTRINSIC_FULL,
    INTRINSIC_SMALL,
    SUPERVISED_FULL,
    SUPERVISED_SMALL,
    SURROUND_FULL,
    SURROUND_SMALL,
    WorldSet,
)
from leadline.training.config import TrainConfig
from leadline.types import UserError


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


def intrinsic(size: str) -> Claim:
    """Whether leaving out what reflects keeps a network that learns from video alone from falling for mirrors."""
    small = size == "small"
    plain, ours, student = (
        replace(config, steps=1_200) if small else _on_gpu(config) for config in (selfsup_rooms(), intrinsic_rooms(), distil_rooms())
    )
    ours = _with(ours, truth="misleading")  # what masks are scored against, and the oracle's
    student = _with(student, frames=ROOMS_FRAMES)  # every variant learns from the same pictures
    literal = _with(ours, mask="literal", closing_weight=0.0, decompose=True, intrinsic_encoder="shared")
    return Claim(
        name="intrinsic",
        question="Metric depth of rooms with mirrors from video and poses alone: where pictures mislead, and elsewhere.",
        worlds=INTRINSIC_SMALL if small else INTRINSIC_FULL,
        variants={
            "selfsup": Variant(plain),
            "selfsup-long": Variant(replace(plain, steps=round(LONGER * plain.steps))),
            "trimmed": Variant(_with(ours, mask="trimmed", closing_weight=0.0)),
            "intrinsic-literal": Variant(literal),
            "intrinsic": Variant(ours),
            "intrinsic-distilled": Variant(student, teachers={"plain": "selfsup", "robust": "intrinsic"}),
            "self-teaching": Variant(_with(student, uncertainty=True), teachers={"plain": "selfsup"}),
            "mesh-distilled": Variant(student, mesh_of="selfsup"),
            "oracle-mask": Variant(_with(ours, mask="true", closing_weight=0.0)),
            "no-mask": Variant(_with(literal, mask="none"), once=True),
            "no-contrastive": Variant(_with(literal, contrastive_weight=0.0), once=True),
            "literal-above-mean": Variant(_with(literal, mask="literal-above-mean"), once=True),
            "literal-separate": Variant(_with(literal, intrinsic_encoder="separate"), once=True),
            "literal-predicted": Variant(_with(literal, diffuse_image="predicted"), once=True),
            "intrinsic-without-closing": Variant(_with(ours, closing_weight=0.0), once=True),
            **_of_network("hrdepth", plain, ours),
            **_of_network("monovit", plain, ours),
        },
        seeds=(0, 1, 2),
        baseline="selfsup",
        regions=("material", "reflections"),
        shown=("misleading", "reflective", "other", "all", "all-reflective-images"),
        pictured=("selfsup", "intrinsic", "intrinsic-distilled", "oracle-mask", "intrinsic-literal"),
        oracle="oracle-mask",
    )


def surround(size: str) -> Claim:
    """Whether a teacher's bins and its view of neighbouring cameras make a light network better than sparse LiDAR alone does."""
    plain, teacher = surround_streets(), surround_teacher_streets()
    if size == "full":
        plain, teacher = (_full_rigs(config) for config in (plain, teacher))
    taught = {
        "response": _with(plain, response_weight=1.0),
        "kd": _with(plain, kd_weight=1.0),
        "fitnets": _with(plain, fitnets_weight=1.0),
        "at": _with(plain, attention_weight=1000.0),
        "rkd": _with(plain, rkd_weight=1.0),
        "sp": _with(plain, similarity_weight=3000.0),
        "dkd": _with(plain, dkd_weight=1.0),
        "dist": _with(plain, dist_weight=1.0),
        "ckd": _with(plain, **CKD),
        "vrkd": _with(plain, **VRKD),
        "ckd+vrkd": _with(plain, **CKD, **VRKD),
    }
    ablations = {
        "L_p": _with(plain, probabilities_weight=1.0),
        "L_x": _with(plain, cross_weight=1.0),
        "opposite": _with(plain, probabilities_weight=1.0, opposite_weight=1.0),
        "softmax-relations": _with(plain, **CKD, **VRKD, relation="softmax"),
        "probability-relations": _with(plain, **CKD, **VRKD, relation="probabilities"),
        "overlap-relations": _with(plain, **CKD, **VRKD, relation="overlap"),
        "pooled-relations": _with(plain, **CKD, **VRKD, relation="pooled"),
        "shared-bins": _with(plain, **CKD, **VRKD, share_bins="all_after_projector"),
    }
    few = {
        f"{name}-lidar-10": _some_depth(config, 0.1)
        for name, config in {"supervised": plain, **{name: taught[name] for name in ("response", "kd", "ckd+vrkd")}}.items()
    }
    learns = {"teacher": "teacher"}
    searched = {
        f"{name}-x{factor:g}": Variant(replace(_weighted(config, factor), steps=config.steps // 3), teachers=learns)
        for name, config in taught.items()
        for factor in FACTORS
    }
    kinds = {f"bins-{kind}": _with(plain, bins=kind) for kind in ("adabins", "localbins", "uniform", "log-uniform")}
    numbers = {f"bins-{number}": _with(plain, num_bins=number) for number in (16, 32, 128)}
    return Claim(
        name="surround",
        question="Metric depth of six cameras on streets never seen in training, from sparse LiDAR and a teacher.",
        worlds=SURROUND_SMALL if size == "small" else SURROUND_FULL,
        variants={
            "teacher": Variant(teacher, once=True, worlds=("streets-teacher",)),
            "supervised": Variant(plain),
            "supervised-teacher-data": Variant(_dense_too(plain), worlds=("streets-train", "streets-teacher")),
            **{name: Variant(config, teachers=learns) for name, config in taught.items()},
            **{name: Variant(config, teachers={} if name.startswith("supervised") else learns) for name, config in few.items()},
            **{name: Variant(config, teachers=learns, once=True) for name, config in ablations.items()},
            **{name: Variant(config, once=True) for name, config in {**kinds, **numbers}.items()},
        },
        seeds=(0, 1, 2),
        baseline="supervised",
        regions=("camera",),
        rigs=True,
        searched={"teacher": Variant(teacher, once=True, worlds=("streets-teacher",)), **searched},
    )


def _weighted(config: TrainConfig, factor: float) -> TrainConfig:
    """Every weight of what is learnt from a teacher, times `factor`."""
    own = ("silog_weight", "chamfer_weight")
    names = [f.name for f in fields(config.method) if f.name.endswith("_weight") and f.name not in own]
    return _with(config, **{name: factor * getattr(config.method, name) for name in names})


FACTORS = (0.1, 1.0, 10.0)
"""On the weights of what is learnt from a teacher, in a search."""
CKD = {"probabilities_weight": 1.0, "cross_weight": 1.0}
VRKD = {"relations_weight": 10.0}


def _of_network(network: str, plain: TrainConfig, ours: TrainConfig) -> dict[str, Variant]:
    """`selfsup` and `intrinsic` of another published network, one beside the other."""
    first, second = f"selfsup-{network}", f"intrinsic-{network}"
    return {
        first: Variant(_with(plain, network=network), once=True),
        second: Variant(_with(ours, network=network), once=True, against=first),
    }


LONGER = 1.5
"""Steps of `selfsup-long` for one of `selfsup`: no less time than `intrinsic` takes, its stereo included; rows have the seconds of both."""


def _on_gpu(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, height=192, width=320, batch_size=12, workers=8))


def _with(config: TrainConfig, **options: Any) -> TrainConfig:
    return replace(config, method=replace(config.method, **options))


def _some_depth(config: TrainConfig, share: float) -> TrainConfig:
    """LiDAR on a share of the scenes alone."""
    return replace(config, data=replace(config.data, depth_share=share))


def _dense_too(config: TrainConfig) -> TrainConfig:
    """Sparse depth of the first set, dense depth of the second."""
    return replace(config, data=replace(config.data, depth_source=("lidar", "dense")))


def _full_rigs(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, height=192, width=320, workers=8))


def _long(config: TrainConfig) -> TrainConfig:
    """About fifteen minutes on two cores; crops keep a network from learning that many rounds by heart."""
    augment = replace(config.data.augment, smallest_crop=0.85)
    return replace(config, steps=9_000, data=replace(config.data, augment=augment))


def _full(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, batch_size=32, workers=8))


CLAIMS: Mapping[str, Callable[[str], Claim]] = MappingProxyType({"supervised": supervised, "intrinsic": intrinsic, "surround": surround})


def claim(name: str, size: str) -> Claim:
    """The claim `name` at `size`. Raises UserError for an unknown name."""
    if name not in CLAIMS:
        near = difflib.get_close_matches(name, CLAIMS, n=1)
        raise UserError(name, "is not a table of results", f"did you mean {near[0]}?" if near else f"choose {', '.join(CLAIMS)}")
    return CLAIMS[name](size)
