"""`leadline scenes` as a user types it: tiny worlds, resumed, refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.io.image import read_image

TINY = ["--height", "32", "--width", "48", "--spp", "1", "--workers", "1", "--variant", "scalar"]


def _stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "rooms"
    assert main(["scenes", "rooms", str(out), "--scenes", "1", "--frames", "1", *TINY]) == 0
    return out


def test_scenes__rooms_are_a_data_set_that_passes_its_check(rooms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = open_dataset(f"rendered:{rooms}")
    view = dataset.view(dataset.records[0], dataset.records[0].cameras[0], frozenset({"depth", "material"}))
    assert view.image.shape == (32, 48, 3)
    assert view.depth is not None and (view.depth > 0).mean() > 0.9
    assert main(["data", "check", f"rendered:{rooms}"]) == 0
    assert "broken: 0" in capsys.readouterr().out


def test_scenes__streets_have_six_cameras_without_being_asked(tmp_path: Path) -> None:
    assert main(["scenes", "streets", str(tmp_path / "out"), "--scenes", "1", "--frames", "1", *TINY]) == 0
    (record,) = open_dataset(f"rendered:{tmp_path / 'out'}").records
    assert len(record.cameras) == 6 and "CAM_FRONT" in record.cameras
    assert list((tmp_path / "out").rglob("lidar.npz"))


@pytest.mark.parametrize("family", ["objects", "yard"])
def test_scenes__zero_shot_families_are_rendered_and_read_but_not_trained_on(
    rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], family: str
) -> None:
    out = tmp_path / family
    assert main(["scenes", family, str(out), "--scenes", "1", "--frames", "1", *TINY]) == 0
    dataset = open_dataset(f"rendered:{out}")
    view = dataset.view(dataset.records[0], "cam", frozenset({"depth", "instance"}))
    assert view.depth is not None and view.instance is not None
    assert 0.3 < view.depth[view.depth > 0].min() and len(np.unique(view.instance)) > 5
    capsys.readouterr()
    for roots in (["--data.root", str(out)], ["--data.root", str(rooms), "--data.val-root", str(out)]):
        assert main(["train", "supervised-rooms", *roots, "--run", str(tmp_path / "run"), "--dry-run"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and f"{out}: holds worlds of {family}, a zero-shot family" in error


def test_scenes__the_same_command_keeps_frames_and_more_scenes_are_added(rooms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _stamps(rooms)
    assert main(["scenes", "rooms", str(rooms), "--scenes", "1", "--frames", "1", *TINY]) == 0
    assert _stamps(rooms) == before
    assert "1/1" in capsys.readouterr().err
    assert main(["scenes", "rooms", str(rooms), "--scenes", "2", "--frames", "1", *TINY]) == 0
    assert before.items() < _stamps(rooms).items()
    assert json.loads((rooms / "dataset.json").read_text())["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--width", "64"], "was rendered with width 48, not 64; repeat those options or choose another folder"),
        (["--frames", "2"], "was rendered with frames 1, not 2"),
        (["--spp", "2"], "was rendered with spp 1, not 2"),
    ],
)
def test_scenes__refuses_a_folder_with_other_parameters(
    rooms: Path, capsys: pytest.CaptureFixture[str], change: list[str], complaint: str
) -> None:
    before = _stamps(rooms)
    assert main(["scenes", "rooms", str(rooms), "--scenes", "1", "--frames", "1", *TINY, *change]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline scenes: ")]
    assert len(lines) == 1 and complaint in lines[0] and str(rooms) in lines[0]
    assert _stamps(rooms) == before


@pytest.mark.parametrize(
    ("family", "extra", "words"),
    [
        ("room", [], ["room: is no family of scenes", "rooms", "streets"]),
        ("rooms", ["--rig", "nuscenes6"], ["--rig", "render streets"]),
        ("yard", ["--rig", "nuscenes6"], ["--rig", "yard", "render streets"]),
        ("streets", ["--rig", "nuscenes7"], ["nuscenes6"]),
        ("rooms", ["--height", "4"], ["--height", "4 is too small"]),
        ("rooms", ["--scenes", "0"], ["--scenes", "0 is too small"]),
        ("rooms", ["--variant", "cuda"], ["--variant", "scalar, llvm, auto"]),
    ],
)
def test_scenes__mistakes_are_one_line_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], family: str, extra: list[str], words: list[str]
) -> None:
    assert main(["scenes", family, str(tmp_path / "out"), "--scenes", "1", "--frames", "1", *TINY, *extra]) == 2
    error = capsys.readouterr().err
    assert error.startswith("leadline scenes: ") and error.count("\n") == 1
    assert all(word in error for word in words)
    assert not (tmp_path / "out").exists()


def test_preview__is_one_picture_of_pictures_over_depth(rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["scenes", "preview", str(rooms), "--out", str(sheet), "--views", "1"]) == 0
    drawn, picture = read_image(sheet), read_image(rooms / "scene_000000" / "frame_0000" / "cam" / "rgb.png")
    assert drawn.shape == (2 * 32 + 8, 48 + 8, 3)
    np.testing.assert_array_equal(drawn[4:36, 4:52], picture)
    assert str(sheet) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--out", "sheet.gif"], ["sheet.gif", "choose .png or .jpg"]),
        (["--out", "sheet.png", "--views", "0"], ["--views", "0 is too small"]),
        (["--out", "sheet.png", "--split", "test"], ["has no scene of the split test"]),
    ],
)
def test_preview__mistakes_are_one_line(rooms: Path, capsys: pytest.CaptureFixture[str], extra: list[str], words: list[str]) -> None:
    assert main(["scenes", "preview", str(rooms), *extra]) == 2
    error = capsys.readouterr().err
    assert error.startswith("leadline scenes: ") and error.count("\n") == 1
    assert all(word in error for word in words)
