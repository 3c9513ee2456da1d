"""Protocols of NYUv2 and ScanNet: indoor cameras up to 10 m."""

from dataclasses import replace
from typing import Any

from leadline.evaluation.presets.rows import marigold_rows, metric3d_rows, unidepth_rows, vidar_rows
from leadline.evaluation.protocol import STANDARD_METRICS, Protocol

NYU_TEST: dict[str, Any] = {"gt": "16-bit PNG / 1000", "split": "NYUv2 test", "num_images": 654}
_NYU_10: dict[str, Any] = {"crop": "nyu_eigen", "min_depth": 1e-3, "max_depth": 10.0, "clamp": (1e-3, 10.0)}

_NYU_EIGEN = Protocol(
    name="nyu-eigen",
    summary="NYUv2 test, Eigen crop, metres as predicted",
    source="ZoeDepth (arXiv 2302.12288) and Depth Anything V1 metric",
    provenance="peer's code",
    **NYU_TEST,
    **_NYU_10,
    upsample_what="depth",
    resize="bilinear_align_corners",
    unanswered="clamp",
    tta="flip_mean",
)
_NYU_ULTRALYTICS = Protocol(
    name="nyu-ultralytics",
    summary="NYUv2 test, single scale, median scaling",
    source="Ultralytics YOLO26-Depth after pull request #25648",
    provenance="third-party summary",
    unknown=("resize, crop and range; leadline's defaults", "whether the median is the lower one"),
    **NYU_TEST,
    align="median",
    clamp=(1e-3, 10.0),
)
BRIGES_INVERSE: dict[str, Any] = {
    "align": "lstsq_inverse",
    "align_positive_only": True,
    "inverse_floor": 1e-3,
    "metrics": (*STANDARD_METRICS, "irmse"),
    "tta": "flip_mean",
    "source": "BriGeS (arXiv 2505.23400), evaluation scripts",
    "provenance": "authors' code",
}
_SCANNET_800: dict[str, Any] = {"gt": "16-bit PNG / 1000", "split": "800 sampled validation images (Marigold's list)", "num_images": 800}

