"""`leadline doctor DATA` as a user types it, and that it finds every bad input of one's own footage before a training does."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from tests.fixtures import tiny_footage
from tests.fixtures.tiny_footage import stand, turn, walk, write_frames, write_K, write_poses


@pytest.fixture(autouse=True)
def quiet(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def footage(tmp_path) -> Path:
    tiny_footage.write_frames(tmp_path / "clip", walk(5))
    write_K(tmp_path / "clip")
    write_poses(tmp_path / "clip/poses.txt", walk(5))
    return tmp_path / "clip"


def test_doctor__of_good_footage(footage, tmp_path, capsys):
    assert main(["doctor", str(footage), "--json", str(tmp_path / "found.json")]) == 0
    printed = capsys.readouterr().out
    assert "self-supervised training can work with this" in printed and "parallax" in printed
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["works"] is True and found["seconds"] > 0 and found["broken"] == []
    assert {finding["subject"] for finding in found["findings"]} >= {"motion", "parallax", "poses", "K", "order", "exposure", "texture"}


def test_doctor__of_a_video_file_with_a_known_lens(tmp_path, capsys):
    tiny_footage.write_film(tmp_path / "clip.mp4", [tiny_footage.seen(pose) for pose in walk(3)])
    assert main(["doctor", str(tmp_path / "clip.mp4"), "--footage.fov-x-deg", "63.2"]) == 0
    assert "field of view 63.2 degrees for 320x180 (given)" in capsys.readouterr().out


@pytest.mark.parametrize(("way", "subject"), [(turn, "parallax"), (stand, "motion")])
def test_doctor__of_footage_that_cannot_work(way, subject, tmp_path, capsys):
    write_frames(tmp_path / "clip", way(3))
    assert main(["doctor", str(tmp_path / "clip")]) == 2
    assert f"cannot work yet: {subject}" in capsys.readouterr().out


def _another_size(folder: Path) -> tuple[str, str]:
    Image.new("RGB", (160, 90)).save(folder / "frame_003.png")
    return "frame_003.png", "is 160x90, the sequence begins with 320x180 (frame_000.png); put frames of another size into"


def _truncated(folder: Path) -> tuple[str, str]:
    path = folder / "frame_003.png"
    path.write_bytes(path.read_bytes()[:3000])
    return "frame_003.png", "truncated"


def _rows_of_a_whole_drive(folder: Path) -> tuple[str, str]:
    write_poses(folder / "poses.txt", walk(474))
    return "poses.txt", "has 474 rows for 5 frames (frame_000.png to frame_004.png); give one row per frame"


def _mirrored(folder: Path) -> tuple[str, str]:
    write_poses(folder / "poses.txt", [np.diag([-1.0, 1, 1, 1]) @ pose for pose in walk(5)])
    return "poses.txt", "row 1 is mirrored"


def _not_rigid(folder: Path) -> tuple[str, str]:
    write_poses(folder / "poses.txt", [pose @ np.diag([2.0, 2, 2, 1]) for pose in walk(5)])
    return "poses.txt", "row 1 is no rigid motion"


def _time_runs_back(folder: Path) -> tuple[str, str]:
    (folder / "timestamps.txt").write_text("0.0\n0.1\n0.3\n0.2\n0.4\n")
    return "timestamps.txt", "time does not go on at row 4 (-0.100 s)"


def _K_of_another_size(folder: Path) -> tuple[str, str]:
    write_K(folder, scale=2)
    return "frame_000.png", "is 320x180, but K.txt puts the principal point at (320.0, 180.0); give the pictures and the calibration of one"


def _K_that_says_its_size(folder: Path) -> tuple[str, str]:
    said = {"fx": 520, "fy": 520, "cx": 320, "cy": 180, "width": 640, "height": 360}
    (folder / "intrinsics.json").write_text(json.dumps(said))
    return "frame_000.png", "is 320x180, intrinsics.json is for 640x360"


def _cut_before_its_index(folder: Path) -> tuple[str, str]:
    tiny_footage.write_film(folder / "film.mov", [tiny_footage.seen(pose) for pose in walk(3)])
    (folder / "film.mov").write_bytes((folder / "film.mov").read_bytes()[:1000])
    return "film.mov", "is no video that can be read"


AT_OPENING = [_rows_of_a_whole_drive, _mirrored, _not_rigid, _time_runs_back, _cut_before_its_index]
AT_READING = [_another_size, _truncated, _K_of_another_size, _K_that_says_its_size]


@pytest.mark.parametrize("spoil", AT_OPENING + AT_READING)
@pytest.mark.parametrize("verb", ["doctor", "data"])
def test_bad_input__is_named_with_its_file(spoil: Callable[[Path], tuple[str, str]], verb, footage, capsys):
    name, words = spoil(footage)
    assert main([*(["doctor"] if verb == "doctor" else ["data", "check"]), f"video:{footage}"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"leadline {verb}: ")]
    assert lines and f"{footage / name}: " in lines[0] and words in lines[0] and "; " in lines[0]


@pytest.mark.parametrize("spoil", AT_OPENING)
def test_bad_input__stops_a_training_before_its_first_step(spoil, footage, capsys):
    name, words = spoil(footage)
    assert main(["train", "supervised-rooms", "--data.root", str(footage), "--dry-run"]) == 2
    err = capsys.readouterr().err
    assert f"leadline train: {footage / name}: " in err and words in err


def test_footage_options__of_a_training_without_footage_are_refused(tmp_path, capsys):
    argv = ["train", "supervised-rooms", "--data.root", f"kitti:{tmp_path}", "--data.footage.stride", "2", "--dry-run"]
    assert main(argv) == 2
    assert "--data.footage: is for footage of your own" in capsys.readouterr().err


@pytest.mark.parametrize("data", ["absent.mp4", "video:absent", "walk:somewhere"])
def test_doctor__of_nothing(data, capsys):
    assert main(["doctor", data]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.startswith("leadline doctor: ") and "; " in line
