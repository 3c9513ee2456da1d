"""Producing a data set: worlds to frames to files, over several processes, resumable at any frame.

A scene is a function of family, seed, number of frames and size, a frame's noise of seed, frame and camera: so the bytes
depend neither on the number of processes nor on interruptions.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import numpy as np

from leadline.geometry.rig import Rig
from leadline.io.jsonfile import read_json
from leadline.scenes import render
from leadline.scenes.denoise import Denoiser
from leadline.scenes.exposure import Exposure, meter
from leadline.scenes.truth import Truth, TruthMaker
from leadline.scenes.variants import choose_variant
from leadline.scenes.world import Shot, World
from leadline.scenes.write import DEPTH_SCALES, FORMAT, LAYERS, clear_unfinished, frame_folder, new_frame, register, write_view
from leadline.types import Material, UserError

FAMILIES = ("rooms", "streets")
DEFAULT_SPP = 4
"""Samples per pixel: with guides from exact albedo and normals the denoiser needs no more at these sizes."""
_METERED_FRAMES = 3
_SHRINK = 4
"""Of the pictures that are metered."""
_MARGIN_PX = 8
"""Of the window in which light without specular lobes is rendered: what the denoiser looks at around a pixel."""
_PASSES = {"meter": 0, "radiance": 1, "diffuse": 2}


@dataclass(frozen=True, eq=False)
class Order:
    """What is to be rendered."""

    family: str
    out: Path
    frames: int
    height: int
    width: int
    rig: Rig | None
    spp: int
    variant: str

    def world(self, seed: int) -> World:
        """The scene with that seed."""
        if self.family == "rooms":
            from leadline.scenes import rooms

            return rooms.make_world(seed, frames=self.frames, height=self.height, width=self.width)
        from leadline.scenes import streets

        assert self.rig is not None
        return streets.make_world(seed, frames=self.frames, height=self.height, width=self.width, rig=self.rig)


@dataclass(frozen=True)
class Task:
    """Some frames of one scene, for one process."""

    seed: int
    frames: tuple[int, ...]


class Studio:
    """One world set up for rendering."""

    def __init__(self, order: Order, seed: int) -> None:
        self._order = order
        self.world = order.world(seed)
        self._renderer = render.Renderer(self.world, samples=order.spp)
        self._truth = TruthMaker(self._renderer)
        self._denoisers: dict[tuple[int, int], Denoiser] = {}
        self._exposure = self._meter()

    def write_frame(self, frame: int) -> None:
        """Render one frame of all cameras and write it."""
        with new_frame(self._order.out, self.world.seed, frame) as folder:
            for camera, shot in enumerate(self._shots(frame)):
                truth = self._truth(shot)
                noisy = self._radiance(shot, "radiance", camera)
                write_view(
                    folder / shot.camera.name,
                    shot,
                    truth,
                    radiance=self._clean(noisy, truth),
                    diffuse=self._clean(self._without_lobes(noisy, shot, truth, camera), truth),
                    exposure=self._exposure,
                    depth_scale=DEPTH_SCALES.get(self.world.family, 256.0),
                )
            if self.world.rig is not None and self.world.rig.lidar is not None:
                from leadline.scenes.lidar import write_scan

                write_scan(folder / "lidar.npz", self._renderer, frame)

    def _radiance(self, shot: Shot, what: str, camera: int, *, samples: int | None = None) -> np.ndarray:
        key = [self.world.seed, shot.frame, camera, _PASSES[what]]
        noise = int(np.random.SeedSequence(key).generate_state(1)[0])
        return self._renderer.radiance(shot, seed=noise, diffuse=what == "diffuse", samples=samples)

    def _without_lobes(self, noisy: np.ndarray, shot: Shot, truth: Truth, camera: int) -> np.ndarray:
        """Radiance without specular lobes; only the window around pixels that have any is rendered, the rest stays `noisy`."""
        rows, columns = (np.flatnonzero(_has_lobes(truth).any(axis=axis)) for axis in (1, 0))
        if len(rows) == 0:
            return noisy
        height, width = noisy.shape[:2]
        top, left, bottom, right = 0, 0, height, width
        if self._order.variant == "scalar":  # LLVM compiles anew, for seconds, for every size of image
            top, left = max(0, rows[0] - _MARGIN_PX), max(0, columns[0] - _MARGIN_PX)
            bottom, right = min(height, rows[-1] + 1 + _MARGIN_PX), min(width, columns[-1] + 1 + _MARGIN_PX)
        window = shot.camera.cropped(top=int(top), left=int(left), height=int(bottom - top), width=int(right - left))
        # Without lobes light is smooth and its colour known exactly: half the samples do.
        samples = max(1, self._order.spp // 2)
        image = noisy.copy()
        image[top:bottom, left:right] = self._radiance(replace(shot, camera=window), "diffuse", camera, samples=samples)
        return image

    def _clean(self, noisy: np.ndarray, truth: Truth) -> np.ndarray:
        height, width = noisy.shape[:2]
        if (height, width) not in self._denoisers:
            self._denoisers[height, width] = Denoiser(height, width)
        return self._denoisers[height, width](noisy, albedo=truth.guide_albedo, normals=truth.guide_normals)

    def _meter(self) -> Exposure:
        """Expose for a few small pictures spread over the sequence.

        Each of their pixels has the same 16 samples in both variants; fewer would bias the median of the luminance.
        """
        frames = sorted({round(i) for i in np.linspace(0, self._order.frames - 1, _METERED_FRAMES)})
        images, albedos = [], []
        for frame in frames:
            for camera, shot in enumerate(self._shots(frame)):
                size = {"height": -(-shot.camera.height // _SHRINK), "width": -(-shot.camera.width // _SHRINK)}
                thumb = replace(shot, camera=shot.camera.resized(**size))
                if self._order.variant == "scalar":
                    images.append(self._radiance(thumb, "meter", camera, samples=_SHRINK**2))
                else:  # LLVM compiles anew, for seconds, for every size of image
                    images.append(_block_means(self._radiance(shot, "meter", camera, samples=1), **size))
                albedos.append(self._truth(thumb).albedo)
        return meter(images, albedos)

    def _shots(self, frame: int) -> list[Shot]:
        return [shot for shot in self.world.shots if shot.frame == frame]


def _block_means(image: np.ndarray, *, height: int, width: int) -> np.ndarray:
    padding = ((0, height * _SHRINK - image.shape[0]), (0, width * _SHRINK - image.shape[1]), (0, 0))
    return np.pad(image, padding, mode="edge").reshape(height, _SHRINK, width, _SHRINK, 3).mean(axis=(1, 3))


def _has_lobes(truth: Truth) -> np.ndarray:
    return (truth.material != Material.DIFFUSE) & (truth.material != Material.SKY)


def produce(
    family: str,
    out: str | Path,
    *,
    scenes: int,
    frames: int,
    height: int,
    width: int,
    seed: int = 0,
    rig: Rig | None = None,
    spp: int | None = None,
    workers: int | None = None,
    variant: str = "auto",
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Render `scenes` scenes of `family` with seeds from `seed` on into `out`; frames that are there are kept.

    `progress` is called with the number of frames just finished, those found finished included. Raises UserError when
    `out` holds a data set with other parameters, cannot be written, or a number makes no sense.
    """
    order = _checked(
        Order(family, Path(out), frames, height, width, rig, spp or DEFAULT_SPP, choose_variant(variant)), scenes=scenes, seed=seed
    )
    workers = workers or os.cpu_count() or 1
    seeds = range(seed, seed + scenes)
    register(order.out, _about(order), seeds)
    tell = progress or (lambda _: None)
    missing = {s: [f for f in range(frames) if not frame_folder(order.out, s, f).exists()] for s in seeds}
    tell(scenes * frames - sum(len(m) for m in missing.values()))
    tasks = _split({s: m for s, m in missing.items() if m}, workers)
    for s in {task.seed for task in tasks}:
        clear_unfinished(order.out, s)
    if workers == 1 or len(tasks) <= 1:
        render.start(order.variant, threads=1 if order.variant == "scalar" else None)
        for task in tasks:
            for _ in _perform(order, task):
                tell(1)
    else:
        _produce_in_parallel(order, tasks, workers, tell)
    return order.out


