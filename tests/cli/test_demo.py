"""`leadline demo` as a user types it, on worlds and a network so small that it takes seconds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.io.depth import read_depth
from leadline.recipes.surround import surround_worlds, surround_worlds_student
from tests.fixtures import bad_files
from tests.fixtures.tiny_worlds import TINY_WORLDS, tiny

MakeFile = Callable[[Path], Path]


@pytest.fixture
def tiny_demo(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """The demo with four tiny worlds and two steps of a tiny network and of its student."""
    network, student = tiny(surround_worlds()), tiny(surround_worlds_student())
    monkeypatch.setattr("leadline.recipes.worlds.DEMO", TINY_WORLDS)
    monkeypatch.setattr("leadline.recipes.surround.surround_worlds", lambda: network)
    monkeypatch.setattr("leadline.recipes.surround.surround_worlds_student", lambda: student)


def _stamps(folder: Path) -> dict[Path, int]:
    kept = [path for name in ("worlds", "run") for path in (folder / name).rglob("*") if path.suffix in (".png", ".safetensors")]
    return {path: path.stat().st_mtime_ns for path in kept}


def test_demo__from_nothing_to_a_report_and_again_with_another_photo(
    tiny_demo: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, photo = tmp_path / "demo", tmp_path / "my photo.jpg"
    Image.fromarray(bad_files.photo(60, 90)).save(photo)
    assert main(["demo", "--out", str(out)]) == 0
    record = json.loads((out / "metrics.json").read_text())
    assert set(record["results"]) == {"rooms", "streets"}
    for family, images in (("rooms", 1), ("streets", 6)):
        figures = record["results"][family]
        assert figures["num_images"] == images and figures["num_pixels"] > 0
        ratio = figures["model"]["abs_rel"] / figures["baseline"]["abs_rel"]
        assert figures["abs_rel_over_baseline"] == pytest.approx(ratio)
    assert set(record["seconds"]) == {"render", "train", "distil", "evaluate", "predict"} and record["peak_memory_mb"] > 0
    assert record["results"]["streets"]["student"]["abs_rel"] > 0 and "student" not in record["results"]["rooms"]
    printed = capsys.readouterr().out
    assert "rooms: abs_rel" in printed and "its student: abs_rel" in printed and str(out / "report.html") in printed
    page = (out / "report.html").read_text()
    assert "Your photo" not in page and f"{record['results']['rooms']['model']['abs_rel']:.3f}" in page
    assert ">this network</td>" in page and ">its student</td>" in page and ">run</td>" not in page

    before = _stamps(out)
    assert main(["demo", "--out", str(out), "--image", str(photo), "--fov-x-deg", "70"]) == 0
    assert _stamps(out) == before, "the second run renders and trains nothing"
    assert json.loads((out / "metrics.json").read_text())["results"] == record["results"]
    assert read_depth(out / "photo.png").values.shape == (60, 90)
    assert (out / "photo.ply").exists() and "Your photo" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("make", "extra", "words"),
    [
        (bad_files.text_jpeg, [], "text.jpg: is not an image"),
        (bad_files.truncated_jpeg, [], "truncated.jpg"),
        (bad_files.missing_file, [], "missing.jpg"),
        (bad_files.single_pixel_png, [], "single_pixel.png: is 1x1 px"),
        (bad_files.strip_png, [], "strip.png: is 20000x10 px"),
        (bad_files.good_jpeg, ["--fov-x-deg", "190"], "field of view"),
    ],
)
def test_demo__a_bad_photo_is_said_at_once_not_in_ten_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, make: MakeFile, extra: list[str], words: str
) -> None:
    monkeypatch.setattr("leadline.cli.worlds.render_all", lambda *_: pytest.fail("rendering had begun"))
    assert main(["demo", "--out", str(tmp_path / "demo"), "--image", str(make(tmp_path)), *extra]) == 2
    error = capsys.readouterr().err
    assert error.startswith("leadline demo: ") and error.count("\n") == 1 and words in error
    assert not (tmp_path / "demo").exists()


def test_demo__a_field_of_view_without_a_photo_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), "--fov-x-deg", "70"]) == 2
    assert "give one with --image" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
