"""A rendered set in one archive: read like its folder, by several processes, and refused in one line when it is broken."""

import json
import multiprocessing
import pickle
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.data.check import check_dataset
from leadline.data.dataset import Dataset, View
from leadline.data.order import BatchOrder
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.evaluation.evaluate import evaluate_model
from leadline.prediction import Prediction
from leadline.scenes import pack as packing
from leadline.scenes.pack import OPTIONAL, pack
from leadline.scenes.pack_view import Rung
from leadline.types import DepthKind, UserError

YAWS = {"back": 180.0, "front": 0.0, "right": -60.0, "left": 55.0}
EXACT = ("depth", "material", "normals", "instance")
PICTURES = ("image", "diffuse", "albedo")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory, tiny) -> Path:
    root = tmp_path_factory.mktemp("rooms") / "rooms"
    tiny.write_rendered(root, scenes=(3, 10001, 20000))
    return root


@pytest.fixture(scope="module")
def streets(tmp_path_factory, tiny) -> Path:
    root = tmp_path_factory.mktemp("streets") / "streets"
    tiny.write_rendered(root, yaws=YAWS, frames=2)
    return root


@pytest.fixture(scope="module")
def packed_rooms(rooms) -> Path:
    return pack(rooms, rooms.with_suffix(".zip")).path


@pytest.fixture(scope="module")
def packed_streets(streets) -> Path:
    return pack(streets, streets.with_suffix(".zip"), layers=OPTIONAL).path


def views(dataset: Dataset, layers: frozenset[str]) -> list[View]:
    return [dataset.view(record, camera, layers) for record in dataset.records for camera in record.cameras]


def test_archive__is_read_like_its_folder(streets, packed_streets):
    folder, archive = open_dataset(f"rendered:{streets}"), open_dataset(f"rendered:{packed_streets}")
    assert archive.name == f"rendered:{packed_streets}" and isinstance(archive, Dataset)
    assert archive.records == folder.records and archive.moments == folder.moments and archive.layers == folder.layers
    assert archive.records[0].cameras == ("front", "left", "back", "right")
    for was, now in zip(views(folder, folder.layers), views(archive, folder.layers), strict=True):
        for layer in EXACT:
            np.testing.assert_array_equal(getattr(now, layer), getattr(was, layer))
            assert getattr(now, layer).flags.writeable
        for layer in PICTURES:
            off = np.abs(getattr(now, layer).astype(int) - getattr(was, layer))
            assert getattr(now, layer).dtype == np.uint8 and np.median(off) <= 8  # colours of a checker board bleed, no more
        np.testing.assert_array_equal(now.cam_from_world, was.cam_from_world)
        np.testing.assert_array_equal(now.camera.K, was.camera.K)
        np.testing.assert_array_equal(now.camera.rig_from_cam, was.camera.rig_from_cam)
        assert (now.time_s, now.camera.name, now.sparse) == (was.time_s, was.camera.name, was.sparse)
        assert now.path == packed_streets / was.path.relative_to(streets).with_suffix(".jpg")
    bare = archive.view(archive.records[0], "front", frozenset())
    assert bare.depth is None and bare.material is None and bare.cam_from_world is None


def test_archive__has_the_splits(rooms, packed_rooms):
    assert open_dataset(f"rendered:{packed_rooms}").layers == {"depth", "material", "cam_from_world", "time_s"}
    for split, scene in (("train", 3), ("validation", 10001), ("test", 20000)):
        assert {record.sequence for record in open_dataset(f"rendered:{packed_rooms}", split).records} == {f"scene_{scene:06d}"}
    with pytest.raises(UserError, match="did you mean validation"):
        open_dataset(f"rendered:{packed_rooms}", "valid")


