"""Producing data sets: the same bytes however they are made, resumed, refused."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leadline.geometry.rig import Rig
from leadline.io.depth import read_depth
from leadline.io.image import read_image, read_labels
from leadline.io.rig import read_rig
from leadline.scenes.produce import produce
from leadline.scenes.variants import choose_variant
from leadline.types import UserError

SIZE = {"frames": 2, "height": 32, "width": 48, "seed": 3, "spp": 1, "variant": "scalar"}


def digest(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory) -> Path:
    return produce("rooms", tmp_path_factory.mktemp("rooms"), scenes=2, workers=1, **SIZE)


def test_produce__writes_the_whole_layout(rooms):
    about = json.loads((rooms / "dataset.json").read_text())
    assert about["format"] == 1 and about["family"] == "rooms" and about["seeds"] == [3, 4] and about["rig"] is None
    files = {"rgb.png", "depth.png", "normal.png", "albedo.png", "diffuse.png", "instance.png", "material.png", "meta.json"}
    for seed in (3, 4):
        for frame in (0, 1):
            folder = rooms / f"scene_{seed:06d}" / f"frame_{frame:04d}" / "cam"
            assert {p.name for p in folder.iterdir()} == files
    rgb, depth = read_image(folder / "rgb.png"), read_depth(folder / "depth.png")
    assert rgb.shape == (32, 48, 3) and 40 < rgb.mean() < 220
    assert depth.usable.all() and 0.3 < depth.values.min() and depth.values.max() < 10
    steps = depth.values.astype(np.float64) * 1000
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-2)  # quantised to a millimetre
    assert read_labels(folder / "instance.png").max() > 5
    meta = json.loads((folder / "meta.json").read_text())
    rotation = np.array(meta["cam_from_world"])[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert meta["exposure"] == json.loads((rooms / "scene_000004" / "frame_0000" / "cam" / "meta.json").read_text())["exposure"]


def test_produce__diffuse_pixels_of_rgb_and_diffuse_are_equal(rooms):
    for folder in rooms.glob("scene_*/frame_*/cam"):
        matte = read_labels(folder / "material.png") == 0
        np.testing.assert_array_equal(read_image(folder / "rgb.png")[matte], read_image(folder / "diffuse.png")[matte])


def test_produce__same_bytes_with_two_processes_and_after_losing_frames(rooms, tmp_path, monkeypatch):
    told: list[int] = []
    other = produce("rooms", tmp_path / "a", scenes=2, workers=2, progress=told.append, **SIZE)
    assert digest(other) == digest(rooms)
    assert sum(told) == 4
    monkeypatch.setattr("leadline.scenes.produce._TASKS_PER_PROCESS", {"scalar": 1})
    in_turns = produce("rooms", tmp_path / "b", scenes=3, workers=2, **SIZE)  # two pools, one after the other
    assert digest(in_turns / "scene_000004") == digest(rooms / "scene_000004")
    assert len(list(in_turns.glob("scene_*/frame_*"))) == 6
    shutil.rmtree(other / "scene_000003")
    (other / "scene_000004" / "frame_0001").rename(other / "scene_000004" / ".frame_0001")  # as a killed run leaves it
    (other / "scene_000004" / ".frame_0001" / "cam" / "rgb.png").unlink()
    kept = (other / "scene_000004" / "frame_0000" / "cam" / "rgb.png").stat().st_mtime_ns
    produce("rooms", other, scenes=2, workers=1, **SIZE)
    assert digest(other) == digest(rooms)
    assert (other / "scene_000004" / "frame_0000" / "cam" / "rgb.png").stat().st_mtime_ns == kept


def test_produce__other_parameters_are_refused_and_more_scenes_are_not(rooms):
    with pytest.raises(UserError, match="frames 2, not 3"):
        produce("rooms", rooms, scenes=2, workers=1, **(SIZE | {"frames": 3}))
    with pytest.raises(UserError, match="spp 1, not 2"):
        produce("rooms", rooms, scenes=2, workers=1, **(SIZE | {"spp": 2}))
    before = digest(rooms)
    produce("rooms", rooms, scenes=1, workers=1, **SIZE)
    assert digest(rooms) == before


def test_produce__a_refused_order_leaves_the_rig_as_it_was(tmp_path):
    streets = {"scenes": 1, "workers": 1, "rig": Rig(read_rig("nuscenes6").cameras[:1])} | SIZE | {"frames": 1}
    produce("streets", tmp_path, **streets)
    before = digest(tmp_path)
    with pytest.raises(UserError, match="height 32, not 48"):
        produce("streets", tmp_path, **(streets | {"height": 48}))
    assert digest(tmp_path) == before


@pytest.mark.parametrize(
    ("family", "change", "complaint"),
    [
        ("castles", {}, "no family"),
        ("rooms", {"frames": 0}, "--frames"),
        ("rooms", {"height": 4}, "--height"),
        ("rooms", {"seed": 9999, "scenes": 2}, "train split"),
        ("rooms", {"variant": "cuda"}, "no variant"),
        ("streets", {}, "rig"),
    ],
)
def test_produce__refuses_what_makes_no_sense(tmp_path, family, change, complaint):
    with pytest.raises(UserError, match=complaint):
        produce(family, tmp_path / "out", **({"scenes": 1, "workers": 1} | SIZE | change))


def test_produce__unwritable_folder(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(UserError, match="file"):
        produce("rooms", blocked, scenes=1, workers=1, **SIZE)


def test_render__without_mitsuba_says_what_to_install():
    code = """
