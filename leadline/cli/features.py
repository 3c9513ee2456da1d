"""`leadline features DATASET:ROOT --depth MODEL --semantic MODEL --out DIR`: what frozen encoders see in every picture. Resumes.

For training the gates of briges without running its encoders in every epoch (`--data.features DIR --method.cached semantic`, or both).
The format is in data/features.py.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    from leadline.data.source import SampleSource
    from leadline.methods.base import Method


@dataclass(frozen=True)
class FeatureOptions:
    """Write the map of a segmentation encoder, and with --tokens the tokens of a depth encoder too, for every picture of a data set.

    Repeat the command to continue: finished pictures are skipped.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET:ROOT")]
    """For example rendered:out/rooms; `leadline datasets` lists them."""
    out: Path
    """Folder for the features; made when missing."""
    depth: str
    """The depth model of the method, as for --method.depth."""
    semantic: str
    """Its segmentation encoder, as for --method.semantic."""
    height: int
    """Height of the training images [px]."""
    width: int
    """Width of the training images [px]."""
    tokens: bool = False
    """The depth encoder's tokens too, for --method.cached both: much larger files."""
    fit: Literal["stretch", "pad"] = "stretch"
    """As for --method.fit."""
    split: str | None = None
    """Name or file of a split; everything without it."""
    footage: FootageOptions = MOVING
    """For video: its camera, and which frames count; as in training."""
    batch: int = 4
    """Pictures at once."""
    device: str = "cpu"
    """Where the encoders run: cpu or cuda."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    return write_all(tyro.cli(FeatureOptions, args=argv, prog="leadline features"))


def write_all(options: FeatureOptions) -> int:
    """All features that are missing. Returns the exit code, 2 when a file was broken. Raises UserError for what cannot be done at all."""
    from leadline.data.catalog import open_to_learn
    from leadline.data.features import ABOUT, features_path
    from leadline.data.sample import Needs
    from leadline.data.source import SampleSource, items_of
    from leadline.data.transforms import Transform
    from leadline.methods.catalog import build_method

    footage = options.footage if options.dataset.startswith("video:") else None
    dataset = open_to_learn(options.dataset, options.split, footage=footage)
    # The gates of this method see nothing: a projection fits any two widths, and one head divides every one.
    pair = {"depth": options.depth, "semantic": options.semantic, "fit": options.fit, "projection": True, "heads": 1}
    method = build_method("briges", pair).eval().to(options.device)
    _check_size(options, method)
    request = _request(options, dataset, method)
    _claim(options.out, request)
    needs = Needs(layers=frozenset())
    source, items = SampleSource(dataset, needs, Transform(options.height, options.width)), items_of(dataset, needs)
    paths = [features_path(options.out, record, cameras[0]) for ((record, cameras),) in items]
    waiting = [index for index, path in enumerate(paths) if not path.exists()]
    if len(waiting) < len(items):
        print(f"{len(items) - len(waiting)} of {len(items)} are finished already", file=sys.stderr)
    bad: dict[str, str] = {}
    with progress("features", len(waiting)) as advance:
        for piece in _pieces(waiting, options.batch):
            bad |= _write(method, source, piece, paths, options)
            advance(len(piece))
    there = sum(path.exists() for path in paths)
    write_json(options.out / ABOUT, request | {"num_views": there})
    for line in bad.values():
        print(f"leadline features: {line}", file=sys.stderr)
    print(f"features of {there} pictures, {len(items) - there} bad; in {options.out}", file=sys.stderr)
    return 2 if bad else 0


def _write(
    method: "Method", source: "SampleSource", piece: Sequence[int], paths: Sequence[Path], options: FeatureOptions
) -> dict[str, str]:
    """Write the features of the pictures at `piece`, and of the same mirrored. Returns a line for each that is broken."""
    import torch

    from leadline.data.features import write_features

    bad: dict[str, str] = {}
    images = {}
    for index in piece:
        try:
            images[index] = source[0, index].image[0, 0]
        except UserError as error:
            bad[error.subject] = str(error)
    if not images:
        return bad
    batch = torch.stack(list(images.values())).to(options.device)
    seen, mirrored = method.features(batch), method.features(batch.flip(-1))
    kept = {name: torch.stack([seen[name], mirrored[name]], dim=1).float().cpu().numpy() for name in _layers(options)}
    for position, index in enumerate(images):
        write_features(paths[index], {name: values[position] for name, values in kept.items()})
    return bad


def _layers(options: FeatureOptions) -> tuple[str, ...]:
    return ("semantic", "tokens") if options.tokens else ("semantic",)


def _pieces(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), max(1, size)):
        yield indices[start : start + max(1, size)]


def _check_size(options: FeatureOptions, method: "Method") -> None:
    multiple = method.size_multiple
    for option, side in (("--height", options.height), ("--width", options.width)):
        if side < 1 or side % multiple:
            nearest = max(1, round(side / multiple)) * multiple
            raise UserError(option, f"{side} px do not fit the depth encoder, which needs multiples of {multiple}", f"give {nearest}")


def _request(options: FeatureOptions, dataset: "Dataset", method: "Method") -> dict[str, Any]:
    """What decides the features, and so their provenance."""
    from leadline.data.features import FORMAT
    from leadline.data.written import written_for

    encoders = {name: method.encoders[name] for name in _layers(options)}
    size = {"split": options.split, "height": options.height, "width": options.width, "fit": options.fit}
    return plain({"format": FORMAT, **written_for(dataset, options.footage), **size, "made_by": encoders})


def _claim(out: Path, request: dict[str, Any]) -> None:
    """Write the request into the folder. Raises UserError when it belongs to another one, naming the first difference."""
    from leadline.data.features import ABOUT

    about = out / ABOUT
    if about.exists():
        old = {key: value for key, value in read_json(about).items() if key != "num_views"}
        difference = first_difference(old, request)
        if difference is not None:
            wrong = f"these features have {difference.field} = {difference.old!r}, now {difference.new!r} is asked for"
            raise UserError(about, wrong, "give the same options to continue, or another --out")
    elif out.is_dir() and any(out.iterdir()):
        raise UserError(out, "holds other things than features", "give another --out")
    writable_folder(out)
    write_json(about, request | {"num_views": None})
