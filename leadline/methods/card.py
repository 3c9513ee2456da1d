"""README.md of a model folder: what the model is, what it may be used for, how to run it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.types import DepthKind

MEANING = {
    DepthKind.METRIC: "depth along the optical axis in metres",
    DepthKind.SCALE_INVARIANT: "depth up to one unknown factor; it is not in metres",
    DepthKind.AFFINE_INVARIANT: "depth up to an unknown factor and offset; it is not in metres",
    DepthKind.AFFINE_INVARIANT_INVERSE: "inverse depth (near is large) up to an unknown factor and offset; it is not in metres",
}


def model_card(config: Mapping[str, Any]) -> str:
    """The card for the `config.json` of a model folder, with the metadata block that the model hub reads."""
    size = config["input"]
    data = ", ".join(config["data"]) or "not recorded"
    return f"""---
library_name: leadline
pipeline_tag: depth-estimation
license: {_hub_licence(config["licence"])}
tags: [depth-estimation, leadline]
---
# {config["name"]}

A leadline model: method `{config["method"]}`, {config["parameters"] / 1e6:.1f} M parameters, images of {size["width"]}x{size["height"]} px.

| | |
|---|---|
| output | {MEANING[DepthKind(config["kind"])]} (`{config["kind"]}`) |
| trained on | {data} |
| licence of the weights | {config["licence"]} |
| written by | leadline {config["leadline_version"]} |

```python
import leadline
prediction = leadline.load("path/or/hub-id").predict("photo.jpg")
print(prediction.kind, prediction.unit, prediction.values.shape)
```
or `leadline predict path/or/hub-id photo.jpg --out out`.
"""


def licence_of_card(path: Path) -> str:
    """The licence that the metadata block of a card states, "unknown" without one."""
    if not path.is_file():
        return "unknown"
    text = path.read_text(encoding="utf-8", errors="replace")
    block = re.match(r"---\n(.*?)\n---", text, flags=re.DOTALL)
    stated = re.search(r"^license(?:_name)?:\s*(\S.*)$", block.group(1), flags=re.MULTILINE) if block else None
    return stated.group(1).strip() if stated else "unknown"


def _hub_licence(licence: str) -> str:
    known = {"Apache-2.0": "apache-2.0", "MIT": "mit", "CC BY-NC 4.0": "cc-by-nc-4.0"}
    return known.get(licence, "other")
