"""Numbers for `intrinsic`. A recipe is a function that returns a whole TrainConfig."""

from dataclasses import fields, replace
from typing import Any

from leadline.data.augment import Augment
from leadline.methods.catalog import default_config
from leadline.recipes.selfsup import selfsup_rooms, selfsup_video
from leadline.training.config import DataConfig, OptimConfig, TrainConfig


def intrinsic_rooms() -> TrainConfig:
    """Metric depth from pictures of rendered rooms with mirrors, as selfsup-rooms but for the mask: no truth is used."""
    # The mask needs no second branch; what it drops is pulled onto the surface that it found. A weight of 1 costs the rest (docs/LOG.md).
    return _masked(selfsup_rooms(), mask="stereo", closing_weight=0.3, decompose=False)


def intrinsic_video() -> TrainConfig:
    """Depth up to one factor from a video or frames of your own, as selfsup-video but for the mask: no truth, no poses are used."""
    # The mask stereo would need poses. A shared encoder lets the larger losses of the second branch slow depth down.
    return _masked(selfsup_video(), mask="literal", intrinsic_encoder="separate")


def intrinsic_scannet() -> TrainConfig:
    """Metric depth from ScanNet's videos and poses at the paper's settings, for a GPU; --data.split takes its list of pictures."""
    return TrainConfig(
        method=replace(
            default_config("intrinsic"),
            pretrained="hub",
            frames=(0, -10, 10),  # the paper does not say; about 10 cm at 30 pictures a second
            min_depth_m=0.1,
            max_depth_m=10.0,
        ),
        data=DataConfig(
            dataset="scannet",
            height=288,
            width=384,
            batch_size=12,
            workers=8,
            cache_gb=0.0,
            augment=Augment(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
        ),
        # Adam is AdamW without decay; 41 epochs of 45,539 triplets, a tenth of the rate after epochs 26 and 36.
        optim=OptimConfig(lr=1e-4, weight_decay=0.0, schedule="step", warmup=0.0, drops=(26 / 41, 36 / 41), drop_factor=0.1),
        steps=155_600,
        clip_norm=0.0,
        ema_decay=0.0,
        val_every=3_795,
        checkpoint_every=500,
        protocol="scannet-reflection-val",
    )


def _masked(plain: TrainConfig, **options: Any) -> TrainConfig:
    """`plain`, a recipe of selfsup, with the mask of intrinsic and nothing else changed."""
    same = {field.name: getattr(plain.method, field.name) for field in fields(plain.method)}
    return replace(plain, method=replace(default_config("intrinsic"), **same, **options))
