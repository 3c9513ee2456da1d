"""Depth files: what is written is read back, with what is known about it, and nothing is guessed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from leadline.io.depth import SUFFIXES, DepthFile, read_depth, write_depth
from leadline.io.jsonfile import read_json, write_json
from leadline.types import DepthKind, ScaleSource, UserError
from tests.fixtures.bad_files import small_disk

K = np.array([[500.0, 0.0, 3.25], [0.0, 510.0, 2.5], [0.0, 0.0, 1.0]])
POSITIVE = (DepthKind.METRIC, DepthKind.SCALE_INVARIANT)


@st.composite
def depth_files(draw: st.DrawFn) -> DepthFile:
    kind = draw(st.sampled_from(DepthKind))
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=6))
    low = 0.0078125 if kind in POSITIVE else -200.0
    values = draw(arrays(np.float32, shape, elements=st.floats(low, 250, width=32)))
    return DepthFile(
        values=values,
        valid=draw(arrays(bool, shape)),
        kind=kind,
        K=draw(st.sampled_from([None, K])),
        model=draw(st.sampled_from(["unknown", "hub/a model, größer"])),
        scale_source=draw(st.sampled_from(ScaleSource)),
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(depth_file=depth_files(), quick=st.booleans())
def test_read_depth__brings_back_what_was_written(tmp_path: Path, suffix: str, depth_file: DepthFile, quick: bool) -> None:
    path = tmp_path / f"map{suffix}"
    write_depth(path, depth_file, quick=quick)
    again = read_depth(path)
    assert (again.kind, again.model, again.scale_source) == (depth_file.kind, depth_file.model, depth_file.scale_source)
    assert (again.K is None) == (depth_file.K is None)
    assert again.K is None or np.array_equal(again.K, K)
    assert np.array_equal(again.usable, depth_file.usable)
    assert again.values.dtype == np.float32
    np.testing.assert_allclose(again.values, depth_file.values, rtol=1e-6, atol=_tolerance(suffix, depth_file))


def _tolerance(suffix: str, depth_file: DepthFile) -> float:
    """Half a step of the 16 bits, and nothing for formats that store float32."""
    inside = depth_file.values[depth_file.usable]
    if suffix != ".png" or not inside.size:
        return 0.0
    return 0.5 / 256 if depth_file.kind is DepthKind.METRIC else 0.5001 * float(np.ptp(inside)) / 65534 + 1e-6


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_write_depth__same_bytes_twice(tmp_path: Path, suffix: str) -> None:
    depth_file = DepthFile(np.linspace(1, 9, 12, dtype=np.float32).reshape(3, 4), K=K)
    for name in ("a", "b"):
        write_depth(tmp_path / f"{name}{suffix}", depth_file)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_write_depth__all_invalid_is_read_and_flagged(tmp_path: Path, suffix: str) -> None:
    write_depth(tmp_path / f"a{suffix}", DepthFile(np.zeros((3, 4), dtype=np.float32)))
    assert not read_depth(tmp_path / f"a{suffix}").usable.any()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_write_depth__full_disk_keeps_the_older_file(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    small = DepthFile(np.ones((4, 5), dtype=np.float32))
    large = DepthFile(np.random.default_rng(0).uniform(1, 80, (100, 200)))
    with small_disk(tmp_path, kilobytes=24) as disk:
        write_depth(disk / f"a{suffix}", small)
        with pytest.raises(UserError, match=r"cannot be written \(no space left on device\)"):
            write_depth(disk / f"a{suffix}", large)
        assert np.array_equal(read_depth(disk / f"a{suffix}").values, small.values)
        assert not list(disk.glob(".leadline*"))
    assert capfd.readouterr() == ("", "")


def test_write_depth__sidecar_says_what_is_known(tmp_path: Path) -> None:
    write_depth(tmp_path / "a.png", DepthFile(np.full((3, 4), 2.0), K=K, model="m", scale_source=ScaleSource.FOCAL), png_scale=1000)
    assert read_json(tmp_path / "a.json") == {
        "kind": "metric",
        "unit": "m",
        "K": K.tolist(),
        "model": "m",
        "scale_source": "focal",
        "scale": 1000.0,
        "offset": 0.0,
    }


def test_write_depth__sidecar_keeps_what_others_wrote(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"image": "a.jpg", "kind": "metric"})
    write_depth(tmp_path / "a.npy", DepthFile(np.ones((2, 2)), kind=DepthKind.SCALE_INVARIANT))
    assert read_json(tmp_path / "a.json")["image"] == "a.jpg"
    assert read_depth(tmp_path / "a.npy").kind is DepthKind.SCALE_INVARIANT


def test_write_depth__sidecar_in_the_way(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", [1, 2])
    with pytest.raises(UserError, match=r"a\.json: is in the way"):
        write_depth(tmp_path / "a.npy", DepthFile(np.ones((2, 2))))


def test_write_depth__without_sidecar(tmp_path: Path) -> None:
    write_depth(tmp_path / "a.png", DepthFile(np.ones((2, 2))), png_scale=1000, sidecar=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (read_depth(tmp_path / "a.png").values == 1).all()


def test_write_depth__png_is_metres_times_256(tmp_path: Path) -> None:
    from PIL import Image

    write_depth(tmp_path / "a.png", DepthFile(np.array([[1.0, 0.001, np.nan, 255.99]])))
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "I;16"
        # Depth below half a step is still depth; only what is invalid is 0.
        assert np.asarray(image).tolist() == [[256, 1, 0, 65533]]


def test_write_depth__beyond_16_bits_names_the_scale_that_fits(tmp_path: Path) -> None:
    far = DepthFile(np.array([[1.0, 300.0]]))
    with pytest.raises(UserError, match=r"a\.png: depth of 300 m times 256 does not fit into 16 bits; choose a PNG scale of 210 or less"):
        write_depth(tmp_path / "a.png", far)
    assert not list(tmp_path.iterdir())
    write_depth(tmp_path / "a.png", far, png_scale=210)
    np.testing.assert_allclose(read_depth(tmp_path / "a.png").values, far.values, atol=0.5 / 210)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_write_depth__scale_that_is_none(tmp_path: Path, scale: float) -> None:
    with pytest.raises(UserError, match="is not one"):
        write_depth(tmp_path / "a.png", DepthFile(np.ones((2, 2))), png_scale=scale)


def test_write_depth__unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'\.mat' is not a depth format; use one of \.png"):
        write_depth(tmp_path / "a.mat", DepthFile(np.ones((2, 2))))


def test_depth_file__what_cannot_be_depth_is_invalid() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, -1, 0, 2, 1e300]])
    metric = DepthFile(values)
    assert metric.usable.tolist() == [[False] * 5 + [True, False]]
    assert metric.values.tolist() == [[0, 0, 0, 0, 0, 2, 0]]
    relative = DepthFile(values, kind=DepthKind.AFFINE_INVARIANT)
    assert relative.usable.tolist() == [[False] * 3 + [True] * 3 + [False]]


@pytest.mark.parametrize("values", [np.ones(3), np.ones((2, 3, 3)), np.ones((0, 4))])
def test_depth_file__refuses_what_is_no_map(values: np.ndarray) -> None:
    with pytest.raises(UserError, match="give one depth map"):
        DepthFile(values)


def test_depth_file__refuses_parts_that_do_not_fit() -> None:
    with pytest.raises(UserError, match=r"valid has shape \(2, 3\)"):
        DepthFile(np.ones((2, 2)), valid=np.ones((2, 3), dtype=bool))
    with pytest.raises(UserError, match="focal lengths 0, 1"):
        DepthFile(np.ones((2, 2)), K=np.diag([0.0, 1.0, 1.0]))
    with pytest.raises(UserError, match=r"K has shape \(2, 2\)"):
        DepthFile(np.ones((2, 2)), K=np.eye(2))
