"""A user's pictures as textures: which surfaces take them, and that a data set remembers which pictures it was made with."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.io.image import write_image
from leadline.scenes import rooms
from leadline.scenes.pictures import SHARE, SIZE_PX, find_pictures, papered
from leadline.scenes.produce import produce
from leadline.scenes.world import Surface, World
from leadline.types import Material, UserError

RED, GREEN = np.array([200, 10, 10], dtype=np.uint8), np.array([10, 200, 10], dtype=np.uint8)
SIZE = {"scenes": 1, "frames": 1, "height": 24, "width": 32, "spp": 1, "workers": 1, "variant": "scalar"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "deeper").mkdir(parents=True)
    write_image(tmp_path / "mine" / "a.png", np.broadcast_to(RED, (40, 90, 3)).copy())
    write_image(tmp_path / "mine" / "deeper" / "b.jpg", np.broadcast_to(GREEN, (300, 280, 3)).copy())
    (tmp_path / "mine" / "notes.txt").write_text("no picture")
    return tmp_path / "mine"


def surfaces(world: World) -> list[Surface]:
    return list({id(surface): surface for thing in world.things for _, surface in thing.parts}.values())


def test_pictures__take_the_place_of_some_textures_of_opaque_bodies_and_of_nothing_else(folder: Path) -> None:
    pictures = find_pictures(folder)
    assert [path.name for path in pictures.paths] == ["a.png", "b.jpg"]
    taken = possible = 0
    for seed in range(12):
        world = rooms.make_world(seed, frames=1, height=24, width=32)
        for old, new in zip(surfaces(world), surfaces(papered(world, pictures)), strict=True):
            if old.color.ndim == 3 and old.emission is None and old.material in (Material.DIFFUSE, Material.GLOSSY):
                possible += 1
                if new is not old:
                    taken += 1
                    assert new.color.shape == (SIZE_PX, SIZE_PX, 3) and new.texture_m == old.texture_m
                    assert min(np.abs(new.color.astype(int) - color).max() for color in (RED, GREEN)) < 12
            else:
                assert new is old
    assert abs(taken / possible - SHARE) < 0.2


def test_pictures__are_drawn_by_the_seed_of_the_world(folder: Path) -> None:
    world = rooms.make_world(5, frames=1, height=24, width=32)
    once, again = (surfaces(papered(world, find_pictures(folder))) for _ in range(2))
    assert all(np.array_equal(a.color, b.color) for a, b in zip(once, again, strict=True))


def test_pictures__a_data_set_remembers_them(folder: Path, tmp_path: Path) -> None:
    out = produce("rooms", tmp_path / "out", pictures=folder, **SIZE)
    plain = produce("rooms", tmp_path / "plain", **SIZE)
    assert json.loads((plain / "dataset.json").read_text())["pictures"] is None
    assert json.loads((out / "dataset.json").read_text())["pictures"] == find_pictures(folder).fingerprint
    image = "scene_000000/frame_0000/cam/albedo.png"
    assert (out / image).read_bytes() != (plain / image).read_bytes()
    assert (out / image.replace("albedo", "depth")).read_bytes() == (plain / image.replace("albedo", "depth")).read_bytes()
    write_image(folder / "c.png", np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(UserError, match="was rendered with pictures"):
        produce("rooms", out, pictures=folder, **SIZE)


def test_pictures__what_cannot_be_used_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: is no folder"):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        find_pictures(tmp_path / "empty")
    for path in (folder / "a.png", folder / "deeper" / "b.jpg"):
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"a\.png|b\.jpg"):
        produce("rooms", tmp_path / "out", pictures=folder, **SIZE)
    assert not list((tmp_path / "out").rglob("rgb.png"))
