"""evaluate_files: matching by name, what is left over, kinds and units of files, and real recordings end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.data.catalog import open_dataset
from leadline.evaluation.evaluate import evaluate_files
from leadline.evaluation.pairing import pair_files
from leadline.evaluation.protocols import PROTOCOLS
from leadline.io.depth import DepthFile, write_depth
from leadline.types import DepthKind, KindError, UserError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three targets in subfolders and predictions that are 10 % too far, in another format."""
    rng = np.random.default_rng(0)
    for i in range(3):
        depth = rng.uniform(1, 50, (20, 30)).astype(np.float32)
        for folder, ending, factor in (("target", "npz", 1.0), ("pred", "pfm", 1.1)):
            path = tmp_path / folder / f"scene{i % 2}" / f"{i}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_depth(path, DepthFile(factor * depth))
    return tmp_path / "pred", tmp_path / "target"


def test_evaluate_files__ten_percent_too_far(folders: tuple[Path, Path]) -> None:
    result = evaluate_files(*folders, "raw")
    assert (result.num_images, result.num_pixels) == (3, 1800)
    assert result.metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)
    assert result.notes == ()
    one = evaluate_files(folders[0] / "scene1/1.pfm", folders[1] / "scene0/0.npz", "raw")
    assert one.num_images == 1, "two files are a pair whatever their names"


def test_evaluate_files__lists_what_does_not_match(folders: tuple[Path, Path]) -> None:
    pred, target = folders
    (pred / "scene1/1.pfm").rename(pred / "scene1/9.pfm")
    with pytest.raises(UserError, match="1 of 3 targets have no prediction: scene1/1"):
        evaluate_files(pred, target, "raw")
    result = evaluate_files(pred, target, "raw", partial=True)
    assert result.num_images == 2
    assert result.notes == (
        "1 targets without a prediction were left out: scene1/1",
        "1 predictions without a target were left out: scene1/9",
    )


def test_pair_files__globs_choose_one_of_two_formats(folders: tuple[Path, Path]) -> None:
    pred, target = folders
    write_depth(pred / "scene0/0.npz", DepthFile(np.ones((20, 30))))
    with pytest.raises(UserError, match="has the same name as"):
        pair_files(pred, target)
    assert len(pair_files(pred / "**/*.pfm", target).matched) == 3


def test_pair_files__errors_name_the_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, target = folders
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"nowhere: does not exist"):
        pair_files(tmp_path / "nowhere", target)
    with pytest.raises(UserError, match=r"empty: holds no targets"):
        pair_files(pred, tmp_path / "empty")
    with pytest.raises(UserError, match="no prediction has the name of a target"):
        pair_files(pred / "scene0/0.pfm", target)


def test_evaluate_files__leading_axes_of_one_are_accepted(tmp_path: Path) -> None:
    depth = np.random.default_rng(0).uniform(1, 9, (6, 8)).astype(np.float32)
    np.save(tmp_path / "pred.npy", 1.1 * depth[None, None])
    np.save(tmp_path / "target.npy", depth)
    assert evaluate_files(tmp_path / "pred.npy", tmp_path / "target.npy", "raw").metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)
    np.save(tmp_path / "pred.npy", np.stack([depth, depth]))
    with pytest.raises(UserError, match=r"pred\.npy"):
        evaluate_files(tmp_path / "pred.npy", tmp_path / "target.npy", "raw")


def test_evaluate_files__kind_comes_from_the_file(tmp_path: Path) -> None:
    depth = np.random.default_rng(0).uniform(1, 9, (6, 8)).astype(np.float32)
    write_depth(tmp_path / "target.npz", DepthFile(depth))
    write_depth(tmp_path / "pred.png", DepthFile(2 / depth + 0.3, kind=DepthKind.AFFINE_INVARIANT_INVERSE))
    with pytest.raises(KindError, match=r"pred\.png: affine_invariant_inverse predictions cannot be scored under 'raw'"):
        evaluate_files(tmp_path / "pred.png", tmp_path / "target.npz", "raw")
    result = evaluate_files(tmp_path / "pred.png", tmp_path / "target.npz", "affine-disp-marigold")
    assert result.metrics["abs_rel"] < 1e-3
    assert result.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    with pytest.raises(KindError, match="no ground truth in metres"):
        evaluate_files(tmp_path / "target.npz", tmp_path / "pred.png", "raw")


