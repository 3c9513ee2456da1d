"""The examination of footage whose answer is known: which lines it must draw, and the numbers behind them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from leadline.data.catalog import open_dataset
from leadline.data.datasets.video.dataset import Video
from leadline.data.examine import findings
from leadline.data.examine.examine import Examination, examine
from leadline.data.examine.findings import Finding
from leadline.data.examine.pairs import Looked, look, spread
from leadline.geometry.camera import Camera
from tests.fixtures.tiny_footage import K, pose, stand, turn, walk, write_frames, write_K, write_poses


def _by_subject(examination: Examination) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examination.findings}


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """Three walks of the camera, with K and true poses."""
    root = tmp_path_factory.mktemp("clips")
    for name, way in (("walk", walk(5)), ("turn", turn(5)), ("stand", stand(5))):
        write_frames(root / name, way)
        write_K(root / name)
        write_poses(root / name / "poses.txt", way)
    return root


@pytest.fixture
def copied(clips, tmp_path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(clips / name, tmp_path / name))


def looked(folder: Path) -> Looked:
    """Read only: for what needs no tracking."""
    return look(open_dataset(f"video:{folder}"))


def examined(folder: Path) -> dict[str, Finding]:
    return _by_subject(examine(open_dataset(f"video:{folder}")))


def test_walk__is_good(clips):
    examination = examine(open_dataset(f"video:{clips / 'walk'}"))
    found = _by_subject(examination)
    assert examination.works and {name for name, finding in found.items() if finding.verdict != "good"} == {"frames"}, found
    assert "5 frames in 1 sequences, 4 of 4 neighbours" in found["frames"].figure and "record more" in found["frames"].remedy
    assert "median step 0.0787" in found["poses"].figure and "explain 100 %" in found["poses"].figure
    assert all(finding.remedy for finding in found.values() if finding.verdict in ("poor", "bad"))


def test_turn__has_no_parallax(clips):
    found = examined(clips / "turn")
    assert found["parallax"].verdict == "bad" and "turning the camera on the spot" in found["parallax"].remedy
    assert found["motion"].verdict == "good"


def test_turn__has_none_with_a_wrong_K_either(copied):
    folder = copied("turn")
    np.savetxt(folder / "K.txt", K * [[0.7, 1, 1], [1, 0.7, 1], [1, 1, 1]])
    assert examined(folder)["parallax"].verdict == "bad"


def test_stand__does_not_move(clips):
    found = examined(clips / "stand")
    assert found["parallax"].verdict == "poor" and "too little motion to tell" in found["parallax"].figure
    assert found["motion"].verdict == "bad" and "100 % of the neighbours stand still" in found["motion"].figure
    assert found["poses"].verdict == "bad" and "does not move" in found["poses"].figure


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (np.linalg.inv, "they look inverted"),
        (lambda one: one @ np.diag([1.0, -1, -1, 1]), "OpenGL"),
        (lambda one: pose(one[1, 3] * 30, yaw_deg=one[0, 3] * -60), "rows of other frames"),
    ],
)
def test_poses__that_do_not_explain_what_is_seen(copied, spoil, words):
    folder = copied("walk")
    write_poses(folder / "poses.txt", [spoil(one) for one in walk(5)])
    found = examined(folder)
    assert found["poses"].verdict == "bad" and words in found["poses"].remedy, found["poses"]


def test_exposure__a_jump_is_named_with_its_frame(tmp_path):
    write_frames(tmp_path, walk(6), gains={3: 1.25})
    found = findings.exposure(looked(tmp_path).pairs)
    assert found.verdict == "poor" and "frame_003.png (+0." in found.figure and "frame_004.png (-0." in found.figure


def test_order__shuffled_frames_and_cuts(tmp_path):
    way = walk(24)
    write_frames(tmp_path / "shuffled", [way[i] for i in np.random.default_rng(0).permutation(24)][:14])
    assert findings.order(looked(tmp_path / "shuffled").pairs).verdict == "bad"
    write_frames(tmp_path / "cut", [*walk(5), *[pose(9 + one[0, 3], 3.0) for one in walk(5)]])
    found = findings.order(looked(tmp_path / "cut").pairs)
    assert found.verdict == "poor" and "1 cuts: frame_005.png" in found.figure


def test_copies__are_named(tmp_path):
    paths = write_frames(tmp_path, walk(6))
    shutil.copy(paths[2], paths[3])
    found = findings.copies(looked(tmp_path).pairs)
    assert found.verdict == "poor" and "1 of 5 neighbours are the same picture twice: frame_003.png" in found.figure


def test_blur__frames_are_named(tmp_path):
    paths = write_frames(tmp_path, walk(6))
    with Image.open(paths[2]) as image:
        image.filter(ImageFilter.GaussianBlur(3)).save(paths[2])
    found = findings.blur(looked(tmp_path).pairs)
    assert found.verdict == "poor" and "1 of 5 frames are far less sharp than the rest: frame_002.png" in found.figure


def test_missing__neighbours_are_named(copied):
    folder = copied("walk")
    (folder / "poses.txt").unlink()
    (folder / "frame_003.png").unlink()
    found = findings.missing(looked(folder))
    assert found.verdict == "poor" and f"after {folder / 'frame_002.png'}" in found.figure


def test_times__that_run_back_in_any_data_set(clips):
    pairs = [
        replace(pair, first=replace(pair.first, time_s=0.1 * (i % 3)), second=replace(pair.second, time_s=0.1 * ((i + 1) % 3)))
        for i, pair in enumerate(looked(clips / "walk").pairs)
    ]
    found = findings.times(pairs)
    assert found is not None and found.verdict == "bad" and "frame_003.png" in found.figure
    in_ms = [
        replace(pair, first=replace(pair.first, time_s=100.0 * i), second=replace(pair.second, time_s=100.0 * (i + 1)))
        for i, pair in enumerate(looked(clips / "walk").pairs)
    ]
    found = findings.times(in_ms)
    assert found is not None and found.verdict == "poor" and "milliseconds" in found.remedy
    assert findings.times(looked(clips / "walk").pairs) is None


def test_K__of_another_resolution_or_guessed(copied):
    folder = copied("walk")
    write_K(folder, scale=2)
    found = findings.files(looked(folder))
    assert found.verdict == "bad" and "K.txt puts the principal point at (320.0, 180.0)" in found.figure
    (folder / "K.txt").unlink()
    dataset = open_dataset(f"video:{folder}")
    assert isinstance(dataset, Video)
    found = findings.intrinsics(look(dataset).pairs, source=dataset.camera_source("."))
    assert found.verdict == "poor" and "60.0 degrees" in found.figure and "fov-x-deg" in found.remedy


def test_K__of_the_worst_camera_of_a_rig(clips):
    pairs = looked(clips / "walk").pairs
    tele = Camera.from_fov(5, width=320, height=180, name="tele")
    found = findings.intrinsics([pairs[0], replace(pairs[1], first=replace(pairs[1].first, camera=tele))])
    assert found.verdict == "bad" and found.figure.startswith("tele: field of view 5.0")
    off = replace(pairs[0].first.camera, K=pairs[0].first.camera.K * [[1, 1, 2], [1, 1, 2], [1, 1, 1]])
    assert "another resolution" in findings.intrinsics([replace(pairs[0], first=replace(pairs[0].first, camera=off))]).remedy


def test_spread__takes_runs_from_the_first_to_the_last():
    places = spread(1000, 60)
    assert len(places) == 60 and places[:5] == [0, 1, 2, 3, 4] and places[-1] == 999
    assert sum(b - a > 1 for a, b in pairwise(places)) == 11
    assert spread(7, 60) == list(range(7)) and spread(0, 60) == []


def test_look__takes_every_camera_of_a_rig(samples):
    seen = look(open_dataset(f"ddad:{samples}/ddad"), num_pairs=60)
    assert seen.num_pairs == 12 and len({pair.first.camera.name for pair in seen.pairs}) == 6


def test_short_steps__advise_a_stride(tmp_path):
    write_frames(tmp_path, [pose(0.012 * i, 0, 0.02 * i) for i in range(4)])
    write_K(tmp_path)
    found = examined(tmp_path)["parallax"]
    assert found.verdict == "poor" and "stride" in found.remedy


def test_slow_camera__is_looked_at_over_several_steps(tmp_path):
    """0.3 px a frame, as a phone's 60 frames a second give: slow, not still."""
    slow = [pose(0.007 * i, 0, 0.02 * i) for i in range(6)]
    write_frames(tmp_path / "step", slow)
    write_K(tmp_path / "step")
    write_poses(tmp_path / "step/poses.txt", slow)
    found = examined(tmp_path / "step")
    assert found["motion"].verdict != "bad" and found["poses"].verdict == "good"
    assert found["parallax"].verdict == "poor" and "over 5 steps" in found["parallax"].figure and "stride" in found["parallax"].remedy
    write_frames(tmp_path / "turn", [pose(yaw_deg=0.1 * i) for i in range(6)])
    assert examined(tmp_path / "turn")["parallax"].verdict == "bad"


