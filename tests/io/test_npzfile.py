"""Arrays out of .npz files: as stored, and one sentence for everything that is none."""

from pathlib import Path

import numpy as np
import pytest

from leadline.io.npzfile import read_npz_array
from leadline.types import UserError


def test_read_npz_array__as_stored(tmp_path: Path) -> None:
    stored = np.array([[1, 2], [3, 40000]], dtype=np.uint16)
    np.savez_compressed(tmp_path / "a.npz", data=stored, other=np.zeros(3))
    read = read_npz_array(tmp_path / "a.npz", "data", what="LiDAR scan")
    assert read.dtype == np.uint16 and np.array_equal(read, stored)


@pytest.mark.parametrize("what", ["missing", "truncated", "no zip", "a .npy", "other name", "objects", "words"])
def test_read_npz_array__broken(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, data=np.arange(5000))
    match what:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[:900])
        case "no zip":
            path.write_bytes(b"PK\x03\x04 broken")
        case "a .npy":
            with path.open("wb") as file:
                np.save(file, np.arange(3))
        case "other name":
            np.savez(path, points=np.arange(3))
        case "objects":
            np.savez(path, data=np.array([{}], dtype=object))
        case "words":
            np.savez(path, data=np.array(["one"]))
    with pytest.raises(UserError, match=r"a.npz: (does not exist|is no LiDAR scan)"):
        read_npz_array(path, "data", what="LiDAR scan")
