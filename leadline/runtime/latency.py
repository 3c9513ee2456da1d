"""Latencies of a run that may last for days: percentiles to one per cent from a histogram of fixed size."""

import math
from dataclasses import dataclass, field

import numpy as np

_FIRST_S, _STEP = 1e-5, 1.01
_NUM = math.ceil(math.log(1e8) / math.log(_STEP))
"""Bins from 10 microseconds to 1000 seconds, each one per cent wider than the one before."""


@dataclass
class Latencies:
    """Durations [s] of one stage."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(_NUM, dtype=np.int64))
    worst_s: float = 0.0
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        place = int(math.log(max(seconds, _FIRST_S) / _FIRST_S) / math.log(_STEP))
        self.counts[min(place, _NUM - 1)] += 1
        self.worst_s = max(self.worst_s, seconds)
        self.total_s += seconds

    @property
    def num(self) -> int:
        """How many were counted."""
        return int(self.counts.sum())

    def percentile_s(self, percent: float) -> float:
        """The duration [s] that `percent` of all do not exceed, to one per cent; NaN where none was counted."""
        if not self.num:
            return math.nan
        place = int(np.searchsorted(np.cumsum(self.counts), percent / 100 * self.num))
        return min(_FIRST_S * _STEP ** (place + 0.5), self.worst_s)

    def summary_ms(self) -> dict[str, float]:
        """Mean, p50, p95, p99 and the worst [ms]."""
        mean = self.total_s / self.num if self.num else math.nan
        values = {"mean": mean, **{f"p{p}": self.percentile_s(p) for p in (50, 95, 99)}, "worst": self.worst_s}
        return {name: 1000 * value for name, value in values.items()}
