"""Protocols as data: kinds they allow, words they are explained with, names that are suggested."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest

from leadline.evaluation.explain import as_record, describe, explain
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import PROTOCOLS, check_kind, find_protocol
from leadline.types import DepthKind, KindError, UserError

METRIC, SCALE, AFFINE, INVERSE = DepthKind


def test_find_protocol__suggests_near_names() -> None:
    assert find_protocol("raw") is PROTOCOLS["raw"]
    with pytest.raises(UserError, match="did you mean kitti-eigen-monodepth2"):
        find_protocol("kitti-eigen")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("raw", {METRIC}),
        ("rendered", {METRIC}),
        ("nyu-eigen", {METRIC}),
        ("kitti-eigen-monodepth2", {METRIC, SCALE}),
        ("affine-disp-marigold", {METRIC, SCALE, INVERSE}),
    ],
)
def test_check_kind__a_stronger_kind_may_be_aligned_a_weaker_is_refused(name: str, kinds: set[DepthKind]) -> None:
    for kind in DepthKind:
        if kind in kinds:
            check_kind(PROTOCOLS[name], kind, subject="model")
        else:
            with pytest.raises(KindError, match=f"model: {kind.value} predictions cannot be scored under '{name}'"):
                check_kind(PROTOCOLS[name], kind, subject="model")


def test_check_kind__says_which_protocol_fits() -> None:
    with pytest.raises(KindError, match="use --protocol affine-disp-marigold"):
        check_kind(PROTOCOLS["raw"], INVERSE, subject="model")


def test_kinds__what_cannot_be_inverted_cannot_be_resized_inverted() -> None:
    lstsq = Protocol("x", "", "", align="lstsq")
    assert AFFINE in lstsq.kinds
    assert AFFINE not in replace(lstsq, upsample_what="inverse_depth").kinds
    assert INVERSE not in Protocol("x", "", "", align="lstsq_inverse", upsample_what="depth").kinds


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_explain__names_every_decision(protocol: Protocol) -> None:
    text = explain(protocol)
    assert all(words in text for words in (*protocol.unknown, *protocol.differs, protocol.refuses, f"[{protocol.provenance}]"))
    if protocol.scores == "pairs":
        assert "share of all pairs" in text
        return
    for word in (
        protocol.name,
        f"version {protocol.version}",
        *protocol.metrics,
        "resize",
        "alignment",
        "clamp",
        "valid pixels",
        "average",
    ):
        assert word in text
    assert set(describe(protocol)) >= {"resize", "alignment", "valid pixels", "clamp", "flip", "average"}
    json.dumps(as_record(protocol), allow_nan=False)


def test_explain__numbers_of_the_preset() -> None:
    words = describe(PROTOCOLS["kitti-eigen-monodepth2"])
    assert words["valid pixels"].startswith("0.001 < target < 80 m, inside crop 'garg'")
    assert words["images"].startswith("697")
    assert words["resize"].startswith("inverse depth, then inverted")
    assert "<=" in describe(Protocol("x", "", "", min_depth=1.0, max_depth=2.0, bounds="closed"))["valid pixels"]
    assert "5.4" in describe(Protocol("x", "", "", align="factor", align_factor=5.4))["alignment"]


def test_protocol__is_frozen_and_checks_itself() -> None:
    with pytest.raises(FrozenInstanceError):
        PROTOCOLS["raw"].max_depth = 80.0  # pyright: ignore[reportAttributeAccessIssue]
    for wrong in (
        {"metrics": ("abs_rel", "absrel")},
        {"crop": "kitti"},
        {"unanswered": "clamp"},
        {"min_valid": 0},
        {"reduce": "pixel_mean", "metrics": ("boundary_f1",)},
    ):
        with pytest.raises(ValueError, match="protocol x"):
            Protocol("x", "", "", **wrong)


def test_presets__are_what_the_published_code_does() -> None:
    kitti, nyu, disp = (PROTOCOLS[n] for n in ("kitti-eigen-monodepth2", "nyu-eigen", "affine-disp-marigold"))
    assert (kitti.crop, kitti.min_depth, kitti.max_depth, kitti.clamp, kitti.align) == ("garg", 1e-3, 80, (1e-3, 80), "median")
    assert (nyu.crop, nyu.min_depth, nyu.max_depth, nyu.resize, nyu.tta) == ("nyu_eigen", 1e-3, 10, "bilinear_align_corners", "flip_mean")
    assert (disp.align, disp.inverse_floor, disp.clamp) == ("lstsq_inverse", 1e-3, (1e-6, math.inf))
    closed = {name for name, p in PROTOCOLS.items() if p.bounds == "closed"}
    assert closed == {"kitti-dav2-metric", "booster-tom", "booster-tom-median", "booster-intrinsic"}
