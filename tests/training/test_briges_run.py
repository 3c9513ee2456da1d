"""`briges` through the engine: the authors' recipes on a mixture of fixtures, resumed to the bit, and with features read from files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from leadline.cli.main import main
from leadline.data.augment import Augment
from leadline.io.npzfile import read_npz_array
from leadline.methods.loading import load
from leadline.recipes import recipe
from leadline.training.config import TrainConfig
from leadline.training.data import training_source
from leadline.training.journal import read_history
from leadline.training.run import Run, train
from leadline.types import UserError
from tests.fixtures.tiny_data import write_rendered
from tests.fixtures.tiny_moving import write_blendedmvs, write_tartanair
from tests.fixtures.tiny_pairs import pair, small
from tests.fixtures.tiny_still import write_hrwsi

HEIGHT, WIDTH = 32, 64


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("briges") / "rooms"
    write_rendered(root, frames=2)
    return root


def config(rooms: Path, **options: object) -> TrainConfig:
    whole = recipe("briges-v1b")
    data = replace(whole.data, root=(f"rendered:{rooms}",), height=HEIGHT, width=WIDTH, batch_size=2, workers=0, augment=Augment(flip=0.5))
    log = replace(whole.log, every=1, tensorboard=False, panels=1)
    method = replace(small(), target="depth", **options)
    return replace(whole, method=method, data=data, log=log, accumulate=1, steps=5, val_every=0, checkpoint_every=2)


def write(rooms: Path, out: Path, *more: str) -> int:
    size = ["--height", str(HEIGHT), "--width", str(WIDTH)]
    models = ["--depth", pair()["depth"], "--semantic", pair()["semantic"]]
    return main(["features", f"rendered:{rooms}", *models, *size, "--out", str(out), *more])


@pytest.mark.parametrize("name", ["briges-v1b", "briges-v1l"])
def test_recipes__dry_run_on_the_authors_mixture(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, make in (("hrwsi", write_hrwsi), ("blendedmvs", write_blendedmvs), ("tartanair", write_tartanair)):
        make(tmp_path / kind)
    roots = [f"{kind}:{tmp_path / kind}" for kind in ("hrwsi", "blendedmvs", "tartanair")]
    models = ["--method.depth", pair()["depth"], "--method.semantic", pair()["semantic"], "--method.heads", "2"]
    size = ["--data.height", "64", "--data.width", "64", "--data.workers", "0", "--accumulate", "1"]
    assert main(["train", name, "--data.root", *roots, *models, *size, "--dry-run"]) == 0
    assert "affine_invariant_inverse, 0.03 M trained parameters" in capsys.readouterr().out


def test_recipe_v2__refuses_weights_of_v1(rooms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ["--method.depth", pair()["depth"], "--method.semantic", pair()["semantic"]]
    assert main(["train", "briges-v2l", "--data.root", f"rendered:{rooms}", *models, "--dry-run"]) == 2
    assert "Depth Anything V2 taps others" in capsys.readouterr().err


def test_briges__killed_and_resumed_gives_the_same_losses(rooms: Path, tmp_path: Path) -> None:
    whole = train(config(rooms), tmp_path / "whole")
    part = Run(config(rooms), tmp_path / "part")
    part.batches.num_batches = 3  # one step after its last checkpoint
    part.fit()
    train(config(rooms), tmp_path / "part")
    history = read_history(tmp_path / "part" / "logs" / "metrics.csv")
    assert [row["loss"] for row in history] == [row["loss"] for row in whole.history]
    model = load(whole.model)
    assert set(model.info.details["frozen"]) == {"depth", "semantic"}
    assert "| needs beside it | depth `depth` " in (whole.model / "README.md").read_text()
    assert load(whole.model, options={"temperature": 3.0}).fingerprint != model.fingerprint


def test_features__files_give_the_losses_of_live_encoders(rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mirrored or not, to half precision; the written command goes on and changes nothing."""
    assert write(rooms, tmp_path / "both", "--tokens") == 0
    assert "4 features, 0 left out" in capsys.readouterr().err
    live = train(config(rooms), tmp_path / "live")
    for cached in ("semantic", "both"):
        plain = config(rooms, cached=cached)
        trained = train(replace(plain, data=replace(plain.data, features=(str(tmp_path / "both"),))), tmp_path / cached)
        assert [row["loss"] for row in trained.history] == pytest.approx([row["loss"] for row in live.history], rel=5e-3)
    files = sorted((tmp_path / "both").rglob("*.npz"))
    before = [file.stat().st_mtime_ns for file in files]
    files[0].unlink()
    assert write(rooms, tmp_path / "both", "--tokens") == 0
    assert "3 of 4 are finished already" in capsys.readouterr().err
    assert [file.stat().st_mtime_ns for file in files][1:] == before[1:]
    semantic = read_npz_array(files[0], "semantic", what="features")
    assert semantic.shape == (2, 16, 4, 4) and semantic.dtype == "float16"


def test_features__are_of_the_picture_that_training_sees(rooms: Path, tmp_path: Path) -> None:
    """A mirrored sample has the features of its mirrored picture, not mirrored features."""
    assert write(rooms, tmp_path / "semantic") == 0
    for flip in (0.0, 1.0):
        plain = config(rooms, cached="semantic")
        run = replace(plain, data=replace(plain.data, features=(str(tmp_path / "semantic"),), augment=Augment(flip=flip)))
        built = Run(run, tmp_path / f"run{flip:g}")
        sample = training_source(run.data, built.method.needs, seed=0)[0, 1]
        assert sample.semantic is not None
        live = built.method.features(sample.image[:, 0])["semantic"]
        torch.testing.assert_close(sample.semantic[0].float(), live, atol=2e-3, rtol=2e-3)


def test_features__that_do_not_fit_are_one_line(rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "features"
    assert write(rooms, out) == 0
    plain = config(rooms, cached="semantic")

    def refused(line: str, *, method: dict[str, object] | None = None, **changes: object) -> None:
        data = replace(plain.data, **({"features": (str(out),)} | changes))
        with pytest.raises(UserError, match=line):
            Run(replace(plain, method=replace(plain.method, **(method or {})), data=data), tmp_path / "refused")

    refused("0 folders for 1 data sets; give one for each", features=())
    refused("are given, and this method reads none", method={"cached": "nothing"})
    refused("holds semantic, no tokens", method={"cached": "both"})
    refused("holds features of 64x32 px, training asks for 64x64", height=64)
    refused("cached features are of whole pictures", augment=Augment(smallest_crop=0.5))
    refused("its semantic are of sam with weights", method={"fit": "pad"})
    about = json.loads((out / "features.json").read_text())
    for change, line in ({"num_features": None}, "is not finished"), ({"data": "rendered:other"}, "holds features of rendered:other"):
        (out / "features.json").write_text(json.dumps(about | change))
        refused(line)
    (out / "features.json").write_text(json.dumps(about))
    assert write(rooms, out, "--fit", "pad") == 2
    assert "these features have fit = 'stretch', now 'pad' is asked for" in capsys.readouterr().err
    assert main(["features", f"rendered:{rooms}", "--depth", pair()["depth"], "--semantic", pair()["semantic"], "--height", "40",
                 "--width", "64", "--out", str(tmp_path / "x")]) == 2  # fmt: skip
    assert "--height: 40 px do not fit the models, which need multiples of 16; give 32" in capsys.readouterr().err
