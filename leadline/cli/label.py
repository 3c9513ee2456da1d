"""`leadline label DATASET:ROOT --plain MODEL --out DIR`: what teachers say of every view, written once. Resumes.

With `--mesh MODEL MODEL` instead of --plain, depth that is fused over each sequence (methods/mesh_teachers.py). Works through the data
set sequence by sequence; one file for each view, and labels.json, which says how they were made (data/labels.py). Train on them with
`--data.labels DIR`. With `--bins MODEL` it is the probabilities and centres of a teacher's bins (data/taught.py), for `--data.taught DIR`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from leadline.cli.written_work import Write, begin
from leadline.data.footage import FootageOptions
from leadline.training.config import MOVING
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.data.sample import Sample
    from leadline.methods.bin_teachers import BinTeacher
    from leadline.methods.teachers import LabelMaker


OF_MESH = ("threshold", "voxel_m", "frames")


@dataclass(frozen=True)
class LabelOptions:
    """Write what teachers say of a data set: the depth of one, of two and a mask (--plain), of several fused over each sequence (--mesh),
    of neighbouring frames and one (--stereo), or the bins of one of method surround (--bins).

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
    bins: str | None = None
    """The same of a model of method surround, instead: its probabilities, centres and embedding for a student's --data.taught."""
    check: int | None = None
    """With --bins, write nothing: ask the teacher again about so many views, spread evenly, and compare with what is there."""
    stereo: str | None = None
    """The same, instead: depth of neighbouring frames without a network, except where this model is much nearer; needs known poses."""
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
    """Views (rigs with --bins) asked about at once, but for --mesh."""
    device: str = "cpu"
    """Where the teachers run: cpu or cuda."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    return write_labels(tyro.cli(LabelOptions, args=argv, prog="leadline label"))


def write_labels(options: LabelOptions) -> int:
    """All labels that are missing, or --check. Returns the exit code, 2 when a file was broken or wrong.

    Raises UserError for what cannot be done at all.
    """
    from leadline.data.catalog import open_to_learn
    from leadline.data.labels import LABELS
    from leadline.data.taught import TAUGHT

    footage = options.footage if options.dataset.startswith("video:") else None
    dataset = open_to_learn(options.dataset, options.split, footage=footage)
    _check_choice(options)
    if options.bins is None:
        maker = _label_maker(options)
        work, write = begin(options, dataset, maker, LABELS), depth_writer(maker)
    else:
        from leadline.methods.bin_teachers import load_bin_teacher

        teacher = load_bin_teacher(options.bins, device=options.device)
        work, write = begin(options, dataset, teacher, TAUGHT), bin_writer(teacher)
        if options.check is not None:
            from leadline.cli.label_check import check_answers

            return check_answers(work, teacher, options.check)
    work.claim_folder()
    return work.write_all(write)


def _check_choice(options: LabelOptions) -> None:
    """Raise UserError unless one kind of teacher is asked for, and nothing that belongs to another."""
    kinds = {"--plain": options.plain is not None, "--mesh": bool(options.mesh), "--stereo": options.stereo is not None}
    kinds["--bins"] = options.bins is not None
    given = [kind for kind, is_given in kinds.items() if is_given]
    if len(given) != 1:
        wrong = f"{' and '.join(given)} are given" if given else "none is given"
        raise UserError(", ".join(kinds), wrong, "give --plain MODEL, --mesh MODEL MODEL, --stereo MODEL, or --bins MODEL")
    belonging = {
        "--plain": {"--robust": options.robust is not None, "--dropped": options.dropped != "robust", "--margin": options.margin > 0},
        "--mesh": {f"--{name.replace('_', '-')}": getattr(options, name) is not None for name in OF_MESH},
        "--bins": {"--check": options.check is not None},
    }
    for kind, switches in belonging.items():
        strange = [switch for switch, is_given in switches.items() if is_given]
        if kind != given[0] and strange:
            raise UserError(given[0], f"knows no {strange[0]}", f"leave it out, or give {kind}")
    if options.check is not None and options.check < 1:
        raise UserError("--check", f"{options.check} views", "give a number of at least 1")


def _label_maker(options: LabelOptions) -> "LabelMaker":
    """Who the options ask for depth. Raises UserError for models that cannot teach, or not together."""
    from leadline.methods.mesh_teachers import load_mesh_teachers
    from leadline.methods.stereo_teachers import load_stereo_teacher
    from leadline.methods.teachers import load_teachers

    if options.stereo is not None:
        return load_stereo_teacher(options.stereo, device=options.device)
    if options.plain is None:
        of_mesh = {name: getattr(options, name) for name in OF_MESH if getattr(options, name) is not None}
        return load_mesh_teachers(options.mesh, **of_mesh, device=options.device)
    return load_teachers(options.plain, options.robust, dropped=options.dropped, margin=options.margin, device=options.device)


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
