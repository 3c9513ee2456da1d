"""Exported files in the verbs: `leadline predict` and `leadline live`, without torch, and what goes wrong there."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from leadline.cli import live_sheet
from leadline.cli.main import main
from leadline.io.depth import read_depth
from leadline.io.image import read_image, write_image
from leadline.io.rig import write_rig
from leadline.viewer.sheet import BETWEEN_PX
from tests.fixtures import bad_files
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_foreign, write_onnx
from tests.runtime.test_live import level, moments
from tests.runtime.test_model import grey, ring
from tests.runtime.test_session import BLOCKED


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "net.onnx", with_camera(dynamic=("batch",)))


def test_predict__an_exported_file_needs_no_torch(exported: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", grey(HEIGHT, WIDTH))
    arguments = ["predict", str(exported), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--fov-x-deg", "90"]
    code = (
        BLOCKED.format(blocked=["torch", "transformers", "lightning"])
        + f"from leadline.cli.main import main; sys.exit(main({arguments!r}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(read_depth(tmp_path / "out" / "a.png").values, 1.2 * 0.48, atol=0.003)
    said = json.loads((tmp_path / "out" / "a.provenance.json").read_text())
    assert (said["model"], said["licence"]) == ("hand", "Apache-2.0")


def test_predict__files_that_leadline_has_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_foreign(tmp_path / "net.onnx", [1, 3, "h", "w"]))
    write_image(tmp_path / "a.png", grey(HEIGHT, WIDTH))
    command = ["predict", path, str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--format", "npz"]
    kind = ["--kind", "affine_invariant_inverse"]
    for extra, words in (
        ([], "several sizes"),
        (["--option", "size=64x96"], "does not say what its values are; say --kind"),
        ([*kind, "--option", "size=large"], "'large' is no size"),
        ([*kind, "--option", "colour=red"], "has no option colour"),
        ([*kind, "--option", "mean=1,2"], "is not three numbers"),
        ([*kind, "--option", "std=0,1,1"], "divides by zero"),
    ):
        assert main([*command, *extra]) == 2
        assert words in capsys.readouterr().err
    assert main([*command, *kind, "--option", "size=64x96", "mean=0,0,0", "std=1,1,1"]) == 0
    np.testing.assert_allclose(read_depth(tmp_path / "out" / "a.npz").values, 0.2, rtol=1e-4)


def test_predict__another_file_of_the_same_weights_predicts_again(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "a.png", grey(HEIGHT, WIDTH))
    for path, done in ((exported, ""), (exported, "1 of 1 are finished"), (write_onnx(exported, with_camera(licence="MIT")), "")):
        assert main(["predict", str(path), str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--format", "npz"]) == 0
        assert done in capsys.readouterr().err


def test_live__a_rig_whose_camera_stops(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = ring()
    write_rig(tmp_path / "rig.json", rig)
    source = moments(tmp_path / "in", rig, 6, without={"cam2": range(2, 6)})
    out = tmp_path / "out"
    command = ["live", str(exported), str(source), "--rig", str(tmp_path / "rig.json"), "--threads", "1"]
    assert main([*command, "--out", str(out), "--json", str(tmp_path / "live.json")]) == 0
    printed = capsys.readouterr().out
    assert "p99" in printed and "6 moments in" in printed and "late pictures: wait" in printed
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png") if path.parent.name == "cam2") == [
        "cam2/000000.png",
        "cam2/000001.png",
    ]
    depth = read_depth(out / "cam1" / "000005.png")
    assert level(float(depth.values.mean()), rig.cameras[1].K[0, 0]) == pytest.approx(51, abs=0.6)
    np.testing.assert_allclose(depth.K, rig.cameras[1].K)
    said = json.loads((tmp_path / "live.json").read_text())
    assert said["cameras"]["cam2"] == {"done": 2, "missing": 4, "dropped": 0, "stopped": "gave its last picture in moment 1 of 6"}
    assert said["memory_mb"]["largest"] > 10
    assert said["latency_ms"]["total"]["p99"] >= said["latency_ms"]["infer"]["p50"] > 0


def test_live__shows_every_camera_over_its_depth(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four cameras in rows of three; the one that stopped leaves its place empty."""
    monkeypatch.setattr(live_sheet, "EVERY_S", 0.0)
    rig = ring()
    write_rig(tmp_path / "rig.json", rig)
    source = moments(tmp_path / "in", rig, 3, without={"cam2": range(2, 3)})
    command = ["live", str(exported), str(source), "--rig", str(tmp_path / "rig.json"), "--show", str(tmp_path / "now.png")]
    assert main(command) == 0
    sheet = read_image(tmp_path / "now.png")
    height, width = 2 * 213 + BETWEEN_PX, 320 + BETWEEN_PX
    assert sheet.shape == (2 * height + BETWEEN_PX, 3 * width + BETWEEN_PX, 3)
    tiles = [sheet[row * height + 10 : (row + 1) * height - 10, c * width + 10 : (c + 1) * width - 10] for row in (0, 1) for c in range(3)]
    shown = dict(zip(rig.names, tiles, strict=False))
    assert {name: int(np.median(tile[:190])) for name, tile in shown.items() if name != "cam2"} == {"cam0": 20, "cam1": 21, "cam3": 23}
    assert shown["cam2"].std() == 0, "it was there in moment 0 and 1, not in the last"
    assert all(np.ptp(shown[name][220:].mean(axis=(0, 1))) > 50 for name in ("cam0", "cam1", "cam3")), "depth has a colour"


