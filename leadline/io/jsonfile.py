"""JSON files: whole or not written, strict enough for every reader, and a broken one named with its line."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.atomic import write_bytes
from leadline.io.source import Source, existing_file, readable
from leadline.types import UserError

_CHUNK = 1 << 20
"""Characters of a table read at once."""
_OPENING, _BETWEEN = re.compile(r"\s*\["), re.compile(r"[\s,]*")


def read_json(source: Source) -> Any:
    """The value in the JSON file `source`. Raises UserError when it is missing or broken."""
    path, content = readable(source, what="JSON file")
    try:
        text = content.read_text(encoding="utf-8-sig") if isinstance(content, Path) else content.read().decode("utf-8-sig")
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(path, f"is not valid JSON (line {error.lineno}: {error.msg})", "repair or replace the file") from error
    except UnicodeDecodeError as error:
        raise UserError(path, "is not text, so not JSON", "give a JSON file") from error
    except RecursionError as error:
        raise UserError(path, "is nested too deeply", "give a JSON file made for leadline") from error


def iter_json_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """The objects of the JSON list in `path`, one after the other, so that a table of a gigabyte is never in memory as a whole.

    Raises UserError when the file is missing, is no list of objects, or ends in the middle.
    """
    path = existing_file(path, what="JSON file")
    decode = json.JSONDecoder().raw_decode
    try:
        with path.open(encoding="utf-8-sig") as file:
            text, count = file.read(_CHUNK), 0
            while text.isspace():
                text = file.read(_CHUNK)
            opening = _OPENING.match(text)
            place = opening.end() if opening else 0
            row: object = None if opening else text
            while opening:
                place = _BETWEEN.match(text, place).end()  # pyright: ignore[reportOptionalMemberAccess]
                if text[place : place + 1] == "]":
                    return
                try:
                    row, place = decode(text, place)
                except json.JSONDecodeError as error:
                    # Reading twice as much keeps a row longer than a chunk from being parsed over and over.
                    more = file.read(max(_CHUNK, len(text) - place))
                    if not more:
                        wrong = f"is not valid JSON, or ends too early (after {count} rows: {error.msg})"
                        raise UserError(path, wrong, "copy or download the file again") from error
                    text, place = text[place:] + more, 0
                    continue
                if not isinstance(row, dict):
                    break
                yield row
                count += 1
    except UnicodeDecodeError as error:
        raise UserError(path, "is not text, so not JSON", "give a JSON file") from error
    raise UserError(path, f"is not a list of objects ({str(row)[:40]!r})", "give the table as it was published")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as JSON. Numbers that JSON does not have (NaN, infinity) become null; arrays become lists.

    Raises UserError where it cannot be written.
    """
    write_bytes(path, as_json(value))


def as_json(value: Any, *, compact: bool = False) -> bytes:
    """What `write_json` writes; `compact` leaves out what is there for people."""
    text = json.dumps(
        plain(value), indent=None if compact else 2, separators=(",", ":") if compact else None, ensure_ascii=False, allow_nan=False
    )
    return (text + "\n").encode()


def plain(value: Any) -> Any:
    """`value` with arrays, paths and tuples replaced by what JSON knows."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case Path():
            return str(value)
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
