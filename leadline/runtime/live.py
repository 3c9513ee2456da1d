"""Live: pictures of one camera or many become depth while they are taken, and what is late is dropped, so that a rig never lags.

    cameras --intake--> read (decode, resize) --1--> infer --1--> write (resize back, sink)

Every arrow is a queue of the length beside it, and what stands between two arrows runs beside the others. Only the intake drops: what
comes after it waits for room. So the memory is that of a few moments, however long it runs. Where late pictures are dropped, a moment
is taken when the network begins with the one before, no earlier, so that a depth map is never older than the intake's patience and the
work on it and on the moment before.
"""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any, Generic, TypeVar

import numpy as np

from leadline.geometry.rig import Rig
from leadline.io.photo import Photo, buckets, photos, rig_photo
from leadline.prediction import Prediction, StepPredictor
from leadline.runtime.intake import Intake, Policy, Shot
from leadline.runtime.latency import Latencies
from leadline.runtime.streams import Stream
from leadline.types import UserError

STAGES = ("wait", "read", "queue", "infer", "write", "total")
"""Where time goes: from the camera until it is read; decoding and resizing; until it is inferred; inference; until it is written; all."""
MOST_REASONS = 100
"""Sentences that are kept: each broken file has its own, and a run may last for days."""
LEAST_DEPTH = 2
"""Pictures of each camera that have to wait: with one, cameras of one moment seldom meet."""
_Item = TypeVar("_Item")


Sink = Callable[[int, str, Photo, Prediction], None]
"""Takes one camera's depth: number of the moment, name of the camera, picture, prediction. Called from several threads."""


@dataclass(frozen=True, eq=False)
class View:
    """What is known about the cameras: a rig, or K [px] or a field of view [degrees] of all."""

    rig: Rig | None = None
    K: np.ndarray | None = None
    fov_x_deg: float | None = None

    def photo(self, camera: str, pixels: np.ndarray) -> Photo:
        """A picture of `camera`. Raises UserError for one that cannot be of it, or that no network can be shown."""
        if self.rig is not None:
            return rig_photo(pixels, next(one for one in self.rig.cameras if one.name == camera))
        photo = photos([pixels], self.K, fov_x_deg=self.fov_x_deg)[0]
        return Photo(photo.pixels, camera, photo.K, photo.notes)


@dataclass
class CameraTally:
    """What became of one camera's pictures."""

    done: int = 0
    missing: int = 0
    """Moments without a picture of it, which went on without it."""
    dropped: int = 0
    """Pictures that were late and gave way to newer ones."""
    stopped: str = ""
    """Why it gave no more pictures while others did; empty where it lasted."""


@dataclass
class LiveReport:
    """What a run did."""

    moments: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    cameras: dict[str, CameraTally] = field(default_factory=dict)
    stages: dict[str, Latencies] = field(default_factory=lambda: {name: Latencies() for name in STAGES})
    reasons: Counter[str] = field(default_factory=Counter)
    """Sentences about pictures that were missing or broken, and how often."""

    @property
    def moments_per_s(self) -> float:
        """Throughput."""
        return self.moments / self.seconds if self.seconds else 0.0

    def as_record(self) -> dict[str, Any]:
        """Plain values; latencies in milliseconds."""
        return {
            "moments": self.moments,
            "seconds": self.seconds,
            "moments_per_s": self.moments_per_s,
            "interrupted": self.interrupted,
            "cameras": {name: vars(tally) for name, tally in self.cameras.items()},
            "latency_ms": {name: stage.summary_ms() for name, stage in self.stages.items() if stage.num},
            "reasons": dict(self.reasons.most_common(20)),
        }


