"""Middlebury: a made-up scene whose depth is a division done by hand, and the real Motorcycle."""

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.datasets.middlebury import Middlebury
from leadline.geometry.pose import invert
from leadline.types import UserError

DEPTH = frozenset({"depth", "usable", "cam_from_world"})


@pytest.fixture
def root(tmp_path, tiny):
    tiny.write_middlebury(tmp_path / "middlebury")
    return tmp_path / "middlebury"


def test_view__depth_uses_doffs(root):
    dataset = Middlebury(root)
    view = dataset.view(dataset.records[0], "im0", DEPTH)
    assert view.depth is not None and view.usable is not None
    np.testing.assert_allclose(view.depth[1:], 100 * 0.250 / (40 + 10))
    assert (view.depth[0] == 0).all() and not view.usable[0].any() and view.usable[1:].all()
    np.testing.assert_allclose(view.camera.K[:2, 2], [20.5, 15.5])
    strict = Middlebury(root, occluded=False)
    usable = strict.view(strict.records[0], "im0", DEPTH).usable
    assert usable is not None and not usable[1:, 0].any() and usable[1:, 1:].all()


def test_view__a_point_moves_by_its_disparity(root, tiny):
    """Left pixel, depth, poses and both K give x_right = x_left - disparity."""
    dataset = Middlebury(root)
    left, right = (dataset.view(dataset.moments[0], camera, frozenset({"cam_from_world"})) for camera in ("im0", "im1"))
    point = np.linalg.solve(left.camera.K, [30.5, 12.5, 1.0]) * 0.5
    right_from_left = right.cam_from_world @ invert(left.cam_from_world)
    uvw = right.camera.K @ (right_from_left @ np.append(point, 1.0))[:3]
    np.testing.assert_allclose(uvw[:2] / uvw[2], [30.5 - tiny.MIDDLEBURY_DISPARITY_PX, 12.5])


def test_records__only_cameras_with_truth(root):
    dataset = open_dataset(f"middlebury:{root}")
    assert [(r.sequence, r.cameras) for r in dataset.records] == [("Bench", ("im0",))]
    assert dataset.moments[0].cameras == ("im0", "im1")
    with pytest.raises(UserError, match=r"disp1.pfm: does not exist"):
        dataset.view(dataset.moments[0], "im1", DEPTH)
    assert [r.sequence for r in open_dataset(f"middlebury:{root / 'Bench'}").records] == ["Bench"]


def test_open__says_what_is_missing(root, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match=r"holds no scene; middlebury needs SCENE/\{im0.png"):
        Middlebury(empty)
    (root / "scenes.txt").write_text("Bench\nPiano\n")
    with pytest.raises(UserError, match=r"1 of its 2 lines are not in .*'Piano'"):
        Middlebury(root, split="scenes.txt")
    (root / "Bench/disp0GT.pfm").unlink()
    with pytest.raises(UserError, match="has no ground truth"):
        Middlebury(root)


def test_view__broken_files_are_named(root):
    dataset = Middlebury(root)
    pfm = root / "Bench/disp0GT.pfm"
    pfm.write_bytes(pfm.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"disp0GT.pfm"):
        dataset.view(dataset.records[0], "im0", DEPTH)
    (root / "Bench/calib.txt").write_text("cam0=[1 0 0; 0 1 0; 0 0 1]\n")
    with pytest.raises(UserError, match=r"calib.txt: is not a Middlebury calibration"):
        Middlebury(root).view(dataset.records[0], "im0", frozenset())


def test_samples__figures_of_the_readme(samples):
    dataset = open_dataset(f"middlebury:{samples}/middlebury")
    view = dataset.view(dataset.records[0], "im0", DEPTH)
    assert view.depth is not None and view.usable is not None
    known = view.depth[view.depth > 0]
    assert known.size == 360593
    np.testing.assert_allclose([known.min(), known.max(), np.median(known)], [2.02, 4.60, 2.64], atol=0.005)
    strict = Middlebury(samples / "middlebury", occluded=False)
    usable = strict.view(strict.records[0], "im0", DEPTH).usable
    assert usable is not None and usable.sum() == 319078
