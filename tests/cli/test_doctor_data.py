"""`leadline doctor DATA` as a user types it, and that it finds every bad input of one's own footage before a training does."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from tests.fixtures import tiny_footage
from tests.fixtures.tiny_data import KITTI_DAY, KITTI_DRIVE, write_kitti
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


def _one_pose_mirrored(folder: Path) -> tuple[str, str]:
    (folder / "poses.txt").unlink()
    (folder / "poses").mkdir()
    for i, pose in enumerate(walk(5)):
        np.savetxt(folder / f"poses/frame_{i:03d}.txt", pose @ np.diag([1.0, 1, -1 if i == 3 else 1, 1]))
    return "poses/frame_003.txt", "it is mirrored"


def _time_runs_back(folder: Path) -> tuple[str, str]:
    (folder / "timestamps.txt").write_text("0.0\n0.1\n0.3\n0.2\n0.4\n")
    return "timestamps.txt", "time does not go on at row 4 (-0.100 s)"


def _K_of_another_size(folder: Path) -> tuple[str, str]:
    write_K(folder, scale=2)
    return "frame_000.png", "is 320x180, but K.txt puts the principal point at (320.0, 180.0); give the pictures and the calibration of one"


def _K_of_smaller_pictures(folder: Path) -> tuple[str, str]:
    """As that of a 720p film beside one of 1080p: its principal point could still be that of a cut picture."""
    write_K(folder, scale=2 / 3)
    return "frame_000.png", "is 320x180, but K.txt puts the principal point at (106.7, 60.0); give the pictures and the calibration of one"


def _K_that_says_its_size(folder: Path) -> tuple[str, str]:
    said = {"fx": 520, "fy": 520, "cx": 320, "cy": 180, "width": 640, "height": 360}
    (folder / "intrinsics.json").write_text(json.dumps(said))
    return "frame_000.png", "is 320x180, intrinsics.json is for 640x360"


def _cut_before_its_index(folder: Path) -> tuple[str, str]:
    tiny_footage.write_film(folder / "film.mov", [tiny_footage.seen(pose) for pose in walk(3)])
    (folder / "film.mov").write_bytes((folder / "film.mov").read_bytes()[:1000])
    return "film.mov", "is no video that can be read"


AT_OPENING = [_rows_of_a_whole_drive, _mirrored, _one_pose_mirrored, _not_rigid, _time_runs_back, _cut_before_its_index]
AT_READING = [_another_size, _truncated, _K_of_another_size, _K_of_smaller_pictures, _K_that_says_its_size]


@pytest.mark.parametrize("spoil", AT_OPENING + AT_READING)
@pytest.mark.parametrize("verb", ["doctor", "data"])
def test_bad_input__is_named_with_its_file(spoil: Callable[[Path], tuple[str, str]], verb, footage, capsys):
    name, words = spoil(footage)
    assert main([*(["doctor"] if verb == "doctor" else ["data", "check"]), f"video:{footage}"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"leadline {verb}: ")]
    assert lines and f"{footage / name}: " in lines[0] and words in lines[0] and "; " in lines[0]


TINY = (
    "--method.encoder resnet-tiny --method.pose-encoder resnet-tiny --method.decoder-width 0.25 --data.height 32 --data.width 64"
    " --method.pretrained none --data.batch-size 2 --data.workers 0 --accelerator cpu --precision fp32 --dry-run"
).split()


def _trained(data: Path | str, capsys: pytest.CaptureFixture[str], *options: str, recipe: str = "intrinsic-video") -> tuple[int, list[str]]:
    """Exit code of a training's first steps, and its lines on stderr."""
    code = main(["train", recipe, "--data.root", str(data), *options, *TINY])
    return code, [line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline train: ")]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("spoil", AT_OPENING + AT_READING)
def test_bad_input__stops_a_training_before_its_first_step(spoil: Callable[[Path], tuple[str, str]], footage, capsys, monkeypatch):
    name, words = spoil(footage)
    monkeypatch.setattr("leadline.training.run.Run.fit", lambda run: pytest.fail("a step was taken"))
    code, lines = _trained(footage, capsys)
    assert code == 2 and len(lines) == 1 and f"{footage / name}: " in lines[0] and words in lines[0] and "; " in lines[0]


@pytest.mark.usefixtures("one_thread")
def test_bad_input__of_the_last_of_many_clips_stops_a_training_too(footage, tmp_path, capsys):
    write_frames(tmp_path / "clips/a", walk(4))
    shutil.copytree(footage, tmp_path / "clips/b")
    write_K(tmp_path / "clips/b", scale=2)
    (tmp_path / "clips/b/poses.txt").unlink()
    code, (line,) = _trained(tmp_path / "clips", capsys)
    assert code == 2 and f"{tmp_path / 'clips/b/frame_000.png'}: is 320x180, but K.txt" in line


@pytest.mark.usefixtures("one_thread")
def test_kitti__rows_of_a_whole_drive_beside_renumbered_frames(tmp_path, capsys):
    write_kitti(tmp_path, frames=3)
    shutil.rmtree(tmp_path / KITTI_DAY / KITTI_DRIVE / "oxts")
    poses = tmp_path / KITTI_DAY / KITTI_DRIVE / "image_02/poses.txt"
    write_poses(poses, walk(474))
    told = f"{poses}: has 474 rows, the frames are numbered 0 to 2; row i"
    assert main(["doctor", f"kitti:{tmp_path}"]) == 2
    assert f"leadline doctor: {told}" in capsys.readouterr().err
    code, (line,) = _trained(f"kitti:{tmp_path}", capsys, "--method.poses", "known", recipe="selfsup-kitti")
    assert code == 2 and told in line


def test_given_K__of_another_resolution(footage, capsys):
    K = "640", "640", "320", "180"
    assert main(["doctor", str(footage), "--footage.K", *K]) == 2
    assert "but the given K puts the principal point at (320.0, 180.0)" in capsys.readouterr().err
    code, (line,) = _trained(footage, capsys, "--data.footage.K", *K)
    assert code == 2 and "frame_000.png: is 320x180, but the given K puts the principal point at (320.0, 180.0)" in line


def test_static_camera__is_found_by_both(tmp_path, capsys):
    clip = tmp_path / "clip"
    write_frames(clip, stand(4))
    assert main(["doctor", str(clip)]) == 2 and "cannot work yet: motion" in capsys.readouterr().out
    code, (line,) = _trained(clip, capsys)
    assert code == 2 and line.startswith(
        f"leadline train: {clip}: the camera stands still: 4 frames, and none moves against the first; move"
    )
    assert _trained(clip, capsys)[1] == [line], "what was remembered says the same"


@pytest.mark.usefixtures("one_thread")
def test_static_clip__beside_one_that_moves_is_left_out(footage, tmp_path, capsys):
    shutil.copytree(footage, tmp_path / "clips/walk")
    write_frames(tmp_path / "clips/stand", stand(3))
    assert _trained(tmp_path / "clips", capsys) == (0, [])


def test_missing_neighbours__everywhere(footage, capsys):
    (footage / "poses.txt").unlink()
    (footage / "frame_002.png").unlink()
    assert main(["doctor", str(footage)]) == 2
    printed = capsys.readouterr().out
    assert "cannot work yet: frames" in printed and "none has both" in printed and "frame_001.png" in printed
    code, (line,) = _trained(footage, capsys)
    assert code == 2 and line.startswith(f"leadline train: video:{footage}: no frame has neighbours at -1, +1; ")


@pytest.mark.usefixtures("one_thread")
def test_exposure__that_jumps_all_the_time_is_doctors_to_find(tmp_path, capsys):
    """A training takes the jumps for depth, and cannot tell: that is why doctor comes first."""
    write_frames(tmp_path / "clip", walk(6), gains={1: 1.3, 3: 1.3, 5: 1.3})
    write_K(tmp_path / "clip")
    assert main(["doctor", str(tmp_path / "clip")]) == 2
    printed = capsys.readouterr().out
    assert "exposure" in printed.splitlines()[-1]
    assert "5 of 5 neighbours jump by more than 0.15 stops: frame_00" in printed
    assert _trained(tmp_path / "clip", capsys) == (0, [])


def test_footage_options__of_a_training_without_footage_are_refused(tmp_path, capsys):
    argv = ["train", "supervised-rooms", "--data.root", f"kitti:{tmp_path}", "--data.footage.stride", "2", "--dry-run"]
    assert main(argv) == 2
    assert "--data.footage: is for footage of your own" in capsys.readouterr().err


@pytest.mark.parametrize("data", ["absent.mp4", "video:absent", "walk:somewhere"])
def test_doctor__of_nothing(data, capsys):
    assert main(["doctor", data]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.startswith("leadline doctor: ") and "; " in line
