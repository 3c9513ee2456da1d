"""The own vehicle: the masks are where the pictures show it, on disk, through the reader and through an archive."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.geometry.rig import Rig
from leadline.io.image import read_image, read_labels, read_mask
from leadline.io.npzfile import read_npz_array
from leadline.io.rig import read_rig
from leadline.scenes import ego, streets
from leadline.scenes.pack import pack
from leadline.scenes.produce import produce

HEIGHT, WIDTH = 48, 80
CAMERAS = ("CAM_FRONT", "CAM_BACK", "CAM_BACK_LEFT")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    whole = read_rig("nuscenes6")
    rig = Rig(tuple(camera for camera in whole.cameras if camera.name in CAMERAS), lidar=whole.lidar)
    out = tmp_path_factory.mktemp("streets")
    return produce("streets", out, scenes=1, frames=2, height=HEIGHT, width=WIDTH, seed=8, rig=rig, spp=1, workers=1, variant="scalar")


@pytest.mark.parametrize("name", ["nuscenes6", "ddad6"])
def test_usable__some_cameras_of_built_in_rigs_see_some_of_their_vehicle_below(name: str) -> None:
    rig = streets.fitted_rig(read_rig(name), height=96, width=160)
    body = ego.make_body(rig)[0][0]
    hidden = {camera.name: ego.usable(camera, body) for camera in rig.cameras}
    assert 2 <= sum(usable is not None for usable in hidden.values()) < len(hidden)
    for usable in hidden.values():
        if usable is not None:
            assert 0.01 < (~usable).mean() < 0.2
            assert usable[:50].all()  # never above the middle
            assert not usable[-1].all()


def test_usable__is_the_body_and_a_border_of_one_pixel(rendered: Path) -> None:
    """Against the instance layer, which comes from the renderer."""
    for frame in sorted(rendered.glob("scene_*/frame_*")):
        for name in CAMERAS:
            instance = read_labels(frame / name / "instance.png")
            path = rendered / "masks" / f"{name}.png"
            usable = read_mask(path) if path.exists() else np.ones(instance.shape, dtype=bool)
            body = instance == instance.max() if not usable.all() else np.zeros_like(usable)  # the last thing
            assert not (body & usable).any()
            padded = np.pad(body, 1)
            wide = np.any([padded[i : i + HEIGHT, j : j + WIDTH] for i in range(3) for j in range(3)], axis=0)
            np.testing.assert_array_equal(~usable, wide)
            if body.any():
                assert read_image(frame / name / "rgb.png")[body].mean() < 90  # a dark body


def test_reader__gives_masks_that_agree_with_files_and_depth(rendered: Path, tmp_path: Path) -> None:
    about = json.loads((rendered / "rig.json").read_text())
    assert {camera["name"]: camera["mask"] for camera in about["cameras"]} == {
        "CAM_FRONT": "masks/CAM_FRONT.png",
        "CAM_BACK": "masks/CAM_BACK.png",
        "CAM_BACK_LEFT": None,
    }
    assert [camera.width for camera in read_rig(rendered / "rig.json").cameras] == [WIDTH] * 3
    pack(rendered, tmp_path / "packed.zip", layers=("lidar",), workers=1)
    for root in (rendered, tmp_path / "packed.zip"):
        dataset = open_dataset(f"rendered:{root}")
        assert "usable" in dataset.layers
        for record in dataset.records:
            for name in record.cameras:
                view = dataset.view(record, name, frozenset({"usable", "depth"}))
                assert (view.usable is None) == (name == "CAM_BACK_LEFT")
                if view.usable is not None and view.depth is not None:
                    np.testing.assert_array_equal(view.usable, read_mask(rendered / "masks" / f"{name}.png"))
                    assert (view.depth[~view.usable] == 0).all() and not view.usable.all()


def test_reader__uses_the_pose_of_each_sensor(rendered: Path, tmp_path: Path) -> None:
    """Points of the sweep fall on the surface that the camera saw 18 ms later; with the camera's own pose they would not as well."""
    pack(rendered, tmp_path / "packed.zip", layers=("lidar",), workers=1)
    scan = rendered / "scene_000008/frame_0001/lidar.npz"
    assert float(read_npz_array(scan, "sweep_time_s", what="scan")) == pytest.approx(0.1 - 0.018)
    meta = json.loads((rendered / "scene_000008/frame_0001/CAM_FRONT/meta.json").read_text())
    assert meta["time_s"] == pytest.approx(0.1) and meta["conditions"]["light"] == "dusk"
    for root in (rendered, tmp_path / "packed.zip"):
        dense, sparse = open_dataset(f"rendered:{root}"), open_dataset(f"rendered:{root}", depth_source="lidar")
        record = dense.records[1]
        depth = dense.view(record, "CAM_FRONT", frozenset({"depth"})).depth
        points = sparse.view(record, "CAM_FRONT", frozenset({"depth"})).depth
        assert depth is not None and points is not None
        both = (points > 0) & (depth > 0)
        assert both.sum() > 20
        assert np.median(np.abs(points - depth)[both] / depth[both]) < 0.03


def test_meta__tells_haze(rendered: Path) -> None:
    meta = json.loads((rendered / "scene_000008/frame_0000/CAM_FRONT/meta.json").read_text())
    assert meta["conditions"]["hazy"] and 0.005 < meta["haze"]["beta_per_m"] < 0.05 and len(meta["haze"]["airlight"]) == 3
