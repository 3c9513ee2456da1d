"""JSON files: whole or not written, strict enough for every reader, and a broken one named with its line."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.atomic import write_bytes
from leadline.io.source import existing_file
from leadline.types import UserError


def read_json(path: str | Path) -> Any:
    """The value in the JSON file `path`. Raises UserError when it is missing or broken."""
    path = existing_file(path, what="JSON file")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(path, f"is not valid JSON (line {error.lineno}: {error.msg})", "repair or replace the file") from error
    except UnicodeDecodeError as error:
        raise UserError(path, "is not text, so not JSON", "give a JSON file") from error
    except RecursionError as error:
        raise UserError(path, "is nested too deeply", "give a JSON file made for leadline") from error


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as JSON. Numbers that JSON does not have (NaN, infinity) become null; arrays become lists.

    Raises UserError where it cannot be written.
    """
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


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
