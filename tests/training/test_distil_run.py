"""A student through the engine: resumed to the bit with its teachers on the fly, and taught by files, with its teachers in the card."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadline.cli.main import main
from leadline.methods.loading import load
from leadline.recipes import recipe
from leadline.training.config import TrainConfig
from leadline.training.journal import read_history
from leadline.training.run import Run, train
from tests.fixtures.tiny_data import write_rendered
from tests.fixtures.tiny_teachers import HEIGHT, NETWORK, WIDTH, save_plain, save_robust


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rooms, and two teachers beside them."""
    root = tmp_path_factory.mktemp("distil")
    write_rendered(root / "rooms", frames=3)
    save_plain(root / "plain"), save_robust(root / "robust", automask=False)
    return root


def config(world: Path, **options: str) -> TrainConfig:
    whole = recipe("distil-rooms")
    data = replace(whole.data, root=(str(world / "rooms"),), split=None, height=HEIGHT, width=WIDTH, batch_size=2, workers=0)
    log = replace(whole.log, every=1, tensorboard=False, panels=1)
    method = replace(whole.method, **NETWORK, **options)
    return replace(whole, method=method, data=data, log=log, steps=5, checkpoint_every=2, precision="fp32")


def test_distil__killed_and_resumed_gives_the_same_losses(world: Path, tmp_path: Path) -> None:
    taught = config(world, plain=str(world / "plain"), robust=str(world / "robust"))
    whole = train(taught, tmp_path / "whole")
    part = Run(taught, tmp_path / "part")
    part.batches.num_batches = 3  # one step after its last checkpoint
    part.fit()
    train(taught, tmp_path / "part")
    history = read_history(tmp_path / "part" / "logs" / "metrics.csv")
    assert [row["loss"] for row in history] == [row["loss"] for row in whole.history]
    assert 0 < history[0]["mask/dropped_share"] < 1
    details = load(whole.model).info.details
    assert details["rule"] == "literal" and set(details["teachers"]) == {"plain", "robust"}
    assert str(world) not in (whole.model / "config.json").read_text()


def test_distil__taught_by_files_names_who_wrote_them(world: Path, tmp_path: Path) -> None:
    assert main(["label", f"rendered:{world / 'rooms'}", "--plain", str(world / "plain"), "--out", str(tmp_path / "labels")]) == 0
    taught = config(world)
    trained = train(replace(taught, steps=2, data=replace(taught.data, labels=(str(tmp_path / "labels"),))), tmp_path / "run")
    (labels,) = load(trained.model).info.details["labels"]
    assert labels["data"] == "rendered:rooms" and labels["teachers"]["plain"]["name"] == "plain"
    assert "| taught by | `plain` " in (trained.model / "README.md").read_text()
