"""Footage of one's own: order, gaps, stride, what stands still, cameras, poses; decoded frames; and every bad input by its file."""

import json
import logging
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data.catalog import open_dataset, spec_of
from leadline.data.footage import FootageOptions
from leadline.data.sample import Needs
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.types import UserError
from tests.fixtures import tiny_footage
from tests.fixtures.tiny_footage import numbered_pictures, pose, write_film, write_frames, write_poses

NEIGHBOURS = Needs(layers=frozenset(), frames=(0, -1, 1))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def frames(folder: Path, num: int, *, name: str = "frame_{}.png") -> Path:
    """Pictures that tell their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(numbered_pictures(num)):
        Image.fromarray(picture).save(folder / name.format(i))
    return folder


def shown(dataset, *records) -> list[int]:
    return [tiny_footage.number_of(dataset.view(r, "camera", frozenset()).image) for r in records or dataset.records]


def open_video(path: Path, **options):
    return open_dataset(f"video:{path}", footage=FootageOptions(**options))


def test_frames__are_in_natural_order_and_folders_are_sequences(tmp_path):
    frames(tmp_path / "walk", 12)  # frame_2 before frame_10
    frames(tmp_path / "ride", 3)
    dataset = open_video(tmp_path)
    assert [(r.sequence, r.frame) for r in dataset.records] == [*(("ride", i) for i in range(3)), *(("walk", i) for i in range(12))]
    assert shown(dataset) == [0, 1, 2, *range(12)]


def test_gap__parts_neighbours(tmp_path):
    frames(tmp_path, 8)
    (tmp_path / "frame_3.png").unlink()
    dataset = open_video(tmp_path)
    assert shown(dataset) == [0, 1, 2, 4, 5, 6, 7]
    source = SampleSource(dataset, NEIGHBOURS, Transform(32, 32, augment=None))
    middles = [tiny_footage.number_of(255 * source[0, i].image[0, 0].permute(1, 2, 0).numpy()) for i in range(len(source))]
    assert middles == [1, 5, 6], "2 and 4 are no neighbours"


@pytest.mark.parametrize("name", ["{}0.png", "clip_1_{:03d}.png", "1311868164.{}63.png"])
def test_numbers__that_rise_evenly_have_no_gaps(tmp_path, name):
    frames(tmp_path, 8, name=name)
    assert [record.frame for record in open_video(tmp_path).records] == list(range(8))


def test_stride__takes_every_nth_frame_and_respects_gaps(tmp_path):
    frames(tmp_path, 9)
    dataset = open_video(tmp_path, stride=3)
    assert shown(dataset) == [0, 3, 6] and [record.frame for record in dataset.records] == [0, 1, 2]
    (tmp_path / "frame_4.png").unlink()
    dataset = open_video(tmp_path, stride=2)
    assert shown(dataset) == [0, 2, 5, 7] and [record.frame for record in dataset.records] == [0, 1, 3, 4]


def test_min_motion__leaves_out_what_stands_still_once_and_for_all(tmp_path, caplog):
    places = [pose(0.0)] * 3 + [pose(0.05), pose(0.10)] + [pose(0.10)] * 3 + [pose(0.15)]
    paths = write_frames(tmp_path / "clip", places)
    dataset = open_video(tmp_path / "clip", min_motion=0.001)
    kept = [dataset.view(record, "camera", frozenset()).path.name for record in dataset.records]
    assert kept == [paths[i].name for i in (0, 3, 4, 8)] and [r.frame for r in dataset.records] == [0, 1, 2, 3]
    assert "5 of 9 frames hardly move and are left out" in caplog.text
    index = list((tmp_path / "cache").rglob("moving-*.json"))
    assert len(index) == 1 and not list((tmp_path / "clip").glob("*.json")), "nothing is written beside the frames"
    caplog.clear()
    assert [r.frame for r in open_video(tmp_path / "clip", min_motion=0.001).records] == [0, 1, 2, 3] and not caplog.text
    paths[8].unlink()
    assert len(open_video(tmp_path / "clip", min_motion=0.001).records) == 3, "another folder, another index"


def test_video_file__gives_the_same_frames_to_every_process_in_any_order(tmp_path, cache):
    write_film(tmp_path / "clip.mp4", numbered_pictures(14))
    dataset = open_video(tmp_path / "clip.mp4")
    assert dataset.layers == {"time_s"} and not cache.exists(), "opening decodes nothing"
    assert shown(dataset, dataset.records[9]) == [9]
    assert len(list(cache.rglob("*.jpg"))) == 12, "its group, from keyframe to keyframe, and the first, which tells the size"
    first = dataset.view(dataset.records[9], "camera", dataset.layers)
    shutil.rmtree(cache)
    copy = pickle.loads(pickle.dumps(dataset))
    assert shown(copy, *reversed(copy.records)) == list(range(13, -1, -1))
    again = copy.view(copy.records[9], "camera", copy.layers)
    np.testing.assert_array_equal(first.image, again.image)
    assert again.time_s == pytest.approx(0.9) and again.path.parent.name.startswith("clip.mp4-")


def test_video_files__below_a_folder_are_sequences(tmp_path):
    write_film(tmp_path / "b.mp4", numbered_pictures(4))
    write_film(tmp_path / "a.mkv", numbered_pictures(3))
    assert [(r.sequence, r.frame) for r in open_video(tmp_path).records] == [
        *(("a.mkv", i) for i in range(3)),
        *(("b.mp4", i) for i in range(4)),
    ]


def test_video_file__cut_off_is_read_as_far_as_it_goes(tmp_path, caplog):
    write_film(tmp_path / "whole.mkv", [tiny_footage.seen(p)[:120, :160] for p in tiny_footage.walk(18)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes((tmp_path / "whole.mkv").read_bytes()[: (tmp_path / "whole.mkv").stat().st_size * 6 // 10])
    dataset = open_video(cut)
    assert 3 < len(dataset.records) < 18 and f"{cut}: ends after" in caplog.text
    assert main(["data", "check", f"video:{cut}"]) == 0


def test_split__of_recipes_and_of_files(tmp_path):
    write_film(tmp_path / "clip.mp4", numbered_pictures(3))
    frames(tmp_path / "walk", 3)
    assert len(open_dataset(f"video:{tmp_path}", "train").records) == 6
    (tmp_path / "some.txt").write_text("clip.mp4\nwalk/frame_1.png\n")
    chosen = open_dataset(f"video:{tmp_path}", "some.txt")
    assert [(r.sequence, r.frame) for r in chosen.records] == [("clip.mp4", 0), ("clip.mp4", 1), ("clip.mp4", 2), ("walk", 1)]
    with pytest.raises(UserError, match="neither a split nor a file"):
        open_dataset(f"video:{tmp_path}", "validation")


def test_camera__given_beside_the_frames_from_exif_or_assumed(tmp_path, caplog):
    folder = frames(tmp_path / "clip", 2, name="{}.jpg")

    def focal(**options) -> float:
        dataset = open_video(tmp_path, **options)
        return dataset.view(dataset.records[0], "camera", frozenset()).camera.K[0, 0]

    with caplog.at_level(logging.WARNING):
        assert focal() == pytest.approx(32 / np.tan(np.radians(30)))
    assert "no intrinsics are known; a field of view of 60 degrees is assumed" in caplog.text
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    with Image.open(folder / "0.jpg") as image:
        image.save(folder / "0.jpg", exif=exif)
    assert focal() == pytest.approx(28 * 80 / np.hypot(36, 24))
    (tmp_path / "K.txt").write_text("70 0 32\n0 70 24\n0 0 1\n")
    assert focal() == 70
    (folder / "intrinsics.json").write_text(json.dumps({"fx": 80, "fy": 80, "cx": 32, "cy": 24, "width": 64, "height": 48}))
    assert focal() == 80
    assert focal(fov_x_deg=90) == pytest.approx(32)
    assert focal(K=(55, 55, 32, 24)) == 55


def test_poses__one_row_per_frame_follow_stride(tmp_path):
    write_frames(tmp_path, tiny_footage.walk(5))
    write_poses(tmp_path / "poses.txt", tiny_footage.walk(5))
    dataset = open_video(tmp_path, stride=2)
    assert dataset.layers == {"cam_from_world"}
    found = [dataset.view(record, "camera", dataset.layers).cam_from_world for record in dataset.records]
    np.testing.assert_allclose(found, [np.linalg.inv(tiny_footage.walk(5)[i]) for i in (0, 2, 4)], atol=1e-7)


def test_poses__one_file_per_frame(tmp_path):
    write_frames(tmp_path, tiny_footage.walk(3))
    (tmp_path / "poses").mkdir()
    for i, one in enumerate(tiny_footage.walk(3)):
        np.savetxt(tmp_path / f"poses/frame_{i:03d}.txt", one)
    dataset = open_video(tmp_path)
    np.testing.assert_allclose(
        dataset.view(dataset.records[2], "camera", dataset.layers).cam_from_world, np.linalg.inv(tiny_footage.walk(3)[2]), atol=1e-9
    )


@pytest.mark.parametrize(
    ("place", "spec"),
    [("clip.mp4", "video:{}"), ("frames", "video:{}"), ("many", "video:{}"), ("rendered", "rendered:{}"), ("absent", "rendered:{}")],
)
def test_spec_of__knows_footage_when_it_sees_it(tmp_path, place, spec):
    write_film(tmp_path / "clip.mp4", numbered_pictures(3))
    frames(tmp_path / "frames", 1)
    frames(tmp_path / "many/one", 1)
    frames(tmp_path / "rendered/scene", 1)
    (tmp_path / "rendered/dataset.json").write_text("{}")
    assert spec_of(str(tmp_path / place), usual="rendered") == spec.format(tmp_path / place)
    assert spec_of("kitti:/data", usual="rendered") == "kitti:/data"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fov_x_deg": 200.0}, "200 degrees is no field of view"),
        ({"fov_x_deg": 60.0, "K": (1, 1, 1, 1)}, "beside K"),
        ({"stride": 0}, "0 is too small"),
        ({"min_motion": 2.0}, "2 is no share"),
    ],
)
def test_options__that_cannot_be(options, words):
    with pytest.raises(UserError, match=words):
        FootageOptions(**options)


def test_options__of_footage_are_refused_for_others(tmp_path):
    with pytest.raises(UserError, match="has no choice of footage"):
        open_dataset(f"kitti:{tmp_path}", footage=FootageOptions(stride=2))
