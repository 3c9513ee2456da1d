"""The pose network of a method with learned poses: it travels with the model, and nothing that predicts needs it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.sample import Sample
from leadline.methods.base import Method
from leadline.methods.catalog import build_method, default_config
from leadline.methods.intrinsic.method import Intrinsic
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import ModelInfo
from leadline.methods.selfsup.method import Selfsup
from tests.fixtures.moving_scene import moving_scene

TINY = {"encoder": "resnet-tiny", "pose_encoder": "resnet-tiny", "decoder_width": 0.25, "poses": "learned"}
HEIGHT, WIDTH = 64, 96


def fresh(name: str, *, seed: int) -> Method:
    torch.manual_seed(seed)
    return build_method(name, replace(default_config(name), **TINY)).eval()


def selfsup_of(method: object) -> Selfsup:
    inner = method.depth if isinstance(method, Intrinsic) else method
    assert isinstance(inner, Selfsup)
    return inner


def poses(method: object, sample: Sample) -> Tensor:
    with torch.inference_mode():
        return selfsup_of(method).neighbours(sample).source_from_ref


@pytest.mark.parametrize("name", ["selfsup", "intrinsic"])
def test_model_folder__keeps_the_pose_network(name: str, tmp_path: Path) -> None:
    method, sample = fresh(name, seed=1), moving_scene(frames=(0, -1, 1), height=HEIGHT, width=WIDTH)
    save_model_folder(tmp_path / "model", name, method, ModelInfo(name="walk", height=HEIGHT, width=WIDTH))
    model = load(tmp_path / "model")
    assert torch.equal(poses(model.network, sample), poses(method, sample))
    assert not torch.equal(poses(fresh(name, seed=2), sample), poses(method, sample)), "other weights give other poses"


@pytest.mark.parametrize("name", ["selfsup", "intrinsic"])
def test_predict__does_not_run_the_pose_network(name: str, tmp_path: Path) -> None:
    save_model_folder(tmp_path / "model", name, fresh(name, seed=1), ModelInfo(name="walk", height=HEIGHT, width=WIDTH))
    model, without = load(tmp_path / "model"), load(tmp_path / "model")
    selfsup_of(without.network).pose = None
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    np.testing.assert_array_equal(model.predict(image).values, without.predict(image).values)
