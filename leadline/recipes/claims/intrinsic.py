"""The claim of `intrinsic`."""

from dataclasses import replace

from leadline.recipes.claims.claim import Claim, Variant, with_options
from leadline.recipes.distil import distil_rooms
from leadline.recipes.intrinsic import intrinsic_rooms
from leadline.recipes.selfsup import ROOMS_FRAMES, selfsup_rooms
from leadline.recipes.worlds import INTRINSIC_FULL, INTRINSIC_SMALL
from leadline.training.config import TrainConfig

LONGER = 1.5
"""Steps of `selfsup-long` for one of `selfsup`: no less time than `intrinsic` takes, its stereo included; rows have the seconds of both."""


def intrinsic(size: str) -> Claim:
    """Whether leaving out what reflects keeps a network that learns from video alone from falling for mirrors."""
    small = size == "small"
    plain, ours, student = (
        replace(config, steps=1_200) if small else _on_gpu(config) for config in (selfsup_rooms(), intrinsic_rooms(), distil_rooms())
    )
    ours = with_options(ours, truth="misleading")  # what masks are scored against, and the oracle's
    student = with_options(student, frames=ROOMS_FRAMES)  # every variant learns from the same pictures
    literal = with_options(ours, mask="literal", closing_weight=0.0, decompose=True, intrinsic_encoder="shared")
    return Claim(
        name="intrinsic",
        question="Metric depth of rooms with mirrors from video and poses alone: where pictures mislead, and elsewhere.",
        worlds=INTRINSIC_SMALL if small else INTRINSIC_FULL,
        variants={
            "selfsup": Variant(plain),
            "selfsup-long": Variant(replace(plain, steps=round(LONGER * plain.steps))),
            "trimmed": Variant(with_options(ours, mask="trimmed", closing_weight=0.0)),
            "intrinsic-literal": Variant(literal),
            "intrinsic": Variant(ours),
            "intrinsic-distilled": Variant(student, teachers={"stereo": "intrinsic"}),
            "self-teaching": Variant(with_options(student, uncertainty=True), teachers={"plain": "selfsup"}),
            "mesh-distilled": Variant(student, mesh_of="selfsup"),
            "oracle-mask": Variant(with_options(ours, mask="true", closing_weight=0.0)),
            "no-mask": Variant(with_options(literal, mask="none"), once=True),
            "no-contrastive": Variant(with_options(literal, contrastive_weight=0.0), once=True),
            "literal-above-mean": Variant(with_options(literal, mask="literal-above-mean"), once=True),
            "literal-separate": Variant(with_options(literal, intrinsic_encoder="separate"), once=True),
            "literal-predicted": Variant(with_options(literal, diffuse_image="predicted"), once=True),
            "distilled-by-mask": Variant(student, teachers={"plain": "selfsup", "robust": "intrinsic"}, once=True),
            "intrinsic-without-closing": Variant(with_options(ours, closing_weight=0.0), once=True),
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


def _of_network(network: str, plain: TrainConfig, ours: TrainConfig) -> dict[str, Variant]:
    """`selfsup` and `intrinsic` of another published network, one beside the other."""
    first, second = f"selfsup-{network}", f"intrinsic-{network}"
    return {
        first: Variant(with_options(plain, network=network), once=True),
        second: Variant(with_options(ours, network=network), once=True, against=first),
    }


def _on_gpu(config: TrainConfig) -> TrainConfig:
    return replace(config, steps=20_000, data=replace(config.data, height=192, width=320, batch_size=12, workers=8))
