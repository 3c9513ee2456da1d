"""Statistics of a set whose numbers are known by hand, and the verb that prints them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.data.dataset import Record, View
from leadline.data.statistics import DEPTH_EDGES_M, mirror_like, reflecting, statistics_of
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.types import Material, UserError

HEIGHT, WIDTH = 8, 32
K = np.array([[16.0, 0, WIDTH / 2], [0, 16.0, HEIGHT / 2], [0, 0, 1]])
STEP_M = 0.5


class Walls:
    """Two cameras 1 m apart look the same way at a wall 4 m ahead; they step to the right and 0.1 m ahead, and turn by 2 degrees."""

    name = "walls:memory"
    layers = frozenset({"depth", "material", "diffuse", "cam_from_world", "cam_from_rig"})

    def __init__(self, frames: int = 3) -> None:
        self.records = [Record("scene_000000", frame, ("left", "right")) for frame in range(frames)]
        self.moments = self.records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        depth = np.full((HEIGHT, WIDTH), 4.0, dtype=np.float32)
        depth[0] = 0
        material = np.full((HEIGHT, WIDTH), Material.DIFFUSE, dtype=np.uint8)
        material[0] = Material.SKY
        material[1] = Material.MIRROR
        material[2] = Material.GLOSSY
        image = np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8)
        diffuse = image.copy()
        diffuse[2, :8] = 50  # a quarter of the coat shows a reflection
        rig_from_cam = np.eye(4)
        rig_from_cam[0, 3] = 1.0 if camera == "right" else 0.0
        angle = np.radians(2.0) * record.frame
        world_from_rig = np.eye(4)
        world_from_rig[:3, 3] = STEP_M * record.frame, 0, 0.1 * record.frame
        world_from_rig[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        given = {"depth": depth, "material": material, "diffuse": diffuse, "cam_from_world": invert(world_from_rig @ rig_from_cam)}
        seen_by = Camera(K=K, width=WIDTH, height=HEIGHT, name=camera, rig_from_cam=rig_from_cam)
        return View(image=image, camera=seen_by, path=Path("x.png"), **{name: v for name, v in given.items() if name in layers})


def test_statistics__of_two_cameras_before_a_wall():
    told: list[int] = []
    found = statistics_of(Walls(), advance=told.append)
    assert told == [1, 1, 1]
    assert (found.num_sequences, found.num_moments, found.num_looked_at, found.num_views) == (1, 3, 3, 6)
    assert found.size == "32x8" and found.no_depth_share == pytest.approx(1 / 8)
    place = DEPTH_EDGES_M.index(4.0)
    assert found.depth_share[place] == pytest.approx(1) and sum(found.depth_share) == pytest.approx(1)
    assert (found.depth_m.low, found.depth_m.median, found.depth_m.high) == (4, 4, 4)
    assert found.materials == pytest.approx({"diffuse": 5 / 8, "glossy": 1 / 8, "metal": 0, "mirror": 1 / 8, "glass": 0, "sky": 1 / 8})
    assert found.reflecting == pytest.approx(1 / 8 + 1 / 8 / 4)
    assert found.mirror_like == pytest.approx(1 / 8 + 1 / 8 / 4)
    # The cameras see the wall shifted by 16 * 1 / 4 = 4 px: of every fourth of 32 columns, one of eight falls out.
    assert {(a, b): (inside, seen) for a, b, inside, seen in found.overlaps} == {
        ("left", "right"): (7 / 8, 7 / 8),
        ("right", "left"): (7 / 8, 7 / 8),
    }
    assert found.motion is not None
    assert found.motion.rotation_deg.median == pytest.approx(2) and found.motion.rotation_deg.count == 4
    # The right camera, 1 m aside, also swings by the turn: 0.0006 m back and forth, 0.035 m across.
    assert found.motion.translation_m.low == pytest.approx(np.hypot(STEP_M, 0.1), abs=0.003)
    assert found.motion.translation_m.high == pytest.approx(np.hypot(STEP_M, 0.1), abs=0.003)
    assert found.motion.sideways_share.high == pytest.approx(STEP_M / np.hypot(STEP_M, 0.1), abs=0.01)
    assert found.motion.seen_in_next is not None and 0.8 < found.motion.seen_in_next.median <= 1
    assert found.motion.image_px is not None and found.motion.image_px.median == pytest.approx(16 * STEP_M / 4, rel=0.1)


def test_statistics__single_frames_do_not_move_and_few_moments_are_enough():
    assert statistics_of(Walls(frames=1)).motion is None
    found = statistics_of(Walls(frames=5), moments=2)
    assert (found.num_moments, found.num_looked_at, found.num_views) == (5, 2, 4)
    assert found.motion is not None and found.motion.translation_m.count == 2  # the last frame has no next


def test_statistics__of_sets_without_depth_or_poses_are_refused():
    walls = Walls()
    walls.layers = frozenset({"depth"})
    with pytest.raises(UserError, match="has no cam_from_world"):
        statistics_of(walls)

    class Sky(Walls):
        def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
            view = super().view(record, camera, layers)
            return replace(view, depth=np.zeros((HEIGHT, WIDTH), dtype=np.float32))

    with pytest.raises(UserError, match="no pixel with depth"):
        statistics_of(Sky())


def test_reflecting__by_hand():
    image = np.full((1, 6, 3), 100, dtype=np.uint8)
    diffuse = image.copy()
    diffuse[0, ::2] = 60
    material = np.array([[Material.GLOSSY, Material.GLOSSY, Material.DIFFUSE, Material.MIRROR, Material.METAL, Material.GLASS]])
    np.testing.assert_array_equal(reflecting(image, diffuse, material), [[True, False, False, True, True, True]])


def test_mirror_like__by_hand():
    """sRGB 188 is linear 0.503, 137 is 0.251, 138 is 0.254: half of the light is between the two. What is nearly black shows nothing."""
    cases = [
        (Material.MIRROR, 188, 188, True),
        (Material.GLASS, 188, 0, False),
        (Material.DIFFUSE, 188, 0, False),
        (Material.GLOSSY, 188, 136, True),
        (Material.GLOSSY, 188, 138, False),
        (Material.METAL, 100, 200, True),  # a matte board of its colour would be brighter than what it reflects
        (Material.METAL, 188, 188, False),
        (Material.GLOSSY, 12, 0, False),
        (Material.GLOSSY, 30, 3, True),
        (Material.SKY, 188, 0, False),
    ]
    material = np.array([[case[0] for case in cases]])
    image, diffuse = (np.array([[[case[i]] * 3 for case in cases]], dtype=np.uint8) for i in (1, 2))
    np.testing.assert_array_equal(mirror_like(image, diffuse, material), [[case[3] for case in cases]])


@pytest.mark.parametrize("packed", [False, True])
def test_scenes_stats__tables_numbers_and_one_page(packed, tiny, tmp_path, capsys):
    tiny.write_rendered(tmp_path / "streets", yaws={"front": 0.0, "left": 40.0}, frames=2)
    root = tmp_path / "streets"
    if packed:
        assert main(["scenes", "pack", str(root), "--to", str(tmp_path / "streets.zip")]) == 0
        root = tmp_path / "streets.zip"
        capsys.readouterr()
    page, numbers = tmp_path / "page.html", tmp_path / "numbers.json"
    assert main(["scenes", "stats", str(root), "--html", str(page), "--json", str(numbers), "--moments", "3"]) == 0
    printed = capsys.readouterr()
    assert "3/3" in printed.err and "3 of 4 moments looked at" in " ".join(printed.out.split())
    said = json.loads(numbers.read_text())
    assert said["num_views"] == 6 and said["no_depth_share"] == pytest.approx(1 / 6)
    # Frames are 4 and 5 m deep; of the moments 0, 1 and 3 are looked at: 4, 5 and 5 m.
    edges, shares = said["depth_edges_m"], said["depth_share"]
    assert edges[8] == 4.0 and shares[8] == pytest.approx(1.0) and edges[9] > 5.0
    assert said["motion"]["translation_m"]["median"] == pytest.approx(0.5)
    assert said["motion"]["sideways_share"]["median"] == pytest.approx(0.0)
    assert {(a, b) for a, b, *_ in said["overlaps"]} == {("front", "left"), ("left", "front")}
    assert (said["mirror_like"] is None) == packed  # packed without the layer diffuse
    for words in ("Depth of pixels", "4.00 to 5.66", "What cameras share", "From frame to frame"):
        assert words in printed.out and words in page.read_text()
    assert not re.search(r"https?://", page.read_text())
    assert all(reference.startswith("data:") for reference in re.findall(r'(?:src|href)="([^"]*)"', page.read_text()))


@pytest.mark.parametrize(("arguments", "complaint"), [(["nowhere"], "does not exist"), ([".", "--moments", "0"], "0 is not a number")])
def test_scenes_stats__mistakes_are_one_line(arguments, complaint, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["scenes", "stats", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and complaint in line
