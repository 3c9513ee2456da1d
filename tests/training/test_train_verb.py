"""`leadline train` and `leadline recipes` as a user types them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leadline.cli.main import main
from leadline.io.jsonfile import read_json
from leadline.recipes import recipe_names
from leadline.training.journal import read_history


def options(planes: Path, *, steps: int) -> list[str]:
    """A tiny run of the NYU recipe."""
    small = "--method.encoder resnet-tiny --method.decoder-width 0.25 --method.pretrained none --data.height 64 --data.width 64"
    quick = f"--steps {steps} --log.every 1 --log.no-tensorboard --data.batch-size 2 --data.workers 1 --val-every 0 --accelerator cpu"
    return ["train", "supervised-nyu", "--data.root", str(planes), *small.split(), *quick.split()]


def test_train__from_recipe_to_model(planes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*options(planes, steps=2), "--run", str(tmp_path / "run"), "--optim.lr", "0.002"]) == 0
    assert read_json(tmp_path / "run" / "config.json")["optim"]["lr"] == 0.002
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
    assert str(tmp_path / "run" / "model") in capsys.readouterr().err


def test_train__dry_run_prints_the_plan(planes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*options(planes, steps=50), "--run", str(tmp_path / "run"), "--dry-run"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "50 of 2 samples: 8.3 epochs" in printed
    assert not (tmp_path / "run").exists()


def test_train__ctrl_c_finishes_the_step_and_the_same_command_goes_on(planes: Path, tmp_path: Path) -> None:
    command = [*options(planes, steps=400), "--run", str(tmp_path / "run"), "--checkpoint-every", "1000"]
    process = subprocess.Popen([sys.executable, "-m", "leadline", *command], stderr=subprocess.PIPE, text=True)
    rows = tmp_path / "run" / "logs" / "metrics.csv"
    while process.poll() is None and (not rows.exists() or rows.read_bytes().count(b"\n") < 4):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted; what is finished stays" in errors
    assert "Traceback" not in errors
    done = len(read_history(rows))
    assert 3 <= done < 400
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    again = [*options(planes, steps=401), "--run", str(tmp_path / "run"), "--checkpoint-every", "1000"]
    assert main(again) == 2, "another number of steps is another run"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["supervised-roms"], "supervised-rooms"),
        (["--data.root", "x"], "the name of a recipe comes first"),
        (["supervised-rooms", "--run", "RUN"], "--data.root: no data set to train on"),
        (["supervised-rooms", "--data.root", "RUN", "--run", "RUN"], "RUN"),
        (["supervised-rooms", "--data.root", "kiti:RUN", "--run", "RUN"], "did you mean kitti:RUN?"),
        (["supervised-rooms", "--data.root", "x"], "--run: no run folder"),
        (["supervised-rooms", "--data.root", "x", "--run", "RUN", "--steps", "0"], "--steps"),
    ],
)
def test_train__mistakes_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_train__a_file_as_run_folder_is_refused(planes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([*options(planes, steps=1), "--run", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err


def test_train__help_needs_no_engine() -> None:
    code = "import sys; from leadline.cli.main import main; main(['train']); print('lightning' in sys.modules, 'torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "supervised-rooms" in printed
    assert printed.split()[-2:] == ["False", "False"]


def test_recipes__table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json", str(tmp_path / "recipes.json")]) == 0
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "recipes.json").read_text())
    assert set(written) == set(recipe_names())
    assert all(name in printed and written[name]["summary"] for name in recipe_names())
