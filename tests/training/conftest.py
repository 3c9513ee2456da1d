"""A tiny data set with something to learn in it, a config that trains on it in seconds, and processes that start fast."""

import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.io.depth import DepthFile, write_depth
from leadline.io.image import write_image
from leadline.methods.catalog import default_config
from leadline.training.config import DataConfig, LogConfig, OptimConfig, TrainConfig

HEIGHT, WIDTH = 64, 64


@pytest.fixture(scope="session")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve noisy pictures of tilted planes whose colour follows their depth, as an NYU folder that lists its pairs."""
    root = tmp_path_factory.mktemp("planes")
    rng = np.random.default_rng(0)
    K = {"fx": 50.0, "fy": 50.0, "cx": WIDTH / 2 - 0.5, "cy": HEIGHT / 2 - 0.5}
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    files = []
    for i in range(12):
        depth = rng.uniform(1, 4) + rng.uniform(-0.02, 0.02) * (columns - WIDTH / 2) + rng.uniform(0, 0.03) * (HEIGHT - rows)
        depth = depth.clip(0.5, 9).astype(np.float32)
        noise = rng.integers(60, 120, depth.shape)
        image = np.stack([depth * 25, 255 - depth * 20, noise], axis=-1).clip(0, 255).astype(np.uint8)
        entry = {"rgb": f"{i:03d}.png", "depth": f"depth_{i:03d}.png", "depth_scale": 1000, "intrinsics": K}
        write_image(root / entry["rgb"], image)
        write_depth(root / entry["depth"], DepthFile(values=depth), png_scale=1000.0)
        files.append(entry)
    (root / "annotations.json").write_text(json.dumps({"files": files}))
    return root


@pytest.fixture
def config(planes: Path) -> TrainConfig:
    """Twelve steps of a tiny network; every loss is written down."""
    return TrainConfig(
        method=replace(default_config("supervised"), encoder="resnet-tiny", decoder_width=0.25, min_depth_m=0.5, max_depth_m=10.0),
        data=DataConfig(root=(f"nyu:{planes}",), height=HEIGHT, width=WIDTH, batch_size=2, workers=0),
        optim=OptimConfig(lr=3e-3),
        log=LogConfig(every=1, tensorboard=False, panels=2),
        steps=12,
        val_every=0,
        checkpoint_every=4,
        protocol="raw",
        precision="fp32",
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: a second thread only waits, for very long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that can be killed. They are forked from one that has imported training already, which takes seconds."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["leadline.training.run", "leadline.methods.supervised.method", "leadline.data.datasets.nyu"])
    return context
