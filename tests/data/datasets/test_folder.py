"""A plain folder: how files pair up, where units and K come from, and real recordings read that way."""

import json

import numpy as np
import pytest
from PIL import ExifTags, Image

from leadline.data.catalog import open_dataset
from leadline.data.datasets.folder import Folder
from leadline.io.depth import DepthFile, write_depth
from leadline.types import DepthKind, UserError

DEPTH = frozenset({"depth"})


@pytest.fixture
def root(still, tmp_path):
    still.write_folder(tmp_path / "mine")
    return tmp_path / "mine"


def views(root):
    dataset = Folder(root)
    return [dataset.view(record, "camera", DEPTH) for record in dataset.records]


def test_view__units_and_holes_of_two_formats(root):
    first, second = views(root)
    assert first.depth is not None and second.depth is not None
    np.testing.assert_allclose(first.depth[1:], 2.5)
    np.testing.assert_allclose(second.depth[1:], 7.0)
    assert (first.depth[0] == 0).all() and (second.depth[0] == 0).all()
    np.testing.assert_allclose(first.camera.K, [[35, 0, 24.5], [0, 36, 17.5], [0, 0, 1]])
    assert [record.sequence for record in Folder(root).records] == ["images", "images/more"]


def test_view__without_a_scale_a_png_counts_256_per_metre(root):
    (root / "intrinsics.json").unlink()
    first = views(root)[0]
    assert first.depth is not None
    np.testing.assert_allclose(first.depth[1:], 2500 / 256)


def test_view__the_depth_file_knows_better(root):
    """What a file of leadline states about itself is obeyed: its scale, and its K."""
    (root / "depth/a.png").unlink()
    K = np.array([[50.0, 0, 24], [0, 50, 18], [0, 0, 1]])
    write_depth(root / "depth/a.npz", DepthFile(values=np.full((36, 48), 3.0), K=K))
    first = views(root)[0]
    assert first.depth is not None and (first.depth == 3.0).all()
    np.testing.assert_allclose(first.camera.K, K)


def test_view__relative_depth_is_no_truth(root):
    (root / "depth/a.png").unlink()
    write_depth(root / "depth/a.npz", DepthFile(values=np.full((36, 48), 3.0), kind=DepthKind.AFFINE_INVARIANT_INVERSE))
    with pytest.raises(UserError, match=r"a.npz: holds affine_invariant_inverse values, not metres"):
        views(root)


def test_camera__from_a_matrix_from_exif_or_assumed(root, caplog):
    (root / "intrinsics.json").unlink()
    np.testing.assert_allclose(views(root)[0].camera.K[0, 0], 24 / np.tan(np.radians(30)))  # 60 degrees over 48 px
    assert [record.message for record in caplog.records] == [f"{root}: no intrinsics are known; a field of view of 60 degrees is assumed"]
    tags = Image.Exif()
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 43
    with Image.open(root / "images/a.jpg") as image:
        image.copy().save(root / "images/a.jpg", exif=tags)
    np.testing.assert_allclose(views(root)[0].camera.K[0, 0], 43 * 60 / (36**2 + 24**2) ** 0.5)  # the diagonal of 48x36 is 60 px
    (root / "K.txt").write_text("33 0 24\n0 34 18\n0 0 1\n")
    np.testing.assert_allclose(views(root)[0].camera.K, [[33, 0, 24], [0, 34, 18], [0, 0, 1]])
    (root / "K.txt").write_text("33 0 24\n0 nan 18\n0 0 1\n")
    with pytest.raises(UserError, match=r"K.txt: is a K with NaN or infinity"):
        views(root)


def test_open__pairs_side_by_side(tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (8, 6), (9, 9, 9)).save(tmp_path / f"{name}.png")
        np.save(tmp_path / f"{name}_depth.npy", np.full((6, 8), 2.0, dtype=np.float32))
    Image.fromarray(np.full((6, 8), 512, dtype=np.uint16)).save(tmp_path / "b_depth.png")
    with pytest.raises(UserError, match=r"b_depth.png: is the second depth of 'b' beside b_depth.npy"):
        Folder(tmp_path)
    (tmp_path / "b_depth.npy").unlink()
    dataset = Folder(tmp_path)
    assert [dataset.view(record, "camera", DEPTH).path.name for record in dataset.records] == ["a.png", "b.png"]
    assert all((view.depth == 2.0).all() for view in views(tmp_path))


def test_open__a_picture_without_depth_is_named(root):
    (root / "depth/a.png").unlink()
    with pytest.raises(UserError, match=r"images/a.jpg: has no depth of its name; put depth/a.EXT there"):
        Folder(root)


@pytest.mark.parametrize(
    ("about", "line"),
    [
        ({"fx": 35.0}, "has no fy, cx, cy"),
        ({"fx": "wide"}, "holds something else than numbers"),
        ({"depth_scale": -1}, "a number that is not positive"),
        ({}, "states nothing"),
        ([3], "holds something else than numbers|states nothing"),
    ],
)
def test_open__intrinsics_that_say_nothing(about, line, root):
    (root / "intrinsics.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=line) as caught:
        Folder(root)
    assert caught.value.subject == str(root / "intrinsics.json")


def test_view__intrinsics_of_another_size(root):
    about = json.loads((root / "intrinsics.json").read_text()) | {"width": 96, "height": 72}
    (root / "intrinsics.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"a.jpg: is 48x36, intrinsics.json is for 96x72"):
        views(root)


def test_samples__nyu_and_kitti_as_plain_folders(samples, tmp_path):
    """The figures of the recordings' own README, through the folder reader."""
    for name in ("images", "depth"):
        (tmp_path / "nyu" / name).mkdir(parents=True)
        (tmp_path / "kitti" / name).mkdir(parents=True)
    for frame in ("00000", "00050", "00100"):
        (tmp_path / f"nyu/images/{frame}.jpg").symlink_to(samples / f"nyu/rgb/rgb_{frame}.jpg")
        (tmp_path / f"nyu/depth/{frame}.png").symlink_to(samples / f"nyu/depth/sync_depth_{frame}.png")
    about = {"fx": 518.8579, "fy": 519.46961, "cx": 326.08245, "cy": 254.23617, "depth_scale": 1000}
    (tmp_path / "nyu/intrinsics.json").write_text(json.dumps(about))
    depths = [view.depth for view in views(tmp_path / "nyu")]
    assert [int((depth > 0).sum()) for depth in depths] == [225121, 230598, 205970]
    np.testing.assert_allclose([np.median(depth[depth > 0]) for depth in depths], [3.26, 3.21, 2.48], atol=0.005)
    drive = samples / "kitti/2011_09_26/2011_09_26_drive_0023_sync"
    (tmp_path / "kitti/images/0.png").symlink_to(drive / "image_02/data/0000000000.png")
    (tmp_path / "kitti/depth/0.npz").symlink_to(drive / "proj_depth/velodyne/image_02/0000000000.npz")
    assert (
        int((open_dataset(f"folder:{tmp_path / 'kitti'}").view(Folder(tmp_path / "kitti").records[0], "camera", DEPTH).depth > 0).sum())
        == 19214
    )
