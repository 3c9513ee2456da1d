"""Booster, ETH3D, DIODE, DA-2K and HRWSI: units, classes, pairs, unknown pixels, splits."""

import json

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.dataset import PointPair
from leadline.data.datasets.booster import Booster
from leadline.data.datasets.da2k import Da2k
from leadline.data.datasets.diode import Diode
from leadline.data.datasets.eth3d import Eth3d
from leadline.data.datasets.hrwsi import Hrwsi
from leadline.types import UserError


def test_booster__disparity_classes_and_integer_centres(still, tmp_path):
    still.write_booster(tmp_path)
    dataset = Booster(tmp_path)
    assert [r.frame for r in dataset.records] == [0, 1] and dataset.layers == {"depth", "classes"}
    view = dataset.view(dataset.records[1], "camera_00", dataset.layers)
    assert view.depth is not None and view.classes is not None
    assert (view.depth[:2] == 0).all()
    np.testing.assert_allclose(view.depth[2:, :24], 60 * 0.080 / 4)
    np.testing.assert_allclose(view.depth[2:, 24:], 60 * 0.080 / 8)
    assert set(np.unique(view.classes[:20])) == {0} and set(np.unique(view.classes[20:])) == {3}
    np.testing.assert_allclose(view.camera.K, [[60, 0, 24], [0, 60, 18], [0, 0, 1]])


@pytest.mark.parametrize("folder", ["train/balanced", "train", "train/balanced/Bathroom"])
def test_booster__any_folder_of_it_may_be_given(folder, still, tmp_path):
    still.write_booster(tmp_path)
    assert len(open_dataset(f"booster:{tmp_path / folder}").records) == 2
    (tmp_path / "train/balanced/Bathroom/mask_cat.png").unlink()
    assert open_dataset(f"booster:{tmp_path}").layers == {"depth"}


@pytest.mark.parametrize("baseline", ["<baselineLR>0</baselineLR>", "<baselineLR>.Nan</baselineLR>", ""])
def test_booster__a_calibration_without_a_baseline_is_refused(baseline, still, tmp_path):
    still.write_booster(tmp_path)
    path = tmp_path / "train/balanced/Bathroom/calib_00-02.xml"
    path.write_text(path.read_text().replace(f"<baselineLR>{still.BOOSTER_BASELINE_MM}</baselineLR>", baseline))
    dataset = Booster(tmp_path)
    with pytest.raises(UserError, match=r"calib_00-02.xml: (is no Booster calibration|holds NaN, infinity or no baseline)"):
        dataset.view(dataset.records[0], "camera_00", frozenset())


def test_eth3d__raw_floats_and_two_camera_models(moving, tmp_path):
    moving.write_eth3d(tmp_path)
    dataset = Eth3d(tmp_path)
    views = [dataset.view(record, "dslr", dataset.layers) for record in dataset.records]
    assert views[0].depth is not None and (views[0].depth[: moving.HOLE_ROWS] == 0).all()
    np.testing.assert_allclose(views[0].depth[moving.HOLE_ROWS :], 4.0, rtol=1e-6)
    # COLMAP puts the first pixel's centre at (0.5, 0.5): nothing moves.
    np.testing.assert_allclose(views[0].camera.K, [[90, 0, 47], [0, 91, 33], [0, 0, 1]])
    np.testing.assert_allclose(views[1].camera.K, [[88, 0, 48], [0, 88, 32], [0, 0, 1]])
    assert views[1].path.name == "DSC_0287.JPG"


def test_eth3d__a_photo_that_the_calibration_does_not_know(moving, tmp_path):
    moving.write_eth3d(tmp_path)
    path = tmp_path / "courtyard/images/dslr_images/DSC_0287.JPG"
    path.rename(path.with_name("DSC_0400.JPG"))
    dataset = Eth3d(tmp_path)
    with pytest.raises(UserError, match=r"images.txt: does not list DSC_0400.JPG"):
        dataset.view(dataset.records[1], "dslr", frozenset())


