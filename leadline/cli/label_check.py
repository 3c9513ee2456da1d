"""`leadline label --bins MODEL --check N`: are the answers that were kept still those of the teacher?"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from leadline.cli.written_work import Work
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.methods.bin_teachers import BinTeacher

ALLOWED: Mapping[str, float] = {"probabilities": 1 / 500, "depth": 0.005, "embedding": 0.02}
"""Largest differences: of a probability; of depth, and of an embedding to the largest of its channel, as shares. Rounding explains
half of them at most."""


def check_answers(work: Work, teacher: "BinTeacher", num: int) -> int:
    """Ask about at least one and at most `num` views again, spread evenly over those that are finished. Returns the exit code.

    Raises UserError for a folder with the answers of another teacher or to other pictures, and for one without any.
    """
    from leadline.data.sample import collate
    from leadline.data.taught import read_taught

    work.form.read(work.out)
    work.check_request()
    finished = [index for index in range(len(work.items)) if work.finished(index)]
    if not finished:
        raise UserError(work.out, "holds no answers yet", "leave --check out to write them")
    worst = dict.fromkeys(ALLOWED, 0.0)
    wrong: list[str] = []
    num_views = 0
    for index in _spread(finished, num, views_each=len(work.paths(finished[0]))):
        live = teacher.answers(collate([work.source[0, index]]).to(work.device))
        for path, answer in zip(work.paths(index), live, strict=True):
            found = differences(read_taught(path), answer)
            num_views += 1
            worst = {name: max(worst[name], value) for name, value in found.items()}
            too_far = [f"{name} off by {found[name]:.2g}" for name, allowed in ALLOWED.items() if not found[name] <= allowed]
            if too_far:
                wrong.append(f"{path}: is not what {teacher.model.name} says ({', '.join(too_far)}); remove it, and leave --check out")
    for line in wrong:
        print(f"leadline label: {line}", file=sys.stderr)
    said = ", ".join(f"{name} {worst[name]:.2g} (allowed {allowed:g})" for name, allowed in ALLOWED.items())
    print(f"{num_views} answers checked, {len(wrong)} wrong; largest differences: {said}", file=sys.stderr)
    return 2 if wrong else 0


def differences(kept: Mapping[str, np.ndarray], live: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The largest differences between two answers, as in `ALLOWED`; infinite for maps of other sizes."""
    if any(kept[name].shape != live[name].shape for name in kept):
        return dict.fromkeys(ALLOWED, np.inf)
    depth, kept_depth = ((answer["probs"] * answer["centres"]).sum(axis=0) for answer in (live, kept))
    largest = np.maximum(np.abs(live["embedding"]).max(axis=(1, 2), keepdims=True), 1e-30)
    return {
        "probabilities": float(np.abs(kept["probs"] - live["probs"]).max()),
        "depth": float((np.abs(kept_depth - depth) / depth).max()),
        "embedding": float((np.abs(kept["embedding"] - live["embedding"]) / largest).max()),
    }


def _spread(items: list[int], num: int, *, views_each: int) -> list[int]:
    """Of the `items` so many that they have about `num` views."""
    count = min(len(items), max(1, num // views_each))
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))]
