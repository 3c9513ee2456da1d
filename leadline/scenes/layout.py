"""Where the files of a rendered data set lie. What packs or counts one needs this and no renderer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.io.archive import Files
from leadline.io.jsonfile import read_json
from leadline.types import UserError

FORMAT = 1
MASKS = "masks"
"""Folder of CAMERA.png, light where a camera sees the scene, dark where it sees the own vehicle; rig.json names them."""


def scene_folder(out: Path, seed: int) -> Path:
    """Folder of the scene with that seed."""
    return out / f"scene_{seed:06d}"


def frame_folder(out: Path, seed: int, frame: int) -> Path:
    """Folder of one frame; it exists when the frame is whole."""
    return scene_folder(out, seed) / f"frame_{frame:04d}"


def read_about(files: Files) -> dict[str, Any]:
    """dataset.json. Raises UserError when `files` are no rendered data set."""
    if "dataset.json" not in files:
        raise UserError(files.root, "has no dataset.json", "give the folder that `leadline scenes FAMILY OUT` has written")
    about = read_json(files.file("dataset.json"))
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(files.root / "dataset.json", "is not the index of a rendered data set", "choose another folder")
    return about


def frames(files: Files) -> Iterator[str]:
    """scene_000000/frame_0000 of every whole frame, in order."""
    for scene in files.folders():
        if scene.startswith("scene_") and scene[6:].isdigit():
            for frame in files.folders(scene):
                if frame.startswith("frame_") and frame[6:].isdigit():
                    yield f"{scene}/{frame}"


def views(files: Files) -> Iterator[str]:
    """scene_000000/frame_0000/CAMERA of every view, in order."""
    for frame in frames(files):
        yield from (f"{frame}/{camera}" for camera in files.folders(frame))
