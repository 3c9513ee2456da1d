"""A tiny metric model, whose depth is untrained and whose everything else is real."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from leadline.methods.catalog import build_method
from leadline.methods.loading import save_model_folder
from leadline.methods.predictor import ModelInfo


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    method = build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.25}).eval()
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model_folder(folder, "supervised", method, ModelInfo(name="tiny", height=64, width=96, licence="Apache-2.0"))
    return folder


@pytest.fixture(scope="session")
def tiny_relative_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = {"encoder": "resnet-tiny", "decoder_width": 0.25, "kind": "affine_invariant_inverse"}
    folder = tmp_path_factory.mktemp("models") / "relative"
    save_model_folder(folder, "supervised", build_method("supervised", config).eval(), ModelInfo(name="relative", height=64, width=96))
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny tensors: a second thread only waits, for very long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
