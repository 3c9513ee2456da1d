"""What an exported file says about itself: it survives the way through JSON, and what is newer or broken is refused."""

import json
from typing import Any

import pytest

from leadline.io.exported import Exported
from leadline.types import DepthKind, UserError

FULL = Exported(
    model="surround-r18",
    kind=DepthKind.METRIC,
    licence="Apache-2.0",
    fingerprint="0123456789abcdef",
    leadline_version="0.1.0",
    height=384,
    width=640,
    size_multiple=32,
    dynamic=("batch", "size"),
    views=6,
    needs_camera=True,
    preprocess="inside",
    fit="letterbox",
    sizing="nearest",
    max_pixels=1_000_000,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    resample="bicubic",
    precision="int8",
    max_depth_m=80.0,
    outputs=("values", "valid"),
)


@pytest.mark.parametrize("about", [FULL, Exported(model="small", kind=DepthKind.AFFINE_INVARIANT_INVERSE, height=64, width=96)])
def test_exported__survives_json(about: Exported) -> None:
    text = about.as_json()
    assert text.isascii()
    assert Exported.from_json(text, subject="net.onnx") == about


def test_exported__a_fixed_size_is_one_that_is_not_dynamic() -> None:
    assert not FULL.is_fixed
    assert Exported(model="m", kind=DepthKind.METRIC, height=64, width=96, dynamic=("batch",)).is_fixed


def test_from_json__newer_is_refused_and_says_so() -> None:
    newer = json.loads(FULL.as_json()) | {"format": 2}
    with pytest.raises(UserError, match=r"net\.onnx: was exported by a newer leadline \(format 2\); update leadline"):
        Exported.from_json(json.dumps(newer), subject="net.onnx")


def test_from_json__entries_of_later_versions_are_left_aside() -> None:
    later = json.loads(FULL.as_json()) | {"colour_of_the_sky": "blue"}
    assert Exported.from_json(json.dumps(later), subject="net.onnx") == FULL


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": None}, "format"),
        ({"format": "1"}, "format"),
        ({"kind": "inches"}, "inches"),
        ({"height": 0}, "height is 0"),
        ({"width": "640"}, "width is '640'"),
        ({"views": True}, "views is True"),
        ({"dynamic": ["time"]}, "dynamic is 'time'"),
        ({"dynamic": "batch"}, "dynamic is 'batch'"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"mean": [None, 0, 0]}, "mean is None"),
        ({"max_pixels": -1}, "max_pixels is -1"),
    ],
)
def test_from_json__broken_entries_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=r"net\.xml: what leadline wrote into it is broken") as caught:
        Exported.from_json(json.dumps(json.loads(FULL.as_json()) | change), subject="net.xml")
    assert named in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"format": 1}'])
def test_from_json__what_is_no_such_object_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="export it again"):
        Exported.from_json(text, subject="net.pt2")
