"""JSON: strict on the way out, one sentence about what is broken on the way in."""

from pathlib import Path

import numpy as np
import pytest

from leadline.io.jsonfile import read_json, write_json
from leadline.types import DepthKind, UserError


def test_write_json__knows_arrays_paths_and_words(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"K": np.eye(2), "n": np.int64(3), "p": Path("x/y"), "kind": DepthKind.METRIC, 7: (1, "é")})
    assert read_json(tmp_path / "a.json") == {"K": [[1, 0], [0, 1]], "n": 3, "p": "x/y", "kind": "metric", "7": [1, "é"]}


def test_write_json__not_a_number_becomes_null(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": float("nan"), "b": np.float32("inf"), "c": np.array([1.0, -np.inf])})
    assert read_json(tmp_path / "a.json") == {"a": None, "b": None, "c": [1.0, None]}
    assert "NaN" not in (tmp_path / "a.json").read_text()


def test_write_json__unknown_type_leaves_the_older_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", object())
    assert read_json(tmp_path / "a.json") == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"a": 1,\n "b": }', "is not valid JSON (line 2"),
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not text"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_read_json__broken(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_json(tmp_path / "a.json")
    assert sentence in str(caught.value)
    assert str(tmp_path / "a.json") in str(caught.value)


def test_read_json__missing_or_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_json(tmp_path / "no.json")
    with pytest.raises(UserError, match="is a folder"):
        read_json(tmp_path)