def test_live__a_full_or_read_only_disk_is_one_line_and_leaves_nothing_half_written(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0)
    for i in range(30):
        write_image(tmp_path / "in" / f"{i}.png", noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for read_only in (False, True):
        place = tmp_path / str(read_only)
        place.mkdir()
        with bad_files.small_disk(place, kilobytes=48, read_only=read_only) as disk:
            assert main(["live", str(exported), str(tmp_path / "in"), "--out", str(disk / "out")]) == 2
            for path in disk.rglob("*"):
                assert path.is_dir() or read_depth(path).values.shape == (HEIGHT, WIDTH)
    assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline live:")]) == 2


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ([], "no source was given"),
        (["in", "--K", "1,1,1,1", "--fov-x-deg", "60"], "--K: given together with --fov-x-deg"),
        (["in", "--rig", "nuscenes6", "--fov-x-deg", "60"], "states the cameras"),
        (["in", "--show", "now.gif"], "images are not written as '.gif'"),
        (["in", "--fps", "0"], "--fps: 0 is too small"),
        (["in", "--depth", "1"], "--depth: 1 is too few; give 2 or more"),
        (["in", "--precision", "bf16"], "export it with --precision bf16"),
        (["nowhere"], "nowhere: does not exist"),
        (["in", "0"], "--fps: is not given for a recording beside a camera"),
    ],
)
def test_live__wrong_options(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, extra: list[str], words: str
) -> None:
    write_image(tmp_path / "in" / "a.png", grey(HEIGHT, WIDTH))
    monkeypatch.chdir(tmp_path)
    assert main(["live", str(exported), *extra]) == 2
    assert words in capsys.readouterr().err


def test_live__a_network_in_torch(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None) -> None:
    for i in range(3):
        write_image(tmp_path / "in" / f"{i}.png", grey(64, 96))
    command = ["live", str(tiny_model), str(tmp_path / "in"), "--fov-x-deg", "70"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "3 moments" in capsys.readouterr().out
    assert read_depth(tmp_path / "out" / "000002.png").values.shape == (64, 96)
    assert main([*command, "--precision", "bf16"]) == 2
    assert "is no exported file, and runs in torch as it is" in capsys.readouterr().err


def test_live__a_network_of_rigs_needs_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "in" / "a.png", grey(HEIGHT, WIDTH))
    assert main(["live", str(write_onnx(tmp_path / "net.onnx", with_camera(views=4))), str(tmp_path / "in")]) == 2
    assert "hand: looks at all cameras of a rig together; give --rig" in capsys.readouterr().err


def test_live__ctrl_c_says_how_it_went(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", grey(HEIGHT, WIDTH))
    out = tmp_path / "out"
    path = write_onnx(tmp_path / "net.onnx", PLAIN)
    command = [sys.executable, "-m", "leadline", "live", str(path), str(tmp_path / "in"), "--out", str(out), "--seconds", "600"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--fps", "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while len(list(out.glob("[0-9]*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error and "p99" in printed
    assert not list(out.glob(".leadline-*"))
