"""The claim of `briges`."""

from collections.abc import Mapping
from dataclasses import replace

from leadline.data.augment import Augment
from leadline.recipes.briges import briges_student, briges_worlds, foundation, foundation_start, segments
from leadline.recipes.claims.claim import Claim, Variant, with_options
from leadline.recipes.worlds import BRIGES_FULL, BRIGES_SMALL
from leadline.training.config import TrainConfig

DEPTH = {"depth": "frozen"}
PAIR = DEPTH | {"semantic": "segments"}
SEEN_BY_DEPTH = ("rooms-foundation", "streets-foundation")
"""What the depth model has learnt from, and gates have not."""
SEEN_BY_SEMANTIC = (*SEEN_BY_DEPTH, "rooms-segments", "streets-segments")
"""What the segmentation encoder has learnt from."""
TWINS = WEAK, LONG = "segments-weak", "segments-long"
"""Twins of the segmentation encoder: one has learnt half as long, from what the depth model has seen, the other twice as long. If
semantics is what helps, the first helps less and the second more."""
PUBLISHED_RATE = 5e-5
"""Learning rate of the authors, who have AdamW alone, for pairs of the sizes that they have; a search tries factors of it."""
LR, MUON_LR = 3e-4, 1e-3
RATES = (0.3, 1.0, 3.0, 10.0)
"""Factors on both, in a search."""
LOSSES = {
    "matching": {"ssi_weight": 1.0, "gradient": "matching", "gradient_weight": 2.0},
    "zoedepth": {"ssi_weight": 0.85, "gradient": "zoedepth", "gradient_weight": 1e-3},
}
"""The loss of the authors' later script, and that of their first."""
CHOSEN = {
    "briges": ("zoedepth", 3.0),
    "decoder-finetuned": ("zoedepth", 3.0),
}
"""Loss and factor on the learning rates that are best in the search (docs/LOG.md); whatever has gates takes those of briges."""


