"""Producing a data set: worlds to frames to files, over several processes, resumable at any frame.

A scene is a function of family, seed, number of frames and size, a frame's noise of seed, frame and camera: so the bytes
depend neither on the number of processes nor on interruptions.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.image import write_image
from leadline.io.jsonfile import write_json
from leadline.io.rig import rig_as_dict
from leadline.scenes import render
from leadline.scenes.denoise import Denoiser
from leadline.scenes.exposure import Exposure, meter
from leadline.scenes.haze import through_haze
from leadline.scenes.layout import FORMAT, MASKS, frame_folder
from leadline.scenes.truth import Truth, TruthMaker
from leadline.scenes.variants import choose_variant
from leadline.scenes.world import Shot, World
from leadline.scenes.write import DEPTH_SCALES, LAYERS, RIG_LAYERS, clear_unfinished, new_frame, register, write_view
from leadline.types import Material, UserError

FAMILIES = ("rooms", "streets", "objects", "yard")
"""The last two are for evaluation only: `leadline.data` refuses to train on them."""
DEFAULT_SPP = 4
"""Samples per pixel: with guides from exact albedo and normals the denoiser needs no more at these sizes."""
_METERED_FRAMES = 3
_SHRINK = 4
"""Of the pictures that are metered."""
_MARGIN_PX = 8
"""Of the window in which light without specular lobes is rendered: what the denoiser looks at around a pixel."""
_TASKS_PER_PROCESS = {"scalar": 100, "llvm": 40}
"""After about so many a process makes room for a new one: of each scene Mitsuba keeps 2 to 4 MB, with LLVM about 40 MB of kernels."""
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
        if self.family == "streets":
            from leadline.scenes import streets

            assert self.rig is not None
            return streets.make_world(seed, frames=self.frames, height=self.height, width=self.width, rig=self.rig)
        from leadline.scenes import objects, rooms, yard

        make_world = {"rooms": rooms.make_world, "objects": objects.make_world, "yard": yard.make_world}[self.family]
        return make_world(seed, frames=self.frames, height=self.height, width=self.width)


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
            shots = self._shots(frame)
            truths = [self._truth(shot) for shot in shots]
            noisy = self._radiance(dict(enumerate(shots)), "radiance")
            for shot, truth, image, bare in zip(shots, truths, noisy, self._without_lobes(noisy, shots, truths), strict=True):
                seen, matte = (self._hazed(self._clean(part, truth), shot, truth) for part in (image, bare))
                write_view(folder / shot.camera.name, shot, truth, radiance=seen, diffuse=matte, exposure=self._exposure, world=self.world)
            if self.world.rig is not None and self.world.rig.lidar is not None:
                from leadline.scenes.lidar import write_scan

                write_scan(folder / "lidar.npz", self._renderer, frame)

    def _radiance(self, shots: Mapping[int, Shot], what: str, *, samples: int | None = None) -> list[np.ndarray]:
        """Of shots of one frame, by the index of their camera."""
        keys = [[self.world.seed, shot.frame, camera, _PASSES[what]] for camera, shot in shots.items()]
        noise = [int(np.random.SeedSequence(key).generate_state(1)[0]) for key in keys]
        return self._renderer.radiance(list(shots.values()), seeds=noise, diffuse=what == "diffuse", samples=samples)

    def _without_lobes(self, noisy: Sequence[np.ndarray], shots: Sequence[Shot], truths: Sequence[Truth]) -> list[np.ndarray]:
        """Radiance without specular lobes; scalar renders the windows around pixels that have any, the rest stays `noisy`."""
        # Without lobes light is smooth and its colour known exactly: half the samples do.
        samples = max(1, self._order.spp // 2)
        if self._order.variant != "scalar":  # LLVM compiles anew, for seconds, for every size of picture
            return self._radiance(dict(enumerate(shots)), "diffuse", samples=samples)
        images = [image.copy() for image in noisy]
        for camera, (shot, truth) in enumerate(zip(shots, truths, strict=True)):
            window = _window(_has_lobes(truth))
            if window is not None:
                part = replace(shot, camera=_through(shot.camera, window))
                images[camera][window] = self._radiance({camera: part}, "diffuse", samples=samples)[0]
        return images

    def _clean(self, noisy: np.ndarray, truth: Truth) -> np.ndarray:
        height, width = noisy.shape[:2]
        if (height, width) not in self._denoisers:
            self._denoisers[height, width] = Denoiser(height, width)
        return self._denoisers[height, width](noisy, albedo=truth.guide_albedo, normals=truth.guide_normals)

    def _hazed(self, image: np.ndarray, shot: Shot, truth: Truth) -> np.ndarray:
        return image if self.world.haze is None else through_haze(image, self.world.haze, shot, truth.ray_distance)

    def _meter(self) -> Exposure:
        """Expose for a few pictures spread over the sequence.

        They have one sample a pixel and are shrunk, because noise would bias the median of the luminance. Rendering them small
        with as many samples costs the same, but LLVM would compile for their size. Of a rig, scalar meters every second camera:
        they look all around as well (LLVM would compile for the width of three pictures).
        """
        frames = sorted({round(i) for i in np.linspace(0, self._order.frames - 1, _METERED_FRAMES)})
        images, albedos = [], []
        for frame in frames:
            shots = self._shots(frame)[:: 2 if self._order.variant == "scalar" else 1]
            noisy = self._radiance(dict(enumerate(shots)), "meter", samples=1)
            small = [replace(shot, camera=_shrunk_camera(shot.camera), usable=None) for shot in shots]
            for shot, image in zip(small, noisy, strict=True):
                truth = self._truth(shot)
                images.append(self._hazed(_shrunk(image), shot, truth))
                albedos.append(truth.albedo)
        return meter(images, albedos, key=self.world.key)

    def _shots(self, frame: int) -> list[Shot]:
        return [shot for shot in self.world.shots if shot.frame == frame]


def _shrunk(image: np.ndarray) -> np.ndarray:
    """Means of blocks of pixels; what is left at the right and lower border is dropped."""
    height, width = image.shape[0] // _SHRINK, image.shape[1] // _SHRINK
    return image[: height * _SHRINK, : width * _SHRINK].reshape(height, _SHRINK, width, _SHRINK, 3).mean(axis=(1, 3))


def _shrunk_camera(camera: Camera) -> Camera:
    height, width = camera.height // _SHRINK, camera.width // _SHRINK
    return camera.cropped(top=0, left=0, height=height * _SHRINK, width=width * _SHRINK).resized(height=height, width=width)


def _window(mask: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns around the true pixels of `mask` (h, w), with a margin; None where there are none."""
    if not mask.any():
        return None
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    height, width = mask.shape
    return _around(rows, height), _around(columns, width)