class Belt(Generic[_Item]):
    """A queue of at most `size` items between two stages; who puts waits for room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[_Item] = deque()
        self._ended = False
        self._closed = False
        self._changed = Condition()

    def put(self, item: _Item) -> bool:
        """Add one. False when nobody will take it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._size)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def wait_for_room(self) -> None:
        """Return when an item could be put, or nobody will take it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._size)

    def end(self) -> None:
        """No more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody go who waits; what is left is thrown away."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[_Item]:
        """Items as they come, until the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._ended or self._items)
                if self._closed or not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


@dataclass(frozen=True, eq=False)
class _Moment:
    """One moment on its way: jobs by camera in the order of the network, and of those the cameras that are there."""

    index: int
    begun_s: float
    ready_s: float
    jobs: dict[str, Any]
    known: dict[str, Photo]
    answers: dict[str, Any] = field(default_factory=dict)


class Live:
    """One run over `streams`. `fps` bounds what counts as one moment: half the distance of two pictures."""

    def __init__(
        self,
        model: StepPredictor[Any, Any],
        streams: Sequence[Stream],
        view: View,
        *,
        policy: Policy,
        fps: float,
        depth: int = LEAST_DEPTH,
        patience_s: float = 0.5,
    ) -> None:
        self.model = model
        self.view = view
        self.report = LiveReport(cameras={stream.camera: CameraTally() for stream in streams})
        self.stop = Event()
        self._streams = streams
        names = [stream.camera for stream in streams]
        self._intake = Intake(names, policy=policy, depth=depth, tolerance_s=0.5 / fps, patience_s=max(patience_s, 2 / fps))
        self._ready: Belt[_Moment] = Belt(1)
        self._done: Belt[_Moment] = Belt(1)
        self._failure: BaseException | None = None
        self._last = dict.fromkeys(self.report.cameras, -1)
        """The last moment that each camera had a picture of."""
        self._pool = ThreadPoolExecutor(max_workers=min(len(streams), os.cpu_count() or 1) + 1)

    def run(self, sink: Sink, *, seconds: float | None = None, tick: Callable[[LiveReport], None] = lambda report: None) -> LiveReport:
        """Run until all cameras have ended, `seconds` are over, or Ctrl-C. `tick` is called after each inference.

        A camera that stops, or whose picture is broken, is missing in its moments and counted. Raises UserError where no camera gives a
        picture, and whatever `sink` raises, such as UserError for a full disk, once.
        """
        begin = time.monotonic()
        threads = [Thread(target=self._capture, args=(stream,), daemon=True) for stream in self._streams]
        stages = [Thread(target=self._guarded, args=(stage,), daemon=True) for stage in (self._read, lambda: self._write(sink))]
        for thread in (*threads, *stages):
            thread.start()
        try:
            for moment in self._ready:
                started = time.monotonic()
                answers = self._infer(moment.jobs)
                self._count("queue", started - moment.ready_s)
                self._count("infer", time.monotonic() - started)
                self._done.put(_Moment(moment.index, moment.begun_s, time.monotonic(), moment.jobs, moment.known, answers))
                self.report.seconds = time.monotonic() - begin
                tick(self.report)
                if seconds is not None and self.report.seconds >= seconds:
                    self.stop.set()
        except KeyboardInterrupt:
            self.report.interrupted = True
        except BaseException as error:
            self._fail(error)
        finally:
            self._wind_up(stages)
        self.report.seconds = time.monotonic() - begin
        if self._failure is not None:
            raise self._failure
        if not self.report.moments and not self.report.interrupted:
            raise self._nothing()
        return self.report

    def _wind_up(self, stages: Sequence[Thread]) -> None:
        """Let what is under way be written, unless writing is what failed. Capturing threads end by themselves: some wait for a camera."""
        self.stop.set()
        self._done.end()
        self._intake.close()
        self._ready.close()
        for stage in stages:
            stage.join()
        self._pool.shutdown(wait=False, cancel_futures=True)
        latest = max(self._last.values())
        # Where pictures are dropped, the last moment of a run may be torn.
        enough = latest - (1 if self._intake.policy == "drop-oldest" else 0)
        for name, tally in self.report.cameras.items():
            tally.dropped = self._intake.dropped[name]
            if self._last[name] < enough and not tally.stopped:
                last = self._last[name]
                tally.stopped = "gave no picture" if last < 0 else f"gave its last picture in moment {last} of {latest + 1}"

    def _nothing(self) -> UserError:
        for name, tally in self.report.cameras.items():
            if tally.stopped:
                return UserError(name, f"gave no picture ({tally.stopped})", "check the source")
        reason = next(iter(self.report.reasons), "no source holds a picture")
        return UserError("sources", f"nothing could be predicted ({reason})", "check the sources")

    def _capture(self, stream: Stream) -> None:
        try:
            for shot in stream.shots(self.stop):
                if not self._intake.put(shot):
                    return
        except UserError as error:
            self.report.cameras[stream.camera].stopped = str(error)
        except BaseException as error:
            self._fail(error)
        finally:
            self._intake.end(stream.camera)

    def _read(self) -> None:
        """Take moments, decode and resize their pictures side by side."""
        index = 0
        while (shots := self._next()) is not None:
            taken = time.monotonic()
            pictures = dict(zip(shots, self._pool.map(self._picture, shots.values()), strict=True))
            known = {name: photo for name, (photo, _) in self._in_order(pictures).items() if photo is not None}
            self._tally(index, shots, known)
            if not known:
                continue
            captured = [shot.captured_s for shot in shots.values() if shot.captured_s is not None]
            begun = min(captured, default=taken)
            if captured:
                self._count("wait", taken - begun)
            jobs = {name: pictures[name][1] for name in known}
            if self.model.rig and self.view.rig is not None:
                seated = self.model.seated(known, self.view.rig)
                jobs = {name: jobs[name] if name in jobs else self.model.prepare(photo) for name, photo in seated.items()}
            self._count("read", time.monotonic() - taken)
            if not self._ready.put(_Moment(index, begun, time.monotonic(), jobs, known)):
                return
            index += 1
        self._ready.end()

    def _next(self) -> dict[str, Shot] | None:
        """The shots of the next moment. One that waits in the intake gives way to a newer one, one that has been read does not."""
        if self._intake.policy == "drop-oldest":
            self._ready.wait_for_room()
        return self._intake.take()

    def _in_order(self, pictures: dict[str, tuple[Photo | None, Any]]) -> dict[str, tuple[Photo | None, Any]]:
        return {name: pictures[name] for name in self.report.cameras if name in pictures}

    def _picture(self, shot: Shot) -> tuple[Photo | None, Any]:
        try:
            photo = self.view.photo(shot.camera, shot.read())
            return photo, self.model.prepare(photo)
        except UserError as error:
            if len(self.report.reasons) < MOST_REASONS or str(error) in self.report.reasons:
                self.report.reasons[str(error)] += 1
            return None, None

    def _tally(self, index: int, shots: Mapping[str, Shot], known: Mapping[str, Photo]) -> None:
        for name, tally in self.report.cameras.items():
            if name in shots:
                self._last[name] = index
            if name not in known:
                tally.missing += 1

    def _infer(self, jobs: Mapping[str, Any]) -> dict[str, Any]:
        """All cameras at once for networks that want that, others by equal input sizes."""
        names = list(jobs)
        if self.model.rig:
            return dict(zip(names, self.model.infer(list(jobs.values()), views=len(jobs)), strict=True))
        answers: dict[str, Any] = {}
        for bucket in buckets([(*job.inputs.shape, job.photo.K is None) for job in jobs.values()], len(jobs)):
            together = [names[i] for i in bucket]
            answers |= zip(together, self.model.infer([jobs[name] for name in together]), strict=True)
        return answers

    def _write(self, sink: Sink) -> None:
        for moment in self._done:

            def finish(name: str, moment: _Moment = moment) -> None:
                sink(moment.index, name, moment.known[name], self.model.finish(moment.jobs[name], moment.answers[name]))

            list(self._pool.map(finish, moment.known))
            for name in moment.known:
                self.report.cameras[name].done += 1
            self.report.moments += 1
            now = time.monotonic()
            self._count("write", now - moment.ready_s)
            self._count("total", now - moment.begun_s)

    def _count(self, stage: str, seconds: float) -> None:
        self.report.stages[stage].add(seconds)

    def _guarded(self, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Keep the first error and stop everything."""
        self._failure = self._failure or error
        self.stop.set()
        self._intake.close()
        self._ready.close()
        self._done.close()
