"""One array out of an .npz file that somebody else wrote; pickled objects are refused."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from leadline.io.source import Source, readable
from leadline.types import UserError


def has_npz_array(source: Source, name: str) -> bool:
    """Whether the file `source` holds an array of that name; False also for what is no .npz, of which reading will complain."""
    _, content = readable(source, what="file")
    try:
        with content.open("rb") if isinstance(content, Path) else content as raw, zipfile.ZipFile(raw) as archive:
            return f"{name}.npy" in archive.namelist()
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def read_npz_array(source: Source, name: str, *, what: str, remedy: str = "copy or download the file again") -> np.ndarray:
    """The array `name` in the file `source`, as stored. Raises UserError when it is missing, cut off, or holds something else.

    `what` says in the message what the file should have been, for example "LiDAR scan".
    """
    path, content = readable(source, what=what)
    try:
        with content.open("rb") if isinstance(content, Path) else content as raw, np.load(raw, allow_pickle=False) as file:
            array = np.asarray(file[name])
    except (OSError, EOFError, KeyError, TypeError, ValueError, IndexError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(path, f"is no {what} ({error}): an .npz with the array {name} was expected", remedy) from error
    if array.dtype.kind not in "fiub":
        raise UserError(path, f"is no {what}: {name} holds {array.dtype}, not numbers", remedy)
    return array
