"""`leadline predict --rig`: six maps, one cloud and one page for each moment, also with cameras that are dead."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.io.pointcloud import read_points
from leadline.io.rig import read_rig
from tests.fixtures import bad_files

HEIGHT, WIDTH = 36, 64


@pytest.fixture
def moment(tmp_path: Path) -> Path:
    """Six tiny pictures of the rig nuscenes6."""
    (tmp_path / "moment").mkdir()
    for i, name in enumerate(read_rig("nuscenes6").names):
        Image.fromarray(np.roll(bad_files.photo(HEIGHT, WIDTH), 5 * i, axis=1)).save(tmp_path / "moment" / f"{name}.png")
    return tmp_path / "moment"


def _predict(model: Path, *folders: Path, out: Path, extra: tuple[str, ...] = ()) -> int:
    return main(["predict", str(model), *map(str, folders), "--rig", "nuscenes6", "--out", str(out), "--format", "npz", *extra])


def _damage(moment: Path) -> None:
    """One camera without a picture, one whose picture is broken."""
    (moment / "CAM_BACK.png").unlink()
    broken = moment / "CAM_FRONT_RIGHT.png"
    broken.write_bytes(broken.read_bytes()[:100])


def test_predict_rig__gives_six_maps_and_one_cloud_in_the_vehicle_frame(tiny_model: Path, moment: Path, tmp_path: Path) -> None:
    rig = read_rig("nuscenes6")
    assert _predict(tiny_model, moment, out=tmp_path / "out", extra=("--format", "npz,ply,glb")) == 0
    assert sorted(p.stem for p in (tmp_path / "out").glob("*.npz")) == sorted(rig.names)
    fused, _ = read_points(tmp_path / "out" / "points.ply", frame="vehicle")
    assert len(fused) == 6 * HEIGHT * WIDTH
    front, _ = read_points(tmp_path / "out" / "CAM_FRONT.ply")
    pose = rig.cameras[0].rig_from_cam
    assert pose is not None and rig.cameras[0].name == "CAM_FRONT"
    assert np.allclose(fused[: len(front)], front @ pose[:3, :3].T + pose[:3, 3], atol=1e-3)
    glb, _ = read_points(tmp_path / "out" / "points.glb", frame="vehicle")
    assert np.allclose(glb, fused, atol=1e-3)


def test_predict_rig__a_dead_camera_refuses_its_moment(
    tiny_model: Path, moment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _damage(moment)
    assert _predict(tiny_model, moment, out=tmp_path / "out") == 2
    assert "holds 0 images for camera CAM_BACK; put exactly one there" in capsys.readouterr().err
    Image.fromarray(bad_files.photo(HEIGHT, WIDTH)).save(moment / "CAM_BACK.png")
    assert _predict(tiny_model, moment, out=tmp_path / "out") == 2
    assert "CAM_FRONT_RIGHT.png: " in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.npz"))


def test_predict_rig__a_dead_camera_is_left_out_by_choice_named_and_counted(
    tiny_model: Path, moment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _damage(moment)
    out, extra = tmp_path / "out", ("--missing", "skip", "--format", "npz,ply", "--report")
    assert _predict(tiny_model, moment, out=out, extra=extra) == 0
    there = {"CAM_FRONT", "CAM_FRONT_LEFT", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"}
    assert {p.stem for p in out.glob("*.npz")} == there
    assert len(read_points(out / "points.ply", frame="vehicle")[0]) == 4 * HEIGHT * WIDTH
    record = json.loads((out / "CAM_FRONT.provenance.json").read_text())
    assert set(record["cameras"]) == there and set(record["missing"]) == {"CAM_BACK", "CAM_FRONT_RIGHT"}
    lines = capsys.readouterr().err.splitlines()
    assert sum("; predicted without CAM_BACK" in line for line in lines) == 1
    assert sum("CAM_FRONT_RIGHT.png: " in line and line.endswith("; predicted without CAM_FRONT_RIGHT") for line in lines) == 1
    assert "1 of 1 moments lack a camera (2 left out in all)" in lines and "1 done, 0 bad" in lines[-1]
    page = (out / "report.html").read_text()
    assert "4 of 6 cameras" in page and "CAM_BACK: missing" in page and "Without CAM_BACK, CAM_FRONT_RIGHT" in page
    before = (out / "CAM_FRONT.npz").stat().st_mtime_ns
    assert _predict(tiny_model, moment, out=out, extra=extra) == 0
    assert (out / "CAM_FRONT.npz").stat().st_mtime_ns == before, "what is finished is not predicted again"
    for name in ("CAM_BACK", "CAM_FRONT_RIGHT"):
        Image.fromarray(bad_files.photo(HEIGHT, WIDTH)).save(moment / f"{name}.png")
    assert _predict(tiny_model, moment, out=out, extra=extra) == 0
    assert len(list(out.glob("*.npz"))) == 6 and "6 of 6 cameras" in (out / "report.html").read_text()


def test_predict_rig__a_moment_without_any_picture_is_bad_and_the_others_are_finished(
    tiny_model: Path, moment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = tmp_path / "dead"
    dead.mkdir()
    for path in moment.iterdir():
        (dead / path.name).write_bytes(b"")
    assert _predict(tiny_model, dead, moment, out=tmp_path / "out", extra=("--missing", "skip")) == 2
    error = capsys.readouterr().err
    assert f"{dead}: holds no readable image of CAM_FRONT" in error and "1 done, 1 bad" in error
    assert len(list((tmp_path / "out" / "moment").glob("*.npz"))) == 6


def test_report__stands_alone_and_shows_the_ring_from_above_and_where_cameras_disagree(
    tiny_model: Path, moment: Path, tmp_path: Path
) -> None:
    assert _predict(tiny_model, moment, out=tmp_path / "out", extra=("--report",)) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert not re.search(r"https?://", page)
    names = re.findall(r"<span>(\w+)</span>", page)
    assert names == ["CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT", "CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT"]
    sizes = [_png_size(picture) for picture in re.findall(r"base64,([^\"]+)\"", page)]
    assert sizes[:12] == [(WIDTH, HEIGHT)] * 12 and len(sizes) == 12 + 1 + 2, "six images, six maps, the colours, two views from above"
    assert "CAM_FRONT and CAM_FRONT_LEFT" in page and "mean of the pairs" in page and "showCloud(document" in page
    (tmp_path / "out" / "report.html").unlink()
    assert _predict(tiny_model, moment, out=tmp_path / "out", extra=("--report",)) == 0
    assert (tmp_path / "out" / "report.html").exists()


def _png_size(base64_text: str) -> tuple[int, int]:
    header = base64.b64decode(base64_text[:44])
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_report__of_a_relative_model_says_what_it_has_not(tiny_relative_model: Path, moment: Path, tmp_path: Path) -> None:
    assert _predict(tiny_relative_model, moment, out=tmp_path / "out", extra=("--report",)) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "affine_invariant_inverse values, which are no metres" in page and "showCloud(document" not in page
    assert "CAM_FRONT and CAM_FRONT_LEFT" not in page


@pytest.mark.parametrize("extra", [("--report",), ("--missing", "skip")])
def test_predict__options_of_a_rig_without_one(
    tiny_model: Path, moment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: tuple[str, ...]
) -> None:
    assert main(["predict", str(tiny_model), str(moment), "--out", str(tmp_path / "out"), *extra]) == 2
    assert f"{extra[0]}: is about the cameras of a rig, and there is none" in capsys.readouterr().err