def _checked(order: Order, *, scenes: int, seed: int) -> Order:
    if order.family not in FAMILIES:
        raise UserError(order.family, "is no family of scenes", f"choose from {', '.join(FAMILIES)}")
    for name, value, least in (
        ("--scenes", scenes, 1),
        ("--frames", order.frames, 1),
        ("--height", order.height, 16),
        ("--width", order.width, 16),
        ("--spp", order.spp, 1),
        ("--seed", seed, 0),
    ):
        if value < least:
            raise UserError(name, f"{value} is too small", f"give at least {least}")
    if order.family == "rooms" and order.rig is not None:
        raise UserError("--rig", "rooms are seen by one hand-held camera", "leave it out, or render streets")
    if order.family == "streets" and order.rig is None:
        raise UserError("--rig", "streets are seen by a rig", "give nuscenes6, ddad6 or a rig JSON")
    return order


def _about(order: Order) -> dict[str, Any]:
    """What dataset.json says; a later run into the same folder must say the same."""
    rig = None
    if order.rig is not None:
        from leadline.io.rig import write_rig

        write_rig(order.out / "rig.json", order.rig.resized(height=order.height, width=order.width))
        rig = read_json(order.out / "rig.json")
    return {
        "format": FORMAT,
        "family": order.family,
        "leadline_version": version("leadline"),
        "mitsuba_version": render.VERSION,
        "denoiser_version": version("pyoidn"),
        "variant": order.variant,
        "frames": order.frames,
        "height": order.height,
        "width": order.width,
        "spp": order.spp,
        "depth_scale": DEPTH_SCALES.get(order.family, 256.0),
        "layers": LAYERS,
        "rig": rig,
    }


