"""Which prediction file belongs to which target file: the same path below its folder, without the ending."""

from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

from leadline.io.depth import SUFFIXES
from leadline.types import UserError

SHOWN = 5


@dataclass(frozen=True)
class FilePairs:
    """Matched files (prediction, target), and what was left over, in words."""

    matched: tuple[tuple[Path, Path], ...]
    notes: tuple[str, ...] = ()


def pair_files(pred: Path, target: Path, *, partial: bool = False) -> FilePairs:
    """Match files by name. Two single files are a pair whatever they are called; folders and globs are matched by relative name.

    Raises UserError for what does not exist, two files of one name, targets without a prediction (unless `partial`) and no match at all.
    """
    if pred.is_file() and target.is_file():
        return FilePairs(((pred, target),))
    preds, targets = _by_name(pred, "predictions"), _by_name(target, "targets")
    both = [name for name in targets if name in preds]
    if not both:
        raise UserError(
            pred,
            f"no prediction has the name of a target: predictions {_some(list(preds))}; targets {_some(list(targets))}",
            f"name them like the files of {target}, ending aside",
        )
    alone = [name for name in targets if name not in preds]
    if alone and not partial:
        raise UserError(
            pred,
            f"{len(alone)} of {len(targets)} targets have no prediction: {_some(alone)}",
            "predict them, or say --partial to leave them out",
        )
    extra = [name for name in preds if name not in targets]
    notes = []
    if alone:
        notes.append(f"{len(alone)} targets without a prediction were left out: {_some(alone)}")
    if extra:
        notes.append(f"{len(extra)} predictions without a target were left out: {_some(extra)}")
    return FilePairs(tuple((preds[name], targets[name]) for name in both), tuple(notes))


def masks_beside(mask: Path, target: Path, targets: Sequence[Path]) -> list[Path]:
    """For each of `targets` its label image: `mask` itself for a single file, or the image of the same name below the folder `mask`.

    Raises UserError naming a mask that is missing.
    """
    if mask.is_file():
        if len(targets) > 1:
            raise UserError(mask, f"is one mask for {len(targets)} targets", "give a folder of masks named like the targets")
        return [mask]
    if not mask.is_dir():
        raise UserError(mask, "does not exist", "give a label image, or a folder of them named like the targets")
    root = target if target.is_dir() else _glob(target)[0] if has_magic(str(target)) else target.parent
    found = []
    for path in targets:
        image = (mask / path.relative_to(root)).with_suffix(".png")
        if not image.is_file():
            raise UserError(image, "does not exist", f"every target of {target} needs its mask")
        found.append(image)
    return found


def _by_name(path: Path, what: str) -> dict[str, Path]:
    """Depth files by their path below the folder, without the ending."""
    if path.is_file():
        return {path.stem: path}
    if path.is_dir():
        root, files = path, sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    elif has_magic(str(path)):
        root, files = _glob(path)
    else:
        raise UserError(path, "does not exist", f"give a file, a folder or a quoted glob of {what}")
    if not files:
        raise UserError(path, f"holds no {what}", f"depth files end in {', '.join(SUFFIXES)}")
    named: dict[str, Path] = {}
    for file in files:
        name = file.relative_to(root).with_suffix("").as_posix()
        if name in named:
            raise UserError(
                file, f"has the same name as {named[name].name}", f"choose one format with a glob, such as '{root / ('*' + file.suffix)}'"
            )
        named[name] = file
    return named


def _glob(path: Path) -> tuple[Path, list[Path]]:
    """Files of a glob, and the deepest folder above its first wildcard."""
    parts = path.parts
    first = next(i for i, part in enumerate(parts) if has_magic(part))
    root = Path(*parts[:first]) if first else Path()
    return root, sorted(p for p in root.glob(str(Path(*parts[first:]))) if p.is_file())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
