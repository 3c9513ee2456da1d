"""`leadline predict` on real recordings: KITTI, NYU and Middlebury from their folders to depth files, with their own cameras."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.depth import read_depth
from leadline.io.image import image_size
from leadline.io.rig import write_rig

IMAGES = {
    "kitti": "2011_09_26/2011_09_26_drive_0023_sync/image_02/data",
    "nyu": "rgb",
    "middlebury": "Motorcycle/im0.png",
}
"""What a user points at: two folders and a file."""


def _camera(samples: Path, name: str) -> Camera:
    """The camera of the first image, as the reader of the data set knows it."""
    dataset = open_dataset(f"{name}:{samples / name}")
    record = dataset.records[0]
    return dataset.view(record, record.cameras[0], frozenset()).camera


def _option(K: np.ndarray) -> str:
    return f"{K[0, 0]},{K[1, 1]},{K[0, 2]},{K[1, 2]}"


def _records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(out.rglob("*.provenance.json"))]


@pytest.mark.parametrize("name", IMAGES)
def test_predict__a_recording_with_its_own_camera(tiny_model: Path, samples: Path, tmp_path: Path, name: str, one_thread: None) -> None:
    source, out = samples / name / IMAGES[name], tmp_path / "out"
    K = _camera(samples, name).K
    arguments = ["predict", str(tiny_model), str(source), "--out", str(out), "--format", "png16,npz,color"]
    assert main([*arguments, "--K", _option(K)]) == 0
    images = [source] if source.is_file() else sorted(source.iterdir())
    records = _records(out)
    assert [record["input"] for record in records] == [str(path) for path in images]
    for image, record in zip(images, records, strict=True):
        assert (record["kind"], record["unit"], record["scale_source"]) == ("metric", "m", "training")
        assert (record["licence"], record["notes"]) == ("Apache-2.0", [])
        np.testing.assert_allclose(record["K_used"], K, rtol=1e-9)
        assert all((out / file).exists() for file in record["files"])
        values = read_depth(out / f"{image.stem}.npz")
        assert values.values.shape == image_size(image) == image_size(out / f"{image.stem}.color.png")
        np.testing.assert_allclose(values.K, K, rtol=1e-6)
        np.testing.assert_allclose(read_depth(out / f"{image.stem}.png").values, values.values, atol=1 / 500)


def test_predict__a_recording_without_a_camera_says_what_was_assumed(
    tiny_model: Path, samples: Path, tmp_path: Path, one_thread: None
) -> None:
    image = sorted((samples / "nyu" / IMAGES["nyu"]).iterdir())[0]
    command = ["predict", str(tiny_model), str(image), "--format", "npz"]
    assert main([*command, "--out", str(tmp_path / "assumed")]) == 0
    (record,) = _records(tmp_path / "assumed")
    assert "60 degrees was assumed" in record["notes"][0]
    np.testing.assert_allclose(record["K_used"], Camera.from_fov(60, width=640, height=480).K)
    assert main([*command, "--out", str(tmp_path / "known"), "--K", _option(_camera(samples, "nyu").K)]) == 0
    assumed, known = (read_depth(tmp_path / folder / f"{image.stem}.npz").values for folder in ("assumed", "known"))
    ratio = _camera(samples, "nyu").K[0, 0] / record["K_used"][0][0]
    np.testing.assert_allclose(known, ratio * assumed, rtol=1e-4)


def test_predict__the_camera_of_another_recording_is_refused(
    tiny_model: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = sorted((samples / "nyu" / IMAGES["nyu"]).iterdir())[0]
    kitti = _option(_camera(samples, "kitti").K)
    assert main(["predict", str(tiny_model), str(image), "--out", str(tmp_path / "out"), "--K", kitti]) == 2
    assert f"{image}: K has its principal point at" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_predict__a_rig_file_brings_the_camera(tiny_model: Path, samples: Path, tmp_path: Path, one_thread: None) -> None:
    """Middlebury's left camera as a rig of one, whose image lies in the scene's folder under the camera's name."""
    camera = _camera(samples, "middlebury")
    rig = tmp_path / "rig.json"
    write_rig(rig, Rig((Camera(K=camera.K, width=camera.width, height=camera.height, name="im0", rig_from_cam=np.eye(4)),)))
    scene = samples / "middlebury" / "Motorcycle"
    assert main(["predict", str(tiny_model), str(scene), "--rig", str(rig), "--out", str(tmp_path / "out"), "--format", "npz"]) == 0
    (record,) = _records(tmp_path / "out")
    assert record["rig"] == str(rig)
    np.testing.assert_allclose(record["K_used"], camera.K, rtol=1e-9)
    assert read_depth(tmp_path / "out" / "im0.npz").values.shape == (497, 741)
