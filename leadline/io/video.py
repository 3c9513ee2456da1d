"""Video files: when each frame is shown, and the frames themselves, upright, through FFmpeg (the extra `video`).

Frames are addressed by their place in the order of showing. Decoding starts at a keyframe, so frames come in groups: the
frames from one keyframe up to the next. A file that ends too early keeps the frames it has.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.source import existing_file
from leadline.types import UserError

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts")
"""Endings of files that are taken for videos."""
ENDS_EARLY = 0.9
"""A file whose frames cover less than this share of its stated length has lost its end."""


@dataclass(frozen=True)
class VideoIndex:
    """What a video file holds, from its packets; nothing is decoded."""

    pts: tuple[int, ...]
    """Time stamp of each frame, ascending, in units of the stream."""
    times_s: tuple[float, ...]
    """The same in seconds from the first frame; the steps may differ."""
    keys: tuple[int, ...]
    """Frames at which decoding can start, ascending; the first is 0."""
    lost: str = ""
    """What is missing at the end of the file, in words; empty for a whole file."""

    def group(self, frame: int) -> range:
        """The frames that are decoded together with `frame`."""
        return next(range(a, b) for a, b in pairwise([*self.keys, len(self.pts)]) if a <= frame < b)


def read_video_index(path: Path) -> VideoIndex:
    """The index of the video file `path`. Raises UserError when it is missing, no video, holds no frame or no time stamps."""
    shown: dict[int | None, bool] = {}
    with _opened(path) as (container, stream):
        damage = ""
        try:
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard and not packet.is_corrupt:
                    shown[packet.pts] = packet.is_keyframe
        except _av().FFmpegError as error:
            damage = f"is damaged ({error.strerror})"
        if None in shown:
            raise UserError(path, "has frames without a time", "write it again: ffmpeg -i IN -c:v libx264 -crf 18 OUT.mp4")
        first_key = min((pts for pts, is_key in shown.items() if is_key and pts is not None), default=None)
        if first_key is None:
            raise UserError(path, "holds no frame that can be decoded", "copy or download the video again")
        pts = tuple(sorted(p for p in shown if p is not None and p >= first_key))
        seconds = tuple(float((p - pts[0]) * stream.time_base) for p in pts)
        stated_s = _stated_length_s(container, stream)
    if stated_s and seconds[-1] < ENDS_EARLY * stated_s - 0.2:
        damage = f"ends after {seconds[-1]:.2f} s of {stated_s:.2f} s"
    index = VideoIndex(pts, seconds, tuple(i for i, p in enumerate(pts) if shown[p]), damage)
    return _without_torn_end(path, index) if damage else index


def _without_torn_end(path: Path, index: VideoIndex) -> VideoIndex:
    """Without the last frames, whose packets are there but lean on lost ones."""
    while index.keys:
        last = index.group(len(index.pts) - 1)
        kept = max((frame for frame, _ in decode_group(path, index, last)), default=last.start - 1) + 1
        keys = tuple(key for key in index.keys if key < kept)
        index = VideoIndex(index.pts[:kept], index.times_s[:kept], keys, index.lost)
        if kept > last.start:
            return index
    raise UserError(path, f"{index.lost}, and nothing of it can be decoded", "copy or download the video again")


def decode_group(path: Path, index: VideoIndex, group: range) -> Iterator[tuple[int, np.ndarray]]:
    """Frames (number, uint8 (h, w, 3) RGB) of one `group`, turned as the file says; what cannot be decoded is left out."""
    wanted = {index.pts[frame]: frame for frame in group}
    end = index.pts[group.stop] if group.stop < len(index.pts) else None
    # Some containers (MPEG-TS) land behind the keyframe that was asked for: then it is decoded from the start.
    for seek in (True, False) if group.start else (False,):
        with _opened(path) as (container, stream):
            try:
                if seek:
                    container.seek(index.pts[group.start], stream=stream, backward=True)
                for number, frame in enumerate(container.decode(stream)):
                    if seek and number == 0 and (frame.pts is None or frame.pts > index.pts[group.start]):
                        break
                    if frame.pts in wanted:
                        yield wanted.pop(frame.pts), _upright(frame)
                    if not wanted or (end is not None and frame.pts is not None and frame.pts >= end):
                        return
            except _av().FFmpegError:
                continue  # the end of a file that was cut off


def camera_frames(number: int, *, fps: float | None = None) -> Iterator[np.ndarray]:
    """Frames uint8 (h, w, 3) RGB of camera `number` of this machine as they come, without end. Raises UserError where there is none."""
    av = _av()
    system, name = {
        "linux": ("v4l2", f"/dev/video{number}"),
        "darwin": ("avfoundation", str(number)),
    }.get(sys.platform, ("dshow", f"video={number}"))
    try:
        with av.open(name, format=system, options={} if fps is None else {"framerate": f"{fps:g}"}) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, ValueError, OSError) as error:
        wrong = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UserError(f"camera {number}", wrong, "check its number, that it is plugged in, and that no other program has it") from error


def _stated_length_s(container: Any, stream: Any) -> float | None:
    """Length that the header promises [s], from the first frame to the end of the last."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _upright(frame: Any) -> np.ndarray:
    image = frame.to_ndarray(format="rgb24")
    # The tag says how the picture must be turned counter-clockwise to stand upright; phones use quarter turns.
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    av = _av()
    path = existing_file(path, what="video")
    try:
        container = av.open(str(path))
    except av.FFmpegError as error:
        wrong = f"is no video that can be read ({error.strerror or error})"
        raise UserError(path, wrong, "copy it again (a recording cut off before its end has no index), or convert it to .mp4") from error
    with container:
        if container.format.name == "tty":  # FFmpeg makes a film of any text, letter by letter
            raise UserError(path, "is text, no video", "copy or download the video again")
        if not container.streams.video:
            raise UserError(path, "holds no pictures, only sound or text", "give a video")
        yield container, container.streams.video[0]


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise UserError("video", "reading video files needs PyAV, which is not installed", "pip install 'leadline[video]'") from error
    return av
