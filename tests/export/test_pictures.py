"""Pictures that exports are tried on are what they say they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.export.calibration import FEWEST, calibration_cases
from leadline.export.pictures import Case, graph_inputs, photographs, rendered
from leadline.io.exported import Exported
from leadline.io.image import write_image
from leadline.types import DepthKind, UserError
from tests.fixtures.tiny_exportable import picture

ABOUT = Exported(model="m", kind=DepthKind.METRIC, height=32, width=64, needs_camera=True)


def _write(folder: Path, count: int, *, black: int = 0) -> Path:
    folder.mkdir()
    for i in range(count):
        image = picture(seed=i) * (i >= black)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def test_rendered__floor_has_the_depth_of_a_plane() -> None:
    case = rendered(3, views=1, height=48, width=64)
    assert case.depth is not None
    K, depth = case.K[0], case.depth[0]
    # Below the middle of the picture the floor, 1.5 m under the camera: depth = 1.5 fy / (y - cy), where no ball and no wall is.
    y = np.arange(48) + 0.5
    floor = 1.5 * K[1, 1] / (y[-1] - K[1, 2])
    assert np.isclose(depth[-1], floor, rtol=1e-5).mean() > 0.2
    assert depth.max() <= floor + 12 and depth.min() > 0.5
    assert case.images.std() > 20
    again = rendered(3, views=1, height=48, width=64)
    assert np.array_equal(case.images, again.images) and np.array_equal(depth, (again.depth or [None])[0])


def test_graph_inputs__camera_follows_the_resize() -> None:
    case = Case("one", picture(64, 128)[None], np.array([[[100.0, 0, 64], [0, 100, 32], [0, 0, 1]]]))
    inputs = graph_inputs(ABOUT, [case, case])
    assert inputs["image"].shape == (2, 3, 32, 64) and inputs["image"].dtype == np.float32
    np.testing.assert_allclose(inputs["K"][1], [[50, 0, 32], [0, 50, 16], [0, 0, 1]])


def test_photographs__keep_their_shape(tmp_path: Path) -> None:
    folder = _write(tmp_path / "photos", 3)
    cases = photographs(folder, views=1, height=32, width=32, most=2)
    assert [case.images.shape for case in cases] == [(1, 32, 32, 3)] * 2


def test_photographs__are_spread_over_the_folder_and_leave_out_other_layers(tmp_path: Path) -> None:
    for i in range(10):
        write_image(tmp_path / f"{i}" / "rgb.png", np.full((8, 8, 3), 20 * i, dtype=np.uint8))
        write_image(tmp_path / f"{i}" / "depth.png", np.zeros((8, 8, 3), dtype=np.uint8))
    (tmp_path / "dataset.json").write_text("{}")
    cases = photographs(tmp_path, views=1, height=8, width=8, most=5)
    assert [int(case.images.max()) for case in cases] == [0, 40, 80, 120, 160]


def test_calibration__too_few(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"holds 2 pictures; int8 needs at least {FEWEST}"):
        calibration_cases(_write(tmp_path / "few", 2), ABOUT)


def test_calibration__all_black(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all of its 9 pictures are black"):
        calibration_cases(_write(tmp_path / "black", 9, black=9), ABOUT)


def test_calibration__mostly_black(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="5 of its 10 pictures are black"):
        calibration_cases(_write(tmp_path / "dark", 10, black=5), ABOUT)


def test_calibration__unreadable(tmp_path: Path) -> None:
    folder = _write(tmp_path / "broken", 9)
    (folder / "03.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"03\.png: is not an image"):
        calibration_cases(folder, ABOUT)


def test_calibration__no_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        calibration_cases(tmp_path / "nowhere", ABOUT)
    (tmp_path / "world.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"is a file, not a folder; .*archives are unpacked first"):
        calibration_cases(tmp_path / "world.zip", ABOUT)
