"""JSON: strict on the way out, one sentence about what is broken on the way in."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.io import jsonfile
from leadline.io.jsonfile import iter_json_rows, read_json, write_json
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


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
def test_iter_json_rows__is_read_json_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(jsonfile, "_CHUNK", chunk)
    rows = [{"token": "a]b,{", "t": [1.5, -2e-3], "é": None}, {}, {"n": {"m": [{}, [{"x": 10**18}]]}}] * 4
    for indent in (None, 0, 3):
        (tmp_path / "a.json").write_text(json.dumps(rows, indent=indent))
        assert list(iter_json_rows(tmp_path / "a.json")) == rows
    (tmp_path / "a.json").write_text(" [ \n ]\n")
    assert list(iter_json_rows(tmp_path / "a.json")) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'[{"a": 1}, {"b": 2', "ends too early (after 1 rows"),
        (b'[{"a": 1}, {"b": 2}', "ends too early (after 2 rows"),
        (b'[{"a": 1}, {b: 2}]', "is not valid JSON, or ends too early (after 1 rows"),
        (b'{"a": 1}', "is not a list of objects"),
        (b"[1, 2]", "is not a list of objects"),
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not text"),
    ],
)
def test_iter_json_rows__broken(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(iter_json_rows(tmp_path / "a.json"))
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ") and sentence in str(caught.value)
