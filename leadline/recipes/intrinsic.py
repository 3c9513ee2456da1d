"""Numbers for `intrinsic`. A recipe is a function that returns a whole TrainConfig."""

from dataclasses import replace

from leadline.data.augment import Augment
from leadline.methods.catalog import default_config
from leadline.training.config import DataConfig, OptimConfig, TrainConfig


def intrinsic_rooms() -> TrainConfig:
    """Metric depth from pictures of rendered rooms with mirrors, known poses, from scratch: no truth is used."""
    return TrainConfig(
        method=replace(
            default_config("intrinsic"),
            encoder="resnet18-half",
            decoder_width=0.5,
            decoder_norm="batch",
            frames=(0, -2, 2),  # steps of one frame are too short: the nearest wall moves by a pixel
            min_depth_m=0.4,
            max_depth_m=20.0,
            initial_depth_m=3.0,
            canonical_focal=0.8,  # every room has a camera of its own
            mask="surrounded",
            intrinsic_encoder="separate",  # a shared one lets the larger losses of the second branch slow depth down
        ),
        data=DataConfig(height=96, width=160, batch_size=8, split="train", val_split="validation"),
        optim=OptimConfig(lr=1e-3, schedule="one-cycle", warmup=0.1),
        steps=2_000,
        precision="bf16",
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
    )


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
