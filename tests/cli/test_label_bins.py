"""`leadline label --bins` as a person would use it: answers of a teacher, going on after anything, checked, and learnt from."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.cli.main import main
from leadline.data import taught
from leadline.data.augment import Augment
from leadline.data.sample import Sample, collate
from leadline.data.taught import read_taught, write_taught
from leadline.methods.surround.distillation import OF_MAPS, TERMS
from leadline.training.config import DataConfig
from leadline.training.data import training_source
from tests.fixtures.tiny_data import write_rendered
from tests.fixtures.tiny_surround import HEIGHT, SMALL, WIDTH, build, save

pytestmark = pytest.mark.usefixtures("one_thread")
YAWS = {"front": 0.0, "left": 80.0, "right": -75.0}
STUDENT = [word for name, value in SMALL.items() for word in (f"--method.{name.replace('_', '-')}", str(value))]
SIZE = ["--data.height", str(HEIGHT), "--data.width", str(WIDTH)]
KEPT = [f"{term}_weight" for term in TERMS if term not in OF_MAPS]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("teachers") / "wide", decoder_width=0.5, canonical_focal=0.8)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """Two streets of two moments of three cameras."""
    write_rendered(tmp_path / "streets", frames=2, yaws=YAWS)
    return tmp_path / "streets"


def command(streets: Path, teacher: str, *more: str) -> list[str]:
    return ["label", f"rendered:{streets}", "--bins", teacher, "--out", str(streets.parent / "taught"), *more]


def written(streets: Path) -> dict[str, int]:
    out = streets.parent / "taught"
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in sorted(out.rglob("*.npz"))}


def samples(streets: Path, needs: Any, **options: Any) -> Sample:
    """All moments as a batch, nothing changed by chance."""
    data = DataConfig(root=(str(streets),), height=HEIGHT, width=WIDTH, workers=0, augment=Augment(flip=0.0), **options)
    source = training_source(data, needs, seed=0)
    return collate([source[0, index] for index in range(len(source))])


def test_label__answers_for_every_camera_and_who_gave_them(streets: Path, teacher: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(streets, teacher)) == 0
    assert "12 answers, 0 left out" in capsys.readouterr().err
    names = [f"scene_{scene:06d}/{frame:06d}/{camera}.npz" for scene in (0, 1) for frame in (0, 1) for camera in sorted(YAWS)]
    assert list(written(streets)) == names
    about = json.loads((streets.parent / "taught" / "taught.json").read_text())
    assert about["bins"] == {"num_bins": 8, "min_depth_m": 0.1, "max_depth_m": 80.0, "canonical_focal": 0.8}
    assert (about["data"], about["height"], about["width"], about["num_answers"]) == ("rendered:streets", HEIGHT, WIDTH, 12)
    assert about["teachers"]["teacher"]["name"] == "wide" and str(streets.parent) not in json.dumps(about)


def test_label__a_student_learns_the_same_from_files(streets: Path, teacher: str) -> None:
    """Every term that does not look inside the teacher, to what rounding costs."""
    assert main(command(streets, teacher)) == 0
    weights = dict.fromkeys(KEPT, 1.0)
    live, kept = build(teacher=teacher, **weights).eval(), build(**weights).eval()
    with torch.no_grad():
        ours = live.loss(samples(streets, live.needs)).terms
        theirs = kept.loss(samples(streets, kept.needs, taught=(str(streets.parent / "taught"),))).terms
    assert set(ours) == set(theirs) and len(ours) == len(KEPT) + 1
    for term in ours:
        torch.testing.assert_close(theirs[term], ours[term], rtol=0.02, atol=1e-4, msg=lambda text, term=term: f"{term}: {text}")


def test_label__killed_goes_on_and_is_refused_for_training_until_then(
    streets: Path, teacher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = taught.write_taught

    def interrupted(path: Path, *arguments: Any) -> None:
        if len(written(streets)) == 5:
            raise KeyboardInterrupt
        write(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(taught, "write_taught", interrupted)
        assert main(command(streets, teacher, "--batch", "1")) == 130
    before = written(streets)
    training = ["train", "surround-streets", "--data.root", str(streets), "--data.taught", str(streets.parent / "taught"), *STUDENT, *SIZE]
    training += ["--data.split", "None", "--data.workers", "0", "--method.probabilities-weight", "1"]
    training += ["--method.min-depth-m", "0.1", "--dry-run"]
    capsys.readouterr()
    assert main(training) == 2
    assert "taught: is not finished; the `leadline label` command" in capsys.readouterr().err
    assert main(command(streets, teacher)) == 0
    assert "1 of 4 are finished already" in capsys.readouterr().err
    after = written(streets)
    whole = [name for name in before if name.startswith("scene_000000/000000")]
    assert len(after) == 12 and len(whole) == 3 and all(after[name] == before[name] for name in whole)
    assert main(training) == 0


def test_label__another_teacher_into_the_same_folder_is_refused(
    streets: Path, teacher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(streets, teacher)) == 0
    before = written(streets)
    other = save(tmp_path / "wide", decoder_width=0.25)
    capsys.readouterr()
    for more in ([], ["--check", "2"]):
        assert main(command(streets, other, *more)) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and "these answers have teachers.teacher.fingerprint = " in lines[0]
    assert written(streets) == before


def test_label__check_asks_again_and_finds_what_is_wrong(streets: Path, teacher: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(streets, teacher)) == 0
    before = written(streets)
    capsys.readouterr()
    assert main(command(streets, teacher, "--check", "6")) == 0
    assert "6 answers checked, 0 wrong; largest differences: probabilities " in capsys.readouterr().err
    place = streets.parent / "taught" / "scene_000001" / "000001" / "left.npz"
    answer = read_taught(place)
    write_taught(place, answer | {"centres": answer["centres"] * np.float32(1.02)})
    assert main(command(streets, teacher, "--check", "100")) == 2
    lines = capsys.readouterr().err.splitlines()
    assert f"{place}: is not what wide says (depth off by 0.02" in lines[0] and "12 answers checked, 1 wrong" in lines[1]
    assert list(written(streets)) == list(before)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--check", "0"], "--check: 0 views; give a number of at least 1"),
        (["--check", "3"], "taught: has no taught.json; give a folder that `leadline label` has written"),
        (["--height", "40"], "--height: 40 px do not fit the models, which need multiples of 32; give 32"),
    ],
)
def test_label__mistakes_are_one_line_and_leave_nothing(
    more: list[str], line: str, streets: Path, teacher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(streets, teacher, *more)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and line in lines[0]
    assert not (streets.parent / "taught").exists()


def test_label__a_model_without_bins_is_refused(streets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.fixtures.tiny_teachers import save_plain

    assert main(command(streets, save_plain(tmp_path / "plain"))) == 2
    assert "plain: is a selfsup model, which has no bins of depth" in capsys.readouterr().err
