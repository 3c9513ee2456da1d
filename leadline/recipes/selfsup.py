"""Numbers for self-supervised training. A recipe is a function that returns a whole TrainConfig."""

from dataclasses import replace

from leadline.data.augment import Augment
from leadline.methods.catalog import default_config
from leadline.training.config import DataConfig, OptimConfig, TrainConfig

ROOMS_FRAMES = (0, -2, 2)
"""Steps of one frame are too short: the nearest wall moves by a pixel."""


def selfsup_rooms() -> TrainConfig:
    """Metric depth from pictures of rendered rooms with known poses, from scratch: no truth is used."""
    return TrainConfig(
        method=replace(
            default_config("selfsup"),
            encoder="resnet18-half",
            decoder_width=0.5,
            decoder_norm="batch",
            frames=ROOMS_FRAMES,
            min_depth_m=0.4,
            max_depth_m=20.0,
            initial_depth_m=3.0,
            canonical_focal=0.8,  # every room has a camera of its own
        ),
        data=DataConfig(height=96, width=160, batch_size=8, split="train", val_split="validation"),
        optim=OptimConfig(lr=1e-3, schedule="one-cycle", warmup=0.1),
        steps=2_000,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
    )


def selfsup_video() -> TrainConfig:
    """Depth up to one factor from a video or frames of your own, with a pose network, from scratch: no truth, no poses are used."""
    rooms = selfsup_rooms()
    return replace(
        rooms,
        method=replace(
            rooms.method,
            poses="learned",
            pose_encoder="resnet18-half",
            frames=(0, -1, 1),  # how far a camera goes is its owner's affair: --data.footage.stride makes steps longer
            min_depth_m=0.1,
            max_depth_m=100.0,
            initial_depth_m=None,  # depth and steps share one factor, which nothing fixes: both start small, as monodepth2's
            canonical_focal=None,
        ),
        data=replace(rooms.data, dataset="video", split=None, val_split=None),
        optim=replace(rooms.optim, lr=3e-4),
        protocol="median",
    )


def selfsup_kitti() -> TrainConfig:
    """Depth up to one factor from KITTI's left and right videos with a pose network, as monodepth2 (M), for a GPU."""
    return TrainConfig(
        method=replace(default_config("selfsup"), pretrained="hub", poses="learned"),
        data=DataConfig(
            dataset="kitti",
            height=192,
            width=640,
            batch_size=12,
            workers=8,
            cache_gb=0.0,
            augment=Augment(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
        ),
        # Adam is AdamW without decay; twenty epochs of the 39,810 triplets of Zhou's split, the last five at a tenth of the rate.
        optim=OptimConfig(lr=1e-4, weight_decay=0.0, schedule="step", warmup=0.0, drops=(0.75,), drop_factor=0.1),
        steps=66_350,
        clip_norm=0.0,
        ema_decay=0.0,
        val_every=3_000,
        checkpoint_every=500,
        protocol="kitti-eigen-monodepth2",
    )
