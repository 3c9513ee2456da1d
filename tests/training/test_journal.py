"""Rows survive kills and resumes."""

from pathlib import Path

import pytest

from leadline.training.journal import Journal, read_history
from leadline.types import UserError


def journal(folder: Path, *, start_step: int = 0) -> Journal:
    return Journal(folder, start_step=start_step, tensorboard=False)


def test_journal__drops_rows_after_the_checkpoint_and_a_line_cut_short(tmp_path: Path) -> None:
    first = journal(tmp_path)
    for step in range(1, 6):
        first.write(step, {"loss": 1 / step})
    with first.path.open("a") as file:
        file.write("6,0.1")
    second = journal(tmp_path, start_step=3)
    second.write(4, {"loss": 9.0})
    assert [(row["step"], row["loss"]) for row in read_history(first.path)] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 9.0)]
    assert second.history == read_history(first.path)


def test_journal__a_new_column_keeps_the_old_rows(tmp_path: Path) -> None:
    rows = journal(tmp_path)
    rows.write(1, {"loss": 2.0})
    rows.write(1, {"val/abs_rel": 0.5})
    rows.write(2, {"loss": 1.0})
    history = read_history(rows.path)
    assert [sorted(set(row) - {"time_s"}) for row in history] == [["loss", "step"], ["step", "val/abs_rel"], ["loss", "step"]]


def test_journal__clock_goes_on_after_a_resume(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.write(1, {"loss": 1.0})
    first.path.write_text(first.path.read_text().replace("1,0.0", "1,70.0", 1))
    second = journal(tmp_path, start_step=1)
    second.write(2, {"loss": 1.0})
    assert read_history(first.path)[-1]["time_s"] >= 70.0


def test_journal__full_disk_is_one_sentence(tmp_path: Path) -> None:
    rows = journal(tmp_path)
    rows.write(1, {"loss": 1.0})
    rows.path = Path("/dev/full")
    with pytest.raises(UserError, match="No space left"):
        rows.write(2, {"loss": 1.0})


def test_journal__tensorboard_files_appear(tmp_path: Path) -> None:
    rows = Journal(tmp_path, start_step=0, tensorboard=True)
    rows.write(1, {"loss": 1.0})
    rows.close()
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
