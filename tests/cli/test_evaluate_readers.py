"""`leadline evaluate` on the single-camera data sets: every reader with metres is scored, the others say what they have."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.prediction import Prediction
from leadline.types import DepthKind
from tests.fixtures import tiny_moving, tiny_rigs, tiny_still

WITH_DEPTH = ("scannet", "7scenes", "booster", "eth3d", "diode", "hypersim", "vkitti2", "tartanair", "irs", "folder")


def _write(kind: str, root: Path) -> Path:
    root.mkdir()
    name = f"write_{kind}"
    getattr(tiny_moving if hasattr(tiny_moving, name) else tiny_still, name)(root)
    return root


@pytest.mark.parametrize("kind", WITH_DEPTH)
@pytest.mark.usefixtures("one_thread")
def test_evaluate__scores_every_reader_with_depth(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    root = _write(kind, tmp_path / kind)
    command = ["evaluate", "--protocol", "raw", "--model", str(tiny_model), "--data", f"{kind}:{root}", "--json", str(tmp_path / "e.json")]
    assert main(command) == 0
    written = json.loads((tmp_path / "e.json").read_text())
    assert written["data"] == f"{kind}:{root}"
    assert written["num_images"] == (4 if kind in ("vkitti2", "tartanair") else 2)
    assert written["metrics"]["abs_rel"] > 0


@pytest.mark.parametrize(
    ("kind", "gives"), [("da2k", "pairs"), ("hrwsi", "inverse_depth"), ("blendedmvs", "cam_from_world, inverse_depth")]
)
def test_evaluate__without_metres_says_what_there_is(
    kind: str, gives: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _write(kind, tmp_path / kind)
    assert main(["evaluate", "--protocol", "raw", "--model", str(tiny_model), "--data", f"{kind}:{root}"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == f"leadline evaluate: {kind}:{root}: has no depth; it gives {gives}; choose another data set"


class Slanted:
    """Predicts 20 m at the left and 30 m at the right, whatever it sees; the rigs' pictures are too small for a network."""

    name, kind = "slanted", DepthKind.METRIC

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        return Prediction(np.broadcast_to(np.linspace(20, 30, image.shape[1]), image.shape[:2]), self.kind, K=K)


def test_evaluate__options_of_a_data_set_change_the_truth_and_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.methods.loading.load", lambda *_, **__: Slanted())
    root = tmp_path / "nuscenes"
    root.mkdir()
    tiny_rigs.write_nuscenes(root, frames=1)
    data = f"nuscenes:{root}"
    command = ["evaluate", "--protocol", "raw", "--model", "any", "--data", data, "--json", str(tmp_path / "e.json")]
    found = []
    for options in ([], ["--rasterise", "last_write"], ["--sweeps", "2"]):
        assert main([*command, *options]) == 0
        found.append(json.loads((tmp_path / "e.json").read_text()))
    assert found[0]["num_pixels"] == found[1]["num_pixels"] < found[2]["num_pixels"]
    assert found[0]["metrics"]["rmse"] != found[1]["metrics"]["rmse"]
    assert "data opened with rasterise last_write" in found[1]["notes"] and "data opened with sweeps 2" in found[2]["notes"]
    assert not any("data opened" in note for note in found[0]["notes"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--data", "irs:{root}", "--depth-source", "lidar"], "has no choice of depth_source; leave it out: it has no options"),
        (["--data", "irs:{root}", "--rasterise", "nearest"], "has no choice of rasterise; leave it out: it has no options"),
        (["--pred", "a.png", "--target", "b.png", "--sweeps", "2"], "--sweeps: is a choice of a data set; give --model and --data"),
    ],
)
def test_evaluate__refuses_options_that_a_data_set_lacks(
    options: list[str], line: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _write("irs", tmp_path / "irs")
    given = [option.format(root=root) for option in options]
    model = ["--model", str(tiny_model)] if "--data" in given else []
    assert main(["evaluate", "--protocol", "raw", *model, *given]) == 2
    printed = capsys.readouterr().err
    assert line in printed and printed.count("\n") == 1
