"""The temperature of a bridged model: searched on held-out worlds, kept in its folder, changed by an option."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.io.depth import DepthFile, write_depth
from leadline.io.image import write_image
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import ModelInfo
from tests.fixtures.tiny_data import write_rendered
from tests.fixtures.tiny_pairs import build, pair


def write_slopes(root: Path) -> None:
    """Three pictures of tilted planes, as an NYU folder that lists its pairs."""
    rng = np.random.default_rng(0)
    files = []
    for i in range(3):
        depth = (2 + i + 0.02 * np.mgrid[:32, :64][1]).astype(np.float32)
        entry = {
            "rgb": f"{i}.png",
            "depth": f"depth_{i}.png",
            "depth_scale": 1000,
            "intrinsics": {"fx": 50.0, "fy": 50.0, "cx": 32.0, "cy": 16.0},
        }
        write_image(root / entry["rgb"], rng.integers(0, 255, (32, 64, 3), dtype=np.uint8))
        write_depth(root / entry["depth"], DepthFile(values=depth), png_scale=1000.0)
        files.append(entry)
    (root / "annotations.json").write_text(json.dumps({"files": files}))


@pytest.fixture
def bridged(tmp_path: Path) -> Path:
    save_model_folder(tmp_path / "bridged", "briges", build(), ModelInfo(name="bridged", height=32, width=64))
    return tmp_path / "bridged"


def test_temperature__best_of_the_table_is_kept(bridged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_slopes(tmp_path / "slopes")
    command = ["temperature", str(bridged), f"nyu:{tmp_path / 'slopes'}", "--split", "None", "--values", "0.5", "1", "4"]
    assert main([*command, "--dry-run"]) == 0
    before = json.loads((bridged / "config.json").read_text())
    assert before["config"]["temperature"] == 1.0 and "temperature_search" not in before["details"]
    assert main(command) == 0
    config = json.loads((bridged / "config.json").read_text())
    scores = config["details"]["temperature_search"]["abs_rel"]
    assert set(scores) == {"0.5", "1", "4"}
    assert f"{config['config']['temperature']:g}" == min(scores, key=scores.get)
    assert config["details"]["temperature_search"]["data"] == ["nyu:slopes"]
    load(bridged)


def test_temperature__never_on_what_is_scored(bridged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rendered(tmp_path / "rooms", scenes=(20_000,), frames=1)
    rooms = f"rendered:{tmp_path / 'rooms'}"
    for arguments, line in (
        ([str(bridged), rooms, "--split", "test"], "test is what tables are scored on"),
        ([str(bridged), rooms, "--values", "0"], "a temperature is above 0"),
        ([pair()["depth"], rooms, "--split", "None"], "has no temperature; give a model of method briges"),
    ):
        assert main(["temperature", *arguments]) == 2
        assert line in capsys.readouterr().err


def test_option__is_that_of_the_folder(bridged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "photo.png"
    write_image(photo, np.random.default_rng(0).integers(0, 255, (40, 80, 3), dtype=np.uint8))
    plain = ["predict", str(bridged), str(photo), "--format", "npz", "--out"]
    assert main([*plain, str(tmp_path / "one")]) == 0
    assert main([*plain, str(tmp_path / "four"), "--option", "temperature=4"]) == 0
    one, four = (np.load(next((tmp_path / name).rglob("*.npz")))["values"] for name in ("one", "four"))
    assert not np.array_equal(one, four)
    for option, line in (("temperature", "'temperature' is not NAME=VALUE"), ("heads=4", "its option heads is settled by its training")):
        assert main([*plain, str(tmp_path / "bad"), "--option", option]) == 2
        assert line in capsys.readouterr().err
