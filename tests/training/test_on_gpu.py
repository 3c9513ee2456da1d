"""What needs an accelerator: `python -m pytest -m gpu`."""

from pathlib import Path
from typing import cast

import pytest
import torch

from leadline.cli.bench_contenders import Contest, Engine, Entry, build
from leadline.data.catalog import open_dataset
from leadline.methods.catalog import build_method
from leadline.methods.loading import save_learner
from leadline.methods.predictor import ModelInfo
from leadline.training.measure import mean_logs
from tests.fixtures.tiny_data import write_rendered

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")]
TINY = {"encoder": "resnet-tiny", "decoder_width": 0.25}


def test_mean_logs__are_those_of_a_processor(tmp_path: Path) -> None:
    write_rendered(tmp_path / "rooms", frames=3)
    rooms = open_dataset(f"rendered:{tmp_path / 'rooms'}")
    method = build_method("intrinsic", TINY | {"frames": (0, -1, 1), "poses": "known", "intrinsic_encoder": "separate"})
    on_processor = mean_logs(method, rooms, height=32, width=64)
    assert mean_logs(method.to("cuda"), rooms, height=32, width=64) == pytest.approx(on_processor, rel=0.05, abs=1e-3)


@pytest.mark.parametrize("engine", ["graph", "compiled"])
def test_bench__a_graph_answers_as_the_network_does(engine: Engine, tmp_path: Path) -> None:
    method = build_method("surround", {"network": "none", **TINY})
    save_learner(tmp_path / "net", "surround", method, ModelInfo(name="net", height=64, width=96))
    runs = [build(Contest(Entry("net", str(tmp_path / "net")), way, "fp32", (64, 96), 2, None, "cuda")).run for way in ("eager", engine)]
    eager, other = (cast(torch.Tensor, run()).clone() for run in runs)
    torch.testing.assert_close(other, eager, rtol=2e-3, atol=1e-3)
