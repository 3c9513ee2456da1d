"""Numbers for `briges`. A recipe is a function that returns a whole TrainConfig.

Those of the pairs follow the authors' public code; the paper's own are not known to us. Where that code is silent or cannot be
followed: global batch 16, beta1 0.9 (theirs is cycled), a centred square crop (theirs is anywhere along the longer side), a constant
learning rate (theirs falls in the last 30 % of a run five times as long, of which they publish early checkpoints).
"""

from dataclasses import replace

from leadline.data.augment import Augment
from leadline.methods.catalog import SegmentsConfig, default_config
from leadline.training.config import DataConfig, OptimConfig, TrainConfig
from leadline.types import DepthKind

SAM = {"base": "facebook/sam-vit-base", "large": "facebook/sam-vit-large"}
SHARP = ("tartanair", "blendedmvs", "hypersim", "vkitti2", "irs", "rendered")
"""Data sets whose labels are sharp and dense; HRWSI's are flow between photos."""


WIDE = DataConfig(height=126, width=210, batch_size=8, split="train", val_split="validation")
"""Rendered worlds at 126x210: 9 x 15 patches, for CPU cores."""
FROM_SCRATCH = OptimConfig(lr=1e-3, muon_lr=3e-3, schedule="one-cycle", warmup=0.1, weight_decay=0.05)
"""For small transformers that start from random weights (docs/LOG.md)."""


def foundation() -> TrainConfig:
    """A stand-in for Depth Anything: a small plain transformer with DPT, relative inverse depth of rendered worlds.

    About 20 minutes on one core. It learns faster when it begins from what foundation-start leaves (docs/LOG.md).
    """
    return TrainConfig(
        method=replace(
            default_config("supervised"),
            encoder="dinov2-mini",
            decoder="dpt",
            decoder_width=0.5,
            kind=DepthKind.AFFINE_INVARIANT_INVERSE,
        ),
        data=WIDE,
        optim=FROM_SCRATCH,
        steps=3_000,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
        protocol="affine-disp",
    )


def segments() -> TrainConfig:
    """A stand-in for SAM: a small transformer that learns from instance ids of rendered worlds what belongs together; 30 min, one core."""
    return TrainConfig(
        method=SegmentsConfig(),
        data=WIDE,
        optim=FROM_SCRATCH,
        steps=3_000,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
    )


def foundation_start() -> TrainConfig:
    """What the encoder of foundation begins from (--method.pretrained), as Depth Anything does with DINOv2: segments at its size."""
    base = segments()
    return replace(base, method=replace(base.method, longer_side=WIDE.width), steps=2_000)


def briges_worlds() -> TrainConfig:
    """Gates between the stand-ins (--method.depth, --method.semantic) on rendered worlds; 7 min on one core with features from files.

    Few steps: the gates start as the plain depth model and know where tokens are, which is ours. Loss and learning rates are those that
    were best on validation scenes (recipes/claims/briges.py).
    """
    return TrainConfig(
        method=replace(default_config("briges"), heads=6, zero_init=True, positions=True),
        data=WIDE,
        optim=OptimConfig(lr=9e-4, muon_lr=3e-3, schedule="one-cycle", warmup=0.1, weight_decay=1e-2),
        steps=1_000,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
        protocol="affine-disp",
    )


def briges_student() -> TrainConfig:
    """One encoder that learns what a bridged pair of stand-ins says (--method.plain), beginning as foundation (--method.start)."""
    relative = DepthKind.AFFINE_INVARIANT_INVERSE
    method = replace(default_config("distil"), encoder="dinov2-mini", decoder="dpt", decoder_width=0.5, num_scales=1, kind=relative)
    like = briges_worlds()
    return replace(like, method=method, optim=replace(like.optim, lr=3e-4, muon_lr=0.0))


def briges_v1b() -> TrainConfig:
    """Depth Anything V1-B and SAM-B, 56.7 M trained: HRWSI, BlendedMVS and TartanAir together, for a GPU."""
    return TrainConfig(
        method=replace(
            default_config("briges"),
            depth="depth-anything-v1-base",
            semantic=SAM["base"],
            depth_version="v1",
            target="inverse_depth",
            gradient_on=SHARP,
        ),
        data=DataConfig(dataset="tartanair", height=518, width=518, batch_size=2, workers=8, cache_gb=0.0, augment=Augment(flip=0.5)),
        optim=OptimConfig(lr=5e-5, weight_decay=1e-5, schedule="constant", warmup=0.0),
        steps=50_000,
        accumulate=8,
        precision="fp32",
        ema_decay=0.0,
        val_every=500,
        checkpoint_every=500,
        keep_every=500,
        protocol="affine-disp-marigold",
    )


def briges_v1l() -> TrainConfig:
    """Depth Anything V1-L and SAM-L, 100.8 M trained: as briges-v1b."""
    base = briges_v1b()
    return replace(base, method=replace(base.method, depth="depth-anything-v1-large", semantic=SAM["large"]))


def briges_v2l() -> TrainConfig:
    """Depth Anything V2-L and SAM-L, 100.8 M trained: as briges-v1b, 3,000 steps, where the authors' best one is."""
    large = briges_v1l()
    return replace(large, method=replace(large.method, depth="depth-anything-v2-large", depth_version="v2"), steps=3_000)
