"""Self-supervised training through the engine: a plan, neighbours that are missing, and a resume to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadline.cli.main import main
from leadline.methods.catalog import default_config
from leadline.methods.loading import load
from leadline.recipes import recipe
from leadline.training.config import TrainConfig
from leadline.training.journal import read_history
from leadline.training.run import Run, train
from leadline.types import DepthKind
from tests.fixtures.tiny_data import write_kitti

QUICK = "--method.pretrained none --data.height 32 --data.width 64 --data.batch-size 2 --data.workers 0 --accelerator cpu --precision fp32"
TINY = f"--method.encoder resnet-tiny --method.pose-encoder resnet-tiny --method.decoder-width 0.25 {QUICK}"


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of a tiny KITTI drive with two cameras."""
    root = tmp_path_factory.mktemp("kitti")
    write_kitti(root, frames=5)
    return root


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["train", *arguments, *TINY.split(), "--dry-run"]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_selfsup_kitti__dry_run_on_a_drive_without_truth_or_poses(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = plan(capsys, "selfsup-kitti", "--data.root", str(drive))
    assert "selfsup, scale_invariant" in printed
    assert "6 of 64x32 px" in printed, "three frames with both neighbours, two cameras"


def test_selfsup_kitti__stereo_gives_metres(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = plan(capsys, "selfsup-kitti", "--data.root", str(drive), "--method.rig", "--method.frames", "0")
    assert "selfsup, metric" in printed and "5 of 64x32 px" in printed


def test_selfsup_kitti__real_recording(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = samples / "kitti"
    if not root.is_dir():
        pytest.skip(f"no KITTI sample at {root}")
    assert "6 of 64x32 px" in plan(capsys, "selfsup-kitti", "--data.root", str(root))


def test_selfsup__missing_neighbours_are_one_line(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["selfsup-kitti", "--data.root", str(drive), *TINY.split(), "--method.frames", "0", "-9", "9", "--dry-run"]
    assert main(["train", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "no frame has neighbours at -9, +9" in lines[0]


def test_selfsup_rooms__needs_poses_and_says_so(planes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["selfsup-rooms", "--data.root", f"nyu:{planes}", "--data.split", "None", *TINY.split(), "--dry-run"]
    assert main(["train", *arguments]) == 2
    assert "has no cam_from_world, which the method needs" in capsys.readouterr().err


@pytest.fixture
def run_config(drive: Path) -> TrainConfig:
    """Six steps with learned poses, which the auto-mask's noise and batch norms make sensitive to every random number."""
    config = recipe("selfsup-kitti")
    method = replace(
        default_config("selfsup"),
        encoder="resnet-tiny",
        pose_encoder="resnet-tiny",
        decoder_width=0.25,
        decoder_norm="batch",
        poses="learned",
    )
    data = replace(config.data, root=(str(drive),), val_root=(str(drive),), height=32, width=64, batch_size=2, workers=0)
    log = replace(config.log, every=1, tensorboard=False, panels=1)
    return replace(config, method=method, data=data, log=log, steps=6, val_every=0, checkpoint_every=2, precision="fp32", protocol="median")


def test_selfsup__killed_and_resumed_gives_the_same_losses_and_a_model(run_config: TrainConfig, tmp_path: Path) -> None:
    whole = train(run_config, tmp_path / "whole")
    part = Run(run_config, tmp_path / "part")
    part.batches.num_batches = 3  # one step after its last checkpoint, as in test_module.py
    part.fit()
    resumed = train(run_config, tmp_path / "part")
    assert [row["loss"] for row in read_history(tmp_path / "part" / "logs" / "metrics.csv")] == [row["loss"] for row in whole.history]
    assert resumed.metrics == whole.metrics and whole.metrics["abs_rel"] > 0
    model = load(resumed.model)
    assert model.kind is DepthKind.SCALE_INVARIANT and model.info.details["steps"] == 6
