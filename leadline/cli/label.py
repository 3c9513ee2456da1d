"""`leadline label DATASET:ROOT --plain MODEL --out DIR`: depth of teachers for every view, written once. Resumes.

With `--mesh MODEL MODEL` instead of --plain, depth that is fused over each sequence (methods/mesh_teachers.py). Works through the data
set sequence by sequence; one file for each view, and labels.json, which says how they were made (data/labels.py). Train on them with
`--data.labels DIR`.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from leadline.cli.progress import progress
from leadline.data.footage import FootageOptions
from leadline.io.atomic import writable_folder
from leadline.io.jsonfile import plain, read_json, write_json
from leadline.training.config import MOVING, first_difference
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.dataset import Dataset
    from leadline.data.source import Item, SampleSource
    from leadline.methods.teachers import LabelMaker

COUNTS = ("num_labels", "num_left_out", "num_bad")
"""What labels.json says about the work itself; the rest is the request, which must stay the same."""


@dataclass(frozen=True)
class LabelOptions:
    """Write the depth of one teacher, of two and a mask (--plain), or of several fused over each sequence (--mesh) for a data set.

    Repeat the command to continue: finished views are skipped.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET:ROOT")]
    """For example rendered:out/rooms; `leadline datasets` lists them."""
    out: Path
    """Folder for the labels; made when missing."""
    plain: str | None = None
    """Run folder, model folder or hub id of a metric teacher."""
    mesh: tuple[str, ...] = ()
    """The same of two or more, instead: their mean, and where they disagree the surface fused from all frames; needs known poses."""
    robust: str | None = None
    """The same of a teacher of method intrinsic, whose mask says where its own depth stands in for the plain teacher's."""
    dropped: Literal["robust", "closed"] = "robust"
    """What stands where the mask drops pixels: the robust teacher's depth, or the surface in front of them (mask stereo)."""
    margin: float = 0.0
    """Pixels whose standardised errors differ by less take the mean of both teachers in log depth (literal masks)."""
    threshold: float | None = None
    """With --mesh: standard deviation of log depth from which models disagree; without it 0.1."""
    voxel_m: float | None = None
    """With --mesh: edge of a voxel [m], grown where a sequence would need too many; without it 0.05."""
    frames: int | None = None
    """With --mesh: frames of one camera fused together at most, which bounds memory; longer sequences are cut evenly; without it 100."""
    split: str | None = None
    """Name or file of a split; everything without it."""
    height: int | None = None
    """Height of the labels [px], and of the pictures that the teachers see; without it that of the (first) teacher's training."""
    width: int | None = None
    """Width of the same."""
    footage: FootageOptions = MOVING
    """For video: its camera, and which frames count; as in training."""
    batch: int = 8
    """Views labelled at once, with --plain."""
    device: str = "cpu"
    """Where the teachers run: cpu or cuda."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    return write_labels(tyro.cli(LabelOptions, args=argv, prog="leadline label"))


def write_labels(options: LabelOptions) -> int:
    """All labels that are missing. Returns the exit code, 2 when a file was broken. Raises UserError for what cannot be done at all."""
    from leadline.data.catalog import open_to_learn
    from leadline.data.derived import with_derived
    from leadline.data.source import SampleSource, items_of
    from leadline.data.transforms import Transform

    footage = options.footage if options.dataset.startswith("video:") else None
    dataset = open_to_learn(options.dataset, options.split, footage=footage)
    maker = _label_maker(options)
    height, width = _size(options, maker)
    dataset = with_derived(dataset, maker.needs)
    source = SampleSource(dataset, maker.needs, Transform(height, width))
    work = _Work(options, dataset, maker, source, items_of(dataset, maker.needs))
    work.claim_folder(height=height, width=width)
    return work.label_all()


def _label_maker(options: LabelOptions) -> "LabelMaker":
    """Who the options ask for. Raises UserError for options that do not go together, and for models that cannot teach."""
    from leadline.methods.mesh_teachers import load_mesh_teachers
    from leadline.methods.teachers import load_teachers

    of_mesh = {name: getattr(options, name) for name in ("threshold", "voxel_m", "frames") if getattr(options, name) is not None}
    if (options.plain is None) == (not options.mesh):
        wrong = "neither is given" if options.plain is None else "both are given"
        raise UserError("--plain, --mesh", wrong, "give --plain MODEL, or --mesh MODEL MODEL")
    if options.plain is None:
        if options.robust is not None or options.dropped != "robust" or options.margin > 0:
            raise UserError("--mesh", "knows no --robust, --dropped or --margin", "leave them out, or give --plain")
        return load_mesh_teachers(options.mesh, **of_mesh, device=options.device)
    if of_mesh:
        raise UserError("--plain", "knows no --threshold, --voxel-m or --frames", "leave them out, or give --mesh")
    return load_teachers(options.plain, options.robust, dropped=options.dropped, margin=options.margin, device=options.device)


def _size(options: LabelOptions, maker: "LabelMaker") -> tuple[int, int]:
    """Height and width of the labels. Raises UserError for a size that the teachers cannot take."""
    (height, width), multiple = maker.size, maker.size_multiple
    size = options.height or height, options.width or width
    for option, side in zip(("--height", "--width"), size, strict=True):
        if side < 1 or side % multiple:
            nearest = max(1, round(side / multiple)) * multiple
            raise UserError(option, f"{side} px do not fit the teachers, which need multiples of {multiple}", f"give {nearest}")
    return size


@dataclass(frozen=True)
class _Work:
    """One call of the verb."""

    options: LabelOptions
    dataset: "Dataset"
    maker: "LabelMaker"
    source: "SampleSource"
    items: "Sequence[Item]"
    bad: dict[str, str] = field(default_factory=dict)
    """A line for each broken file."""

    def claim_folder(self, *, height: int, width: int) -> None:
        """Write the request into the folder. Raises UserError when it belongs to another one, naming the first difference."""
        out, about = self.options.out, self._about_path
        request = self._request(height=height, width=width)
        if about.exists():
            old = {key: value for key, value in read_json(about).items() if key not in COUNTS}
            difference = first_difference(old, request)
            if difference is not None:
                wrong = f"these labels have {difference.field} = {difference.old!r}, now {difference.new!r} is asked for"
                raise UserError(about, wrong, "give the same options to continue, or another --out")
        elif out.is_dir() and any(out.iterdir()):
            raise UserError(out, "holds other things than labels", "give another --out")
        writable_folder(out)
        write_json(about, request | dict.fromkeys(COUNTS))

    def label_all(self) -> int:
        """Every view that has no label yet. Returns the exit code."""
        waiting = {index for index in range(len(self.items)) if not self._finished(index)}
        if len(waiting) < len(self.items):
            print(f"{len(self.items) - len(waiting)} of {len(self.items)} are finished already", file=sys.stderr)
        with progress("label", len(waiting)) as advance:
            for piece in self._pieces():
                missing = [index for index in piece if index in waiting]
                if missing:
                    self._label(missing, missing if self.maker.together is None else piece)
                    advance(len(missing))
        return self._close()

    def _pieces(self) -> Iterator[list[int]]:
        """The items that are labelled at once: of one sequence and camera, in parts of about one length."""
        cameras: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for index, ((record, of_record), *_) in enumerate(self.items):
            cameras.setdefault((record.sequence, of_record), []).append(index)
        most = self.maker.together or max(1, self.options.batch)
        for indices in cameras.values():
            num = math.ceil(len(indices) / most)
            for part in range(num):
                yield indices[part * len(indices) // num : (part + 1) * len(indices) // num]

    def _label(self, missing: Sequence[int], read: Sequence[int]) -> None:
        """Write the labels of `missing`, made of all of `read` that is not broken."""
        from leadline.data.labels import write_label
        from leadline.data.sample import collate

        samples = {}
        for index in read:
            try:
                samples[index] = self.source[0, index]
            except UserError as error:
                self.bad[error.subject] = str(error)
        if not samples.keys() & set(missing):
            return
        batch = collate(list(samples.values())).to(self.options.device)
        depth = self.maker.depths(batch)
        if batch.usable is not None:
            depth = depth * batch.usable[:, 0].flatten(0, 1)
        labels, K = depth.cpu().numpy(), batch.K[:, 0].flatten(0, 1).double().cpu().numpy()
        paths = [(path, index in missing) for index in samples for path in self._paths(index)]
        for (path, is_missing), label, matrix in zip(paths, labels, K, strict=True):
            if is_missing:
                write_label(path, label, K=matrix, model=self.maker.name)

    def _close(self) -> int:
        """Say what happened, and that the folder is finished; 2 when a file was broken."""
        num_views = sum(len(record.cameras) for record in self.dataset.records)
        num_items = sum(len(self._paths(index)) for index in range(len(self.items)))
        num_labels = sum(len(self._paths(index)) for index in range(len(self.items)) if self._finished(index))
        counts = num_labels, num_views - num_items, num_items - num_labels
        write_json(self._about_path, read_json(self._about_path) | dict(zip(COUNTS, counts, strict=True)))
        for line in self.bad.values():
            print(f"leadline label: {line}", file=sys.stderr)
        left_out = f"{counts[1]} left out (a neighbour in time is missing)"
        print(f"{num_labels} labels, {left_out}, {counts[2]} bad; in {self.options.out}", file=sys.stderr)
        return 2 if self.bad else 0

    def _request(self, *, height: int, width: int) -> dict[str, Any]:
        """What decides the labels, and so their provenance."""
        from leadline import __version__
        from leadline.data.labels import FORMAT, labelled_data

        data = labelled_data(self.dataset, self.options.footage)
        size = {"height": height, "width": width}
        request = {"format": FORMAT, "leadline_version": __version__, **data, "split": self.options.split, **size}
        return plain(request | self.maker.provenance)

    def _finished(self, index: int) -> bool:
        return all(path.exists() for path in self._paths(index))

    def _paths(self, index: int) -> list[Path]:
        """The labels of an item: of its reference picture, or of all cameras of a rig."""
        from leadline.data.labels import label_path

        record, cameras = self.items[index][0]
        return [label_path(self.options.out, record, camera) for camera in cameras]

    @property
    def _about_path(self) -> Path:
        from leadline.data.labels import ABOUT

        return self.options.out / ABOUT