def test_single_frames__cannot_work(tmp_path):
    write_frames(tmp_path, walk(1))
    found = examined(tmp_path)
    assert found["frames"].verdict == "bad" and "parallax" not in found


def test_samples__a_drive_is_good_and_animals_in_water_are_not(samples, tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    drive = _by_subject(examine(open_dataset(f"kitti:{samples}/kitti")))
    assert {name for name, finding in drive.items() if finding.verdict != "good"} == {"frames"}, drive
    swim = _by_subject(examine(open_dataset(f"video:{samples}/video/davis_dolphins.mp4"), num_pairs=15))
    assert swim["world at rest"].verdict == "bad" and swim["motion"].verdict == "good"


def test_samples__poses_of_other_rows_do_not_explain_a_drive(samples, tmp_path):
    """Upstream's rows 0 to 4 beside frames 139 to 143: the counts fit, the motion does not."""
    drive = samples / "kitti/2011_09_26/2011_09_26_drive_0023_sync/image_02"
    for path in (drive / "data").iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "K.txt").write_text("721.5377 0 610.0593\n0 721.5377 173.354\n0 0 1\n")
    rows = (samples / "kitti/poses_full_drive.txt").read_text().splitlines()
    (tmp_path / "poses.txt").write_text("\n".join(rows[139:144]) + "\n")
    assert examined(tmp_path)["poses"].verdict == "good"
    (tmp_path / "poses.txt").write_text("\n".join(rows[:5]) + "\n")
    assert examined(tmp_path)["poses"].verdict == "bad"
