"""Protocols of ETH3D, DIODE and other sets that zero-shot tables list: wide ranges, indoors and outdoors."""

import math
from dataclasses import replace
from typing import Any

from leadline.evaluation.presets.indoor import BRIGES_INVERSE
from leadline.evaluation.presets.rows import marigold_rows, metric3d_rows, unidepth_rows
from leadline.evaluation.protocol import Protocol

_UNIDEPTH = ("delta1", "delta2", "delta3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog:unbiased100", "tau", "d_auc")
_OWN_SIZE = "the size that the model's own pipeline chooses; it saves at the size of the input"
_KB_GARG: dict[str, Any] = {"crop": "garg", "crop_any_size": False, "input_crop": "kb"}
_ETH3D: dict[str, Any] = {
    "gt": "raw float32 of 4032x6048, infinity unknown",
    "split": "ETH3D, 454 images",
    "num_images": 454,
    "min_depth": 1e-5,
    "max_depth": math.inf,
    "align_max_side": 1024,
    "clamp": (1e-5, math.inf),
}
_DIODE: dict[str, Any] = {
    "gt": ".npy with a mask file; the mask alone decides, the range does not",
    "split": "DIODE validation, 325 indoor and 446 outdoor images",
    "num_images": 771,
    "extra_mask": "usable",
    "clamp": (0.6, 350.0),
}
_DIODE_UNIDEPTH = Protocol(
    name="diode-unidepth",
    summary="DIODE validation, metres as predicted",
    source="UniDepth (arXiv 2403.18913), datasets/diode.py",
    provenance="peer's code",
    gt=".npy",
    split="DIODE validation, 325 indoor and 446 outdoor images",
    num_images=771,
    upsample_what="depth",
    min_depth=0.6,
    max_depth=80.0,
    clamp=(0.6, 80.0),
    metrics=_UNIDEPTH,
)
_DIODE_ZOE = Protocol(
    name="diode-zoe-indoor",
    summary="DIODE indoor validation, NYU's rectangle on 768x1024, metres as predicted, flip mean",
    source="ZoeDepth (arXiv 2302.12288), evaluate.py",
    provenance="peer's code",
    gt=".npy; the mask file is loaded and not used",
    split="DIODE validation, indoor",
    num_images=325,
    input_rule="resized to a short side of 480 px",
    upsample_what="depth",
    resize="bilinear_align_corners",
    crop="nyu_eigen",
    crop_any_size=True,
    min_depth=1e-3,
    max_depth=10.0,
    unanswered="clamp",
    clamp=(1e-3, 10.0),
    tta="flip_mean",
)
_ZOE_OTHER = Protocol(
    name="ibims-zoe",
    summary="iBims-1, NYU's rectangle, metres as predicted, flip mean",
    source="ZoeDepth (arXiv 2302.12288), utils/config.py",
    provenance="peer's code",
    unknown=("the number of images of its list",),
    upsample_what="depth",
    resize="bilinear_align_corners",
    crop="nyu_eigen",
    crop_any_size=True,
    max_depth=10.0,
    unanswered="clamp",
    clamp=(1e-3, 10.0),
    tta="flip_mean",
)


def _zoe(name: str, what: str, near: float, far: float, **other: Any) -> Protocol:
    return replace(
        _ZOE_OTHER,
        name=f"{name}-zoe",
        summary=f"{what}, metres as predicted, flip mean",
        min_depth=near,
        max_depth=far,
        clamp=(max(near, 1e-3), far),
        **other,
    )


def _slowtv(name: str, what: str, far: float) -> Protocol:
    return Protocol(
        name=f"{name}-slowtv",
        summary=f"{what}, scale and shift of inverse depth",
        source="slowtv_monodepth (arXiv 2307.10713), core/evaluator.py",
        provenance="peer's code",
        unknown=("the number of images of its list",),
        differs=("an aligned inverse depth below zero is far; slowtv_monodepth makes it the nearest depth",),
        upsample_what="inverse_depth",
        min_depth=1e-3,
        max_depth=far,
        align="lstsq_inverse",
        inverse_floor=1e-6,
        clamp=(1e-3, far),
        metrics=("mae", "rmse", "abs_rel", "sq_rel:squared", "irmse", "rmse_log", "silog", "delta1", "delta2", "delta3"),
        as_printed="abs_rel and sq_rel in %, rmse_log times 100, irmse in 1/km, deltas in %",
    )


