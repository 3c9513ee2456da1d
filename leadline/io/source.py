"""A file that somebody names is looked at before it is read, so that every reader gives the same sentence."""

import io
from dataclasses import dataclass
from pathlib import Path

from leadline.types import UserError


@dataclass(frozen=True, eq=False)
class Blob:
    """A file that is in memory already, such as a member of an archive; `path` is what messages call it."""

    path: Path
    content: bytes


Source = str | Path | Blob
"""What the readers of this room take: a path, or the content of a file."""


def named(source: Source) -> Path:
    """What messages call `source`."""
    return source.path if isinstance(source, Blob) else Path(source)


def readable(source: Source, *, what: str = "file") -> tuple[Path, Path | io.BytesIO]:
    """What messages call `source`, and what to open. Raises UserError like `existing_file`."""
    if not isinstance(source, Blob):
        path = existing_file(source, what=what)
        return path, path
    if not source.content:
        raise UserError(source.path, "is empty (0 bytes)", f"copy or download the {what} again")
    return source.path, io.BytesIO(source.content)


def existing_file(path: str | Path, *, what: str = "file") -> Path:
    """`path` as a Path to a non-empty file. Raises UserError when it is missing, a folder, empty or may not be read.

    `what` says in the message what was expected, for example "image".
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(path, "is a folder", f"give the path of one {what}")
        if not path.exists():
            raise UserError(path, "does not exist", f"check the path of the {what}")
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise UserError(path, f"cannot be read ({reason(error)})", "check the path and its permissions") from error
    if not first:
        raise UserError(path, "is empty (0 bytes)", f"copy or download the {what} again")
    return path


def reason(error: OSError) -> str:
    """What the operating system says, without the path and the number, in lower case."""
    return (error.strerror or str(error) or type(error).__name__).lower()
