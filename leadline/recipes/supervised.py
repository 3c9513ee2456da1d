"""Numbers for supervised training. A recipe is a function that returns a whole TrainConfig."""

from dataclasses import replace

from leadline.methods.catalog import default_config
from leadline.training.config import DataConfig, OptimConfig, TrainConfig
from leadline.types import DepthKind

SMALL = DataConfig(height=96, width=160, batch_size=16, split="train", val_split="validation")
"""Rendered worlds at 96x160, for two CPU cores."""


def supervised_worlds() -> TrainConfig:
    """Metric depth on rendered rooms and streets together: about four minutes on two cores."""
    return TrainConfig(
        method=replace(
            default_config("supervised"),
            encoder="resnet18-half",
            decoder_width=0.5,
            decoder_norm="batch",
            output_stride=2,
            silog_weight=0.5,
            log_l1_weight=0.0,
            relative_l1_weight=1.0,
            gradient_weight=0.0,  # its median of uncertain edges is no edge: it slows down a network that knows little yet
        ),
        data=SMALL,
        optim=OptimConfig(lr=1e-3, schedule="one-cycle", warmup=0.1, weight_decay=0.05),
        steps=2_100,
        coarse_share=0.75,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
    )


def supervised_rooms() -> TrainConfig:
    """Metric depth on rendered rooms: as supervised-worlds, with a range for indoors."""
    worlds = supervised_worlds()
    return replace(worlds, method=replace(worlds.method, max_depth_m=20.0))


def supervised_streets() -> TrainConfig:
    """Metric depth on rendered streets: as supervised-worlds, with a range for outdoors."""
    worlds = supervised_worlds()
    return replace(worlds, method=replace(worlds.method, min_depth_m=0.5))


def supervised_relative() -> TrainConfig:
    """Affine-invariant inverse depth on rendered worlds: trains on data sets of any scale, answers in no unit."""
    worlds = supervised_worlds()
    return replace(
        worlds,
        method=replace(worlds.method, kind=DepthKind.AFFINE_INVARIANT_INVERSE),
        protocol="affine-disp",
    )


def supervised_kitti() -> TrainConfig:
    """Metric depth on KITTI's sparse LiDAR, from a pretrained ResNet-34, for a GPU."""
    return TrainConfig(
        method=replace(
            default_config("supervised"), encoder="resnet34", pretrained="hub", min_depth_m=1.0, max_depth_m=80.0, gradient_weight=0.0
        ),
        data=DataConfig(dataset="kitti", height=192, width=640, batch_size=16, workers=8, cache_gb=0.0),
        optim=OptimConfig(lr=3e-4, encoder_lr_factor=0.3),
        steps=40_000,
        val_every=2_000,
        checkpoint_every=500,
        protocol="kitti-eigen-monodepth2",
    )


def supervised_nyu() -> TrainConfig:
    """Metric depth on NYU Depth v2, from a pretrained ResNet-34, for a GPU."""
    return TrainConfig(
        method=replace(default_config("supervised"), encoder="resnet34", pretrained="hub", min_depth_m=0.3, max_depth_m=10.0),
        data=DataConfig(
            dataset="nyu", height=288, width=384, batch_size=16, workers=8, cache_gb=0.0, augment=replace(SMALL.augment, smallest_crop=0.8)
        ),
        optim=OptimConfig(lr=3e-4, encoder_lr_factor=0.3),
        steps=25_000,
        val_every=1_000,
        checkpoint_every=500,
        protocol="nyu-eigen",
    )
