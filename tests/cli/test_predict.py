"""`leadline predict` as a person would use it: images, folders, globs, rigs, and everything that can be wrong with them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.io.depth import read_depth
from leadline.io.pointcloud import read_points
from leadline.types import DepthKind
from tests.fixtures import bad_files


def _photo(path: Path, height: int = 64, width: int = 96) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(bad_files.photo(height, width)).save(path)
    return path


def test_predict__one_image_in_every_format(tiny_model: Path, tmp_path: Path) -> None:
    photo, out = _photo(tmp_path / "photo.jpg"), tmp_path / "out"
    formats = "png16,npz,exr,npy,pfm,tiff,color,ply,glb"
    assert main(["predict", str(tiny_model), str(photo), "--out", str(out), "--fov-x-deg", "70", "--format", formats]) == 0
    reference = read_depth(out / "photo.npz")
    assert reference.kind is DepthKind.METRIC and reference.values.shape == (64, 96)
    for ending in (".png", ".exr", ".npy", ".pfm", ".tiff"):
        assert np.allclose(read_depth(out / f"photo{ending}").values, reference.values, atol=1 / 500), ending
    points, _ = read_points(out / "photo.ply")
    assert len(points) == 64 * 96
    record = json.loads((out / "photo.provenance.json").read_text())
    assert record["kind"] == "metric" and record["unit"] == "m" and record["fov_x_deg"] == 70
    assert set(record["files"]) <= {p.name for p in out.iterdir()}


def test_predict__a_folder_keeps_its_shape_and_equal_stems_stay_apart(tiny_model: Path, tmp_path: Path) -> None:
    _photo(tmp_path / "in" / "a.jpg"), _photo(tmp_path / "in" / "a.png"), _photo(tmp_path / "in" / "deep" / "b.jpg", 80, 70)
    assert main(["predict", str(tiny_model), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", "npz"]) == 0
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.npz"))
    assert found == ["a_jpg.npz", "a_png.npz", "deep/b.npz"]
    assert read_depth(tmp_path / "out" / "deep" / "b.npz").values.shape == (80, 70)


@pytest.mark.parametrize("shape", [(32, 96), (33, 256), (256, 32)])
def test_predict__an_image_as_flat_as_they_may_be(tiny_model: Path, tmp_path: Path, shape: tuple[int, int]) -> None:
    """The coarsest map of a network for images 32 px high is one pixel high."""
    shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"input": {"height": 32, "width": 96}}))
    photo = _photo(tmp_path / "flat.png", *shape)
    assert main(["predict", str(tmp_path / "model"), str(photo), "--out", str(tmp_path / "out"), "--format", "npz"]) == 0
    assert read_depth(tmp_path / "out" / "flat.npz").values.shape == shape


def test_predict__a_glob(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("x1.jpg", "x2.jpg", "y.jpg"):
        _photo(tmp_path / "in" / name)
    assert main(["predict", str(tiny_model), str(tmp_path / "in" / "x*.jpg"), "--out", str(tmp_path / "out"), "--format", "npz"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").glob("*.npz")) == ["x1.npz", "x2.npz"]


def test_predict__batched_equals_single(tiny_model: Path, tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(np.roll(bad_files.photo(64, 96), 7 * i, axis=1)).save(tmp_path / f"{i}.png")
    inputs = [str(tmp_path / f"{i}.png") for i in range(3)]
    assert main(["predict", str(tiny_model), *inputs, "--out", str(tmp_path / "three"), "--format", "npz", "--batch", "3"]) == 0
    assert main(["predict", str(tiny_model), *inputs, "--out", str(tmp_path / "one"), "--format", "npz", "--batch", "1"]) == 0
    for i in range(3):
        together, alone = (read_depth(tmp_path / folder / f"{i}.npz").values for folder in ("three", "one"))
        assert np.allclose(together, alone, rtol=1e-5)


def test_predict__resumes_and_redoes_what_changed(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _photo(tmp_path / "in" / "a.jpg"), _photo(tmp_path / "in" / "b.jpg")
    command = ["predict", str(tiny_model), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", "npz"]
    assert main(command) == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.npz")}
    assert main(command) == 0
    assert "2 of 2 are finished" in capsys.readouterr().err
    _photo(tmp_path / "in" / "b.jpg", 96, 96)
    assert main(command) == 0
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.npz")}
    assert [p.name for p in after if after[p] != before[p]] == ["b.npz"]
    (tmp_path / "out" / "a.npz").unlink()
    assert main(command) == 0
    assert (tmp_path / "out" / "a.npz").exists()


def test_predict__mixed_folder_finishes_the_good_and_names_each_bad(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    _, bad = bad_files.mixed_folder(tmp_path / "in")
    bad += [bad_files.single_pixel_png(tmp_path / "in"), bad_files.strip_png(tmp_path / "in")]
    good = [p for p in (tmp_path / "in").iterdir() if p not in bad and p.suffix != ".gif"]
    assert main(["predict", str(tiny_model), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", "npz"]) == 2
    assert len(list((tmp_path / "out").glob("*.npz"))) == len(good)
    lines = capsys.readouterr().err.splitlines()
    for path in bad:
        assert sum(str(path) in line for line in lines) == 1, path.name


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--format", "jpeg"], "is not a format"),
        (["--K", "500,500,320"], "is not four numbers"),
        (["--K", "0,500,48,32"], "focal length"),
        (["--K", "500,500,320,240"], "principal point"),
        (["--K", "80,80,48,32", "--fov-x-deg", "60"], "give one of them"),
        (["--fov-x-deg", "190"], "field of view"),
        (["--rig", "nuscenes7"], "nuscenes6"),
    ],
)
def test_predict__wrong_options(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], words: str) -> None:
    photo = _photo(tmp_path / "photo.jpg")
    assert main(["predict", str(tiny_model), str(photo), "--out", str(tmp_path / "out"), *extra]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not list((tmp_path / "out").glob("photo*"))


def test_predict__relative_model_refuses_points_before_the_work(
    tiny_relative_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = _photo(tmp_path / "photo.jpg")
    assert main(["predict", str(tiny_relative_model), str(photo), "--out", str(tmp_path / "out"), "--format", "npz,ply"]) == 2
    assert "affine_invariant_inverse" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_predict__an_input_that_is_not_there(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = _photo(tmp_path / "photo.jpg")
    assert main(["predict", str(tiny_model), "nowhere.jpg", str(good), "--out", str(tmp_path / "out"), "--format", "npz"]) == 2
    error = capsys.readouterr().err
    assert "nowhere.jpg: no image was found" in error and "1 done, 1 bad" in error
    assert (tmp_path / "out" / "photo.npz").exists()


def test_predict__out_is_a_file(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = _photo(tmp_path / "photo.jpg")
    assert main(["predict", str(tiny_model), str(photo), "--out", str(photo)]) == 2
    assert str(photo) in capsys.readouterr().err


def test_predict__a_full_or_read_only_disk_is_one_line_and_leaves_nothing_half_written(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = _photo(tmp_path / "photo.jpg")
    for read_only in (False, True):
        place = tmp_path / str(read_only)
        place.mkdir()
        with bad_files.small_disk(place, read_only=read_only) as disk:
            assert main(["predict", str(tiny_model), str(photo), "--out", str(disk / "out"), "--format", "npz"]) == 2
            assert not list(disk.rglob("*.npz"))
            assert not list(disk.rglob("*.provenance.json"))
    assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline predict:")]) == 2


def test_predict__imports_no_training_engine(tiny_model: Path, tmp_path: Path) -> None:
    photo = _photo(tmp_path / "photo.jpg")
    arguments = ["predict", str(tiny_model), str(photo), "--out", str(tmp_path / "out")]
    code = (
        f"import sys; from leadline.cli.main import main; main({arguments!r}); print('lightning' in sys.modules, 'mitsuba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False False"


def test_predict__ctrl_c_keeps_what_is_finished_and_goes_on_later(tiny_model: Path, tmp_path: Path) -> None:
    for i in range(300):
        _photo(tmp_path / "in" / f"{i:03}.jpg", 96, 128)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "leadline", "predict", str(tiny_model), str(tmp_path / "in"), "--out", str(out), "--format", "npz"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--batch", "1"], stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    # A file that is being written has a name with a dot in front, which "*" would match.
    while len(list(out.glob("[0-9]*.npz"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    finished = sorted(p.name for p in out.glob("[0-9]*.npz"))
    assert 3 <= len(finished) < 300
    for name in finished:
        read_depth(out / name)
    assert all(p.suffix in (".npz", ".json") for p in out.iterdir()), "no temporary file is left"
