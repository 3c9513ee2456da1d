"""`--option NAME=VALUE`: options of a method that can change after its training, for the verbs that load models."""

import json
from collections.abc import Sequence
from typing import Any

from leadline.types import UserError


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE as names and values: numbers, true, false and null as JSON has them, anything else as text. Raises UserError."""
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError("--option", f"'{text}' is not NAME=VALUE", "give for example temperature=3")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options
