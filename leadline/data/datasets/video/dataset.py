"""Footage of your own: video files, or folders of frames; one sequence each. Needs no depth and no poses.

ROOT.mp4, or ROOT/.../CLIP.mp4, or ROOT/.../NAME.jpg: every folder with pictures is a sequence, in the natural order of names
beside the frames, if known: intrinsics.json or K.txt (in their folder or in ROOT), timestamps.txt, poses.txt (one row per frame:
    3x4, 4x4 or TUM), or poses/NAME.txt. Beside CLIP.mp4: CLIP.poses.txt

A gap in the numbers of the frames parts them: frames on its two sides are no neighbours. Frames of a video file are decoded once,
a group from keyframe to keyframe at a time, into JPEG files of a cache folder (see `FootageOptions`), whoever asks first.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.data.calibration import Calibration, calibration_of
from leadline.data.card import ON_REAL_FILES, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.datasets.video.clips import Clip, find_clips, trajectory_of
from leadline.data.footage import AS_IT_IS, FootageOptions
from leadline.data.motion import moving_frames, small_grey
from leadline.data.reading import fitting_camera
from leadline.data.splits import choose
from leadline.data.trajectory import Trajectory
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.io.image import image_size, read_image
from leadline.io.jsonfile import read_json, write_json
from leadline.types import UserError

log = logging.getLogger(__name__)

CARD = DatasetCard(
    kind="video",
    summary="your own video files or folders of frames, for self-supervision",
    needs="CLIP.mp4 or NAME.jpg in the folder or below it (a file CLIP.mp4 itself will do)",
    layers=("cam_from_world", "time_s"),
    splits="train (everything, for recipes that ask for it), or a text file: sequences (folders, video files) or paths of frames",
    units="no depth; poses, if any, camera to world in metres, one row per frame",
    invalid="nothing is",
    camera="--fov-x-deg or K given, intrinsics.json, K.txt (pixel centres at 0.5), else EXIF, else 60 degrees are assumed",
    licence="yours",
    get="record it; `leadline doctor PATH` says whether it will do",
    status=ON_REAL_FILES,
    options={"footage": ()},
)
CAMERA = "camera"


class Video:
    """Footage at or below `root`. Raises UserError naming what was looked for, a broken video, and poses or times that do not fit.

    Records are numbered so that neighbours in time differ by one: `frame` is a place among the frames that are kept.
    With `footage.min_motion` every picture is read once, and what is kept is remembered in the cache folder: pictures that are broken
    or of several sizes, K of another size, and footage without any motion are then told before anything learns.
    """

    def __init__(self, root: Path, *, split: str | None = None, footage: FootageOptions = AS_IT_IS) -> None:
        self._root, self._options = root, footage
        self.clips: dict[str, Clip] = find_clips(root, footage)
        if not self.clips:
            raise CARD.absent(root, "holds no video and no picture")
        for clip in self.clips.values():
            if lost := getattr(getattr(clip, "index", None), "lost", ""):
                log.warning("%s: %s; the %d frames before that are used", clip.source, lost, len(clip))
        self._trajectories: dict[str, Trajectory | None] = {name: trajectory_of(clip) for name, clip in self.clips.items()}
        self._times = {name: self._times_of(name, clip) for name, clip in self.clips.items()}
        self._calibrations = {name: self._calibration_of(clip) for name, clip in self.clips.items()}
        self.layers = frozenset(
            layer
            for layer, known in (("cam_from_world", self._trajectories), ("time_s", self._times))
            if all(value is not None for value in known.values())
        )
        """What every sequence has."""
        self._kept = {name: _kept(clip, footage) for name, clip in self.clips.items()}
        if footage.min_motion:  # every picture was read: better told now than after hours
            _check_motion(self.clips, self._kept, footage)
            for name, clip in self.clips.items():
                self._camera(_picture(clip, 0), clip.picture(0), name, CAMERA)
        self.moments: Sequence[Record] = [Record(name, frame, (CAMERA,)) for name, kept in self._kept.items() for frame in kept]
        base, named = root if root.is_dir() else root.parent, {"train": lambda record: True}
        self.records = choose(split, self.moments, root=base, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"video:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one frame. Raises UserError for a broken one, or one of another size than the first of its sequence or than K."""
        clip, position = self.clips[record.sequence], self.position(record)
        path, image = clip.picture(position), _picture(clip, position)
        trajectory, times = self._trajectories[record.sequence], self._times[record.sequence]
        return View(
            image=image,
            camera=self._camera(image, path, record.sequence, camera),
            path=path,
            cam_from_world=invert(trajectory.world_from_cam[position]) if trajectory and "cam_from_world" in layers else None,
            time_s=float(times[position]) if times is not None and "time_s" in layers else None,
        )

    def odd_sizes(self) -> list[str]:
        """One line for each frame of a folder whose header has another size than the first one's, or cannot be read."""
        lines = []
        for clip in self.clips.values():
            for position in range(len(clip)) if clip.source.is_dir() else ():
                try:
                    _check_size(image_size(clip.path(position)), clip, path=clip.path(position))
                except UserError as error:
                    lines.append(str(error))
        return lines

    def position(self, record: Record) -> int:
        """Where the frame of a record lies among all frames of its clip, counted from 0."""
        return self._kept[record.sequence][record.frame]

    def camera_source(self, sequence: str) -> str:
        """Where K comes from, in words."""
        if self._options.K is not None or self._options.fov_x_deg is not None:
            return "given"
        return self._calibrations[sequence].source(self.clips[sequence].picture(0))

    def _camera(self, image: np.ndarray, path: Path, sequence: str, name: str) -> Camera:
        options, (height, width) = self._options, image.shape[:2]
        if options.K is not None:
            fx, fy, cx, cy = options.K
            K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
            return fitting_camera(K, image, path=path, subject=Path("the given K"), name=name)
        if options.fov_x_deg is not None:
            return Camera.from_fov(options.fov_x_deg, width=width, height=height, name=name)
        return self._calibrations[sequence].camera(image, path=path, name=name)

    def _times_of(self, name: str, clip: Clip) -> np.ndarray | None:
        trajectory = self._trajectories[name]
        return trajectory.times_s if trajectory is not None and trajectory.times_s is not None else clip.times_s

    def _calibration_of(self, clip: Clip) -> Calibration:
        beside = clip.source if clip.source.is_dir() else clip.source.parent
        there = (beside / "intrinsics.json").exists() or (beside / "K.txt").exists()
        return calibration_of(beside if there or not self._root.is_dir() else self._root)

    def _image_path(self, record: Record, camera: str) -> Path:
        path = self.clips[record.sequence].path(self.position(record))
        # Decoded frames lie elsewhere; a split names them as if their video were a folder.
        return path if path.is_relative_to(self._root) else self._root.parent / record.sequence / path.name


