"""Bad input that no other file of tests brings to the command line: one line that names the file and what to do, exit code 2.

Images, K, disks and Ctrl-C are in test_predict.py, mistyped options in test_evaluate.py, a photo for the demo in test_demo.py.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers import Dinov2Config, DPTConfig, DPTForDepthEstimation
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from leadline.cli.main import main
from leadline.io.depth import DepthFile, write_depth
from leadline.io.rig import read_rig, write_rig
from tests.fixtures import bad_files, tiny_data


def _one_line(capsys: pytest.CaptureFixture[str], verb: str) -> str:
    """The only line of the verb on stderr."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"leadline {verb}: ")]
    assert len(lines) == 1, lines
    return lines[0]


def _good_depth(folder: Path) -> Path:
    write_depth(folder / "good.npz", DepthFile(np.full((4, 5), 2.0, dtype=np.float32)))
    return folder / "good.npz"


@pytest.mark.parametrize("name", [name for name in bad_files.BAD_DEPTHS if name != "folder"])
@pytest.mark.parametrize("role", ["--pred", "--target"])
def test_evaluate__a_file_that_is_no_depth(name: str, role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = bad_files.BAD_DEPTHS[name](tmp_path), _good_depth(tmp_path)
    other = "--target" if role == "--pred" else "--pred"
    assert main(["evaluate", "--protocol", "raw", role, str(bad), other, str(good)]) == 2
    line = _one_line(capsys, "evaluate")
    assert str(bad) in line and "; " in line


@pytest.mark.parametrize("role", ["--pred", "--target"])
def test_evaluate__a_folder_where_a_file_is_expected(role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = bad_files.folder_named_like_an_image(tmp_path), _good_depth(tmp_path)
    other = "--target" if role == "--pred" else "--pred"
    assert main(["evaluate", "--protocol", "raw", role, str(bad), other, str(good)]) == 2
    assert f"{bad}: holds no " in _one_line(capsys, "evaluate")


def test_evaluate__nan_infinity_and_negative_truth_are_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, pred = bad_files.partly_invalid_depth(tmp_path), _good_depth(tmp_path)
    out = tmp_path / "out.json"
    assert main(["evaluate", "--protocol", "raw", "--pred", str(pred), "--target", str(target), "--json", str(out)]) == 0
    record = json.loads(out.read_text())
    assert record["num_pixels"] == 15 and record["metrics"]["abs_rel"] == 0.0
    capsys.readouterr()
    assert main(["evaluate", "--protocol", "rendered", "--pred", str(target), "--target", str(pred)]) == 2
    line = _one_line(capsys, "evaluate")
    assert str(target) in line and "of 20 valid pixels" in line


def test_evaluate__truth_without_a_valid_pixel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, pred = bad_files.all_invalid_depth(tmp_path), _good_depth(tmp_path)
    assert main(["evaluate", "--protocol", "raw", "--pred", str(pred), "--target", str(target), "--target-scale", "1000"]) == 2
    assert "no valid pixel" in _one_line(capsys, "evaluate")


def test_data_check__truth_without_a_valid_pixel_and_truth_that_is_no_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_data.write_nyu(tmp_path / "nyu", frames=3)
    empty, text = (tmp_path / "nyu" / "depth" / f"sync_depth_{frame:05d}.png" for frame in (0, 1))
    Image.fromarray(np.zeros((480, 640), dtype=np.uint16)).save(empty)
    text.write_text("not a picture")
    assert main(["data", "check", f"nyu:{tmp_path / 'nyu'}"]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("leadline data: ")]
    assert len(lines) == 2 and "broken: 2" in captured.out
    assert "rgb_00000.jpg: none of its pixels has depth" in lines[0] and f"{text}: is not " in lines[1]


def test_evaluate__a_broken_file_stops_or_is_left_out_by_choice_named_and_counted(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_data.write_nyu(tmp_path / "nyu", frames=4)
    broken, out = tmp_path / "nyu" / "rgb" / "rgb_00001.jpg", tmp_path / "out.json"
    broken.write_bytes(broken.read_bytes()[:400])
    (tmp_path / "nyu" / "depth" / "sync_depth_00002.png").write_bytes(b"")
    command = ["evaluate", "--protocol", "raw", "--model", str(tiny_model), "--data", f"nyu:{tmp_path / 'nyu'}", "--json", str(out)]
    assert main(command) == 2
    assert str(broken) in _one_line(capsys, "evaluate") and not out.exists()
    assert main([*command, "--on-corrupt", "skip"]) == 0
    captured = capsys.readouterr()
    assert f"{broken}: " in captured.err and captured.err.count("; left out") == 2
    record = json.loads(out.read_text())
    assert record["num_unreadable"] == 2 and record["num_images"] == 2 and str(broken) in record["unreadable"][0]
    assert "2 of 4 images could not be read and were left out" in record["notes"]
    assert "2 of 4 images could not be read" in " ".join(captured.out.split())
    for path in broken.parent.iterdir():
        path.write_bytes(b"")
    assert main([*command, "--on-corrupt", "skip"]) == 2
    assert "none of its 4 images can be read" in _one_line(capsys, "evaluate")


@pytest.mark.parametrize(
    ("K", "words"),
    [
        ([[100.0, 0.0, 48.0], [0.0, 100.0, 32.0]], "K has shape (2, 3)"),
        ([[0.0, 0.0, 48.0], [0.0, 100.0, 32.0], [0.0, 0.0, 1.0]], "focal lengths 0, 100"),
        ([[100.0, 0.0, None], [0.0, 100.0, 32.0], [0.0, 0.0, 1.0]], "K "),
        ("wide", "K "),
    ],
)
def test_predict__a_rig_file_with_a_wrong_K(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], K: object, words: str
) -> None:
    rig = tmp_path / "rig.json"
    write_rig(rig, read_rig("nuscenes6"))
    content = json.loads(rig.read_text())
    content["cameras"][0]["K"] = K
    rig.write_text(json.dumps(content))
    assert main(["predict", str(tiny_model), str(tmp_path), "--rig", str(rig), "--out", str(tmp_path / "out")]) == 2
    line = _one_line(capsys, "predict")
    assert words in line and str(rig) in line


@pytest.mark.parametrize("make", [bad_files.folder_named_like_an_image, bad_files.missing_file, bad_files.text_jpeg])
def test_predict__a_rig_file_that_is_none(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], Path]
) -> None:
    rig = make(tmp_path)
    assert main(["predict", str(tiny_model), str(tmp_path), "--rig", str(rig), "--out", str(tmp_path / "out")]) == 2
    assert str(rig) in _one_line(capsys, "predict")


