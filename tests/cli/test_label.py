"""`leadline label` as a person would use it: labels, provenance, going on after anything, and training on what it wrote."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.cli.main import main
from leadline.data import labels
from leadline.data.augment import Augment
from leadline.data.sample import collate
from leadline.io.depth import read_depth
from leadline.methods.teachers import load_teachers
from leadline.training.config import DataConfig
from leadline.training.data import training_source
from tests.fixtures.tiny_data import write_rendered
from tests.fixtures.tiny_teachers import HEIGHT, NETWORK, WIDTH, save_plain, save_robust

pytestmark = pytest.mark.usefixtures("one_thread")
FLOAT32_M = 1e-6
"""Last digit of a float32 of some metres."""
STUDENT = ["--method.encoder", "resnet-tiny", "--method.decoder-width", "0.25", "--data.split", "None", "--data.workers", "0"]
SIZE = ["--data.height", str(HEIGHT), "--data.width", str(WIDTH)]


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("teachers")
    return {"plain": save_plain(root / "plain"), "literal": save_robust(root / "literal", automask=False)}  # their pictures stand still


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """Two rooms of three frames."""
    write_rendered(tmp_path / "rooms", frames=3)
    return tmp_path / "rooms"


def command(rooms: Path, teachers: dict[str, str], *more: str) -> list[str]:
    return ["label", f"rendered:{rooms}", "--plain", teachers["plain"], "--out", str(rooms.parent / "labels"), *more]


def written(rooms: Path) -> dict[str, int]:
    out = rooms.parent / "labels"
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in sorted(out.rglob("*.png"))}


def test_label__one_file_for_each_view_and_who_said_so(rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(rooms, teachers)) == 0
    assert "6 labels, 0 left out" in capsys.readouterr().err
    assert list(written(rooms))[:2] == ["scene_000000/000000/camera.png", "scene_000000/000001/camera.png"] and len(written(rooms)) == 6
    about = json.loads((rooms.parent / "labels" / "labels.json").read_text())
    assert (about["data"], about["height"], about["width"], about["rule"], about["num_labels"]) == (
        "rendered:rooms",
        HEIGHT,
        WIDTH,
        "plain",
        6,
    )
    assert about["teachers"]["plain"]["name"] == "plain" and len(about["teachers"]["plain"]["fingerprint"]) == 16
    assert str(rooms.parent) not in json.dumps(about), "where things lay is nobody's business"


def test_label__stereo_and_a_model_that_may_be_nearer(rooms: Path, teachers: dict[str, str]) -> None:
    out = rooms.parent / "labels"
    assert main(["label", f"rendered:{rooms}", "--out", str(out), "--stereo", teachers["plain"]]) == 0
    assert len(list(written(rooms))) == 6
    about = json.loads((out / "labels.json").read_text())
    assert about["rule"] == "stereo" and about["teachers"]["robust"]["name"] == "plain"


def test_label__two_teachers_leave_out_what_has_no_neighbours(
    rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(rooms, teachers, "--robust", teachers["literal"])) == 0
    assert "2 labels, 4 left out (a neighbour in time is missing), 0 bad" in capsys.readouterr().err
    assert list(written(rooms)) == ["scene_000000/000001/camera.png", "scene_000001/000001/camera.png"]
    about = json.loads((rooms.parent / "labels" / "labels.json").read_text())
    assert (about["rule"], about["num_left_out"]) == ("literal", 4) and set(about["teachers"]) == {"plain", "robust"}


def test_label__offline_is_what_is_said_on_the_fly(rooms: Path, teachers: dict[str, str]) -> None:
    """To half a step of the files: their farthest depth / 131070."""
    assert main(command(rooms, teachers, "--robust", teachers["literal"], "--batch", "1")) == 0
    data = DataConfig(root=(str(rooms),), height=HEIGHT, width=WIDTH, workers=0, augment=Augment(flip=0.0))
    both = load_teachers(teachers["plain"], teachers["literal"])
    direct = training_source(data, both.needs, seed=0)
    read = training_source(
        replace(data, labels=(str(rooms.parent / "labels"),)), replace(both.needs, layers=frozenset({"depth"}), frames=(0,)), seed=0
    )
    assert len(direct) == len(read) == 2
    kept, turned = [], []
    together = both.pseudo(collate([direct[0, index] for index in range(2)])).depth
    for index in range(2):
        on_the_fly, offline = collate([direct[0, index]]), collate([read[0, index]])
        said = both.pseudo(on_the_fly)
        assert said.keep is not None and offline.depth is not None
        assert torch.equal(offline.image[:, 0], on_the_fly.image[:, 0])
        torch.testing.assert_close(offline.K[:, 0], on_the_fly.K[:, 0])
        assert (offline.depth[:, 0, 0] - said.depth).abs().max() <= said.depth.max() / 131070 + FLOAT32_M
        kept.append(said.keep.float().mean().item())
        turned.append(((together[index] - said.depth[0]).abs() > 0.01).float().mean().item())
    assert 0 < min(kept) and max(kept) < 1, "both teachers are heard"
    assert max(turned) < 0.01, "digits that depend on the batch turn a literal mask at few pixels"


def test_label__killed_goes_on_and_is_refused_for_training_until_then(
    rooms: Path, teachers: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = labels.write_label

    def interrupted(path: Path, *arguments: Any, **options: Any) -> None:
        if len(written(rooms)) == 3:
            raise KeyboardInterrupt
        write(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(labels, "write_label", interrupted)
        assert main(command(rooms, teachers, "--batch", "2")) == 130
    before = written(rooms)
    assert len(before) == 3
    training = ["train", "distil-rooms", "--data.root", str(rooms), "--data.labels", str(rooms.parent / "labels"), *STUDENT, *SIZE]
    capsys.readouterr()
    assert main([*training, "--dry-run"]) == 2
    assert "is not finished; the `leadline label` command" in capsys.readouterr().err
    assert main(command(rooms, teachers)) == 0
    assert "3 of 6 are finished already" in capsys.readouterr().err
    after = written(rooms)
    assert len(after) == 6 and all(after[name] == time for name, time in before.items())


def test_label__another_request_into_the_same_folder_is_refused(
    rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(rooms, teachers)) == 0
    before = written(rooms)
    capsys.readouterr()
    for more, line in (
        (["--width", "96"], "these labels have width = 64, now 96 is asked for"),
        (["--robust", teachers["literal"]], "these labels have rule = 'plain', now 'literal' is asked for"),
    ):
        assert main(command(rooms, teachers, *more)) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and line in lines[0] and "another --out" in lines[0]
    assert written(rooms) == before


def test_label__a_broken_frame_is_a_line_and_the_rest_is_finished(
    rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    picture = rooms / "scene_000000" / "frame_0001" / "camera" / "rgb.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:50])
    assert main(command(rooms, teachers)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert sum(str(picture) in line for line in lines) == 1 and "5 labels, 0 left out" in lines[-1] and "1 bad" in lines[-1]
    assert len(written(rooms)) == 5
    picture.write_bytes(whole)
    assert main(command(rooms, teachers)) == 0
    assert len(written(rooms)) == 6


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--height", "40"], "--height: 40 px do not fit the models, which need multiples of 32; give 32"),
        (["--dropped", "closed"], "dropped and margin are about two teachers"),
        (["--robust", "PLAIN"], "is a selfsup model, which has no mask"),
        (["--split", "test"], "has no scene of the split test"),
    ],
)
def test_label__mistakes_are_one_line_and_leave_nothing(
    more: list[str], line: str, rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(rooms, teachers, *(teachers["plain"] if word == "PLAIN" else word for word in more))) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and line in lines[0]
    assert not (rooms.parent / "labels").exists()


def test_label__a_folder_with_other_things_is_left_alone(rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    (rooms.parent / "labels").mkdir()
    (rooms.parent / "labels" / "notes.txt").write_text("mine")
    assert main(command(rooms, teachers)) == 2
    assert "holds other things than labels" in capsys.readouterr().err


def test_train__on_labels_and_labels_that_are_too_small_or_too_few(
    rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(rooms, teachers, "--robust", teachers["literal"])) == 0
    folder = str(rooms.parent / "labels")
    training = ["train", "distil-rooms", "--data.root", str(rooms), *STUDENT, "--dry-run", "--data.labels", folder]
    capsys.readouterr()
    assert main([*training, *SIZE]) == 0
    assert "2 of 64x32 px" in " ".join(capsys.readouterr().out.split())
    assert main([*training, "--data.height", "64", "--data.width", "96"]) == 2
    assert "holds labels of 64x32 px, training asks for 96x64" in capsys.readouterr().err
    assert main([*training, folder, *SIZE]) == 2
    assert "--data.labels: 2 folders for 1 data sets" in capsys.readouterr().err
    assert main([*training, *SIZE, "--method.plain", teachers["plain"]]) == 2
    assert "--data.labels: are depth, and this method reads none" in capsys.readouterr().err


def test_train__teachers_on_the_fly(rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    training = ["train", "distil-rooms", "--data.root", str(rooms), *STUDENT, *SIZE, "--dry-run"]
    assert main([*training, "--method.stereo", teachers["plain"]]) == 0
    assert "6 of 64x32 px" in " ".join(capsys.readouterr().out.split())
    training += ["--method.plain", teachers["plain"]]
    assert main([*training, "--method.stereo", teachers["plain"]]) == 2
    assert "stands in place of both" in capsys.readouterr().err
    assert main([*training, "--method.robust", teachers["literal"]]) == 0
    assert "2 of 64x32 px" in " ".join(capsys.readouterr().out.split())
    assert main([*training, "--method.uncertainty"]) == 0
    assert "6 of 64x32 px" in " ".join(capsys.readouterr().out.split())


def test_recipe__has_the_network_of_its_teachers() -> None:
    from leadline.recipes import recipe

    student, teacher = recipe("distil-rooms"), recipe("selfsup-rooms")
    assert student.steps == teacher.steps == 2_000 and student.data == teacher.data and student.optim == teacher.optim
    assert all(getattr(student.method, name) == getattr(teacher.method, name) for name in NETWORK)


MEAN_M = 4.07
"""Of the two untrained models in log depth: one says 5.13 m at every pixel, the other 3.23 m."""


def mesh_command(rooms: Path, teachers: dict[str, str], *more: str) -> list[str]:
    """Of both teachers, who disagree at every pixel."""
    models = teachers["plain"], teachers["literal"]
    return ["label", f"rendered:{rooms}", "--mesh", *models, "--out", str(rooms.parent / "labels"), *more]


def medians(rooms: Path) -> list[float]:
    """Depth [m] of each frame of the first room."""
    files = sorted((rooms.parent / "labels" / "scene_000000").rglob("*.png"))
    return [float(np.median(read_depth(path).values)) for path in files]


def test_label__mesh_is_one_surface_seen_from_every_frame(rooms: Path, teachers: dict[str, str]) -> None:
    """Each frame alone says the same; the camera takes steps of 0.5 m, and what the last frame sees through is not there."""
    assert main(mesh_command(rooms, teachers)) == 0
    assert medians(rooms) == pytest.approx([MEAN_M + 1.0, MEAN_M + 0.5, MEAN_M], abs=0.1)
    about = json.loads((rooms.parent / "labels" / "labels.json").read_text())
    assert (about["rule"], about["voxel_m"], about["threshold"], about["num_labels"]) == ("mesh", 0.05, 0.1, 6)
    assert [who["name"] for who in about["teachers"].values()] == ["plain", "literal"]
    assert len({who["fingerprint"] for who in about["teachers"].values()}) == 2


def test_label__mesh_only_where_the_models_disagree(rooms: Path, teachers: dict[str, str]) -> None:
    assert main(mesh_command(rooms, teachers, "--threshold", "1.0")) == 0
    assert medians(rooms) == pytest.approx([MEAN_M] * 3, abs=0.02)


def test_label__mesh_of_parts_down_to_a_single_frame(rooms: Path, teachers: dict[str, str]) -> None:
    assert main(mesh_command(rooms, teachers, "--frames", "2")) == 0
    assert medians(rooms) == pytest.approx([MEAN_M, MEAN_M + 0.5, MEAN_M], abs=0.1)


def test_label__mesh_of_all_frames_whichever_are_finished_and_without_broken_ones(
    rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(mesh_command(rooms, teachers)) == 0
    label = rooms.parent / "labels" / "scene_000000" / "000000" / "camera.png"
    before, bytes_before = written(rooms), label.read_bytes()
    label.unlink()
    assert main(mesh_command(rooms, teachers)) == 0
    assert label.read_bytes() == bytes_before
    assert {name: time for name, time in written(rooms).items() if name != "scene_000000/000000/camera.png"} == {
        name: time for name, time in before.items() if name != "scene_000000/000000/camera.png"
    }
    picture = rooms / "scene_000000" / "frame_0002" / "camera" / "rgb.jpg"
    picture.write_bytes(picture.read_bytes()[:50])
    for path in (rooms.parent / "labels" / "scene_000000").rglob("*.png"):
        path.unlink()
    capsys.readouterr()
    assert main(mesh_command(rooms, teachers)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert sum(str(picture) in line for line in lines) == 1 and "5 labels" in lines[-1] and "1 bad" in lines[-1]
    assert medians(rooms) == pytest.approx([MEAN_M + 0.5, MEAN_M], abs=0.1)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "--plain, --mesh, --stereo, --bins: none is given; give --plain MODEL, --mesh MODEL MODEL, --stereo MODEL, or"),
        (["--plain", "PLAIN", "--mesh", "PLAIN", "LITERAL"], "--plain, --mesh, --stereo, --bins: --plain and --mesh are given"),
        (["--mesh", "PLAIN"], "--mesh: 1 model cannot disagree with itself"),
        (["--mesh", "PLAIN", "PLAIN"], "is the same model as one before it"),
        (["--mesh", "PLAIN", "LITERAL", "--robust", "LITERAL"], "--mesh: knows no --robust"),
        (["--mesh", "PLAIN", "LITERAL", "--voxel-m", "0"], "--voxel-m: is 0.0"),
        (["--plain", "PLAIN", "--check", "3"], "--plain: knows no --check; leave it out, or give --bins"),
        (["--bins", "PLAIN", "--margin", "0.5"], "--bins: knows no --margin; leave it out, or give --plain"),
        (["--plain", "PLAIN", "--threshold", "0.2"], "--plain: knows no --threshold"),
    ],
)
def test_label__mesh_or_plain_and_what_belongs_to_each(
    options: list[str], line: str, rooms: Path, teachers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"PLAIN": teachers["plain"], "LITERAL": teachers["literal"]}
    out = rooms.parent / "labels"
    assert main(["label", f"rendered:{rooms}", "--out", str(out), *(named.get(word, word) for word in options)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and line in lines[0]
    assert not out.exists()
