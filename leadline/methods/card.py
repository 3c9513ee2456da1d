"""README.md of a model folder: what the model is, what it may be used for, how to run it."""

from collections.abc import Mapping
from typing import Any

from leadline.methods.predictor import ModelInfo
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
| starts from | {_start(config)} |
{_stands_on(config)}{_taught_by(config)}| licence of the weights | {_licence(config)} |
| written by | leadline {config["leadline_version"]} |

```python
import leadline
prediction = leadline.load("path/or/hub-id").predict("photo.jpg")
print(prediction.kind, prediction.unit, prediction.values.shape)
```
or `leadline predict path/or/hub-id photo.jpg --out out`.
"""


def encoder_card(info: ModelInfo) -> str:
    """The card of an encoder that was trained here for other models to read."""
    data = ", ".join(info.data) or "not recorded"
    about = ", ".join(f"{key} {info.details[key]}" for key in ("steps", "seed", "commit") if key in info.details)
    return f"""---
library_name: transformers
license: {_hub_licence(info.licence)}
tags: [leadline]
---
# {info.name}

A segmentation encoder without prompts for `leadline train RECIPE --method.semantic`, learnt from instance ids of {data}: {about}.
"""


def _start(config: Mapping[str, Any]) -> str:
    starts = config["details"].get("starts_from", ())
    return ", ".join(f"`{start['weights']}` (licence: {start['licence']})" for start in starts) or "no pretrained encoder"


def _stands_on(config: Mapping[str, Any]) -> str:
    """A row of the table for frozen models that it needs beside its own weights."""
    parts = config["details"].get("frozen", {})
    named = ", ".join(f"{role} `{who['name']}` {who['fingerprint']} (licence: {who['licence']})" for role, who in parts.items())
    return f"| needs beside it | {named} |\n" if named else ""


def _taught_by(config: Mapping[str, Any]) -> str:
    """A row of the table for what has learnt the depth of other models, on the fly or from files."""
    lessons = [config["details"], *config["details"].get("labels", ()), *config["details"].get("taught", ())]
    teachers = {who["fingerprint"]: who for lesson in lessons for who in lesson.get("teachers", {}).values()}
    named = ", ".join(f"`{who['name']}` {who['fingerprint']} (licence: {who['licence']})" for who in teachers.values())
    return f"| taught by | {named} |\n" if named else ""


def _licence(config: Mapping[str, Any]) -> str:
    if config["licence"] != "unknown":
        return config["licence"]
    if config["details"].get("starts_from"):
        return "unknown: the weights it started from do not say theirs; ask who published them before you use or share this model"
    return "unknown: who trained it has not stated one"


def _hub_licence(licence: str) -> str:
    """As the model hub spells it."""
    spelled = licence.lower().replace(" ", "-")
    return spelled if spelled in ("apache-2.0", "mit", "cc-by-nc-4.0", "unknown") else "other"
