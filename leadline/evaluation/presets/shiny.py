"""Protocols of reflective and transparent scenes, and of point pairs: what `intrinsic` and `briges` are judged on."""

from dataclasses import replace
from typing import Any

from leadline.evaluation.protocol import EIGEN_METRICS, Protocol

_PAPER: dict[str, Any] = {"source": "paper (arXiv 2503.22209), section on evaluation", "provenance": "paper"}
_REFLECTION = Protocol(
    name="scannet-reflection",
    summary="ScanNet-Reflection test, metres as predicted",
    **_PAPER,
    unknown=(
        "the resize of the prediction; bilinear here",
        "the cap: the paper names depth bounds, 10 m here",
        "whether limits count; the far one here",
        "clamping of the prediction; to the bounds here",
    ),
    gt="16-bit PNG / 1000",
    split="ScanNet-Reflection test, 121 triplets' reference images",
    num_images=121,
    min_depth=0.1,
    max_depth=10.0,
    bounds="closed_above",
    clamp=(0.1, 10.0),
    metrics=EIGEN_METRICS,
)
_BOOSTER = Protocol(
    name="booster-tom",
    summary="Booster training split at a quarter of its size, scale and shift of inverse depth, by material class",
    source="Depth4ToM (arXiv 2307.15052), evaluate_mono.py",
    provenance="peer's code",
    differs=(
        "an aligned inverse depth below zero is far, 10 m; Depth4ToM makes it the nearest depth, 1 mm",
        "fitted in 1/m instead of pixels of disparity, one factor per image, which the fit takes up",
    ),
    gt="disparity and mask_cat.png at x0.25 (nearest), depth = baseline * fx / disparity",
    split="Booster training split, 38 scenes",
    num_images=228,
    target_every=4,
    upsample_what="inverse_depth",
    min_depth=1e-3,
    max_depth=10.0,
    bounds="closed",
    align="lstsq_inverse",
    inverse_floor=1e-6,
    clamp=(1e-3, 10.0),
    metrics=("delta1", "delta:1.20", "delta:1.15", "delta:1.10", "delta:1.05", "mae", "abs_rel", "rmse"),
    as_printed="deltas in %, mae and rmse in mm",
    class_layer="classes",
    classes=(("tom", (2, 3)), ("other", (0, 1))),
)

SHINY: tuple[Protocol, ...] = (
    _REFLECTION,
    replace(
        _REFLECTION,
        name="scannet-reflection-val",
        summary="ScanNet-Reflection validation, metres as predicted",
        split="ScanNet-Reflection validation, 439 triplets' reference images",
        num_images=439,
    ),
    replace(
        _REFLECTION,
        name="scannet-noreflection",
        summary="ScanNet-NoReflection validation, metres as predicted",
        unknown=(*_REFLECTION.unknown, "the number of images"),
        split="ScanNet-NoReflection validation",
        num_images=None,
    ),
    replace(
        _REFLECTION,
        name="7scenes-intrinsic",
        summary="7-Scenes, every tenth frame of the test sequences, metres as predicted",
        unknown=("the range; 0.1 to 10 m here", *_REFLECTION.unknown[:1], *_REFLECTION.unknown[2:]),
        gt="depth in mm, 65535 unknown",
        split="7-Scenes, every tenth frame of the test sequences of Long et al. 2021",
        num_images=1700,
    ),
    _BOOSTER,
    replace(
        _BOOSTER,
        name="booster-tom-median",
        summary="Booster training split at a quarter of its size, median scale and shift of inverse depth, by material class",
        unknown=("what its median scale is; the mean absolute deviation from the median, as MiDaS, here",),
        align="median_shift_inverse",
    ),
    Protocol(
        name="booster-intrinsic",
        summary="Booster training split at a quarter of its size, metres as predicted; not comparable with booster-tom",
        **_PAPER,
        unknown=(
            "the size of the target; a quarter here",
            "the size of the network's input; 288x384 here",
            "range and clamping; 1 mm to 10 m here",
        ),
        gt="disparity at x0.25 (nearest), depth = baseline * fx / disparity",
        split="Booster training split, 38 scenes",
        num_images=228,
        target_every=4,
        input_size=(288, 384),
        min_depth=1e-3,
        max_depth=10.0,
        bounds="closed",
        clamp=(1e-3, 10.0),
        metrics=EIGEN_METRICS,
    ),
    Protocol(
        name="da2k",
        summary="DA-2K: share of all pairs of points whose order is right, and by type of scene",
        source="Depth Anything V2 (arXiv 2406.09414), section on DA-2K",
        provenance="paper",
        scores="pairs",
        unknown=("the size of the network's input; the network's own here, height 518 and width to a multiple of 14 in BriGeS' script",),
        gt="annotations.json: pairs of points (row, column) of which one is closer",
        metrics=(),
    ),
)
