"""`leadline live MODEL SOURCE...`: depth of one camera or a rig while it films, or as if it did, with measured latency."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from leadline.cli.live_sheet import LiveSheet
from leadline.cli.memory import largest_mb, resident_mb
from leadline.cli.method_options import parse_options
from leadline.cli.opened import is_exported, open_model
from leadline.cli.predict import parsed_K
from leadline.io.atomic import writable_folder
from leadline.io.depth import write_depth
from leadline.io.exported import Precision
from leadline.io.jsonfile import write_json
from leadline.io.photo import Photo
from leadline.io.rig import read_rig
from leadline.prediction import Prediction
from leadline.runtime.live import LEAST_DEPTH, STAGES, Live, LiveReport, View
from leadline.runtime.session import Runtime
from leadline.runtime.streams import UNPACED_FPS, Device, Pace, open_streams
from leadline.types import DepthKind, UserError

SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class LiveOptions:
    """Predict depth for cameras as they film. Stops at the end of the sources, after --seconds, or on Ctrl-C, and says how late it was."""

    model: tyro.conf.Positional[str]
    """Exported file (.onnx, .xml, .pt2), or a model as `leadline predict` takes it."""
    sources: tyro.conf.Positional[tuple[str, ...]]
    """Video, folder of pictures, or number of a camera, each by itself or as NAME=SOURCE; with --rig, a folder of recorded moments that
    hold CAMERA.jpg or CAMERA/rgb.jpg."""
    out: Path | None = None
    """Folder for 16-bit PNG, a folder per camera; without it nothing is kept."""
    show: Path | None = None
    """Picture (.jpg, .png) that is kept up to date while it runs: every camera over its depth in colours, for a viewer that follows its
    file."""
    rig: str | None = None
    """Rig JSON, or a built-in rig (nuscenes6, ddad6)."""
    K: str | None = None
    """Intrinsics fx,fy,cx,cy [px] of the pictures as they come."""
    fov_x_deg: float | None = None
    """Horizontal field of view [degrees], instead of K."""
    fps: float | None = None
    """Play recordings at this pace, as if they were cameras, and drop what is late; without it they are read as fast as they are used and
    nothing is dropped. Of cameras, the rate to ask for."""
    seconds: float | None = None
    """Stop after this time; recordings begin anew until then."""
    depth: int = 2
    """Pictures of each camera that wait at most, 2 or more."""
    threads: int | None = None
    """Threads of the network."""
    precision: Precision | None = None
    """Run an exported file in less than it was exported in, where its runtime can."""
    runtime: Runtime | None = None
    """What runs an .onnx file: onnx or openvino."""
    kind: tyro.conf.EnumChoicesFromValues[DepthKind | None] = None
    """What the model returns, where it does not say it."""
    option: tuple[str, ...] = ()
    """NAME=VALUE as `leadline predict` has them."""
    json: Path | None = None
    """Write all figures to this file."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(LiveOptions, args=argv, prog="leadline live")
    _check(options)
    rig = None if options.rig is None else read_rig(options.rig)
    view = View(rig, parsed_K(options.K), options.fov_x_deg)
    model = open_model(
        options.model,
        kind=options.kind,
        options=parse_options(options.option),
        threads=options.threads,
        precision=options.precision,
        runtime=options.runtime,
    )
    print(f"{model.name}: {model.kind.value}, licence {model.licence}", file=sys.stderr)
    if model.rig and rig is None:
        raise UserError(model.name, "looks at all cameras of a rig together", "give --rig")
    if options.out is not None:
        writable_folder(options.out)
    if is_exported(options.model):
        model.warm_up(num=len(options.sources) if rig is None else len(rig.cameras))  # pyright: ignore[reportAttributeAccessIssue]
    streams = open_streams(options.sources, rig=rig, pace=Pace(options.fps, repeats=options.seconds is not None))
    are_cameras = [isinstance(stream, Device) for stream in streams]
    paced = options.fps is not None or any(are_cameras)
    if paced and options.fps is None and not all(are_cameras):
        raise UserError("--fps", "is not given for a recording beside a camera", "give the pace of both")
    policy = "drop-oldest" if paced else "wait"
    live = Live(model, streams, view, policy=policy, fps=options.fps or UNPACED_FPS, depth=options.depth)
    sink = _Nowhere() if options.out is None else DepthFolder(options.out, by_camera=len(streams) > 1)
    sheet = None if options.show is None else LiveSheet(options.show, [stream.camera for stream in streams], sink)
    before_mb, ticker = resident_mb(), _Ticker()
    report = live.run(sheet or sink, seconds=options.seconds, tick=ticker)
    if sheet is not None:
        sheet.draw()
    memory = {"begin": before_mb, "settled": ticker.settled_mb, "end": resident_mb(), "largest": largest_mb()}
    _print(report, policy, memory)
    if options.json is not None:
        write_json(options.json, _about(options, model, policy) | report.as_record() | {"memory_mb": memory})
    return 130 if report.interrupted else 0


