"""Class-wise numbers by any mask layer of a data set, by label files beside depth files, and by a protocol's own classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.evaluation.evaluate import evaluate_files, evaluate_model
from leadline.evaluation.protocols import PROTOCOLS
from leadline.io.depth import DepthFile, write_depth
from leadline.types import UserError

RAW = PROTOCOLS["raw"]


def right_is_wrong(depth: np.ndarray) -> np.ndarray:
    out = depth.copy()
    out[:, 10:] *= 1.5
    return out


def test_regions__a_boolean_layer_and_its_rest(dataset, reader) -> None:
    dataset.usable = np.zeros((12, 20), dtype=bool)
    dataset.usable[:, 10:] = True
    result = evaluate_model(reader(right_is_wrong), dataset, RAW, regions=["usable"])
    assert result.regions["usable"].metrics["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    assert result.regions["not usable"].metrics["abs_rel"] == pytest.approx(0, abs=1e-6)


def test_regions__classes_of_a_protocol(dataset, reader) -> None:
    """Materials 0 on the left and 3 on the right half."""
    protocol = replace(RAW, class_layer="material", classes=(("tom", (2, 3)), ("other", (0, 1)), ("nowhere", (9,))))
    result = evaluate_model(reader(right_is_wrong), dataset, protocol)
    assert set(result.regions) == {"tom", "other"}
    assert result.regions["tom"].metrics["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    assert result.regions["other"].num_pixels == 8 * 12 * 10


def test_regions__mean_over_images_that_have_the_class(dataset, reader) -> None:
    for frame in (1, 2, 3):
        dataset.depths[frame, "back"][:, 10:] = 0
    result = evaluate_model(reader(right_is_wrong), dataset, RAW, regions=["material"])
    assert (result.regions["material:mirror"].num_images, result.regions["material:diffuse"].num_images) == (5, 8)


def test_regions__what_is_no_mask_is_refused(dataset, reader) -> None:
    with pytest.raises(UserError, match="has no semantics"):
        evaluate_model(reader(), dataset, RAW, regions=["semantics"])
    dataset.layers = frozenset({"depth", "image"})
    with pytest.raises(UserError, match=r"'image' is uint8 of shape .*not a map of classes"):
        evaluate_model(reader(), dataset, RAW, regions=["image"])
    dataset.layers = frozenset({"depth"})
    with pytest.raises(UserError, match="'depth' is float32"):
        evaluate_model(reader(), dataset, RAW, regions=["depth"])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two targets, predictions wrong on the right half, and label images 4 (left) and 7 (right)."""
    for i in range(2):
        depth = np.random.default_rng(i).uniform(1, 9, (12, 20)).astype(np.float32)
        write_depth(tmp_path / "target" / f"{i}.npz", DepthFile(depth))
        write_depth(tmp_path / "pred" / f"{i}.npz", DepthFile(right_is_wrong(depth)))
        labels = np.full((12, 20), 4, dtype=np.uint8)
        labels[:, 10:] = 7
        (tmp_path / "mask").mkdir(exist_ok=True)
        Image.fromarray(labels).save(tmp_path / "mask" / f"{i}.png")
    return tmp_path / "pred", tmp_path / "target", tmp_path / "mask"


def test_masks__label_images_beside_files(files: tuple[Path, Path, Path]) -> None:
    pred, target, mask = files
    result = evaluate_files(pred, target, RAW, masks={"parts": mask})
    assert set(result.regions) == {"parts:4", "parts:7"}
    assert result.regions["parts:7"].metrics["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    one = evaluate_files(pred / "0.npz", target / "0.npz", RAW, masks={"parts": mask / "0.png"})
    assert one.regions["parts:4"].num_pixels == 120
    own = replace(RAW, class_layer="parts", classes=(("tom", (7,)),))
    assert evaluate_files(pred, target, own, masks={"parts": mask}).regions["tom"].metrics["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    assert "without classes: give --mask parts=FOLDER" in evaluate_files(pred, target, own).notes


def test_masks__missing_or_of_another_size(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    pred, target, mask = files
    with pytest.raises(UserError, match=r"0\.png: is one mask for 2 targets"):
        evaluate_files(pred, target, RAW, masks={"parts": mask / "0.png"})
    with pytest.raises(UserError, match="nowhere: does not exist"):
        evaluate_files(pred, target, RAW, masks={"parts": tmp_path / "nowhere"})
    Image.fromarray(np.zeros((5, 5), dtype=np.uint8)).save(mask / "1.png")
    with pytest.raises(UserError, match=r"1\.npz: is 12x20, its mask 'parts' 5x5"):
        evaluate_files(pred, target, RAW, masks={"parts": mask})
    (mask / "1.png").unlink()
    with pytest.raises(UserError, match=r"1\.png: does not exist; every target"):
        evaluate_files(pred, target, RAW, masks={"parts": mask})


def test_target_every__truth_and_classes_keep_every_fourth_pixel(dataset, reader) -> None:
    protocol = replace(RAW, target_every=4, class_layer="material", classes=(("tom", (3,)),), metrics=("abs_rel",))
    result = evaluate_model(reader(), dataset, protocol)
    assert result.num_pixels == 8 * 3 * 5
    assert result.regions["tom"].num_pixels == 8 * 3 * 2, "columns 12 and 16 of 20 are right of the middle"
    assert "12x20 to 3x5" in result.description["resize"]