def test_archive__lidar_keeps_its_pixels(streets, packed_streets, packed_rooms):
    folder, archive = (open_dataset(f"rendered:{root}", depth_source="lidar") for root in (streets, packed_streets))
    for was, now in zip(views(folder, frozenset({"depth"})), views(archive, frozenset({"depth"})), strict=True):
        assert now.sparse
        np.testing.assert_array_equal(now.depth > 0, was.depth > 0)
        np.testing.assert_allclose(now.depth, was.depth, atol=0.01)
    with pytest.raises(UserError, match=r"rooms.zip/.*has no lidar.npz; take the dense depth"):
        open_dataset(f"rendered:{packed_rooms}", depth_source="lidar")


def test_archive__unpacked_is_a_data_set_as_well(packed_streets, tmp_path):
    zipfile.ZipFile(packed_streets).extractall(tmp_path)
    for source in ("lidar", "dense"):
        folder, archive = (open_dataset(f"rendered:{root}", depth_source=source) for root in (tmp_path, packed_streets))
        assert folder.records == archive.records and folder.layers == archive.layers
        for was, now in zip(views(archive, archive.layers), views(folder, folder.layers), strict=True):
            for layer in (*EXACT, *PICTURES):
                np.testing.assert_array_equal(getattr(now, layer), getattr(was, layer))
    assert not check_dataset(folder).broken


