"""Pictures as people have them: every mode becomes upright RGB, every broken file one sentence."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from leadline.io import image as image_module
from leadline.io.image import MAX_PIXELS, exif_focal_px, image_size, read_image, read_labels, read_mask, write_image
from leadline.types import UserError
from tests.fixtures import bad_files


@pytest.mark.parametrize("name", bad_files.BAD_IMAGES)
def test_read_image__bad_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = bad_files.BAD_IMAGES[name](tmp_path)
    with pytest.raises(UserError) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_read_image__enormous_is_refused_from_its_header(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 3600000000 pixels, more than the 120 million that are read; resize or crop it first"):
        read_image(bad_files.enormous_png(tmp_path))


def test_read_image__just_over_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PIXELS == 120_000_000
    monkeypatch.setattr(image_module, "MAX_PIXELS", 48 * 64 - 1)
    with pytest.raises(UserError, match="has 64x48 pixels"):
        read_image(bad_files.good_jpeg(tmp_path))


def test_read_image__small_and_narrow_are_read(tmp_path: Path) -> None:
    assert read_image(bad_files.single_pixel_png(tmp_path)).shape == (1, 1, 3)
    assert read_image(bad_files.strip_png(tmp_path)).shape == (10, 20000, 3)


def test_read_image__every_mode_is_rgb(tmp_path: Path) -> None:
    for name, path in bad_files.odd_images(tmp_path).items():
        picture = read_image(path)
        assert (picture.dtype, picture.shape) == (np.uint8, (48, 64, 3)), name
        assert picture.flags.writeable, name


def test_read_image__modes_keep_their_content(tmp_path: Path) -> None:
    photo = bad_files.photo().astype(int)
    paths = bad_files.odd_images(tmp_path)
    assert np.abs(read_image(paths["cmyk.jpg"]).astype(int) - photo).mean() < 12
    assert np.array_equal(read_image(paths["deep_grey.png"]), np.repeat(photo[..., :1], 3, axis=-1))
    assert np.abs(read_image(paths["palette.png"]).astype(int) - photo).mean() < 40
    assert set(np.unique(read_image(paths["one_bit.png"]))) == {0, 255}


def test_read_image__transparency_lies_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((1, 3, 4), dtype=np.uint8)
    rgba[0, :, 3] = 255, 128, 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 127, 255]


def test_read_image__alpha_that_hides_everything_means_nothing(tmp_path: Path) -> None:
    rgba = np.full((2, 3, 4), 77, dtype=np.uint8)
    rgba[..., 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == 77).all()


def test_read_image__transparent_palette(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putdata([0, 1])
    picture.save(tmp_path / "a.png", transparency=0)
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255, 255, 255], [40, 50, 60]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_image__exif_orientation(tmp_path: Path, orientation: int) -> None:
    upright = bad_files.photo()
    # What a camera that was held this way stores, by the meaning of the tag: (row 0, column 0) of the stored picture is ...
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), upright)
    assert image_size(tmp_path / "a.png") == (48, 64)


def test_read_image__broken_exif_is_ignored(tmp_path: Path) -> None:
    Image.fromarray(bad_files.photo()).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffgarbage")
    assert read_image(tmp_path / "a.jpg").shape == (48, 64, 3)
    assert exif_focal_px(tmp_path / "a.jpg") is None


def test_read_image__floats_and_wide_integers_are_no_picture(tmp_path: Path) -> None:
    Image.fromarray(np.ones((3, 4), dtype=np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(UserError, match="floating-point numbers, not a picture"):
        read_image(tmp_path / "f.tiff")
    Image.fromarray(np.full((3, 4), 1 << 20, dtype=np.int32)).save(tmp_path / "i.tiff")
    with pytest.raises(UserError, match="32-bit integers, not a picture"):
        read_image(tmp_path / "i.tiff")


def test_image_size__reads_the_header_only(tmp_path: Path) -> None:
    assert image_size(bad_files.truncated_jpeg(tmp_path)) == (48, 64)


def _with_exif(path: Path, tags: dict[int, object], size: tuple[int, int] = (300, 400)) -> Path:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update(tags)
    Image.new("RGB", (size[1], size[0])).save(path, exif=exif)
    return path


def test_exif_focal_px__from_the_equivalent(tmp_path: Path) -> None:
    path = _with_exif(tmp_path / "a.jpg", {ExifTags.Base.FocalLengthIn35mmFilm: 26})
    # 400 x 300 px have a diagonal of 500 px, the film one of 43.27 mm.
    assert exif_focal_px(path) == pytest.approx(26 * 500 / 43.2666, rel=1e-4)


def test_exif_focal_px__from_the_sensor(tmp_path: Path) -> None:
    tags = {
        ExifTags.Base.FocalLength: IFDRational(50),
        ExifTags.Base.FocalPlaneXResolution: IFDRational(4000 * 10, 36),  # 4000 px on 36 mm, per centimetre
        ExifTags.Base.FocalPlaneResolutionUnit: 3,
        ExifTags.Base.ExifImageWidth: 4000,
    }
    assert exif_focal_px(_with_exif(tmp_path / "a.jpg", tags)) == pytest.approx(50 / 36 * 400, rel=1e-6)


@pytest.mark.parametrize("tags", [{}, {ExifTags.Base.FocalLengthIn35mmFilm: 0}, {ExifTags.Base.FocalLength: IFDRational(50)}])
def test_exif_focal_px__unknown(tmp_path: Path, tags: dict[int, object]) -> None:
    assert exif_focal_px(_with_exif(tmp_path / "a.jpg", tags)) is None


@pytest.mark.parametrize("array", [bad_files.photo(), bad_files.photo()[..., 0], np.arange(60_000, dtype=np.uint16).reshape(200, 300)])
def test_write_image__png_is_exact(tmp_path: Path, array: np.ndarray) -> None:
    write_image(tmp_path / "new" / "a.png", array)
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert np.array_equal(np.asarray(image), array)
    assert (tmp_path / "new" / "a.png").read_bytes() == _png_bytes(array)


def test_write_image__jpeg_is_close(tmp_path: Path) -> None:
    write_image(tmp_path / "a.JPG", bad_files.photo())
    assert np.abs(read_image(tmp_path / "a.JPG").astype(int) - bad_files.photo()).mean() < 12


def test_write_image__refuses_other_endings_and_types(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'\.bmp'; choose|not written as '\.bmp'"):
        write_image(tmp_path / "a.bmp", bad_files.photo())
    with pytest.raises(ValueError, match="float64"):
        write_image(tmp_path / "a.png", np.zeros((3, 4)))
    with pytest.raises(ValueError, match="uint16"):
        write_image(tmp_path / "a.jpg", np.zeros((3, 4), dtype=np.uint16))


def test_read_labels__nothing_is_converted(tmp_path: Path) -> None:
    labels = np.array([[0, 5, 60_000]], dtype=np.uint16)
    write_image(tmp_path / "deep.png", labels)
    assert np.array_equal(read_labels(tmp_path / "deep.png"), labels)
    write_image(tmp_path / "flat.png", labels.astype(np.uint8))
    assert read_labels(tmp_path / "flat.png").dtype == np.uint8
    with pytest.raises(UserError, match="single channel"):
        read_labels(bad_files.good_jpeg(tmp_path))


def _png_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()


def test_read_mask__light_is_true_whatever_the_mode(tmp_path: Path) -> None:
    grey = np.array([[0, 127, 128, 255]], dtype=np.uint8)
    rgba = np.dstack([grey, grey, grey, np.array([[255, 255, 0, 255]], dtype=np.uint8)])  # transparency says nothing
    for name, pixels in {"l.png": grey, "rgb.png": np.dstack([grey] * 3), "rgba.png": rgba}.items():
        Image.fromarray(pixels).save(tmp_path / name)
        assert read_mask(tmp_path / name).tolist() == [[False, False, True, True]], name
