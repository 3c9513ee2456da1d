"""Video files: every frame in the order of showing, whoever asks first; turned, uneven, cut off and foreign ones."""

import sys
from pathlib import Path

import pytest

from leadline.io.video import decode_group, read_video_index
from leadline.types import UserError
from tests.fixtures import bad_files, tiny_footage

NUM = 18


def _numbers(path: Path) -> dict[int, int]:
    """What each frame shows, by its number, group by group from the last to the first."""
    index = read_video_index(path)
    groups = [index.group(key) for key in reversed(index.keys)]
    return {frame: tiny_footage.number_of(image) for group in groups for frame, image in decode_group(path, index, group)}


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.mov", "mjpeg")]
)
def test_decode_group__gives_every_frame_in_any_order_of_asking(tmp_path, name, codec):
    pictures = tiny_footage.numbered_pictures(NUM)
    tiny_footage.write_film(tmp_path / name, pictures, codec=codec)
    index = read_video_index(tmp_path / name)
    assert len(index.pts) == NUM and index.keys[0] == 0 and not index.lost
    assert _numbers(tmp_path / name) == {i: i for i in range(NUM)}


def test_index__keeps_the_times_of_uneven_frames(tmp_path):
    times = [0, 40, 200, 260, 900, 1000]
    tiny_footage.write_film(tmp_path / "uneven.mkv", tiny_footage.numbered_pictures(6), times_ms=times)
    index = read_video_index(tmp_path / "uneven.mkv")
    assert [round(1000 * t) for t in index.times_s] == times


def test_decode_group__turns_frames_upright(tmp_path):
    tiny_footage.write_film(tmp_path / "phone.mp4", tiny_footage.numbered_pictures(3), turned_deg=90)
    index = read_video_index(tmp_path / "phone.mp4")
    _, image = next(decode_group(tmp_path / "phone.mp4", index, index.group(0)))
    assert image.shape == (64, 48, 3)
    assert image[:, :20].mean() > image[:, -20:].mean() + 40, "a turn of 90 degrees counter-clockwise: what was up is left"


def test_index__of_a_file_that_was_cut_off_has_the_frames_that_are_left(tmp_path):
    whole = tmp_path / "whole.mkv"
    tiny_footage.write_film(whole, [tiny_footage.seen(pose)[:120, :160] for pose in tiny_footage.walk(NUM)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    index = read_video_index(cut)
    assert 3 < len(index.pts) < NUM and "ends after" in index.lost and "of 1.8" in index.lost
    decoded = [frame for key in index.keys for frame, _ in decode_group(cut, index, index.group(key))]
    assert decoded == list(range(len(index.pts))), "each frame that is listed can be decoded"


@pytest.mark.parametrize(
    "make", [bad_files.text_jpeg, bad_files.zero_byte_jpeg, bad_files.missing_file, bad_files.folder_named_like_an_image]
)
def test_index__names_a_file_that_is_no_video(tmp_path, make):
    made = make(tmp_path)
    path = made.with_suffix(".mp4")
    if made.exists():
        made.rename(path)
    with pytest.raises(UserError) as caught:
        read_video_index(path)
    assert caught.value.subject == str(path)


def test_index__of_sound_alone(tmp_path):
    import av
    import numpy as np

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode()])
    with pytest.raises(UserError, match="holds no pictures, only sound"):
        read_video_index(path)


def test_index__without_the_extra_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"needs PyAV, which is not installed; pip install 'leadline\[video\]'"):
        read_video_index(bad_files.text_jpeg(tmp_path))


def test_samples__frames_are_the_same_alone_and_in_a_row(samples):
    import av
    import numpy as np

    path = samples / "video/davis_dolphins.mp4"
    index = read_video_index(path)
    assert (len(index.pts), index.lost) == (59, "")
    with av.open(str(path)) as container:
        row = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for frame, image in decode_group(path, index, index.group(30)):
        np.testing.assert_array_equal(image, row[frame])
