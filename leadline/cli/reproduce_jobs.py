"""Several units of a claim at once, each in a process that goes from one to the next; none begins before what it learns from is done."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Literal

import torch

from leadline.cli.reproduce_units import Units
from leadline.recipes.claims import Claim

Unit = tuple[str, int]
"""Variant and seed."""
PATIENCE_S = 30.0
"""For a checkpoint to be written."""
_units: Units | None = None
"""Of this process."""


def do_all(
    chosen: Claim,
    roots: Mapping[str, Path],
    out: Path,
    wanted: Sequence[Unit],
    *,
    jobs: int,
    scores: Literal["test", "val"],
    samples: Path | None = None,
) -> None:
    """Do `wanted`, which is in an order in which it can be done, `jobs` units at a time. Other arguments are those of `Units`.

    The first unit that fails lets those that have begun end, and is raised; Ctrl-C stops every one at its next checkpoint.
    """
    left, running = list(wanted), dict[Future[None], Unit]()
    opened = (chosen, dict(roots), out, scores, samples, max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_open, initargs=opened) as pool:
        while left or running:
            for unit in _ready(chosen, wanted, left, list(running.values()))[: jobs - len(running)]:
                left.remove(unit)
                running[pool.submit(_do, *unit)] = unit
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                running.pop(future)
                future.result()


def _ready(chosen: Claim, wanted: Sequence[Unit], left: Sequence[Unit], running: Sequence[Unit]) -> list[Unit]:
    """Those of `left` whose teachers are done; of those that would write the same files first, one until it has."""
    undone = {*left, *running}
    written = {_written_first(chosen, unit) for unit in wanted if unit not in undone}
    begun, found = written | {_written_first(chosen, unit) for unit in running}, []
    for unit in left:
        files = _written_first(chosen, unit)
        if undone.isdisjoint(chosen.before(*unit)) and (files is None or files in written or files not in begun):
            found.append(unit)
            begun.add(files)
    return found


def _written_first(chosen: Claim, unit: Unit) -> tuple[str, ...] | None:
    """Says which files a unit writes before it learns, where it is not alone with them: features of a pair, answers of a teacher, labels
    of a fusion."""
    about = chosen.variants[unit[0]]
    if about.features:
        return ("features", *about.features.values())
    if about.taught is not None:
        return ("taught", about.taught)
    return None if about.mesh_of is None else ("labels", unit[0])


def _open(
    chosen: Claim, roots: Mapping[str, Path], out: Path, scores: Literal["test", "val"], samples: Path | None, num_threads: int
) -> None:
    global _units
    Thread(target=_stop_with_parent, daemon=True).start()
    torch.set_num_threads(num_threads)
    _units = Units(chosen, roots, out, scores=scores, samples=samples)


def _stop_with_parent() -> None:
    """A killed parent does not tell its processes: they write their checkpoint and end, instead of waiting for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    while True:  # the first ends a training, the second what it returns to
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE_S)


def _do(variant: str, seed: int) -> None:
    assert _units is not None
    _units.do(variant, seed)
