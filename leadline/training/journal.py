"""The rows of a run: logs/metrics.csv, whose rows survive a kill, and TensorBoard beside it."""

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.io.atomic import atomic_write
from leadline.types import UserError


class Journal:
    """Appends rows of numbers to `folder`/metrics.csv and to TensorBoard, from one process only.

    Opening it after a kill drops the rows after `start_step`, which the resumed run writes again. A column that was not
    there before rewrites the file, atomically.
    """

    def __init__(self, folder: Path, *, start_step: int, tensorboard: bool) -> None:
        self.path = folder / "metrics.csv"
        self._rows = [row for row in read_history(self.path) if row["step"] <= start_step]
        self._columns = list(dict.fromkeys(name for row in self._rows for name in row)) or ["step", "time_s"]
        self._began = time.monotonic() - max((row.get("time_s", 0.0) for row in self._rows), default=0.0)
        self._write_all()
        self._board = _open_board(folder / "tensorboard", start_step) if tensorboard else None

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add one row. Raises UserError when the disk is full."""
        row = {"step": step, "time_s": round(time.monotonic() - self._began, 3), **values}
        self._rows.append(row)
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            self._write_all()
        else:
            try:
                with self.path.open("a", newline="") as file:
                    csv.DictWriter(file, self._columns).writerow(row)
            except OSError as error:
                raise UserError(self.path, f"cannot be written ({error.strerror})", "free some space and resume the run") from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def write_picture(self, name: str, step: int, picture: Any) -> None:
        """Show a picture uint8 (h, w, 3) on TensorBoard."""
        if self._board is not None:
            self._board.add_image(name, picture, step, dataformats="HWC")

    @property
    def history(self) -> list[dict[str, float]]:
        """Every row so far, those of before a resume included."""
        return list(self._rows)

    def close(self) -> None:
        """Write out what TensorBoard still holds."""
        if self._board is not None:
            self._board.close()

    def _write_all(self) -> None:
        with atomic_write(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(self._rows)


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows of a metrics.csv with the empty cells left out. A last line that a kill cut short is dropped."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(whole.splitlines())
    return [{name: int(cell) if name == "step" else float(cell) for name, cell in row.items() if cell} for row in rows]


def _open_board(folder: Path, start_step: int) -> Any:
    from torch.utils.tensorboard.writer import SummaryWriter

    # purge_step hides what a killed run wrote after the checkpoint that is being resumed.
    return SummaryWriter(folder, purge_step=start_step + 1 if start_step else None)
