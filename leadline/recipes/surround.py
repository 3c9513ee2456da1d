"""Numbers for `surround`: depth of all cameras of a rig, alone or distilled. A recipe is a function that returns a whole TrainConfig.

The paper's settings are not known (arXiv 2512.08700, of which we know the abstract): every number here is our default. Those of DDAD
and nuScenes follow what SurroundDepth (arXiv 2204.03636) and ZoeDepth (arXiv 2302.12288) publish.
"""

from dataclasses import replace

from leadline.data.augment import Augment
from leadline.methods.catalog import default_config
from leadline.recipes.supervised import supervised_worlds
from leadline.training.config import DataConfig, OptimConfig, TrainConfig

JITTER = Augment(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)


def surround_streets() -> TrainConfig:
    """Metric depth of six cameras on rendered streets with sparse LiDAR, from scratch, for two cores; add a teacher to distil it."""
    return TrainConfig(
        method=replace(default_config("surround"), network="surround-r18", decoder_norm="batch", min_depth_m=0.5, max_depth_m=100.0),
        data=DataConfig(
            height=96, width=160, batch_size=2, split="train", val_split="validation", depth_source=("lidar",), augment=JITTER, cache_gb=2.0
        ),
        optim=OptimConfig(lr=1e-3, schedule="one-cycle", warmup=0.1, weight_decay=0.05),
        steps=1_500,
        ema_decay=0.99,
        val_every=0,
        checkpoint_every=100,
    )


def surround_worlds() -> TrainConfig:
    """Metric depth of single pictures on rendered rooms and streets together, read from bins: what the demo trains first."""
    worlds = supervised_worlds()
    method = replace(
        default_config("surround"),
        network="surround-tiny",
        decoder_norm="batch",
        rigs=False,
        num_bins=32,  # and a narrow embedding: a step takes five sixths of the time of 64 bins and 128 channels
        embedding=64,
        max_depth_m=100.0,
        silog_weight=0.1,
    )
    return replace(worlds, method=method, steps=2_000)


def surround_worlds_student() -> TrainConfig:
    """A network of a quarter of the weights, distilled from that of surround-worlds on streets (--method.teacher MODEL), for rigs."""
    worlds = surround_worlds()
    method = replace(
        worlds.method,
        network="none",
        encoder="resnet-tiny",
        decoder_width=0.5,
        rigs=True,
        probabilities_weight=0.3,
        cross_weight=0.1,
        relations_weight=3.0,
    )
    return replace(worlds, method=method, data=replace(worlds.data, batch_size=2), steps=250, coarse_share=0.5)


def surround_teacher_streets() -> TrainConfig:
    """A teacher for places without a model hub: the same bins over a larger network, trained on dense depth of rendered streets."""
    streets = surround_streets()
    return replace(
        streets,
        method=replace(streets.method, network="surround-r34"),
        data=replace(streets.data, depth_source=("dense",)),
        steps=6_000,
    )


def surround_teacher() -> TrainConfig:
    """A head of bins on a frozen depth model (--method.base MODEL), trained on the depth of the target data, for a GPU."""
    ddad = surround_ddad()
    return replace(
        ddad, method=replace(ddad.method, network="none", base="depth-anything-v2-small"), optim=replace(ddad.optim, encoder_lr_factor=1.0)
    )


def surround_ddad() -> TrainConfig:
    """Six cameras of DDAD at 384x640, up to 200 m, from a pretrained ResNet-34, for a GPU; add a teacher to distil it."""
    return TrainConfig(
        method=replace(default_config("surround"), network="surround-r34", pretrained="hub", min_depth_m=0.1, max_depth_m=200.0),
        data=DataConfig(
            dataset="ddad", height=384, width=640, batch_size=8, workers=8, cache_gb=0.0, split="train", val_split="val", augment=JITTER
        ),
        optim=OptimConfig(lr=1.6e-4, encoder_lr_factor=0.1, weight_decay=0.01, warmup=0.3),
        steps=31_600,
        clip_norm=0.1,
        val_every=3_000,
        checkpoint_every=500,
        protocol="ddad-surrounddepth",
    )


def surround_nuscenes() -> TrainConfig:
    """Six cameras of nuScenes at 352x640, up to 80 m, from a pretrained ResNet-34, for a GPU; add a teacher to distil it."""
    ddad = surround_ddad()
    return replace(
        ddad,
        method=replace(ddad.method, max_depth_m=80.0),
        data=replace(ddad.data, dataset="nuscenes", height=352),
        steps=25_000,
        protocol="nuscenes-surrounddepth-6019",
    )
