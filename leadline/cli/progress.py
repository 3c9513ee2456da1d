"""How long work shows that it lives: a bar on a terminal, plain lines every few seconds otherwise."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_LINE_EVERY_S = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that is called with how many units were just finished; all output goes to stderr."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda units: bar.advance(task, units)
        return
    done, started, spoken = 0, time.monotonic(), time.monotonic()

    def advance(units: int) -> None:
        nonlocal done, spoken
        done += units
        now = time.monotonic()
        if done >= total or now - spoken >= PLAIN_LINE_EVERY_S:
            spoken = now
            print(f"{what}: {done}/{total}, {now - started:.0f} s", file=sys.stderr, flush=True)

    yield advance
