"""Producing a data set: scenes over several processes, resumable at any frame (one scene: studio.py)."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import numpy as np

from leadline.geometry.rig import Rig
from leadline.io.image import write_image
from leadline.io.jsonfile import write_json
from leadline.io.rig import rig_as_dict
from leadline.scenes import render
from leadline.scenes.layout import FORMAT, MASKS, frame_folder
from leadline.scenes.pictures import find_pictures
from leadline.scenes.studio import Order, Studio
from leadline.scenes.variants import choose_variant
from leadline.scenes.write import DEPTH_SCALES, LAYERS, OPTIONAL, RIG_LAYERS, clear_unfinished, register
from leadline.types import UserError

FAMILIES = ("rooms", "streets", "objects", "yard")
"""The last two are for evaluation only: `leadline.data` refuses to train on them."""
DEFAULT_SPP = 4
"""Samples per pixel: with guides from exact albedo and normals the denoiser needs no more at these sizes."""
_TASKS_PER_PROCESS = {"scalar": 100, "llvm": 40}
"""After about so many a process makes room for a new one: of each scene Mitsuba keeps 2 to 4 MB, with LLVM about 40 MB of kernels."""


@dataclass(frozen=True)
class Task:
    """Some frames of one scene, for one process."""

    seed: int
    frames: tuple[int, ...]


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
    pictures: str | Path | None = None,
    layers: Collection[str] = OPTIONAL,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Render `scenes` scenes of `family` with seeds from `seed` on into `out`; frames that are there are kept.

    `pictures` is a folder of images that take the place of some textures, `layers` are those of OPTIONAL that are written.
    `progress` is called with the number of frames just finished, those found finished included. Raises UserError when `out`
    holds a data set with other parameters, cannot be written, or a number makes no sense.
    """
    spp = DEFAULT_SPP if spp is None else spp
    order = _checked(
        Order(
            family,
            Path(out),
            frames,
            height,
            width,
            rig,
            spp,
            choose_variant(variant, pixels=height * width),
            None if pictures is None else find_pictures(pictures),
            tuple(layer for layer in OPTIONAL if layer in layers),
        ),
        scenes=scenes,
        seed=seed,
    )
    workers = workers or os.cpu_count() or 1
    seeds = range(seed, seed + scenes)
    about = _about(order)
    register(order.out, about, seeds)
    if about["rig"] is not None:
        _write_rig(order, about["rig"])
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
    left_out = {file for layer, file in OPTIONAL.items() if layer not in order.layers}
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
        "pictures": None if order.pictures is None else order.pictures.fingerprint,
        "layers": {file: text for file, text in (LAYERS if rig is None else RIG_LAYERS).items() if file not in left_out},
        "rig": rig,
    }


def _write_rig(order: Order, rig: dict[str, Any]) -> None:
    """The rig with its masks beside the scenes; files that are there are of this rig already."""
    if not (order.out / "rig.json").exists():
        for name, usable in _masks(order).items():
            write_image(order.out / MASKS / f"{name}.png", np.where(usable, np.uint8(255), np.uint8(0)))
        write_json(order.out / "rig.json", rig)


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
