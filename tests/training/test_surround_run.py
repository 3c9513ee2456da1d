"""`surround` as a user runs it: recordings of real rigs trained on, scored and predicted, a teacher and its student on rendered streets."""

import json
import shutil
from pathlib import Path

import pytest

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.geometry.rig import Rig
from leadline.io.rig import read_rig, write_rig
from leadline.methods.loading import load
from leadline.scenes.produce import produce

SMALL = ["--method.network", "none", "--method.encoder", "resnet-tiny", "--method.decoder-width", "0.25", "--method.pretrained", "none"]
QUICK = [
    "--data.height",
    "64",
    "--data.width",
    "96",
    "--data.batch-size",
    "1",
    "--data.workers",
    "0",
    "--log.no-tensorboard",
    "--precision",
    "fp32",
]
RECORDED = {
    "ddad": ("val", ("ddad-surrounddepth",)),
    "nuscenes": ("mini_train", ("nuscenes-surrounddepth-6019",)),
}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two moments of one street, seen by six cameras and a LiDAR."""
    root = tmp_path_factory.mktemp("worlds") / "streets"
    return produce("streets", root, scenes=1, frames=2, height=64, width=96, seed=0, rig=read_rig("nuscenes6"), variant="scalar", layers=())


@pytest.mark.parametrize("dataset", RECORDED)
def test_surround__learns_a_recorded_rig_is_scored_under_its_presets_and_predicts_it(dataset: str, samples: Path, tmp_path: Path) -> None:
    split, protocols = RECORDED[dataset]
    root, run = samples / dataset, tmp_path / "run"
    size = ["--data.root", str(root), "--data.split", split, "--steps", "3", "--val-every", "0"]
    assert main(["train", f"surround-{dataset}", *size, *SMALL, *QUICK, "--run", str(run)]) == 0
    for protocol in protocols:
        out = tmp_path / f"{protocol}.json"
        command = ["evaluate", "--protocol", protocol, "--model", str(run), "--data", f"{dataset}:{root}", "--partial"]
        rigs = protocol.endswith(("surrounddepth", "6019"))
        assert main([*command, *(["--surround"] if rigs else []), "--json", str(out)]) == 0
        result = json.loads(out.read_text())
        assert 0 < result["metrics"]["abs_rel"] < 100 and (not rigs or result["surround"]["num_moments"] >= 1)
    names = _recorded_moment(f"{dataset}:{root}", tmp_path / "moment")
    out = ["--rig", str(tmp_path / "moment.json"), "--out", str(tmp_path / "depth"), "--format", "png16"]
    assert main(["predict", str(run), str(tmp_path / "moment"), *out]) == 0
    assert {path.name for path in (tmp_path / "depth").iterdir()} >= {f"{name}.png" for name in names}


def test_surround__a_teacher_of_streets_teaches_live_and_from_files(street: Path, tmp_path: Path) -> None:
    """The whole way on one rendered moment: teacher, its kept answers, students of both, a student whose folder stands alone."""
    data = ["--data.root", str(street), "--data.split", "None", "--data.val-split", "None", "--steps", "2"]
    assert main(["train", "surround-teacher-streets", *data, *SMALL, *QUICK, "--run", str(tmp_path / "teacher")]) == 0
    label = ["label", f"rendered:{street}", "--bins", str(tmp_path / "teacher"), "--out", str(tmp_path / "kept")]
    assert main(label) == 0 and main([*label, "--check", "3"]) == 0
    distil = ["--method.probabilities-weight", "1", "--method.cross-weight", "1", "--method.relations-weight", "1"]
    live = ["--method.teacher", str(tmp_path / "teacher")]
    for name, options in (("live", live), ("kept", ["--data.taught", str(tmp_path / "kept")])):
        assert main(["train", "surround-streets", *data, *SMALL, *QUICK, *distil, *options, "--run", str(tmp_path / name)]) == 0
        about = json.loads((tmp_path / name / "model" / "config.json").read_text())
        assert load(tmp_path / "teacher").fingerprint in json.dumps(about["details"])
    assert (
        main(["predict", str(tmp_path / "live"), *_moment(street), "--rig", str(street / "rig.json"), "--out", str(tmp_path / "depth")])
        == 0
    )
    assert len(list((tmp_path / "depth").glob("*.provenance.json"))) == 6


def test_surround__trains_on_while_a_camera_is_dead(street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "streets"
    shutil.copytree(street, root)
    next(root.glob("scene_*/frame_0001/CAM_BACK/rgb.*")).write_bytes(b"")
    data = ["--data.root", str(root), "--data.split", "None", "--data.val-split", "None", "--steps", "2", "--data.on-corrupt"]
    command = ["train", "surround-streets", *SMALL, *QUICK, *data]
    assert main([*command, "raise", "--run", str(tmp_path / "raised")]) == 2
    assert "CAM_BACK" in capsys.readouterr().err
    assert main([*command, "blank", "--run", str(tmp_path / "blanked")]) == 0
    assert "cameras were blanked because of missing or broken files" in capsys.readouterr().err
    details = json.loads((tmp_path / "blanked" / "model" / "config.json").read_text())["details"]
    assert details["broken_files"]["num_blanked"] > 0


def _recorded_moment(data: str, folder: Path) -> tuple[str, ...]:
    """The first moment as a user has it: a folder with a picture of each camera, and the rig beside it."""
    dataset = open_dataset(data)
    record = dataset.records[0]
    folder.mkdir()
    views = {name: dataset.view(record, name, frozenset()) for name in record.cameras}
    for name, view in views.items():
        (folder / f"{name}.jpg").symlink_to(view.path)
    write_rig(folder.with_suffix(".json"), Rig(tuple(view.camera for view in views.values())))
    return record.cameras


def _moment(root: Path) -> list[str]:
    return [str(next(path for path in sorted(root.glob("scene_*/frame_*")) if path.is_dir()))]
