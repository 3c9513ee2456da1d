"""Whole files or none: every way in which writing can fail leaves the folder as it was."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leadline.io.atomic import atomic_write, writable_folder, write_bytes
from leadline.types import UserError
from tests.fixtures.bad_files import small_disk


def test_atomic_write__creates_parents_and_leaves_only_the_file(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.bin"
    with atomic_write(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == target.suffix
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(target.parent.iterdir()) == [target]


def test_atomic_write__follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"whole")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_atomic_write__interrupted_keeps_the_older_file(tmp_path: Path, interruption: type[BaseException]) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"older")
    with pytest.raises(interruption), atomic_write(target) as temporary:
        temporary.write_bytes(b"half")
        raise interruption
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_write__control_c_in_the_middle(tmp_path: Path) -> None:
    code = f"""
from leadline.io.atomic import write_bytes
print("ready", flush=True)
while True:
    write_bytes({str(tmp_path / "file.bin")!r}, bytes(1_000_000))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]
    assert (tmp_path / "file.bin").stat().st_size == 1_000_000


def test_atomic_write__disk_that_fills_on_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(UserError, match=r"file\.bin: cannot be written \(no space left on device\); free some space"):
        write_bytes(tmp_path / "file.bin", b"whole")
    assert not list(tmp_path.iterdir())


def test_atomic_write__full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        write_bytes(disk / "older.bin", b"older")
        with pytest.raises(UserError, match="no space left on device"):
            write_bytes(disk / "older.bin", bytes(100_000))
        assert (disk / "older.bin").read_bytes() == b"older"
        assert list(disk.iterdir()) == [disk / "older.bin"]


def test_atomic_write__limit_on_file_sizes(tmp_path: Path) -> None:
    code = f"""
import resource
from leadline.io.atomic import write_bytes
from leadline.types import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes({str(tmp_path / "file.bin")!r}, bytes(5000))
except UserError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written (file too large)" in result.stdout
    assert not list(tmp_path.iterdir())


def test_atomic_write__read_only_folder(tmp_path: Path) -> None:
    with small_disk(tmp_path, read_only=True) as disk:
        for target in (disk / "file.bin", disk / "new" / "file.bin"):
            with pytest.raises(UserError, match=r"read-only file system.*choose a folder that can be written to"):
                write_bytes(target, b"whole")


def test_atomic_write__folder_that_forbids_files() -> None:
    # /proc refuses files to everybody, root included, whom permission bits do not stop.
    with pytest.raises(UserError, match="cannot be written"):
        write_bytes("/proc/leadline.bin", b"whole")


def test_atomic_write__parent_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"older")
    for target in (tmp_path / "file" / "inside.bin", tmp_path / "file" / "deep" / "inside.bin"):
        with pytest.raises(UserError, match="is not a folder, or lies inside a file; choose another output folder"):
            write_bytes(target, b"whole")


def test_atomic_write__target_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        write_bytes(tmp_path, b"whole")


def test_atomic_write__name_too_long(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose a shorter name"):
        write_bytes(tmp_path / ("x" * 300), b"whole")
    assert not list(tmp_path.iterdir())


def test_atomic_write__passes_on_errors_about_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "file.bin"):
        (tmp_path / "another").read_bytes()


def test_writable_folder__is_made_and_left_empty(tmp_path: Path) -> None:
    assert writable_folder(tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert not list((tmp_path / "new" / "out").iterdir())


def test_writable_folder__refuses_what_takes_no_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="not a folder"):
        writable_folder(tmp_path / "file")
    with pytest.raises(UserError, match="cannot be written"):
        writable_folder("/proc")