def test_archive__compressed_by_another_tool_is_read_too(packed_rooms, tmp_path):
    with zipfile.ZipFile(packed_rooms) as source, zipfile.ZipFile(tmp_path / "again.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.mkdir("scene_000003")
        for name in source.namelist():
            target.writestr(name, source.read(name))
    stored, deflated = (open_dataset(f"rendered:{path}") for path in (packed_rooms, tmp_path / "again.zip"))
    assert stored.records == deflated.records
    np.testing.assert_array_equal(views(stored, frozenset())[4].image, views(deflated, frozenset())[4].image)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_archive__travels_to_processes(packed_rooms, start):
    dataset = open_dataset(f"rendered:{packed_rooms}")
    address = dataset.records[0], "camera", frozenset[str]()
    expected = dataset.view(*address).image  # the handle is open and moved before the others start
    assert len(pickle.dumps(dataset)) < 20_000
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        for job in [pool.submit(dataset.view, *address) for _ in range(4)]:
            np.testing.assert_array_equal(job.result().image, expected)
    np.testing.assert_array_equal(dataset.view(*address).image, expected)


def test_archive__feeds_workers_as_it_feeds_one(packed_streets):
    source = SampleSource(open_dataset(f"rendered:{packed_streets}"), Needs(frames=(0, 1)), Transform(24, 40))
    loaders = [
        DataLoader(source, batch_sampler=BatchOrder(source.sizes, batch_size=4, seed=1), collate_fn=collate, num_workers=workers)
        for workers in (0, 2)
    ]
    for _, alone, shared in zip(range(3), *loaders, strict=False):
        assert alone.name == shared.name
        torch.testing.assert_close(alone.image, shared.image, atol=0, rtol=0)
        torch.testing.assert_close(alone.depth, shared.depth, atol=0, rtol=0)


class Flat:
    """Answers 5 m everywhere, whatever the picture."""

    name, kind = "flat", DepthKind.METRIC

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        return Prediction(np.full(image.shape[:2], 5.0, dtype=np.float32), kind=DepthKind.METRIC)


def test_archive__is_evaluated_like_its_folder(rooms, packed_rooms):
    scores = [evaluate_model(Flat(), open_dataset(f"rendered:{root}"), "raw", regions=("material",)) for root in (rooms, packed_rooms)]
    assert scores[0].metrics == scores[1].metrics and scores[0].regions.keys() == scores[1].regions.keys()
    # Depth is 4, 5 and 6 m: (1/4 + 0 + 1/6) / 3.
    assert scores[1].metrics["abs_rel"] == pytest.approx((1 / 4 + 1 / 6) / 3)


def test_archive__has_regions_of_reflections_where_it_has_diffuse(rooms, packed_rooms, tmp_path):
    packed = pack(rooms, tmp_path / "diffuse.zip", layers=("diffuse",)).path
    scores = [evaluate_model(Flat(), open_dataset(f"rendered:{root}"), "raw", regions=("reflections",)) for root in (rooms, packed)]
    # Without lobes the checker board is half as bright, so all of it that is not dark reflects; nothing of it is of a shiny material.
    share = [score.regions["reflective"].num_pixels / score.num_pixels for score in scores]
    assert share[0] > 0.7 and share[1] == pytest.approx(share[0], abs=0.05)
    assert all("misleading" not in score.regions for score in scores)
    with pytest.raises(UserError, match=r"has no diffuse, from which reflections are found; .* --layers diffuse"):
        evaluate_model(Flat(), open_dataset(f"rendered:{packed_rooms}"), "raw", regions=("reflections",))


def test_data_check__of_an_archive(packed_streets, packed_rooms, tmp_path, capsys):
    assert main(["data", "check", f"rendered:{packed_streets}", "--quick"]) == 0
    assert "broken: 0" in capsys.readouterr().out
    content = bytearray(packed_rooms.read_bytes())
    with zipfile.ZipFile(packed_rooms) as archive:
        member = archive.getinfo("scene_000003/frame_0001/camera/depth.png")
    content[member.header_offset + 30 + len(member.filename) + 40] ^= 0xFF
    (tmp_path / "bad.zip").write_bytes(content)
    assert main(["data", "check", f"rendered:{tmp_path / 'bad.zip'}"]) == 2
    printed = capsys.readouterr()
    broken = [line for line in printed.err.splitlines() if line.startswith("leadline data: ")]
    assert len(broken) == 1 and "broken: 1" in printed.out
    assert broken[0].startswith(f"leadline data: {tmp_path / 'bad.zip' / member.filename}: is broken (Bad CRC-32")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_archive__that_is_cut_off_is_one_line(packed_rooms, share, tmp_path, capsys):
    whole = packed_rooms.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: int(share * len(whole))])
    assert main(["data", "check", f"rendered:{tmp_path / 'cut.zip'}"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.startswith(f"leadline data: {tmp_path / 'cut.zip'}: ")
    assert ("is empty" if share == 0 else "is no .zip archive, or its end is missing") in line


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


FRAME = "scene_000000/frame_0000/cam"


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"photo.jpg": b"x"}, "has no dataset.json"),
        ({"dataset.json": b"{"}, "dataset.json: is not valid JSON"),
        ({"dataset.json": b""}, "dataset.json: is empty"),
        ({"dataset.json": b'{"format": 2}'}, "has format 2, this version reads 1"),
        ({"dataset.json": b'{"format": 1}'}, "has no scene; it holds 0 scenes"),
        ({"dataset.json": b'{"format": 1}', "scene_000000/frame_0000/lidar.npz": b"x"}, "its scenes hold no frame"),
        ({"dataset.json": b'{"format": 1}', f"{FRAME}/meta.json": b"{}"}, "rgb.png: is missing in the archive"),
        ({"dataset.json": b'{"format": 1}', f"{FRAME}/rgb.jpg": b"text"}, "rgb.jpg: is not an image in a known format"),
    ],
)
def test_archive__of_something_else_is_one_line(members, complaint, tmp_path, capsys):
    path = _zip(tmp_path / "foreign.zip", members)
    assert main(["data", "check", f"rendered:{path}"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline data: ")]
    assert len(lines) == 1 and complaint in lines[0] and str(path) in lines[0]


def test_archive__belongs_to_rendered_sets_alone(packed_rooms, tmp_path):
    with pytest.raises(UserError, match="is a file, not a folder"):
        open_dataset(f"nyu:{packed_rooms}")
    (tmp_path / "notes.txt").write_text("no archive at all")
    with pytest.raises(UserError, match=r"notes.txt: is no .zip archive"):
        open_dataset(f"rendered:{tmp_path / 'notes.txt'}")


def test_pack__gives_the_same_bytes_whatever_the_number_of_threads(streets, packed_streets, tmp_path):
    again = [pack(streets, tmp_path / f"{workers}.zip", layers=OPTIONAL[::-1], workers=workers).path for workers in (1, 3)]
    assert {path.read_bytes() for path in again} == {packed_streets.read_bytes()}


def test_pack__states_the_depth_error_it_measures(rooms, tmp_path, monkeypatch):
    """By hand: depth is stored as 1024 + 256 f + r with r = column % 4; a fourth of the steps leaves 0, -1, 2 or -2, 1 of 256 a metre."""
    source = tmp_path / "rooms"
    _copy(rooms, source)
    rows, columns = np.mgrid[:24, :40]
    for path in source.rglob("depth.png"):
        frame = int(path.parents[1].name[-4:])
        Image.fromarray(np.where(rows < 4, 0, 1024 + 256 * frame + columns % 4).astype(np.uint16)).save(path)
    monkeypatch.setattr(packing, "LADDER", (Rung(70, 4),))
    packed = pack(source, tmp_path / "coarse.zip")
    stated = json.loads(zipfile.ZipFile(packed.path).read("dataset.json"))["packed"]
    assert packed.depth_steps_per_m == (64.0,) and stated["depth_steps_per_m"] == [64.0] and stated["jpeg_quality"] == 70
    # 1024 + r over 4 rounds to even: r = 2 at frame 0 becomes 256 or 257 by the even one, 2 steps off; r = 1 and r = 3 are 1 step off.
    assert stated["depth_error"]["largest_m"] == pytest.approx(2 / 256) and stated["depth_error"]["mean_m"] == pytest.approx(1 / 256)
    assert stated["depth_error"]["largest_relative"] == pytest.approx(2 / 1026, rel=1e-5)
    assert packed.depth_error.mean_relative == pytest.approx(
        np.mean([abs(off) / (1024 + 256 * f + r) for f in range(3) for r, off in enumerate((0, 1, 2, 1))]), rel=1e-5
    )
    was, now = (views(open_dataset(f"rendered:{root}"), frozenset({"depth"})) for root in (source, packed.path))
    assert max(float(np.abs(a.depth - b.depth).max()) for a, b in zip(was, now, strict=True)) == pytest.approx(2 / 256)


def test_pack__gives_up_quality_until_it_fits_and_says_what_it_needs(rooms, tmp_path, capsys):
    finest = pack(rooms, tmp_path / "fine.zip")
    assert finest.quality == 95 and finest.depth_error.largest_m == 0
    middle = pack(rooms, tmp_path / "middle.zip", max_bytes=finest.num_bytes - 1000)
    assert middle.num_bytes <= finest.num_bytes - 1000 and 70 <= middle.quality < 95
    kept = (tmp_path / "middle.zip").read_bytes()
    assert main(["scenes", "pack", str(rooms), "--to", str(tmp_path / "middle.zip"), "--max-mb", "0.001"]) == 2
    line = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline scenes: ")]
    assert len(line) == 1 and "JPEG quality 70" in line[0]
    assert (tmp_path / "middle.zip").read_bytes() == kept and len(list(tmp_path.iterdir())) == 2
    needed = line[0].partition("give --max-mb ")[2].partition(",")[0]
    assert main(["scenes", "pack", str(rooms), "--to", str(tmp_path / "least.zip"), "--max-mb", needed]) == 0
    assert 0.9 * float(needed) < (tmp_path / "least.zip").stat().st_size / 1e6 <= float(needed)


def test_pack__pictures_that_nothing_makes_small_need_a_word(tmp_path, tiny, capsys):
    tiny.write_rendered(tmp_path / "noise", scenes=(0,), frames=1)
    rng = np.random.default_rng(0)
    folder = tmp_path / "noise/scene_000000/frame_0000/camera"
    Image.fromarray(rng.integers(0, 256, (192, 320, 3), dtype=np.uint8)).save(folder / "rgb.jpg", quality=100)
    Image.fromarray(rng.integers(1, 65536, (192, 320), dtype=np.uint16)).save(folder / "depth.png")
    Image.fromarray(rng.integers(0, 6, (192, 320), dtype=np.uint8)).save(folder / "material.png")
    with pytest.raises(
        UserError, match=r"has a view of [2-9].\d+ times the size that is allowed even at JPEG quality 70 .* --max-mb 0.\d+$"
    ):
        pack(tmp_path / "noise", tmp_path / "noise.zip")
    assert not (tmp_path / "noise.zip").exists()
    assert pack(tmp_path / "noise", tmp_path / "noise.zip", max_bytes=1_000_000).quality == 70


def test_pack__no_picture_of_192x320_takes_more_than_40_kb(tmp_path, tiny):
    """One restless view among plain ones lowers the quality of all."""
    tiny.write_rendered(tmp_path / "set", scenes=(0,), frames=3)
    rng = np.random.default_rng(0)
    for frame, restless in enumerate((0, 100, 0)):
        folder = tmp_path / f"set/scene_000000/frame_{frame:04d}/camera"
        image = 100 + rng.integers(0, restless + 1, (192, 320, 3))
        Image.fromarray(image.astype(np.uint8)).save(folder / "rgb.jpg", quality=100)
        for name, pixels in (
            ("depth.png", np.full((192, 320), 900, dtype=np.uint16)),
            ("material.png", np.zeros((192, 320), dtype=np.uint8)),
        ):
            Image.fromarray(pixels).save(folder / name)
    packed = pack(tmp_path / "set", tmp_path / "set.zip")
    assert 30_000 < packed.largest_view_bytes <= 40_000 and packed.quality < 95
    with zipfile.ZipFile(packed.path) as archive:
        sizes = [member.file_size for member in archive.infolist() if "frame_0001" in member.filename]
    assert packed.largest_view_bytes - 1000 < sum(sizes) <= packed.largest_view_bytes


def test_pack__a_broken_file_leaves_the_older_archive(rooms, tmp_path):
    source = tmp_path / "rooms"
    _copy(rooms, source)
    pack(source, tmp_path / "rooms.zip")
    before = (tmp_path / "rooms.zip").read_bytes()
    broken = source / "scene_010001/frame_0001/camera/material.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(UserError, match=r"scene_010001/frame_0001/camera/material.png: is not an image"):
        pack(source, tmp_path / "rooms.zip")
    assert (tmp_path / "rooms.zip").read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_pack__verb_says_what_it_did(rooms, tmp_path, capsys):
    assert main(["scenes", "pack", str(rooms), "--to", str(tmp_path / "a.zip"), "--json", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr()
    said = json.loads((tmp_path / "a.json").read_text())
    assert said["num_bytes"] == (tmp_path / "a.zip").stat().st_size and said["num_views"] == 9
    assert said["layers"] == ["depth", "material"] and said["depth_error"]["largest_m"] == 0
    for words in ("quality 95", "steps of 3.91 mm", "depth error, measured", "none"):
        assert words in printed.out
    assert "9/9" in printed.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "does not exist"),
        (["."], "has no dataset.json"),
        (["rooms.zip"], "what is packed is a folder of frames"),
        (["rooms", "--max-mb", "0"], "0 is not a size"),
        (["rooms", "--layers", "lidar"], "has no lidar.npz"),
    ],
)
def test_pack__mistakes_are_one_line(rooms, packed_rooms, arguments, complaint, capsys, monkeypatch):
    monkeypatch.chdir(rooms.parent)
    assert main(["scenes", "pack", *arguments, "--to", "made.zip"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.startswith("leadline scenes: ") and complaint in line
    assert not Path("made.zip").exists()


def test_pack__needs_neither_renderer_nor_torch():
    import subprocess
    import sys

    code = "import sys, leadline.scenes.pack; print({'torch', 'mitsuba'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(source)).write_bytes(path.read_bytes())