def _check(options: LiveOptions) -> None:
    """Raise UserError for options that cannot be."""
    if not options.sources:
        raise UserError("sources", "no source was given", "name a video, a folder, the number of a camera; with --rig a folder of moments")
    if options.K is not None and options.fov_x_deg is not None:
        raise UserError("--K", "given together with --fov-x-deg", "give one of them")
    if options.rig is not None and (options.K is not None or options.fov_x_deg is not None):
        raise UserError("--rig", "states the cameras, and another was given", "leave --K and --fov-x-deg out")
    if options.show is not None and options.show.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UserError(options.show, f"images are not written as '{options.show.suffix}'", "choose .png or .jpg")
    for name in ("fps", "seconds"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise UserError(f"--{name}", f"{value:g} is too small", "give a positive number, or leave it out")
    if options.depth < LEAST_DEPTH:
        raise UserError("--depth", f"{options.depth} is too few", f"give {LEAST_DEPTH} or more")


@dataclass(frozen=True)
class _Nowhere:
    """Depth that nobody keeps."""

    def __call__(self, index: int, camera: str, photo: Photo, prediction: Prediction) -> None:
        """Forget it."""


@dataclass(frozen=True)
class DepthFolder:
    """Depth as 16-bit PNG below `out`: CAMERA/000012.png for moment 12, each whole or not there."""

    out: Path
    by_camera: bool

    def __call__(self, index: int, camera: str, photo: Photo, prediction: Prediction) -> None:
        """Write one map. Raises UserError where it cannot be written."""
        folder = self.out / camera if self.by_camera else self.out
        write_depth(folder / f"{index:06}.png", prediction.as_file(), sidecar=False, quick=True)


@dataclass
class _Ticker:
    """A line every few seconds: a run without end has no bar."""

    spoken: float = field(default_factory=time.monotonic)
    settled_mb: float | None = None
    """Memory at the first line, when everything that lasts has been made."""

    def __call__(self, report: LiveReport) -> None:
        """Say how it goes."""
        now = time.monotonic()
        if now - self.spoken >= SAY_EVERY_S:
            self.spoken = now
            held_mb = resident_mb()
            self.settled_mb = self.settled_mb or held_mb
            late = report.stages["total"].summary_ms()
            figures = f"{report.moments_per_s:.1f} a second, p50 {late['p50']:.0f} ms, p99 {late['p99']:.0f} ms"
            figures += "" if held_mb is None else f", {held_mb:.0f} MB"
            print(f"live: {report.moments} moments, {report.seconds:.0f} s, {figures}", file=sys.stderr, flush=True)


def _print(report: LiveReport, policy: str, memory: Mapping[str, float | None]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False)
    stages = Table("ms", "mean", "p50", "p95", "p99", "worst")
    for name in STAGES:
        stage = report.stages[name]
        if stage.num:
            stages.add_row(name, *(f"{value:.1f}" for value in stage.summary_ms().values()))
    console.print(stages)
    cameras = Table("camera", "done", "missing", "dropped", "stopped")
    for name, tally in report.cameras.items():
        cameras.add_row(name, str(tally.done), str(tally.missing), str(tally.dropped), tally.stopped or "-")
    console.print(cameras)
    console.print(f"{report.moments} moments in {report.seconds:.1f} s: {report.moments_per_s:.2f} a second; late pictures: {policy}")
    held = ", ".join(f"{when} {amount:.0f} MB" for when, amount in memory.items() if amount is not None)
    console.print(f"memory: {held}")
    for reason, times in report.reasons.most_common(5):
        print(f"leadline live: {reason} ({times} times)", file=sys.stderr)


def _about(options: LiveOptions, model: Any, policy: str) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_fingerprint": model.fingerprint,
        "source": list(options.sources),
        "fps": options.fps,
        "policy": policy,
        "threads": options.threads,
        "precision": options.precision,
        "runtime": options.runtime,
        "out": options.out,
    }
