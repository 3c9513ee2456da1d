"""The rendered data set on disk: `dataset.json` and one folder per scene, frame and camera. A frame is there whole or not at all."""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from leadline.io.atomic import writable_folder
from leadline.io.depth import DepthFile, write_depth
from leadline.io.image import write_image
from leadline.io.jsonfile import read_json, write_json
from leadline.scenes.exposure import Exposure, develop, srgb_from_linear
from leadline.scenes.layout import FORMAT, frame_folder, scene_folder
from leadline.scenes.truth import Truth
from leadline.scenes.world import Shot, World
from leadline.types import SPLIT_SEEDS, Material, ScaleSource, UserError

DEPTH_SCALES = {"rooms": 1000.0, "objects": 4000.0, "yard": 1000.0}
"""Stored units per metre of depth.png; 256 for families not listed, which reach farther than 65 m."""
LAYERS = {
    "rgb.png": "sRGB, one exposure and white balance per scene (meta.json: exposure)",
    "depth.png": "16 bit, along the optical axis, units per metre in the text chunk; 0 is the sky or out of range; "
    "mirrors and glass have the depth of their own surface",
    "normal.png": "(n + 1) / 2 * 255, camera frame (x right, y down, z forward), towards the camera; grey is the sky",
    "albedo.png": "sRGB colour of the diffuse body; tint of metal, mirror and glass; black for lights and the sky",
    "diffuse.png": "the picture with specular lobes removed, same exposure: equal to rgb where the surface is diffuse; a coat "
    "loses its reflection, metal and mirror become matte boards of their tint, glass keeps only what shines through",
    "instance.png": "16 bit, one number per thing within a scene; 0 is the sky",
    "material.png": "0 diffuse, 1 glossy, 2 metal, 3 mirror, 4 glass, 5 sky",
    "meta.json": "K [px] (first pixel's centre at 0.5, 0.5), cam_from_world (world: z up, metres), time_s, exposure",
}
OPTIONAL = {"diffuse": "diffuse.png", "albedo": "albedo.png", "normals": "normal.png", "instance": "instance.png"}
"""Layers that need not be written, and their files. Without diffuse a picture is rendered once, not twice."""
RIG_LAYERS = LAYERS | {
    "depth.png": LAYERS["depth.png"].replace("the sky or out of range", "the sky, out of range or the own vehicle"),
    "meta.json": LAYERS["meta.json"] + ", conditions of the scene, haze (beta_per_m, airlight before exposure, depth_m of the layer) where "
    "there is any: rgb and diffuse are seen through it, albedo is not",
    "masks/CAMERA.png": "light where a camera of the rig sees the scene, dark where it sees its own vehicle; the same in all frames",
}
"""What is said of worlds seen by a rig."""


def register(out: Path, about: Mapping[str, Any], seeds: range) -> None:
    """Write dataset.json, or add `seeds` to the one that is there.

    Raises UserError when it was made with other parameters, or when `seeds` reach from one split into another.
    """
    for name, split in SPLIT_SEEDS.items():
        if seeds[0] in split and seeds[-1] not in split:
            raise UserError("--seed", f"seeds {seeds[0]} to {seeds[-1]} leave the {name} split", f"stay within {split[0]} to {split[-1]}")
    writable_folder(out)
    path = out / "dataset.json"
    known = set(seeds)
    if path.exists():
        old = read_json(path)
        if not isinstance(old, dict) or old.get("format") != FORMAT:
            raise UserError(path, "is not the index of a rendered data set", "choose another folder")
        for key, value in about.items():
            if old.get(key) != value:
                raise UserError(
                    out,
                    f"was rendered with {key} {_short(old.get(key))}, not {_short(value)}",
                    "repeat those options or choose another folder",
                )
        known |= set(old.get("seeds", []))
    write_json(path, dict(about) | {"seeds": sorted(known)})


def clear_unfinished(out: Path, seed: int) -> None:
    """Remove what a killed run has left of frames of this scene."""
    for leftover in scene_folder(out, seed).glob(".frame_*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def new_frame(out: Path, seed: int, frame: int) -> Iterator[Path]:
    """Yield a temporary folder that becomes the frame's folder when the block succeeds."""
    final = frame_folder(out, seed, frame)
    temporary = final.parent / f".{final.name}"
    try:
        yield temporary
        os.replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_view(
    folder: Path,
    shot: Shot,
    truth: Truth,
    *,
    radiance: np.ndarray,
    diffuse: np.ndarray | None,
    exposure: Exposure,
    world: World,
    layers: Collection[str] = OPTIONAL,
) -> None:
    """Write the layers of one camera, of OPTIONAL those that are in `layers`.

    `radiance` and `diffuse` are linear (h, w, 3), seen through the haze of `world`; `diffuse` may be None where it is not written.
    """
    rgb = develop(radiance, exposure)
    write_image(folder / "rgb.png", rgb)
    if "diffuse" in layers:
        assert diffuse is not None
        matte = ((truth.material == Material.DIFFUSE) | (truth.material == Material.SKY))[..., None]
        write_image(folder / "diffuse.png", np.where(matte, rgb, develop(diffuse, exposure)))
    if "albedo" in layers:
        write_image(folder / "albedo.png", srgb_from_linear(truth.albedo))
    if "normals" in layers:
        write_image(folder / "normal.png", np.rint((truth.normals + 1.0) * 127.5).astype(np.uint8))
    if "instance" in layers:
        write_image(folder / "instance.png", truth.instance)
    write_image(folder / "material.png", truth.material)
    depth = DepthFile(truth.depth, K=shot.camera.K, model="rendered", scale_source=ScaleSource.TRUTH)
    write_depth(folder / "depth.png", depth, png_scale=DEPTH_SCALES.get(world.family, 256.0), sidecar=False)
    meta: dict[str, Any] = {
        "K": shot.camera.K,
        "cam_from_world": shot.cam_from_world,
        "time_s": shot.time_s,
        "exposure": exposure.gain,
    }
    if world.conditions:
        meta["conditions"] = dict(world.conditions)
    if world.haze is not None:
        meta["haze"] = asdict(world.haze)
    write_json(folder / "meta.json", meta)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