@pytest.fixture(params=["predict", "evaluate"])
def use_model(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path | str], list[str]]:
    """Both verbs that take a model, given a good image or data set."""
    if request.param == "predict":
        photo = bad_files.good_jpeg(tmp_path)
        return lambda model: ["predict", str(model), str(photo), "--out", str(tmp_path / "out")]
    tiny_data.write_nyu(tmp_path / "nyu")
    return lambda model: ["evaluate", "--protocol", "raw", "--model", str(model), "--data", f"nyu:{tmp_path / 'nyu'}"]


UseModel = Callable[[Path | str], list[str]]


def test_model__weights_of_another_architecture(
    use_model: UseModel, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config["config"]["encoder"] = "convnextv2-atto"
    (folder / "config.json").write_text(json.dumps(config))
    command = use_model(folder)
    assert main(command) == 2
    line = _one_line(capsys, command[0])
    assert str(folder / "model.safetensors") in line and "missing network.encoder.backbone." in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_model__a_pickle_with_code_is_refused_and_not_run(
    use_model: UseModel, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "model.safetensors").unlink()
    weights, marker = bad_files.pickle_with_code(folder, name=name)
    command = use_model(folder)
    assert main(command) == 2
    line = _one_line(capsys, command[0])
    assert str(weights) in line and "is a pickle" in line
    assert not marker.exists()


def test_model__a_pickle_given_by_its_own_name(use_model: UseModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, marker = bad_files.pickle_with_code(tmp_path)
    command = use_model(weights)
    assert main(command) == 2
    assert f"{weights}: is a pickle" in _one_line(capsys, command[0])
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("depth-anything-v2-smal", "did you mean depth-anything-v2-small"),
        ("out/no-such-run/model", "give a folder, a hub id"),
    ],
)
def test_model__a_name_that_does_not_exist(use_model: UseModel, capsys: pytest.CaptureFixture[str], name: str, advice: str) -> None:
    command = use_model(name)
    assert main(command) == 2
    line = _one_line(capsys, command[0])
    assert line.startswith(f"leadline {command[0]}: {name}: is not a folder") and advice in line


def test_model__a_dpt_that_does_not_say_whether_it_gives_metres(
    use_model: UseModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "dpt"
    layers = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    backbone = Dinov2Config(image_size=56, out_indices=[1, 2, 3, 4], reshape_hidden_states=False, **layers)
    neck = {"neck_hidden_sizes": [4, 8, 8, 8], "fusion_hidden_size": 8}
    DPTForDepthEstimation(DPTConfig(backbone_config=backbone, hidden_size=16, **neck)).save_pretrained(folder)
    DPTImageProcessorPil(size={"height": 56, "width": 56}, ensure_multiple_of=14).save_pretrained(folder)
    command = use_model(folder)
    assert main(command) == 2
    line = _one_line(capsys, command[0])
    assert f"{folder}: is a DPT" in line and "say --kind metric, or --kind affine_invariant_inverse" in line
    assert main([*command, "--kind", "metric"]) == 0
    captured = capsys.readouterr()
    assert "metric" in (captured.err if command[0] == "predict" else captured.out)


def test_model__an_image_in_its_place(use_model: UseModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = use_model(bad_files.good_jpeg(tmp_path))
    assert main(command) == 2
    assert "good.jpg: is a file; give the folder" in _one_line(capsys, command[0])
