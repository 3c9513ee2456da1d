"""Splits: by name, or as text files with one record per line, in which `#` starts a comment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from leadline.data.dataset import Record
from leadline.data.faults import keep_each
from leadline.io.source import existing_file
from leadline.types import UserError


def read_split(path: str | Path, *, root: Path) -> list[str]:
    """Lines of the split file `path`, looked for as given and below `root`. Raises UserError when missing, empty or no text."""
    given = Path(path).expanduser()
    file = existing_file(given if given.exists() or not (root / given).exists() else root / given, what="split file")
    try:
        lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        raise UserError(file, "is not text", "give a file with one record per line") from None
    lines = [line for line in lines if line]
    if not lines:
        raise UserError(file, "lists nothing", "give a file with one record per line")
    return lines


def refuse_absent(split: str | Path, absent: list[str], *, total: int, root: Path) -> None:
    """Raise UserError when a split names what is not on disk: scoring the rest in silence would be another split.

    Where faults are gathered each line is one, and this returns.
    """
    remedy = "complete the data or shorten the list"
    if absent and not keep_each([UserError(split, f"its line '{line}' is not in {root}", remedy) for line in absent]):
        raise UserError(
            split,
            f"{len(absent)} of its {total} lines are not in {root}, the first is '{absent[0]}'",
            remedy,
        )


def choose_named(
    split: str, lines: Sequence[str], moments: Sequence[Record], named: Mapping[str, Sequence[Record]], *, root: Path
) -> list[Record]:
    """Those of `moments` that the `lines` of a split file name, in their own order. Raises UserError for names of nothing."""
    refuse_absent(split, [line for line in lines if line not in named], total=len(lines), root=root)
    chosen = {record for line in lines for record in named.get(line, ())}
    return [record for record in moments if record in chosen]


def choose(
    split: str | None,
    moments: Sequence[Record],
    *,
    root: Path,
    image_path: Callable[[Record, str], Path],
    named: Mapping[str, Callable[[Record], bool]] | None = None,
) -> Sequence[Record]:
    """The records of a split: all `moments` for None, those that `named[split]` accepts, or those that a file lists.

    A line of the file is a sequence, or begins with the path of an image below `root`; published lists carry folders of
    their authors before it, which are passed over. Raises UserError for a split that is neither, selects nothing, or lists
    what is not there.
    """
    if split is None:
        return moments
    named = named or {}
    if split in named:
        chosen = [moment for moment in moments if named[split](moment)]
        if not chosen:
            raise UserError(root, f"holds nothing of the split '{split}'", "complete the data or choose another split")
        return chosen
    if named and not Path(split).expanduser().exists() and not (root / split).exists():
        near = get_close_matches(split, named, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(named)}, or give a text file"
        raise UserError(split, "is neither a split nor a file", hint)
    return _listed(split, moments, root=root, image_path=image_path)


def _listed(split: str, moments: Sequence[Record], *, root: Path, image_path: Callable[[Record, str], Path]) -> list[Record]:
    lines = read_split(split, root=root)
    sequences: dict[str, list[tuple[Record, str]]] = {}
    images: dict[str, tuple[Record, str]] = {}
    for moment in moments:
        for camera in moment.cameras:
            sequences.setdefault(moment.sequence, []).append((moment, camera))
            images[image_path(moment, camera).relative_to(root).as_posix()] = moment, camera
    by_name = {sequence.rpartition("/")[2]: sequence for sequence in sequences}
    wanted: dict[Record, set[str]] = {}
    absent = []
    for line in lines:
        parts = PurePosixPath(line.split()[0]).parts
        tails = ["/".join(parts[start:]) for start in range(len(parts))]
        one = next((images[tail] for tail in tails if tail in images), None)
        all_of = sequences.get(line) or sequences.get(by_name.get(line, ""))
        found = [one] if one else all_of
        if not found:
            absent.append(line)
        for record, camera in found or ():
            wanted.setdefault(record, set()).add(camera)
    refuse_absent(split, absent, total=len(lines), root=root)
    chosen = [replace(record, cameras=tuple(c for c in record.cameras if c in cameras)) for record, cameras in wanted.items()]
    return sorted(chosen, key=lambda record: (record.sequence, record.frame))
