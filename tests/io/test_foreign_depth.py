"""Depth files that others wrote: read where one reading is possible, refused with a sentence where it is not."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from leadline.io.depth import DepthFile, read_depth, write_depth
from leadline.io.jsonfile import write_json
from leadline.types import DepthKind, UserError
from tests.fixtures import bad_files

DEPTH = np.arange(1, 21, dtype=np.float32).reshape(4, 5)


@pytest.mark.parametrize("name", bad_files.BAD_DEPTHS)
def test_read_depth__bad_file_is_one_sentence(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = bad_files.BAD_DEPTHS[name](tmp_path)
    with pytest.raises(UserError) as caught:
        read_depth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".png", ".npz", ".npy", ".exr", ".pfm", ".tiff"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_read_depth__truncated_anywhere_is_one_sentence(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).uniform(1, 80, (40, 50)).astype(np.float32)
    write_depth(tmp_path / f"a{suffix}", DepthFile(noise), sidecar=False)
    whole = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError):
        read_depth(tmp_path / f"a{suffix}")
    assert capfd.readouterr() == ("", "")


def test_read_depth__pickles_are_never_opened(tmp_path: Path) -> None:
    for suffix in (".npy", ".npz", ".png", ".exr", ".pfm", ".tiff"):
        path, marker = bad_files.pickle_with_code(tmp_path, name=f"depth{suffix}")
        with pytest.raises(UserError):
            read_depth(path)
        assert not marker.exists()
    with pytest.raises(UserError, match="holds Python objects, which could run code"):
        read_depth(bad_files.object_array(tmp_path))
    with pytest.raises(UserError, match="holds Python objects, which could run code"):
        read_depth(bad_files.object_archive(tmp_path))


def test_read_depth__partly_and_all_invalid(tmp_path: Path) -> None:
    depth_file = read_depth(bad_files.partly_invalid_depth(tmp_path))
    assert not depth_file.usable[0].any()
    assert depth_file.usable[1:].all()
    assert not read_depth(bad_files.all_invalid_depth(tmp_path)).usable.any()


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (1, 1, 4, 5), (4, 5, 1)])
def test_read_depth__axes_of_length_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", DEPTH.reshape(shape))
    assert np.array_equal(read_depth(tmp_path / "a.npy").values, DEPTH)


@pytest.mark.parametrize("shape", [(20,), (2, 2, 5), (2, 1, 2, 5), (1, 20, 1), (0, 5), (4, 5, 3)])
def test_read_depth__ambiguous_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.ones(shape, dtype=np.float32))
    with pytest.raises(UserError):
        read_depth(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
def test_read_depth__every_float_type(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(DEPTH.astype(dtype)))
    again = read_depth(tmp_path / "a.npy").values
    assert again.dtype == np.float32
    assert np.array_equal(again, DEPTH)


@pytest.mark.parametrize("array", [np.ones((4, 5), dtype=bool), np.ones((4, 5), dtype=complex), np.full((4, 5), "1.0")])
def test_read_depth__other_types(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match="holds values of type"):
        read_depth(tmp_path / "a.npy")


def test_read_depth__archives_of_others(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", velodyne_depth=DEPTH, stamp=np.array(5))
    assert np.array_equal(read_depth(tmp_path / "one.npz").values, DEPTH)
    np.savez(tmp_path / "named.npz", depth=DEPTH, confidence=np.ones((4, 5)))
    assert np.array_equal(read_depth(tmp_path / "named.npz").values, DEPTH)
    np.savez(tmp_path / "two.npz", first=DEPTH, second=DEPTH)
    with pytest.raises(UserError, match="holds the arrays first, second; name the depth map"):
        read_depth(tmp_path / "two.npz")


def test_read_depth__bomb_in_an_archive(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", values=np.zeros((1, 1)))
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("values.npy", b"\x93NUMPY")
        archive.infolist()[0].file_size = 1 << 40  # what the directory of a bomb promises
    with pytest.raises(UserError, match="more than 120 million pixels"):
        read_depth(tmp_path / "a.npz")


def _grey_png(path: Path, stored: np.ndarray) -> Path:
    Image.fromarray(stored).save(path)
    return path


def test_read_depth__png_of_others_counts_256_per_metre(tmp_path: Path) -> None:
    path = _grey_png(tmp_path / "a.png", (DEPTH * 256).astype(np.uint16))
    assert np.array_equal(read_depth(path).values, DEPTH)
    assert np.array_equal(read_depth(path, scale=512).values, DEPTH / 2)


def test_read_depth__png_chunk_is_obeyed_before_all_else(tmp_path: Path) -> None:
    write_depth(tmp_path / "a.png", DepthFile(DEPTH), png_scale=1000)
    write_json(tmp_path / "a.json", {"scale": 5})
    assert np.array_equal(read_depth(tmp_path / "a.png", scale=7).values, DEPTH)


def test_read_depth__sidecar_is_obeyed_before_the_argument(tmp_path: Path) -> None:
    path = _grey_png(tmp_path / "a.png", (DEPTH * 1000).astype(np.uint16))
    write_json(tmp_path / "a.json", {"kind": "scale_invariant", "scale": 1000})
    depth_file = read_depth(path, scale=7)
    assert depth_file.kind is DepthKind.SCALE_INVARIANT
    np.testing.assert_allclose(depth_file.values, DEPTH)


def test_read_depth__sidecar_about_something_else_is_ignored(tmp_path: Path) -> None:
    path = _grey_png(tmp_path / "a.png", (DEPTH * 256).astype(np.uint16))
    write_json(tmp_path / "a.json", {"shapes": [], "imageHeight": 4})
    assert np.array_equal(read_depth(path).values, DEPTH)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"kind": "depth"}, "states the kind 'depth'; use one of metric, "),
        ({"scale": 0}, "states the scale 0; give a positive number"),
        ({"scale": "256"}, "states the scale '256'"),
        ({"scale": True}, "states the scale True"),
        ({"scale": 256, "offset": None}, "states the offset None"),
        ({"kind": "metric", "unit": "mm"}, "states the unit 'mm' for metric depth; convert"),
        ({"kind": "metric", "K": [[1, 0], [0, 1]]}, "K has shape"),
        ({"kind": "metric", "scale_source": "guess"}, "states the scale_source 'guess'"),
    ],
)
def test_read_depth__sidecar_that_cannot_be_true(tmp_path: Path, said: dict[str, object], sentence: str) -> None:
    path = _grey_png(tmp_path / "a.png", (DEPTH * 256).astype(np.uint16))
    write_json(tmp_path / "a.json", said)
    with pytest.raises(UserError) as caught:
        read_depth(path)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ")
    assert sentence in str(caught.value)


def test_read_depth__eight_bits_only_with_a_scale(tmp_path: Path) -> None:
    path = _grey_png(tmp_path / "a.png", DEPTH.astype(np.uint8))
    with pytest.raises(UserError, match="8-bit picture"):
        read_depth(path)
    assert np.array_equal(read_depth(path, scale=2).values, DEPTH / 2)


def test_read_depth__colours_are_refused_even_with_a_scale(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="colours cannot be turned back into depth"):
        read_depth(bad_files.colored_depth(tmp_path), scale=256)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_read_depth__scale_that_is_none(tmp_path: Path, scale: float) -> None:
    path = _grey_png(tmp_path / "a.png", (DEPTH * 256).astype(np.uint16))
    with pytest.raises(UserError, match="cannot be read with a scale"):
        read_depth(path, scale=scale)


def test_read_depth__scale_of_foreign_floats_and_integers(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", DEPTH * 1000)
    assert np.array_equal(read_depth(tmp_path / "f.npy", scale=1000).values, DEPTH)
    np.save(tmp_path / "i.npy", (DEPTH * 1000).astype(np.uint16))
    assert np.array_equal(read_depth(tmp_path / "i.npy", scale=1000).values, DEPTH)


@pytest.mark.parametrize(("order", "scale"), [("<f4", "-0.003922"), (">f4", "+2.5"), ("<f4", "-1")])
def test_read_depth__pfm_rows_order_and_scale(tmp_path: Path, order: str, scale: str) -> None:
    with_holes = DEPTH.copy()
    with_holes[0, 0] = np.inf
    (tmp_path / "a.pfm").write_bytes(f"Pf\n5 4\n{scale}\n".encode() + with_holes[::-1].astype(order).tobytes())
    depth_file = read_depth(tmp_path / "a.pfm")
    # Bottom row first; the magnitude of the scale is not multiplied in; unknown is infinity.
    assert not depth_file.usable[0, 0]
    assert np.array_equal(depth_file.values[1:], DEPTH[1:])


def test_read_depth__colour_pfm(tmp_path: Path) -> None:
    (tmp_path / "a.pfm").write_bytes(b"PF\n1 1\n-1.0\n" + bytes(12))
    with pytest.raises(UserError, match="colour PFM"):
        read_depth(tmp_path / "a.pfm")


@pytest.mark.parametrize(
    "channels",
    [
        {"Z": DEPTH},
        {"Y": DEPTH},
        {"Z": DEPTH.astype(np.float16)},
        {"ViewLayer.Depth.Z": DEPTH, "ViewLayer.Combined.R": DEPTH * 0},
        {"anything": DEPTH},
        {"R": DEPTH, "G": DEPTH, "B": DEPTH},
    ],
)
def test_read_depth__exr_channels(tmp_path: Path, channels: dict[str, np.ndarray]) -> None:
    _write_exr(tmp_path / "a.exr", channels)
    assert np.array_equal(read_depth(tmp_path / "a.exr").values, DEPTH)


def test_read_depth__exr_picture(tmp_path: Path) -> None:
    _write_exr(tmp_path / "a.exr", {"R": DEPTH, "G": DEPTH * 2, "B": DEPTH})
    with pytest.raises(UserError, match="has the channels B, G, R; name the depth channel Z"):
        read_depth(tmp_path / "a.exr")


def _write_exr(path: Path, channels: dict[str, np.ndarray]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_read_depth__tiff_of_every_float_type(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEPTH.astype(dtype), byteorder=dtype[0])
    assert np.array_equal(read_depth(tmp_path / "a.tif").values, DEPTH)


def test_read_depth__tiff_picture_and_integers(tmp_path: Path) -> None:
    Image.fromarray(bad_files.photo()).save(tmp_path / "rgb.tiff")
    with pytest.raises(UserError, match="is a picture in colour mode RGB"):
        read_depth(tmp_path / "rgb.tiff")
    tifffile.imwrite(tmp_path / "i.tiff", (DEPTH * 100).astype(np.uint16))
    with pytest.raises(UserError, match="unknown unit"):
        read_depth(tmp_path / "i.tiff")
    assert np.array_equal(read_depth(tmp_path / "i.tiff", scale=100).values, DEPTH)


def test_read_depth__real_recordings(samples: Path) -> None:
    velodyne = samples / "kitti/2011_09_26/2011_09_26_drive_0023_sync/proj_depth/velodyne/image_02/0000000000.npz"
    assert read_depth(velodyne).usable.sum() == 19214
    kinect = read_depth(samples / "nyu/depth/sync_depth_00000.png", scale=1000)
    assert kinect.usable.sum() == 225121
    assert kinect.values.max() == pytest.approx(6.63, abs=0.006)
    stereo = read_depth(samples / "middlebury/Motorcycle/disp0GT.pfm")
    assert stereo.usable.sum() == 360593
    assert stereo.values[stereo.usable].min() == pytest.approx(9.18, abs=0.005)
    assert read_depth(samples / "golden_metrics/pred.npy").values.shape == (224, 224)


def test_read_depth__exr_in_threads_leaves_the_output_alone(tmp_path: Path) -> None:
    """OpenEXR's chatter is turned aside while it reads; two readers at once must put back what they found."""
    write_depth(tmp_path / "a.exr", DepthFile(values=np.full((200, 300), 2.0)))
    before = sys.stdout
    with ThreadPoolExecutor(8) as pool:
        depths = list(pool.map(lambda _: read_depth(tmp_path / "a.exr").values.max(), range(64)))
    assert sys.stdout is before and set(depths) == {np.float32(2.0)}
