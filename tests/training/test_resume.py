"""A run that is killed, at any moment, and started again gives what an undisturbed run gives: the same bits."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from leadline.training.config import LogConfig, TrainConfig
from leadline.training.journal import read_history
from leadline.training.run import train
from leadline.types import UserError

CLOCKS = {"time_s", "steps_per_s", "data_wait_share"}


def losses(run_dir: Path) -> list[dict[str, float]]:
    """Every row without what depends on the clock."""
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in read_history(run_dir / "logs" / "metrics.csv")]


def train_apart(config: TrainConfig, run_dir: Path) -> None:
    """What a user's process does: its readers are its own forks, and leave when it is killed. A server's forks would stay for ever."""
    multiprocessing.set_start_method("fork", force=True)
    train(config, run_dir)


def run_and_kill(processes: ForkServerContext, config: TrainConfig, run_dir: Path, *, after_rows: int, pause_s: float = 0.0) -> bool:
    """Start the run in a process of its own and kill it once it has written so many rows. Returns whether it was still alive."""
    process = processes.Process(target=train_apart, args=(config, run_dir))
    process.start()
    path = run_dir / "logs" / "metrics.csv"
    while process.is_alive() and (not path.exists() or path.read_bytes().count(b"\n") <= after_rows):
        time.sleep(0.002)
    time.sleep(pause_s)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def test_train__killed_and_resumed_gives_the_same_bits(processes: ForkServerContext, config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, steps=14, accumulate=2, ema_decay=0.9)
    seed = random.SystemRandom().randrange(1000)
    chance = random.Random(seed)
    whole = processes.Process(target=train_apart, args=(config, tmp_path / "whole"))
    whole.start()
    killed = run_and_kill(processes, config, tmp_path / "killed", after_rows=chance.randrange(1, 11), pause_s=chance.random() * 0.1)
    again = processes.Process(target=train_apart, args=(config, tmp_path / "killed"))
    again.start()
    for process in (whole, again):
        process.join()
        assert process.exitcode == 0
    assert killed, f"the run was over before it could be killed (chance {seed})"
    assert [row["step"] for row in losses(tmp_path / "killed")] == list(range(1, 15))
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole"), f"chance {seed}"
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("killed", "whole")]
    assert weights[0] == weights[1], f"chance {seed}"


@pytest.mark.slow
def test_train__survives_any_number_of_kills(processes: ForkServerContext, config: TrainConfig, planes: Path, tmp_path: Path) -> None:
    """A checkpoint after every step, workers, TensorBoard and validation: kills land inside every kind of writing."""
    data = replace(config.data, workers=1, val_root=config.data.root)
    log = LogConfig(every=1, tensorboard=True, panels=2)
    config = replace(config, data=data, log=log, steps=40, checkpoint_every=1, keep_every=7, val_every=5, val_images=3)
    train(config, tmp_path / "whole")
    seed = random.SystemRandom().randrange(1000)
    chance = random.Random(seed)
    kills = 0
    while len(losses(tmp_path / "killed")) < 36 and kills < 30:
        rows = len(losses(tmp_path / "killed"))
        assert run_and_kill(processes, config, tmp_path / "killed", after_rows=rows + chance.randrange(4), pause_s=chance.random() * 0.3)
        kills += 1
    train(config, tmp_path / "killed")
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole"), f"chance {seed}, {kills} kills"


def test_train__refuses_the_folder_of_another_run(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    train(replace(config, steps=1), tmp_path / "run")
    other = replace(config, steps=1, data=replace(config.data, batch_size=3))
    with pytest.raises(UserError, match=r"data\.batch_size = 2, now 3"):
        train(other, tmp_path / "run")


def test_train__a_finished_run_returns_at_once(config: TrainConfig, tmp_path: Path) -> None:
    first = train(replace(config, steps=2), tmp_path)
    before = (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns
    again = train(replace(config, steps=2), tmp_path)
    assert again == first
    assert (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x80\x04\x95 no tensors"])
def test_train__names_a_broken_checkpoint(config: TrainConfig, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"last\.ckpt: is not a checkpoint"):
        train(config, tmp_path)


def test_train__does_not_run_code_in_a_checkpoint(config: TrainConfig, tmp_path: Path) -> None:
    import torch

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    (tmp_path / "checkpoints").mkdir()
    torch.save({"global_step": 1, "state_dict": Evil()}, tmp_path / "checkpoints" / "last.ckpt")
    with pytest.raises(UserError, match=r"last\.ckpt"):
        train(config, tmp_path)
    assert not (tmp_path / "ran").exists()
