"""A file that somebody names is looked at before it is read, so that every reader gives the same sentence."""

from pathlib import Path

from leadline.types import UserError


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
