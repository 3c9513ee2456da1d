"""Where the pictures of a camera come from: a folder, a video file, the moments that a rig has recorded, a camera of this machine.

A recording may be paced, as if it were a camera, or read as fast as it is used; and it may begin anew until somebody stops it.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from typing import Protocol

import numpy as np

from leadline.geometry.rig import Rig
from leadline.io.image import SUFFIXES, natural, read_image
from leadline.io.video import SUFFIXES as VIDEO_SUFFIXES
from leadline.io.video import camera_frames, decode_group, read_video_index
from leadline.runtime.intake import Shot
from leadline.types import UserError

UNPACED_FPS = 10.0
"""Distance of the times that pictures of a folder are given where nobody says their pace; only their order matters."""


class Stream(Protocol):
    """One camera."""

    @property
    def camera(self) -> str:
        """Its name."""
        ...

    def shots(self, stop: Event) -> Iterator[Shot]:
        """Its pictures in order, each when it is due. Ends early when `stop` is set. Raises UserError where the source breaks."""
        ...


@dataclass(frozen=True)
class Pace:
    """How a recording is played: at `fps`, or as fast as it is used where that is None; `repeats` begins anew at its end."""

    fps: float | None = None
    repeats: bool = False

    def play(self, camera: str, pictures: Sequence[Path | None], stop: Event, begin: float) -> Iterator[Shot]:
        """One shot per picture that is there; `begin` is when the first is due by time.monotonic()."""
        if not any(pictures):
            return
        for index in count():
            if stop.is_set() or (index >= len(pictures) and not self.repeats):
                return
            path = pictures[index % len(pictures)]
            time_s = index / (self.fps or UNPACED_FPS)
            if path is not None and wait_until(None if self.fps is None else begin + time_s, stop):
                yield Shot(camera, index, time_s, partial(read_image, path), None if self.fps is None else begin + time_s)


def wait_until(due: float | None, stop: Event) -> bool:
    """Sleep until time.monotonic() is `due`. False when `stop` was set meanwhile."""
    left = 0.0 if due is None else due - time.monotonic()
    return not (stop.wait(left) if left > 0 else stop.is_set())


@dataclass(frozen=True)
class Recording:
    """Pictures in files, one per moment; None where this camera has none."""

    camera: str
    pictures: tuple[Path | None, ...]
    pace: Pace
    begin: float

    def shots(self, stop: Event) -> Iterator[Shot]:
        """Each is decoded when it is used, so that those that are dropped cost nothing."""
        return self.pace.play(self.camera, self.pictures, stop, self.begin)


@dataclass(frozen=True)
class Video:
    """A video file. Frames follow from those before them, so all are decoded, and late ones are dropped after that."""

    camera: str
    path: Path
    pace: Pace
    begin: float

    def shots(self, stop: Event) -> Iterator[Shot]:
        """Frames at the pace of the file, or at that which was asked for."""
        index = read_video_index(self.path)
        length = len(index.pts)
        for start in count(0, length) if self.pace.repeats else (0,):
            for first in index.keys:
                for frame, pixels in decode_group(self.path, index, index.group(first)):
                    number = start + frame
                    time_s = number / (self.pace.fps or UNPACED_FPS)
                    if not wait_until(None if self.pace.fps is None else self.begin + time_s, stop):
                        return
                    # As with a camera, a frame is as old as it is since it could be had: a slow decoder plays slowly, but does not lag.
                    yield Shot(self.camera, number, time_s, partial(_same, pixels), None if self.pace.fps is None else time.monotonic())


@dataclass(frozen=True)
class Device:
    """A camera of this machine, by its number."""

    camera: str
    number: int
    begin: float
    fps: float | None = None

    def shots(self, stop: Event) -> Iterator[Shot]:
        """Frames as they come."""
        for index, pixels in enumerate(camera_frames(self.number, fps=self.fps)):
            if stop.is_set():
                return
            now = time.monotonic()
            yield Shot(self.camera, index, now - self.begin, partial(_same, pixels), now)


def _same(pixels: np.ndarray) -> np.ndarray:
    return pixels


def open_streams(sources: Sequence[str], *, rig: Rig | None, pace: Pace) -> tuple[Stream, ...]:
    """One stream per camera: of a `rig`, from the one folder of its moments, or from one source for each camera named NAME=SOURCE.

    Without a rig every source is a camera by itself. Raises UserError for what is no folder of pictures, video or camera, and for cameras
    that the rig does not have.
    """
    begin = time.monotonic()
    if rig is not None and len(sources) == 1 and "=" not in sources[0]:
        return moments_of(Path(sources[0]), rig, pace, begin)
    named = [text.partition("=")[::2] if "=" in text and not Path(text).exists() else ("", text) for text in sources]
    names = [name or _short(source, i) for i, (name, source) in enumerate(named)]
    if rig is not None and (unknown := [name for name in names if name not in rig.names]):
        raise UserError("sources", f"the rig has no camera {unknown[0]}", f"give NAME=SOURCE for some of {', '.join(rig.names)}")
    if len(set(names)) < len(names):
        raise UserError("sources", f"two sources are called {max(names, key=names.count)}", "give NAME=SOURCE")
    return tuple(_stream(name, source, pace, begin) for name, (_, source) in zip(names, named, strict=True))


def _short(source: str, i: int) -> str:
    return f"camera{source}" if source.isdigit() else Path(source).stem or f"camera{i}"


def _stream(name: str, source: str, pace: Pace, begin: float) -> Stream:
    path = Path(source)
    if source.isdigit() and not path.exists():
        return Device(name, int(source), begin, pace.fps)
    if path.is_dir():
        pictures = sorted((p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()), key=lambda p: natural(p.name))
        if not pictures:
            raise UserError(path, "holds no pictures", "give a folder of pictures, a video, the number of a camera; or --rig with moments")
        return Recording(name, tuple(pictures), pace, begin)
    if not path.exists():
        raise UserError(path, "does not exist", "give a folder of pictures, a video file, or the number of a camera")
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Video(name, path, pace, begin)
    raise UserError(path, "is no folder of pictures and no video", f"give a folder, or a file that ends in {' '.join(VIDEO_SUFFIXES)}")


def moments_of(folder: Path, rig: Rig, pace: Pace, begin: float) -> tuple[Stream, ...]:
    """What a rig has recorded: FOLDER/MOMENT/CAMERA.jpg or FOLDER/MOMENT/CAMERA/rgb.jpg. A camera may lack moments, or all after one.

    Raises UserError where there is no such picture.
    """
    if not folder.is_dir():
        raise UserError(folder, "is not a folder", f"with --rig give a folder of moments that hold {rig.names[0]}.jpg and others")
    moments = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: natural(p.name))
    found = [{name: picture_of(moment, name) for name in rig.names} for moment in moments]
    found = [pictures for pictures in found if any(pictures.values())]
    if not found:
        wrong = f"holds no moment with a picture of the rig's cameras {', '.join(rig.names)}"
        raise UserError(folder, wrong, f"give a folder of folders, one per moment, that hold {rig.names[0]}.jpg or {rig.names[0]}/rgb.jpg")
    return tuple(Recording(name, tuple(pictures[name] for pictures in found), pace, begin) for name in rig.names)


def picture_of(moment: Path, camera: str) -> Path | None:
    """The picture of one camera in the folder of a moment: CAMERA.jpg, or rgb.* or the only picture in CAMERA/."""
    beside = [moment / f"{camera}{suffix}" for suffix in SUFFIXES]
    inside = sorted(p for p in (moment / camera).glob("*") if p.suffix.lower() in SUFFIXES)
    chosen = [p for p in beside if p.is_file()] + ([p for p in inside if p.stem == "rgb"] or inside)
    return chosen[0] if len(chosen) == 1 else None
