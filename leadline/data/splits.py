"""Split files: plain text, one record per line, `#` starts a comment. What a line means is the data set's business."""

from pathlib import Path

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
    """Raise UserError when a split names what is not on disk: scoring the rest in silence would be another split."""
    if absent:
        raise UserError(
            split,
            f"{len(absent)} of its {total} lines are not in {root}, the first is '{absent[0]}'",
            "complete the data or shorten the list",
        )
