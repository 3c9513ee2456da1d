"""The claim of `surround`."""

from dataclasses import fields, replace

from leadline.recipes.claims.claim import Claim, Variant, with_options
from leadline.recipes.surround import surround_streets, surround_teacher_streets
from leadline.recipes.worlds import SURROUND_FULL, SURROUND_SMALL
from leadline.training.config import TrainConfig

FACTORS = (0.1, 1.0, 10.0)
"""On the weights of what is learnt from a teacher, in a search of two thirds of the steps."""
CHOSEN = {
    "response": 10.0,
    "kd": 10.0,
    "fitnets": 10.0,
    "at": 0.1,
    "rkd": 1.0,
    "sp": 0.1,
    "dkd": 1.0,
    "dist": 10.0,
    "ckd": 1.0,
    "vrkd": 10.0,
}
"""Of them, on the weights below, those whose mean gain over `supervised`, trained as short, was largest (docs/LOG.md). `ckd+vrkd` takes
that of each of its parts, which is better on validation scenes than the best factor on all of its weights, COMMON."""
COMMON = 10.0
LIVE = ("fitnets", "at", "shared-bins")
"""What looks inside the teacher, which must be there then; all others read its answers from files, which takes half the time."""
CKD = {"probabilities_weight": 1.0, "cross_weight": 1.0}
VRKD = {"relations_weight": 10.0}


def surround(size: str) -> Claim:
    """Whether a teacher's bins and its view of neighbouring cameras make a light network better than sparse LiDAR alone does."""
    plain, teacher = surround_streets(), surround_teacher_streets()
    if size == "full":
        plain, teacher = (_full_rigs(config) for config in (plain, teacher))
        others = ("tiny", "r34")
    else:
        plain = with_options(replace(plain, steps=1_000), network="surround-tiny")
        teacher = with_options(replace(teacher, steps=3_000), network="surround-r18")
        others = ("r18", "r34")
    untuned = {
        "response": with_options(plain, response_weight=1.0),
        "kd": with_options(plain, kd_weight=1.0),
        "fitnets": with_options(plain, fitnets_weight=1.0),
        "at": with_options(plain, attention_weight=1000.0),
        "rkd": with_options(plain, rkd_weight=1.0),
        "sp": with_options(plain, similarity_weight=3000.0),
        "dkd": with_options(plain, dkd_weight=1.0),
        "dist": with_options(plain, dist_weight=1.0),
        "ckd": with_options(plain, **CKD),
        "vrkd": with_options(plain, **VRKD),
        "ckd+vrkd": with_options(plain, **CKD, **VRKD),
    }
    taught = {name: _weighted(untuned[name], factor) for name, factor in CHOSEN.items()}
    ours = taught["ckd+vrkd"] = with_options(plain, **_weights(taught["ckd"]), **_weights(taught["vrkd"]))
    alike = with_options(ours, network="surround-r18")  # a head can be its teacher's only where the maps before it are alike
    ablations = {
        "L_p": with_options(taught["ckd"], cross_weight=0.0),
        "L_x": with_options(taught["ckd"], probabilities_weight=0.0),
        "opposite": _weighted(with_options(plain, probabilities_weight=1.0, opposite_weight=1.0), CHOSEN["ckd"]),
        "softmax-relations": with_options(ours, relation="softmax"),
        "probability-relations": with_options(ours, relation="probabilities"),
        "overlap-relations": with_options(ours, relation="overlap"),
        "pooled-relations": with_options(ours, relation="pooled"),
        "ckd+vrkd-common": _weighted(untuned["ckd+vrkd"], COMMON),
        "ckd+vrkd+response": with_options(ours, response_weight=CHOSEN["response"]),
        "ckd+vrkd-r18": alike,
        "shared-bins": with_options(alike, share_bins="all_after_projector"),
    }
    against = {"ckd+vrkd-r18": "supervised-r18", "shared-bins": "ckd+vrkd-r18"}
    few = {"supervised-lidar-10": Variant(_some_depth(plain, 0.1))} | {
        f"{name}-lidar-10": replace(_student(name, _some_depth(taught[name], 0.1)), against="supervised-lidar-10")
        for name in ("response", "kd", "ckd+vrkd")
    }
    short = plain.steps * 2 // 3
    searched = {"supervised": Variant(replace(plain, steps=short))} | {
        f"{name}-x{factor:g}": _student(name, replace(_weighted(config, factor), steps=short))
        for name, config in untuned.items()
        for factor in FACTORS
    }
    networks = {f"supervised-{name}": with_options(plain, network=f"surround-{name}") for name in others}
    kinds = {f"bins-{kind}": with_options(plain, bins=kind) for kind in ("adabins", "localbins", "uniform", "log-uniform")}
    numbers = {f"bins-{number}": with_options(plain, num_bins=number) for number in (16, 32, 128)}
    return Claim(
        name="surround",
        question="Metric depth of six cameras on streets never seen in training, from sparse LiDAR and a teacher.",
        worlds=SURROUND_SMALL if size == "small" else SURROUND_FULL,
        variants={
            "teacher": Variant(teacher, once=True, worlds=("streets-teacher",)),
            "supervised": Variant(plain),
            "supervised-teacher-data": Variant(_dense_too(plain), worlds=("streets-train", "streets-teacher")),
            **{name: _student(name, config) for name, config in taught.items()},
            **few,
            **{name: replace(_student(name, config), once=True, against=against.get(name)) for name, config in ablations.items()},
            **{name: Variant(config, once=True) for name, config in {**kinds, **numbers, **networks}.items()},
        },
        seeds=(0, 1, 2),
        baseline="supervised",
        regions=("camera",),
        pictured=("supervised", "response", "ckd+vrkd", "teacher"),
        rigs=True,
        searched={"teacher": Variant(teacher, once=True, worlds=("streets-teacher",)), **searched},
    )


def _student(name: str, config: TrainConfig) -> Variant:
    """What learns from the teacher."""
    return Variant(config, teachers={"teacher": "teacher"}) if name in LIVE else Variant(config, taught="teacher")


def _weighted(config: TrainConfig, factor: float) -> TrainConfig:
    """Every weight of what is learnt from a teacher, times `factor`."""
    return with_options(config, **{name: factor * weight for name, weight in _weights(config).items()})


def _weights(config: TrainConfig) -> dict[str, float]:
    """Those of what is learnt from a teacher, as far as there are any."""
    own = ("silog_weight", "chamfer_weight")
    names = [f.name for f in fields(config.method) if f.name.endswith("_weight") and f.name not in own]
    return {name: weight for name in names if (weight := getattr(config.method, name)) > 0}


def _some_depth(config: TrainConfig, share: float) -> TrainConfig:
    """LiDAR on a share of the scenes alone."""
    return replace(config, data=replace(config.data, depth_share=share))


def _dense_too(config: TrainConfig) -> TrainConfig:
    """Sparse depth of the first set, dense depth of the second."""
    return replace(config, data=replace(config.data, depth_source=("lidar", "dense")))


def _full_rigs(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, height=192, width=320, workers=8))
