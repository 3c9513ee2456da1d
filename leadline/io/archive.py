"""The files of a data set, in a folder or in one .zip archive: the same names, read without unpacking.

A reader asks for "scene_000000/frame_0000/cam/rgb.jpg" and gets a path in the one case, the bytes in the other.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from leadline.io.atomic import atomic_write
from leadline.io.source import Blob, Source, existing_file, reason
from leadline.types import UserError

_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The time that archives of leadline give their members, so that equal files make equal archives."""
_MAX_MEMBER = 1 << 30
"""Largest member that is read [bytes]: what is stored small may unpack to more than there is memory."""
_REMEDY = "copy the archive again, or write it with `leadline scenes pack`"


class FolderFiles:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folders(self, name: str = "") -> list[str]:
        """Names of the folders directly in the folder `name`, sorted."""
        with os.scandir(self.root / name) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())

    def __contains__(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.root / name).exists()

    def file(self, name: str) -> Source:
        """The file of that name, for the readers of this room."""
        return self.root / name


class ArchiveFiles:
    """Members of a .zip archive. Opening reads its table of contents only; raises UserError when it is cut off or no archive.

    Threads may share one. Every process opens a handle of its own, also after a fork, whose handles share their position.
    """

    def __init__(self, root: Path) -> None:
        self._held: _Held | None = None
        self.root = existing_file(root, what="archive")
        self._children: dict[str, set[str]] = {"": set()}
        for name in self._opened().namelist():
            above, _, last = name.rstrip("/").rpartition("/")
            while last and last not in self._children.setdefault(above, set()):
                self._children[above].add(last)
                above, _, last = above.rpartition("/")

    def folders(self, name: str = "") -> list[str]:
        """Names of the folders directly in the folder `name`, sorted; [] where there is no such folder."""
        inside = f"{name}/" if name else ""
        return sorted(child for child in self._children.get(name, ()) if inside + child in self._children)

    def __contains__(self, name: str) -> bool:
        """Whether there is a member of that name."""
        return name in self._opened().NameToInfo

    def file(self, name: str) -> Blob:
        """The content of a member. Raises UserError naming archive and member when it is missing or broken."""
        path = self.root / name
        archive = self._opened()
        try:
            if archive.getinfo(name).file_size > _MAX_MEMBER:
                raise UserError(path, "unpacks to more than a gigabyte", _REMEDY)
            return Blob(path, archive.read(name))
        except KeyError:
            raise UserError(path, "is missing in the archive", _REMEDY) from None
        except OSError as error:
            raise UserError(path, f"cannot be read ({reason(error)})", _REMEDY) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise UserError(path, f"is broken ({error})", _REMEDY) from error

    def __getstate__(self) -> dict[str, Any]:
        """Without the handle, which does not travel to another process."""
        return self.__dict__ | {"_held": None}

    def __del__(self) -> None:
        """Close what was opened here."""
        if self._held is not None:
            self._held.handle.close()

    def _opened(self) -> zipfile.ZipFile:
        process = os.getpid()
        if self._held is None or self._held.process != process:
            if self._held is not None:
                self._held.handle.close()
            self._held = _open(self.root, process)
        return self._held.archive


@dataclass(frozen=True, eq=False)
class _Held:
    """An open archive and the process that has opened it."""

    process: int
    handle: IO[bytes]
    archive: zipfile.ZipFile


def _open(root: Path, process: int) -> _Held:
    # The file is opened here, not by ZipFile, which counts its readers without a lock and closes a file of its own too early.
    try:
        handle = root.open("rb", buffering=0)
    except OSError as error:
        raise UserError(root, f"cannot be read ({reason(error)})", "check the path and its permissions") from error
    try:
        return _Held(process, handle, zipfile.ZipFile(handle))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        handle.close()
        raise UserError(root, "is no .zip archive, or its end is missing", _REMEDY) from error


Files = FolderFiles | ArchiveFiles


def open_files(root: Path) -> Files:
    """The files of `root`, a folder or an archive. Raises UserError when it is neither."""
    return FolderFiles(root) if root.is_dir() else ArchiveFiles(root)


class ArchiveWriter:
    """Writes members one after the other, stored as they are: what is worth packing is compressed already."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.num_bytes = 22  # the end of the table of contents
        """Of the archive so far, with its share of the table of contents."""

    def add(self, name: str, content: bytes) -> None:
        """Add one member."""
        about = zipfile.ZipInfo(name, _OLDEST)
        about.create_system, about.external_attr = 3, 0o644 << 16  # the same on every system; readable when unpacked
        self._zip.writestr(about, content, zipfile.ZIP_STORED)
        self.num_bytes += member_bytes(name, len(content))


def member_bytes(name: str, size: int) -> int:
    """What a stored member of `size` bytes takes of an archive: its header of 30 bytes, its row of 46, its name twice."""
    return size + 76 + 2 * len(name.encode())


@contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Yield a writer whose archive is at `path` when the block succeeds, whole or not at all.

    Equal members in equal order make equal bytes. Raises UserError where it cannot be written.
    """
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        yield ArchiveWriter(archive)