INDOOR: tuple[Protocol, ...] = (
    _NYU_EIGEN,
    replace(
        _NYU_EIGEN,
        name="nyu-toolbox",
        source="Monocular-Depth-Estimation-Toolbox, depth/datasets/nyu.py",
        unanswered="error",
        too_few="skip",
        differs=("a silog that rounding would make NaN is 0 by its formula; the toolbox writes 0 over NaN",),
    ),
    *unidepth_rows(
        Protocol(
            name="nyu-unidepth",
            summary="NYUv2 test, Eigen crop, metres as predicted",
            source="UniDepth (arXiv 2403.18913), datasets/nyu.py",
            provenance="peer's code",
            **NYU_TEST,
            upsample_what="depth",
            crop="nyu_eigen",
            min_depth=0.005,
            max_depth=10.0,
            clamp=(0.005, 10.0),
            metrics=("delta1", "delta2", "delta3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog:unbiased100", "tau", "d_auc"),
        )
    ),
    *vidar_rows(
        Protocol(
            name="nyu-vidar",
            summary="NYUv2, Eigen crop (bts_nyu), metres as predicted",
            source="vidar, evaluation of depth with crop bts_nyu",
            provenance="peer's code",
            unknown=("the list and its length are the configuration's", "the fewest valid pixels are the configuration's; 1 here"),
            gt="16-bit PNG / 1000",
            upsample_what="depth",
            crop="nyu_eigen",
            min_depth=0.1,
            max_depth=10.0,
            clamp=(0.1, 10.0),
            too_few="skip",
        )
    ),
    *marigold_rows(
        Protocol(
            name="nyu-marigold",
            summary="NYUv2 test, Eigen crop, scale and shift of depth",
            source="Marigold (arXiv 2312.02145), script/depth/evaluate.py",
            provenance="peer's code",
            gt="raw depth, 16-bit PNG / 1000 (the filled depth is loaded, the raw is scored)",
            split="NYUv2 test",
            num_images=654,
            input_rule="the size that the model's own pipeline chooses; it saves at the size of the input",
            align="lstsq",
            **_NYU_10,
        )
    ),
    Protocol(
        name="nyu-briges",
        summary="NYUv2 test, Eigen crop, scale and shift of inverse depth, flip mean",
        **NYU_TEST,
        **_NYU_10,
        **BRIGES_INVERSE,
        input_size=(518, 686),
    ),
    Protocol(
        name="nyu-slowtv",
        summary="NYUv2, Eigen crop, scale and shift of inverse depth",
        source="slowtv_monodepth (arXiv 2307.10713), core/evaluator.py",
        provenance="peer's code",
        differs=(
            "the NYU rectangle, which the code meant; its two crops are exchanged, so the published switch asks for Garg's",
            "an aligned inverse depth below zero is far; slowtv_monodepth makes it the nearest depth",
        ),
        **NYU_TEST,
        upsample_what="inverse_depth",
        crop="nyu_eigen",
        min_depth=1e-3,
        max_depth=100.0,
        align="lstsq_inverse",
        inverse_floor=1e-6,
        clamp=(1e-3, 100.0),
        metrics=("mae", "rmse", "abs_rel", "sq_rel:squared", "irmse", "rmse_log", "silog", "delta1", "delta2", "delta3"),
        as_printed="abs_rel and sq_rel in %, rmse_log times 100, irmse in 1/km, deltas in %",
    ),
    *metric3d_rows(
        Protocol(
            name="nyu-metric3d",
            summary="NYUv2, border of the image blanked, no crop, metres as predicted",
            source="Metric3D (arXiv 2307.10984), datasets/nyu_dataset.py",
            provenance="peer's code",
            unknown=("the colour of the blanked border; black here", "the number of images of its list"),
            differs=("predictions outside (0, 300) m are left out and counted; Metric3D makes them 0",),
            gt="16-bit PNG / 1000",
            blank_border=6,
            upsample_what="depth",
            min_depth=1e-8,
            answer_range=(0.0, 300.0),
            unanswered="exclude",
            metrics=("abs_rel", "sq_rel", "rmse", "rmse_log:log10", "log10", "silog:log10", "delta1", "delta2", "delta3"),
        )
    ),
    _NYU_ULTRALYTICS,
    replace(
        _NYU_ULTRALYTICS,
        name="nyu-ultralytics-pooled",
        summary="NYUv2 test, single scale, median scaling, pixels pooled",
        source="Ultralytics YOLO26-Depth before pull request #25648",
        reduce="pixel_mean",
    ),
    replace(
        _NYU_ULTRALYTICS,
        name="nyu-ultralytics-tta",
        summary="NYUv2 test, flip mean, exponent and factor of depth fitted",
        unknown=(*_NYU_ULTRALYTICS.unknown, "the scales of its multi-scale averaging; one scale here"),
        align="lstsq_log",
        tta="flip_mean",
    ),
    *marigold_rows(
        Protocol(
            name="scannet-marigold",
            summary="ScanNet, 800 validation images, scale and shift of depth",
            source="Marigold (arXiv 2312.02145), script/depth/evaluate.py",
            provenance="peer's code",
            **_SCANNET_800,
            input_rule="the size that the model's own pipeline chooses; it saves at the size of the input",
            min_depth=1e-3,
            max_depth=10.0,
            align="lstsq",
            clamp=(1e-3, 10.0),
        )
    ),
    Protocol(
        name="scannet-briges",
        summary="ScanNet, 800 validation images, scale and shift of inverse depth, flip mean",
        **_SCANNET_800,
        **BRIGES_INVERSE,
        input_size=(518, 686),
        min_depth=1e-3,
        max_depth=10.0,
        clamp=(1e-3, 10.0),
    ),
    Protocol(
        name="scannet-vidar",
        summary="ScanNet, lower median",
        source="vidar, evaluation of depth",
        provenance="peer's code",
        unknown=("the list and its length",),
        gt="16-bit PNG / 1000",
        upsample_what="depth",
        min_depth=0.1,
        max_depth=10.0,
        align="median_lower",
        clamp=(0.1, 10.0),
        too_few="skip",
    ),
    *unidepth_rows(
        Protocol(
            name="scannet-unidepth",
            summary="ScanNet, sequences of the test list, metres as predicted",
            source="UniDepth (arXiv 2403.18913), datasets/scannet.py",
            provenance="peer's code",
            unknown=("the number of images of its list",),
            gt="16-bit PNG / 1000",
            upsample_what="depth",
            min_depth=0.005,
            max_depth=10.0,
            clamp=(0.005, 10.0),
            metrics=("delta1", "delta2", "delta3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog:unbiased100", "tau", "d_auc"),
        )
    ),
)
