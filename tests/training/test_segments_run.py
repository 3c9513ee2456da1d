"""The stand-ins of `briges` through the engine: an encoder from instance ids, a depth model beside it, and gates between the two."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from leadline.cli.main import main
from leadline.methods.catalog import SegmentsConfig
from leadline.methods.loading import load
from leadline.models.semantic import load_semantic
from leadline.recipes import recipe
from leadline.training.config import TrainConfig
from leadline.training.run import train
from leadline.types import UserError
from tests.fixtures.tiny_data import write_rendered

HEIGHT, WIDTH = 42, 70
TINY = SegmentsConfig(width=64, blocks=2, heads=2, longer_side=70, embedding=8, num_points=64)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("segments") / "rooms"
    write_rendered(root, frames=2)
    return root


def short(whole: TrainConfig, rooms: Path) -> TrainConfig:
    data = replace(whole.data, root=(f"rendered:{rooms}",), split=None, height=HEIGHT, width=WIDTH, batch_size=2, workers=0)
    log = replace(whole.log, every=1, tensorboard=False, panels=1, panels_every=2)
    return replace(whole, data=data, log=log, steps=3, precision="fp32")


def test_stand_ins__are_trained_and_bridged(rooms: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    segments = short(recipe("segments"), rooms)
    encoder = train(replace(segments, method=TINY), tmp_path / "segments")
    assert "shards" not in capfd.readouterr().err, "a bar for weights that are written in an instant"
    with torch.inference_mode():
        assert load_semantic(str(encoder.model)).eval()(torch.rand(1, 3, HEIGHT, WIDTH)).shape == (1, 64, 3, 5)
    assert "learnt from instance ids of rendered:rooms: steps 3" in (encoder.model / "README.md").read_text()
    foundation = short(recipe("foundation"), rooms)
    depth = train(
        replace(foundation, method=replace(foundation.method, encoder="dinov2-tiny", decoder_width=0.25)), tmp_path / "foundation"
    )
    assert depth.model.is_dir()
    gates = short(recipe("briges-worlds"), rooms)
    places = {"depth": str(tmp_path / "foundation"), "semantic": str(tmp_path / "segments")}
    bridged = train(replace(gates, method=replace(gates.method, **places, heads=4)), tmp_path / "bridged")
    frozen = load(bridged.model).info.details["frozen"]
    assert frozen["depth"]["name"] == "foundation" and frozen["semantic"]["name"] == "segments"


def test_segments__gives_no_depth(rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segments = short(recipe("segments"), rooms)
    wrong = replace(segments, method=TINY, data=replace(segments.data, val_root=(f"rendered:{rooms}",), val_split=None))
    with pytest.raises(UserError, match=r"--data\.val-root: what learns here gives no depth to validate; leave it out"):
        train(wrong, tmp_path / "wrong")
    size = f"--data.height {HEIGHT} --data.width {WIDTH} --data.split None --data.workers 0"
    small = "--method.width 64 --method.blocks 1 --method.heads 2 --method.longer-side 70 --method.num-points 32"
    assert main(["train", "segments", "--data.root", f"rendered:{rooms}", *size.split(), *small.split(), "--dry-run"]) == 0
    assert "segments, an encoder" in capsys.readouterr().out


def test_stand_ins__have_at_most_six_million_parameters() -> None:
    from leadline.methods.catalog import build_learner

    for name in ("foundation", "segments"):
        with torch.device("meta"):
            learner = build_learner(recipe(name).method)
        assert sum(p.numel() for p in learner.parameters()) < 6e6
