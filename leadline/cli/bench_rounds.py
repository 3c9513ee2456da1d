"""Timing in rounds that take every contender in turn, so that whatever slows the machine down slows all of them; and memory, apart."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from leadline.cli.bench_contenders import Contender, Contest, build
from leadline.cli.bench_peak import NAME as PEAK
from leadline.cli.memory import largest_mb


@dataclass(frozen=True)
class Row:
    """What came out for one contender; times [ms] are those of one picture."""

    name: str
    engine: str
    precision: str
    height: int
    width: int
    cameras: int
    """Pictures at once."""
    rounds: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    """Pictures, at the median."""
    gmacs: float | None
    """Multiplications with addition of one picture [1e9]."""
    parameters_m: float | None
    gflops: float | None
    """Operations a second at the median, two for each multiplication with addition [1e9]."""
    share_of_peak: float | None
    """Of what this machine does in this precision at its best, by the products and convolutions of the same run."""
    memory_mb: float | None
    """Largest memory of a process that does nothing else; on a GPU, that of the card."""
    times_first: float
    """How many times as fast as the first contender, by the medians of times per picture."""


def timed(contenders: Sequence[Contender], *, rounds: int, warm: int, advance: Callable[[int], None]) -> list[np.ndarray]:
    """Seconds of each run (rounds) by contender. Each round begins with another one, so that none always follows the same."""
    seconds = [np.zeros(rounds) for _ in contenders]
    for number in range(-warm, rounds):
        for step in range(len(contenders)):
            i = (step + number) % len(contenders)
            begin = time.perf_counter()
            contenders[i].run()
            if number >= 0:
                seconds[i][number] = time.perf_counter() - begin
        advance(1)
    return seconds


def peak_gflops(contenders: Sequence[Contender], seconds: Sequence[np.ndarray]) -> dict[str, float]:
    """The most that any product or convolution reached at its median, by precision [1e9 operations a second]."""
    best: dict[str, float] = {}
    for one, times in zip(contenders, seconds, strict=True):
        if one.name == PEAK and one.operations is not None:
            best[one.precision] = max(best.get(one.precision, 0.0), 2e-9 * one.operations / float(np.median(times)))
    return best


def rows_of(
    contenders: Sequence[Contender], seconds: Sequence[np.ndarray], memory_mb: Mapping[str, float | None], peak: Mapping[str, float]
) -> list[Row]:
    """One row per contender, the peak's among them."""
    medians = [float(np.median(times)) / one.num for one, times in zip(contenders, seconds, strict=True)]
    first = next((m for one, m in zip(contenders, medians, strict=True) if one.name != PEAK), medians[0])
    rows = []
    for one, times, median in zip(contenders, seconds, medians, strict=True):
        each_ms = 1000 * times / one.num
        operations = None if one.operations is None else one.operations / one.num
        gflops = None if operations is None else 2e-9 * operations / median
        rows.append(
            Row(
                name=one.name,
                engine=one.engine,
                precision=one.precision,
                height=one.height,
                width=one.width,
                cameras=one.num,
                rounds=len(times),
                mean_ms=float(each_ms.mean()),
                p50_ms=float(np.median(each_ms)),
                p95_ms=float(np.percentile(each_ms, 95)),
                p99_ms=float(np.percentile(each_ms, 99)),
                per_second=1 / median,
                gmacs=None if operations is None else operations / 1e9,
                parameters_m=None if one.parameters is None else one.parameters / 1e6,
                gflops=gflops,
                share_of_peak=None if gflops is None or one.precision not in peak else gflops / peak[one.precision],
                memory_mb=memory_mb.get(one.label),
                times_first=first / median,
            )
        )
    return rows


def memory_of(contest: Contest) -> float | None:
    """Largest memory [MB] of a fresh process that opens this contest and runs it three times; None where it fails."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(contest, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return None
    finally:
        process.join()


def _measure(contest: Contest, answer: Any) -> None:
    contender = build(contest)
    for _ in range(3):
        contender.run()
    if contest.device == "cuda":
        import torch

        answer.send(torch.cuda.max_memory_reserved() / 1e6)
    else:
        answer.send(largest_mb())
