"""Missing, truncated and foreign files of the single-camera readers: the line names the file, and `data check` finds it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import main
from leadline.data.catalog import KINDS, open_dataset
from leadline.data.check import check_dataset
from leadline.types import UserError

FILES = {
    "scannet": ["scans/scene0000_00/" + name for name in ("color/1.jpg", "depth/1.png", "pose/1.txt", "intrinsic/intrinsic_depth.txt")],
    "7scenes": [f"chess/seq-03/frame-000001.{name}" for name in ("color.png", "depth.png", "pose.txt")],
    "booster": ["train/balanced/Bathroom/" + n for n in ("camera_00/im1.png", "disp_00.npy", "mask_cat.png", "calib_00-02.xml")],
    "eth3d": [
        "courtyard/images/dslr_images/DSC_0287.JPG",
        "courtyard/ground_truth_depth/dslr_images/DSC_0287.JPG",
        "courtyard/dslr_calibration_jpg/cameras.txt",
        "courtyard/dslr_calibration_jpg/images.txt",
    ],
    "diode": ["val/outdoor/scene_00022/scan_00197/00022_00197_outdoor_000_010" + end for end in (".png", "_depth.npy", "_depth_mask.npy")],
    "da2k": ["images/indoor/0001.jpg"],
    "hypersim": [
        "ai_001_001/images/scene_cam_00_final_preview/frame.0001.tonemap.jpg",
        "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0001.depth_meters.hdf5",
        "ai_001_001/_detail/cam_00/camera_keyframe_orientations.hdf5",
        "ai_001_001/_detail/metadata_scene.csv",
    ],
    "vkitti2": [
        "Scene01/clone/frames/rgb/Camera_1/rgb_00001.jpg",
        "Scene01/clone/frames/depth/Camera_1/depth_00001.png",
        "Scene01/clone/extrinsic.txt",
        "Scene01/clone/intrinsic.txt",
    ],
    "tartanair": [
        "office/Easy/P000/image_right/000001_right.png",
        "office/Easy/P000/depth_right/000001_right_depth.npy",
        "office/Easy/P000/pose_right.txt",
    ],
    "blendedmvs": [
        f"5a3ca9cb270f0e3f14d0eddb/{name}"
        for name in ("blended_images/00000001.jpg", "rendered_depth_maps/00000001.pfm", "cams/00000001_cam.txt")
    ],
    "hrwsi": ["val/imgs/20000007.jpg", "val/gts/20000007.png", "val/valid_masks/20000007.png"],
    "irs": ["Home/ArchVizInterior/l_2.png", "Home/ArchVizInterior/d_2.exr"],
    "folder": ["images/more/b.png", "depth/more/b.npy"],
    "video": ["frame_002.png"],
}
"""All that the last view of each tiny data set reads; the picture first."""
EACH = [(kind, file) for kind, files in FILES.items() for file in files]
POSES = {
    "scannet": "scans/scene0000_00/pose/1.txt",
    "7scenes": "chess/seq-03/frame-000001.pose.txt",
    "eth3d": "courtyard/dslr_calibration_jpg/images.txt",
    "vkitti2": "Scene01/clone/extrinsic.txt",
    "tartanair": "office/Easy/P000/pose_right.txt",
    "blendedmvs": "5a3ca9cb270f0e3f14d0eddb/cams/00000001_cam.txt",
}


def last_view(dataset):
    """The view that FILES describes: the second picture, or the one in `outdoor`, `indoor`, `val`, `more`."""
    record = next(record for record in reversed(dataset.records) if "aerial" not in record.sequence)
    return dataset.view(record, record.cameras[-1], dataset.layers)


@pytest.fixture(scope="session")
def whole(write_tiny, tmp_path_factory):
    """Each tiny data set once; a test that breaks one works on a copy."""
    folder = tmp_path_factory.mktemp("whole")
    return {kind: write_tiny(kind, folder / kind) for kind in FILES}


@pytest.fixture
def copied(whole, tmp_path):
    def copy(kind: str) -> Path:
        return Path(shutil.copytree(whole[kind], tmp_path / kind))

    return copy


def test_files__cover_every_reader_but_those_with_tests_of_their_own():
    assert set(FILES) == set(KINDS) - {"rendered", "kitti", "nyu", "middlebury", "ddad", "nuscenes", "rig"}


@pytest.mark.parametrize(("kind", "file"), EACH)
@pytest.mark.parametrize("harm", ["missing", "truncated", "empty"])
def test_view__names_the_file(kind, file, harm, copied):
    root = copied(kind)
    dataset = open_dataset(f"{kind}:{root}")
    path = root / file
    match harm:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 45 // 100])
        case _:
            path.write_bytes(b"")
    with pytest.raises(UserError) as caught:
        last_view(dataset)
    # A table that lost its end still has rows; then the frame without one is what can be named.
    assert caught.value.subject == str(path)
    report = check_dataset(dataset)
    assert any(line.startswith(f"{path}: ") for line in report.broken)


@pytest.mark.parametrize("kind", FILES)
def test_open__reads_no_picture_and_no_depth(kind, copied):
    """Opening a data set must cost its listing, not its contents: every picture and map is rubbish here."""
    root = copied(kind)
    for path in root.rglob("*"):
        if path.suffix.lower() in (".jpg", ".png", ".npy", ".pfm", ".exr") or "depth_meters" in path.name:
            path.write_bytes(b"rubbish")
    assert open_dataset(f"{kind}:{root}").records


@pytest.mark.parametrize("kind", FILES)
def test_view__of_another_size_is_refused(kind, copied):
    """A picture shrunk to a third: K, the depth map or the points do not fit any more."""
    root = copied(kind)
    path = root / FILES[kind][0]
    with Image.open(path) as image:
        small = image.resize((image.width // 3, image.height // 2))
    small.save(path)
    with pytest.raises(UserError, match=r"is \d+x\d+, ") as caught:
        last_view(open_dataset(f"{kind}:{root}"))
    assert Path(caught.value.subject) in [root / file for file in FILES[kind]]


@pytest.mark.parametrize("kind", POSES)
@pytest.mark.parametrize("number", ["nan", "-inf", "x"])
def test_view__a_pose_of_no_numbers_is_refused(kind, number, copied):
    path = copied(kind) / POSES[kind]
    lines = path.read_text().splitlines()
    at = {"eth3d": 3, "vkitti2": -1, "tartanair": -1, "blendedmvs": 1}.get(kind, 0)
    words = lines[at].split()
    words[2] = number
    lines[at] = " ".join(words)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError) as caught:
        last_view(open_dataset(f"{kind}:{path.parents[len(Path(POSES[kind]).parts) - 1]}"))
    assert caught.value.subject == str(path)


@pytest.mark.parametrize("kind", ["scannet", "7scenes", "vkitti2", "blendedmvs"])
def test_view__a_mirrored_pose_is_refused(kind, copied):
    path = copied(kind) / POSES[kind]
    lines = path.read_text().splitlines()
    at, first = {"vkitti2": (-1, 2), "blendedmvs": (1, 0)}.get(kind, (0, 0))
    words = lines[at].split()
    words[first : first + 3] = [str(-float(word)) for word in words[first : first + 3]]
    lines[at] = " ".join(words)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="is no rotation"):
        last_view(open_dataset(f"{kind}:{path.parents[len(Path(POSES[kind]).parts) - 1]}"))


@pytest.mark.parametrize(
    ("kind", "file"), [("scannet", FILES["scannet"][1]), ("7scenes", FILES["7scenes"][1]), ("vkitti2", FILES["vkitti2"][1])]
)
def test_view__eight_bit_depth_is_refused(kind, file, copied):
    path = copied(kind) / file
    with Image.open(path) as image:
        Image.fromarray((np.asarray(image) // 256).astype(np.uint8)).save(path)
    with pytest.raises(UserError, match="has 8 bits, depth needs 16"):
        last_view(open_dataset(f"{kind}:{path.parents[len(Path(file).parts) - 1]}"))


def test_data_check__counts_what_is_there_and_says_where_the_rest_is(copied, capsys):
    root = copied("diode")
    (root / FILES["diode"][2]).unlink()
    assert main(["data", "check", f"diode:{root}", "--split", "val"]) == 2
    printed = capsys.readouterr()
    assert "2 of the 771 published images of diode val" in printed.out and "diode-dataset.org" in printed.out
    lines = [line for line in printed.err.splitlines() if line.startswith("leadline data: ")]
    assert len(lines) == 1 and "_depth_mask.npy: does not exist" in lines[0]
