"""The work of `leadline label`: claim a folder, walk through a data set, write what is missing, say what happened."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from leadline.cli.progress import progress
from leadline.io.atomic import writable_folder
from leadline.io.jsonfile import read_json, write_json
from leadline.training.config import first_difference
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.dataset import Dataset
    from leadline.data.sample import Needs, Sample
    from leadline.data.source import Item, SampleSource
    from leadline.data.written import Written
    from leadline.methods.bin_teachers import BinTeacher
    from leadline.methods.teachers import LabelMaker

Write = Callable[["Sample", Sequence[Path | None]], None]
"""Writes the answer for each reference picture of a batch, n = b v, to its path; None is left out."""


class Asked(Protocol):
    """Who is asked about pictures, a `LabelMaker` or a `BinTeacher`, as far as the work goes."""

    @property
    def needs(self) -> "Needs":
        """What is read from a sample."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures [px] when nobody asks for others."""
        ...

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        ...

    @property
    def provenance(self) -> dict[str, Any]:
        """Teachers, and how they are put together: plain values."""
        ...

    @property
    def together(self) -> int | None:
        """So many frames of one camera, at most, are asked about together; None where each stands alone."""
        ...


def depth_writer(maker: "LabelMaker") -> Write:
    """Writes depth, 0 where nothing is usable (data/labels.py)."""

    def write(batch: "Sample", paths: Sequence[Path | None]) -> None:
        from leadline.data.labels import write_label

        depth = maker.depths(batch)
        if batch.usable is not None:
            depth = depth * batch.usable[:, 0].flatten(0, 1)
        labels, K = depth.cpu().numpy(), batch.K[:, 0].flatten(0, 1).double().cpu().numpy()
        for path, label, matrix in zip(paths, labels, K, strict=True):
            if path is not None:
                write_label(path, label, K=matrix, model=maker.name)

    return write


def bin_writer(teacher: "BinTeacher") -> Write:
    """Writes probabilities, centres and embedding (data/taught.py)."""

    def write(batch: "Sample", paths: Sequence[Path | None]) -> None:
        from leadline.data.taught import write_taught

        for path, answer in zip(paths, teacher.answers(batch), strict=True):
            if path is not None:
                write_taught(path, answer)

    return write


@dataclass(frozen=True)
class Work:
    """One call of the verb. `request` decides the files, and so is their provenance; `batch` samples are read at once."""

    out: Path
    form: "Written"
    request: Mapping[str, Any]
    dataset: "Dataset"
    source: "SampleSource"
    items: "Sequence[Item]"
    together: int | None
    batch: int
    device: str
    bad: dict[str, str] = field(default_factory=dict)
    """A line for each broken file."""

    def claim_folder(self) -> None:
        """Write the request into the folder. Raises UserError when it belongs to another one, naming the first difference."""
        if self.about_path.exists():
            self.check_request()
        elif self.out.is_dir() and any(self.out.iterdir()):
            raise UserError(self.out, f"holds other things than {self.form.what}", "give another --out")
        writable_folder(self.out)
        write_json(self.about_path, {**self.request, **dict.fromkeys(self._counts)})

    def check_request(self) -> None:
        """Raise UserError when the folder belongs to another request, naming the first difference."""
        old = {key: value for key, value in read_json(self.about_path).items() if key not in self._counts}
        difference = first_difference(old, dict(self.request))
        if difference is not None:
            wrong = f"these {self.form.what} have {difference.field} = {difference.old!r}, now {difference.new!r} is asked for"
            raise UserError(self.about_path, wrong, "give the same options to continue, or another --out")

    def write_all(self, write: Write) -> int:
        """Every view that has no file yet. Returns the exit code."""
        waiting = {index for index in range(len(self.items)) if not self.finished(index)}
        if len(waiting) < len(self.items):
            print(f"{len(self.items) - len(waiting)} of {len(self.items)} are finished already", file=sys.stderr)
        with progress("label", len(waiting)) as advance:
            for piece in self._pieces():
                missing = [index for index in piece if index in waiting]
                if missing:
                    self._write(write, missing, missing if self.together is None else piece)
                    advance(len(missing))
        return self._close()

    def finished(self, index: int) -> bool:
        """Whether all files of an item are there."""
        return all(path.exists() for path in self.paths(index))

    def paths(self, index: int) -> list[Path]:
        """The files of an item: of its reference picture, or of all cameras of a rig."""
        record, cameras = self.items[index][0]
        return [self.form.path(self.out, record, camera) for camera in cameras]

    @property
    def about_path(self) -> Path:
        """The JSON file of the folder."""
        return self.out / self.form.about

    @property
    def _counts(self) -> tuple[str, str, str]:
        """What the JSON file says about the work itself; the rest is the request, which must stay the same."""
        return self.form.count, "num_left_out", "num_bad"

    def _pieces(self) -> Iterator[list[int]]:
        """The items that are asked about at once: of one sequence and camera, in parts of about one length."""
        cameras: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for index, ((record, of_record), *_) in enumerate(self.items):
            cameras.setdefault((record.sequence, of_record), []).append(index)
        most = self.together or max(1, self.batch)
        for indices in cameras.values():
            num = math.ceil(len(indices) / most)
            for part in range(num):
                yield indices[part * len(indices) // num : (part + 1) * len(indices) // num]

    def _write(self, write: Write, missing: Sequence[int], read: Sequence[int]) -> None:
        """Write the files of `missing`, made of all of `read` that is not broken."""
        from leadline.data.sample import collate

        samples = {}
        for index in read:
            try:
                samples[index] = self.source[0, index]
            except UserError as error:
                self.bad[error.subject] = str(error)
        if samples.keys() & set(missing):
            paths = [path if index in missing else None for index in samples for path in self.paths(index)]
            write(collate(list(samples.values())).to(self.device), paths)

    def _close(self) -> int:
        """Say what happened, and that the folder is finished; 2 when a file was broken."""
        num_views = sum(len(record.cameras) for record in self.dataset.records)
        num_items = sum(len(self.paths(index)) for index in range(len(self.items)))
        num_files = sum(len(self.paths(index)) for index in range(len(self.items)) if self.finished(index))
        counts = num_files, num_views - num_items, num_items - num_files
        write_json(self.about_path, read_json(self.about_path) | dict(zip(self._counts, counts, strict=True)))
        for line in self.bad.values():
            print(f"leadline label: {line}", file=sys.stderr)
        left_out = f"{counts[1]} left out (a neighbour in time is missing)"
        print(f"{num_files} {self.form.what}, {left_out}, {counts[2]} bad; in {self.out}", file=sys.stderr)
        return 2 if self.bad else 0