def _picture(clip: Clip, position: int) -> np.ndarray:
    path = clip.picture(position)
    image = read_image(path)
    _check_size(image.shape[:2], clip, path=path)
    return image


def _check_size(size: tuple[int, ...], clip: Clip, *, path: Path) -> None:
    first = clip.picture(0)
    height, width = _size(first)
    if size != (height, width):
        wrong = f"is {size[1]}x{size[0]}, the sequence begins with {width}x{height} ({first.name})"
        raise UserError(path, wrong, "put frames of another size into a folder of their own")


def _check_motion(clips: dict[str, Clip], kept: dict[str, dict[int, int]], options: FootageOptions) -> None:
    """Raise UserError when no clip that had neighbours has any left. A few clips that stand still are only left out."""
    had_neighbours = [name for name, clip in clips.items() if len(range(0, len(clip), options.stride)) > 1]
    if had_neighbours and all(len(kept[name]) < 2 for name in had_neighbours):
        clip = clips[had_neighbours[0]]
        remedy = "move the camera while recording; if it moves very slowly, a larger stride or a smaller min-motion keeps more"
        raise UserError(clip.source, f"the camera stands still: {len(clip)} frames, and none moves against the first", remedy)


def _kept(clip: Clip, options: FootageOptions) -> dict[int, int]:
    """Position of each frame by its number in the records; a gap, also one that lies inside a stride, skips a number."""
    positions = range(0, len(clip), options.stride)
    stretch = np.cumsum(clip.after_gap)
    if options.min_motion:
        positions = _moving(clip, positions, stretch, options)
    first = positions[0] if len(positions) else 0
    return {place + int(stretch[position] - stretch[first]): position for place, position in enumerate(positions)}


def _moving(clip: Clip, positions: Sequence[int], stretch: np.ndarray, options: FootageOptions) -> list[int]:
    """Positions of the frames that move, from the cache folder where they were found before."""
    path = options.cache_of(clip.source, [*clip.facts(), options.stride]) / f"moving-{options.min_motion:g}.json"
    if path.exists():
        return [int(position) for position in read_json(path)]
    kept: list[int] = []
    for part in np.unique(stretch[list(positions)]):
        places = [position for position in positions if stretch[position] == part]
        pictures = (small_grey(_picture(clip, position)) for position in places)
        kept += [places[i] for i in moving_frames(pictures, least=options.min_motion)]
    write_json(path, kept)
    if left_out := len(positions) - len(kept):
        log.warning("%s: %d of %d frames hardly move and are left out", clip.source, left_out, len(positions))
    return kept


_size = lru_cache(maxsize=1024)(image_size)