def test_evaluate_files__kind_of_a_file_that_does_not_say_it(tmp_path: Path) -> None:
    """Relative inverse depth may be negative, which for metres would be no answer."""
    depth = np.random.default_rng(0).uniform(1, 9, (6, 8)).astype(np.float32)
    np.save(tmp_path / "target.npy", depth)
    np.save(tmp_path / "pred.npy", 5 / depth - 1)
    files = tmp_path / "pred.npy", tmp_path / "target.npy"
    with pytest.raises(UserError, match="no finite, positive answer"):
        evaluate_files(*files, "rendered")
    unfiltered = replace(PROTOCOLS["affine-disp-marigold"], align_positive_only=False)
    result = evaluate_files(*files, unfiltered, pred_kind=DepthKind.AFFINE_INVARIANT_INVERSE)
    assert result.num_pixels == 48
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-5)


def test_evaluate_files__all_invalid_target_names_the_image(tmp_path: Path) -> None:
    write_depth(tmp_path / "pred.npz", DepthFile(np.ones((6, 8))))
    write_depth(tmp_path / "target.npz", DepthFile(np.zeros((6, 8))))
    with pytest.raises(UserError, match=r"pred\.npz: no valid pixel, and 'raw' needs 1.*target\.npz"):
        evaluate_files(tmp_path / "pred.npz", tmp_path / "target.npz", "raw")


def test_evaluate_files__hole_in_a_png_is_no_answer(tmp_path: Path) -> None:
    depth = np.full((6, 8), 5.0, dtype=np.float32)
    write_depth(tmp_path / "target.npz", DepthFile(depth))
    depth[0, :4] = 0
    write_depth(tmp_path / "pred.png", DepthFile(depth))
    result = evaluate_files(tmp_path / "pred.png", tmp_path / "target.npz", "raw")
    assert result.num_pixels == 44
    assert "4 pixels of 1 images" in result.notes[0]
    with pytest.raises(UserError, match="4 of 48 valid pixels"):
        evaluate_files(tmp_path / "pred.png", tmp_path / "target.npz", "rendered")


def test_evaluate_files__stored_units(tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 8), 2000, dtype=np.uint16)).save(tmp_path / "target.png")
    write_depth(tmp_path / "pred.npz", DepthFile(np.full((6, 8), 2.2)))
    result = evaluate_files(tmp_path / "pred.npz", tmp_path / "target.png", "raw", target_scale=1000)
    assert result.metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)


@pytest.fixture(scope="module")
def recordings(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Per data set: targets as files, metric predictions 10 % too far, and relative inverse ones."""
    out = tmp_path_factory.mktemp("recordings")
    for data in ("kitti", "nyu"):
        dataset = open_dataset(f"{data}:{samples / data}")
        for record in dataset.records:
            for camera in record.cameras:
                truth = dataset.view(record, camera, frozenset({"depth"})).depth
                assert truth is not None
                guess = np.where(truth > 0, 1.1 * truth, 3.0).astype(np.float32)
                inverse = DepthFile(4 / guess + 0.1, kind=DepthKind.AFFINE_INVARIANT_INVERSE)
                for folder, depth in (("target", DepthFile(truth)), ("pred", DepthFile(guess)), ("inverse", inverse)):
                    write_depth(out / data / folder / f"{record.sequence}_{record.frame}_{camera}.pfm", depth)
    return out


@pytest.mark.parametrize(("data", "protocol"), [("kitti", "kitti-eigen-monodepth2"), ("nyu", "nyu-eigen")])
def test_evaluate_files__real_recordings(recordings: Path, data: str, protocol: str) -> None:
    pred, target = recordings / data / "pred", recordings / data / "target"
    raw = evaluate_files(pred, target, "raw")
    assert raw.num_images == {"kitti": 10, "nyu": 3}[data]
    assert raw.metrics["abs_rel"] == pytest.approx(0.1, rel=1e-5)
    with pytest.raises(UserError, match=f"'{protocol}' is defined on"):
        evaluate_files(pred, target, protocol)
    named = evaluate_files(pred, target, protocol, partial=True)
    assert "not comparable" in named.notes[0]
    # Median scaling removes the factor; without it, it stays.
    assert named.metrics["abs_rel"] == pytest.approx(0.0 if data == "kitti" else 0.1, rel=1e-5, abs=1e-6)
    # Valid pixels in range and inside the crop, counted independently when the recordings were chosen (KITTI: left camera).
    counts = {row.num_pixels for row in named.per_image if data == "nyu" or "image_02" in row.name}
    assert counts == {"kitti": {17311, 17272, 17435, 17370, 17321}, "nyu": {221809, 225022, 202035}}[data]


@pytest.mark.parametrize("data", ["kitti", "nyu"])
def test_evaluate_files__real_recordings_in_relative_inverse_depth(recordings: Path, data: str) -> None:
    result = evaluate_files(recordings / data / "inverse", recordings / data / "target", "affine-disp-marigold")
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-5)