def test_diode__the_mask_decides_and_fx_is_not_fy(still, tmp_path):
    still.write_diode(tmp_path)
    dataset = Diode(tmp_path)
    view = dataset.view(dataset.records[0], "scanner", dataset.layers)
    assert view.depth is not None and (view.depth[:9] == 0).all() and view.depth[10, 10] == view.depth[11, 11] == 0
    assert (view.depth > 0).sum() == 1024 * (768 - 9) - 2 and view.depth.max() == 2.5
    np.testing.assert_allclose(view.camera.K, [[886.81, 0, 512], [0, 927.06, 384], [0, 0, 1]])


@pytest.mark.parametrize(
    ("folder", "split", "places"),
    [
        ("", "val", ["indoors", "outdoor"]),
        ("", "val-indoor", ["indoors"]),
        ("val", "val-outdoor", ["outdoor"]),
        ("val/outdoor", "val", ["scene_00022"]),
    ],
)
def test_diode__splits_by_folder(folder, split, places, still, tmp_path):
    still.write_diode(tmp_path / "diode")
    chosen = open_dataset(f"diode:{tmp_path / 'diode' / folder}", split).records
    assert [record.sequence.removeprefix("val/").split("/")[0] for record in chosen] == places
    with pytest.raises(UserError, match="holds nothing of the split 'train'"):
        open_dataset(f"diode:{tmp_path / 'diode' / folder}", "train")


def test_da2k__every_pair_of_every_picture(still, tmp_path):
    still.write_da2k(tmp_path)
    dataset = Da2k(tmp_path)
    pairs = {r.sequence: dataset.view(r, "picture", frozenset({"pairs"})).pairs for r in dataset.records}
    assert pairs["indoor"] == (PointPair(closer=(25, 45), farther=(5, 10)), PointPair(closer=(29, 49), farther=(1, 2)))
    assert pairs["aerial"] == (PointPair(closer=(25, 45), farther=(5, 10)),)
    assert [r.sequence for r in open_dataset(f"da2k:{tmp_path}", "aerial").records] == ["aerial"]


@pytest.mark.parametrize(
    ("annotations", "line"),
    [
        ({}, "lists no picture"),
        ([1], "lists no picture"),
        ({"../../etc/passwd": []}, "names the file '../../etc/passwd', which is not below"),
        ({"/etc/passwd": []}, "names the file '/etc/passwd', which is not below"),
        ({"images/indoor/0001.jpg": [{"point1": [1, 2], "closer_point": "point1"}]}, r"has a pair of .* that is none \(KeyError"),
        ({"images/indoor/0001.jpg": [{"point1": [1, 2], "point2": [1], "closer_point": "point1"}]}, "that is none"),
        ({"images/indoor/0001.jpg": [{"point1": [1, 2], "point2": [1, float("nan")], "closer_point": "point1"}]}, "that is none"),
        ({"images/indoor/0001.jpg": [{"point1": [1, 2], "point2": [1, 3], "closer_point": "point3"}]}, "that is none"),
        ({"images/indoor/0001.jpg": 7}, "that is none"),
    ],
)
def test_da2k__annotations_that_do_not_fit(annotations, line, still, tmp_path):
    still.write_da2k(tmp_path)
    (tmp_path / "annotations.json").write_text(json.dumps(annotations))
    with pytest.raises(UserError, match=line) as caught:
        Da2k(tmp_path)
    assert caught.value.subject == str(tmp_path / "annotations.json")


def test_hrwsi__the_farthest_pixels_are_not_the_unknown_ones(still, tmp_path):
    still.write_hrwsi(tmp_path)
    dataset = Hrwsi(tmp_path)
    inverse = dataset.view(dataset.records[0], "photo", dataset.layers).inverse_depth
    assert inverse is not None and (inverse[:2] == 0).all()
    np.testing.assert_allclose(inverse[2:], np.tile((np.arange(40) + 1) / 256, (22, 1)))
    assert [r.sequence for r in open_dataset(f"hrwsi:{tmp_path}", "val").records] == ["val"]
