"""One stretch of footage: a folder of frames or a video file, its frames in order, and the poses and times beside it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from leadline.data.footage import FootageOptions
from leadline.data.reading import read_matrix
from leadline.data.trajectory import Trajectory, check_rigid, check_rows, read_times, read_trajectory
from leadline.io.image import SUFFIXES as PICTURES
from leadline.io.image import natural, write_image
from leadline.io.source import existing_file
from leadline.io.video import SUFFIXES, VideoIndex, decode_group, read_video_index
from leadline.types import UserError

GAP = 1.5
"""Numbers of neighbouring frames that differ by more than this many usual steps have a frame missing between them."""


class Clip(Protocol):
    """Frames in order, each a picture on disk when it is asked for."""

    @property
    def source(self) -> Path:
        """The folder or file, for messages."""
        ...

    @property
    def poses_path(self) -> Path:
        """Where poses lie, if there are any."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def path(self, position: int) -> Path:
        """Where the picture lies, or will lie."""
        ...

    def picture(self, position: int) -> Path:
        """The picture, decoded if it was not. Raises UserError when it cannot be."""
        ...

    def facts(self) -> list[object]:
        """What must not have changed for something computed from the frames to be true still."""
        ...

    @property
    def after_gap(self) -> np.ndarray:
        """bool (n), True where a frame is missing before this one."""
        ...

    @property
    def times_s(self) -> np.ndarray | None:
        """Seconds (n), or None."""
        ...


@dataclass(frozen=True)
class FrameFolder:
    """Pictures of one folder in the natural order of their names."""

    source: Path
    names: tuple[str, ...]

    @property
    def poses_path(self) -> Path:
        """poses.txt beside the frames."""
        return self.source / "poses.txt"

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.names)

    def path(self, position: int) -> Path:
        """The picture."""
        return self.source / self.names[position]

    picture = path

    def facts(self) -> list[object]:
        """Names, sizes and times of change."""
        states = [(name, os.stat(self.source / name)) for name in self.names]
        return [f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in states]

    @property
    def after_gap(self) -> np.ndarray:
        """From the last number in the names; names without one have no gaps."""
        return gaps([last_number(name) for name in self.names])

    @property
    def times_s(self) -> np.ndarray | None:
        """From timestamps.txt. Raises UserError when it has not one row per frame, or time runs back."""
        path = self.source / "timestamps.txt"
        if not path.exists():
            return None
        times = read_times(path)
        check_rows(len(times), len(self), subject=path, frames=_ends(self))
        return times


@dataclass(frozen=True)
class VideoFile:
    """Frames of a video file, decoded into JPEG files of the folder `cache`: a group at a time, by whoever asks first."""

    source: Path
    index: VideoIndex
    cache: Path

    @property
    def poses_path(self) -> Path:
        """CLIP.poses.txt beside CLIP.mp4."""
        return self.source.with_suffix(".poses.txt")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.index.pts)

    def path(self, position: int) -> Path:
        """The decoded picture."""
        return self.cache / f"{position:06d}.jpg"

    def picture(self, position: int) -> Path:
        """The decoded picture. Two processes that decode the same group write the same bytes, each file whole."""
        path = self.path(position)
        if not path.exists():
            for frame, image in decode_group(self.source, self.index, self.index.group(position)):
                if not self.path(frame).exists():
                    write_image(self.path(frame), image)
        if not path.exists():
            wrong = f"frame {position} at {self.index.times_s[position]:.2f} s cannot be decoded"
            raise UserError(self.source, wrong, "write it again: ffmpeg -i IN -c:v libx264 -crf 18 OUT.mp4")
        return path

    def facts(self) -> list[object]:
        """Size and time of change."""
        return _file_facts(self.source)

    @property
    def after_gap(self) -> np.ndarray:
        """A video file has no gaps: a longer step between two frames is what its camera meant."""
        return np.zeros(len(self), dtype=bool)

    @property
    def times_s(self) -> np.ndarray | None:
        """As the file says."""
        return np.array(self.index.times_s)


def find_clips(root: Path, options: FootageOptions) -> dict[str, Clip]:
    """Video files and folders of frames at or below `root`, by their path relative to it. Raises UserError for a broken video."""
    if root.is_file():
        return {root.name: _video_file(root, options)}
    clips: dict[str, Clip] = {}
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        place = Path(folder)
        frames = sorted((name for name in names if name.lower().endswith(PICTURES) and not name.startswith(".")), key=natural)
        if frames:
            clips[place.relative_to(root).as_posix()] = FrameFolder(place, tuple(frames))
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                clips[(place / name).relative_to(root).as_posix()] = _video_file(place / name, options)
    return dict(sorted(clips.items()))


def trajectory_of(clip: Clip) -> Trajectory | None:
    """Poses of all frames, or None. Raises UserError for another number of them, and for what is no rigid motion."""
    path = clip.poses_path
    if path.exists():
        trajectory = read_trajectory(path)
        check_rows(len(trajectory.world_from_cam), len(clip), subject=path, frames=_ends(clip))
        return trajectory
    folder = clip.source / "poses"
    if not folder.is_dir():
        return None
    poses = []
    for position in range(len(clip)):
        file = folder / f"{clip.path(position).stem}.txt"
        words = len(existing_file(file, what="pose").read_text(errors="replace").split())
        pose = np.eye(4)
        pose[:3] = read_matrix(file, rows=3 if words == 12 else 4, columns=4, what="pose")[:3]
        check_rigid(pose, subject=file, where="it")
        poses.append(pose)
    return Trajectory(np.stack(poses))


def last_number(name: str) -> float | None:
    """The last number in a file's name, its ending left aside; names that are times have a point in them."""
    numbers = re.findall(r"\d+(?:\.\d+)?", name.rpartition(".")[0])
    return float(numbers[-1]) if numbers else None


def gaps(numbers: list[float | None]) -> np.ndarray:
    """bool (n), True where the step from the number before is more than GAP times the usual one."""
    known = np.array([np.nan if number is None else number for number in numbers])
    steps = np.diff(known, prepend=known[:1])
    usual = np.nanmedian(steps[1:]) if len(steps) > 1 and np.isfinite(steps[1:]).any() else 0.0
    with np.errstate(invalid="ignore"):
        return (steps > GAP * usual) if usual > 0 else np.zeros(len(steps), dtype=bool)


def _video_file(path: Path, options: FootageOptions) -> VideoFile:
    return VideoFile(path, read_video_index(path), options.cache_of(path, _file_facts(path)))


def _file_facts(path: Path) -> list[object]:
    state = existing_file(path, what="video").stat()
    return [state.st_size, state.st_mtime_ns]


def _ends(clip: Clip) -> str:
    return f"{clip.path(0).name} to {clip.path(len(clip) - 1).name}"