def briges(size: str) -> Claim:
    """Whether gates that let a frozen depth model look at a segmentation encoder sharpen it, and whether that is due to semantics."""
    depth, start, segmenter, bridged, student = foundation(), foundation_start(), segments(), briges_worlds(), briges_student()
    if size == "full":
        depth, start, segmenter, bridged, student = (_on_gpu(config) for config in (depth, start, segmenter, bridged, student))
        start = with_options(start, longer_side=start.data.width)
    bridged, student = _as_seen(bridged), _as_seen(student)  # every variant learns from the same pictures
    bridged = with_options(bridged, cached="both")
    gates = _with(bridged, *CHOSEN["briges"])
    plain = {
        "start": Variant(start, once=True, scored=False, worlds=SEEN_BY_DEPTH),
        "frozen": Variant(depth, teachers={"pretrained": "start"}, once=True, worlds=SEEN_BY_DEPTH),
        "segments": Variant(segmenter, once=True, scored=False, worlds=SEEN_BY_SEMANTIC),
    }
    weak = Variant(replace(segmenter, steps=segmenter.steps // 2), once=True, scored=False, worlds=SEEN_BY_DEPTH)
    long = Variant(replace(segmenter, steps=2 * segmenter.steps), once=True, scored=False, worlds=SEEN_BY_SEMANTIC)
    ours = Variant(gates, teachers=PAIR, features=PAIR)

    def other(config: TrainConfig, **options: object) -> Variant:
        """No semantic encoder is read."""
        return Variant(with_options(config, **options), teachers=DEPTH, features=PAIR)

    untuned = {"briges": replace(ours, config=bridged), "decoder-finetuned": other(bridged, trained="decoder")}

    return Claim(
        name="briges",
        question="Relative depth of worlds of families never seen in training, by a frozen depth model, bridged with a frozen segmentation "
        "encoder and in other ways.",
        worlds=BRIGES_SMALL if size == "small" else BRIGES_FULL,
        variants={
            **plain,
            "briges": ours,
            "briges-tau": Variant(None, tempered="briges"),
            "gates-zero-semantics": other(gates, semantics="zeros"),
            "gates-noise": other(gates, semantics="noise"),
            "gates-shuffled": replace(ours, config=with_options(gates, semantics="shuffled")),
            "self-attention-only": other(gates, semantics="depth"),
            "decoder-finetuned": other(_with(bridged, *CHOSEN["decoder-finetuned"]), trained="decoder"),
            "briges-distilled": Variant(student, teachers={"plain": "briges", "start": "frozen"}),
            "briges-no-positions": replace(ours, config=with_options(gates, positions=False), once=True),
            "briges-random-start": replace(ours, config=with_options(gates, zero_init=False), once=True),
            "briges-later-loss": replace(ours, config=with_options(gates, **LOSSES["matching"]), once=True),
            WEAK: weak,
            "briges-weak-semantics": _on(ours, WEAK),
            LONG: long,
            "briges-long-semantics": _on(ours, LONG),
        },
        seeds=(0, 1, 2),
        baseline="frozen",
        protocol="rendered-affine-disp",
        regions=(),
        also=("boundary_f1", "separation:1", "separation:3", "separation:7"),
        means={"zero-shot mean": ("objects-test", "yard-test")},
        samples={"nyu": "affine-disp", "kitti": "affine-disp", "middlebury": "affine-disp"},
        pictured=("frozen", "briges", "decoder-finetuned", "briges-distilled"),
        searched={
            **plain,
            **{
                f"{name}-{loss}-x{factor:g}": replace(about, config=_searched(about, loss, factor), once=True)
                for name, about in untuned.items()
                for loss in LOSSES
                for factor in RATES
            },
        },
    )


def with_pair(claim: Claim, *, depth: str, semantic: str) -> Claim:
    """The claim about a published pair in place of the stand-ins: names, hub ids or folders of both; its twins are left out.

    The student cannot begin as a model of another architecture: it is a DINOv2-S with its published weights and a decoder from scratch.
    """
    published = {"frozen": Variant(None, model=depth, once=True), "segments": Variant(None, model=semantic, once=True, scored=False)}

    def changed(about: Variant) -> Variant:
        if about.config is None:
            return about
        if "plain" in about.teachers:
            student = replace(
                with_options(about.config, encoder="dinov2-small", pretrained="hub"),
                optim=replace(about.config.optim, encoder_lr_factor=0.1),
            )
            return replace(about, config=student, teachers={"plain": about.teachers["plain"]})
        gates = with_options(about.config, heads=16)
        rate = PUBLISHED_RATE * gates.optim.lr / briges_worlds().optim.lr
        return replace(about, config=replace(gates, optim=replace(gates.optim, lr=rate, muon_lr=0.0)))

    def of_pair(variants: Mapping[str, Variant]) -> dict[str, Variant]:
        left_out = {name for name, about in variants.items() if not {name, *about.others}.isdisjoint(TWINS)} | {"start"} | published.keys()
        return published | {name: changed(about) for name, about in variants.items() if name not in left_out}

    worlds = tuple(world for world in claim.worlds if world.name not in SEEN_BY_SEMANTIC)
    return replace(claim, worlds=worlds, variants=of_pair(claim.variants), searched=of_pair(claim.searched))


def _as_seen(config: TrainConfig) -> TrainConfig:
    """Pictures as encoders saw them beforehand: mirrored at most."""
    return replace(config, data=replace(config.data, augment=Augment(flip=0.5), cache_gb=2.0))


def _on(about: Variant, semantic: str) -> Variant:
    """The same with another semantic encoder, once."""
    return replace(about, teachers=DEPTH | {"semantic": semantic}, features=DEPTH | {"semantic": semantic}, once=True)


def _with(config: TrainConfig, loss: str, factor: float) -> TrainConfig:
    return replace(with_options(config, **LOSSES[loss]), optim=replace(config.optim, lr=factor * LR, muon_lr=factor * MUON_LR))


def _searched(about: Variant, loss: str, factor: float) -> TrainConfig:
    assert about.config is not None
    return replace(_with(about.config, loss, factor), steps=about.config.steps // 2)


def _on_gpu(config: TrainConfig) -> TrainConfig:
    """Stand-ins and gates of the same widths at three times the size; not measured."""
    return replace(config, steps=5 * config.steps, data=replace(config.data, height=378, width=630, workers=8))