def _split(missing: dict[int, list[int]], workers: int) -> list[Task]:
    """One task per scene, or several where there are fewer scenes than processes."""
    pieces = max(1, -(-workers // len(missing))) if missing else 1
    blocks = [(seed, block) for seed, frames in missing.items() for block in np.array_split(frames, min(pieces, len(frames)))]
    return [Task(seed, tuple(int(f) for f in block)) for seed, block in blocks]


def _perform(order: Order, task: Task) -> Iterator[int]:
    """Render the frames of `task`, yielding after each."""
    studio = Studio(order, task.seed)
    for frame in task.frames:
        studio.write_frame(frame)
        yield frame


def _produce_in_parallel(order: Order, tasks: Sequence[Task], workers: int, tell: Callable[[int], None]) -> None:
    context = multiprocessing.get_context("spawn")
    stop, finished = context.Event(), context.Value("q", 0)
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_start_worker, initargs=(order.variant, stop, finished)
    )
    told = 0
    try:
        pending = {pool.submit(_work, order, task) for task in tasks}
        while pending:
            done, pending = wait(pending, timeout=0.3)
            for future in done:
                future.result()
            if finished.value > told:
                tell(finished.value - told)
                told = finished.value
    except BrokenProcessPool as error:
        raise UserError(
            order.out, "a rendering process died", "use fewer --workers if memory is short, or --variant scalar; then repeat"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


_shared: dict[str, Any] = {}


def _start_worker(variant: str, stop: Any, finished: Any) -> None:
    """Set up a process that leaves Ctrl-C to its parent and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait_for([parent.sentinel]), os._exit(1)), daemon=True).start()
    render.start(variant, threads=1)
    _shared.update(stop=stop, finished=finished)


def _work(order: Order, task: Task) -> None:
    for _ in _perform(order, task):
        with _shared["finished"].get_lock():
            _shared["finished"].value += 1
        if _shared["stop"].is_set():
            return
