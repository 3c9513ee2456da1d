"""The only door to a method: names, configurations, what JSON may say."""

import subprocess
import sys

import pytest

from leadline.methods.catalog import build_method, default_config, method_name, method_names, parse_config
from leadline.methods.supervised.config import SupervisedConfig
from leadline.types import DepthKind, UserError


def test_catalog__costs_no_torch() -> None:
    code = "import sys, leadline.methods.catalog as c; c.default_config('supervised'); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_default_config__belongs_to_its_name() -> None:
    assert [method_name(default_config(name)) for name in method_names()] == list(method_names())


def test_default_config__unknown_method_suggests_near_ones() -> None:
    with pytest.raises(UserError, match="supervise: is not a method; choose supervised"):
        default_config("supervise")


def test_parse_config__from_json() -> None:
    config = parse_config("supervised", {"kind": "affine_invariant", "max_depth_m": 10, "canonical_focal": None})
    assert config == SupervisedConfig(kind=DepthKind.AFFINE_INVARIANT, max_depth_m=10.0, canonical_focal=None)
    assert isinstance(config.max_depth_m, float)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"encodr": "resnet18"}, "has no option encodr; did you mean encoder"),
        ({"kind": "metres"}, "option kind: is 'metres'; choose from metric"),
        ({"decoder": "unnet"}, "option decoder: is 'unnet'; choose from unet, dpt"),
        ({"max_depth_m": "far"}, "option max_depth_m: is 'far'; give a value of type float"),
        ({"encoder": 18}, "option encoder: is 18; give a value of type str"),
    ],
)
def test_parse_config__wrong_options(options: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=line):
        parse_config("supervised", options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"min_depth_m": 5.0, "max_depth_m": 1.0}, "depth range 5.0 to 1.0 m"),
        ({"target": "inverse_depth"}, "a metric network cannot learn from relative inverse depth"),
        ({"encoder": "dinov2-tiny"}, "use decoder dpt"),
        ({"encoder": "vgg16"}, "is not an encoder"),
    ],
)
def test_build_method__options_that_cannot_be_met(options: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=line):
        build_method("supervised", options)
