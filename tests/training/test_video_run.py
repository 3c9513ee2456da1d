"""Training on footage of one's own: a folder of frames or a video file, K guessed or given, learned poses, and what stands still."""

from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.io.jsonfile import read_json
from leadline.io.weights import load_weights
from leadline.methods.loading import load
from leadline.recipes import recipe
from leadline.training.journal import read_history
from leadline.types import DepthKind
from tests.fixtures import tiny_footage
from tests.fixtures.tiny_footage import walk, write_frames

TINY = (
    "--method.encoder resnet-tiny --method.pose-encoder resnet-tiny --method.decoder-width 0.25 --data.height 32 --data.width 64"
    " --data.batch-size 2 --data.workers 0 --accelerator cpu --precision fp32"
).split()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    write_frames(tmp_path / "walk", walk(5))
    return tmp_path / "walk"


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(["train", *arguments, *TINY, "--dry-run"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return " ".join(printed.out.split())


@pytest.mark.parametrize("name", ["intrinsic", "selfsup-video"])
def test_video_recipes__dry_run_on_a_folder_of_frames(name: str, frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No poses, no K, no truth."""
    printed = plan(capsys, name, "--data.root", str(frames))
    assert f"{name.partition('-')[0]}, scale_invariant" in printed
    assert "3 of 64x32 px" in printed and "video:" in printed, "five frames, of which three have both neighbours"


def test_video_recipes__dry_run_on_a_video_file_with_a_known_lens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_footage.write_film(tmp_path / "walk.mp4", [tiny_footage.seen(pose) for pose in walk(5)])
    lens = "--data.footage.fov-x-deg", "63.2"
    assert "3 of 64x32 px" in plan(capsys, "intrinsic", "--data.root", str(tmp_path / "walk.mp4"), *lens)
    assert "a field of view of" not in capsys.readouterr().err


def test_video_recipes__dry_run_on_the_sample_clip(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = samples / "video/davis_dolphins.mp4"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    assert "57 of 64x32 px" in plan(capsys, "intrinsic-video", "--data.root", str(clip))


def test_static_frames__are_left_out_and_their_neighbours_follow_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    way = walk(5)
    write_frames(tmp_path / "walk", [way[0], way[1], way[1], way[1], way[2], way[3], way[4], way[4]])
    assert "3 of 64x32 px" in plan(capsys, "intrinsic", "--data.root", str(tmp_path / "walk"))
    everything = "--data.footage.min-motion", "0"
    assert "6 of 64x32 px" in plan(capsys, "intrinsic", "--data.root", str(tmp_path / "walk"), *everything)


def test_gap__takes_away_the_samples_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_frames(tmp_path / "walk", walk(8))
    paths[4].unlink()
    assert "3 of 64x32 px" in plan(capsys, "intrinsic", "--data.root", str(tmp_path / "walk")), "1 and 2, and 6"


def test_run__leaves_a_model_that_predicts_and_has_its_pose_network(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["intrinsic", "--data.root", str(frames), *TINY, "--steps", "2", "--log.every", "1", "--log.no-tensorboard"]
    assert main(["train", *arguments, "--run", str(run)]) == 0, capsys.readouterr().err
    assert {"loss", "mask/dropped_share", "moving_share"} <= set(read_history(run / "logs/metrics.csv")[-1])
    config = read_json(run / "config.json")
    assert config["method_name"] == "intrinsic" and config["method"]["poses"] == "learned"
    assert any(name.startswith("depth.pose.") for name in load_weights(run / "model/model.safetensors"))
    prediction = load(run).predict(frames / "frame_000.png")
    assert prediction.kind is DepthKind.SCALE_INVARIANT and np.isfinite(prediction.values).all()
    assert main(["predict", str(run), str(frames / "frame_000.png"), "--out", str(tmp_path / "out")]) == 0
    assert list((tmp_path / "out").iterdir())


def test_video_recipes__ask_for_nothing_that_footage_lacks() -> None:
    for name in ("selfsup", "intrinsic"):
        config = recipe(f"{name}-video")
        assert recipe(name) == config, "a method's name alone will do"
        assert config.method.pretrained == "none", "no network is needed"
        assert (config.data.dataset, config.data.split) == ("video", None) and config.data.footage.min_motion > 0
