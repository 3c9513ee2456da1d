"""`leadline export` and then `leadline predict`, as people type them: kinds of models, and preparation inside and outside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.methods.base import Method
from leadline.methods.loading import save_model_folder
from leadline.methods.predictor import DepthModel
from leadline.runtime.session import open_session
from tests.fixtures import tiny_exportable, tiny_pairs, tiny_surround
from tests.fixtures.tiny_exportable import picture


def _saved(folder: Path, method: str, model: DepthModel) -> str:
    assert isinstance(model.network, Method)
    save_model_folder(folder, method, model.network, model.info)
    return str(folder)


def _predicted(model: Path | str, photo: Path, out: Path) -> np.ndarray:
    assert main(["predict", str(model), str(photo), "--out", str(out), "--format", "npy", "--fov-x-deg", "60"]) == 0
    return np.load(next(out.glob("*.npy")))


@pytest.fixture(scope="module")
def selfsup(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _saved(tmp_path_factory.mktemp("models") / "selfsup", "selfsup", tiny_exportable.selfsup())


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A surround student on the features of a Depth Anything, which it leaves by an exception."""
    folder = tmp_path_factory.mktemp("models")
    base = tiny_pairs.save_depth_anything(folder / "da")
    return _saved(folder / "surround", "surround", tiny_exportable.method("surround", **tiny_surround.SMALL, base=base))


def test_frozen_trunk__size_stays_open_by_patches(tmp_path: Path, trunk: str) -> None:
    out = tmp_path / "s.pt2"
    assert main(["export", trunk, "--format", "torch", "--dynamic", "batch,size", "--out", str(out)]) == 0
    about = open_session(out).about
    assert about is not None and about.size_multiple == 16 and about.dynamic == ("batch", "size")


def test_frozen_trunk__of_a_fixed_size_resizes_itself(tmp_path: Path, trunk: str) -> None:
    out, options = tmp_path / "s.pt2", ["--format", "torch", "--height", "64", "--width", "90"]
    assert main(["export", trunk, *options, "--dynamic", "size", "--out", str(out)]) == 2
    assert main(["export", trunk, *options, "--out", str(out)]) == 0


def test_briges__temperature_becomes_a_number_of_the_graph(tmp_path: Path) -> None:
    model = _saved(tmp_path / "briges", "briges", tiny_exportable.method("briges", **tiny_pairs.pair(), **tiny_pairs.SMALL))
    answers = []
    for tau in ("1", "30"):
        out = tmp_path / f"b{tau}.pt2"
        assert main(["export", model, "--format", "torch", "--option", f"temperature={tau}", "--out", str(out)]) == 0
        session = open_session(out)
        assert session.about is not None
        image = np.random.default_rng(0).random((1, 3, session.about.height, session.about.width), dtype=np.float32)
        answers.append(session.run(image=image)["values"])
    assert np.abs(answers[0] - answers[1]).max() > 1e-5 * np.abs(answers[0]).max()


def test_letterbox__inside_predicts_as_outside_and_as_the_model(tmp_path: Path, selfsup: str) -> None:
    inside, outside = tmp_path / "inside.pt2", tmp_path / "outside.pt2"
    options = ["export", selfsup, "--format", "torch", "--fit", "letterbox"]
    assert main([*options, "--preprocess", "inside", "--dynamic", "size", "--out", str(inside)]) == 0
    assert main([*options, "--out", str(outside)]) == 0
    for shape, model in (((120, 180), selfsup), ((120, 90), outside)):  # of the network's shape, and upright
        photo = tmp_path / f"{shape[1]}.png"
        Image.fromarray(picture(*shape)).save(photo)
        expected = _predicted(model, photo, tmp_path / f"eager{shape[1]}")
        found = _predicted(inside, photo, tmp_path / f"inside{shape[1]}")
        assert found.shape == expected.shape == shape
        np.testing.assert_allclose(found, expected, rtol=2e-3, err_msg=str(shape))
