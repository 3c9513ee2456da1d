"""The recipes of `intrinsic` through the engine: a plan, and what the truth layers are made of."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadline.cli.main import main
from leadline.data.misleading import WithMisleading
from leadline.data.sample import Needs
from leadline.recipes import recipe
from leadline.training.config import DataConfig
from leadline.training.data import open_datasets, training_source
from leadline.training.journal import read_history
from leadline.training.run import Run, train
from leadline.types import UserError
from tests.fixtures.tiny_data import write_nyu, write_rendered
from tests.fixtures.tiny_moving import write_scannet

QUICK = "--method.pretrained none --data.height 32 --data.width 64 --data.batch-size 2 --data.workers 0 --accelerator cpu --precision fp32"
TINY = f"--method.encoder resnet-tiny --method.decoder-width 0.25 {QUICK} --dry-run"


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "rooms"
    write_rendered(root, frames=3)
    return root


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(["train", *arguments, *TINY.split()])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return " ".join(printed.out.split())


@pytest.mark.parametrize(
    "options",
    ["", "--method.mask true --method.truth misleading --method.closing-weight 0", "--method.mask trimmed --method.closing-weight 0"],
)
def test_intrinsic_rooms__dry_run(rooms: Path, options: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = plan(capsys, "intrinsic-rooms", "--data.root", str(rooms), "--method.frames", "0", "-1", "1", *options.split())
    assert "intrinsic, metric" in printed


def test_intrinsic_scannet__dry_run_on_a_list_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scannet(tmp_path)
    (tmp_path / "list.txt").write_text("scans/scene0000_00/color/0.jpg\n")
    arguments = ["--data.root", str(tmp_path), "--method.frames", "0", "1", "--data.split", str(tmp_path / "list.txt")]
    printed = plan(capsys, "intrinsic-scannet", *arguments)
    assert "intrinsic, metric" in printed and "1 of 64x32 px" in printed


def test_intrinsic__killed_and_resumed_gives_the_same_losses(rooms: Path, tmp_path: Path) -> None:
    """Warm-up and the control's draws follow the count of steps, which the checkpoint keeps."""
    config = recipe("intrinsic-rooms")
    options = {"encoder": "resnet-tiny", "decoder_width": 0.25, "frames": (0, -1, 1), "mask": "trimmed", "trimmed_like": "literal"}
    own = {"mask_warmup": 2, "mask_least_pixels": 1, "automask": False, "closing_weight": 0.0, "decompose": True}
    method = replace(config.method, **options, **own)
    data = replace(config.data, root=(str(rooms),), split=None, height=32, width=64, batch_size=2, workers=0)
    log = replace(config.log, every=1, tensorboard=False, panels=1)
    config = replace(config, method=method, data=data, log=log, steps=6, checkpoint_every=2, precision="fp32")
    whole = train(config, tmp_path / "whole")
    part = Run(config, tmp_path / "part")
    part.batches.num_batches = 3
    part.fit()
    train(config, tmp_path / "part")
    history = read_history(tmp_path / "part" / "logs" / "metrics.csv")
    assert [row["loss"] for row in history] == [row["loss"] for row in whole.history]
    dropped = [row["mask/dropped_share"] for row in history]
    assert dropped[:2] == [0, 0] and max(dropped[2:]) > 0


def test_intrinsic_scannet__is_the_papers() -> None:
    config = recipe("intrinsic-scannet")
    epoch = config.steps / 41
    assert epoch == pytest.approx(45_539 / 12, rel=1e-3)
    assert [drop * config.steps / epoch for drop in config.optim.drops] == pytest.approx([26, 36])
    assert (config.data.height, config.data.width, config.data.batch_size, config.optim.lr) == (288, 384, 12, 1e-4)


def test_training_source__misleading_is_made_when_asked_for_and_optional_layers_come_where_they_are(rooms: Path) -> None:
    data = DataConfig(root=(str(rooms),), height=32, width=64, workers=0)
    optional = frozenset({"material", "inverse_depth"})
    asked = Needs(layers=frozenset({"misleading", "cam_from_world"}), frames=(0, -1, 1), optional=optional)
    source = training_source(data, asked, seed=0)
    sample = source[0, 0]
    assert sample.misleading is not None and sample.misleading.shape == (1, 1, 32, 64)
    assert sample.material is not None and sample.inverse_depth is None
    assert len(sample.sequence) == 1 and sample.sequence[0].startswith("rendered:")
    without = training_source(data, Needs(layers=frozenset({"cam_from_world"})), seed=0)[0, 0]
    assert without.misleading is None and without.material is None


def test_misleading__needs_truth_and_poses(tmp_path: Path) -> None:
    write_nyu(tmp_path)
    (nyu,) = open_datasets(DataConfig(dataset="nyu"), (str(tmp_path),), None)
    with pytest.raises(UserError, match=r"has no cam_from_world, .*material, from which misleading pixels are found"):
        WithMisleading(nyu)