import sys
sys.modules["mitsuba"] = None
try:
    import leadline.scenes.produce
except Exception as error:
    print(type(error).__name__, error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("UserError") and "pip install 'leadline[scenes]'" in result.stdout


def test_import__needs_no_torch():
    code = "import sys, leadline.scenes.produce; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_variants__auto_renders_small_pictures_with_scalar():
    assert choose_variant("auto", pixels=192 * 320) == "scalar"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["rooms", "streets", "objects", "yard"])
def test_variants__llvm_gives_the_same_truth_and_nearly_the_same_pictures(tmp_path, family):
    try:
        choose_variant("llvm")
    except UserError as error:
        pytest.skip(str(error))
    arguments = "scenes=1, frames=2, height=64, width=96, seed=3, spp=16, workers=1"
    imports = "from leadline.io.rig import read_rig; from leadline.scenes.produce import produce"
    rig = "read_rig('nuscenes6')" if family == "streets" else None
    for variant in ("scalar", "llvm"):
        code = f"{imports}; produce({family!r}, {str(tmp_path / variant)!r}, {arguments}, rig={rig}, variant={variant!r})"
        subprocess.run([sys.executable, "-c", code], check=True)
    for folder in (tmp_path / "scalar").glob("scene_*/frame_*/[cC]*"):
        other = tmp_path / "llvm" / folder.relative_to(tmp_path / "scalar")
        instance = read_labels(folder / "instance.png")
        same = instance == read_labels(other / "instance.png")
        assert same.mean() > 0.995  # a ray through an edge may fall on either side
        depth, other_depth = read_depth(folder / "depth.png").values, read_depth(other / "depth.png").values
        np.testing.assert_allclose(depth[same], other_depth[same], rtol=1e-3)
        difference = read_image(folder / "rgb.png").astype(float) - read_image(other / "rgb.png")
        # Their noise differs, and with it the exposure, which is metered on a picture of few samples; light must not.
        blocks = difference.reshape(8, 8, 12, 8, 3).mean(axis=(1, 3))
        assert abs(blocks.mean()) < 13  # measured: 9 at most, 6 % of the light
        assert np.abs(blocks - blocks.mean()).mean() < 5  # measured: 3 at most; 14 to 37 where pictures are shifted by a block


ONE_KERNEL = """
import sys, tempfile
from pathlib import Path
import drjit
from leadline.io.rig import read_rig
from leadline.scenes import produce, render
render.start("llvm", threads=1)
drjit.set_flag(drjit.JitFlag.KernelHistory, True)
rig = read_rig("nuscenes6") if sys.argv[1] == "streets" else None
studio = produce.Studio(produce.Order(sys.argv[1], Path(tempfile.mkdtemp()), 3, 32, 48, rig, 2, "llvm"), 3)
for frame in range(3):
    studio.write_frame(frame)
paths = [kernel["hash"] for kernel in drjit.kernel_history() if kernel.get("operation_count", 0) > 3000]
print(len(paths), len(set(paths)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", ["rooms", "streets", "objects", "yard"])
def test_llvm__compiles_once_for_a_scene(family):
    """Metering, radiance and the pass without lobes of three frames: nine pictures, one kernel of seconds to compile."""
    try:
        choose_variant("llvm")
    except UserError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-c", ONE_KERNEL, family], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["9", "1"]


def test_produce__layers_that_nobody_wants_are_not_made_and_the_rest_is_the_same(rooms, tmp_path):
    lean = produce("rooms", tmp_path / "lean", scenes=2, workers=1, layers=("normals",), **SIZE)
    bare = produce("rooms", tmp_path / "bare", scenes=1, workers=1, layers=(), **SIZE)
    whole, kept = digest(rooms), digest(lean)
    assert {Path(name).name for name in kept} == {"dataset.json", "rgb.png", "depth.png", "material.png", "normal.png", "meta.json"}
    assert all(whole[name] == kept[name] for name in kept if not name.endswith("dataset.json"))
    assert set(json.loads((bare / "dataset.json").read_text())["layers"]) == {"rgb.png", "depth.png", "material.png", "meta.json"}
    with pytest.raises(UserError, match="was rendered with layers"):
        produce("rooms", bare, scenes=1, workers=1, **SIZE)