def _around(found: np.ndarray, size: int) -> slice:
    return slice(max(0, int(found[0]) - _MARGIN_PX), min(size, int(found[-1]) + 1 + _MARGIN_PX))


def _through(camera: Camera, window: tuple[slice, slice]) -> Camera:
    rows, columns = window
    return camera.cropped(top=rows.start, left=columns.start, height=rows.stop - rows.start, width=columns.stop - columns.start)


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
    spp = DEFAULT_SPP if spp is None else spp
    order = _checked(
        Order(family, Path(out), frames, height, width, rig, spp, choose_variant(variant, pixels=height * width)),
        scenes=scenes,
        seed=seed,
    )
    workers = workers or os.cpu_count() or 1
    seeds = range(seed, seed + scenes)
    about = _about(order)
    register(order.out, about, seeds)
    if about["rig"] is not None:
        write_json(order.out / "rig.json", about["rig"])
        for name, usable in _masks(order).items():
            write_image(order.out / MASKS / f"{name}.png", np.where(usable, np.uint8(255), np.uint8(0)))
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
        # NOTE: new pools, not max_tasks_per_child, with which Python 3.11's executor can wait for ever (cpython issue 115634).
        many = workers * _TASKS_PER_PROCESS[order.variant]
        for first in range(0, len(tasks), many):
            _produce_in_parallel(order, tasks[first : first + many], workers, tell)
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
    if order.family != "streets" and order.rig is not None:
        raise UserError("--rig", f"worlds of {order.family} are seen by one hand-held camera", "leave it out, or render streets")
    if order.family == "streets" and order.rig is None:
        raise UserError("--rig", "streets are seen by a rig", "give nuscenes6, ddad6 or a rig JSON")
    return order


def _about(order: Order) -> dict[str, Any]:
    """What dataset.json says; a later run into the same folder must say the same."""
    rig = None if order.rig is None else rig_as_dict(_rig_on_disk(order, order.rig), order.out)
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
        "layers": LAYERS if rig is None else RIG_LAYERS,
        "rig": rig,
    }


def _rig_on_disk(order: Order, rig: Rig) -> Rig:
    """The rig as its pictures are, with the paths of its masks."""
    from leadline.scenes import streets

    masks, cameras = _masks(order), []
    for camera in streets.fitted_rig(rig, height=order.height, width=order.width).cameras:
        path = str(order.out / MASKS / f"{camera.name}.png") if camera.name in masks else None
        cameras.append(replace(camera, mask_path=path))
    return replace(rig, cameras=tuple(cameras))


def _masks(order: Order) -> dict[str, np.ndarray]:
    """Usable pixels (h, w) of the cameras that see their own vehicle."""
    from leadline.scenes import ego, streets

    assert order.rig is not None
    rig = streets.fitted_rig(order.rig, height=order.height, width=order.width)
    seen = {camera.name: ego.usable(camera, ego.make_body(rig)[0][0]) for camera in rig.cameras}
    return {name: usable for name, usable in seen.items() if usable is not None}


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
