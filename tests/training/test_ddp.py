"""Two processes that share a batch train as one process with the whole batch."""

import subprocess
import sys
from pathlib import Path

import pytest

from leadline.training.journal import read_history

# A network without batch norm, whose statistics each process would take over its own part of the batch.
OPTIONS = """--method.encoder convnextv2-atto --method.decoder dpt --method.pretrained none
--data.height 64 --data.width 64 --data.workers 0 --steps 5 --checkpoint-every 2
--log.every 1 --log.no-tensorboard --optim.lr 1e-3 --accelerator cpu --precision fp32"""


@pytest.mark.slow
def test_train__two_processes_equal_one_with_twice_the_batch(planes: Path, tmp_path: Path) -> None:
    for name, batch, devices in (("one", 4, 1), ("two", 2, 2)):
        options = [*OPTIONS.split(), "--data.root", str(planes), "--data.batch-size", str(batch), "--devices", str(devices)]
        command = [sys.executable, "-m", "leadline", "train", "supervised-nyu", *options, "--run", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    one, two = (read_history(tmp_path / name / "logs" / "metrics.csv") for name in ("one", "two"))
    assert [row["step"] for row in two] == [1, 2, 3, 4, 5]
    for alone, shared in zip(one, two, strict=True):
        # The order of float32 sums differs, and training multiplies the difference from step to step.
        assert shared["loss"] == pytest.approx(alone["loss"], rel=1e-3)
        assert shared["grad_norm"] == pytest.approx(alone["grad_norm"], rel=1e-2)
    assert (tmp_path / "two" / "model" / "model.safetensors").exists()
