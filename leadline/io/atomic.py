"""Files are written beside their final place and moved there when they are whole: nobody ever reads half a file."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.io.source import reason
from leadline.types import UserError

_REMEDIES = {
    errno.ENOSPC: "free some space on the disk or choose another folder",
    errno.EDQUOT: "free some of your quota or choose another folder",
    errno.EFBIG: "raise the limit on file sizes or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: "choose a folder that can be written to",
    errno.EPERM: "choose a folder that can be written to",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what is written there takes the place of `path` when the block succeeds.

    Missing parent folders are created. On any failure, Ctrl-C included, the temporary file is removed and an older file
    at `path` stays as it was. Raises UserError where the operating system refuses to write.
    """
    path = Path(path)
    if os.path.isdir(path):  # unlike Path.is_dir, this has no opinion on names that are too long
        raise UserError(path, "is a folder", "give the path of a file to write")
    _make_parent(path)
    # The ending is kept because many writers choose the format by it. A leading dot keeps it out of `ls` and globs.
    temporary = path.parent / f".leadline-{secrets.token_hex(8)}{path.suffix}"
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # An error about some other file is not about writing this one.
        if error.filename not in (None, str(temporary), temporary):
            raise
        raise _refusal(path, error) from error
    finally:
        _remove(temporary)


@contextmanager
def atomic_group(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; what is written there takes its place beside `path` when the block succeeds.

    For files that belong together: `path` itself comes last, so that whoever sees it has the others. On any failure the folder is
    removed, and older files stay as they were. Raises UserError where the operating system refuses to write.
    """
    path = Path(path)
    if path.is_dir() and not path.suffix:
        raise UserError(path, "is a folder", "give the path of a file to write")
    _make_parent(path)
    folder = path.parent / f".leadline-{secrets.token_hex(8)}"
    try:
        folder.mkdir()
        yield folder
        for made in sorted(folder.iterdir(), key=lambda one: one.name == path.name):
            if made.is_file():
                _flush_to_disk(made)
            elif (path.parent / made.name).is_dir():
                shutil.rmtree(path.parent / made.name)
            os.replace(made, path.parent / made.name)
    except OSError as error:
        if error.filename is not None and folder not in (Path(error.filename), *Path(error.filename).parents):
            raise
        raise _refusal(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all. Raises UserError where it cannot be written."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def writable_folder(path: str | Path) -> Path:
    """`path` as a folder that exists (created if missing) and takes files. Raises UserError otherwise.

    For verbs that compute for long before they write: ask first.
    """
    path = Path(path)
    probe = path / f".leadline-{secrets.token_hex(8)}"
    _make_parent(probe)
    try:
        probe.write_bytes(b"leadline")
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        _remove(probe)
    return path


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(path.parent, "is not a folder, or lies inside a file", "choose another output folder") from error
    except OSError as error:
        raise _refusal(path.parent, error) from error


def _flush_to_disk(path: Path) -> None:
    """Force the bytes out first: a rename may reach the disk before the data, and a full disk may only show here."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(path: Path, error: OSError) -> UserError:
    remedy = _REMEDIES.get(error.errno or 0, "check the folder and the disk")
    return UserError(path, f"cannot be written ({reason(error)})", remedy)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # A folder that vanished or turned read-only meanwhile: the error already on its way says more.
        pass
