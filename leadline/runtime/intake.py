"""Where the pictures of several cameras wait, a few of each, until those of one time are taken together.

Two policies for a reader that is slower than the cameras. drop-oldest: a new picture pushes out the oldest of its camera, and what is taken
is the newest moment of which every camera has a picture, so that age is bounded. wait: a camera waits for room, and every moment is
taken in its turn. With drop-oldest, a camera that stays silent longer than the patience is taken for stopped, and is not waited for
until it speaks again; with wait, which is for recordings, a camera that has not ended will come.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Literal

import numpy as np

Policy = Literal["drop-oldest", "wait"]


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of one camera, decoded when it is `read`, which may raise UserError.

    `time_s` is on the clock that all cameras share; `captured_s` is when it was taken by `time.monotonic`, None where it is a
    recording that is read as fast as it is used.
    """

    camera: str
    index: int
    time_s: float
    read: Callable[[], np.ndarray]
    captured_s: float | None = None


class Intake:
    """At most `depth` shots of each camera; thread-safe. `tolerance_s` apart is one moment."""

    def __init__(self, cameras: Sequence[str], *, policy: Policy, depth: int, tolerance_s: float, patience_s: float) -> None:
        self.policy = policy
        self.depth = depth
        self.tolerance_s = tolerance_s
        self.patience_s = patience_s
        self.dropped: Counter[str] = Counter()
        """Shots by camera that nobody took."""
        self._shots: dict[str, deque[Shot]] = {name: deque() for name in cameras}
        self._ended: set[str] = set()
        self._silent: set[str] = set()
        self._closed = False
        self._changed = Condition()

    def put(self, shot: Shot) -> bool:
        """Add a shot. False when nobody will take it any more."""
        with self._changed:
            shots = self._shots[shot.camera]
            if self.policy == "wait":
                self._changed.wait_for(lambda: self._closed or len(shots) < self.depth)
            elif len(shots) == self.depth:
                shots.popleft()
                self.dropped[shot.camera] += 1
            if self._closed:
                return False
            shots.append(shot)
            self._silent.discard(shot.camera)
            self._changed.notify_all()
            return True

    def end(self, camera: str) -> None:
        """No more shots of this camera will come."""
        with self._changed:
            self._ended.add(camera)
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> dict[str, Shot] | None:
        """The shots of the next moment by camera; cameras without one are missing in it. None when all cameras have ended."""
        with self._changed:
            while not self._closed:
                self._changed.wait_for(self._something)
                if self._closed or not any(self._shots.values()):
                    return None
                self._wait_for_all()
                if not self._closed:
                    taken = self._newest() if self.policy == "drop-oldest" else self._next()
                    self._changed.notify_all()
                    return taken
        return None

    def _something(self) -> bool:
        return self._closed or any(self._shots.values()) or len(self._ended) == len(self._shots)

    def _wait_for_all(self) -> None:
        """Wait until every camera has a shot, for as long as patience lasts; who has none then is silent."""
        deadline = time.monotonic() + (self.patience_s if self.policy == "drop-oldest" else math.inf)
        while (lacking := self._lacking()) and not self._closed:
            left = deadline - time.monotonic()
            if left <= 0:
                self._silent |= lacking
                return
            self._changed.wait(None if left == math.inf else left)

    def _lacking(self) -> set[str]:
        return {name for name, shots in self._shots.items() if not shots} - self._ended - self._silent

    def _next(self) -> dict[str, Shot]:
        """The oldest moment there is."""
        now = min(shots[0].time_s for shots in self._shots.values() if shots)
        return {name: shots.popleft() for name, shots in self._shots.items() if shots and shots[0].time_s <= now + self.tolerance_s}

    def _newest(self) -> dict[str, Shot]:
        """The newest moment that all cameras which have shots have one of; what is older is dropped.

        A camera that hangs behind, so that others have no shot as old as its newest, does not hold them back: it is missing.
        """
        waiting = [shots for shots in self._shots.values() if shots]
        now = max(min(shots[-1].time_s for shots in waiting), max(shots[0].time_s for shots in waiting))
        taken: dict[str, Shot] = {}
        for name, shots in self._shots.items():
            while shots and shots[0].time_s < now - self.tolerance_s:
                shots.popleft()
                self.dropped[name] += 1
            if shots and shots[0].time_s <= now + self.tolerance_s:
                taken[name] = shots.popleft()
        return taken
