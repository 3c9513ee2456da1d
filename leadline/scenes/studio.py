"""One scene from its world to the files of its frames: metering, rendering, cleaning, the weather, writing.

A scene is a function of family, seed, number of frames and size, a frame's noise of seed, frame and camera: so the bytes
depend neither on the number of processes nor on interruptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.scenes import render
from leadline.scenes.denoise import Denoiser
from leadline.scenes.exposure import Exposure, meter
from leadline.scenes.haze import through_haze
from leadline.scenes.pictures import Pictures, papered
from leadline.scenes.truth import Truth, TruthMaker
from leadline.scenes.world import Shot, World
from leadline.scenes.write import OPTIONAL, new_frame, write_view
from leadline.types import Material

_METERED_FRAMES = 3
_SHRINK = 4
"""Of the pictures that are metered."""
_MARGIN_PX = 8
"""Of the window in which light without specular lobes is rendered: what the denoiser looks at around a pixel."""
_FILLED = 0.25
"""Share of a window that is mirror from which on more samples for it are worth their time."""
_PASSES = {"meter": 0, "radiance": 1, "diffuse": 2, "mirrors": 3}


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
    pictures: Pictures | None = None
    layers: tuple[str, ...] = tuple(OPTIONAL)

    def world(self, seed: int) -> World:
        """The scene with that seed."""
        world = self._family_world(seed)
        return world if self.pictures is None else papered(world, self.pictures)

    def _family_world(self, seed: int) -> World:
        if self.family == "streets":
            from leadline.scenes import streets

            assert self.rig is not None
            return streets.make_world(seed, frames=self.frames, height=self.height, width=self.width, rig=self.rig)
        from leadline.scenes import objects, rooms, yard

        make_world = {"rooms": rooms.make_world, "objects": objects.make_world, "yard": yard.make_world}[self.family]
        return make_world(seed, frames=self.frames, height=self.height, width=self.width)


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
            noisy = self._more_in_mirrors(self._radiance(dict(enumerate(shots)), "radiance"), shots, truths)
            bare = self._without_lobes(noisy, shots, truths) if "diffuse" in self._order.layers else [None] * len(shots)
            for shot, truth, images in zip(shots, truths, zip(noisy, bare, strict=True), strict=True):
                seen, matte = (None if image is None else self._hazed(self._clean(image, truth), shot, truth) for image in images)
                assert seen is not None
                write_view(
                    folder / shot.camera.name,
                    shot,
                    truth,
                    radiance=seen,
                    diffuse=matte,
                    exposure=self._exposure,
                    world=self.world,
                    layers=self._order.layers,
                )
            if self.world.rig is not None and self.world.rig.lidar is not None:
                from leadline.scenes.lidar import write_scan

                write_scan(folder / "lidar.npz", self._renderer, frame)

    def _radiance(self, shots: Mapping[int, Shot], what: str, *, samples: int | None = None) -> list[np.ndarray]:
        """Of shots of one frame, by the index of their camera."""
        keys = [[self.world.seed, shot.frame, camera, _PASSES[what]] for camera, shot in shots.items()]
        noise = [int(np.random.SeedSequence(key).generate_state(1)[0]) for key in keys]
        return self._renderer.radiance(list(shots.values()), seeds=noise, diffuse=what == "diffuse", samples=samples)

    def _more_in_mirrors(self, noisy: Sequence[np.ndarray], shots: Sequence[Shot], truths: Sequence[Truth]) -> list[np.ndarray]:
        """`noisy` with half as many samples again where mirrors are: what they show is small, and soon taken for noise.

        Only scalar does so, in the window around them; LLVM compiles anew for every size of picture, and its pictures are large.
        """
        images, more = list(noisy), max(1, self._order.spp // 2)
        for camera, (shot, truth) in enumerate(zip(shots, truths, strict=True)):
            mirror = truth.material == Material.MIRROR
            window = _window(mirror)
            if self._order.variant != "scalar" or window is None or mirror[window].mean() < _FILLED:
                continue
            part = replace(shot, camera=_through(shot.camera, window))
            again = self._radiance({camera: part}, "mirrors", samples=more)[0]
            images[camera] = images[camera].copy()
            images[camera][window] += more / (more + self._order.spp) * (again - images[camera][window]) * mirror[window][..., None]
        return images

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
