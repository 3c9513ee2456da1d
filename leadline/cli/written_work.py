"""Files that are made once for a data set: claim a folder, walk through the data, write what is missing, say what happened."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from leadline.cli.progress import progress
from leadline.data.footage import FootageOptions
from leadline.io.atomic import writable_folder
from leadline.io.jsonfile import plain, read_json, write_json
from leadline.training.config import first_difference
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.dataset import Dataset
    from leadline.data.sample import Sample
    from leadline.data.source import Item, SampleSource
    from leadline.data.written import Written
    from leadline.methods.teachers import Asked

Write = Callable[["Sample", Sequence[Path | None]], None]
"""Writes the answer for each reference picture of a batch, n = b v, to its path; None is left out."""


class Options(Protocol):
    """What both verbs are told."""

    @property
    def out(self) -> Path:
        """Folder for the files."""
        ...

    @property
    def split(self) -> str | None:
        """Name or file of a split."""
        ...

    @property
    def height(self) -> int | None:
        """Of the pictures [px]; without it what those who are asked have learnt from."""
        ...

    @property
    def width(self) -> int | None:
        """The same."""
        ...

    @property
    def footage(self) -> FootageOptions:
        """Which frames of a video count."""
        ...

    @property
    def batch(self) -> int:
        """Samples at once."""
        ...

    @property
    def device(self) -> str:
        """Where networks run."""
        ...


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
        with progress(self.form.verb, len(waiting)) as advance:
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
            print(f"leadline {self.form.verb}: {line}", file=sys.stderr)
        left_out = f"{counts[1]} left out (a neighbour in time is missing)"
        print(f"{num_files} {self.form.what}, {left_out}, {counts[2]} bad; in {self.out}", file=sys.stderr)
        return 2 if self.bad else 0


def begin(options: Options, dataset: "Dataset", asked: "Asked", form: "Written") -> Work:
    """The work that is asked for. Raises UserError for a size that cannot be taken, and for data that lack what is needed."""
    from leadline import __version__
    from leadline.data.derived import with_derived
    from leadline.data.source import SampleSource, items_of
    from leadline.data.transforms import Transform
    from leadline.data.written import written_for

    height, width = _size(options, asked)
    dataset = with_derived(dataset, asked.needs)
    made = {"format": form.format, "leadline_version": __version__, **written_for(dataset, options.footage)}
    return Work(
        out=options.out,
        form=form,
        request=plain(made | {"split": options.split, "height": height, "width": width} | asked.provenance),
        dataset=dataset,
        source=SampleSource(dataset, asked.needs, Transform(height, width)),
        items=items_of(dataset, asked.needs),
        together=asked.together,
        batch=options.batch,
        device=options.device,
    )


def _size(options: Options, asked: "Asked") -> tuple[int, int]:
    """Height and width of the pictures. Raises UserError for a size that those who are asked cannot take."""
    (height, width), multiple = asked.size, asked.size_multiple
    size = options.height or height, options.width or width
    for option, side in zip(("--height", "--width"), size, strict=True):
        if side < 1 or side % multiple:
            nearest = max(1, round(side / multiple)) * multiple
            raise UserError(option, f"{side} px do not fit the models, which need multiples of {multiple}", f"give {nearest}")
    return size