WIDE: tuple[Protocol, ...] = (
    *marigold_rows(
        Protocol(
            name="eth3d-marigold",
            summary="ETH3D, scale and shift of depth fitted on small maps",
            source="Marigold (arXiv 2312.02145), script/depth/evaluate.py",
            provenance="peer's code",
            **_ETH3D,
            input_rule=_OWN_SIZE,
            align="lstsq",
        )
    ),
    Protocol(
        name="eth3d-briges",
        summary="ETH3D, scale and shift of inverse depth fitted on small maps, flip mean",
        **_ETH3D,
        **BRIGES_INVERSE,
        input_size=(518, 770),
    ),
    *(
        row
        for name, near, far in (("eth3d-unidepth", 0.01, 50.0), ("eth3d-unidepth-sequence", 0.05, 60.0))
        for row in unidepth_rows(
            Protocol(
                name=name,
                summary="ETH3D, its training list, metres as predicted",
                source="UniDepth (arXiv 2403.18913), datasets/eth3d.py",
                provenance="peer's code",
                unknown=("the number of images of its list",),
                upsample_what="depth",
                min_depth=near,
                max_depth=far,
                clamp=(near, far),
                metrics=_UNIDEPTH,
            )
        )
    ),
    *metric3d_rows(
        Protocol(
            name="eth3d-metric3d",
            summary="ETH3D, targets beyond 100 m dropped, one K for all, metres as predicted",
            source="Metric3D (arXiv 2307.10984), datasets/eth3d_dataset.py",
            provenance="peer's code",
            unknown=("the number of images of its list",),
            differs=("predictions outside (0, 300) m are left out and counted; Metric3D makes them 0",),
            input_camera=(2000.0, 2000.0, 3024.0, 2016.0),
            upsample_what="depth",
            min_depth=1e-8,
            max_depth=100.0,
            bounds="closed_above",
            answer_range=(0.0, 300.0),
            unanswered="exclude",
            metrics=("abs_rel", "sq_rel", "rmse", "rmse_log:log10", "log10", "silog:log10", "delta1", "delta2", "delta3"),
        )
    ),
    *marigold_rows(
        Protocol(
            name="diode-marigold",
            summary="DIODE validation inside its mask, scale and shift of depth",
            source="Marigold (arXiv 2312.02145), script/depth/evaluate.py",
            provenance="peer's code",
            **_DIODE,
            input_rule=_OWN_SIZE,
            align="lstsq",
        )
    ),
    Protocol(
        name="diode-briges",
        summary="DIODE validation inside its mask, scale and shift of inverse depth, flip mean",
        **_DIODE,
        **BRIGES_INVERSE,
        input_size=(518, 686),
    ),
    _DIODE_ZOE,
    replace(
        _DIODE_ZOE,
        name="diode-zoe-outdoor",
        summary="DIODE outdoor validation, Garg's fractions, metres as predicted, flip mean",
        split="DIODE validation, outdoor",
        num_images=446,
        crop="garg",
        max_depth=80.0,
        clamp=(1e-3, 80.0),
    ),
    *unidepth_rows(_DIODE_UNIDEPTH),
    *unidepth_rows(
        replace(
            _DIODE_UNIDEPTH,
            name="diode-unidepth-indoor",
            summary="DIODE indoor validation, metres as predicted",
            split="DIODE validation, indoor",
            num_images=325,
            min_depth=0.01,
            max_depth=25.0,
            clamp=(0.01, 25.0),
        )
    ),
    *unidepth_rows(
        replace(
            _DIODE_UNIDEPTH,
            name="diode-unidepth-outdoor",
            summary="DIODE outdoor validation, metres as predicted",
            split="DIODE validation, outdoor",
            num_images=446,
            min_depth=0.1,
            clamp=(0.1, 80.0),
        )
    ),
    replace(_slowtv("diode", "DIODE validation", 150.0), num_images=771, unknown=(), split="DIODE validation, indoor and outdoor"),
    *(
        _slowtv(name, what, 100.0)
        for name, what in (("syns", "SYNS-Patches"), ("sintel", "Sintel"), ("tum", "TUM-RGBD"), ("mannequin", "Mannequin Challenge"))
    ),
    _ZOE_OTHER,
    _zoe("sunrgbd", "SUN RGB-D, NYU's rectangle", 0.0, 8.0),
    _zoe("diml-indoor", "DIML indoor, NYU's rectangle", 0.0, 10.0),
    _zoe("diml-outdoor", "DIML outdoor, Garg's fractions", 2.0, 80.0, crop="garg"),
    _zoe("hypersim", "Hypersim test, NYU's rectangle", 1e-3, 80.0),
    _zoe("vkitti", "Virtual KITTI after the KITTI benchmark crop, Garg crop", 1e-3, 80.0, **_KB_GARG),
    _zoe("vkitti2", "Virtual KITTI 2 after the KITTI benchmark crop, Garg crop", 1e-3, 80.0, **_KB_GARG),
)
